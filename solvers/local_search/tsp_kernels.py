"""Compiled iterated local search for the TSP: a queue of nodes to look at, local perturbation, and undo at its own cost.

References
----------
Bentley (1992), doi:10.1287/ijoc.4.4.387 (don't-look bits, neighbour lists). Applegate, Cook, Rohe (2003), Chained
Lin-Kernighan for Large Traveling Salesman Problems, doi:10.1287/ijoc.15.1.82.15157 (local kicks, queue of their ends).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from redwood.kernels import RandomState, kernel, random_below
from redwood.problems.routing.distance import distance
from redwood.solvers.local_search.tsp_moves import between, improve, node_at

Array = np.ndarray[Any, np.dtype[Any]]

# places in Search.counters
_HEAD, _WAITING, _LOGGED = 0, 1, 2
PART = 16
"""Each of the three segments that a perturbation exchanges has at most so many nodes."""


class Search(NamedTuple):
    """The state of a search, in arrays that kernels change in place.

    ``metric``, ``points`` and ``matrix`` are `Travel.arrays`; ``neighbours`` and ``lengths`` [N, K] the candidate
    neighbours, nearest first, and how far they are; ``order`` [N] the tour and ``position`` [N] its inverse; ``queue``
    [N] a ring of nodes to look at, ``queued`` [N] telling which are in it; ``log_place`` and ``log_node`` what was
    overwritten since the last perturbation; ``buffer`` [N] scratch; ``path`` the segments of a move; ``breadth`` [D] the
    number of neighbours tried at each step of a move; ``counters`` [3] as named above; ``random`` the generator's state;
    ``tolerance`` below which a gain is no gain; ``shift`` the largest number of tour places that a move may rewrite.
    """

    metric: int
    points: Array
    matrix: Array
    neighbours: Array
    lengths: Array
    order: Array
    position: Array
    queue: Array
    queued: Array
    log_place: Array
    log_node: Array
    buffer: Array
    path: Array
    breadth: Array
    counters: Array
    random: RandomState
    tolerance: float
    shift: int


@kernel
def tour_length(search: Search) -> float:
    """Return the length of the tour."""
    total = 0.0
    previous = search.order[-1]
    for node in search.order:
        total += distance(search.metric, search.points, search.matrix, previous, node)
        previous = node
    return total


@kernel(nogil=True)
def fill_queue(search: Search) -> None:
    """Queue all nodes in the order of the tour."""
    for node in search.order:
        _push(search.queue, search.queued, search.counters, node)


@kernel(nogil=True)
def descend(search: Search, limit: int) -> float:
    """Improve at up to ``limit`` queued nodes; returns the gain. Nothing can be undone afterwards."""
    total = 0.0
    while search.counters[_WAITING] > 0 and limit > 0:
        limit -= 1
        search.counters[_LOGGED] = 0
        total += _improve_next(search)
    search.counters[_LOGGED] = 0
    return total


@kernel
def waiting(search: Search) -> int:
    """Return the number of queued nodes."""
    return int(search.counters[_WAITING])


@kernel(nogil=True)
def iterate(search: Search, iterations: int) -> float:
    """Perturb and repair ``iterations`` times, keeping what is not longer; returns the gain."""
    total = 0.0
    for _ in range(iterations):
        search.counters[_LOGGED] = 0
        change = _kick(search)
        while search.counters[_WAITING] > 0:
            change -= _improve_next(search)
        if change > search.tolerance:
            _undo(search.order, search.position, search.log_place, search.log_node, search.counters)
        else:
            total -= change
    return total


@kernel
def _improve_next(search: Search) -> float:
    """Take a node from the queue and improve there as long as possible; returns the gain."""
    metric, points, matrix = search.metric, search.points, search.matrix
    neighbours, lengths, order, position = search.neighbours, search.lengths, search.order, search.position
    path, breadth, tolerance, counters = search.path, search.breadth, search.tolerance, search.counters
    queue, queued, log_place, log_node = search.queue, search.queued, search.log_place, search.log_node
    node = _pop(queue, queued, counters)
    total = 0.0
    while True:
        shift = min(search.shift, len(log_place) - counters[_LOGGED])
        gain = improve(metric, points, matrix, neighbours, lengths, order, position, path, breadth, tolerance, shift, node)
        if gain <= 0.0:
            return total
        total += gain
        _queue_ends(order, path, queue, queued, counters)
        _rearrange(order, position, path, search.buffer, log_place, log_node, counters)


@kernel
def _push(queue: Array, queued: Array, counters: Array, node: int) -> None:
    if queued[node]:
        return
    queued[node] = True
    place = counters[_HEAD] + counters[_WAITING]
    if place >= len(queue):
        place -= len(queue)
    queue[place] = node
    counters[_WAITING] += 1


@kernel
def _pop(queue: Array, queued: Array, counters: Array) -> int:
    head = counters[_HEAD]
    node = queue[head]
    queued[node] = False
    counters[_HEAD] = head + 1 if head + 1 < len(queue) else 0
    counters[_WAITING] -= 1
    return int(node)


@kernel
def _queue_ends(order: Array, path: Array, queue: Array, queued: Array, counters: Array) -> None:
    """Queue the nodes whose neighbours along the tour change."""
    base, direction = path[0, 0], path[0, 1]
    for i in range(1, path[0, 2] + 1):
        _push(queue, queued, counters, node_at(order, base, direction, path[i, 0]))
        _push(queue, queued, counters, node_at(order, base, direction, path[i, 1]))


@kernel
def _rearrange(
    order: Array, position: Array, path: Array, buffer: Array, log_place: Array, log_node: Array, counters: Array
) -> None:
    """Write the tour whose path consists of the segments in ``path``, and log what it overwrites.

    The longest segment stays where it is, and so does every other one that keeps its place and direction.
    """
    size = len(order)
    base, direction, count = path[0, 0], path[0, 1], path[0, 2]
    longest = 1
    for i in range(2, count + 1):
        if abs(path[i, 1] - path[i, 0]) > abs(path[longest, 1] - path[longest, 0]):
            longest = i
    logged = counters[_LOGGED]
    forward = path[longest, 0] <= path[longest, 1]
    target = max(path[longest, 0], path[longest, 1]) + 1
    filled = 0
    i = longest
    for _ in range(count - 1):
        if forward:
            i = i + 1 if i < count else 1
            first, last = path[i, 0], path[i, 1]
        else:
            i = i - 1 if i > 1 else count
            first, last = path[i, 1], path[i, 0]
        if target >= size:
            target -= size
        if first > last or first != target:
            step = direction if first <= last else -direction
            source = _wrap(base + direction * first, size)
            place = _wrap(base + direction * target, size)
            for _ in range(abs(last - first) + 1):
                buffer[filled] = order[source]
                log_place[logged + filled] = place
                filled += 1
                source = _wrap(source + step, size)
                place = _wrap(place + direction, size)
        target += abs(last - first) + 1
    for entry in range(filled):
        place = log_place[logged + entry]
        node = buffer[entry]
        log_node[logged + entry] = order[place]
        order[place] = node
        position[node] = place
    counters[_LOGGED] = logged + filled


@kernel(inline="always")
def _wrap(place: int, size: int) -> int:
    if place < 0:
        return place + size
    return place - size if place >= size else place


@kernel
def _undo(order: Array, position: Array, log_place: Array, log_node: Array, counters: Array) -> None:
    """Take back every change since the log was last emptied."""
    for entry in range(counters[_LOGGED] - 1, -1, -1):
        place = log_place[entry]
        node = log_node[entry]
        order[place] = node
        position[node] = place
    counters[_LOGGED] = 0


@kernel
def _kick(search: Search) -> float:
    """Exchange three neighbouring short segments of the tour (a double bridge); returns by how much it grows."""
    order, path = search.order, search.path
    size = len(order)
    part = min(PART, (size - 1) // 3)
    first = 1 + random_below(search.random, part)
    second = first + 1 + random_below(search.random, part)
    third = second + 1 + random_below(search.random, part)
    path[0, 0], path[0, 1], path[0, 2] = random_below(search.random, size), 1, 4
    path[1, 0], path[1, 1] = second, third - 1
    path[2, 0], path[2, 1] = first, second - 1
    path[3, 0], path[3, 1] = 0, first - 1
    path[4, 0], path[4, 1] = third, size - 1
    change = 0.0
    for i in range(1, 5):
        tail = node_at(order, path[0, 0], 1, path[i, 1])
        old = node_at(order, path[0, 0], 1, path[i, 1] + 1 if path[i, 1] + 1 < size else 0)
        head = node_at(order, path[0, 0], 1, path[i + 1 if i < 4 else 1, 0])
        change += between(search.metric, search.points, search.matrix, tail, head)
        change -= between(search.metric, search.points, search.matrix, tail, old)
    _queue_ends(order, path, search.queue, search.queued, search.counters)
    _rearrange(order, search.position, path, search.buffer, search.log_place, search.log_node, search.counters)
    return change
