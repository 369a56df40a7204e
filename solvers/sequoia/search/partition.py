"""`Part`: a ReLU whose inputs stand in groups, between the formulation by limits and the convex hull of the ReLU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.planning.contract import ActionSet
from redwood.solvers.sequoia.networks.folded import Folded, reach

LIMITS = list[tuple[Array, Array]]
"""Limits of the inputs of each layer's neurons."""


@dataclass(frozen=True, eq=False)
class Part:
    """The groups of one ReLU: ``v_g`` is what group g brings where the ReLU is on, and 0 where it is off.

    With z for "on", b the bias, and l_g, u_g the limits of ``w_g x``, the rows are ``h - sum_g v_g - b z = 0`` and for
    each group ``l_g z <= v_g <= u_g z`` and ``l_g (1 - z) <= w_g x - v_g <= u_g (1 - z)``. They stand beside those of
    the whole ReLU, whose limits over an action set may be tighter than the sum of its groups'.

    Attributes
    ----------
    layer, neuron
        Which one it is.
    switch
        Its column z.
    sources, weights, inputs
        Of each group: neurons of the layer before (or indicators), their weights, and their columns.
    columns
        The columns [G] of v.
    row
        The first of its 1 + 4 G rows.
    low, high
        Limits [G] of the groups over the action set, for the first layer; later ones' follow from the layer before.

    References
    ----------
    Tsay, Kronqvist, Thebelt, Misener (2021), Partition-based formulations for mixed-integer optimization of trained ReLU
    neural networks, arXiv:2102.04373, equations 10 to 15.
    """

    layer: int
    neuron: int
    switch: int
    sources: list[Array]
    weights: list[Array]
    inputs: list[Array]
    columns: Array
    row: int
    low: Array
    high: Array

    def limits(self, found: LIMITS) -> tuple[Array, Array]:
        """Return the least and the greatest value [G] of each group."""
        if self.layer == 0:
            return self.low, self.high
        low, high = (np.maximum(limit, 0.0) for limit in found[self.layer - 1])
        pairs = list(zip(self.sources, self.weights, strict=True))
        least = [float(np.where(own > 0, own * low[rows], own * high[rows]).sum()) for rows, own in pairs]
        most = [float(np.where(own > 0, own * high[rows], own * low[rows]).sum()) for rows, own in pairs]
        return np.array(least) - 1e-9, np.array(most) + 1e-9

    def update(self, highs: Any, folded: Folded, found: LIMITS) -> None:
        """Write what depends on the state."""
        low, high = self.limits(found)
        highs.changeCoeff(self.row, self.switch, -float(folded.biases[self.layer][self.neuron]))
        for group, (least, most) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
            row = self.row + 1 + 4 * group
            highs.changeColBounds(int(self.columns[group]), min(least, 0.0), max(most, 0.0))
            for place, limit in enumerate((most, least, most, least)):
                highs.changeCoeff(row + place, self.switch, limit if place < 2 else -limit)
            highs.changeRowBounds(row, -np.inf, most)
            highs.changeRowBounds(row + 1, least, np.inf)

    def begin(self, columns: Array) -> None:
        """Complete a known solution by the values of v."""
        for column, inputs, weights in zip(self.columns.tolist(), self.inputs, self.weights, strict=True):
            columns[column] = columns[self.switch] * float(columns[inputs] @ weights)


def add_parts(
    highs: Any, actions: ActionSet, weights: tuple[Array, ...], values: list[Array], switches: list[Array], groups: int
) -> list[Part]:
    """Add columns and rows for every ReLU that has a switch and inputs enough, and return what must be kept of them.

    Parameters
    ----------
    values, switches
        Columns [n] of each layer's values and switches; -1 for ReLUs without one.
    groups
        The most groups of inputs.
    """
    previous, parts = np.arange(weights[0].shape[1]), []
    for layer, matrix in enumerate(weights[:-1]):
        for neuron in np.flatnonzero(switches[layer] >= 0).tolist():
            sources = grouped(matrix[neuron], groups)
            if len(sources) > 1:
                ends = int(values[layer][neuron]), int(switches[layer][neuron])
                low, high = _reached(actions, matrix[neuron], sources) if layer == 0 else (np.zeros(0), np.zeros(0))
                parts.append(_added(highs, (layer, neuron), ends, matrix[neuron], sources, previous, (low, high)))
        previous = values[layer]
    return parts


def grouped(row: Array, groups: int) -> list[Array]:
    """Return the inputs with a weight in groups of alike weights and about the same size."""
    used = np.flatnonzero(row)
    ordered = used[np.argsort(row[used], kind="stable")]
    return [group for group in np.array_split(ordered, groups) if len(group)]


def _reached(actions: ActionSet, row: Array, sources: Sequence[Array]) -> tuple[Array, Array]:
    """Return the limits [G] of each group of a first-layer neuron over the action set."""
    split = np.zeros((len(sources), len(row)))
    for group, inputs in enumerate(sources):
        split[group, inputs] = row[inputs]
    found = reach(actions, split)
    return found.least, found.greatest


def _added(
    highs: Any,
    whose: tuple[int, int],
    ends: tuple[int, int],
    row: Array,
    sources: list[Array],
    previous: Array,
    limits: tuple[Array, Array],
) -> Part:
    """Add the columns and rows of one ReLU, whose value and switch are ``ends``; numbers come with each state."""
    count, value, switch = len(sources), *ends
    columns, first = highs.getNumCol() + np.arange(count), highs.getNumRow()
    highs.addVars(count, np.zeros(count), np.zeros(count))
    weights, inputs = [row[group] for group in sources], [previous[group] for group in sources]
    names = np.concatenate([[value], columns, [switch]]).astype(np.int32)
    highs.addRow(0.0, 0.0, count + 2, names, np.concatenate([[1.0], -np.ones(count), [1.0]]))
    for column, own, strength in zip(columns.tolist(), inputs, weights, strict=True):
        names = np.concatenate([own, [column, switch]]).astype(np.int32)
        numbers = np.concatenate([strength, [-1.0, 1.0]])
        highs.addRow(-np.inf, 0.0, len(names), names, numbers)  # w x - v + u z <= u
        highs.addRow(0.0, np.inf, len(names), names, numbers)  # w x - v + l z >= l
        pair = np.array([column, switch], np.int32)
        highs.addRow(-np.inf, 0.0, 2, pair, np.array([1.0, -1.0]))  # v - u z <= 0
        highs.addRow(0.0, np.inf, 2, pair, np.array([1.0, -1.0]))  # v - l z >= 0
    return Part(*whose, switch, sources, weights, inputs, columns, first, *limits)
