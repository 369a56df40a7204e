"""Compiled steps of edge assembly crossover (EAX): AB-cycles of two tours, an offspring of one, its sub-tours joined.

References
----------
Nagata, Kobayashi (2013), A Powerful Genetic Algorithm Using Edge Assembly Crossover for the Traveling Salesman Problem,
doi:10.1287/ijoc.1120.0506: sections 3.1 to 3.3 (crossover by single AB-cycles, in time that does not grow with the tour).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_below
from redwood.problems.routing.travel import Distances
from redwood.solvers.local_search.tsp_moves import between

_RANKS = 2**32
"""More than the places of a tour: a place times this, plus a number below it, sorts by place."""
_SHORT = 24
"""Up to so many cuts insertion sort is the quickest."""


class Crossing(NamedTuple):
    """Room to cross two tours A and B of N nodes, in arrays that kernels change in place.

    ``distances`` are `Travel.arrays`; ``neighbours`` and ``lengths`` [N, K] the candidate neighbours
    and how far they are; ``adjacent`` [N, 2] the nodes beside each node in A or in its offspring; ``spare`` [2, N, 2] the
    nodes beside each one in A alone and in B alone by edges that are in no AB-cycle yet, and ``degree`` [2, N] how many;
    ``seen`` [N, 2] where a trail passed; ``trail`` [2 N + 2] its nodes, ``mixed`` [N] the nodes where A and B differ;
    ``cycles`` [2 N] the nodes of all AB-cycles, each beginning with an edge of A, ``starts`` [N + 2] where each begins,
    ``gains`` [N + 1] by how much it shortens A; ``cuts``, ``partner`` [2 N], ``label``, ``sizes`` [N] what `exchange` says;
    ``log`` [6 N + 8, 3] the changes of ``adjacent`` (node, side, node before), and ``kept`` those of the best offspring
    (node, side, node after); ``joins`` [N, 4] the nodes of the joins of sub-tours; ``random`` the generator's state.
    """

    distances: Distances
    neighbours: Array
    lengths: Array
    adjacent: Array
    spare: Array
    degree: Array
    seen: Array
    trail: Array
    mixed: Array
    cycles: Array
    starts: Array
    gains: Array
    cuts: Array
    partner: Array
    label: Array
    sizes: Array
    log: Array
    kept: Array
    joins: Array
    random: RandomState


@kernel
def find_cycles(crossing: Crossing, order: Array, position: Array, other_order: Array, other_position: Array) -> int:
    """Split the edges in which A and B differ into AB-cycles, at random; returns how many.

    Parameters
    ----------
    crossing
        Gets the cycles, and A in ``adjacent``.
    order, position
        Tour A [N], and where each node stands in it.
    other_order, other_position
        The same of tour B.
    """
    adjacent, spare, degree, mixed = crossing.adjacent, crossing.spare, crossing.degree, crossing.mixed
    size = len(order)
    waiting = 0
    for node in range(size):
        at, there = position[node], other_position[node]
        a0, a1 = order[at - 1], order[at + 1 if at + 1 < size else 0]  # place -1 is the last one
        b0, b1 = other_order[there - 1], other_order[there + 1 if there + 1 < size else 0]
        adjacent[node, 0], adjacent[node, 1] = a0, a1
        count = 0
        if a0 not in (b0, b1):
            spare[0, node, 0] = a0
            count = 1
        if a1 not in (b0, b1):
            spare[0, node, count] = a1
            count += 1
        degree[0, node] = degree[1, node] = count
        if count == 0:
            continue
        mixed[waiting] = node
        waiting += 1
        count = 0
        if b0 not in (a0, a1):
            spare[1, node, 0] = b0
            count = 1
        if b1 not in (a0, a1):
            spare[1, node, count] = b1
    found = 0
    crossing.starts[0] = 0
    offset = random_below(crossing.random, waiting) if waiting > 0 else 0
    for entry in range(offset, offset + waiting):
        node = mixed[entry if entry < waiting else entry - waiting]
        while degree[0, node] > 0:  # each trail takes an edge of the node at least
            found = _follow(crossing, node, found)
    return found


@kernel
def _follow(crossing: Crossing, node: int, found: int) -> int:
    """Follow edges of A and B in turn from a node until the trail is used up; returns the number of cycles then."""
    spare, degree, seen, trail = crossing.spare, crossing.degree, crossing.seen, crossing.trail
    cycles, starts = crossing.cycles, crossing.starts
    trail[0] = node
    seen[node, 0] = 0
    length = 0
    while True:  # each step takes an edge
        kind = length & 1
        here = trail[length]
        side = random_below(crossing.random, 2) if degree[kind, here] == 2 else 0
        there = spare[kind, here, side]
        _take(spare, degree, kind, here, there)
        _take(spare, degree, kind, there, here)
        length += 1
        trail[length] = there
        first = seen[there, length & 1]
        if first < 0:
            seen[there, length & 1] = length
            continue
        end = starts[found]
        begin = first + (first & 1)  # the first node from which an edge of A is taken
        for k in range(begin, begin + length - first):
            cycles[end] = trail[k if k < length else k - (length - first)]
            end += 1
        found += 1
        starts[found] = end
        crossing.gains[found - 1] = _cycle_gain(crossing, found - 1)
        for k in range(first + 1, length):
            seen[trail[k], k & 1] = -1
        length = first
        if length == 0:
            seen[node, 0] = -1
            return found


@kernel
def _take(spare: Array, degree: Array, kind: int, node: int, beside: int) -> None:
    """Take the edge to ``beside`` from those that a node has left."""
    degree[kind, node] -= 1
    if spare[kind, node, 0] == beside:
        spare[kind, node, 0] = spare[kind, node, 1]


@kernel
def _cycle_gain(crossing: Crossing, cycle: int) -> float:
    """Return the length of the cycle's edges of A less that of its edges of B."""
    cycles, first, end = crossing.cycles, crossing.starts[cycle], crossing.starts[cycle + 1]
    gain = 0.0
    for k in range(first, end, 2):
        after = cycles[k + 2 if k + 2 < end else first]
        gain += between(crossing.distances, cycles[k], cycles[k + 1])
        gain -= between(crossing.distances, cycles[k + 1], after)
    return gain


