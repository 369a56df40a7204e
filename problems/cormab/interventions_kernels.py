"""Choosing so many interventions out of groups that share no arm, for many values at once."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel


@kernel
def choose_groups(
    coefficient_tables: Array,
    budget: int,
    subsets: Array,
    sizes: Array,
    members: Array,
    arms: Array,
    begins: Array,
    arm_actions: Array,
) -> Array:
    """Return the actions [E, J] of the best ``budget`` interventions for each of ``coefficient_tables`` [E, J, A].

    Group g has the subsets ``subsets[g]:subsets[g + 1]``, of so many interventions as ``sizes`` says, and the arms
    ``arms[members[g]:members[g + 1]]``; the actions that a subset gives these begin at ``arm_actions[begins[subset]]``.

    Parameters
    ----------
    coefficient_tables
        What each arm's action is worth in each episode, [E, J, A].
    budget
        How many interventions are chosen.
    subsets, members
        Where the subsets and the arms of each group begin, [G + 1] both.
    sizes
        Number of interventions in each subset, [S].
    arms
        Arms of the groups, one group after the other.
    begins
        Where the actions of each subset begin in ``arm_actions``, [S].
    arm_actions
        Actions of a group's arms, one subset after the other.
    """
    episodes, count = coefficient_tables.shape[:2]
    groups, most = len(subsets) - 1, 0
    for group in range(groups):
        for row in range(subsets[group], subsets[group + 1]):
            most = max(most, sizes[row])
    chosen = np.zeros((episodes, count), np.int64)
    picked = np.empty((groups, budget + 1), np.int64)  # the subset of each group where so many are chosen up to it
    top, best = np.empty(most + 1, np.int64), np.empty(most + 1)
    before, after = np.empty(budget + 1), np.empty(budget + 1)
    for episode in range(episodes):
        before[:] = -np.inf
        before[0] = 0.0
        for group in range(groups):
            best[:] = -np.inf
            for row in range(subsets[group], subsets[group + 1]):
                total, place = 0.0, begins[row]
                for member in range(members[group], members[group + 1]):
                    total += coefficient_tables[episode, arms[member], arm_actions[place]]
                    place += 1
                if total > best[sizes[row]]:
                    best[sizes[row]], top[sizes[row]] = total, row
            after[:] = -np.inf
            for size in range(most + 1):
                if best[size] == -np.inf:
                    continue
                for number in range(size, budget + 1):
                    if before[number - size] + best[size] > after[number]:
                        after[number] = before[number - size] + best[size]
                        picked[group, number] = top[size]
            before[:] = after
        left = budget
        for group in range(groups - 1, -1, -1):
            row = picked[group, left]
            for offset in range(members[group + 1] - members[group]):
                chosen[episode, arms[members[group] + offset]] = arm_actions[begins[row] + offset]
            left -= sizes[row]
    return chosen
