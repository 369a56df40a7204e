"""What does not need matrix products in going through all actions of a small set."""

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


@kernel
def linear_worth(levels: Array, worth: Array) -> Array:
    """Return the total worth [N] of actions [N, J], each arm's by its level [J, A]."""
    found = np.zeros(len(levels))
    for action in range(len(levels)):
        for arm in range(levels.shape[1]):
            found[action] += worth[arm, levels[action, arm]]
    return found
