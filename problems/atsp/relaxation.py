"""The assignment problem with subtour rows as a linear program on HiGHS, and the bound that any of its duals proves."""

from __future__ import annotations

import math
from typing import Any

import highspy
import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.problems.atsp.cuts import violated_sets
from redwood.problems.routing.scaling import DUAL_TOLERANCE, cost_scale, scaled_costs
from redwood.tolerance import ROUNDING, to_beat
from redwood.views.compiled import quiet_highs


class Relaxation:
    """A linear program over arcs, grown by rows (sets of nodes that arcs must enter) and columns (arcs left out at first).

    Rows are: one arc out of each node, one arc into each node, and at least one into each set. ``best`` is the best bound
    so far, ``best_reduced`` [N, N] the reduced costs that belong to it, and ``ended`` says whether nothing was left to add.
    """

    def __init__(self, matrix: Array, neighbours: int) -> None:
        self._cost = matrix.astype(np.float64)
        self._scale = cost_scale(matrix[matrix > 0])
        self._cost[np.diag_indices(len(matrix))] = np.inf
        self.size = len(matrix)
        self.sets = np.zeros((0, self.size), dtype=bool)
        self.tails, self.heads = _first_arcs(self._cost, neighbours)
        self._present = np.zeros((self.size, self.size), dtype=bool)
        self._present[self.tails, self.heads] = True
        self.values = np.zeros(0)
        self._known: set[bytes] = set()
        self.best, self.best_reduced, self.ended = -math.inf, self._cost, False
        self._reduced = self._cost
        self._highs: Any = quiet_highs()
        self._highs.setOptionValue("threads", 1)
        rows = 2 * self.size
        self._highs.addRows(
            rows, np.ones(rows), np.ones(rows), 0, np.zeros(rows, np.int32), np.zeros(0, np.int32), np.zeros(0)
        )
        self._add_columns(self.tails, self.heads)

    def tighten(self, clock: Clock, incumbent: float = math.inf) -> float:
        """Add arcs and rows until none is found, the clock stops or the bound reaches ``incumbent``; return the bound."""
        self.ended = False
        while not clock.stops() and self.best < incumbent and self._solve(clock.seconds_left):
            if self._add_arcs():
                continue
            sets = violated_sets(self.size, self.tails, self.heads, self.values)
            sets = sets[np.array([members.tobytes() not in self._known for members in sets], dtype=bool)]
            if len(sets) == 0:  # a tolerance of the solver must not bring a set back for ever
                self.ended = True
                break
            self._known.update(members.tobytes() for members in sets)
            self._add_sets(sets)
        self.ended |= self.best >= incumbent
        return self.best

    def useless_arcs(self, incumbent: float, step: float) -> Array:
        """Return which arcs [N, N] only tours no shorter than ``incumbent`` use, lengths being multiples of ``step``."""
        least = to_beat(incumbent, "min", step)
        useless = np.asarray(self.best + self.best_reduced > least)
        useless[np.arange(self.size), self.best_reduced.argmin(axis=1)] = False  # no node is left without any arc
        useless[self.best_reduced.argmin(axis=0), np.arange(self.size)] = False
        return useless

    def _solve(self, seconds: float) -> bool:
        """Solve within some seconds and note what the duals prove; returns whether the solve came to its end."""
        self._highs.setOptionValue("time_limit", float(self._highs.getRunTime() + max(0.01, min(seconds, 1e7))))
        self._highs.run()
        solution = self._highs.getSolution()
        if solution.dual_valid:
            self._note(np.asarray(solution.row_dual) / self._scale)
        self.values = np.asarray(solution.col_value)
        return bool(self._highs.getModelStatus() == highspy.HighsModelStatus.kOptimal)

    def _note(self, duals: Array) -> None:
        """Compute the reduced costs of all arcs; every tour leaves each node once, so the least of each row are added."""
        size = self.size
        out, into, sets = duals[:size], duals[size : 2 * size], np.maximum(duals[2 * size :], 0.0)
        reduced = self._cost - out[:, None] - into[None, :]
        for row in np.flatnonzero(sets):
            members = self.sets[row]
            reduced[np.ix_(~members, members)] -= sets[row]
        least = reduced.min(axis=1)
        terms = np.concatenate([out, into, sets, least])
        value = math.fsum(terms.tolist()) - self._lost(duals, least)
        self._reduced = reduced
        if value > self.best:
            self.best, self.best_reduced = value, reduced - least[:, None]

    def _lost(self, duals: Array, least: Array) -> float:
        """Return what rounding can have added to a bound: its terms are differences of the duals."""
        reach = float(np.abs(duals).sum()) + self.size * float(np.abs(duals).max(initial=0.0))
        return 0.1 * ROUNDING * (reach + float(np.abs(least).sum()))

    def _add_arcs(self) -> bool:
        """Add the arcs left out with the most negative reduced costs; returns whether there were any."""
        missing = np.where(self._present, 0.0, self._reduced)
        order = np.argpartition(missing, min(2, self.size - 1), axis=1)[:, :3]
        tails, heads = np.repeat(np.arange(self.size), order.shape[1]), order.ravel()
        chosen = missing[tails, heads] * self._scale < -DUAL_TOLERANCE
        if not chosen.any():
            return False
        self._add_columns(tails[chosen], heads[chosen])
        self._present[tails[chosen], heads[chosen]] = True
        self.tails, self.heads = np.append(self.tails, tails[chosen]), np.append(self.heads, heads[chosen])
        return True

    def _add_columns(self, tails: Array, heads: Array) -> None:
        entering = self.sets[:, heads] & ~self.sets[:, tails]
        columns, rows = np.nonzero(entering.T)
        index = np.concatenate([tails, self.size + heads, 2 * self.size + rows])
        owner = np.concatenate([np.arange(len(tails)), np.arange(len(tails)), columns])
        order = np.argsort(owner, kind="stable")
        starts = np.searchsorted(owner[order], np.arange(len(tails))).astype(np.int32)
        count = len(tails)
        self._highs.addCols(
            count,
            scaled_costs(self._cost[tails, heads], self._scale),
            np.zeros(count),
            np.full(count, np.inf),
            len(index),
            starts,
            index[order].astype(np.int32),
            np.ones(len(index)),
        )

    def _add_sets(self, sets: Array) -> None:
        columns = [np.flatnonzero(row[self.heads] & ~row[self.tails]).astype(np.int32) for row in sets]
        starts = np.cumsum([0] + [len(found) for found in columns[:-1]]).astype(np.int32)
        flat = np.concatenate(columns)
        count = len(sets)
        self._highs.addRows(count, np.ones(count), np.full(count, np.inf), len(flat), starts, flat, np.ones(len(flat)))
        self.sets = np.concatenate([self.sets, sets])


def _first_arcs(cost: Array, neighbours: int) -> tuple[Array, Array]:
    """Return the cheapest arcs out of and into each node, and those of a cheapest assignment, so that there is a point."""
    from scipy.optimize import linear_sum_assignment

    size = len(cost)
    chosen = np.zeros((size, size), dtype=bool)
    count = min(neighbours, size - 1)
    chosen[np.arange(size)[:, None], np.argpartition(cost, count - 1, axis=1)[:, :count]] = True
    chosen[np.argpartition(cost, count - 1, axis=0)[:count], np.arange(size)[None, :]] = True
    chosen[linear_sum_assignment(np.where(np.isinf(cost), size * cost[np.isfinite(cost)].max() or 1.0, cost))] = True
    chosen[np.arange(size), np.roll(np.arange(size), -1)] = True  # a tour, so that added rows stay feasible
    chosen[np.diag_indices(size)] = False
    tails, heads = np.nonzero(chosen)
    return tails, heads
