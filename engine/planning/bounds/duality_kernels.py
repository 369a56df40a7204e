"""The recursion of arms that pay a price for their levels, and what they do under it."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel


@kernel
def price_arms(
    transitions: Array,
    rewards: Array,
    start: Array,
    ending: Array,
    prices: Array,
    classes: Array,
    discount: float,
    q_values: Array,
) -> tuple[Array, Array]:
    """Fill the Q-values [H, J, A, S] of levels, and return each arm's value [J] and the probabilities of its levels [J, H,
    A].

    ``prices`` [H, K, A] are those of the classes [J]; transitions are [J, A, S, S], rewards [J, A, S], ``start`` [J, S]
    the probabilities of the first states and ``ending`` [J, S] the value of the last ones.
    Each arm does what is best for itself; where two levels are worth the same, the lower one.
    """
    steps, arms, levels, states = q_values.shape
    values = np.zeros(arms)
    shares = np.zeros((arms, steps, levels))
    ahead, before = np.empty(states), np.empty(states)
    mass, moved = np.empty(states), np.empty(states)
    best = np.empty((steps, states), np.int64)
    for arm in range(arms):
        kind = classes[arm]
        ahead[:] = ending[arm]
        for step in range(steps - 1, -1, -1):
            weight = discount**step
            for state in range(states):
                top = -np.inf
                for level in range(levels):
                    total = weight * rewards[arm, level, state]
                    for outcome in range(states):
                        total += transitions[arm, level, state, outcome] * ahead[outcome]
                    q_values[step, arm, level, state] = total
                    if total - prices[step, kind, level] > top:
                        top = total - prices[step, kind, level]
                        best[step, state] = level
                before[state] = top
            ahead[:] = before
        mass[:] = start[arm]
        for state in range(states):
            values[arm] += mass[state] * ahead[state]
        for step in range(steps):
            moved[:] = 0.0
            for state in range(states):
                level = best[step, state]
                shares[arm, step, level] += mass[state]
                for outcome in range(states):
                    moved[outcome] += mass[state] * transitions[arm, level, state, outcome]
            mass[:] = moved
    return values, shares
