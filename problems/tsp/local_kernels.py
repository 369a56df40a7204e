"""Moves on a tour kept as an array: 2-opt and Or-opt with neighbour lists and a queue of nodes to look at.

References
----------
J. L. Bentley, Fast algorithms for geometric traveling salesman problems, 1992, doi:10.1287/ijoc.4.4.387: neighbour lists and
don't-look bits. O. Martin, S. W. Otto and E. W. Felten, Large-step Markov chains for the TSP, 1992,
doi:10.1016/0167-6377(92)90028-2: the double bridge, here of three short segments.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_below, random_float
from redwood.problems.routing.distance import distance
from redwood.problems.routing.travel import Distances

GAIN_SHARE = 1e-13
"""A move pays where it shortens the tour by more than this share of the edges that it takes out: its gain rounds to less
than 2e-15 of them, so that every move made shortens the tour truly, and no sequence of moves can come back to a tour."""


class Ground(NamedTuple):
    """What an instance gives the moves: its distances, and the neighbours [N, K] of each node, nearest first."""

    distances: Distances
    near: Array


@kernel
def descend(ground: Ground, tour: Array, place: Array, waiting: Array, steps: int) -> tuple[float, int]:
    """Improve a tour at up to ``steps`` nodes; return the change of its length, and how many nodes still wait.

    Parameters
    ----------
    ground
        The instance.
    tour, place
        The tour [N], and where each node stands in it, [N]; both change.
    waiting
        Nodes [N] to look at; none at the end where no move of a node pays.
    steps
        Nodes looked at, at most.
    """
    size = len(tour)
    queue = np.empty(size, dtype=np.int32)
    head, count = 0, 0
    for at in range(size):
        if waiting[tour[at]]:
            queue[count] = tour[at]
            count += 1
    change = 0.0
    touched = np.empty(6, dtype=np.int64)
    while count > 0 and steps > 0:
        steps -= 1
        node = queue[head]
        head = (head + 1) % size
        count -= 1
        waiting[node] = False
        gain = _shorten(ground, tour, place, node, touched)
        if gain == 0.0:
            continue
        change -= gain
        for other in touched:
            if other >= 0 and not waiting[other]:
                waiting[other] = True
                queue[(head + count) % size] = other
                count += 1
    return change, count


@kernel
def _shorten(ground: Ground, tour: Array, place: Array, node: int, touched: Array) -> float:
    """Make the first move found that connects a node to a nearer one and pays; return by how much, 0 where none does.

    ``touched``, room [6], gets the nodes whose edges have changed, -1 for none.
    """
    size = len(tour)
    for forward in (1, -1):
        beside = tour[(place[node] + forward) % size]
        edge = distance(ground.distances, node, beside)
        for other in ground.near[node]:
            close = distance(ground.distances, node, other)
            if close >= edge:
                break
            after = tour[(place[other] + forward) % size]
            removed = edge + distance(ground.distances, other, after)
            gain = removed - close - distance(ground.distances, beside, after)
            if gain > GAIN_SHARE * removed:
                touched[:] = -1
                touched[0], touched[1], touched[2], touched[3] = node, beside, other, after
                if forward == 1:
                    reverse(tour, place, place[beside], place[other])
                else:
                    reverse(tour, place, place[node], place[after])
                return gain
        for length in range(1, min(3, size - 3) + 1):
            gain = _relocate(ground, tour, place, node, forward, length, touched)
            if gain > 0.0:
                return gain
    return 0.0


@kernel
def _relocate(
    ground: Ground,
    tour: Array,
    place: Array,
    node: int,
    forward: int,
    length: int,
    touched: Array,
) -> float:
    """Move the segment of ``length`` nodes, N - 3 at most, from ``node`` on beside a node near ``node``; return the gain.

    The segment goes on from ``node`` in the direction ``forward``, 1 or -1; ``touched`` gets the nodes whose edges change.
    """
    size = len(tour)
    last = tour[(place[node] + forward * (length - 1)) % size]
    left, right = tour[(place[node] - forward) % size], tour[(place[node] + forward * length) % size]
    cut = distance(ground.distances, left, node) + distance(ground.distances, last, right)
    freed = cut - distance(ground.distances, left, right)
    for other in ground.near[node]:
        close = distance(ground.distances, node, other)
        if close >= freed:
            break
        if other == left or (forward * (place[other] - place[node])) % size < length:
            continue
        for side in (1, -1):
            beyond = tour[(place[other] + side) % size]
            if beyond == last:
                continue
            opened = distance(ground.distances, other, beyond)
            gain = freed + opened - close - distance(ground.distances, last, beyond)
            if gain > GAIN_SHARE * (cut + opened):
                touched[0], touched[1], touched[2] = node, last, left
                touched[3], touched[4], touched[5] = right, other, beyond
                first = place[node] if forward == 1 else place[last]
                move(tour, place, first, length, other if side == 1 else beyond, forward != side)
                return gain
    return 0.0


@kernel
def reverse(tour: Array, place: Array, first: int, last: int) -> None:
    """Reverse the cyclic sub-path of places ``first`` to ``last``, or the rest of the tour where that is shorter.

    Parameters
    ----------
    tour, place
        The tour [N], and where each node stands in it, [N]; both change.
    first, last
        The first and the last place of the sub-path; it may go beyond the end of the array.
    """
    size = len(tour)
    length = (last - first) % size + 1
    if 2 * length > size:
        first, last = last + 1, first - 1
        length = size - length
    for step in range(length // 2):
        i, j = (first + step) % size, (last - step) % size
        tour[i], tour[j] = tour[j], tour[i]
        place[tour[i]], place[tour[j]] = i, j


@kernel
def move(tour: Array, place: Array, first: int, length: int, behind: int, turned: bool) -> None:
    """Move the ``length`` nodes from place ``first`` on to behind the node ``behind``, in reverse order if ``turned``.

    Parameters
    ----------
    tour, place
        The tour [N], and where each node stands in it, [N]; both change.
    first, length
        Place of the segment's first node, and how many nodes it has.
    behind
        A node outside of the segment.
    turned
        Whether the segment is put in backwards.
    """
    size = len(tour)
    segment = np.empty(length, dtype=np.int64)
    for step in range(length):
        segment[step] = tour[(first + step) % size]
    later = (place[behind] - first - length + 1) % size
    sooner = size - length - later
    if later <= sooner:
        for step in range(later):
            at = (first + step) % size
            tour[at] = tour[(first + length + step) % size]
            place[tour[at]] = at
        first += later
    else:
        for step in range(sooner):
            at = (first + length - 1 - step) % size
            tour[at] = tour[(first - 1 - step) % size]
            place[tour[at]] = at
        first -= sooner
    for step in range(length):
        at = (first + step) % size
        tour[at] = segment[length - 1 - step] if turned else segment[step]
        place[tour[at]] = at


@kernel
def exchange_segments(ground: Ground, tour: Array, place: Array, waiting: Array, reach: int, random: RandomState) -> float:
    """Exchange two random neighbouring segments of at most ``reach`` nodes each (a double bridge); return the change.

    Parameters
    ----------
    ground
        The instance.
    tour, place
        The tour [N], and where each node stands in it, [N]; both change.
    waiting
        Nodes [N] to look at afterwards; gets the ends of the segments.
    reach
        Nodes of a segment, at most.
    random
        The generator's state [2].
    """
    size = len(tour)
    reach = min(reach, (size - 2) // 2)
    one, two = 1 + random_below(random, reach), 1 + random_below(random, reach)
    first = random_below(random, size)
    ends = np.empty(6, dtype=np.int64)
    for slot, step in enumerate((-1, 0, one - 1, one, one + two - 1, one + two)):
        ends[slot] = tour[(first + step) % size]
        waiting[ends[slot]] = True
    segment = np.empty(one, dtype=np.int64)
    for step in range(one):
        segment[step] = tour[(first + step) % size]
    for step in range(one + two):
        at = (first + step) % size
        tour[at] = tour[(at + one) % size] if step < two else segment[step - two]
        place[tour[at]] = at
    change = 0.0
    for tail, head, sign in ((0, 1, -1), (2, 3, -1), (4, 5, -1), (0, 3, 1), (4, 1, 1), (2, 5, 1)):
        change += sign * distance(ground.distances, ends[tail], ends[head])
    return change


@kernel
def draw_exchange(ground: Ground, tour: Array, place: Array, random: RandomState) -> tuple[int, int, float]:
    """Return a random 2-opt move and its change of the length: the places of the sub-path to reverse.

    In nine of ten moves one of the new edges joins neighbours; the others may join any nodes, so that all can be reached.

    Parameters
    ----------
    ground
        The instance.
    tour, place
        The tour [N], and where each node stands in it, [N].
    random
        The generator's state [2].
    """
    size = len(tour)
    node = random_below(random, size)
    near = ground.near[node]
    other = near[random_below(random, len(near))] if random_float(random) < 0.9 else random_below(random, size)
    if other == node:
        other = near[0]
    i, j = place[node], place[other]
    if random_float(random) < 0.5:
        i, j = (i - 1) % size, (j - 1) % size
    a, b, c, d = tour[i], tour[(i + 1) % size], tour[j], tour[(j + 1) % size]
    change = distance(ground.distances, a, c) + distance(ground.distances, b, d)
    change -= distance(ground.distances, a, b) + distance(ground.distances, c, d)
    return (i + 1) % size, j, change