@kernel
def exchange(crossing: Crossing, order: Array, position: Array, cycle: int) -> tuple[float, int, int]:
    """Exchange the edges of a cycle in A and join the sub-tours that this leaves: (gain, changes logged, joins).

    The edges of A that go away cut it into segments; ``cuts`` are the places of their last nodes, ``label`` the sub-tour
    of each and ``sizes`` its nodes. The gain is -inf where a sub-tour has no candidate neighbour in another one, or where
    the joins cost more than the cycle gains.

    Parameters
    ----------
    crossing
        After `find_cycles`; ``adjacent`` becomes the offspring, until `take_back`.
    order, position
        Tour A [N], and where each node stands in it.
    cycle
        Number of the AB-cycle.
    """
    cycles, first, end = crossing.cycles, crossing.starts[cycle], crossing.starts[cycle + 1]
    count = (end - first) // 2
    logged = 0
    for k in range(first, end, 2):
        node, after = cycles[k], cycles[k + 1]
        logged = _replace(crossing, logged, node, after, cycles[k - 1 if k > first else end - 1])
        logged = _replace(crossing, logged, after, node, cycles[k + 2 if k + 2 < end else first])
    parts = _label_sub_tours(crossing, order, position, cycle)
    gain = crossing.gains[cycle]
    joins = 0
    while parts > 1 and gain > 0.0:  # one fewer each time
        cost, logged = _join_smallest(crossing, order, position, count, parts, logged, joins)
        if cost == math.inf:
            return -math.inf, logged, joins
        gain -= cost
        parts -= 1
        joins += 1
    return (gain if parts == 1 else -math.inf), logged, joins


@kernel
def _replace(crossing: Crossing, logged: int, node: int, beside: int, new: int) -> int:
    """Put a node in the place of another beside ``node``; returns the number of changes logged."""
    side = 0 if crossing.adjacent[node, 0] == beside else 1
    crossing.log[logged, 0], crossing.log[logged, 1], crossing.log[logged, 2] = node, side, beside
    crossing.adjacent[node, side] = new
    return logged + 1


@kernel
def take_back(crossing: Crossing, logged: int) -> None:
    """Make ``adjacent`` what it was before so many changes."""
    log = crossing.log
    for entry in range(logged - 1, -1, -1):
        crossing.adjacent[log[entry, 0], log[entry, 1]] = log[entry, 2]


