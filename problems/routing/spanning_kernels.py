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

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.problems.routing.distance import distance

LEAF = 8


@kernel
def split_points(points: Array, order: Array, ranges: Array, boxes: Array) -> None:
    """Build a k-d tree: sort ``order`` [N], and set each box's range of it [T, 2] and bounds [T, 4] (x, x, y, y).

    Boxes are numbered as in a heap: those below box b are 2 b + 1 and 2 b + 2. T is one less than a power of two.
    """
    ranges[0, 0] = 0
    ranges[0, 1] = len(order)
    inner = len(ranges) // 2
    for box in range(len(ranges)):
        begin, end = ranges[box, 0], ranges[box, 1]
        boxes[box, 0] = boxes[box, 2] = math.inf
        boxes[box, 1] = boxes[box, 3] = -math.inf
        for place in range(begin, end):
            x, y = points[order[place], 0], points[order[place], 1]
            boxes[box, 0] = min(boxes[box, 0], x)
            boxes[box, 1] = max(boxes[box, 1], x)
            boxes[box, 2] = min(boxes[box, 2], y)
            boxes[box, 3] = max(boxes[box, 3], y)
        if box < inner:
            middle = (begin + end) // 2
            axis = 0 if boxes[box, 1] - boxes[box, 0] >= boxes[box, 3] - boxes[box, 2] else 1
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
def lower_potentials(order: Array, ranges: Array, potentials: Array, lowest: Array) -> None:
    """Set the least potential of each box's nodes, ``lowest`` [T]."""
    inner = len(ranges) // 2
    for box in range(len(ranges) - 1, -1, -1):
        if box < inner:
            lowest[box] = min(lowest[2 * box + 1], lowest[2 * box + 2])
        else:
            lowest[box] = math.inf
            for place in range(ranges[box, 0], ranges[box, 1]):
                lowest[box] = min(lowest[box], potentials[order[place]])


@kernel
def tag_components(order: Array, ranges: Array, component: Array, tags: Array) -> None:
    """Set the component that all nodes of a box belong to, or -1 where they differ, ``tags`` [T]."""
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
def cheapest_edge(
    metric: int,
    points: Array,
    order: Array,
    ranges: Array,
    boxes: Array,
    lowest: Array,
    tags: Array,
    component: Array,
    potentials: Array,
    node: int,
    skipped: int,
    limit: float,
    stack: Array,
    corner: Array,
) -> tuple[int, float]:
    """Return the cheapest edge from a node to another component, if cheaper than ``limit``: (head or -1, weight).

    ``skipped`` is a node that is not looked at; ``stack`` [>= 64] and ``corner`` [2, 2], all zero, are scratch space.
    """
    found, weight = -1, limit
    own = component[node]
    inner = len(ranges) // 2
    base = potentials[node]
    stack[0] = 0
    height = 1
    while height > 0:  # each box of the tree is on the stack once
        height -= 1
        box = stack[height]
        if tags[box] == own or _box_weight(metric, points, boxes, box, node, corner) + base + lowest[box] >= weight:
            continue
        if box >= inner:
            for place in range(ranges[box, 0], ranges[box, 1]):
                head = order[place]
                if component[head] != own and head != skipped:
                    candidate = distance(metric, points, corner, node, head) + base + potentials[head]
                    if candidate < weight:
                        found, weight = head, candidate
            continue
        left, right = 2 * box + 1, 2 * box + 2
        to_left = _box_weight(metric, points, boxes, left, node, corner) + lowest[left]
        to_right = _box_weight(metric, points, boxes, right, node, corner) + lowest[right]
        stack[height], stack[height + 1] = (right, left) if to_left <= to_right else (left, right)
        height += 2
    return found, weight


@kernel
def _box_weight(metric: int, points: Array, boxes: Array, box: int, node: int, corner: Array) -> float:
    """Return the least distance of a node to a box; every metric of the plane grows with both differences."""
    x, y = points[node, 0], points[node, 1]
    corner[1, 0] = max(0.0, boxes[box, 0] - x, x - boxes[box, 1])
    corner[1, 1] = max(0.0, boxes[box, 2] - y, y - boxes[box, 3])
    return float(distance(metric, corner, corner, 0, 1))


@kernel
def add_two_cheapest(
    metric: int,
    points: Array,
    order: Array,
    ranges: Array,
    boxes: Array,
    lowest: Array,
    tags: Array,
    component: Array,
    potentials: Array,
    begin: int,
    end: int,
) -> float:
    """Return the weights of the two cheapest edges at each of the nodes ``order[begin:end]``, all added up.

    ``tags`` must be -1 everywhere, and ``component`` the nodes' own numbers.
    """
    stack = np.empty(128, dtype=np.int64)
    corner = np.zeros((2, 2))
    total = 0.0
    for place in range(begin, end):
        skipped = -1
        for _ in range(2):
            skipped, weight = cheapest_edge(
                metric, points, order, ranges, boxes, lowest, tags, component, potentials, order[place], skipped, math.inf,
                stack, corner
            )  # fmt: skip
            total += weight
    return total


