"""What a network makes of all single changes and swaps of an action, each from the first layer's sums of the action."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel


@kernel(fastmath={"reassoc", "contract"})
def value_around(
    arm_actions: Array,
    linear: Array,
    effects: Array,
    inner: Array,
    widths: Array,
    matrices: Array,
    biases: Array,
    output: Array,
) -> tuple[Array, Array]:
    """Return Q without its constant part where one arm has another action [J, A], and where two arms swap theirs [J, J].

    Swaps are minus infinity where the actions are equal, and below the diagonal.

    Parameters
    ----------
    arm_actions
        The action [J] that is changed.
    linear, effects
        Direct weight [J, A] of each arm for each action, and what it adds to the first layer's inputs [J, A, n].
    inner
        The first layer's inputs [n] of the action, bias included.
    widths, matrices, biases, output
        Widths [L] of the hidden layers, the matrices between them, each as [n_l, n_l+1], and the biases of all but the
        first, one after the other, and the last matrix [n_L].
    """
    arms, count, width = effects.shape
    value, ahead = np.empty(widths.max()), np.empty(widths.max())
    base = 0.0
    for arm in range(arms):
        base += linear[arm, arm_actions[arm]]
    singles, swaps = np.empty((arms, count)), np.full((arms, arms), -np.inf)
    for left in range(arms):
        own = arm_actions[left]
        for arm_action in range(count):
            for neuron in range(width):
                value[neuron] = max(inner[neuron] + effects[left, arm_action, neuron] - effects[left, own, neuron], 0.0)
            direct = linear[left, arm_action] - linear[left, own]
            singles[left, arm_action] = base + direct + deeper(value, ahead, widths, matrices, biases, output)
        for right in range(left + 1, arms):
            other = arm_actions[right]
            if other == own:
                continue
            for neuron in range(width):
                mine = effects[left, other, neuron] - effects[left, own, neuron]
                theirs = effects[right, own, neuron] - effects[right, other, neuron]
                value[neuron] = max(inner[neuron] + mine + theirs, 0.0)
            direct = linear[left, other] - linear[left, own] + linear[right, own] - linear[right, other]
            swaps[left, right] = base + direct + deeper(value, ahead, widths, matrices, biases, output)
    return singles, swaps


@kernel(fastmath={"reassoc", "contract"})
def deeper(value: Array, ahead: Array, widths: Array, matrices: Array, biases: Array, output: Array) -> float:
    """Return what the layers after the first make of its values, which are overwritten; packed as for `value_around`.

    Parameters
    ----------
    value
        Values of the first layer's neurons, in room for the widest layer; overwritten.
    ahead
        Room for the widest layer.
    widths, matrices, biases, output
        As for `value_around`.
    """
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
    return total
