"""A ReLU network of an action alone, the state conditioned into its biases: its values, its bounds, linear bounds on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redwood.arrays import Array
from redwood.embedding.network import Affine, ReluNetwork
from redwood.errors import ModelError
from redwood.planning.action_set import ActionSet


@dataclass(frozen=True, eq=False)
class ConditionedNetwork:
    """``Q(u) = offset + linear u + W_L relu(... relu(W_1 u + b_1) ...)`` for binary indicators u [K].

    The K = J (A - 1) indicators say "arm j is under action a", a from 1 on, j by j.

    Attributes
    ----------
    linear
        Direct weight [K] of each indicator.
    offset
        The constant part, the bias of the last layer included.
    weights
        Matrices of the layers, the last one of shape [1, n].
    biases
        Biases of the hidden layers, one fewer than matrices.
    """

    linear: Array
    offset: float
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    def __post_init__(self) -> None:
        if not self.biases or len(self.biases) != len(self.weights) - 1 or len(self.weights[-1]) != 1:
            raise ModelError("a network needs at least one hidden layer, a bias for each, and a single output.")
        width = len(self.linear)
        for layer, matrix in enumerate(self.weights):
            if matrix.ndim != 2 or matrix.shape[1] != width:
                raise ModelError(f"layer {layer} has the shape {list(matrix.shape)}; expected {width} inputs.")
            width = len(matrix)

    def values(self, indicators: Array) -> Array:
        """Return Q [N] of actions given as indicators [N, K]."""
        total: Array = self.offset + indicators @ self.linear + self.hidden(indicators)[-1] @ self.weights[-1][0]
        return total

    def network(self) -> ReluNetwork:
        """Return it in the form that is embedded in programs."""
        widths = np.cumsum([len(self.linear), *(len(matrix) for matrix in self.weights[:-1])])
        padded = [
            np.hstack([np.zeros((len(matrix), width - matrix.shape[1])), matrix])
            for matrix, width in zip(self.weights, widths.tolist(), strict=False)
        ]
        layers = tuple(Affine(matrix, bias) for matrix, bias in zip(padded, self.biases, strict=False))
        output = padded[-1].copy()
        output[0, : len(self.linear)] += self.linear
        return ReluNetwork(len(self.linear), layers, Affine(output, np.array([self.offset])))

    def hidden(self, indicators: Array) -> list[Array]:
        """Return the values [N, n] of each hidden layer."""
        layers, value = [], indicators
        for matrix, bias in zip(self.weights[:-1], self.biases, strict=True):
            value = np.maximum(value @ matrix.T + bias, 0.0)
            layers.append(value)
        return layers


@dataclass(frozen=True, eq=False)
class Reach:
    """The least and the greatest value [n] of ``W_1 u`` over an action set: what does not depend on the state."""

    least: Array
    greatest: Array


def reach(actions: ActionSet, matrix: Array) -> Reach:
    """Return proven limits of each row of the first layer over the action set, by its own oracle."""
    greatest = [actions.argmax(coefficients_of(actions, row)).bound for row in matrix]
    least = [-actions.argmax(coefficients_of(actions, -row)).bound for row in matrix]
    return Reach(np.array(least) - 1e-9, np.array(greatest) + 1e-9)


def limits(conditioned: ConditionedNetwork, first: Reach) -> list[tuple[Array, Array]]:
    """Return the least and greatest pre-activation of each hidden neuron: exact in the first layer, by intervals after."""
    found: list[tuple[Array, Array]] = []
    for layer, bias in enumerate(conditioned.biases):
        if layer == 0:
            found.append((first.least + bias, first.greatest + bias))
            continue
        low, high = (np.maximum(limit, 0.0) for limit in found[-1])
        up, down = np.maximum(conditioned.weights[layer], 0.0), np.minimum(conditioned.weights[layer], 0.0)
        found.append((up @ low + down @ high + bias, up @ high + down @ low + bias))
    return found


def linear_bound(conditioned: ConditionedNetwork, found: list[tuple[Array, Array]], at: Array) -> tuple[Array, float]:
    """Return slope [K] and constant of a linear function that is above Q on the whole action set.

    Backwards through the layers, each ReLU is replaced by a line above it where its value helps, and by one below it
    where it harms; the line below is the ReLU's tangent at the action ``at`` [K].

    References
    ----------
    Zhang, Weng, Chen, Hsieh, Daniel (2018), Efficient neural network robustness certification with general activation
    functions, arXiv:1811.00866, theorem 3.2.
    """
    active = [value[0] > 0 for value in conditioned.hidden(at[None])]
    slope, constant = conditioned.weights[-1][0], conditioned.offset
    for layer in range(len(conditioned.biases) - 1, -1, -1):
        low, high = found[layer]
        unstable = (low < 0) & (high > 0)
        width = np.where(unstable, high - low, 1.0)
        above = np.where(unstable, high / width, (high > 0) * 1.0)
        lift = np.where(unstable, -high * low / width, 0.0)
        below = np.where(unstable, active[layer], high > 0)
        constant += float(np.maximum(slope, 0.0) @ lift)
        slope = np.maximum(slope, 0.0) * above + np.minimum(slope, 0.0) * below
        constant += float(slope @ conditioned.biases[layer])
        slope = slope @ conditioned.weights[layer]
    return conditioned.linear + slope, constant


def harmful(weights: tuple[Array, ...]) -> list[Array]:
    """Return for each hidden layer which neurons [n] can only lower the output by growing."""
    up, down = weights[-1][0] >= 0, weights[-1][0] <= 0
    found = [down]
    for matrix in reversed(weights[1:-1]):
        helps = ((matrix <= 0) | up[:, None]) & ((matrix >= 0) | down[:, None])
        harms = ((matrix >= 0) | up[:, None]) & ((matrix <= 0) | down[:, None])
        up, down = helps.all(axis=0), harms.all(axis=0)
        found.append(down)
    return found[::-1]


def coefficients_of(actions: ActionSet, slope: Array) -> Array:
    """Return weights of indicators [K] as the Q-values [J, A] that the set's oracle takes."""
    return np.hstack([np.zeros((actions.arms, 1)), slope.reshape(actions.arms, actions.arm_actions - 1)])


def indicators(arm_actions: Array, count: int) -> Array:
    """Return the indicators [N, K] of joint actions [N, J] at ``count`` actions."""
    chosen = arm_actions[:, :, None] == np.arange(1, count)
    return np.asarray(chosen.reshape(len(arm_actions), arm_actions.shape[1] * (count - 1)).astype(np.float64))  # N may be 0
