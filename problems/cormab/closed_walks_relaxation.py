"""The linear relaxation of closed walks by the blocks of the graph: exact but for the moves and pulls that blocks share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redwood.arrays import Array
from redwood.planning.relaxation import Relaxation
from redwood.problems.cormab.closed_walks import blocks_of

STATES = 200_000
"""The most states (node, visited nodes) of the enumeration in a block."""
SETS = 4000
"""The most visited sets of a block that are compared with each other."""


@dataclass(frozen=True, eq=False)
class _Mixture:
    """What closed walks from the root visit in a block: sets of its nodes, one after the other, and the moves of each."""

    root: int
    sets: list[list[int]]
    moves: Array


def relaxation_by_blocks(edges: Array, distances: Array, source: int, budget: int) -> Relaxation | None:
    """Return a relaxation of the closed walks of 2 ``budget`` moves from a source; ``None`` where a block has too many sets.

    In each block the walk is a mixture of closed walks from the block's root, which is used no more than the root is
    visited in the block before. As blocks share single nodes, mixtures fit together; only that all moves and all pulls of
    *one* walk are within their limits is relaxed to their means.

    Parameters
    ----------
    edges
        Pairs of nodes [M, 2].
    distances
        Moves [J] from the source to each node.
    source
        The node where walks begin and end.
    budget
        Half of the moves of a walk, and the most pulls.
    """
    mixtures = _mixtures(edges, distances, source, budget)
    return None if mixtures is None else _relaxation(mixtures, distances, source, budget)


def _mixtures(edges: Array, distances: Array, source: int, budget: int) -> list[_Mixture] | None:
    """Return the mixtures of all blocks; ``None`` where one has too many sets."""
    near, hanging = blocks_of(edges, distances, source, 2 * budget)
    mixtures = []
    for root, blocks in hanging.items():
        for block in blocks:
            made = _mixture(root, block, near, 2 * budget - 2 * int(distances[root]))
            if made is None:
                return None
            mixtures.append(made)
    return mixtures


def _mixture(root: int, block: set[int], near: dict[int, set[int]], moves: int) -> _Mixture | None:
    """Return the visited sets of a block that no other one contains for as few moves."""
    from redwood.problems.cormab.path_kernels import enumerate_visits

    nodes = [root, *sorted(block - {root})]
    if len(nodes) > 62:
        return None
    place = {node: number for number, node in enumerate(nodes)}
    heads = [[place[other] for other in sorted(near[node] & block)] for node in nodes]
    starts = np.cumsum([0] + [len(row) for row in heads])
    flat = np.array([head for row in heads for head in row], np.int64)
    masks, made = enumerate_visits(starts, flat, np.zeros(len(nodes), np.int64), 0, min(moves, 2 * len(nodes) - 2), STATES)
    if not 0 < len(masks) <= SETS:
        return None
    within = (masks[:, None] & masks[None]) == masks[:, None]
    better = within & (made[None] <= made[:, None]) & (masks[None] != masks[:, None])
    kept = ~better.any(axis=1) & (made > 0)
    sets = [[node for node in nodes[1:] if mask >> place[node] & 1] for mask in masks[kept].tolist()]
    return _Mixture(root, sets, made[kept])


def _relaxation(mixtures: list[_Mixture], distances: Array, source: int, budget: int) -> Relaxation:
    """Return the relaxation: columns are the pulls of nodes within reach, then the shares of the visited sets."""
    from scipy.sparse import csc_array

    reached = np.flatnonzero(distances <= budget).tolist()
    row_of = {node: row for row, node in enumerate(reached)}  # its pulls are at most its visits
    nodes, blocks = len(reached), len(mixtures)
    rows, columns, values = list(range(nodes)), list(range(nodes)), [1.0] * nodes
    column = nodes
    for number, mixture in enumerate(mixtures):
        for visited, moves in zip(mixture.sets, mixture.moves.tolist(), strict=True):
            entries = [(row_of[node], -1.0) for node in visited]
            entries += [(nodes + number, 1.0), (nodes + blocks, float(moves))]
            # what hangs on these nodes is used no more than they are visited
            entries += [(nodes + other, -1.0) for other, hung in enumerate(mixtures) if hung.root in visited]
            rows += [row for row, _ in entries]
            values += [value for _, value in entries]
            columns += [column] * len(entries)
            column += 1
    rows += [nodes + blocks + 1] * nodes
    columns += range(nodes)
    values += [1.0] * nodes
    upper = np.zeros(nodes + blocks + 2)
    upper[row_of[source]] = 1.0
    upper[[nodes + number for number, mixture in enumerate(mixtures) if mixture.root == source]] = 1.0
    upper[-2:] = 2 * budget, budget
    matrix = csc_array((values, (rows, columns)), shape=(len(upper), column))
    links = csc_array((np.ones(nodes), (reached, range(nodes))), shape=(len(distances), column))
    none, most = np.full(len(upper), -np.inf), np.ones(column)
    return Relaxation(np.arange(len(distances)), links, matrix, none, upper, 0 * most, most)
