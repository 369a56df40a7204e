"""Subtour rows of the ATSP: sets of nodes that too little leaves.

References
----------
Dantzig, Fulkerson, Johnson (1954), doi:10.1287/opre.2.4.393.
"""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.problems.routing.mincut import CutFinder

VIOLATION = 1e-4
"""A set counts as violated where its arcs sum to less than 1 by this much."""


def violated_sets(size: int, tails: Array, heads: Array, values: Array, *, most: int = 60) -> Array:
    """Return sets [R, N] of nodes without node 0 that arcs of a value below 1 in all lead into.

    Connected components are tried first; only where there is one, minimum cuts between node 0 and the others.

    Parameters
    ----------
    size
        Number of nodes N.
    tails, heads, values
        Arcs [E] with their values in the linear relaxation.
    most
        How many sets are returned at most.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    used = values > 1e-7
    tails, heads, values = tails[used], heads[used], values[used]
    graph = coo_array((values, (tails, heads)), shape=(size, size))
    count, label = connected_components(graph, directed=True, connection="strong")
    if count > 1:
        members = label[None, :] == np.arange(count)[:, None]
        violated = _violated(members, tails, heads, values)
        if len(violated):
            return violated[:most]
    return _minimum_cuts(size, tails, heads, values, most)


def _violated(members: Array, tails: Array, heads: Array, values: Array) -> Array:
    """Return the sets without node 0, or their complements, that too little leads into or out of."""
    into = np.array([values[row[heads] & ~row[tails]].sum() for row in members])
    out = np.array([values[row[tails] & ~row[heads]].sum() for row in members])
    members = members[(np.minimum(into, out) < 1.0 - VIOLATION) & ~members.all(axis=1)]
    members = np.where(members[:, :1], ~members, members)
    return np.unique(members, axis=0)


def _minimum_cuts(size: int, tails: Array, heads: Array, values: Array, most: int) -> Array:
    finder = CutFinder(size, tails, heads, values)
    found: list[Array] = []
    covered = np.zeros(size, dtype=bool)
    for node in range(1, size):
        if covered[node] or len(found) == most:
            continue
        capacity, side = finder.cut(0, node)
        if capacity < 1.0 - VIOLATION:
            found.append(side)
            covered |= side
    return np.unique(np.array(found), axis=0) if found else np.zeros((0, size), dtype=bool)
