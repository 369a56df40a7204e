"""Compiled relaxation of orienteering to trees: how likely each node is to be visited, and each pair to be joined.

A path from a first to a last node through some of the others is a spanning tree once every node left out hangs on an extra
node instead: its edge there costs what its prize is worth, and counts as the two edges that it does without. Shortest
spanning trees under potentials, which an ascent moves towards those degrees, and under a worth of prizes that makes the
path as long as it may be, tell what share of the trees has a pair and how much a tree lengthens that must have it.

References
----------
Volgenant and Jonker (1987), On some generalizations of the travelling-salesman problem, doi:10.1057/jors.1987.186: the
extra node. Held and Karp (1971), doi:10.1007/BF01584070: trees and potentials.
"""

from __future__ import annotations

import math

import numpy as np

from redwood.kernels import kernel
from redwood.problems.routing.relaxation_kernels import (
    FORBIDDEN,
    find_alpha,
    first_potentials,
    grow_tree,
    measure,
)
from redwood.problems.routing.travel import Array

TREES, FIRST_STEP, DECAY, AVERAGING = 100, 0.6, 0.96, 0.05
"""Spanning trees computed; first step of the ascent in mean edges; its factor from step to step; weight of a new tree."""
FIRST_GAIN = 0.6
"""How strongly the worth of prizes follows the length of the first trees; falls as the steps do."""
OUT = 3
"""Numbers that tell of a position whether it is left out."""


@kernel
def relax_outing(
    xy: Array,
    prizes: Array,
    budget: float,
    trees: int,
    first_step: float,
    decay: float,
    averaging: float,
    gain: float,
    lengths: Array,
    share: Array,
    alpha: Array,
) -> float:
    """Relax the path of at most a length from position 0 to position 1 through some of the others ``xy`` [n, 2].

    Parameters
    ----------
    prizes
        Of the positions, [n].
    budget
        Length that the path may have.
    trees
        Spanning trees computed.
    first_step, decay, averaging, gain
        As the constants of this module.
    lengths, share, alpha
        Room [n + 1, n + 1] or more, the last row and column for being left out. Gets the distances; the share of trees that
        have a pair; how much a tree lengthens that must have it, in mean edges.

    Returns
    -------
    float
        Length that a prize of 1 is worth, in mean edges; 0 where all positions are the same.
    """
    n = len(xy)
    potential = np.zeros(n + 1, dtype=np.float32)
    degree = np.zeros(n, dtype=np.int32)
    before = np.zeros(n, dtype=np.int32)
    wanted = np.full(n, 2, dtype=np.int32)
    wanted[:2] = 1
    parent = np.zeros(n + 1, dtype=np.int32)
    order = np.zeros(n + 1, dtype=np.int32)
    key = np.zeros(n + 1, dtype=np.float32)
    measure(xy, lengths)
    lengths[0, 1] = FORBIDDEN
    lengths[1, 0] = FORBIDDEN
    first_potentials(n, lengths, wanted, potential)
    unit = -2.0 * potential[2:n].mean()
    if unit <= 0.0:
        return 0.0
    share[: n + 1, : n + 1] = 0.0
    worth = unit / max(prizes[2:n].mean(), 1e-12)
    step = first_step * unit
    for t in range(trees):
        _hang_out(n, worth, prizes, potential, lengths)
        grow_tree(n + 1, lengths, potential, parent, order, key)
        weight = (averaging if t > 0 else 1.0) * (1.0 - averaging) ** (trees - 1 - t)
        length = _count(n, weight, lengths, parent, order, degree, share)
        if t == trees - 1:
            break
        for i in range(n):
            excess = degree[i] - wanted[i]
            potential[i] += np.float32(step * (0.7 * excess + 0.3 * before[i]))
            before[i] = excess
        worth *= math.exp(-gain * min(1.0, max(-1.0, length / budget - 1.0)))
        step *= decay
        gain *= decay
    find_alpha(n + 1, lengths, potential, parent, order, unit, alpha)
    return float(worth / unit)


@kernel
def _hang_out(n: int, worth: float, prizes: Array, potential: Array, lengths: Array) -> None:
    """Write the edges of the extra node: always in the tree at position 0, never at 1, else what leaving out costs."""
    lengths[0, n] = -FORBIDDEN
    lengths[1, n] = FORBIDDEN
    for i in range(2, n):
        lengths[i, n] = worth * prizes[i] + potential[i]
    for i in range(n):
        lengths[n, i] = lengths[i, n]


@kernel
def _count(n: int, weight: float, lengths: Array, parent: Array, order: Array, degree: Array, share: Array) -> float:
    """Add a tree to the degrees, begun anew, and to the shares; return the length of its edges between positions."""
    degree[:] = 0
    length = 0.0
    for k in range(1, n + 1):
        i = order[k]
        j = parent[i]
        if min(i, j) == 0 and max(i, j) == n:
            continue
        share[i, j] += weight
        share[j, i] += weight
        if max(i, j) == n:
            degree[min(i, j)] += 2
        else:
            degree[i] += 1
            degree[j] += 1
            length += lengths[i, j]
    return length


@kernel
def describe_choice(tokens: int, out: int, worth: float, prizes: Array, share: Array, alpha: Array, features: Array) -> None:
    """Write to the features [T, OUT] what the relaxation says of leaving tokens out; ``out`` is the extra node."""
    for k in range(2, tokens):
        features[k, 0] = share[k, out]
        features[k, 1] = math.exp(-2.0 * alpha[k, out])
        features[k, 2] = math.log1p(worth * prizes[k])