@kernel
def offer_known(
    starts: Array,
    heads: Array,
    costs: Array,
    potentials: Array,
    component: Array,
    target: Array,
    weight: Array,
    best: Array,
    tail: Array,
    head: Array,
) -> None:
    """Begin a round: offer each component the edges that are known to leave it.

    ``best``, ``tail`` and ``head`` [N] receive each component's cheapest edge so far. ``target`` [N] is the head of a
    node's cheapest edge to another component when it was looked for, and ``weight`` [N] its weight: still the cheapest
    while the head belongs to another component, a lower bound afterwards. Edges of a sparse graph are offered besides.
    """
    best[:] = math.inf
    for node in range(len(component)):
        own = component[node]
        if target[node] >= 0 and component[target[node]] != own:
            if weight[node] < best[own]:
                best[own], tail[own], head[own] = weight[node], node, target[node]
            continue
        target[node] = -1
        for entry in range(starts[node], starts[node + 1]):
            other = heads[entry]
            if component[other] != own:
                candidate = costs[entry] + potentials[node] + potentials[other]
                if candidate < best[own]:
                    best[own], tail[own], head[own] = candidate, node, other


@kernel
def look_out(
    metric: int,
    points: Array,
    order: Array,
    ranges: Array,
    boxes: Array,
    lowest: Array,
    tags: Array,
    component: Array,
    potentials: Array,
    target: Array,
    weight: Array,
    best: Array,
    tail: Array,
    head: Array,
    begin: int,
    end: int,
) -> None:
    """Look for cheaper edges out of their components from the nodes of the boxes ``begin`` to ``end - 1``."""
    stack = np.empty(128, dtype=np.int64)
    corner = np.zeros((2, 2))
    for box in range(begin, end):
        own = tags[box]
        alone = own >= 0 and _is_alone(metric, ranges, boxes, lowest, tags, box, best[own], stack, corner)
        for place in range(ranges[box, 0], ranges[box, 1]):
            node = order[place]
            own = component[node]
            if target[node] >= 0 or weight[node] >= best[own]:
                continue
            if alone:
                weight[node] = best[own]
                continue
            other, found = cheapest_edge(
                metric, points, order, ranges, boxes, lowest, tags, component, potentials, node, -1, best[own], stack, corner
            )
            target[node], weight[node] = other, found
            if other >= 0:
                best[own], tail[own], head[own] = found, node, other


@kernel
def _is_alone(
    metric: int,
    ranges: Array,
    boxes: Array,
    lowest: Array,
    tags: Array,
    box: int,
    limit: float,
    stack: Array,
    corner: Array,
) -> bool:
    """Return whether no node of a box, all in one component, can have an edge out of it cheaper than ``limit``."""
    inner = len(ranges) // 2
    stack[0] = 0
    height = 1
    while height > 0:  # each box of the tree is on the stack once
        height -= 1
        other = stack[height]
        if tags[other] == tags[box]:
            continue
        corner[1, 0] = max(0.0, boxes[other, 0] - boxes[box, 1], boxes[box, 0] - boxes[other, 1])
        corner[1, 1] = max(0.0, boxes[other, 2] - boxes[box, 3], boxes[box, 2] - boxes[other, 3])
        if distance(metric, corner, corner, 0, 1) + lowest[box] + lowest[other] >= limit:
            continue
        if other >= inner:
            return False
        stack[height], stack[height + 1] = 2 * other + 1, 2 * other + 2
        height += 2
    return True


@kernel
def join_components(component: Array, best: Array, tail: Array, head: Array, edges: Array, count: int) -> int:
    """End a round: add each component's cheapest edge to ``edges`` [N - 1, 2] from row ``count``; return the new count.

    Of cheapest edges that are equally long and close a cycle, the last one is left out.
    """
    size = len(component)
    link = np.arange(size)
    for own in range(size):
        if best[own] < math.inf:
            a, b = _root(link, component[tail[own]]), _root(link, component[head[own]])
            if a != b:
                link[max(a, b)] = min(a, b)
                edges[count, 0], edges[count, 1] = tail[own], head[own]
                count += 1
    for node in range(size):
        component[node] = _root(link, component[node])
    return count


@kernel
def _root(link: Array, node: int) -> int:
    while link[node] != node:  # a forest: no node is met twice
        link[node] = link[link[node]]
        node = link[node]
    return node


@kernel
def grow_tree(
    metric: int,
    points: Array,
    matrix: Array,
    potentials: Array,
    key: Array,
    parent: Array,
    done: Array,
    node: int,
    steps: int,
) -> int:
    """Add ``steps`` nodes to Prim's tree, the last one added being ``node``; return the last one added, -1 at the end.

    ``key`` [N] is the weight of each node's edge to its ``parent`` [N], infinite at first; ``done`` [N] tells the tree.
    """
    for _ in range(steps):
        following = -1
        for other in range(len(key)):
            if done[other]:
                continue
            weight = distance(metric, points, matrix, node, other) + potentials[node] + potentials[other]
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
def cheapest_pair(
    metric: int, points: Array, matrix: Array, potentials: Array, node: int, skipped: int
) -> tuple[int, float]:
    """Return the cheapest edge from a node to any but ``skipped``, by a scan of all nodes: (head, weight)."""
    found, weight = -1, math.inf
    for other in range(len(potentials)):
        if other != node and other != skipped:
            candidate = distance(metric, points, matrix, node, other) + potentials[node] + potentials[other]
            if candidate < weight:
                found, weight = other, candidate
    return found, weight
