"""Climbing from joint actions by swaps that every action set allows: thousands of states a second."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel

GAIN = 1e-9
"""By how much a swap must gain."""


@kernel(fastmath={"reassoc", "contract", "nsz", "nnan"})  # sums over ReLUs in any order, several at once
def climb_swaps(
    arm_actions: Array, classes: Array, counts: Array, direct: Array, effects: Array, offset: Array, output: Array
) -> Array:
    """Swap the actions of two arms of a class or change one's, the best change first, until none gains; return values [N].

    The value of a joint action is the sum of its direct ones and of ``output @ relu(offset + effects)``.

    Parameters
    ----------
    arm_actions
        Joint actions [N, J], changed in place.
    classes
        Class [J] of each arm: swapping two of a class in an allowed action gives an allowed one.
    counts
        Whether so many arms may be under action 1, [J + 1], where nothing else decides what is allowed; empty where it does,
        and then nothing but swaps is tried.
    direct
        Value [N, J, A] of each arm's action besides the ReLUs.
    effects
        What each arm's action adds [N, J, A, n] to what goes into the ReLUs.
    offset
        What goes into them [N, n] without any arm.
    output
        Weight [N, n] of each ReLU.
    """
    count, arms = arm_actions.shape
    units = offset.shape[1]
    inner = np.empty(units)
    values = np.empty(count)
    for row in range(count):
        inner[:] = offset[row]
        linear = 0.0
        for arm in range(arms):
            linear += direct[row, arm, arm_actions[row, arm]]
            for unit in range(units):
                inner[unit] += effects[row, arm, arm_actions[row, arm], unit]
        value = linear
        for unit in range(units):
            value += output[row, unit] * max(inner[unit], 0.0)
        while True:
            best, one, other = value + GAIN, -1, -1
            if len(counts):
                pulled = arm_actions[row].sum()
                for arm in range(arms):
                    a = arm_actions[row, arm]
                    b = 1 - a
                    if not counts[pulled + b - a]:
                        continue
                    found = linear + direct[row, arm, b] - direct[row, arm, a]
                    for unit in range(units):
                        tried = inner[unit] + effects[row, arm, b, unit] - effects[row, arm, a, unit]
                        found += output[row, unit] * max(tried, 0.0)
                    if found > best:
                        best, one, other = found, arm, -1
            for left in range(arms):
                a = arm_actions[row, left]
                for right in range(left + 1, arms):
                    b = arm_actions[row, right]
                    if a == b or classes[left] != classes[right]:
                        continue
                    found = linear + direct[row, left, b] - direct[row, left, a]
                    found += direct[row, right, a] - direct[row, right, b]
                    for unit in range(units):
                        tried = inner[unit] + effects[row, left, b, unit] - effects[row, left, a, unit]
                        tried += effects[row, right, a, unit] - effects[row, right, b, unit]
                        found += output[row, unit] * max(tried, 0.0)
                    if found > best:
                        best, one, other = found, left, right
            if one < 0:
                break
            a = arm_actions[row, one]
            if other < 0:
                for unit in range(units):
                    inner[unit] += effects[row, one, 1 - a, unit] - effects[row, one, a, unit]
                linear += direct[row, one, 1 - a] - direct[row, one, a]
                arm_actions[row, one] = 1 - a
                value = best
                continue
            b = arm_actions[row, other]
            for unit in range(units):
                inner[unit] += effects[row, one, b, unit] - effects[row, one, a, unit]
                inner[unit] += effects[row, other, a, unit] - effects[row, other, b, unit]
            linear += direct[row, one, b] - direct[row, one, a] + direct[row, other, a] - direct[row, other, b]
            arm_actions[row, one], arm_actions[row, other] = b, a
            value = best
        values[row] = value
    return values
