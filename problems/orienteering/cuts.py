"""Generalised subtour rows of orienteering: ``x(E(S)) <= y(S) - y_i`` for sets S of inner nodes and i in S.

References
----------
Fischetti, Salazar Gonzalez, Toth (1998), Solving the orienteering problem through branch-and-cut,
doi:10.1287/ijoc.10.2.133, section 2: every visited node is connected to the root by two edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redwood.arrays import Array
from redwood.problems.routing.mincut import CutFinder

VIOLATION = 1e-4
"""A row counts as violated by more than this much."""


@dataclass(frozen=True)
class CutSets:
    """Sets ``members`` [R, M] of inner nodes, each with the node ``kept`` [R] in it whose visit is not counted."""

    members: Array
    kept: Array


def violated_sets(size: int, visits: Array, tails: Array, heads: Array, values: Array, *, most: int = 80) -> CutSets:
    """Return violated rows for visits [M] and edge values: pairs first, then components, then minimum cuts.

    ``tails`` < ``heads`` number inner nodes below ``size`` and roots from there on.

    Parameters
    ----------
    size
        Number of inner nodes M.
    visits
        Value [M] of each inner node's visit in the linear relaxation.
    tails, heads, values
        Edges [E], with their values in the relaxation.
    most
        How many rows are returned at most.
    """
    used = values > 1e-7
    tails, heads, values = tails[used], np.minimum(heads[used], size), values[used]
    found = _pairs(size, visits, tails, heads, values)
    if len(found.kept) < most:
        found = _joined(found, _components(size, visits, tails, heads, values))
    if len(found.kept) == 0:
        found = _minimum_cuts(size, visits, tails, heads, values, most)
    return CutSets(found.members[:most], found.kept[:most])


def _pairs(size: int, visits: Array, tails: Array, heads: Array, values: Array) -> CutSets:
    """Return edges used more than one of their ends is visited."""
    inner = heads < size
    tails, heads, values = tails[inner], heads[inner], values[inner]
    excess = values - np.minimum(visits[tails], visits[heads])
    order = np.argsort(-excess, kind="stable")
    order = order[excess[order] > VIOLATION]
    members = np.zeros((len(order), size), dtype=bool)
    members[np.arange(len(order)), tails[order]] = True
    members[np.arange(len(order)), heads[order]] = True
    more = np.where(visits[tails[order]] >= visits[heads[order]], tails[order], heads[order])
    return CutSets(members, more)


def _components(size: int, visits: Array, tails: Array, heads: Array, values: Array) -> CutSets:
    """Return the connected sets of visited nodes that miss the root."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((values, (tails, heads)), shape=(size + 1, size + 1))
    count, label = connected_components(graph, directed=False)
    members = label[None, :size] == np.arange(count)[:, None]
    apart = np.flatnonzero((np.arange(count) != label[size]) & ((members * visits).max(axis=1, initial=0.0) > VIOLATION))
    kept = (members[apart] * visits).argmax(axis=1) if len(apart) else np.zeros(0, dtype=np.int64)
    return CutSets(members[apart], kept)


def _minimum_cuts(size: int, visits: Array, tails: Array, heads: Array, values: Array, most: int) -> CutSets:
    finder = CutFinder(size + 1, np.append(tails, heads), np.append(heads, tails), np.append(values, values))
    members: list[Array] = []
    kept: list[int] = []
    covered = np.zeros(size, dtype=bool)
    for node in np.argsort(-visits, kind="stable"):
        if visits[node] <= VIOLATION or len(kept) == most:
            break
        if covered[node]:
            continue
        capacity, side = finder.cut(size, int(node))
        if capacity < 2.0 * visits[node] - VIOLATION:
            members.append(side[:size])
            kept.append(int(node))
            covered |= side[:size]
    return CutSets(np.array(members, dtype=bool).reshape(-1, size), np.array(kept, dtype=np.int64))


def _joined(first: CutSets, second: CutSets) -> CutSets:
    return CutSets(np.concatenate([first.members, second.members]), np.concatenate([first.kept, second.kept]))
