"""Compiled windows of the ATSP's decision process. The costs of instance i stand row by row from ``starts[i]`` on."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.problems.atsp.assignment_kernels import Assignment, path_is_whole, relax_tail
from redwood.problems.routing.stepwise_kernels import remove, sift, sort_heap
from redwood.problems.routing.stepwise_paths import MARKS
from redwood.problems.routing.windows import WindowArrays

FEATURES = 14
EDGES = 11


@kernel
def cheapest_remaining(row: Array, open_nodes: Array, pool: Array, keys: Array) -> int:
    """Write the open nodes of least cost in ``row`` to ``pool``, cheapest first; return how many.

    Parameters
    ----------
    row
        Costs [N] of the way to every node.
    open_nodes
        Nodes [n] to choose from, in any order.
    pool, keys
        Room [k]. Get the cheapest nodes, cheapest first, and their costs; k says how many are wanted.
    """
    count = min(len(pool), len(open_nodes))
    for k in range(count):
        key = row[open_nodes[k]]
        at = k
        while at > 0 and keys[(at - 1) // 2] < key:  # up the heap
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


class Instances(NamedTuple):
    """The costs of all instances, each matrix row by row; where that of each begins, [I + 1]; and its nodes, [I]."""

    costs: Array
    starts: Array
    sizes: Array


class Rows(NamedTuple):
    """Arrays of `redwood.problems.atsp.stepwise.Assignments`."""

    rows: Array
    left: Array
    current: Array
    destination: Array
    remaining: Array
    place: Array
    known: Array
    out: Array
    into: Array
    assigned: Array
    follow: Array


@kernel
def window_rows(instances: Instances, batch: Rows, size: int, window: WindowArrays) -> None:
    """Fill the window with the current node, the destination, and up to ``size`` nodes that are cheapest to go to.

    The relaxation of all that is left is renewed in the rows where the path has left the patched one.

    Parameters
    ----------
    instances
        All instances.
    batch
        The rows, whose relaxations change.
    size
        Tokens beside the two marked ones, T - 2.
    window
        Room.
    """
    pool = np.empty(size, dtype=np.int32)
    keys = np.empty(size, dtype=np.float64)
    for b in range(len(batch.rows)):
        n = instances.sizes[batch.rows[b]]
        matrix = instances.costs[instances.starts[batch.rows[b]] : instances.starts[batch.rows[b]] + n * n].reshape((n, n))
        window.nodes[b, 0] = batch.current[b]
        window.nodes[b, 1] = batch.destination[b]
        window.nodes[b, MARKS:] = -1
        window.features[b] = 0.0
        window.edges[b] = 0.0
        if batch.left[b] == 0:
            continue
        relaxed = Assignment(batch.out[b], batch.into[b], batch.assigned[b], batch.follow[b])
        if not (batch.known[b] and path_is_whole(batch.current[b], batch.destination[b], batch.left[b], batch.follow[b])):
            opened = batch.remaining[b, : batch.left[b]]
            relax_tail(matrix, batch.current[b], batch.destination[b], opened, batch.place[b], batch.known[b], relaxed)
            batch.known[b] = True
        count = cheapest_remaining(matrix[batch.current[b]], batch.remaining[b, : batch.left[b]], pool, keys)
        _include(batch.follow[b, batch.current[b]], pool[:count])
        tokens = MARKS + count
        window.nodes[b, MARKS:tokens] = pool[:count]
        unit = _describe(matrix, window.nodes[b, :tokens], batch.left[b], window.features[b], window.edges[b])
        _describe_assignment(matrix, window.nodes[b, :tokens], unit, relaxed, window.features[b], window.edges[b])


@kernel
def look_ahead_rows(instances: Instances, batch: Rows, nodes: Array, costs: Array) -> None:
    """Write the cost of a step to each of some nodes with the patched path from there through all that is left.

    Parameters
    ----------
    instances, batch
        As for `window_rows`; the rows stay as they are.
    nodes
        Nodes [B, K] that may be visited next, -1 for none.
    costs
        Room [B, K]. Gets the costs, infinite where there is no node.
    """
    costs[:] = math.inf
    for b in range(len(batch.rows)):
        n = instances.sizes[batch.rows[b]]
        matrix = instances.costs[instances.starts[batch.rows[b]] : instances.starts[batch.rows[b]] + n * n].reshape((n, n))
        current, destination, left = batch.current[b], batch.destination[b], batch.left[b]
        relaxed = Assignment(batch.out[b].copy(), batch.into[b].copy(), batch.assigned[b].copy(), batch.follow[b].copy())
        if not batch.known[b]:
            relax_tail(matrix, current, destination, batch.remaining[b, :left], batch.place[b], False, relaxed)
        for k in range(nodes.shape[1]):
            node = nodes[b, k]
            if node < 0:
                continue
            opened, place = batch.remaining[b].copy(), batch.place[b].copy()
            remove(node, opened, place, left)
            tail = opened[: left - 1]
            after = Assignment(relaxed.out.copy(), relaxed.into.copy(), relaxed.assigned.copy(), relaxed.follow.copy())
            relax_tail(matrix, node, destination, tail, place, True, after)
            costs[b, k] = matrix[current, node] + _path_cost(matrix, node, tail, after.follow)


@kernel
def _path_cost(matrix: Array, current: int, open_nodes: Array, follower: Array) -> float:
    """Return the cost of going from the current node and from each open one to its follower."""
    total = matrix[current, follower[current]]
    for node in open_nodes:
        total += matrix[node, follower[node]]
    return float(total)


@kernel
def _include(node: int, pool: Array) -> None:
    """Put a node into the pool in place of the last one, if it is not there."""
    for other in pool:
        if other == node:
            return
    pool[-1] = node


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
    matrix: Array, nodes: Array, unit: float, relaxed: Assignment, features: Array, edges: Array
) -> None:
    """Write what the relaxation says of pairs, and to the features what it says of those with the marked tokens.

    That is for either direction whether the assignment has it, a number that falls from 1 as the reduced cost grows, and
    whether the patched path has it. The ``nodes`` [T] are the current one, the destination, then open ones; reduced costs
    are divided by ``unit``; columns from 8 on of the features, and from 5 on of the numbers of pairs, are written.
    """
    out, into, assigned, follow = relaxed
    for i in range(len(nodes)):
        for j in range(len(nodes)):
            if i == j or i == 1 or j == 0:
                continue
            reduced = max(0.0, matrix[nodes[i], nodes[j]] - out[nodes[i]] - into[nodes[j]])
            chosen = 1.0 if assigned[nodes[i]] == nodes[j] else 0.0
            close = math.exp(-reduced / unit)
            patched = 1.0 if follow[nodes[i]] == nodes[j] else 0.0
            edges[i, j, 5] = chosen
            edges[i, j, 6] = close
            edges[j, i, 7] = chosen
            edges[j, i, 8] = close
            edges[i, j, 9] = patched
            edges[j, i, 10] = patched
            if i == 0:
                features[j, 8] = chosen
                features[j, 9] = close
                features[j, 12] = patched
            if j == 1:
                features[i, 10] = chosen
                features[i, 11] = close
                features[i, 13] = patched


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
