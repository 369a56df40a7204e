"""Moving many futures by one step, where several futures share their noise."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.planning.simulator_kernels import counter_of, uniform_of


@kernel
def move(states: Array, arm_actions: Array, noise: Array, step: int, seed: int, ends: Array) -> None:
    """Move the states [N, J] by one step in place; futures of the same ``noise`` [N] draw the same random numbers.

    ``ends`` [J, A, S, S] are the upper ends of the outcomes' shares.
    """
    for row in range(len(states)):
        counter = counter_of(seed, noise[row], step)
        for arm in range(states.shape[1]):
            drawn = uniform_of(counter, arm)
            arm_action, state, outcome = arm_actions[row, arm], states[row, arm], 0
            while drawn >= ends[arm, arm_action, state, outcome]:  # the last end is 2, above all draws
                outcome += 1
            states[row, arm] = outcome


@kernel
def surplus_of(states: Array, arm_actions: Array, q_values: Array, values: Array) -> Array:
    """Return by how much the Q-values [J, A, S] of actions is above the values [J, S] of states, summed over arms [N]."""
    found = np.zeros(len(states))
    for row in range(len(states)):
        for arm in range(states.shape[1]):
            state = states[row, arm]
            found[row] += q_values[arm, arm_actions[row, arm], state] - values[arm, state]
    return found
