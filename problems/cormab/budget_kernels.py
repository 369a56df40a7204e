"""Choosing and drawing subsets of bounded size, many at a time."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_below


@kernel
def choose_best(gains: Array, budget: int) -> Array:
    """Return levels [E, J] that pull the arms of the greatest positive gains [E, J]; ties go to the first arm."""
    episodes, arms = gains.shape
    levels = np.zeros((episodes, arms), np.int64)
    for episode in range(episodes):
        order = np.argsort(-gains[episode], kind="mergesort")
        for place in range(min(budget, arms)):
            if gains[episode, order[place]] <= 0:
                break
            levels[episode, order[place]] = 1
    return levels


@kernel
def draw_subsets(count: int, arms: int, budget: int, state: RandomState) -> Array:
    """Return levels [count, J] that pull random subsets of a size, drawn by Floyd's algorithm."""
    levels = np.zeros((count, arms), np.int64)
    for row in range(count):
        for top in range(arms - budget, arms):
            arm = random_below(state, top + 1)
            levels[row, top if levels[row, arm] else arm] = 1
    return levels


@kernel
def over_budget(levels: Array, budget: int) -> Array:
    """Return which of the joint actions [E, J] pull more arms than the budget, or have levels other than 0 and 1."""
    refused = np.zeros(len(levels), np.bool_)
    for row in range(len(levels)):
        pulled, strange = 0, False
        for arm in range(levels.shape[1]):
            pulled += levels[row, arm]
            strange |= levels[row, arm] < 0 or levels[row, arm] > 1
        refused[row] = strange or pulled > budget
    return refused
