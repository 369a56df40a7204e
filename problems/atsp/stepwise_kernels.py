"""Compiled windows of the ATSP's decision process. The costs of instance i stand row by row from ``starts[i]`` on."""

from __future__ import annotations

import math

import numpy as np

from redwood.kernels import kernel
from redwood.problems.atsp.assignment_kernels import relax_directed_path
from redwood.problems.routing.stepwise_kernels import sift, sort_heap
from redwood.problems.routing.stepwise_paths import MARKS
from redwood.problems.routing.travel import Array

FEATURES = 12
EDGES = 9
CONTEXT = 3
"""How many nodes the relaxation is made of, in sizes of the window: without some outside, its rim would be wrong."""


@kernel
def cheapest_remaining(row: Array, open_nodes: Array, pool: Array, keys: Array) -> int:
    """Write the open nodes of least cost in ``row`` to ``pool``, cheapest first; return how many."""
    count = min(len(pool), len(open_nodes))
    for k in range(count):
        key = row[open_nodes[k]]
        at = k
        while at > 0 and keys[(at - 1) // 2] < key:
            keys[at] = keys[(at - 1) // 2]
            pool[at] = pool[(at - 1) // 2]
            at = (at - 1) // 2
        keys[at] = key
        pool[at] = open_nodes[k]
    for k in range(count, len(open_nodes)):
        key = row[open_nodes[k]]
        if key < keys[0]:
            keys[0] = key
            pool[0] = open_nodes[k]
            sift(keys, pool, count)
    sort_heap(keys, pool, count)
    return count


@kernel
def window_rows(
    costs: Array,
    starts: Array,
    sizes: Array,
    rows: Array,
    current: Array,
    destination: Array,
    remaining: Array,
    left: Array,
    size: int,
    features: Array,
    edges: Array,
    nodes: Array,
) -> None:
    """Fill ``features`` [B, M + size, F], ``edges`` [B, M + size, M + size, E] and ``nodes`` [B, M + size]."""
    context = CONTEXT * size
    pool = np.empty(context, dtype=np.int32)
    keys = np.empty(context, dtype=np.float64)
    around = np.empty(MARKS + context, dtype=np.int32)
    out = np.empty(MARKS + context, dtype=np.float64)
    into = np.empty(MARKS + context, dtype=np.float64)
    follower = np.empty(MARKS + context, dtype=np.int64)
    for b in range(len(rows)):
        n = sizes[rows[b]]
        matrix = costs[starts[rows[b]] : starts[rows[b]] + n * n].reshape((n, n))
        nodes[b, 0] = current[b]
        nodes[b, 1] = destination[b]
        nodes[b, MARKS:] = -1
        features[b] = 0.0
        edges[b] = 0.0
        count = cheapest_remaining(matrix[current[b]], remaining[b, : left[b]], pool, keys)
        shown = min(count, size)
        tokens = MARKS + shown
        nodes[b, MARKS:tokens] = pool[:shown]
        unit = _describe(matrix, nodes[b, :tokens], left[b], features[b], edges[b])
        around[:MARKS] = nodes[b, :MARKS]
        around[MARKS : MARKS + count] = pool[:count]
        total = MARKS + count
        if count > 0:
            relax_directed_path(matrix, around[:total], out[:total], into[:total], follower[:total])
            _describe_assignment(matrix, nodes[b, :tokens], unit, out, into, follower, features[b], edges[b])


@kernel
def _describe(matrix: Array, nodes: Array, left: int, features: Array, edges: Array) -> float:
    """Write the features of tokens and pairs, in units of the mean least cost of leaving a token; return that unit.

    Tokens: cost from and to the current node, from and to the destination, least cost of leaving and of arriving, then for
    all tokens the cost from the current node to the destination and how many nodes are outside. Pairs: cost there and back,
    how far each exceeds the least of its row and of its column (there), and whether there is cheaper than back.
    Costs enter as logarithms of one plus themselves. A path leaves neither the destination nor arrives at the current node.
    """
    tokens = len(nodes)
    leave = np.full(tokens, math.inf)
    arrive = np.full(tokens, math.inf)
    for i in range(tokens):
        for j in range(tokens):
            if i == j or i == 1 or j == 0 or nodes[i] == nodes[j]:
                continue
            cost = matrix[nodes[i], nodes[j]]
            leave[i] = min(leave[i], cost)
            arrive[j] = min(arrive[j], cost)
    unit = _unit(matrix, nodes, leave)
    for i in range(tokens):
        features[i, 0] = math.log1p(matrix[nodes[0], nodes[i]] / unit)
        features[i, 1] = math.log1p(matrix[nodes[i], nodes[0]] / unit)
        features[i, 2] = math.log1p(matrix[nodes[i], nodes[1]] / unit)
        features[i, 3] = math.log1p(matrix[nodes[1], nodes[i]] / unit)
        features[i, 4] = math.log1p(leave[i] / unit) if leave[i] < math.inf else 0.0
        features[i, 5] = math.log1p(arrive[i] / unit) if arrive[i] < math.inf else 0.0
        features[i, 6] = math.log1p(matrix[nodes[0], nodes[1]] / unit)
        features[i, 7] = math.log((left + 1.0) / (tokens - 1.0))
        for j in range(tokens):
            if i == j:
                continue
            there = matrix[nodes[i], nodes[j]]
            back = matrix[nodes[j], nodes[i]]
            edges[i, j, 0] = math.log1p(there / unit)
            edges[i, j, 1] = math.log1p(back / unit)
            edges[i, j, 2] = math.log1p(max(there - leave[i], 0.0) / unit) if leave[i] < math.inf else 0.0
            edges[i, j, 3] = math.log1p(max(there - arrive[j], 0.0) / unit) if arrive[j] < math.inf else 0.0
            edges[i, j, 4] = 1.0 if there < back else 0.0
    return unit


@kernel
def _describe_assignment(
    matrix: Array, nodes: Array, unit: float, out: Array, into: Array, follower: Array, features: Array, edges: Array
) -> None:
    """Write what the assignment relaxation says of pairs, and to the features what it says of those with the marked tokens.

    That is for either direction whether it is chosen, and a number that falls from 1 as the reduced cost grows.
    """
    for i in range(len(nodes)):
        for j in range(len(nodes)):
            if i == j or i == 1 or j == 0:
                continue
            reduced = max(0.0, matrix[nodes[i], nodes[j]] - out[i] - into[j])
            chosen = 1.0 if follower[i] == j else 0.0
            close = math.exp(-reduced / unit)
            edges[i, j, 5] = chosen
            edges[i, j, 6] = close
            edges[j, i, 7] = chosen
            edges[j, i, 8] = close
            if i == 0:
                features[j, 8] = chosen
                features[j, 9] = close
            if j == 1:
                features[i, 10] = chosen
                features[i, 11] = close


@kernel
def _unit(matrix: Array, nodes: Array, leave: Array) -> float:
    """Return the mean least cost of leaving a token; where that is zero, the mean cost of the window, or one."""
    total = 0.0
    count = 0
    for i in range(len(nodes)):
        if leave[i] < math.inf:
            total += leave[i]
            count += 1
    if total > 0.0:
        return total / count
    for i in range(len(nodes)):
        for j in range(len(nodes)):
            total += matrix[nodes[i], nodes[j]]
    return total / (len(nodes) * len(nodes)) if total > 0.0 else 1.0
