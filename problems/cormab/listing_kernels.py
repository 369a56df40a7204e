"""The best ones of listed joint actions, many values at a time."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel


@kernel
def choose_listed(listed: Array, coefficient_tables: Array) -> Array:
    """Return actions [E, J] of the greatest Q-values [E, J, A] among listed ones [N, J]; ties go to the first."""
    episodes, arms, _ = coefficient_tables.shape
    arm_actions = np.empty((episodes, arms), np.int64)
    for episode in range(episodes):
        coefficients = coefficient_tables[episode]
        best, place = -np.inf, 0
        for action in range(len(listed)):
            total = 0.0
            for arm in range(arms):
                total += coefficients[arm, listed[action, arm]]
            if total > best:
                best, place = total, action
        for arm in range(arms):
            arm_actions[episode, arm] = listed[place, arm]
    return arm_actions
