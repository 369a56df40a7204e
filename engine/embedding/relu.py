"""ReLUs as rows: by limits (big-M with computed ones), or divided into groups of inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from redwood.arrays import Array
from redwood.embedding.formulation import Formulation, Piece, RowList
from redwood.embedding.network import Affine, ReluNetwork
from redwood.embedding.partition import SMALLEST, Divide, Group, add_groups
from redwood.views.compiled import stack_rows


@dataclass(frozen=True, eq=False)
class Layer(Piece):
    """Columns and rows of a layer.

    Attributes
    ----------
    value
        The columns of its ReLUs [n]; -1 where one is 0 throughout.
    switch
        The binary column of each, -1 where it needs none.
    groups
        The groups of those that are divided.
    """

    value: Array
    switch: Array
    groups: tuple[Group, ...]


@dataclass(frozen=True, eq=False)
class ReluFormulation(Formulation):
    """A network's formulation, with what completes a point to a solution.

    Attributes
    ----------
    network
        What it is of.
    pieces
        The columns and rows of each layer.
    """

    network: ReluNetwork
    pieces: tuple[Layer, ...]

    def complete(self, point: Array) -> Array:
        """Return the values of all columns [inputs + C] at a point [inputs]."""
        values, hidden = np.zeros(self.inputs + len(self.lower)), self.network.hidden(point[None])[0]
        values[: self.inputs] = point
        for piece, width, layer in zip(self.pieces, self.network.widths, self.network.layers, strict=False):
            sums = layer.matrix @ hidden[:width] + layer.bias
            kept, switched = piece.value >= 0, piece.switch >= 0
            values[piece.value[kept]] = np.maximum(sums, 0.0)[kept]
            values[piece.switch[switched]] = sums[switched] > 0
            values[piece.switch[switched] + switched.sum()] = np.maximum(-sums, 0.0)[switched]
            for group in piece.groups:
                values[group.column] = values[group.switch] * (values[group.sources] @ group.weights)
        return values


def relu_formulation(
    network: ReluNetwork,
    limits: Sequence[tuple[Array, Array]],
    *,
    harmful: Sequence[Array] | None = None,
    divide: Divide | None = None,
    keep: bool = False,
) -> ReluFormulation:
    """Return the columns and rows of a network.

    Parameters
    ----------
    network
        The network.
    limits
        Proven limits of what each layer's ReLUs are applied to.
    harmful
        Which ReLUs of each layer can only harm the objective by growing: they need no binary.
    divide
        Divides the inputs of each ReLU that needs a binary into groups; by default nothing is divided.
    keep
        Whether ReLUs that the limits prove on or off keep their rows, so that other limits lead to the same columns in
        each row.

    References
    ----------
    Anderson, Huchette, Ma, Tjandraatmadja, Vielma (2020), Strong mixed-integer programming formulations for trained
    neural networks, doi:10.1007/s10107-020-01474-5, section 1.2.
    """
    places, pieces, column = np.arange(network.inputs), list[Layer](), network.inputs
    for number, (layer, bounds) in enumerate(zip(network.layers, limits, strict=True)):
        harm = None if harmful is None else harmful[number]
        own = None if divide is None else partial(divide, number)
        piece = relu_layer(layer, bounds, places, column, harmful=harm, keep=keep, divide=own)
        pieces.append(piece)
        places, column = np.concatenate([places, piece.value]), column + len(piece.lower)
    outputs = np.zeros((len(network.output.matrix), column))
    outputs[:, places[places >= 0]] = network.output.matrix[:, places >= 0]
    none = np.zeros(0)
    return ReluFormulation(
        network.inputs,
        np.concatenate([none, *(piece.lower for piece in pieces)]),
        np.concatenate([none, *(piece.upper for piece in pieces)]),
        np.concatenate([none, *(piece.integer for piece in pieces)]).astype(bool),
        stack_rows([RowList().rows(), *(piece.rows for piece in pieces)]),
        outputs,
        network.output.bias,
        network,
        tuple(pieces),
    )


def relu_layer(
    layer: Affine,
    limits: tuple[Array, Array],
    places: Array,
    first: int,
    *,
    harmful: Array | None = None,
    keep: bool = False,
    divide: Callable[[Array], tuple[list[Array], tuple[Array, Array]]] | None = None,
) -> Layer:
    """Return the columns and rows of a layer, whose columns begin with number ``first``.

    With L and U the limits and z for "on", a ReLU h of ``w x + b`` has a column q for what is cut off below 0 and the rows
    ``h - w x - q = b``, ``h - U z <= 0`` and ``q - L z <= -L``; one that can only harm has ``h - w x >= b``, one that is on
    throughout ``h - w x = b``. With the long row once instead of twice, HiGHS solves as fast or faster.

    Parameters
    ----------
    layer
        What the ReLUs are applied to.
    limits
        Proven limits [n] of that.
    places
        Columns of the values before; -1 for those that are 0 throughout.
    first
        Number of the first new column.
    harmful
        Which ReLUs [n] can only harm the objective by growing: they need no binary. By default none.
    keep
        Whether ReLUs that the limits prove on or off keep their rows.
    divide
        Gives the groups of a ReLU's inputs and the limits of each; by default nothing is divided.
    """
    count, rows = len(layer.matrix), RowList()
    low, high = limits
    harm = np.zeros(count, bool) if harmful is None else harmful
    needed = np.ones(count, bool) if keep else high > 0
    switched = ~harm if keep else (low < 0) & (high > 0) & ~harm
    value = np.where(needed, first + np.cumsum(needed) - 1, -1)
    on_or_off = int(switched.sum())
    switch = np.where(switched, first + needed.sum() + np.cumsum(switched) - 1, -1)
    cut_off = switch + on_or_off
    for neuron in np.flatnonzero(needed).tolist():
        used = np.flatnonzero((layer.matrix[neuron] != 0) & (places >= 0))
        columns, weights = np.append(places[used], value[neuron]), np.append(-layer.matrix[neuron, used], 1.0)
        bias = float(layer.bias[neuron])
        if not switched[neuron]:
            always = low[neuron] >= 0 and not keep
            rows.add(columns, weights, bias, bias if always else np.inf)
            continue
        least, most = _apart(float(low[neuron]), float(high[neuron]))
        rows.add(np.append(columns, cut_off[neuron]), np.append(weights, -1.0), bias, bias)
        rows.add([value[neuron], switch[neuron]], [1.0, -most], -np.inf, 0.0)
        rows.add([cut_off[neuron], switch[neuron]], [1.0, -least], -np.inf, -least)
    groups: list[Group] = []
    for neuron in np.flatnonzero(switched).tolist():
        if divide is None:
            break
        ends, width = (int(value[neuron]), int(switch[neuron])), first + int(needed.sum()) + 2 * on_or_off + len(groups)
        weights = layer.matrix[neuron]
        groups += add_groups(rows, weights, float(layer.bias[neuron]), places, ends, width, divide(weights))
    on, off = low >= 0, high <= 0
    bottom, top = np.zeros(count) if keep else np.maximum(low, 0.0), np.maximum(high, 0.0)
    ends_of = [(group.low, group.high) for group in groups]
    return Layer(
        np.concatenate([bottom[needed], (on & ~off)[switched], np.zeros(on_or_off), [low for low, _ in ends_of]]),
        np.concatenate([top[needed], (~off)[switched], np.maximum(-low, 0.0)[switched], [high for _, high in ends_of]]),
        np.repeat([False, True, False], [needed.sum(), on_or_off, on_or_off + len(groups)]),
        rows.rows(),
        value,
        switch,
        tuple(groups),
    )


def _apart(low: float, high: float) -> tuple[float, float]:
    """Return the limits with 0 between them; those of a ReLU that may be on or off are not nearer to it than `SMALLEST`."""
    if low < 0 < high:
        return min(low, -SMALLEST), max(high, SMALLEST)
    return min(low, 0.0), max(high, 0.0)
