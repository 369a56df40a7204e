"""The bound on the long-run mean reward a step, and the prices that prove it: arms priced apart, in endless time.

For prices p[j, a] and relative values h[j, s] of states, an arm gains at most ``g_j = max_{a, s} r + E h' - p - h`` a step,
and ``sum_j g_j + max_{u in A} p(u)`` bounds the mean of every policy, from every start, connected chains or not. The least
such bound is the value of the linear program over stationary occupation measures whose activity mixes actions.

References
----------
Whittle (1988), Restless bandits: activity allocation in a changing world, doi:10.2307/3214163.
Puterman (1994), Markov decision processes, sections 8.4 and 8.8, doi:10.1002/9780470316887.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.planning.bounds.master import optimised
from redwood.planning.bounds.relaxing import maximiser
from redwood.planning.contract import Planning
from redwood.planning.relaxation import Relaxation

CLOSE = 1e-5
"""Relative distance of bound and program at which the column generation ends."""
LARGEST = 4000
"""The most occupation measures for column generation; larger instances keep the prices of the relaxed set."""


@dataclass(frozen=True, eq=False)
class Stationary:
    """What prices in endless time amount to.

    Attributes
    ----------
    prices
        Price [J, A] of each level.
    worth
        Relative worth [J, A, S] of each level in each state, later prices paid and the current one not.
    bound
        Upper bound on the long-run mean reward a step of every policy.
    levels
        A joint action [J] worth most under the prices.
    """

    prices: Array
    worth: Array
    bound: float
    levels: Array


def settle(planning: Planning, clock: Clock, rounds: int = 200) -> Stationary:
    """Return the prices of the tightest bound that the clock allows, first over the relaxed set, then over its hull."""
    arms, levels, states = planning.arms.shape
    relaxation = planning.actions.relaxation
    best = _priced(planning, np.zeros((arms, levels)), np.zeros((arms, states)))
    solved = StationaryProgram(planning, relaxation).solve(clock.seconds_left)
    if solved is not None:
        best = min(best, _priced(planning, *solved[1:]), key=lambda found: found.bound)
    if relaxation.tight or arms * levels * states > LARGEST:
        return best
    mixed = StationaryProgram(planning, None)
    mixed.add(best.levels)
    for _ in range(rounds):
        solved = None if clock.stops() else mixed.solve(clock.seconds_left)
        if solved is None or best.bound - solved[0] <= CLOSE * abs(best.bound):
            break
        last = _priced(planning, *solved[1:])
        best = min(best, last, key=lambda found: found.bound)
        mixed.add(last.levels)
        mixed.add(planning.actions.argmax((best.prices + last.prices) / 2.0).levels)
    return best


def _priced(planning: Planning, prices: Array, values: Array) -> Stationary:
    """Return what prices [J, A] and relative values [J, S] prove."""
    arms = planning.arms
    worth = arms.rewards + np.matmul(arms.transitions, values[:, None, :, None])[..., 0]
    gains = (worth - prices[:, :, None] - values[:, None]).max(axis=(1, 2))
    choice = planning.actions.argmax(prices)
    return Stationary(prices, worth, float(gains.sum()) + choice.bound, choice.levels)


class StationaryProgram:
    """Maximise the mean reward of stationary arms whose levels are those of a relaxed set, or of a mixture of actions.

    Columns are the measures x[j, a, s], then the set's variables or the weights of actions. Rows are each arm's whole
    measure, 1; its flow [J, S]; the link of its class's levels [K, A - 1]; and the set's own, or the sum of the weights.
    """

    def __init__(self, planning: Planning, relaxation: Relaxation | None) -> None:
        from scipy.sparse import block_array, csc_array

        arms, levels, states = self._shape = planning.arms.shape
        self._classes = np.arange(arms) if relaxation is None else relaxation.classes
        whole, flow, link = _stationary(planning, self._classes)
        blocks = [[whole, None], [flow, None], [link, None]]
        right = np.concatenate((np.ones(arms), np.zeros(flow.shape[0] + link.shape[0])))
        if relaxation is None:
            least, most, lower, upper = np.zeros(0), np.zeros(0), np.ones(1), np.ones(1)
            matrix = block_array([[block[0]] for block in blocks] + [[csc_array((1, arms * levels * states))]])
        else:
            least, most, lower, upper = relaxation.least, relaxation.most, relaxation.lower, relaxation.upper
            matrix = block_array([*blocks[:2], [link, -relaxation.links], [None, relaxation.rows]])
        self._sums = len(right)
        costs = np.concatenate((planning.arms.rewards.ravel(), np.zeros(len(most))))
        least = np.concatenate((np.zeros(arms * levels * states), least))
        most = np.concatenate((np.full(arms * levels * states, np.inf), most))
        sides = (np.concatenate((right, lower)), np.concatenate((right, upper)))
        self._highs = maximiser(csc_array(matrix), costs, least, most, *sides)

    def add(self, levels: Array) -> None:
        """Add a joint action [J]."""
        arms, count, states = self._shape
        raised = np.flatnonzero(levels)
        rows = arms + arms * states + raised * (count - 1) + levels[raised] - 1
        entries = np.append(np.full(len(raised), -1.0), 1.0)
        self._highs.addCol(0.0, 0.0, np.inf, len(entries), np.append(rows, self._sums).astype(np.int32), entries)

    def solve(self, seconds: float) -> tuple[float, Array, Array] | None:
        """Return the program's value, prices [J, A] and relative values [J, S]; ``None`` where time runs out."""
        if not optimised(self._highs, seconds, "the program of stationary measures"):
            return None
        arms, levels, states = self._shape
        duals = np.array(self._highs.getSolution().row_dual)
        values = duals[arms : arms + arms * states].reshape(arms, states)
        prices = np.zeros((int(self._classes.max()) + 1, levels))
        prices[:, 1:] = duals[arms + arms * states : self._sums].reshape(-1, levels - 1)
        return float(self._highs.getInfo().objective_function_value), prices[self._classes], values


def _stationary(planning: Planning, classes: Array) -> tuple[Any, Any, Any]:
    """Return the rows of whole measures [J], of flow [J S] and of links [K (A - 1)] over the columns [J A S]."""
    from scipy.sparse import block_diag, csc_array, eye_array, kron

    arms, levels, states = planning.arms.shape
    whole = kron(eye_array(arms), np.ones((1, levels * states)))
    leaves = np.tile(np.eye(states), (1, levels))
    enters = planning.arms.transitions.reshape(arms, levels * states, states).transpose(0, 2, 1)
    flow = block_diag(list(leaves[None] - enters))
    of_class = csc_array(classes == np.arange(int(classes.max()) + 1)[:, None], dtype=float)
    raised = np.kron(np.eye(levels)[1:], np.ones((1, states)))
    return whole, flow, kron(of_class, raised)
