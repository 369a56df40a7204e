"""Compiled relaxation of orienteering to trees: how likely each node is to be visited, and each pair to be joined.

A path from a first to a last node through some of the others is a tree from the first node, and one more edge from a node
of the tree to the last; in a path all nodes between have two edges. Node potentials charge what a node's edges depart from
that, a value of prizes charges the length, and what is left is to find a tree that collects prizes at a price. Here it is
the shortest spanning tree, with every branch cut off that costs more than it brings, with nodes passed by that are not worth
the way over them, and with those put between two others that are worth the detour. That is not always the cheapest such
tree, which is hard to find, so that no bound is proved. But no node is half left out while it carries others, which
relaxations to spanning trees allow, and the averages of these trees agree with the best paths far better. An ascent moves
the potentials towards the wanted degrees, and the value towards trees as long as the path may be. What share of the trees
has a node or a pair, and how clear the last tree is about them, is what the policy is told.

References
----------
Goemans, Williamson (1995), A general approximation technique for constrained forest problems,
doi:10.1137/S0097539793242618, section 4: trees that collect prizes, and cutting off branches.
Held, Karp (1971), doi:10.1007/BF01584070: trees, one more edge, and potentials. Barahona, Anbil (2000),
doi:10.1007/s101070050002: averages.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.problems.orienteering.tree_paths import collected, count_path, path_of_tree
from redwood.problems.routing.relaxation_kernels import (
    FAR,
    FORBIDDEN,
    find_alpha,
    first_potentials,
    grow_tree,
    measure,
)

TREES, FIRST_STEP, LAST_STEP, AVERAGING = 300, 0.8, 0.03, 0.008
"""Trees computed; first and last step of the ascent in mean edges, in which they fall evenly; weight of a new tree."""
FIRST_GAIN, LAST_GAIN = 0.3, 0.06
"""How strongly the value of prizes follows the length of the first trees and of the last."""
PASSES = 10
"""How often a tree is searched for nodes to pass by, and for nodes to put in, at most."""
SETTLED, EVERY = 60, 5
"""After how many trees paths are made of them, and of each how many of one."""
OUT = 3
"""Numbers that tell of a position whether it is left out."""


class Tree(NamedTuple):
    """A spanning tree of n positions, and the one that collects prizes made of it; distances are in window units.

    Attributes
    ----------
    lengths, potential
        Distances [n, n], and what a node adds to its edges, [n].
    value, gain
        What the prize of each position is worth, [n], and what it brings beyond its cost, or would bring, [n]; lengths.
    parent, order
        Parent [n] of each position in the spanning tree, and the positions [n] in order of entry, position 1 last.
    above, kept
        What each position of the collecting tree hangs on, [n], and which positions it has, [n].
    below
        How many branches begin at each position, and the sum of their first positions, [n, 2].
    detour, where
        The shortest detour over each position, [n], and the lower end of the edge that it leaves, [n].
    """

    lengths: Array
    potential: Array
    value: Array
    gain: Array
    parent: Array
    order: Array
    above: Array
    kept: Array
    below: Array
    detour: Array
    where: Array


@kernel
def _make_tree(n: int, lengths: Array) -> Tree:
    reals, numbers = np.zeros((4, n), dtype=np.float32), np.zeros((4, n), dtype=np.int32)
    kept, below = np.zeros(n, dtype=np.bool_), np.zeros((n, 2), dtype=np.int32)
    parent, order, above, where = numbers[0], numbers[1], numbers[2], numbers[3]
    return Tree(lengths, reals[0], reals[1], reals[2], parent, order, above, kept, below, reals[3], where)


@kernel
def relax_path_trees(
    xy: Array,
    prizes: Array,
    budget: float,
    lengths: Array,
    share: Array,
    alpha: Array,
    out: Array,
    best: Array,
    joined: Array,
) -> tuple[float, int]:
    """Relax the path of at most a length from position 0 to position 1 through some of the others ``xy`` [n, 2].

    Parameters
    ----------
    xy
        Positions [n, 2] in window units: the first one, the last one, then the others.
    prizes
        Of the positions, [n].
    budget
        Length that the path may have.
    lengths, share, alpha
        Room [n, n] or more. Gets the distances; the share of trees that have a pair; how much a spanning tree lengthens that
        must have it, in mean edges.
    out
        Room [n, 2] or more. Gets the share of trees that leave a position out, and what it brings to the last tree, or would
        bring, beyond its cost, in mean edges.
    best, joined
        Room [n], and [n, n] or more. Gets the positions of the path of the highest prize among those that trees were made
        into, and the share of them that have a pair, or a position (on the diagonal).

    Returns
    -------
    tuple
        Length that a prize of 1 is worth, in mean edges, 0 where all positions are the same; how many are in ``best``.
    """
    n = len(xy)
    tree = _make_tree(n, lengths)
    potential, value, gain, kept, above = tree.potential, tree.value, tree.gain, tree.kept, tree.above
    degree = np.zeros(n, dtype=np.int32)
    wanted = np.full(n, 2, dtype=np.int32)
    wanted[:2] = 1
    measure(xy, lengths)
    first_potentials(n, lengths, wanted, potential)
    unit = -2.0 * potential[2:n].mean()
    if unit <= 0.0:
        return 0.0, 0
    inner = lengths[:n, :n].copy()
    inner[1] = FORBIDDEN  # the last position enters spanning trees last and as a leaf, which is cut off again
    inner[:, 1] = FORBIDDEN
    share[:n, :n] = 0.0
    out[:n] = 0.0
    joined[:n, :n] = 0.0
    path = np.zeros(n, dtype=np.int32)
    found, most = 0, -1.0
    gained = unit / max(prizes[2:n].mean(), 1e-12)
    step, follow = FIRST_STEP * unit, FIRST_GAIN
    for t in range(TREES):
        for i in range(n):
            value[i] = gained * prizes[i]
        grow_tree(n, inner, potential, tree.parent, tree.order, tree.detour)
        _prune(tree)
        weight = (AVERAGING if t > 0 else 1.0) * (1.0 - AVERAGING) ** (TREES - 1 - t)  # what later averaging leaves of it
        length = _count(tree, weight, degree, share, out)
        if t >= SETTLED and (t + 1 - SETTLED) % EVERY == 0:
            count = path_of_tree(n, lengths, prizes, above, kept, budget, path)
            count_path(path[:count], EVERY / (TREES - SETTLED), joined)
            total = collected(prizes, path[:count])
            if total > most:
                found, most = count, total
                best[:count] = path[:count]
        if t == TREES - 1:
            break
        for i in range(n):
            if kept[i]:
                potential[i] += np.float32(step * (degree[i] - wanted[i]))
        gained *= math.exp(-follow * min(1.0, max(-1.0, length / budget - 1.0)))
        step *= (LAST_STEP / FIRST_STEP) ** (1.0 / TREES)
        follow *= (LAST_GAIN / FIRST_GAIN) ** (1.0 / TREES)
    find_alpha(n, inner, potential, tree.parent, tree.order, unit, alpha)
    for i in range(n):
        alpha[i, 1] = max(0.0, lengths[i, 1] + potential[i] - lengths[above[1], 1] - potential[above[1]]) / unit
        alpha[1, i] = alpha[i, 1]
        out[i, 1] = gain[i] / unit
    return float(gained / unit), found


@kernel
def _prune(tree: Tree) -> None:
    """Make a spanning tree one that collects prizes: position 1 is a leaf of it."""
    _cut_off(tree)
    tree.above[:] = tree.parent
    _pass_by(tree)
    _join_last(tree)
    _put_between(tree)


@kernel
def _cut_off(tree: Tree) -> None:
    """Write what each branch brings less its cost, and mark what hangs on position 0 by branches that bring more."""
    n, lengths, potential, parent = len(tree.value), tree.lengths, tree.potential, tree.parent
    order, gain, kept = tree.order, tree.gain, tree.kept
    for i in range(n):
        gain[i] = tree.value[i] + 2.0 * potential[i]
    for k in range(n - 2, 0, -1):
        i = order[k]
        p = parent[i]
        gain[i] -= lengths[i, p] + potential[i] + potential[p]
        if gain[i] > 0.0:
            gain[p] += gain[i]
    kept[:] = False
    kept[0] = True
    for k in range(1, n - 1):
        i = order[k]
        kept[i] = kept[parent[i]] and gain[i] > 0.0


@kernel
def _pass_by(tree: Tree) -> None:
    """Take positions out of the tree that are worth less than the way over them costs more than the way past them.

    A shortest spanning tree goes over nodes of little worth that lie on the way. Changes ``above`` and ``kept``, and makes
    the ``gain`` of a position with one edge or two what it brings there.
    """
    n, lengths, potential, value, gain = len(tree.value), tree.lengths, tree.potential, tree.value, tree.gain
    order, above, kept, below = tree.order, tree.above, tree.kept, tree.below
    below[:] = 0
    for k in range(1, n - 1):
        i = order[k]
        if kept[i]:
            below[above[i], 0] += 1
            below[above[i], 1] += i
    for _ in range(PASSES):
        changed = False
        for k in range(n - 2, 0, -1):
            i = order[k]
            if not kept[i] or below[i, 0] > 1:
                continue
            p = above[i]
            if below[i, 0] == 1:
                c = below[i, 1]
                gain[i] = value[i] - lengths[i, p] - lengths[i, c] + lengths[c, p]
            else:
                gain[i] = value[i] + potential[i] - lengths[i, p] - potential[p]
            if gain[i] >= 0.0:
                continue
            kept[i] = False
            changed = True
            below[p, 1] -= i
            if below[i, 0] == 1:
                above[c] = p
                below[p, 1] += c
            else:
                below[p, 0] -= 1
        if not changed:
            break


@kernel
def _join_last(tree: Tree) -> None:
    """Join the last position to the nearest one of the tree, under the potentials; the tree has one beside position 0."""
    n, lengths, potential, kept = len(tree.value), tree.lengths, tree.potential, tree.kept
    if not kept[2:n].any():
        kept[tree.order[1]] = True
    nearest = np.float32(math.inf)
    for i in range(2, n):
        if kept[i] and lengths[1, i] + potential[i] < nearest:
            nearest = lengths[1, i] + potential[i]
            tree.above[1] = i
    kept[1] = True


@kernel
def _put_between(tree: Tree) -> None:
    """Put positions left out between two joined ones where that pays; write what it brings as ``gain``."""
    above, gain, kept, detour, where = tree.above, tree.gain, tree.kept, tree.detour, tree.where
    for _ in range(PASSES):
        _find_detours(tree)
        changed = False
        for i in range(2, len(kept)):
            if kept[i]:
                continue
            gain[i] = tree.value[i] - detour[i]
            j = where[i]
            if gain[i] > 0.0 and detour[j] >= 0.0:
                detour[j] = -1.0  # others that want to be there wait for the next pass
                kept[i] = True
                changed = True
                above[i] = above[j]
                above[j] = i
        if not changed:
            break


@kernel(fastmath=True)
def _find_detours(tree: Tree) -> None:
    """Write the shortest detour over each position from the edges of the tree, and the lower end of the edge.

    The passes are over all positions, those in the tree included, so that they can be vectorised.
    """
    n, lengths, above, kept = len(tree.value), tree.lengths, tree.above, tree.kept
    detour, where = tree.detour, tree.where
    detour[:n] = np.float32(FAR)
    for j in range(1, n):
        if not kept[j]:
            continue
        first = lengths[j]
        second = lengths[above[j]]
        length = first[above[j]]
        tip = np.int32(j)
        for i in range(n):
            way = first[i] + second[i] - length
            old = detour[i]
            where[i] = tip if way < old else where[i]
            detour[i] = min(way, old)
    for j in range(n):
        detour[j] = max(detour[j], np.float32(0.0))


@kernel
def _count(tree: Tree, weight: float, degree: Array, share: Array, out: Array) -> float:
    """Add a tree by its weight to the shares, and to the degrees, begun anew; return its length.

    ``share`` is the share of the trees that have each pair, and column 0 of ``out`` that of trees that leave a position out.
    """
    degree[:] = 0
    length = 0.0
    for i in range(1, len(tree.value)):
        if not tree.kept[i]:
            out[i, 0] += weight
            continue
        j = tree.above[i]
        share[i, j] += weight
        share[j, i] += weight
        degree[i] += 1
        degree[j] += 1
        length += tree.lengths[i, j]
    return length


@kernel
def describe_choice(tokens: int, gained: float, prizes: Array, out: Array, features: Array) -> None:
    """Write to the features [T, OUT] what the relaxation says of leaving tokens out.

    Parameters
    ----------
    tokens
        How many of the first positions are shown.
    gained
        Length that a prize of 1 is worth, in mean edges.
    prizes
        Prizes [tokens or more].
    out
        As `relax_path_trees` writes it, [tokens or more, 2].
    features
        Room [tokens, OUT]; the rows of the first two tokens stay.
    """
    for k in range(2, tokens):
        features[k, 0] = out[k, 0]
        features[k, 1] = math.tanh(-out[k, 1])
        features[k, 2] = math.log1p(gained * prizes[k])
