"""Proven limits of what each ReLU is applied to: by intervals, by linear bounds, by linear programs."""

from __future__ import annotations

from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.embedding.formulation import append_piece
from redwood.embedding.network import Affine, ReluNetwork
from redwood.embedding.relu import relu_layer
from redwood.errors import SolverError
from redwood.views.compiled import quiet_highs

Limits = list[tuple[Array, Array]]
"""The least and the greatest value [n] of what each layer's ReLUs are applied to."""
MARGIN = 1e-6
"""Share by which the limits are widened, to cover the tolerances of the linear programs."""


def interval_limits(network: ReluNetwork, low: Array, high: Array) -> Limits:
    """Return limits by interval arithmetic from those of the inputs [inputs]."""
    found: Limits = []
    for layer in network.layers:
        found.append(interval_of(layer, low, high))
        low, high = (np.concatenate([old, np.maximum(new, 0.0)]) for old, new in zip((low, high), found[-1], strict=True))
    return found


def interval_of(layer: Affine, low: Array, high: Array) -> tuple[Array, Array]:
    """Return the limits [n] of an affine function of values within limits [w]."""
    up, down = np.maximum(layer.matrix, 0.0), np.minimum(layer.matrix, 0.0)
    return up @ low + down @ high + layer.bias, up @ high + down @ low + layer.bias


def linear_limits(network: ReluNetwork, low: Array, high: Array) -> Limits:
    """Return limits at least as tight as the intervals', by lines above and below each ReLU from layer to layer.

    References
    ----------
    Zhang, Weng, Chen, Hsieh, Daniel (2018), Efficient neural network robustness certification with general activation
    functions, arXiv:1811.00866, theorem 3.2.
    """
    found: Limits = []
    for layer in network.layers:
        found.append(linear_limits_of(network, layer, found, low, high))
    return found


def linear_limits_of(network: ReluNetwork, layer: Affine, found: Limits, low: Array, high: Array) -> tuple[Array, Array]:
    """Return limits [n] of an affine function of the inputs and of those layers whose limits are known.

    Parameters
    ----------
    network
        The network.
    layer
        The affine function; its matrix is [n, inputs + widths of the layers in ``found``].
    found
        Limits of the first layers, as many as are known.
    low, high
        Limits [inputs] of the inputs.
    """
    lows, highs = (
        np.concatenate([bound, *(np.maximum(limit[side], 0.0) for limit in found)]) for side, bound in enumerate((low, high))
    )
    least, most = interval_of(layer, lows, highs)
    above = _backwards(network, layer, found, low, high)
    below = _backwards(network, Affine(-layer.matrix, -layer.bias), found, low, high)
    return np.maximum(least, -below), np.minimum(most, above)


def _backwards(network: ReluNetwork, layer: Affine, found: Limits, low: Array, high: Array) -> Array:
    """Return upper limits [n], each ReLU replaced by a line above it where it counts positively, else by one below."""
    slope, constant = layer.matrix, layer.bias
    widths = network.widths
    for place in range(len(found) - 1, -1, -1):
        least, most = found[place]
        unstable = (least < 0) & (most > 0)
        width = np.where(unstable, most - least, 1.0)
        chord = np.where(unstable, np.maximum(most, 0.0) / width, most > 0)
        lift = np.where(unstable, -np.maximum(most, 0.0) * least / width, 0.0)
        line = np.where(unstable, most > -least, most > 0)
        own = slope[:, widths[place] : widths[place + 1]]
        positive, negative = np.maximum(own, 0.0), np.minimum(own, 0.0)
        own = positive * chord + negative * line
        constant = constant + positive @ lift + own @ network.layers[place].bias
        slope = slope[:, : widths[place]] + own @ network.layers[place].matrix
    return np.asarray(np.maximum(slope, 0.0) @ high + np.minimum(slope, 0.0) @ low + constant)


def lp_limits(base: Any, network: ReluNetwork, wide: Limits, inputs: Array) -> Limits:
    """Return limits of every layer that are at least as tight as the wide ones.

    Two linear programs for each ReLU that may be on or off, each begun from the last one's basis. Those of a layer hold
    the rows of the layers before it under their tightened limits.

    Parameters
    ----------
    base
        A HiGHS linear program of what the inputs must obey; a copy is worked on.
    network
        The network.
    wide
        Limits known before.
    inputs
        The inputs' columns there.

    References
    ----------
    Tjeng, Xiao, Tedrake (2019), Evaluating robustness of neural networks with mixed integer programming,
    arXiv:1711.07356, section 4.2.
    """
    relaxed = _relaxed(base)
    tighter, places = Limits(), np.asarray(inputs)
    for layer, (low, high) in zip(network.layers, wide, strict=True):
        low, high = low.copy(), high.copy()
        for neuron in np.flatnonzero((low < 0) & (high > 0)).tolist():
            least, most = extremes(relaxed, places, layer.matrix[neuron], float(layer.bias[neuron]))
            low[neuron], high[neuron] = max(low[neuron], least), min(high[neuron], most)
        tighter.append((low, high))
        piece = relu_layer(layer, (low, high), places, relaxed.getNumCol())
        append_piece(relaxed, piece, relaxed=True)
        places = np.concatenate([places, piece.value])
    return tighter


def extremes(relaxed: Any, places: Array, weights: Array, bias: float) -> tuple[float, float]:
    """Return proven limits of ``weights x + bias`` over a linear program; columns below 0 stand for 0.

    Parameters
    ----------
    relaxed
        A HiGHS linear program; its objective is 0 before and afterwards.
    places
        Its column for each weight, [w].
    weights, bias
        The affine function [w].
    """
    import highspy

    used = (weights != 0) & (places >= 0)
    columns = places[used].astype(np.int32)
    relaxed.changeColsCost(len(columns), columns, weights[used].astype(np.float64))
    most = _optimum(relaxed, highspy.ObjSense.kMaximize) + bias
    least = _optimum(relaxed, highspy.ObjSense.kMinimize) + bias
    relaxed.changeColsCost(len(columns), columns, np.zeros(len(columns)))
    return least - MARGIN * max(1.0, abs(least)), most + MARGIN * max(1.0, abs(most))


def _relaxed(base: Any) -> Any:
    """Return a copy of a program without integrality and without an objective."""
    relaxed = quiet_highs()
    model = base.getLp()
    model.integrality_ = []
    model.offset_ = 0.0
    relaxed.passModel(model)
    every = np.arange(relaxed.getNumCol(), dtype=np.int32)
    relaxed.changeColsCost(len(every), every, np.zeros(len(every)))
    return relaxed


def _optimum(relaxed: Any, sense: Any) -> float:
    """Return the least or the greatest value of the objective."""
    import highspy

    relaxed.changeObjectiveSense(sense)
    relaxed.run()
    status = relaxed.getModelStatus()
    if status == highspy.HighsModelStatus.kInfeasible:
        raise SolverError("no inputs within the limits obey the constraints given, so nothing can be embedded there.")
    if status != highspy.HighsModelStatus.kOptimal:
        raise SolverError(f"HiGHS ended with the status {relaxed.modelStatusToString(status)} on the limits of a neuron.")
    return float(relaxed.getInfo().objective_function_value)
