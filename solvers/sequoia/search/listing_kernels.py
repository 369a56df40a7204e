"""Going through all actions of a small set: what a network makes of each of them."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel


@kernel
def first_layer(arm_actions: Array, matrix: Array, steps: int) -> Array:
    """Return ``W_1 u`` [N, n] for actions [N, J]; row ``j steps + a - 1`` of the matrix [K, n] is arm j under action a."""
    actions, arms = arm_actions.shape
    sums = np.zeros((actions, matrix.shape[1]))
    for action in range(actions):
        for arm in range(arms):
            arm_action = np.int64(arm_actions[action, arm])
            if arm_action > 0:
                for neuron in range(matrix.shape[1]):
                    sums[action, neuron] += matrix[arm * steps + arm_action - 1, neuron]
    return sums


@kernel(fastmath={"contract", "nsz"})
def value_of_blocks(first: Array, widths: Array, matrices: Array, biases: Array, output: Array) -> Array:
    """Return what the ReLUs make of actions in blocks [M, L], of which ``first`` [M, n, L] is the first layer.

    Four inputs of a neuron are added at once, for a block of actions that stays in the cache: twice as fast as matrix
    products, which write each layer of all actions down.

    Parameters
    ----------
    first
        Sums [M, n, L] of the first layer's neurons without their biases, for M blocks of L actions.
    widths
        Of the hidden layers.
    matrices, biases
        Of the layers after the first one, row by row, and of all hidden layers, one after another.
    output
        Weights of the last hidden layer's neurons in the value.
    """
    blocks, _, length = first.shape
    found = np.zeros((blocks, length))
    total = np.empty(length)
    value, following = np.empty((widths.max(), length)), np.empty((widths.max(), length))
    for block in range(blocks):
        for neuron in range(widths[0]):
            for action in range(length):
                value[neuron, action] = max(first[block, neuron, action] + biases[neuron], 0.0)
        at, begin = 0, widths[0]
        for layer in range(1, len(widths)):
            inputs = widths[layer - 1]
            whole = inputs - inputs % 4
            for neuron in range(widths[layer]):
                total[:] = biases[begin + neuron]
                for k in range(0, whole, 4):
                    a, b, c, d = matrices[at + k], matrices[at + k + 1], matrices[at + k + 2], matrices[at + k + 3]
                    for action in range(length):
                        total[action] += (
                            a * value[k, action]
                            + b * value[k + 1, action]
                            + c * value[k + 2, action]
                            + d * value[k + 3, action]
                        )
                for k in range(whole, inputs):
                    for action in range(length):
                        total[action] += matrices[at + k] * value[k, action]
                for action in range(length):
                    following[neuron, action] = max(total[action], 0.0)
                at += inputs
            begin += widths[layer]
            value[: widths[layer]] = following[: widths[layer]]
        for neuron in range(len(output)):
            for action in range(length):
                found[block, action] += output[neuron] * value[neuron, action]
    return found


@kernel
def linear_value(arm_actions: Array, q_values: Array) -> Array:
    """Return the total Q-values [N] of actions [N, J], each arm's by its action [J, A]."""
    found = np.zeros(len(arm_actions))
    for action in range(len(arm_actions)):
        for arm in range(arm_actions.shape[1]):
            found[action] += q_values[arm, arm_actions[action, arm]]
    return found
