"""Choosing and drawing subsets of bounded size, many at a time."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_below


@kernel
def choose_best(gains: Array, budget: int) -> Array:
    """Return actions [E, J] that pull the arms of the greatest positive gains [E, J]; ties go to the first arm."""
    episodes, arms = gains.shape
    arm_actions = np.zeros((episodes, arms), np.int64)
    for episode in range(episodes):
        order = np.argsort(-gains[episode], kind="mergesort")
        for place in range(min(budget, arms)):
            if gains[episode, order[place]] <= 0:
                break
            arm_actions[episode, order[place]] = 1
    return arm_actions


@kernel
def draw_subsets(count: int, arms: int, budget: int, state: RandomState) -> Array:
    """Return actions [count, J] that pull random subsets of a size, drawn by Floyd's algorithm.

    Parameters
    ----------
    count
        How many actions are drawn.
    arms
        Number of arms J.
    budget
        Size of each subset, J at most.
    state
        The generator's state [2].
    """
    arm_actions = np.zeros((count, arms), np.int64)
    for row in range(count):
        for top in range(arms - budget, arms):
            arm = random_below(state, top + 1)
            arm_actions[row, top if arm_actions[row, arm] else arm] = 1
    return arm_actions


@kernel
def over_budget(arm_actions: Array, budget: int) -> Array:
    """Return which of the joint actions [E, J] pull more arms than the budget, or have actions other than 0 and 1."""
    refused = np.zeros(len(arm_actions), np.bool_)
    for row in range(len(arm_actions)):
        pulled, strange = 0, False
        for arm in range(arm_actions.shape[1]):
            pulled += arm_actions[row, arm]
            strange |= arm_actions[row, arm] < 0 or arm_actions[row, arm] > 1
        refused[row] = strange or pulled > budget
    return refused
