"""The linear relaxation of the edge model with capacity cuts, on HiGHS, and the bound that any of its duals proves."""

from __future__ import annotations

import math
from typing import Any

import highspy
import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.problems.cvrp.instance import CVRPInstance
from redwood.problems.routing.capacity_cuts import CutSets
from redwood.problems.routing.scaling import DUAL_TOLERANCE, cost_scale, scaled_costs
from redwood.tolerance import ROUNDING, to_beat
from redwood.views.compiled import quiet_highs


class Relaxation:
    """A linear program over edges, grown by rows (sets of customers) and columns (edges left out at first).

    Variables are edges i < j with value 0..1, those at the depot 0..2. Rows: degree 2 at customers, between twice the
    least and twice the largest number of routes at the depot, and ``x(delta(S)) >= 2 k(S)`` for sets S, written as
    ``x(E(S)) <= |S| - k(S)`` where that is shorter.
    """

    def __init__(self, instance: CVRPInstance, neighbours: int) -> None:
        size = instance.size
        self.size = size
        self._integral = instance.travel.integral
        self.distance = instance.travel.full().astype(np.float64)
        self._scale = cost_scale(self.distance[self.distance > 0])
        self.members = np.zeros((0, size + 1), dtype=np.bool_)
        self.inner = np.zeros(0, dtype=np.bool_)
        self.tails, self.heads = _first_edges(self.distance, neighbours)
        self.present = np.zeros((size + 1, size + 1), dtype=np.bool_)
        self.present[self.tails, self.heads] = True
        most = math.inf if instance.vehicles is None else 2.0 * instance.vehicles
        self.lower = np.concatenate([[2.0 * instance.fewest], np.full(size, 2.0)])
        self.upper = np.concatenate([[most], np.full(size, 2.0)])
        self.values = np.zeros(0)
        self.duals = np.zeros(0)
        self.reduced = np.zeros((0, 0))
        self.best = -math.inf
        self.best_reduced = self.reduced
        self.best_duals, self.best_rows = np.zeros(size + 1), (self.members, self.inner)
        self._row_values = np.zeros(0)
        self._highs: Any = quiet_highs()
        self._highs.setOptionValue("threads", 1)
        self._highs.passModel(self._program())

    def solve(self, seconds: float) -> bool:
        """Solve within some seconds; returns whether duals are there. They prove a bound even where time ran out."""
        self._highs.setOptionValue("time_limit", float(self._highs.getRunTime() + max(0.01, min(seconds, 1e7))))
        self._highs.run()
        solution = self._highs.getSolution()
        if not solution.dual_valid:
            return False
        self.values = np.asarray(solution.col_value)
        self.duals = np.asarray(solution.row_dual) / self._scale
        self._row_values = np.asarray(solution.row_value)
        return True

    @property
    def optimal(self) -> bool:
        """Whether the last solve came to its end."""
        return bool(self._highs.getModelStatus() == highspy.HighsModelStatus.kOptimal)

    def bound(self) -> float:
        """Return what the duals prove over all edges, whatever the tolerances of the solver.

        For duals y, clipped to the signs of their rows, every feasible x has
        ``c x >= y b + sum of min(0, c - A'y) u``: weak duality over the box 0 <= x <= u.
        """
        duals = self._clipped()
        fixed = np.where(duals > 0, duals * np.where(duals > 0, self.lower, 0), 0.0)
        fixed += np.where(duals < 0, duals * np.where(duals < 0, self.upper, 0), 0.0)
        self.reduced = self._reduced(duals)
        shortfall = np.minimum(0.0, self.reduced)
        shortfall[0] *= 2.0
        value = float(fixed.sum() + np.triu(shortfall, 1).sum()) - self._lost(duals, fixed, shortfall)
        if value > self.best:
            self.best, self.best_reduced = value, self.reduced
            self.best_duals, self.best_rows = duals, (self.members, self.inner)
        return value

    def _lost(self, duals: Array, fixed: Array, shortfall: Array) -> float:
        """Return what rounding can have added to a bound: its terms are differences of the duals."""
        reach = np.abs(fixed).sum() + np.abs(shortfall).sum() + len(duals) * np.abs(duals).max(initial=0.0)
        return 0.1 * ROUNDING * float(reach)

    def useless_edges(self, incumbent: float) -> Array:
        """Return which edges [N + 1, N + 1] only solutions no better than ``incumbent`` use: bound plus reduced cost."""
        least = to_beat(incumbent, "min", 1.0 if self._integral else 0.0)
        return np.asarray(self.best + self.best_reduced > least)

    def add_edges(self, most: int) -> int:
        """Add the edges left out with the most negative reduced costs of the last `bound`; return their number."""
        missing = np.where(self.present, 0.0, np.triu(self.reduced, 1))
        flat = np.argpartition(missing.ravel(), min(most, missing.size - 1))[:most]
        flat = flat[missing.ravel()[flat] * self._scale < -DUAL_TOLERANCE]
        tails, heads = np.unravel_index(flat, missing.shape)
        if len(tails) == 0:
            return 0
        starts, rows, values = self._columns(tails, heads)
        upper = np.where(tails == 0, 2.0, 1.0)
        cost = scaled_costs(self.distance[tails, heads], self._scale)
        self._highs.addCols(len(tails), cost, np.zeros(len(tails)), upper, len(rows), starts, rows, values)
        self.present[tails, heads] = True
        self.tails, self.heads = np.concatenate([self.tails, tails]), np.concatenate([self.heads, heads])
        return len(tails)

    def add_sets(self, sets: CutSets) -> None:
        """Add one row for each set of customers."""
        sizes = sets.members.sum(axis=1)
        inner = sizes - 1 < 2 * (self.size + 1 - sizes)
        starts, columns, parts = [], [], 0
        for members, inside in zip(sets.members, inner, strict=True):
            a, b = members[self.tails], members[self.heads]
            found = np.flatnonzero(a & b if inside else a ^ b).astype(np.int32)
            starts.append(parts)
            columns.append(found)
            parts += len(found)
        lower = np.where(inner, -np.inf, 2.0 * sets.needed)
        upper = np.where(inner, sizes - sets.needed, np.inf)
        flat = np.concatenate(columns)
        self._highs.addRows(len(inner), lower, upper, parts, np.array(starts, dtype=np.int32), flat, np.ones(parts))
        self.members = np.concatenate([self.members, sets.members])
        self.inner = np.concatenate([self.inner, inner])
        self.lower, self.upper = np.concatenate([self.lower, lower]), np.concatenate([self.upper, upper])

    def drop_slack_sets(self) -> None:
        """Delete the rows of sets that the last solution keeps with room to spare."""
        first = self.size + 1
        end = first + len(self.members)
        rows = self._row_values[first:end]
        idle = np.flatnonzero(np.minimum(self.upper[first:end] - rows, rows - self.lower[first:end]) > 1e-3)
        if len(idle) == 0:
            return
        self._highs.deleteRows(len(idle), (first + idle).astype(np.int32))
        self.members, self.inner = np.delete(self.members, idle, axis=0), np.delete(self.inner, idle)
        self.lower, self.upper = np.delete(self.lower, first + idle), np.delete(self.upper, first + idle)

    def _program(self) -> Any:
        program = highspy.HighsLp()
        edges = len(self.tails)
        program.num_col_, program.num_row_ = edges, self.size + 1
        program.col_cost_ = scaled_costs(self.distance[self.tails, self.heads], self._scale)
        program.col_lower_, program.col_upper_ = np.zeros(edges), np.where(self.tails == 0, 2.0, 1.0)
        program.row_lower_, program.row_upper_ = self.lower, self.upper
        starts, rows, values = self._columns(self.tails, self.heads)
        program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        program.a_matrix_.start_ = np.append(starts, len(rows))
        program.a_matrix_.index_, program.a_matrix_.value_ = rows, values
        return program

    def _columns(self, tails: Array, heads: Array) -> tuple[Array, Array, Array]:
        """Return the column entries of edges: their two ends, and the sets whose row they are in."""
        a, b = self.members[:, tails], self.members[:, heads]
        inside = np.where(self.inner[:, None], a & b, a ^ b)
        rows: list[Array] = []
        starts = np.zeros(len(tails), dtype=np.int32)
        for k in range(len(tails)):
            starts[k] = starts[k - 1] + len(rows[-1]) if k else 0
            ends = np.array([tails[k], heads[k]], dtype=np.int32)
            rows.append(np.concatenate([ends, (self.size + 1 + np.flatnonzero(inside[:, k])).astype(np.int32)]))
        flat = np.concatenate(rows)
        return starts, flat, np.ones(len(flat))

    def _clipped(self) -> Array:
        duals = self.duals.copy()
        duals[np.isinf(self.lower)] = np.minimum(duals[np.isinf(self.lower)], 0.0)
        duals[np.isinf(self.upper)] = np.maximum(duals[np.isinf(self.upper)], 0.0)
        return duals

    def _reduced(self, duals: Array) -> Array:
        ends = duals[: self.size + 1]
        reduced = self.distance - ends[:, None] - ends[None, :]
        sets = duals[self.size + 1 :]
        for row in np.flatnonzero(sets):
            subtract_set(reduced, self.members[row], sets[row], self.inner[row])
        return reduced


