"""Minimum spanning trees of all N nodes under the weights distance(i, j) + p[i] + p[j], in memory linear in N.

For points in the plane: Boruvka's rounds, in which a k-d tree finds each node's cheapest edge out of its component. For
other distances: Prim's scan of all pairs. Both work in chunks, so that the caller can watch the clock.

References
----------
W. B. March, P. Ram and A. G. Gray, Fast Euclidean minimum spanning tree, KDD 2010, doi:10.1145/1835804.1835882: the k-d
tree and its pruning of whole components; here with a potential at each node, whose minimum a box of the tree keeps.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.problems.routing.distance import distance
from redwood.problems.routing.forest import root
from redwood.problems.routing.travel import Distances, Travel

LEAF = 8


class Boxes(NamedTuple):
    """A k-d tree over N nodes in the plane, and what a search for cheap edges prunes its boxes by.

    Boxes are numbered as in a heap: those below box b are 2 b + 1 and 2 b + 2. T is one less than a power of two.

    Attributes
    ----------
    distances
        `Travel.arrays` of a metric of the plane, the points [N, 2].
    order
        The nodes [N], box by box.
    ranges
        The first and the last place of each box in ``order``, the last not included, [T, 2].
    bounds
        Least and greatest x, least and greatest y of each box, [T, 4]; infinite where it is empty.
    lowest
        The least potential of the nodes of each box, [T].
    tags
        The component that all nodes of a box belong to, [T], -1 where they differ.
    component
        The component of each node, [N], named by one of its nodes.
    potentials
        What each node adds to its edges, [N], in the unit of the distances.
    """

    distances: Distances
    order: Array
    ranges: Array
    bounds: Array
    lowest: Array
    tags: Array
    component: Array
    potentials: Array


class SparseGraph(NamedTuple):
    """A symmetric sparse graph: node i has the entries ``starts[i]:starts[i + 1]`` of ``heads`` and lengths ``costs``."""

    starts: Array
    heads: Array
    costs: Array

    @staticmethod
    def of(travel: Travel, tails: Array, heads: Array) -> SparseGraph:
        """Return the graph of the edges between ``tails`` and ``heads``; loops and repetitions are dropped."""
        size = travel.size
        tails, heads = np.asarray(tails, dtype=np.int64), np.asarray(heads, dtype=np.int64)
        keys = np.concatenate([tails * size + heads, heads * size + tails])[np.tile(tails != heads, 2)]
        keys.sort()  # several times as fast as numpy.unique
        begin, end = np.divmod(keys[np.diff(keys, prepend=-1) > 0], max(1, size))
        starts = np.searchsorted(begin, np.arange(size + 1)).astype(np.int64)
        return SparseGraph(starts, end.astype(np.int32), np.asarray(travel.between(begin, end), dtype=np.float64))

    def joined(self, travel: Travel, edges: Array) -> SparseGraph:
        """Return the graph with further edges [E, 2]."""
        return SparseGraph.of(travel, np.append(self.tails, edges[:, 0]), np.append(self.heads, edges[:, 1]))

    @property
    def tails(self) -> Array:
        """The node that each entry belongs to."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


class Exits(NamedTuple):
    """The cheapest edges out of components that have been found; entries of a component stand at the node that names it.

    Attributes
    ----------
    target, weight
        For each node [N] the head of its cheapest edge to another component when it was looked for, or -1, and the weight
        of that edge: still the cheapest while the head belongs to another component, a lower bound afterwards.
    best, tail, head
        For each component [N] the weight, infinite where there is none, and the two nodes of its cheapest edge.
    """

    target: Array
    weight: Array
    best: Array
    tail: Array
    head: Array


