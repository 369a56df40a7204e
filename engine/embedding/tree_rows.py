"""Trees as rows: a binary a split, a share a leaf, and for every tree and split the leaves that lie on either side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.embedding.formulation import Formulation, RowList
from redwood.embedding.trees import Tree, TreeEnsemble
from redwood.errors import ModelError


class Splits(NamedTuple):
    """Where the range of one input is split, in ascending order.

    An input in cell c lies above the first c splits: from ``starts[c - 1]``, or the lower bound, to ``ends[c]``, or the
    upper one.
    """

    ends: Array
    starts: Array
    number: dict[float, int]
    """Thresholds to the number of their split; -1 where all inputs go right, K where all go left."""


class Leaves(NamedTuple):
    """The leaves of a tree that can be reached: first and last cell [L, F] of each input that it splits."""

    features: Array
    first: Array
    last: Array
    value: Array
    node: Array


@dataclass(frozen=True, eq=False)
class TreeFormulation(Formulation):
    """An ensemble's formulation.

    Attributes
    ----------
    ensemble
        What it is of.
    low, high
        The bounds [inputs] of the inputs.
    splits
        Of each input that is split.
    literal
        Column, factor and constant of "below the split", for each split of each such input.
    leaves, first_leaf
        Of each tree, and its leaves' first column.
    """

    ensemble: TreeEnsemble
    low: Array
    high: Array
    splits: dict[int, Splits]
    literal: dict[int, list[tuple[int, float, float]]]
    leaves: tuple[Leaves, ...]
    first_leaf: tuple[int, ...]

    def complete(self, point: Array) -> Array:
        """Return the values of all columns [inputs + C] at a point [inputs]."""
        values = np.zeros(self.inputs + len(self.lower))
        values[: self.inputs] = point
        for feature, splits in self.splits.items():
            cell = int(np.searchsorted(splits.starts, point[feature], side="right"))
            for place, (column, _, _) in enumerate(self.literal[feature]):
                if column >= self.inputs:
                    values[column] = float(cell <= place)
        reached = self.ensemble.reached(point[None])[0]
        for leaves, first, node in zip(self.leaves, self.first_leaf, reached, strict=True):
            values[first + np.flatnonzero(leaves.node == node)] = 1.0
        return values

    def snap(self, values: Array) -> Array:
        """Return the inputs [inputs] moved into the cells that the binaries say."""
        point = np.clip(values[: self.inputs], self.low, self.high)
        for feature, splits in self.splits.items():
            below = [factor * values[column] + constant > 0.5 for column, factor, constant in self.literal[feature]]
            cell = len(below) - sum(below)
            least = self.low[feature] if cell == 0 else splits.starts[cell - 1]
            most = self.high[feature] if cell == len(below) else splits.ends[cell]
            point[feature] = np.clip(point[feature], least, most)
        return point


def tree_formulation(ensemble: TreeEnsemble, low: Array, high: Array, integer: Array) -> TreeFormulation:
    """Return the columns and rows of an ensemble of inputs within bounds, some of them integer; all three [inputs].

    With y_k for "below split k" of an input and z_l for "leaf l", for every tree ``sum z = 1``, the leaves below a split
    together ``<= y_k`` and those above it ``<= 1 - y_k``. That is at least as tight as rows for each node, as the paper has
    them: a tree may have many nodes for one split.

    Parameters
    ----------
    ensemble
        The trees.
    low, high
        Limits [inputs] of the inputs.
    integer
        Which inputs [inputs] take whole numbers only.

    References
    ----------
    Misic (2020), Optimization of tree ensembles, doi:10.1287/opre.2019.1928, section 2.
    """
    given, (low, high) = (low, high), _certain(ensemble, low, high, integer)
    splits = _all_splits(ensemble, low, high, integer)
    rows, literal, column = RowList(), dict[int, list[tuple[int, float, float]]](), ensemble.inputs
    for feature in np.flatnonzero((low > given[0]) | (high < given[1])).tolist():
        rows.add([feature], [1.0], float(low[feature]), float(high[feature]))
    for feature, own in splits.items():
        if integer[feature] and high[feature] - low[feature] == 1 and len(own.ends) == 1:
            literal[feature] = [(feature, -1.0, float(high[feature]))]
            continue
        names = np.arange(column, column + len(own.ends))
        literal[feature] = [(int(name), 1.0, 0.0) for name in names]
        column += len(names)
        _link(rows, feature, own, names, float(low[feature]), float(high[feature]))
    binaries, leaves, firsts = column - ensemble.inputs, list[Leaves](), list[int]()
    for tree in ensemble.trees:
        found = _leaves(tree, splits)
        _add_tree(rows, found, literal, column)
        leaves.append(found)
        firsts.append(column)
        column += len(found.value)
    count = column - ensemble.inputs
    outputs = np.zeros((len(ensemble.offset), column))
    for found, first in zip(leaves, firsts, strict=True):
        outputs[:, first : first + len(found.value)] = found.value.T
    return TreeFormulation(
        ensemble.inputs,
        np.zeros(count),
        np.ones(count),
        np.arange(count) < binaries,
        rows.rows(),
        outputs,
        ensemble.offset,
        ensemble,
        low,
        high,
        splits,
        literal,
        tuple(leaves),
        tuple(firsts),
    )


def _certain(ensemble: TreeEnsemble, low: Array, high: Array, integer: Array) -> tuple[Array, Array]:
    """Return bounds [inputs] moved off the few numbers next to a threshold whose side is a matter of rounding."""
    least, most = low.copy(), high.copy()
    for tree in ensemble.trees:
        for feature in np.unique(tree.feature[tree.feature >= 0]).tolist():
            if integer[feature]:
                continue
            ends, starts = ensemble.ends(feature, tree.threshold[tree.feature == feature])
            inside = (ends < low[feature]) & (low[feature] < starts) & (starts <= high[feature])
            least[feature] = max([least[feature], *starts[inside].tolist()])
            inside = (ends < high[feature]) & (high[feature] < starts) & (low[feature] <= ends)
            most[feature] = min([most[feature], *ends[inside].tolist()])
    return least, most


def _all_splits(ensemble: TreeEnsemble, low: Array, high: Array, integer: Array) -> dict[int, Splits]:
    """Return the splits of each input that has any within its bounds."""
    found: dict[int, Splits] = {}
    for feature in range(ensemble.inputs):
        parts = [tree.threshold[tree.feature == feature] for tree in ensemble.trees]
        thresholds = np.unique(np.concatenate([np.zeros(0), *parts]))
        if len(thresholds):
            found[feature] = _splits(ensemble, feature, thresholds, (float(low[feature]), float(high[feature])), integer)
    return found


def _splits(ensemble: TreeEnsemble, feature: int, thresholds: Array, bounds: tuple[float, float], integer: Array) -> Splits:
    """Return the splits of one input; thresholds without an integer between them are one split."""
    low, high = bounds
    left, right = ensemble.ends(feature, thresholds)
    if integer[feature]:
        left = np.floor(left)
        right = left + 1.0
    ends, starts, number = list[float](), list[float](), dict[float, int]()
    for threshold, end, start in zip(thresholds.tolist(), left.tolist(), right.tolist(), strict=True):
        if start > high and end < low:
            point = np.full(ensemble.inputs, low)
            number[threshold] = len(thresholds) if ensemble.features(point[None])[0, feature] <= threshold else -1
        elif start > high:
            number[threshold] = len(thresholds)
        elif end < low:
            number[threshold] = -1
        else:
            if not ends or end > ends[-1]:
                ends.append(end)
                starts.append(start)
            number[threshold] = len(ends) - 1
    return Splits(np.array(ends), np.array(starts), number)


def _link(rows: RowList, feature: int, splits: Splits, names: Array, low: float, high: float) -> None:
    """Add the rows that tie an input to its splits: in order, and the input in the cell that they say."""
    count = len(names)
    for place in range(count - 1):
        rows.add([names[place], names[place + 1]], [1.0, -1.0], -np.inf, 0.0)
    if not count:
        return
    steps = np.diff(np.concatenate([[low], splits.starts]))  # x >= low + sum steps (1 - y)
    rows.add([feature, *names], [1.0, *steps], low + float(steps.sum()), np.inf)
    steps = np.diff(np.concatenate([splits.ends, [high]]))  # x <= high - sum steps y
    rows.add([feature, *names], [1.0, *steps], -np.inf, high)


def _leaves(tree: Tree, splits: dict[int, Splits]) -> Leaves:
    """Return the leaves that inputs within the bounds can reach."""
    features = np.unique(tree.feature[tree.feature >= 0])
    place = {int(feature): position for position, feature in enumerate(features)}
    cells = np.array([len(splits[int(feature)].ends) for feature in features], np.int64)
    stack = [(0, np.zeros(len(features), np.int64), cells)]
    first, last, nodes = list[Array](), list[Array](), list[int]()
    while stack:
        node, low, high = stack.pop()
        feature = int(tree.feature[node])
        if feature < 0:
            first.append(low)
            last.append(high)
            nodes.append(node)
            continue
        own, split = place[feature], splits[feature].number[float(tree.threshold[node])]
        if split >= low[own]:
            most = high.copy()
            most[own] = min(high[own], split)
            stack.append((int(tree.left[node]), low, most))
        if split < high[own]:
            least = low.copy()
            least[own] = max(low[own], split + 1)
            stack.append((int(tree.right[node]), least, high))
    if not nodes:
        raise ModelError("no leaf of a tree can be reached within the bounds of the inputs.")
    shape = (len(nodes), len(features))
    return Leaves(
        features, np.array(first).reshape(shape), np.array(last).reshape(shape), tree.value[nodes], np.array(nodes)
    )


def _add_tree(rows: RowList, leaves: Leaves, literal: dict[int, list[tuple[int, float, float]]], column: int) -> None:
    """Add the rows of one tree, whose leaves' columns begin with the one given."""
    count = len(leaves.value)
    rows.add(np.arange(column, column + count), np.ones(count), 1.0, 1.0)
    for position, feature in enumerate(leaves.features.tolist()):
        for below, members in _sides(leaves.first[:, position], leaves.last[:, position], len(literal.get(feature, ()))):
            split = int(leaves.last[members, position].max()) if below else int(leaves.first[members, position].min()) - 1
            name, factor, constant = literal[feature][split]
            sign = 1.0 if below else -1.0  # sum z <= y, or sum z <= 1 - y
            columns, values = [*(column + members), name], [*np.ones(len(members)), -sign * factor]
            rows.add(columns, values, -np.inf, sign * constant + (0.0 if below else 1.0))


def _sides(first: Array, last: Array, count: int) -> list[tuple[bool, Array]]:
    """Return the leaves below and above each split where such a set is a new one."""
    found = [(True, np.flatnonzero(last <= split)) for split in sorted(set(last.tolist())) if split < count]
    return found + [(False, np.flatnonzero(first >= cell)) for cell in sorted(set(first.tolist())) if cell > 0]
