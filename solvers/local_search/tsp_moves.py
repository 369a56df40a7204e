"""Compiled Lin-Kernighan moves on an array tour: search without touching the tour, then rewrite what changes.

A move removes the edge from t1 to t2, which leaves a path that begins at t2 and ends at t1, and then lengthens and cuts
the path step by step. The path is never built: it is a short list of segments of the tour in *path coordinates*, which
count from t2 = 0 to t1 = N - 1 along the tour, in either direction. Only a move that shortens the tour is written to the
arrays, so the cost of a search step does not grow with N.

References
----------
Lin, Kernighan (1973), doi:10.1287/opre.21.2.498. Johnson, McGeoch (1997), The Traveling Salesman Problem: A Case Study in
Local Optimization. Helsgaun (2000), doi:10.1016/S0377-2217(99)00284-2 (continuing from the best 3-opt move).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernel_fields import by_reference
from redwood.kernels import RandomState, kernel
from redwood.problems.routing.distance import distance
from redwood.problems.routing.travel import CODES, Distances, Metric

_EUC_2D, _EXACT = CODES[Metric.EUC_2D], CODES[Metric.EXACT]

GAIN_SHARE = 1e-13
"""A gain is real where it exceeds this share of the largest sum on the way to it: a move of ten edges rounds to 2e-15 of it,
so every move made shortens the tour truly, and no sequence of moves can come back to a tour."""


@by_reference
class Search(NamedTuple):
    """The state of a search, in arrays that kernels change in place.

    ``distances`` are `Travel.arrays`; ``neighbours`` and ``lengths`` [N, K] the candidate
    neighbours, nearest first, and how far they are; ``order`` [N] the tour and ``position`` [N] its inverse; ``queue``
    [N] a ring of nodes to look at, ``queued`` [N] telling which are in it; ``log_place`` and ``log_node`` what was
    overwritten since the last perturbation; ``buffer`` [N] scratch; ``path`` the segments of a move; ``breadth`` [D] the
    number of neighbours tried at each step of a move; ``counters`` [3] as named above; ``random`` the generator's state;
    ``tolerance`` below which a gain is no gain; ``shift`` the largest number of tour places that a move may rewrite.
    """

    distances: Distances
    neighbours: Array
    lengths: Array
    order: Array
    position: Array
    queue: Array
    queued: Array
    log_place: Array
    log_node: Array
    buffer: Array
    best: Array
    changed: Array
    path: Array
    breadth: Array
    counters: Array
    balances: Array
    random: RandomState
    tolerance: float
    shift: int


@kernel(_nrt=False)
def between(distances: Distances, i: int, j: int) -> float:
    """Return `distance`, with the usual metrics written out where the compiler can inline them."""
    metric, points = distances.metric, distances.points
    if metric in (_EUC_2D, _EXACT):
        dx = points[i, 0] - points[j, 0]
        dy = points[i, 1] - points[j, 1]
        length = math.sqrt(dx * dx + dy * dy)
        if metric == _EXACT:
            return float(length)
        return float(np.floor(length + 0.5))
    return distance(distances, i, j)


@kernel(_nrt=False)
def node_at(order: Array, base: int, direction: int, coordinate: int) -> int:
    """Return the node at a path coordinate from 0 to N - 1.

    Parameters
    ----------
    order
        The tour [N].
    base, direction
        Place of the path's first node, and 1 or -1: whether the path goes along the tour or against it.
    coordinate
        From 0 to N - 1.
    """
    place = base + direction * coordinate
    if place < 0:
        place += len(order)
    elif place >= len(order):
        place -= len(order)
    return int(order[place])


@kernel(_nrt=False)
def improve(search: Search, shift: int, t1: int) -> float:
    """Look for a move that removes an edge at ``t1`` and shortens the tour; returns its gain, or 0.

    ``search.path[0]`` becomes (base, direction, number of segments), and the rows after it the segments. Moves that would
    rewrite more than ``shift`` places are passed over. A gain exceeds the tolerance and the share `GAIN_SHARE` of the
    largest sum that it was computed from.
    """
    distances, neighbours, lengths = search.distances, search.neighbours, search.lengths
    order, position, path = search.order, search.position, search.path
    breadth, tolerance = search.breadth, search.tolerance
    size = len(order)
    for direction in (1, -1):
        base = position[t1] + direction
        if base == size:
            base = 0
        elif base < 0:
            base = size - 1
        t2 = order[base]
        path[0, 0] = base
        path[0, 1] = direction
        first = between(distances, t1, t2)
        best = tolerance
        peak = first
        leaf = (0, 0, 0, 0)
        most = tolerance
        move = (0, 0, 0)
        for k3 in range(breadth[0]):
            gain1 = first - lengths[t2, k3]
            if gain1 <= tolerance:
                break
            t3 = neighbours[t2, k3]
            p3 = direction * (position[t3] - base)
            if p3 < 0:
                p3 += size
            # t4 before t3: the path turns round from t2 to t4
            if p3 > 1:
                p4 = p3 - 1
                t4 = node_at(order, base, direction, p4)
                gain2 = gain1 + between(distances, t3, t4)
                closed = gain2 - between(distances, t4, t1)
                if closed > most and closed > GAIN_SHARE * max(first, gain2) and min(p3, size - p3) <= shift:
                    most = closed
                    move = (0, p3, 0)
                for k5 in range(breadth[1]):
                    gain3 = gain2 - lengths[t4, k5]
                    if gain3 <= tolerance:
                        break
                    t5 = neighbours[t4, k5]
                    p5 = direction * (position[t5] - base)
                    if p5 < 0:
                        p5 += size
                    if p5 in (p3, p4):
                        continue
                    p6 = p5 - 1 if p5 > p3 else p5 + 1
                    t6 = node_at(order, base, direction, p6)
                    gain4 = gain3 + between(distances, t5, t6)
                    closed = gain4 - between(distances, t6, t1)
                    if closed > most and closed > GAIN_SHARE * max(first, gain2, gain4):
                        _set_path(path, size, 1 if p5 > p3 else 2, p3, p5)
                        if moved(path, size) <= shift:
                            most = closed
                            move = (1 if p5 > p3 else 2, p3, p5)
                    if gain4 > best:
                        best = gain4
                        peak = max(first, gain2)
                        leaf = (1 if p5 > p3 else 2, p3, p5, t6)
            # t4 after t3: a cycle from t2 to t3, which must be opened again
            if p3 < size - 1:
                t4 = node_at(order, base, direction, p3 + 1)
                gain2 = gain1 + between(distances, t3, t4)
                for k5 in range(breadth[1]):
                    gain3 = gain2 - lengths[t4, k5]
                    if gain3 <= tolerance:
                        break
                    t5 = neighbours[t4, k5]
                    p5 = direction * (position[t5] - base)
                    if p5 < 0:
                        p5 += size
                    if p5 >= p3:
                        continue
                    for side in (1, -1):
                        p6 = p5 + side
                        if p6 < 0:
                            continue
                        t6 = node_at(order, base, direction, p6)
                        gain4 = gain3 + between(distances, t5, t6)
                        closed = gain4 - between(distances, t6, t1)
                        kind = 3 if side == 1 else 4
                        if closed > most and closed > GAIN_SHARE * max(first, gain2, gain4):
                            _set_path(path, size, kind, p3, p5)
                            if moved(path, size) <= shift:
                                most = closed
                                move = (kind, p3, p5)
                        if gain4 > best:
                            best = gain4
                            peak = max(first, gain2)
                            leaf = (kind, p3, p5, t6)
        if most > tolerance:
            _set_path(path, size, move[0], move[1], move[2])
            return most
        if leaf[0] > 0 and len(breadth) > 2:
            _set_path(path, size, leaf[0], leaf[1], leaf[2])
            closed = _extend(search, shift, t1, leaf[3], best, max(peak, best))
            if closed > 0.0:
                return float(closed)
    return 0.0


@kernel(_nrt=False)
def _set_path(path: Array, size: int, kind: int, p3: int, p5: int) -> None:
    """Write the segments of the path after one step (kind 0) or two, without the edge from its end to its beginning."""
    end = size - 1
    if kind == 0:  # turn t2..t4
        _set_segments(path, 2, p3 - 1, 0, p3, end, 0, 0, 0, 0)
    elif kind == 1:  # then turn as far as t6, beyond t3
        _set_segments(path, 3, p5 - 1, p3, 0, p3 - 1, p5, end, 0, 0)
    elif kind == 2:  # then turn as far as t6, which is between t2 and t4
        _set_segments(path, 3, p5 + 1, p3 - 1, p5, 0, p3, end, 0, 0)
    elif kind == 3:  # exchange t2..t5 and t6..t3
        _set_segments(path, 3, p5 + 1, p3, 0, p5, p3 + 1, end, 0, 0)
    else:  # turn t2..t6 and t5..t3
        _set_segments(path, 3, p5 - 1, 0, p3, p5, p3 + 1, end, 0, 0)


@kernel(_nrt=False)
def _set_segments(path: Array, count: int, a0: int, a1: int, b0: int, b1: int, c0: int, c1: int, d0: int, d1: int) -> None:
    """Write up to four segments, those beyond ``count`` with any numbers.

    Parameters
    ----------
    path
        Room [5 or more, 3]; see `improve`.
    count
        How many segments the path has.
    a0, a1, b0, b1, c0, c1, d0, d1
        First and last path coordinate of each segment, the first above the last where it is walked against the tour.
    """
    path[0, 2] = count
    path[1, 0], path[1, 1] = a0, a1
    path[2, 0], path[2, 1] = b0, b1
    path[3, 0], path[3, 1] = c0, c1
    path[4, 0], path[4, 1] = d0, d1


@kernel(_nrt=False)
def moved(path: Array, size: int) -> int:
    """Return how many places of the tour may have to be rewritten: all but the longest segment."""
    longest = 0
    for i in range(1, path[0, 2] + 1):
        longest = max(longest, abs(path[i, 1] - path[i, 0]) + 1)
    return size - longest


@kernel(_nrt=False)
def _extend(search: Search, shift: int, t1: int, last: int, gain: float, peak: float) -> float:
    """Lengthen the path step by step, the best step each time, until closing it gains; returns the gain, or 0.

    The path ends in ``t1`` and ``last``, which gets new neighbours; ``gain`` is the length of the edges taken out so far
    less that of the edges put in, and ``peak`` the largest it has been.
    """
    distances, neighbours, lengths = search.distances, search.neighbours, search.lengths
    order, position, path = search.order, search.position, search.path
    breadth, tolerance = search.breadth, search.tolerance
    size = len(order)
    base, direction = path[0, 0], path[0, 1]
    for level in range(2, len(breadth)):
        best = tolerance
        best3, best4, best_segment, best_node = -1, -1, 0, 0
        for k in range(breadth[level]):
            remaining = gain - lengths[last, k]
            if remaining <= tolerance:
                break
            t3 = neighbours[last, k]
            p3 = direction * (position[t3] - base)
            if p3 < 0:
                p3 += size
            i = 1  # the segments cover all places, so one of them holds p3
            while not (path[i, 0] <= p3 <= path[i, 1] or path[i, 1] <= p3 <= path[i, 0]):
                i += 1
            if p3 == path[i, 0]:
                continue
            p4 = p3 - 1 if path[i, 0] <= path[i, 1] else p3 + 1
            if i == 1 and p4 == path[1, 0]:
                continue
            t4 = node_at(order, base, direction, p4)
            remaining += between(distances, t3, t4)
            if remaining > best:
                best = remaining
                best3, best4, best_segment, best_node = p3, p4, i, t4
        if best3 < 0:
            return 0.0
        _turn(path, best_segment, best3, best4)
        gain = best
        peak = max(peak, gain)
        last = best_node
        closed = gain - between(distances, last, t1)
        if closed > tolerance and closed > GAIN_SHARE * peak and moved(path, size) <= shift:
            return float(closed)
    return 0.0


@kernel(_nrt=False)
def _turn(path: Array, i: int, p3: int, p4: int) -> None:
    """Cut segment ``i`` between ``p4`` and ``p3`` and turn round the path from its beginning to ``p4``."""
    count = path[0, 2]
    for j in range(count, i, -1):
        path[j + 1, 0], path[j + 1, 1] = path[j, 0], path[j, 1]
    path[i + 1, 0], path[i + 1, 1] = p3, path[i, 1]
    path[i, 1] = p4
    low, high = 1, i  # they meet after half of the segments
    while low <= high:
        a0, a1 = path[low, 0], path[low, 1]
        path[low, 0], path[low, 1] = path[high, 1], path[high, 0]
        path[high, 0], path[high, 1] = a1, a0
        low += 1
        high -= 1
    path[0, 2] = count + 1
