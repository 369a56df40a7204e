"""Prices by class of arms: column generation with plans of groups of arms on one side and joint actions on the other.

Arms of a class may be swapped in every joint action, so one price a step, class and action serves them all. There are few
such prices however many arms there are, and what the arms answer to them is a piecewise linear function that a small
linear program models: its columns mix plans (what a group of arms earned and how often it was pulled under some prices)
and actions. Prices stay in a box around the best ones, which two columns a row express.

References
----------
du Merle, Villeneuve, Desrosiers, Hansen (1999), Stabilized column generation, doi:10.1016/S0012-365X(98)00213-1.
Marsten, Hogan, Blankenship (1975), The BOXSTEP method for large-scale optimization, doi:10.1287/opre.23.3.389.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.errors import SolverError
from redwood.planning.bounds.master import optimised
from redwood.planning.bounds.relaxing import linear_program
from redwood.planning.bounds.segment import Decoupled, ending_of

GROUPS = 40
"""The most groups of arms; more of them model the arms better, and make the program larger."""
INSIDE = 1e-9
"""The most that a column of the box may be used where the box does not matter."""
SMALLEST = 1e-12
"""Probabilities below this are left out of columns."""


@dataclass(frozen=True, eq=False)
class Point:
    """What prices [H, K, A] of classes come to.

    Attributes
    ----------
    prices
        Of each action, 0 for action 0.
    bound
        Upper bound on the expected total reward of every policy.
    earned
        Expected reward [G] of each group, prices not paid.
    pulled
        Expected number [G, H, K, A] of a group's arms of a class for each action.
    actions
        A joint action [H, J] worth most under the prices of each step.
    """

    prices: Array
    bound: float
    earned: Array
    pulled: Array
    actions: Array


MOST_ROOM = 4 << 30
"""Bytes of the largest array that is asked for."""


class Decomposition:
    """Minimises the bound over the prices of classes."""

    def __init__(self, planning: Decoupled) -> None:
        self._planning = planning
        self._classes = np.ascontiguousarray(planning.actions.classes, np.int64)
        arms, arm_actions, states = planning.arms.shape
        self._count = min(arms, GROUPS)
        self._group = np.empty(arms, np.int64)
        self._group[np.argsort(self._classes, kind="stable")] = np.arange(arms) * self._count // arms
        self._shape = (planning.horizon, int(self._classes.max()) + 1, arm_actions)
        room = 8 * planning.horizon * math.prod(self._shape)  # of the cuts of one round, a row for each step
        if room > MOST_ROOM:
            raise SolverError(
                f"the bound of {planning.horizon} steps needs arrays of {room / 2**30:.0f} GiB, above the limit of "
                f"{MOST_ROOM >> 30} GiB; give a shorter horizon, or the criterion average."
            )
        self._q_values = np.empty((planning.horizon, arms, arm_actions, states))
        self._rows = planning.horizon * self._shape[1] * (arm_actions - 1)
        self._highs = self._load()

    def minimise(self, clock: Clock, rounds: int, close: float, prices: Array | None = None) -> tuple[Array, list[Array]]:
        """Return the best prices [H, J, A] found, one for each arm, and the actions [H, J] met on the way.

        ``close`` is the distance, relative to the bound, of bound and program at which the prices are good enough. The
        search begins at ``prices`` [H, J, A], those of the first arm of each class, or at zero.

        Parameters
        ----------
        clock
            Stops the search between two programs, and limits each.
        rounds
            Programs solved, at most.
        close
            Distance of bound and program, relative to the bound, at which the prices are good enough.
        prices
            Prices [H, J, A] to begin at, of which those of the first arm of each class count; ``None`` for zero.
        """
        first = np.unique(self._classes, return_index=True)[1]
        best = self._evaluate(np.zeros(self._shape) if prices is None else prices[:, first])
        met = [best.actions]
        self._add(best)
        reach = abs(best.bound) / (self._planning.horizon * len(self._classes)) or 1.0
        for _ in range(rounds):
            solved = None if clock.stops() else self._solve(best.prices, reach, clock.seconds_left)
            if solved is None:
                break
            value, moved, inside = solved
            hoped = best.bound - value
            if hoped <= close * abs(best.bound):
                if inside:
                    break
                reach *= 4.0
                continue
            tried = self._evaluate(moved)
            met.append(tried.actions)
            self._add(tried)
            if tried.bound < best.bound:
                reach *= 2.0 if tried.bound < best.bound - 0.1 * hoped and not inside else 1.0
                best = tried
            elif tried.bound - best.bound > hoped:
                reach /= 2.0
        return best.prices[:, self._classes], met

    def _evaluate(self, prices: Array) -> Point:
        from redwood.planning.bounds.duality_kernels import price_arms

        planning = self._planning
        arms = planning.arms
        values, shares = price_arms(
            arms.transitions,
            arms.rewards,
            arms.start,
            ending_of(planning),
            prices,
            self._classes,
            planning.discount,
            self._q_values,
        )
        choices = [planning.actions.argmax(row[self._classes]) for row in prices]
        pulled = np.zeros((self._count, *self._shape))
        steps = np.arange(planning.horizon)
        np.add.at(pulled, (self._group[:, None], steps[None], self._classes[:, None]), shares)
        earned = np.bincount(self._group, values, self._count) + (pulled * prices).sum(axis=(1, 2, 3))
        bound = float(values.sum()) + sum(choice.bound for choice in choices)
        return Point(prices, bound, earned, pulled, np.array([choice.arm_actions for choice in choices]))

    def _add(self, point: Point) -> None:
        """Add the plans of the groups and the actions of the steps as columns."""
        steps = self._shape[0]
        counts = np.zeros(self._shape)
        np.add.at(counts, (np.arange(steps)[:, None], self._classes[None], point.actions), 1.0)
        of_steps = np.zeros((steps, *self._shape))
        of_steps[np.arange(steps), np.arange(steps)] = -counts
        links = np.concatenate((point.pulled, of_steps))[..., 1:].reshape(self._count + steps, self._rows)
        entries = np.hstack((np.where(np.abs(links) > SMALLEST, links, 0.0), np.eye(self._count + steps)))
        column, row = np.nonzero(entries)
        starts = np.searchsorted(column, np.arange(len(entries))).astype(np.int32)
        costs = np.concatenate((point.earned, np.zeros(steps)))
        none, most = np.zeros(len(entries)), np.full(len(entries), np.inf)
        self._highs.addCols(len(entries), costs, none, most, len(row), starts, row.astype(np.int32), entries[column, row])

    def _solve(self, centre: Array, reach: float, seconds: float) -> tuple[float, Array, bool] | None:
        """Return the program's value, its prices and whether the box does not hold them back; ``None`` out of time."""
        middle = centre[..., 1:].ravel()
        costs = np.concatenate((middle - reach, -middle - reach))
        self._highs.changeColsCost(len(costs), np.arange(len(costs), dtype=np.int32), costs)
        if not optimised(self._highs, seconds, "the program of prices by class"):
            return None
        prices = np.zeros(self._shape)
        solution = self._highs.getSolution()
        prices[..., 1:] = np.array(solution.row_dual)[: self._rows].reshape(prices[..., 1:].shape)
        inside = bool(np.max(solution.col_value[: 2 * self._rows]) < INSIDE)
        return float(self._highs.getInfo().objective_function_value), prices, inside

    def _load(self) -> Any:
        """Return HiGHS with one row a price and one a mixture, and the two columns of each price's box."""
        from scipy.sparse import csc_array

        sides = 2 * self._rows
        right = np.concatenate((np.zeros(self._rows), np.ones(self._count + self._planning.horizon)))
        entries = (np.repeat([1.0, -1.0], self._rows), np.tile(np.arange(self._rows), 2), np.arange(sides + 1))
        matrix = csc_array(entries, shape=(len(right), sides))
        return linear_program(matrix, np.zeros(sides), np.zeros(sides), np.full(sides, np.inf), right, right)
