"""Compiled ruin and recreate of paths: removal of strings and neighbourhoods, forced insertion, greedy refilling.

References
----------
Schrimpf, Schneider, Stamm-Wilbrandt, Dueck (2000), Record breaking optimization results using the ruin and recreate
principle, doi:10.1006/jcph.1999.6413; the string removal follows Christiaens and Vanden Berghe (2020),
doi:10.1287/trsc.2019.0914, section 5.1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.kernels import RandomState, kernel, random_below, random_float
from redwood.polling import Chunks
from redwood.problems.orienteering.local_kernels import Draft, Ground, between, cheapest_place, insert, measure, remove

_RUIN_SHARE = 0.3
_RUIN_MOST = 16
_ADJACENT_SHARE = 0.35
_NOISE = 0.4
_EXPONENT_LEAST, _EXPONENT_SPREAD = 0.4, 1.4
EVERYTHING = 300
"""Up to so many nodes, every unvisited node is tried in each iteration."""


class Offers(NamedTuple):
    """Nodes that may be inserted into a path.

    Attributes
    ----------
    nodes
        The nodes, in room [N].
    value
        What each node is worth, [N].
    added, behind
        The least lengthening by each node, [N], and the node to put it behind, [N], -1 where there is none.
    """

    nodes: Array
    value: Array
    added: Array
    behind: Array


def make_offers(size: int, value: Array) -> Offers:
    """Return room for offers of N nodes with their values [N]."""
    return Offers(np.zeros(size, np.int64), value, np.full(size, 1e300), np.full(size, -1, np.int64))


@kernel(_nrt=False)
def touch(draft: Draft, node: int, waiting: int) -> int:
    """Put a node on the stack unless it is there; return the height of the stack."""
    if draft.queued[node]:
        return waiting
    draft.queued[node] = True
    draft.stack[waiting] = node
    return waiting + 1


@kernel(_nrt=False)
def ruin(ground: Ground, draft: Draft, count: int, random: RandomState) -> tuple[int, int]:
    """Remove a string of the path or visited nodes near each other; return the entries left and the stack's height.

    The stack, empty before, gets the nodes beside what was removed.

    Parameters
    ----------
    ground
        The instance.
    draft, count
        The path, which changes, with an empty stack, and its entries.
    random
        The generator's state [2].
    """
    neighbours, path, pos = ground.neighbours, draft.path, draft.pos
    inner = count - 2
    if inner < 1:
        return count, 0
    most = max(1, min(_RUIN_MOST, int(_RUIN_SHARE * inner) + 1))
    many = 1 + random_below(random, most)
    at = 1 + random_below(random, inner)
    if random_float(random) >= _ADJACENT_SHARE:
        first = max(1, at - random_below(random, many))
        last = min(inner, first + many - 1)
        before, after = path[first - 1], path[last + 1]
        count = remove(draft, count, first, last)
        return count, touch(draft, after, touch(draft, before, 0))
    waiting = 0
    node = path[at]
    for k in range(-1, neighbours.shape[1]):
        other = node if k < 0 else int(neighbours[node, k])
        at = pos[other]
        if at < 1 or at > count - 2 or random_float(random) < 0.2:
            continue
        waiting = touch(draft, path[at - 1], waiting)
        waiting = touch(draft, path[at + 1], waiting)
        count = remove(draft, count, at, at)
        many -= 1
        if many == 0:
            break
    return count, waiting


@kernel(_nrt=False)
def force(ground: Ground, draft: Draft, count: int, random: RandomState) -> tuple[int, int]:
    """Insert an unvisited node near the path, then drop the others that pay least for their way until the length fits.

    Returns the entries and the height of the stack, which is empty before and gets the nodes beside what was changed.

    Parameters
    ----------
    ground
        The instance.
    draft, count
        The path, which changes, with an empty stack, and its entries.
    random
        The generator's state [2].
    """
    neighbours, prizes, limit, path, pos = ground.neighbours, ground.prizes, ground.limit, draft.path, draft.pos
    node = path[random_below(random, count)]
    seen = 0
    for k in range(neighbours.shape[1]):
        other = int(neighbours[node, k])
        if pos[other] < 0 and prizes[other] > 0.0:
            seen += 1
            if random_below(random, seen) == 0:  # one of the unvisited neighbours, each as likely
                node = other
            if seen == 12:
                break
    if pos[node] >= 0:
        return count, 0
    _, where = cheapest_place(ground, draft, count, node)
    if where < 0:
        return count, 0
    count = insert(draft, count, where, node)
    waiting = touch(draft, path[where], touch(draft, path[where + 2], touch(draft, node, 0)))
    length = measure(ground, path, count)
    while length > limit:  # each round removes a node, or ends
        poorest, least = -1, 1e300
        saving = 0.0
        for at in range(1, count - 1):
            a, b, c = path[at - 1], path[at], path[at + 1]
            freed = between(ground, a, b) + between(ground, b, c)
            freed -= between(ground, a, c)
            noise = 1.0 + _NOISE * random_float(random)
            if b == node or freed <= 0.0:
                continue
            ratio = prizes[b] * noise / (min(freed, length - limit) + 1e-9 * limit)
            if ratio < least:
                poorest, least, saving = at, ratio, freed
        if poorest < 0:
            break
        waiting = touch(draft, path[poorest - 1], waiting)
        waiting = touch(draft, path[poorest + 1], waiting)
        count = remove(draft, count, poorest, poorest)
        length -= saving
    return count, waiting


@kernel(_nrt=False)
def offer(ground: Ground, draft: Draft, count: int, before: Array, entries: int, offered: Array, random: RandomState) -> int:
    """List in ``offered`` the unvisited nodes worth trying, and return how many.

    All nodes with a prize of a small instance, else those removed, which are on the path ``before`` the ruin with its
    number of ``entries``, and those near these and near two random places.

    Parameters
    ----------
    ground
        The instance.
    draft, count
        The path after the ruin, and its entries.
    before, entries
        The path before the ruin, and its entries.
    offered
        Room [N]. Gets the nodes.
    random
        The generator's state [2].
    """
    neighbours, prizes, path, pos, queued = ground.neighbours, ground.prizes, draft.path, draft.pos, draft.queued
    many = 0
    if len(prizes) <= EVERYTHING:
        for node in range(len(prizes)):
            if pos[node] < 0 and prizes[node] > 0.0:
                offered[many] = node
                many += 1
        return many
    for at in range(1, entries - 1):
        if pos[before[at]] < 0:
            offered[many] = before[at]
            queued[before[at]] = True
            many += 1
    removed = many
    for turn in range(removed + 2):
        centre = offered[turn] if turn < removed else path[random_below(random, count)]
        for k in range(neighbours.shape[1]):
            node = int(neighbours[centre, k])
            if pos[node] < 0 and prizes[node] > 0.0 and not queued[node]:
                offered[many] = node
                queued[node] = True
                many += 1
    for k in range(many):
        queued[offered[k]] = False
    return many


@kernel(_nrt=False)
def appraise(prizes: Array, offered: Array, many: int, value: Array, random: RandomState) -> None:
    """Write what each offered node is worth in this iteration: a random power of its prize, with noise.

    Parameters
    ----------
    prizes
        Prizes [N].
    offered, many
        Nodes in room [N], and how many count.
    value
        Room [N]. Gets the values of the offered nodes, at their numbers.
    random
        The generator's state [2].
    """
    exponent = _EXPONENT_LEAST + _EXPONENT_SPREAD * random_float(random)
    for k in range(many):
        value[offered[k]] = prizes[offered[k]] ** exponent * (1.0 + _NOISE * random_float(random))


@kernel(_nrt=False)
def recreate(
    ground: Ground, draft: Draft, count: int, length: float, offers: Offers, many: int, rounds: int, known: bool
) -> tuple[int, float, int]:
    """Insert the offered node of most value per lengthening until none fits, or so many ``rounds`` long.

    Returns the number of entries, the length and the height of the stack of touched nodes.

    Parameters
    ----------
    ground, draft
        The instance and the path, with an empty stack; gets the nodes beside what was inserted, and those themselves.
    count, length
        Entries of the path, its ends included, and its length.
    offers, many
        Nodes to try, and how many there are.
    rounds
        Nodes to insert, at most.
    known
        Whether ``added`` and ``behind`` of the offers are those that a call before has left.
    """
    limit, path, pos = ground.limit, draft.path, draft.pos
    offered, value, added, behind = offers.nodes, offers.value, offers.added, offers.behind
    waiting = 0
    for k in range(0 if known else many):
        node = offered[k]
        if pos[node] < 0:
            added[node], at = cheapest_place(ground, draft, count, node)
            behind[node] = path[at] if at >= 0 else -1
    for _ in range(rounds):
        chosen, most = -1, -1.0
        for k in range(many):
            node = offered[k]
            if pos[node] < 0 and behind[node] >= 0 and length + added[node] <= limit:
                lengthening = max(added[node], 0.0) + 1e-6 * limit
                ratio = value[node] / lengthening if lengthening > 0.0 else math.inf
                if ratio > most:
                    chosen, most = node, ratio
        if chosen < 0:
            return count, length, waiting
        tail = behind[chosen]
        at = pos[tail]
        count = insert(draft, count, at, chosen)
        head = path[at + 2]
        length += added[chosen]
        waiting = touch(draft, tail, touch(draft, head, touch(draft, chosen, waiting)))
        inserted = between(ground, tail, chosen)
        follows = between(ground, chosen, head)
        for k in range(many):
            node = offered[k]
            if pos[node] >= 0:
                continue
            if behind[node] == tail:
                added[node], at = cheapest_place(ground, draft, count, node)
                behind[node] = path[at] if at >= 0 else -1
                continue
            near = between(ground, node, chosen)
            first = between(ground, tail, node) + near - inserted
            second = near + between(ground, node, head) - follows
            if min(first, second) < added[node]:
                added[node], behind[node] = (first, tail) if first < second else (second, chosen)
    return count, length, waiting


def fill_path(
    ground: Ground, draft: Draft, count: int, length: float, value: Array, free: Array, clock: Clock | None
) -> tuple[int, float]:
    """Insert free nodes by value per lengthening until none fits or the clock stops; return the entries and the length.

    Parameters
    ----------
    ground, draft
        The instance and the path, which grows.
    count, length
        Entries of the path, its ends included, and its length.
    value
        What each node is worth, [N].
    free
        Nodes to insert.
    clock
        Stops the work.
    """
    offers = make_offers(len(draft.pos), value)
    offers.nodes[: len(free)] = free
    known, chunk = False, Chunks(50)
    while True:  # each call but the last one inserts nodes
        rounds = chunk()
        grown, length, waiting = recreate(ground, draft, count, length, offers, len(free), rounds, known)
        draft.queued[draft.stack[:waiting]] = False
        inserted, count, known = grown - count, grown, True
        if inserted < rounds or (clock is not None and clock.stops()):
            return count, length
