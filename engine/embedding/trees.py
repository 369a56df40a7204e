"""`TreeEnsemble`: sums of decision trees, and their columns and rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.embedding.network import check_finite

MARGIN = 1e-12
"""Share by which the ends of a split keep away from a threshold that was rescaled."""


class Tree(NamedTuple):
    """Nodes [N]: ``x[feature] <= threshold`` leads left; leaves have the feature -1 and a value [N, n]."""

    feature: Array
    threshold: Array
    left: Array
    right: Array
    value: Array


@dataclass(frozen=True, eq=False)
class TreeEnsemble:
    """``offset + sum of the values of the leaves that x reaches``.

    Attributes
    ----------
    inputs
        Number of inputs.
    trees, offset
        What is summed up.
    shift, scale
        The trees are given ``(x - shift) / scale``; both [inputs].
    single
        Whether that is rounded to single precision before it meets a threshold, as scikit-learn does.
    """

    inputs: int
    trees: tuple[Tree, ...]
    offset: Array
    shift: Array
    scale: Array
    single: bool = True

    def __post_init__(self) -> None:
        for number, tree in enumerate(self.trees):
            check_finite(f"tree {number}", thresholds=tree.threshold[tree.feature >= 0], values=tree.value)

    def scaled(self, shift: Array, scale: Array) -> TreeEnsemble:
        """Return the ensemble of ``(x - shift) / scale``; both [inputs], the scale above 0."""
        return replace(self, shift=shift + scale * self.shift, scale=scale * self.scale)

    def followed(self, matrix: Array, shift: Array) -> TreeEnsemble:
        """Return the ensemble whose outputs are ``matrix y + shift`` of these outputs y."""
        trees = tuple(tree._replace(value=tree.value @ matrix.T) for tree in self.trees)
        return replace(self, trees=trees, offset=matrix @ self.offset + shift)

    def features(self, points: Array) -> Array:
        """Return what the trees are given at points [N, inputs]."""
        given = (points - self.shift) / self.scale
        return given.astype(np.float32).astype(np.float64) if self.single else np.asarray(given)

    def reached(self, points: Array) -> Array:
        """Return the leaf [N, T] of each tree that points [N, inputs] reach."""
        given, found = self.features(points), np.zeros((len(points), len(self.trees)), np.int64)
        rows = np.arange(len(points))
        for number, tree in enumerate(self.trees):
            node = found[:, number]
            while (inner := tree.feature[node] >= 0).any():
                below = given[rows, np.maximum(tree.feature[node], 0)] <= tree.threshold[node]
                node = np.where(inner, np.where(below, tree.left[node], tree.right[node]), node)
            found[:, number] = node
        return found

    def values(self, points: Array) -> Array:
        """Return the outputs [N, n] at points [N, inputs]."""
        leaves = self.reached(points)
        total = np.broadcast_to(self.offset, (len(points), len(self.offset))).astype(float)
        for number, tree in enumerate(self.trees):
            total = total + tree.value[leaves[:, number]]
        return total

    def ends(self, feature: int, thresholds: Array) -> tuple[Array, Array]:
        """Return for each threshold the greatest input that goes left for certain, and the least that goes right."""
        if self.single:
            near = thresholds.astype(np.float32)
            below = np.where(near <= thresholds, near, np.nextafter(near, np.float32(-np.inf)))
            above = np.nextafter(below, np.float32(np.inf)).astype(np.float64)
        else:
            below, above = thresholds, np.nextafter(thresholds, np.inf)
        scale, shift = float(self.scale[feature]), float(self.shift[feature])
        low, high = below.astype(np.float64) * scale + shift, above * scale + shift
        if scale == 1.0 and shift == 0.0:
            return low, high
        away = MARGIN * np.maximum(1.0, np.abs(low))
        return low - away, high + away
