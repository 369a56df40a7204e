"""The recursion of arms that pay a price for their actions, and what they do under it."""

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
    """Fill the Q-values [H, J, A, S] of actions, and return each arm's value [J] and the probabilities of its actions [J, H,
    A].

    Each arm does what is best for itself; where two actions are worth the same, the lower one.

    Parameters
    ----------
    transitions
        Probabilities [J, A, S, S] of the next state.
    rewards
        Expected reward [J, A, S] of each action in each state.
    start, ending
        Probabilities [J, S] of the first states, and value [J, S] of those after the last step.
    prices
        Price [H, K, A] of each action for the arms of a class.
    classes
        Class [J] of each arm, below K.
    discount
        Factor from step to step, above 0 and at most 1.
    q_values
        Room [H, J, A, S]. Gets the Q-values, discounted to the first step, the current price not paid.
    """
    steps, arms, arm_actions, states = q_values.shape
    values = np.zeros(arms)
    shares = np.zeros((arms, steps, arm_actions))
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
                for arm_action in range(arm_actions):
                    total = weight * rewards[arm, arm_action, state]
                    for outcome in range(states):
                        total += transitions[arm, arm_action, state, outcome] * ahead[outcome]
                    q_values[step, arm, arm_action, state] = total
                    if total - prices[step, kind, arm_action] > top:
                        top = total - prices[step, kind, arm_action]
                        best[step, state] = arm_action
                before[state] = top
            ahead[:] = before
        mass[:] = start[arm]
        for state in range(states):
            values[arm] += mass[state] * ahead[state]
        for step in range(steps):
            moved[:] = 0.0
            for state in range(states):
                arm_action = best[step, state]
                shares[arm, step, arm_action] += mass[state]
                for outcome in range(states):
                    moved[outcome] += mass[state] * transitions[arm, arm_action, state, outcome]
            mass[:] = moved
    return values, shares
