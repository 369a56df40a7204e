"""The Held-Karp ascent on a sparse graph: 1-trees, and potentials that make their degrees 2."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.problems.routing.spanning_kernels import SparseGraph


class Tree(NamedTuple):
    """Room for a 1-tree.

    Attributes
    ----------
    parent
        Each node's parent in the spanning tree, [N].
    degree
        Degrees in the 1-tree, [N].
    key, place, heap
        What joins each node to the tree, its place on the heap, and the heap, [N] each.
    """

    parent: Array
    degree: Array
    key: Array
    place: Array
    heap: Array


@kernel
def ascend(
    graph: SparseGraph,
    potentials: Array,
    best_potentials: Array,
    previous: Array,
    best: float,
    step: float,
    iterations: int,
) -> float:
    """Make subgradient steps on ``potentials`` [N]; return the best bound, whose potentials are in ``best_potentials``.

    Each step adds ``step * (0.6 d + 0.4 d')`` where d is the degree in the minimum 1-tree less 2, and d' the one before
    (``previous`` [N]), the weights of Volgenant and Jonker (1982, doi:10.1016/0377-2217(82)90015-7). The graph is connected;
    ``best`` is the best bound so far, and potentials and the step are in the unit of the lengths.

    Parameters
    ----------
    graph
        A connected graph.
    potentials, best_potentials
        What each node adds to its edges, [N], which changes, and room [N] for those of the best bound.
    previous
        Degree less 2 [N] of the step before; changes.
    best
        The best bound so far.
    step, iterations
        Length of a step, in the unit of the lengths, and how many are made.
    """
    size = len(potentials)
    parent, place, heap = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    tree = Tree(parent, np.empty(size, np.int64), np.empty(size), place, heap)
    for _ in range(iterations):
        bound = one_tree(graph, potentials, tree)
        if bound > best:
            best = bound
            best_potentials[:] = potentials
        for node in range(size):
            potentials[node] += step * (0.6 * (tree.degree[node] - 2) + 0.4 * previous[node])
            previous[node] = tree.degree[node] - 2
    return best


@kernel
def one_tree(graph: SparseGraph, potentials: Array, tree: Tree) -> float:
    """Return the weight of a minimum 1-tree less twice the potentials [N], and set ``tree.degree`` to its degrees.

    The 1-tree is a spanning tree with a second edge at that leaf whose second edge costs most: each leaf would do, and
    this one bounds best (Helsgaun 2000, doi:10.1016/S0377-2217(99)00284-2, section 4.1).
    """
    parent, degree = tree.parent, tree.degree
    size = len(potentials)
    total = spanning_tree(graph, potentials, tree)
    degree[:] = 0
    for node in range(1, size):
        degree[node] += 1
        degree[parent[node]] += 1
    leaf, other, extra = -1, -1, -math.inf
    for node in range(size):
        total -= 2.0 * potentials[node]
        if degree[node] == 1:
            head, weight = _second_edge(graph, potentials, parent, node)
            if head >= 0 and weight > extra:
                leaf, other, extra = node, head, weight
    degree[leaf] += 1
    degree[other] += 1
    return total + extra


@kernel
def _second_edge(graph: SparseGraph, potentials: Array, parent: Array, node: int) -> tuple[int, float]:
    """Return a leaf's cheapest edge beside that of the tree: (head or -1, weight)."""
    starts, heads, costs = graph
    found, weight = -1, math.inf
    for entry in range(starts[node], starts[node + 1]):
        other = heads[entry]
        if other == parent[node] or parent[other] == node:
            continue
        candidate = costs[entry] + potentials[node] + potentials[other]
        if candidate < weight:
            found, weight = other, candidate
    return found, weight


@kernel
def spanning_tree(graph: SparseGraph, potentials: Array, tree: Tree) -> float:
    """Return the weight of a minimum spanning tree under potentials [N], and set each node's ``parent`` (node 0: -1).

    Prim's algorithm with a binary heap.
    """
    starts, heads, costs = graph
    parent, key, place, heap = tree.parent, tree.key, tree.place, tree.heap
    size = len(potentials)
    key[:] = math.inf
    place[:] = -1
    parent[0] = -1
    key[0] = 0.0
    heap[0] = 0
    place[0] = 0
    height = 1
    total = 0.0
    while height > 0:  # each node is taken off the heap once
        node = heap[0]
        height -= 1
        if height > 0:
            _sink(heap, place, key, heap[height], height)
        place[node] = size
        total += key[node]
        base = potentials[node]
        for entry in range(starts[node], starts[node + 1]):
            other = heads[entry]
            if place[other] == size:
                continue
            weight = costs[entry] + base + potentials[other]
            if weight < key[other]:
                key[other] = weight
                parent[other] = node
                if place[other] < 0:
                    place[other] = height
                    height += 1
                _rise(heap, place, key, other)
    return total


@kernel
def _sink(heap: Array, place: Array, key: Array, node: int, height: int) -> None:
    """Put ``node`` at the top of the heap and let it sink."""
    at, weight = 0, key[node]
    while True:  # down the heap
        child = 2 * at + 1
        if child >= height:
            break
        if child + 1 < height and key[heap[child + 1]] < key[heap[child]]:
            child += 1
        if key[heap[child]] >= weight:
            break
        heap[at] = heap[child]
        place[heap[at]] = at
        at = child
    heap[at] = node
    place[node] = at


@kernel
def _rise(heap: Array, place: Array, key: Array, node: int) -> None:
    """Let ``node`` rise from its place in the heap."""
    at, weight = place[node], key[node]
    while at > 0:  # up the heap
        above = (at - 1) // 2
        if key[heap[above]] <= weight:
            break
        heap[at] = heap[above]
        place[heap[at]] = at
        at = above
    heap[at] = node
    place[node] = at
