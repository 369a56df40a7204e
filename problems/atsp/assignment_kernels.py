"""Compiled assignment relaxation of what is left of a directed tour, and the path that patching makes of it.

Each node but the destination is left once, each but the current one is reached once. Such an assignment may fall into
several cycles (the path from the current node to the destination counts as one); joining them at least cost makes a path.

References
----------
Jonker and Volgenant (1987), A shortest augmenting path algorithm for dense and sparse linear assignment problems,
doi:10.1007/BF02278710; here begun from the least costs of rows and columns alone, or from an earlier assignment.
Karp (1979), A patching algorithm for the nonsymmetric traveling-salesman problem, doi:10.1137/0208045.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel

FORBIDDEN = 1e30


class Assignment(NamedTuple):
    """A relaxation of a tail, by node.

    Attributes
    ----------
    out, into
        Duals of leaving and of reaching each node, [N]: ``matrix[i, j] - out[i] - into[j]`` is the reduced cost.
    assigned, follow
        Followers [N] in the assignment and on the patched path.
    """

    out: Array
    into: Array
    assigned: Array
    follow: Array


class Tail(NamedTuple):
    """The assignment problem of a tail.

    Attributes
    ----------
    matrix
        Costs [N, N] of the instance.
    rows, columns
        Node of each row, the current one first, and of each column, the destination first, [n]; from 1 on they are the same.
    leave, reach
        Duals [n] of rows and of columns.
    follower, leader
        Column assigned to each row, and row assigned to each column, [n], -1 for none.
    """

    matrix: Array
    rows: Array
    columns: Array
    leave: Array
    reach: Array
    follower: Array
    leader: Array


@kernel
def relax_tail(
    matrix: Array, current: int, destination: int, open_nodes: Array, place: Array, known: bool, relaxed: Assignment
) -> None:
    """Assign followers at least cost, and write the patched path.

    Parameters
    ----------
    matrix
        Costs [N, N] of the instance.
    current, destination
        Nodes between which the open path runs.
    open_nodes, place
        The nodes between them [n], one or more, and where each stands among them, [N].
    known
        Whether the assignment is that of a tail that this one is a part of: then only what is missing is assigned.
    relaxed
        Gets the assignment.
    """
    out, into, assigned = relaxed.out, relaxed.into, relaxed.assigned
    n = len(open_nodes) + 1
    rows, columns = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32)
    rows[0], columns[0] = current, destination
    rows[1:] = columns[1:] = open_nodes
    leave, reach = np.zeros(n, dtype=np.float64), np.zeros(n, dtype=np.float64)
    follower, leader = np.full(n, -1, dtype=np.int32), np.full(n, -1, dtype=np.int32)
    tail = Tail(matrix, rows, columns, leave, reach, follower, leader)
    if known:
        for i in range(n):
            leave[i] = out[rows[i]]
            reach[i] = into[columns[i]]
            node = assigned[rows[i]]
            j = 0 if node == destination else place[node] + 1
            if (j > 0 or node == destination) and i != j:
                follower[i] = j
                leader[j] = i
    else:
        begin_duals(tail)
    for first in range(n):
        if follower[first] < 0:
            augment(tail, first)
    for i in range(n):
        out[rows[i]] = leave[i]
        into[columns[i]] = reach[i]
        assigned[rows[i]] = columns[follower[i]]
    patch_cycles(tail)
    for i in range(n):
        relaxed.follow[rows[i]] = columns[follower[i]]


@kernel
def path_is_whole(current: int, destination: int, left: int, follow: Array) -> bool:
    """Return whether the followers lead from the current node in ``left + 1`` steps to the destination, and not before.

    Parameters
    ----------
    current, destination
        Nodes between which the open path runs.
    left
        How many open nodes are between them.
    follow
        Follower [N] of each node, -1 for none.
    """
    node = current
    for _ in range(left):
        node = follow[node]
        if node < 0 or node == destination:
            return False
    return bool(follow[node] == destination)


@kernel
def cost_of(tail: Tail, i: int, j: int) -> float:
    """Return the cost from row i to column j; a node does not follow itself, nor the destination the current node."""
    rows = tail.rows
    return FORBIDDEN if i == j and len(rows) > 1 else tail.matrix[rows[i], tail.columns[j]]


@kernel
def begin_duals(tail: Tail) -> None:
    """Write feasible duals, the least cost of each column and then of each row, and followers along edges without slack."""
    leave, reach, follower, leader = tail.leave, tail.reach, tail.follower, tail.leader
    n = len(tail.rows)
    for j in range(n):
        reach[j] = math.inf
        for i in range(n):
            reach[j] = min(reach[j], cost_of(tail, i, j))
    for i in range(n):
        leave[i] = math.inf
        nearest = -1
        for j in range(n):
            reduced = cost_of(tail, i, j) - reach[j]
            if reduced < leave[i]:
                leave[i] = reduced
                nearest = j
        if leader[nearest] < 0:
            leader[nearest] = i
            follower[i] = nearest


@kernel
def augment(tail: Tail, first: int) -> None:
    """Assign a follower to the row ``first`` along a shortest augmenting path, and keep the duals feasible."""
    leave, reach, follower, leader = tail.leave, tail.reach, tail.follower, tail.leader
    n = len(tail.rows)
    slack = np.full(n, math.inf)
    back = np.empty(n, dtype=np.int32)
    seen = np.zeros(n, dtype=np.bool_)
    row = first
    column = -1
    while row >= 0:  # each round sees one more column, and a column without a row is left
        best = math.inf
        nearest = -1
        for j in range(n):
            if seen[j]:
                continue
            reduced = cost_of(tail, row, j) - leave[row] - reach[j]
            if reduced < slack[j]:
                slack[j] = reduced
                back[j] = column
            if slack[j] < best:
                best = slack[j]
                nearest = j
        leave[first] += best
        for j in range(n):
            if seen[j]:
                leave[leader[j]] += best
                reach[j] -= best
            else:
                slack[j] -= best
        column = nearest
        seen[column] = True
        row = leader[column]
    while column >= 0:  # back along the path
        previous = back[column]
        leader[column] = first if previous < 0 else leader[previous]
        follower[leader[column]] = column
        column = previous


@kernel
def patch_cycles(tail: Tail) -> None:
    """Join the cycles of ``follower`` into one, again and again the smallest with that which costs least to join."""
    matrix, rows, columns, follower = tail.matrix, tail.rows, tail.columns, tail.follower
    n = len(rows)
    cycle = np.full(n, -1, dtype=np.int32)
    count = 0
    for i in range(n):
        j = i
        while cycle[j] < 0:  # each round marks a row
            cycle[j] = count
            j = follower[j]
            if cycle[j] == count:
                count += 1
    sizes = np.zeros(count, dtype=np.int32)
    for i in range(n):
        sizes[cycle[i]] += 1
    for _ in range(count - 1):
        smallest = -1
        for c in range(count):
            if sizes[c] > 0 and (smallest < 0 or sizes[c] < sizes[smallest]):
                smallest = c
        least = math.inf
        one = -1
        other = -1
        for i in range(n):
            if cycle[i] != smallest:
                continue
            saved = matrix[rows[i], columns[follower[i]]]
            for j in range(n):
                if cycle[j] == smallest:
                    continue
                added = matrix[rows[i], columns[follower[j]]] + matrix[rows[j], columns[follower[i]]]
                more = added - saved - matrix[rows[j], columns[follower[j]]]
                if more < least:
                    least = more
                    one = i
                    other = j
        follower[one], follower[other] = follower[other], follower[one]
        joined = cycle[other]
        sizes[joined] += sizes[smallest]
        sizes[smallest] = 0
        for i in range(n):
            if cycle[i] == smallest:
                cycle[i] = joined
