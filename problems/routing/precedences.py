"""Precedences of a directed tour from node 0: checked, broken by tours, and closed under what follows from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError
from redwood.problem import frozen
from redwood.problems.routing.fixed_edges import node_pairs
from redwood.problems.routing.sequence import SHOWN


def check_precedences(values: Any, size: int) -> Array:
    """Return precedences [P, 2], read-only int64, from pairs of nodes of which the first is visited before the second.

    Raises
    ------
    InstanceError
        Where they are no pairs of different nodes, one comes before node 0, or they go round in a circle.
    """
    pairs = np.unique(node_pairs(values, size, "precedences"), axis=0)
    early = pairs[pairs[:, 1] == 0, 0]
    if len(early):
        raise InstanceError(f"precedences put node {early[0]} before node 0, from which the tour starts.")
    if len(pairs) and len(in_some_order(pairs, size)) < size:
        raise InstanceError("precedences go round in a circle, so no tour keeps them.")
    return frozen(pairs, np.int64)


def in_some_order(pairs: Array, size: int) -> list[int]:
    """Return nodes in an order that keeps the precedences, without those that a circle keeps out."""
    waiting = np.bincount(pairs[:, 1], minlength=size)
    after: list[list[int]] = [[] for _ in range(size)]
    for first, second in pairs.tolist():
        after[first].append(second)
    order = np.flatnonzero(waiting == 0).tolist()
    for node in order:  # grows on the way
        for other in after[node]:
            waiting[other] -= 1
            if waiting[other] == 0:
                order.append(other)
    return [int(node) for node in order]


def broken_precedences(tour: Array, pairs: Array) -> list[str]:
    """Return in words which precedences a tour of all nodes breaks, read from node 0."""
    position = np.empty(len(tour), dtype=np.int64)
    position[tour] = np.arange(len(tour))
    position = (position - position[0]) % max(1, len(tour))
    wrong = pairs[position[pairs[:, 0]] > position[pairs[:, 1]]]
    return [f"tour visits node {second} before node {first}, which must come first." for first, second in wrong[:SHOWN]]


def all_precedences(pairs: Array, size: int) -> Array:
    """Return whether each node must come before each other one [N, N], by chains of precedences too."""
    before = np.zeros((size, size), dtype=np.bool_)
    before[0, 1:] = True
    before[pairs[:, 0], pairs[:, 1]] = True
    for node in reversed(in_some_order(pairs, size)):
        followers = np.flatnonzero(before[node])
        if node and len(followers):
            before[node] |= before[followers].any(axis=0)
    return before


def nearest_allowed(matrix: Array, before: Array) -> Array:
    """Return a tour [N] from node 0 to the nearest node, each time, all of whose predecessors were visited."""
    waiting, left = before.sum(axis=0), np.ones(len(matrix), dtype=np.bool_)
    order = [0]
    left[0] = False
    for _ in range(len(matrix) - 1):
        waiting = waiting - before[order[-1]]
        free = np.flatnonzero(left & (waiting == 0))
        order.append(int(free[np.argmin(matrix[order[-1], free])]))
        left[order[-1]] = False
    return np.array(order, dtype=np.int64)
