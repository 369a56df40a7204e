"""The best one of all actions of a small set: every action's Q, computed one by one."""

from __future__ import annotations

from typing import Any

import numpy as np

from redwood.kernels import kernel

Array = np.ndarray[Any, np.dtype[Any]]


@kernel
def first_layer(levels: Array, matrix: Array, steps: int) -> Array:
    """Return ``W_1 u`` [N, n] for actions [N, J]; row ``j steps + a - 1`` of the matrix [K, n] is arm j at level a."""
    actions, arms = levels.shape
    sums = np.zeros((actions, matrix.shape[1]))
    for action in range(actions):
        for arm in range(arms):
            level = np.int64(levels[action, arm])
            if level > 0:
                for neuron in range(matrix.shape[1]):
                    sums[action, neuron] += matrix[arm * steps + level - 1, neuron]
    return sums


@kernel(fastmath={"reassoc", "contract"})
def best_listed(
    levels: Array, linear: Array, first: Array, bias: Array, widths: Array, matrices: Array, biases: Array, output: Array
) -> tuple[int, float]:
    """Return the best action's place in a list [N, J], and its Q without the constant part.

    Parameters
    ----------
    linear
        Direct weight [J, A] of each arm at each level; empty where there is none.
    first, bias
        ``W_1 u`` [N, n_1] of each action, and the first layer's bias [n_1], which depends on the state.
    widths
        Widths of the hidden layers.
    matrices, biases
        The matrices between hidden layers, each as [n_l, n_l+1], and the biases of all but the first, packed.
    output
        The last matrix [n_L].
    """
    widest = 0
    for width in widths:
        widest = max(widest, width)
    value, ahead = np.empty(widest), np.empty(widest)
    best, place = -np.inf, 0
    for action in range(len(first)):
        for neuron in range(widths[0]):
            value[neuron] = max(first[action, neuron] + bias[neuron], 0.0)
        begins, shift = 0, 0
        for layer in range(1, len(widths)):
            before, after = widths[layer - 1], widths[layer]
            for neuron in range(after):
                ahead[neuron] = biases[shift + neuron]
            for source in range(before):
                strength = value[source]
                if strength > 0.0:
                    row = begins + source * after
                    for neuron in range(after):
                        ahead[neuron] += strength * matrices[row + neuron]
            for neuron in range(after):
                value[neuron] = max(ahead[neuron], 0.0)
            begins, shift = begins + before * after, shift + after
        total = 0.0
        for neuron in range(len(output)):
            total += output[neuron] * value[neuron]
        if len(linear):
            for arm in range(levels.shape[1]):
                total += linear[arm, levels[action, arm]]
        if total > best:
            best, place = total, action
    return place, best
