"""Exact Whittle indices of one arm: the price of a pull as the parameter of a small Markov decision process."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel

FLAT = 1e-10
"""Change of an advantage by a unit of price below which it is taken to be none."""
SINGULAR = 1e-12
"""Smallest pivot of a system of equations that counts as solvable."""
SAME = 1e-9
"""Relative distance below which two prices are taken to be the same."""
INDEXABLE, NOT_INDEXABLE, MULTICHAIN = 0, 1, 2
"""What an arm turned out to be; the last where some policy on the way has more than one recurrent class."""


@kernel
def _inverse(matrix: Array) -> tuple[Array, bool]:
    """Return the inverse of a matrix [S, S] by elimination with row pivots, and whether it has one."""
    size = len(matrix)
    work, found = matrix.copy(), np.eye(size)
    for column in range(size):
        pivot = column + int(np.argmax(np.abs(work[column:, column])))
        if abs(work[pivot, column]) < SINGULAR:
            return found, False
        if pivot != column:
            for other in range(size):
                work[column, other], work[pivot, other] = work[pivot, other], work[column, other]
                found[column, other], found[pivot, other] = found[pivot, other], found[column, other]
        scale = 1.0 / work[column, column]
        work[column] *= scale
        found[column] *= scale
        for row in range(size):
            if row != column and work[row, column] != 0.0:
                factor = work[row, column]
                work[row] -= factor * work[column]
                found[row] -= factor * found[column]
    return found, True


@kernel
def _replace_row(inverse: Array, row: int, change: Array) -> bool:
    """Update an inverse [S, S] in place for a change [S] of one row of its matrix (Sherman, Morrison)."""
    column = inverse[:, row].copy()
    pushed = change @ inverse
    divisor = 1.0 + pushed[row]
    if abs(divisor) < SINGULAR:
        return False
    for state in range(len(inverse)):
        inverse[state] -= column[state] / divisor * pushed
    return True


@kernel
def stationary_indices(transitions: Array, rewards: Array, discount: float, average: bool) -> tuple[Array, int]:
    """Return the index [S] of each state of an arm over infinite time, and what the arm turned out to be.

    Transitions are [2, S, S] and rewards [2, S]; with ``average`` the discount must be 1. From a price at which every state
    is pulled the price rises, and the state whose advantage ``alpha + beta price`` reaches zero first changes its action:
    between two such prices the policy is optimal, since advantages are linear there and have the right sign at both ends.
    An arm is indexable exactly where no state returns to being pulled. A change of one row of the policy's system of
    equations costs O(S^2), so that all states together cost O(S^3).

    Parameters
    ----------
    transitions
        Probabilities [2, S, S] of the next state, not pulled and pulled.
    rewards
        Expected reward [2, S] of either action in each state.
    discount
        Factor from step to step; 1 with ``average``.
    average
        Whether the average reward counts.
    """
    states = rewards.shape[1]
    rows = np.empty((2, states, states))
    for arm_action in range(2):
        rows[arm_action] = np.eye(states) - discount * transitions[arm_action]
        if average:
            rows[arm_action][:, 0] = 1.0  # the gain takes the place of the first relative value, which is zero
    difference = rows[1] - rows[0]
    pulled = np.ones(states, np.bool_)
    found, price = np.full(states, np.nan), -np.inf
    inverse, solvable = _inverse(rows[1])
    kind, refresh = INDEXABLE, max(1, states // 8)
    for flips in range(100 * states + 100):
        if not solvable:
            return found, MULTICHAIN
        fixed, slope = np.empty(states), np.empty(states)
        for state in range(states):
            fixed[state] = rewards[1, state] if pulled[state] else rewards[0, state]
            slope[state] = -1.0 if pulled[state] else 0.0
        alpha = rewards[1] - rewards[0] - difference @ (inverse @ fixed)
        beta = -1.0 - difference @ (inverse @ slope)
        first, next_price = -1, np.inf
        for state in range(states):
            if (beta[state] < -FLAT) if pulled[state] else (beta[state] > FLAT):
                root = max(price, -alpha[state] / beta[state])
                if root < next_price:
                    first, next_price = state, root
        if first < 0:  # a state that no price makes rest leads to a better recurrent class
            return found, MULTICHAIN if pulled.any() else kind
        price = next_price
        if pulled[first]:
            found[first] = price
        elif price > found[first] + SAME * (1.0 + abs(price)):
            kind = NOT_INDEXABLE
        change = -difference[first] if pulled[first] else difference[first]
        pulled[first] = not pulled[first]
        if (flips + 1) % refresh == 0:
            system = np.empty((states, states))
            for state in range(states):
                system[state] = rows[1, state] if pulled[state] else rows[0, state]
            inverse, solvable = _inverse(system)
        else:
            solvable = _replace_row(inverse, first, change)
    return found, MULTICHAIN


@kernel
def finite_indices(transitions: Array, rewards: Array, discount: float, steps: int) -> tuple[Array, int]:
    """Return the index [H, S] of an arm in each step that is left, and what the arm turned out to be.

    The values of states are piecewise linear in the price. They are kept at all prices where they have a kink: the crossing
    of the two actions' values between two such prices is exact, and adds the kinks of the step before. No index is beyond
    the range of the rewards times the number of steps left, where the outermost prices are.

    Parameters
    ----------
    transitions
        Probabilities [2, S, S] of the next state, not pulled and pulled.
    rewards
        Expected reward [2, S] of either action in each state.
    discount
        Factor from step to step, at most 1.
    steps
        Number of steps H.
    """
    states = rewards.shape[1]
    span = 1.0 + 2.0 * steps * max(rewards.max() - rewards.min(), 0.0)
    near = 1e-13 * span
    prices, ahead = np.array([-span, span]), np.zeros((2, states))
    found, kind = np.empty((steps, states)), INDEXABLE
    for step in range(steps - 1, -1, -1):
        count = len(prices)
        q_values = np.empty((2, count, states))
        for arm_action in range(2):
            q_values[arm_action] = rewards[arm_action] + discount * (ahead @ transitions[arm_action].T)
        for point in range(count):
            q_values[1, point] -= prices[point]
        gain = q_values[1] - q_values[0]
        crossings = np.empty((states + 1) * count)
        total = 0
        for state in range(states):
            below = False
            for point in range(count):
                if gain[point, state] > near and below:
                    kind = NOT_INDEXABLE
                below = below or gain[point, state] < -near
                if point + 1 == count:
                    continue
                here, after = gain[point, state], gain[point + 1, state]
                if here >= -near and after < -near:
                    found[step, state] = prices[point] + max(here, 0.0) / (max(here, 0.0) - after) * (
                        prices[point + 1] - prices[point]
                    )
                if (here > near and after < -near) or (here < -near and after > near):
                    crossings[total] = prices[point] + here / (here - after) * (prices[point + 1] - prices[point])
                    total += 1
        prices, ahead = _with_kinks(prices, q_values, np.sort(crossings[:total]), near)
    return found, kind


@kernel
def _with_kinks(prices: Array, q_values: Array, crossings: Array, near: float) -> tuple[Array, Array]:
    """Return prices [P] with those of crossings among them, and the greater of the two actions' values [2, P, S] there."""
    count, states = q_values.shape[1], q_values.shape[2]
    merged = np.empty(count + len(crossings))
    values = np.empty((len(merged), states))
    size = place = 0
    for point in range(count):
        if size == 0 or prices[point] > merged[size - 1] + near or point + 1 == count:
            merged[size] = prices[point]
            values[size] = np.maximum(q_values[0, point], q_values[1, point])
            size += 1
        while point + 1 < count and place < len(crossings) and crossings[place] < prices[point + 1]:
            if crossings[place] > merged[size - 1] + near:
                share = (crossings[place] - prices[point]) / (prices[point + 1] - prices[point])
                merged[size] = crossings[place]
                for state in range(states):
                    values[size, state] = max(
                        q_values[0, point, state] * (1.0 - share) + q_values[0, point + 1, state] * share,
                        q_values[1, point, state] * (1.0 - share) + q_values[1, point + 1, state] * share,
                    )
                size += 1
            place += 1
    return merged[:size].copy(), values[:size].copy()
