"""Compiled ruin and recreate of paths: removal of strings and neighbourhoods, forced insertion, greedy refilling.

References
----------
Schrimpf, Schneider, Stamm-Wilbrandt, Dueck (2000), Record breaking optimization results using the ruin and recreate
principle, doi:10.1006/jcph.1999.6413; the string removal follows Christiaens and Vanden Berghe (2020),
doi:10.1287/trsc.2019.0914, section 5.1.
"""

from __future__ import annotations

import math

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_below, random_float
from redwood.problems.orienteering.local_kernels import between, cheapest_place, insert, measure, remove

_RUIN_SHARE = 0.3
_RUIN_MOST = 16
_ADJACENT_SHARE = 0.35
_NOISE = 0.4
_EXPONENT_LEAST, _EXPONENT_SPREAD = 0.4, 1.4
EVERYTHING = 300
"""Up to so many nodes, every unvisited node is tried in each iteration."""


@kernel
def touch(node: int, stack: Array, waiting: int, queued: Array) -> int:
    """Put a node on the stack unless it is there; return the height of the stack.

    Parameters
    ----------
    node
        The node to put on the stack.
    stack, waiting
        Nodes in room [N], and how many they are.
    queued
        Which nodes are on the stack, [N]; changes.
    """
    if queued[node]:
        return waiting
    queued[node] = True
    stack[waiting] = node
    return waiting + 1


@kernel
def ruin(
    neighbours: Array, trial: Array, pos: Array, count: int, stack: Array, queued: Array, random: RandomState
) -> tuple[int, int]:
    """Remove a string of the path or visited nodes near each other; return the entries left and the stack's height.

    Parameters
    ----------
    neighbours
        Neighbours [N, K] of each node, nearest first.
    trial, pos
        The path, in room [N + 2], and the place of each node, [N], -1 where not visited; both change.
    count
        Entries of the path, its ends included.
    stack
        Room [N]. Gets the nodes beside what was removed.
    queued
        Which nodes are on the stack, [N], none before; changes.
    random
        The generator's state [2].
    """
    inner = count - 2
    if inner < 1:
        return count, 0
    most = max(1, min(_RUIN_MOST, int(_RUIN_SHARE * inner) + 1))
    many = 1 + random_below(random, most)
    at = 1 + random_below(random, inner)
    if random_float(random) >= _ADJACENT_SHARE:
        first = max(1, at - random_below(random, many))
        last = min(inner, first + many - 1)
        before, after = trial[first - 1], trial[last + 1]
        count = remove(trial, pos, count, first, last)
        return count, touch(after, stack, touch(before, stack, 0, queued), queued)
    waiting = 0
    node = trial[at]
    for k in range(-1, neighbours.shape[1]):
        other = node if k < 0 else int(neighbours[node, k])
        at = pos[other]
        if at < 1 or at > count - 2 or random_float(random) < 0.2:
            continue
        waiting = touch(trial[at - 1], stack, waiting, queued)
        waiting = touch(trial[at + 1], stack, waiting, queued)
        count = remove(trial, pos, count, at, at)
        many -= 1
        if many == 0:
            break
    return count, waiting


@kernel
def force(
    metric: int,
    points: Array,
    matrix: Array | None,
    neighbours: Array,
    prizes: Array,
    limit: float,
    trial: Array,
    pos: Array,
    count: int,
    stack: Array,
    queued: Array,
    random: RandomState,
) -> tuple[int, int]:
    """Insert an unvisited node near the path, then drop the others that pay least for their way until the length fits.

    Parameters
    ----------
    metric, points, matrix
        Distances, as `between` takes them.
    neighbours
        Neighbours [N, K] of each node, nearest first.
    prizes
        Prizes [N], 0 at the ends of the path.
    limit
        The longest that the path may be.
    trial, pos
        The path, in room [N + 2], and the place of each node, [N], -1 where not visited; both change.
    count
        Entries of the path, its ends included.
    stack
        Room [N]. Gets the nodes beside what was changed.
    queued
        Which nodes are on the stack, [N], none before; changes.
    random
        The generator's state [2].
    """
    node = trial[random_below(random, count)]
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
    _, where = cheapest_place(metric, points, matrix, neighbours, trial, pos, count, node)
    if where < 0:
        return count, 0
    count = insert(trial, pos, count, where, node)
    waiting = touch(trial[where], stack, touch(trial[where + 2], stack, touch(node, stack, 0, queued), queued), queued)
    length = measure(metric, points, matrix, trial, count)
    while length > limit:  # each round removes a node, or ends
        poorest, least = -1, 1e300
        saving = 0.0
        for at in range(1, count - 1):
            a, b, c = trial[at - 1], trial[at], trial[at + 1]
            freed = between(metric, points, matrix, a, b) + between(metric, points, matrix, b, c)
            freed -= between(metric, points, matrix, a, c)
            noise = 1.0 + _NOISE * random_float(random)
            if b == node or freed <= 0.0:
                continue
            ratio = prizes[b] * noise / (min(freed, length - limit) + 1e-9 * limit)
            if ratio < least:
                poorest, least, saving = at, ratio, freed
        if poorest < 0:
            break
        waiting = touch(trial[poorest - 1], stack, waiting, queued)
        waiting = touch(trial[poorest + 1], stack, waiting, queued)
        count = remove(trial, pos, count, poorest, poorest)
        length -= saving
    return count, waiting


