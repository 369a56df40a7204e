"""Compiled assignment relaxation of a directed path: each node but the last is left, each but the first is reached.

References
----------
Jonker and Volgenant (1987), A shortest augmenting path algorithm for dense and sparse linear assignment problems,
doi:10.1007/BF02278710; here begun from the least costs of rows and columns alone.
"""

from __future__ import annotations

import math

import numpy as np

from redwood.kernels import kernel
from redwood.problems.routing.travel import Array

FORBIDDEN = 1e30


@kernel
def relax_directed_path(matrix: Array, nodes: Array, out: Array, into: Array, follower: Array) -> None:
    """Assign followers at least cost to ``nodes`` [n], which begin with the first and the last node of the path.

    ``out``, ``into`` [n] get the duals, so that ``matrix[i, j] - out[i] - into[j]`` is the reduced cost of going from i
    to j; ``follower`` [n] gets positions, -1 for the last node.
    """
    n = len(nodes)
    costs = np.empty((n, n), dtype=np.float64)
    for i in range(n):
        for j in range(n):
            forbidden = i == j or (i == 0 and j == 1 and n > 2)
            costs[i, j] = FORBIDDEN if forbidden else matrix[nodes[i], nodes[j]]
    leader = np.full(n, -1, dtype=np.int64)
    slack = np.empty(n, dtype=np.float64)
    back = np.empty(n, dtype=np.int64)
    seen = np.zeros(n, dtype=np.bool_)
    follower[:] = -1
    _begin(costs, out, into, follower, leader)
    for first in range(n):
        if first == 1 or follower[first] >= 0:
            continue
        slack[:] = math.inf
        seen[:] = False
        row = first
        column = -1
        while True:
            best = math.inf
            nearest = -1
            for j in range(1, n):
                if seen[j]:
                    continue
                reduced = costs[row, j] - out[row] - into[j]
                if reduced < slack[j]:
                    slack[j] = reduced
                    back[j] = column
                if slack[j] < best:
                    best = slack[j]
                    nearest = j
            out[first] += best
            for j in range(1, n):
                if seen[j]:
                    out[leader[j]] += best
                    into[j] -= best
                else:
                    slack[j] -= best
            column = nearest
            seen[column] = True
            row = leader[column]
            if row < 0:
                break
        while column >= 0:
            previous = back[column]
            leader[column] = first if previous < 0 else leader[previous]
            follower[leader[column]] = column
            column = previous


@kernel
def _begin(costs: Array, out: Array, into: Array, follower: Array, leader: Array) -> None:
    """Write feasible duals, the least cost of each column and then of each row, and followers along edges without slack."""
    n = len(costs)
    into[0] = 0.0
    out[1] = 0.0
    for j in range(1, n):
        into[j] = math.inf
        for i in range(n):
            if i != 1:
                into[j] = min(into[j], costs[i, j])
    for i in range(n):
        if i == 1:
            continue
        out[i] = math.inf
        nearest = -1
        for j in range(1, n):
            if costs[i, j] - into[j] < out[i]:
                out[i] = costs[i, j] - into[j]
                nearest = j
        if leader[nearest] < 0:
            leader[nearest] = i
            follower[i] = nearest