@kernel
def split_points(boxes: Boxes) -> None:
    """Build a k-d tree: sort ``order``, which holds all nodes, and set the range and the bounds of each box."""
    points, order, ranges, bounds = boxes.distances.points, boxes.order, boxes.ranges, boxes.bounds
    ranges[0, 0] = 0
    ranges[0, 1] = len(order)
    inner = len(ranges) // 2
    for box in range(len(ranges)):
        begin, end = ranges[box, 0], ranges[box, 1]
        bounds[box, 0] = bounds[box, 2] = math.inf
        bounds[box, 1] = bounds[box, 3] = -math.inf
        for place in range(begin, end):
            x, y = points[order[place], 0], points[order[place], 1]
            bounds[box, 0] = min(bounds[box, 0], x)
            bounds[box, 1] = max(bounds[box, 1], x)
            bounds[box, 2] = min(bounds[box, 2], y)
            bounds[box, 3] = max(bounds[box, 3], y)
        if box < inner:
            middle = (begin + end) // 2
            axis = 0 if bounds[box, 1] - bounds[box, 0] >= bounds[box, 3] - bounds[box, 2] else 1
            if begin < end:
                _select(points, order, begin, end - 1, middle, axis)
            ranges[2 * box + 1, 0], ranges[2 * box + 1, 1] = begin, middle
            ranges[2 * box + 2, 0], ranges[2 * box + 2, 1] = middle, end