@kernel
def offer(
    neighbours: Array,
    prizes: Array,
    trial: Array,
    pos: Array,
    count: int,
    path: Array,
    path_count: int,
    offered: Array,
    queued: Array,
    random: RandomState,
) -> int:
    """List the unvisited nodes worth trying: all of a small instance, else those removed and those near a random place.

    Parameters
    ----------
    neighbours
        Neighbours [N, K] of each node, nearest first.
    prizes
        Prizes [N]; nodes without are never offered.
    trial, pos
        The path, in room [N + 2], and the place of each node, [N], -1 where not visited.
    count
        Entries of the path, its ends included.
    path, path_count
        The path before the ruin, and its entries: what it visits and ``trial`` does not was removed.
    offered
        Room [N]. Gets the nodes.
    queued
        False [N], and so again at the end.
    random
        The generator's state [2].
    """
    many = 0
    if len(prizes) <= EVERYTHING:
        for node in range(len(prizes)):
            if pos[node] < 0 and prizes[node] > 0.0:
                offered[many] = node
                many += 1
        return many
    for at in range(1, path_count - 1):
        if pos[path[at]] < 0:
            offered[many] = path[at]
            queued[path[at]] = True
            many += 1
    removed = many
    for turn in range(removed + 2):
        centre = offered[turn] if turn < removed else trial[random_below(random, count)]
        for k in range(neighbours.shape[1]):
            node = int(neighbours[centre, k])
            if pos[node] < 0 and prizes[node] > 0.0 and not queued[node]:
                offered[many] = node
                queued[node] = True
                many += 1
    for k in range(many):
        queued[offered[k]] = False
    return many


@kernel
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


@kernel
def recreate(
    metric: int,
    points: Array,
    matrix: Array | None,
    neighbours: Array,
    limit: float,
    trial: Array,
    pos: Array,
    count: int,
    length: float,
    offered: Array,
    many: int,
    value: Array,
    added: Array,
    behind: Array,
    stack: Array,
    queued: Array,
) -> tuple[int, float, int]:
    """Insert the offered node of most value per lengthening until none fits.

    Returns the number of entries, the length and the height of the stack of touched nodes.

    Parameters
    ----------
    metric, points, matrix
        Distances, as `between` takes them.
    neighbours
        Neighbours [N, K] of each node, nearest first.
    limit
        The longest that the path may be.
    trial, pos
        The path, in room [N + 2], and the place of each node, [N], -1 where not visited; both change.
    count, length
        Entries of the path, its ends included, and its length.
    offered, many
        Nodes to try, in room [N], and how many count.
    value
        What each offered node is worth, [N].
    added, behind
        Room [N] each for the least lengthening by each node, and the node to put it behind, -1 where there is none.
    stack
        Room [N]. Gets the nodes beside what was inserted, and those themselves.
    queued
        Which nodes are on the stack, [N], none before; changes.
    """
    waiting = 0
    for k in range(many):
        node = offered[k]
        if pos[node] < 0:
            added[node], at = cheapest_place(metric, points, matrix, neighbours, trial, pos, count, node)
            behind[node] = trial[at] if at >= 0 else -1
    while True:  # each round inserts one of the ``many`` nodes, or ends
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
        count = insert(trial, pos, count, at, chosen)
        head = trial[at + 2]
        length += added[chosen]
        waiting = touch(tail, stack, touch(head, stack, touch(chosen, stack, waiting, queued), queued), queued)
        inserted = between(metric, points, matrix, tail, chosen)
        follows = between(metric, points, matrix, chosen, head)
        for k in range(many):
            node = offered[k]
            if pos[node] >= 0:
                continue
            if behind[node] == tail:
                added[node], at = cheapest_place(metric, points, matrix, neighbours, trial, pos, count, node)
                behind[node] = trial[at] if at >= 0 else -1
                continue
            near = between(metric, points, matrix, node, chosen)
            first = between(metric, points, matrix, tail, node) + near - inserted
            second = near + between(metric, points, matrix, node, head) - follows
            if min(first, second) < added[node]:
                added[node], behind[node] = (first, tail) if first < second else (second, chosen)