@kernel
def subtract_set(reduced: Array, members: Array, dual: float, inner: bool) -> None:
    """Subtract a row's dual from the reduced costs [N + 1, N + 1] of the edges in it.

    Parameters
    ----------
    reduced
        Reduced costs [N + 1, N + 1], which change.
    members
        Which nodes the row's set holds, [N + 1].
    dual
        The row's dual.
    inner
        Whether the row adds up the edges within the set, rather than those that cross its border.
    """
    inside = np.flatnonzero(members)
    if inner:
        for i in inside:
            for j in inside:
                reduced[i, j] -= dual
        return
    outside = np.flatnonzero(~members)
    for i in inside:
        for j in outside:
            reduced[i, j] -= dual
            reduced[j, i] -= dual


def _first_edges(distance: Array, neighbours: int) -> tuple[Array, Array]:
    """Return the depot's edges and those to near neighbours (all of a small instance), tail below head."""
    nodes = len(distance)
    chosen = np.zeros((nodes, nodes), dtype=np.bool_)
    chosen[0] = True
    if neighbours >= nodes - 1:
        chosen[:] = True
    else:
        near = np.argpartition(distance + np.diag(np.full(nodes, np.inf)), neighbours, axis=1)[:, :neighbours]
        chosen[np.arange(nodes)[:, None], near] = True
    tails, heads = np.nonzero(np.triu(chosen | chosen.T, 1))
    return tails, heads