@kernel
def _select(points: Array, order: Array, low: int, high: int, place: int, axis: int) -> None:
    """Reorder ``order[low:high + 1]`` so that no coordinate before ``place`` exceeds one after it (Hoare's selection)."""
    while low < high:  # Hoare: the range shrinks each time, as i passes low and j passes high
        pivot = points[order[(low + high) // 2], axis]
        i, j = low, high
        while i <= j:
            while points[order[i], axis] < pivot:
                i += 1
            while points[order[j], axis] > pivot:
                j -= 1
            if i <= j:
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if place <= j:
            high = j
        elif place >= i:
            low = i
        else:
            return


@kernel
def lower_potentials(boxes: Boxes) -> None:
    """Set the least potential of each box's nodes, ``lowest``."""
    order, ranges, potentials, lowest = boxes.order, boxes.ranges, boxes.potentials, boxes.lowest
    inner = len(ranges) // 2
    for box in range(len(ranges) - 1, -1, -1):
        if box < inner:
            lowest[box] = min(lowest[2 * box + 1], lowest[2 * box + 2])
        else:
            lowest[box] = math.inf
            for place in range(ranges[box, 0], ranges[box, 1]):
                lowest[box] = min(lowest[box], potentials[order[place]])


@kernel
def tag_components(boxes: Boxes) -> None:
    """Set the component that all nodes of a box belong to, or -1 where they differ, ``tags``."""
    order, ranges, component, tags = boxes.order, boxes.ranges, boxes.component, boxes.tags
    inner = len(ranges) // 2
    for box in range(len(ranges) - 1, -1, -1):
        begin, end = ranges[box, 0], ranges[box, 1]
        if box < inner:
            left, right = tags[2 * box + 1], tags[2 * box + 2]
            tags[box] = left if left == right else -1
        elif begin < end:
            tags[box] = component[order[begin]]
            for place in range(begin + 1, end):
                if component[order[place]] != tags[box]:
                    tags[box] = -1
        else:
            tags[box] = -1


@kernel
def cheapest_edge(boxes: Boxes, node: int, skipped: int, limit: float, stack: Array, corner: Array) -> tuple[int, float]:
    """Return the cheapest edge from a node to another component, if cheaper than ``limit``: (head or -1, weight).

    Parameters
    ----------
    boxes
        The nodes, with potentials and components.
    node, skipped
        The node where the edge begins, and one that is not looked at; -1 for none.
    limit
        Weight below which the edge has to be; infinite for any.
    stack, corner
        Room [64 or more] for boxes to look at, and zeros [2, 2].
    """
    distances, order, ranges, bounds = boxes.distances, boxes.order, boxes.ranges, boxes.bounds
    lowest, tags, component, potentials = boxes.lowest, boxes.tags, boxes.component, boxes.potentials
    found, weight = -1, limit
    own = component[node]
    inner = len(ranges) // 2
    base = potentials[node]
    stack[0] = 0
    height = 1
    while height > 0:  # each box of the tree is on the stack once
        height -= 1
        box = stack[height]
        if tags[box] == own or _box_weight(distances, bounds, box, node, corner) + base + lowest[box] >= weight:
            continue
        if box >= inner:
            for place in range(ranges[box, 0], ranges[box, 1]):
                head = order[place]
                if component[head] != own and head != skipped:
                    candidate = distance(distances, node, head) + base + potentials[head]
                    if candidate < weight:
                        found, weight = head, candidate
            continue
        left, right = 2 * box + 1, 2 * box + 2
        to_left = _box_weight(distances, bounds, left, node, corner) + lowest[left]
        to_right = _box_weight(distances, bounds, right, node, corner) + lowest[right]
        stack[height], stack[height + 1] = (right, left) if to_left <= to_right else (left, right)
        height += 2
    return found, weight


@kernel
def _box_weight(distances: Distances, bounds: Array, box: int, node: int, corner: Array) -> float:
    """Return the least distance of a node to a box; every metric of the plane grows with both differences."""
    x, y = distances.points[node, 0], distances.points[node, 1]
    corner[1, 0] = max(0.0, bounds[box, 0] - x, x - bounds[box, 1])
    corner[1, 1] = max(0.0, bounds[box, 2] - y, y - bounds[box, 3])
    return float(distance(Distances(distances.metric, corner, corner), 0, 1))


@kernel
def add_two_cheapest(boxes: Boxes, begin: int, end: int) -> float:
    """Return the weights of the two cheapest edges at each of the nodes ``order[begin:end]``, all added up.

    Each node must be a component of its own, and the tags -1 everywhere.
    """
    stack = np.empty(128, dtype=np.int64)
    corner = np.zeros((2, 2))
    total = 0.0
    for place in range(begin, end):
        skipped = -1
        for _ in range(2):
            skipped, weight = cheapest_edge(boxes, boxes.order[place], skipped, math.inf, stack, corner)
            total += weight
    return total


@kernel
def offer_known(graph: SparseGraph, boxes: Boxes, exits: Exits) -> None:
    """Begin a round: offer each component the edges that are known to leave it.

    Those are the cheapest edges of nodes that still leave the component, and for the other nodes edges of a sparse graph.
    Gets the best edge of each component in ``exits``, which loses the targets that are in it by now.
    """
    starts, heads, costs = graph
    component, potentials, target, best = boxes.component, boxes.potentials, exits.target, exits.best
    best[:] = math.inf
    for node in range(len(component)):
        own = component[node]
        if target[node] >= 0 and component[target[node]] != own:
            if exits.weight[node] < best[own]:
                best[own], exits.tail[own], exits.head[own] = exits.weight[node], node, target[node]
            continue
        target[node] = -1
        for entry in range(starts[node], starts[node + 1]):
            other = heads[entry]
            if component[other] != own:
                candidate = costs[entry] + potentials[node] + potentials[other]
                if candidate < best[own]:
                    best[own], exits.tail[own], exits.head[own] = candidate, node, other


@kernel
def look_out(boxes: Boxes, exits: Exits, begin: int, end: int) -> None:
    """Look for cheaper edges out of their components from the nodes of some boxes.

    Parameters
    ----------
    boxes
        The nodes, with potentials and components.
    exits
        What is known; gets what is found.
    begin, end
        The first box, and the first one that is left out.
    """
    target, weight, best = exits.target, exits.weight, exits.best
    stack = np.empty(128, dtype=np.int64)
    corner = np.zeros((2, 2))
    for box in range(begin, end):
        own = boxes.tags[box]
        alone = own >= 0 and _is_alone(boxes, box, best[own], stack, corner)
        for place in range(boxes.ranges[box, 0], boxes.ranges[box, 1]):
            node = boxes.order[place]
            own = boxes.component[node]
            if target[node] >= 0 or weight[node] >= best[own]:
                continue
            if alone:
                weight[node] = best[own]
                continue
            other, found = cheapest_edge(boxes, node, -1, best[own], stack, corner)
            target[node], weight[node] = other, found
            if other >= 0:
                best[own], exits.tail[own], exits.head[own] = found, node, other


@kernel
def _is_alone(boxes: Boxes, box: int, limit: float, stack: Array, corner: Array) -> bool:
    """Return whether no node of a box, all in one component, can have an edge out of it cheaper than ``limit``."""
    tags, bounds, lowest = boxes.tags, boxes.bounds, boxes.lowest
    inner = len(tags) // 2
    stack[0] = 0
    height = 1
    while height > 0:  # each box of the tree is on the stack once
        height -= 1
        other = stack[height]
        if tags[other] == tags[box]:
            continue
        corner[1, 0] = max(0.0, bounds[other, 0] - bounds[box, 1], bounds[box, 0] - bounds[other, 1])
        corner[1, 1] = max(0.0, bounds[other, 2] - bounds[box, 3], bounds[box, 2] - bounds[other, 3])
        if distance(Distances(boxes.distances.metric, corner, corner), 0, 1) + lowest[box] + lowest[other] >= limit:
            continue
        if other >= inner:
            return False
        stack[height], stack[height + 1] = 2 * other + 1, 2 * other + 2
        height += 2
    return True


@kernel
def join_components(component: Array, exits: Exits, edges: Array, count: int) -> int:
    """End a round: add each component's cheapest edge; return how many edges there are then.

    Of cheapest edges that are equally long and close a cycle, the last one is left out.

    Parameters
    ----------
    component
        The component of each node, [N]; changes.
    exits
        The cheapest edge out of each component.
    edges, count
        Edges in room [N - 1, 2], and how many there are already.
    """
    size = len(component)
    link = np.arange(size)
    for own in range(size):
        if exits.best[own] < math.inf:
            tail, head = exits.tail[own], exits.head[own]
            a, b = root(link, component[tail]), root(link, component[head])
            if a != b:
                link[max(a, b)] = min(a, b)
                edges[count, 0], edges[count, 1] = tail, head
                count += 1
    for node in range(size):
        component[node] = root(link, component[node])
    return count


@kernel
def grow_tree(distances: Distances, potentials: Array, key: Array, parent: Array, done: Array, node: int, steps: int) -> int:
    """Add ``steps`` nodes to Prim's tree, the last one added being ``node``; return the last one added, -1 at the end.

    Parameters
    ----------
    distances
        `Travel.arrays`.
    potentials
        What each node adds to its edges, [N].
    key, parent
        Weight of each node's edge to its parent, [N], infinite at first, and the parents, [N]; both change.
    done
        Which nodes the tree has, [N]; changes.
    node
        The node added last.
    steps
        How many nodes are added.
    """
    for _ in range(steps):
        following = -1
        for other in range(len(key)):
            if done[other]:
                continue
            weight = distance(distances, node, other) + potentials[node] + potentials[other]
            if weight < key[other]:
                key[other], parent[other] = weight, node
            if following < 0 or key[other] < key[following]:
                following = other
        if following < 0:
            return -1
        done[following] = True
        node = following
    return node


@kernel
def cheapest_pair(distances: Distances, potentials: Array, node: int, skipped: int) -> tuple[int, float]:
    """Return the cheapest edge from a node to any but ``skipped``, by a scan of all nodes: (head, weight).

    Parameters
    ----------
    distances, potentials
        Distances, and what each node adds to its edges, [N].
    node, skipped
        The node where the edge begins, and one that is not looked at; -1 for none.
    """
    found, weight = -1, math.inf
    for other in range(len(potentials)):
        if other != node and other != skipped:
            candidate = distance(distances, node, other) + potentials[node] + potentials[other]
            if candidate < weight:
                found, weight = other, candidate
    return found, weight
