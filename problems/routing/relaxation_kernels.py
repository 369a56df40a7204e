"""Compiled Held-Karp relaxation of a small path or routing problem: how likely each pair of nodes is to be joined.

A path from a first to a last node through all others is a spanning tree in which the two have one edge and the others have
two; routes are one with some more edges at the depot. Shortest spanning trees under node potentials, which an ascent moves
towards the wanted degrees, tell two things of a pair: what
share of the trees has it, which estimates the pair's value in the linear relaxation (Barahona and Anbil 2000, the volume
algorithm, doi:10.1007/s101070050002), and how much a tree lengthens that must have it, its alpha-nearness (Helsgaun
2000, doi:10.1016/S0377-2217(99)00284-2).

References
----------
Held and Karp (1971), The traveling-salesman problem and minimum spanning trees: Part II, doi:10.1007/BF01584070.
Fisher (1994), Optimal solution of vehicle routing problems using minimum K-trees, doi:10.1287/opre.42.4.626.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel

EDGES = 2
"""Numbers that describe a pair of positions."""
FORBIDDEN, FAR = 1e15, 1e30
"""Length of a pair that must not be joined, and more than any length."""


class Ascent(NamedTuple):
    """How potentials move.

    Attributes
    ----------
    steps
        Spanning trees computed.
    first_step, decay
        Length of the first step, in mean tree edges, and the factor from step to step.
    averaging
        Weight of the newest tree in the average of trees.
    """

    steps: int
    first_step: float
    decay: float
    averaging: float


@kernel
def relax_path(
    xy: Array, wanted: Array, extra: int, joined: bool, ascent: Ascent, lengths: Array, share: Array, alpha: Array
) -> tuple[float, float]:
    """Relax the path, or the routes, from position 0 through all others ``xy`` [n, 2] to position 1, the depot of routes.

    Parameters
    ----------
    xy
        Positions [n, 2] in any unit.
    wanted
        Number of edges [n] that each position has in a solution.
    extra
        Number of edges at position 1 beyond those of a spanning tree.
    joined
        Whether positions 0 and 1 may have an edge.
    ascent
        How the potentials move.
    lengths, share, alpha
        Room [n, n] or more. Gets the distances; the share of trees that have a pair; the alpha-nearness in mean tree edges.

    Returns
    -------
    tuple of float
        The mean length of an edge of the first tree, 0 where all positions are the same; and the best bound that the trees
        gave on the length of the path or of the routes, both in the unit of ``xy``.
    """
    n, steps, averaging = len(xy), ascent.steps, ascent.averaging
    chosen = np.zeros(n, dtype=np.bool_)
    potential = np.empty(n, dtype=np.float32)
    degree = np.zeros(n, dtype=np.int32)
    before = np.zeros(n, dtype=np.int32)
    parent = np.zeros(n, dtype=np.int32)
    order = np.zeros(n, dtype=np.int32)
    key = np.zeros(n, dtype=np.float32)
    measure(xy, lengths)
    if not joined:
        lengths[0, 1] = FORBIDDEN
        lengths[1, 0] = FORBIDDEN
    first_potentials(n, lengths, wanted, potential)
    share[:n, :n] = 0.0
    unit = 0.0
    step = 0.0
    bound = 0.0
    for t in range(steps):
        grow_tree(n, lengths, potential, parent, order, key)
        if t == 0:
            for k in range(1, n):
                unit += lengths[order[k], parent[order[k]]]
            unit /= n - 1
            if unit <= 0.0:
                return 0.0, 0.0
            step = ascent.first_step * unit
        weight = (averaging if t > 0 else 1.0) * (1.0 - averaging) ** (steps - 1 - t)  # what later averaging leaves of it
        degree[:] = 0
        length = 0.0
        for k in range(1, n):
            i = order[k]
            j = parent[i]
            length += lengths[i, j]
            degree[i] += 1
            degree[j] += 1
            share[i, j] += weight
            share[j, i] += weight
        if extra > 0:
            pick_extra(n, extra, joined, lengths, potential, parent, chosen)
            for i in range(n):
                if chosen[i]:
                    degree[i] += 1
                    degree[1] += 1
                    length += lengths[i, 1]
                    share[i, 1] += weight
                    share[1, i] += weight
        for i in range(n):
            length += potential[i] * (degree[i] - wanted[i])
        bound = max(bound, length)
        if t == steps - 1:
            break
        for i in range(n):
            excess = degree[i] - wanted[i]
            potential[i] += np.float32(step * (0.7 * excess + 0.3 * before[i]))
            before[i] = excess
        step *= ascent.decay
    find_alpha(n, lengths, potential, parent, order, unit, alpha)
    for i in range(n):
        if chosen[i]:
            alpha[i, 1] = 0.0
            alpha[1, i] = 0.0
    return unit, bound


@kernel
def first_potentials(n: int, lengths: Array, wanted: Array, potential: Array) -> None:
    """Begin with minus a quarter of the distances to the two nearest others, at the ends twice to the nearest.

    Parameters
    ----------
    n
        Number of positions.
    lengths
        Distances [n, n].
    wanted
        Number of edges [n] that each position has in a solution.
    potential
        Room [n]. Gets the potentials, float32 in the unit of the distances.
    """
    for i in range(n):
        nearest = np.float32(math.inf)
        second = np.float32(math.inf)
        for j in range(n):
            if j == i:
                continue
            if lengths[i, j] < nearest:
                second = nearest
                nearest = lengths[i, j]
            elif lengths[i, j] < second:
                second = lengths[i, j]
        potential[i] = np.float32(-0.25) * (nearest + (second if wanted[i] > 1 and n > 2 else nearest))


@kernel(fastmath=True)
def measure(xy: Array, lengths: Array) -> None:
    """Write the distances [n, n] of positions."""
    n = len(xy)
    x = xy[:, 0].astype(np.float32)
    y = xy[:, 1].astype(np.float32)
    for i in range(n):
        row = lengths[i]
        for j in range(n):
            dx = x[j] - x[i]
            dy = y[j] - y[i]
            row[j] = math.sqrt(dx * dx + dy * dy)


@kernel(fastmath=True)
def grow_tree(n: int, lengths: Array, potential: Array, parent: Array, order: Array, key: Array) -> None:
    """Write a shortest spanning tree under the potentials: its nodes in order of entry, and their parents.

    The passes are plain ones over all nodes, those in the tree included, so that they can be vectorised. All lengths are
    shifted to be positive: then they compare like the unsigned numbers that their bits spell, and what is in the tree,
    marked by a negative key, is more than any.

    Parameters
    ----------
    n
        Number of positions.
    lengths, potential
        Distances [n, n], and what a node adds to its edges, [n].
    parent, order
        Room [n]. Get the parent of each position, -1 for position 0, and the positions in order of entry.
    key
        Room [n] float32 for the length that joins each to the tree.
    """
    far = np.float32(FAR)
    bits = key.view(np.uint32)
    lowest = np.float32(0.0)
    for j in range(n):
        lowest = min(lowest, potential[j])
    shift = np.float32(-2.0) * lowest
    key[:n] = far
    key[0] = -far
    parent[:n] = 0
    parent[0] = -1
    order[0] = 0
    node = np.int64(0)
    for entered in range(1, n):
        row = lengths[node]
        own = potential[node] + shift
        tip = np.int32(node)
        for j in range(n):
            w = row[j] + own + potential[j]
            old = key[j]
            parent[j] = tip if w < old else parent[j]
            key[j] = min(w, old)
        least = np.uint32(0xFFFFFFFF)
        for j in range(n):
            least = min(least, bits[j])
        first = np.uint32(n)
        for j in range(n):
            first = min(first, np.uint32(j) if bits[j] == least else np.uint32(n))
        node = np.int64(first)
        key[node] = -far
        order[entered] = node


@kernel
def pick_extra(n: int, extra: int, joined: bool, lengths: Array, potential: Array, parent: Array, chosen: Array) -> None:
    """Mark the ``extra`` positions nearest to position 1, under the potentials, that have no edge with it in the tree.

    Parameters
    ----------
    n
        Number of positions.
    extra
        How many positions are marked, where there are so many.
    joined
        Whether positions 0 and 1 may have an edge.
    lengths, potential
        Distances [n, n], and what a node adds to its edges, [n].
    parent
        Parent [n] of each position in the tree.
    chosen
        Room [n]. Gets which are marked.
    """
    chosen[:] = False
    for _ in range(extra):
        best = np.float32(math.inf)
        where = -1
        for i in range(n):
            if i == 1 or chosen[i] or parent[i] == 1 or parent[1] == i or (i == 0 and not joined):
                continue
            w = lengths[i, 1] + potential[i]
            if w < best:
                best = w
                where = i
        if where < 0:
            return
        chosen[where] = True


@kernel(fastmath=True)
def find_alpha(n: int, lengths: Array, potential: Array, parent: Array, order: Array, unit: float, alpha: Array) -> None:
    """Write by how much a tree lengthens that must have a pair, in units: its length less the longest edge it replaces.

    Parameters
    ----------
    n
        Number of positions.
    lengths, potential
        Distances [n, n], and what a node adds to its edges, [n].
    parent, order
        Parent [n] of each position in the tree, and the positions in order of entry.
    unit
        Length by which the results are divided, above 0.
    alpha
        Room [n, n]. Gets the results, 0 for the edges of the tree.
    """
    alpha[0, :n] = 0.0
    for k in range(1, n):
        i = order[k]
        p = parent[i]
        edge = lengths[i, p] + potential[i] + potential[p]
        row = alpha[i]
        above = alpha[p]
        for j in range(n):  # what is written for nodes that enter later is written again when they do
            row[j] = max(edge, above[j])
        row[p] = edge
        for m in range(k):
            alpha[order[m], i] = row[order[m]]
    scale = np.float32(1.0 / unit)
    for i in range(n):
        row = alpha[i]
        reach = lengths[i]
        for j in range(n):
            row[j] = max(np.float32(0.0), reach[j] + potential[i] + potential[j] - row[j]) * scale
        row[i] = 0.0


@kernel
def describe_pairs(tokens: int, share: Array, alpha: Array, features: Array, edges: Array) -> None:
    """Write what the relaxation says of pairs of tokens, and to the features what it says of those with the first two.

    Parameters
    ----------
    tokens
        How many of the first positions are shown.
    share, alpha
        Share of the trees that have a pair, and its alpha-nearness, [tokens or more, tokens or more].
    features
        Room [tokens, 2 * EDGES]. Gets what is written for the pairs with the first and the second position.
    edges
        Room [tokens, tokens, EDGES]. Gets the share, and a number that falls from 1 as the alpha-nearness grows.
    """
    for i in range(tokens):
        for j in range(tokens):
            if i != j:
                edges[i, j, 0] = share[i, j]
                edges[i, j, 1] = math.exp(-2.0 * alpha[i, j])
        for m in range(2):
            for e in range(EDGES):
                features[i, EDGES * m + e] = edges[m, i, e]