@kernel
def _label_sub_tours(crossing: Crossing, order: Array, position: Array, cycle: int) -> int:
    """Number the sub-tours that follow from the exchange of a cycle, by `exchange`'s arrays; returns how many."""
    cycles, first, end = crossing.cycles, crossing.starts[cycle], crossing.starts[cycle + 1]
    cuts, partner, label, sizes = crossing.cuts, crossing.partner, crossing.label, crossing.sizes
    size, count = len(order), (end - first) // 2
    for edge in range(count):
        place, after = position[cycles[first + 2 * edge]], position[cycles[first + 2 * edge + 1]]
        forward = after == place + 1 or (after == 0 and place == size - 1)
        cuts[edge] = (place if forward else after) * _RANKS + 2 * edge + (1 if forward else 0)
    _sort(cuts, count)
    trail = crossing.trail  # its first entries: the ends of segments of edge i, at 2 i of the cycle's nodes
    for rank in range(count):
        edge, forward = (cuts[rank] % _RANKS) // 2, cuts[rank] % 2 == 1
        last, following = 2 * rank + 1, 2 * (rank + 1 if rank + 1 < count else 0)
        trail[2 * edge], trail[2 * edge + 1] = (last, following) if forward else (following, last)
        cuts[rank] //= _RANKS
    for edge in range(count):
        one, two = trail[2 * edge + 1], trail[2 * edge + 2 if edge + 1 < count else 0]
        partner[one], partner[two] = two, one
        label[edge] = -1
    parts = 0
    for segment in range(count):
        if label[segment] >= 0:
            continue
        sizes[parts] = 0
        border = 2 * segment
        while label[border // 2] < 0:  # each segment once
            here = border // 2
            label[here] = parts
            sizes[parts] += cuts[here] - cuts[here - 1] if here > 0 else cuts[0] + size - cuts[count - 1]
            border = partner[border ^ 1]
        parts += 1
    return parts


@kernel
def _sort(keys: Array, count: int) -> None:
    """Sort the first ``count`` keys."""
    if count > _SHORT:
        keys[:count].sort()
        return
    for i in range(1, count):
        key = keys[i]
        j = i - 1
        while j >= 0 and keys[j] > key:
            keys[j + 1] = keys[j]
            j -= 1
        keys[j + 1] = key


@kernel
def _segment_of(cuts: Array, count: int, place: int) -> int:
    """Return which segment holds a place of A; the first one goes on behind the last cut."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if cuts[middle] < place:
            low = middle + 1
        else:
            high = middle
    return low if low < count else 0


@kernel
def _join_smallest(
    crossing: Crossing, order: Array, position: Array, count: int, parts: int, logged: int, joins: int
) -> tuple[float, int]:
    """Join the smallest sub-tour with another by two edges for two, at the least cost: (cost, changes logged).

    Parameters
    ----------
    crossing
        After the exchange of a cycle; changes.
    order, position
        Tour A [N], and where each node stands in it.
    count
        How many segments A is cut into.
    parts
        How many sub-tours are left.
    logged
        How many changes are logged.
    joins
        How many sub-tours have been joined.
    """
    cuts, label, sizes, adjacent = crossing.cuts, crossing.label, crossing.sizes, crossing.adjacent
    distances, neighbours = crossing.distances, crossing.neighbours
    size = len(order)
    small = -1
    for part in range(parts + joins):
        if sizes[part] > 0 and (small < 0 or sizes[part] < sizes[small]):
            small = part
    least, one, beside, two, opposite = math.inf, -1, -1, -1, -1
    for segment in range(count):
        if label[segment] != small:
            continue
        place = (cuts[segment - 1] if segment > 0 else cuts[count - 1]) + 1
        while True:  # up to the segment's last node
            if place == size:
                place = 0
            node = order[place]
            left, right = adjacent[node, 0], adjacent[node, 1]
            gone_left = between(distances, node, left)
            gone_right = between(distances, node, right)
            for k in range(neighbours.shape[1]):
                near = neighbours[node, k]
                if label[_segment_of(cuts, count, position[near])] == small:
                    continue
                for end in range(2):
                    far = adjacent[near, end]
                    base = crossing.lengths[node, k] - between(distances, near, far)
                    cost = base - gone_left + between(distances, left, far)
                    if cost < least:
                        least, one, beside, two, opposite = cost, node, left, near, far
                    cost = base - gone_right + between(distances, right, far)
                    if cost < least:
                        least, one, beside, two, opposite = cost, node, right, near, far
            if place == cuts[segment]:
                break
            place += 1
    if one < 0:
        return math.inf, logged
    logged = _replace(crossing, logged, one, beside, two)
    logged = _replace(crossing, logged, two, opposite, one)
    logged = _replace(crossing, logged, beside, one, opposite)
    logged = _replace(crossing, logged, opposite, two, beside)
    kept = crossing.joins
    kept[joins, 0], kept[joins, 1], kept[joins, 2], kept[joins, 3] = one, beside, two, opposite
    large = label[_segment_of(cuts, count, position[two])]
    sizes[large] += sizes[small]
    sizes[small] = 0
    for segment in range(count):
        if label[segment] == small:
            label[segment] = large
    return least, logged
