"""The linear relaxation of orienteering with generalised subtour rows, on HiGHS, and the bound that any duals prove."""

from __future__ import annotations

import math
from typing import Any

import highspy
import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.problems.orienteering.cuts import CutSets, violated_sets
from redwood.problems.orienteering.network import Network
from redwood.problems.routing.scaling import DUAL_TOLERANCE
from redwood.tolerance import ROUNDING, unit_scale
from redwood.views.compiled import quiet_highs

NEIGHBOURS = 10
"""Edges to so many nearest nodes are in the program from the start; others are priced in."""

PLAIN = 2.0**-4, 2.0**24
"""Prizes and budgets between these need no scale for HiGHS's absolute tolerances."""


class Relaxation:
    """A linear program over visits and edges, grown by rows (sets of nodes) and columns (edges left out at first).

    Columns are the visits, the path without inner nodes, a closed tour's trip to a single node, and edges. Rows are the
    two edges of each visited node, the edges at the start and at the end (or both at the root), the budget, and the sets.
    ``best`` is the best upper bound so far, ``visit_costs`` and ``edge_costs`` what a visit or an edge
    takes off it at least.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.size = network.size
        self.sets = CutSets(np.zeros((0, self.size), dtype=bool), np.zeros(0, dtype=np.int64))
        self.tails, self.heads = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        self._present = ~network.allowed
        self.best = math.inf
        self.visit_costs, self.edge_costs = np.zeros(self.size), np.zeros_like(network.lengths)
        self._reduced = self.edge_costs
        self._unit = unit_scale(float(network.prizes.max(initial=0.0)), *PLAIN)
        self._length_unit = unit_scale(float(network.limit), *PLAIN)
        self.visits, self.values, self._trip = np.zeros(0), np.zeros(0), 0.0
        self._known: set[bytes] = set()
        self._highs: Any = quiet_highs()
        self._highs.setOptionValue("threads", 1)
        self._first_program()
        self._add_columns(*_first_edges(network))

    def tighten(self, clock: Clock, incumbent: float = -math.inf) -> float:
        """Add edges and rows until none is found, the clock stops or the bound meets ``incumbent``; return the bound."""
        while not clock.stops() and self.best > incumbent and self._solve(clock.seconds_left):
            if self._add_edges():
                continue
            sets = self._new(violated_sets(self.size, self.visits, *self._support()))
            if len(sets.kept) == 0:
                break
            self._add_sets(sets)
        return self.best

    @property
    def _own(self) -> int:
        """Number of columns that are no edges."""
        return self.size + (2 if self.network.single >= 0 else 1)

    @property
    def _base(self) -> int:
        """Number of rows that are no sets: nodes, start, end (empty for a closed tour), budget."""
        return self.size + 3

    def _support(self) -> tuple[Array, Array, Array]:
        """Return tails, heads and values of the edges; the trip to a single node uses its edge to the root twice."""
        if self.network.single < 0:
            return self.tails, self.heads, self.values
        tails, heads = np.append(self.tails, self.network.single), np.append(self.heads, self.size)
        return tails, heads, np.append(self.values, 2.0 * self._trip)

    def _new(self, sets: CutSets) -> CutSets:
        """Return the sets that have no row yet: a tolerance of the solver must not bring one back for ever."""
        keys = [members.tobytes() + bytes(str(kept), "ascii") for members, kept in zip(sets.members, sets.kept, strict=True)]
        fresh = [place for place, key in enumerate(keys) if key not in self._known]
        self._known.update(keys)
        return CutSets(sets.members[fresh], sets.kept[fresh])

    def _first_program(self) -> None:
        network, size = self.network, self.size
        lower, upper = np.zeros(self._base), np.zeros(self._base)
        lower[size : size + 2] = upper[size : size + 2] = (2.0, 0.0) if network.instance.closed else (1.0, 1.0)
        lower[size + 2], upper[size + 2] = -np.inf, network.limit * self._length_unit
        none = np.zeros(0, np.int32)
        self._highs.addRows(self._base, lower, upper, 0, np.zeros(self._base, np.int32), none, np.zeros(0))
        for node in range(size):
            self._highs.addCol(-network.prizes[node] * self._unit, 0.0, 1.0, 1, np.array([node], np.int32), np.array([-2.0]))
        rows, values = self._direct()
        self._highs.addCol(0.0, 0.0, 1.0, len(rows), np.array(rows, np.int32), self._scaled(rows, values))
        if network.single >= 0:
            rows, values = self._single()
            self._highs.addCol(0.0, 0.0, 1.0, len(rows), np.array(rows, np.int32), self._scaled(rows, values))

    def _scaled(self, rows: list[int], values: list[float]) -> Array:
        """Return the entries of a column with that of the budget in its unit."""
        return np.asarray(np.where(np.array(rows) == self.size + 2, self._length_unit, 1.0) * np.array(values))

    def _direct(self) -> tuple[list[int], list[float]]:
        if self.network.instance.closed:
            return [self.size], [2.0]
        return [self.size, self.size + 1, self.size + 2], [1.0, 1.0, self.network.direct]

    def _single(self) -> tuple[list[int], list[float]]:
        length = 2.0 * float(self.network.lengths[self.network.single, self.size])
        return [self.network.single, self.size, self.size + 2], [2.0, 2.0, length]

    def _solve(self, seconds: float) -> bool:
        """Solve within some seconds and note what the duals prove; returns whether the solve came to its end."""
        self._highs.setOptionValue("time_limit", float(self._highs.getRunTime() + max(0.01, min(seconds, 1e7))))
        self._highs.run()
        solution = self._highs.getSolution()
        if solution.dual_valid:
            duals = np.asarray(solution.row_dual) / self._unit
            duals[self.size + 2] *= self._length_unit
            self._note(duals)
        values = np.asarray(solution.col_value)
        self.visits, self.values = values[: self.size], values[self._own :]
        self._trip = float(values[self.size + 1]) if self.network.single >= 0 else 0.0
        return bool(self._highs.getModelStatus() == highspy.HighsModelStatus.kOptimal)

    def _note(self, duals: Array) -> None:
        """Compute the reduced costs of all columns, present or not, and the bound: weak duality over 0 <= x <= 1."""
        network, size = self.network, self.size
        nodes, budget, sets = duals[: size + 2], min(0.0, float(duals[size + 2])), np.minimum(duals[self._base :], 0.0)
        edges = -nodes[:, None] - nodes[None, :] - budget * network.lengths
        visits = -network.prizes + 2.0 * nodes[:size]
        for row in np.flatnonzero(sets):
            inside = np.flatnonzero(self.sets.members[row])
            edges[np.ix_(inside, inside)] -= sets[row]
            visits[inside] += sets[row]
            visits[self.sets.kept[row]] -= sets[row]
        others = [-sum(v * duals[r] if r < size + 2 else v * budget for r, v in zip(*self._direct(), strict=True))]
        if network.single >= 0:
            others.append(-sum(v * duals[r] if r < size + 2 else v * budget for r, v in zip(*self._single(), strict=True)))
        ends = 2.0 * nodes[size] if network.instance.closed else nodes[size] + nodes[size + 1]
        total = ends + budget * network.limit + np.minimum(visits, 0.0).sum() + sum(min(0.0, other) for other in others)
        total += np.minimum(edges[network.allowed], 0.0).sum()
        total -= 0.1 * ROUNDING * self._reach(nodes, sets, budget)
        self._reduced = edges
        if -total < self.best:
            self.best, self.visit_costs, self.edge_costs = float(-total), visits, edges

    def _reach(self, nodes: Array, sets: Array, budget: float) -> float:
        """Return the magnitude of what a bound is computed from: its terms are differences of duals and prizes."""
        dual = max(float(np.abs(nodes).max(initial=0.0)), float(np.abs(sets).max(initial=0.0)))
        return 4.0 * (self.size + 2) * dual + float(self.network.prizes.sum()) + 2.0 * abs(budget) * self.network.limit

    def _add_edges(self) -> bool:
        """Add the edges left out with the most negative reduced costs; returns whether there were any."""
        missing = np.where(self._present, 0.0, self._reduced).ravel()
        most = min(3 * self.size + 10, missing.size - 1)
        chosen = np.argpartition(missing, most)[:most]
        chosen = chosen[missing[chosen] < -DUAL_TOLERANCE * float(self.network.prizes.max(initial=0.0))]
        if len(chosen) == 0:
            return False
        self._add_columns(*np.unravel_index(chosen, self._present.shape))
        return True

    def _add_columns(self, tails: Array, heads: Array) -> None:
        if len(tails) == 0:
            return
        inside = np.zeros((len(self.sets.kept), len(tails)), dtype=bool)
        inner = heads < self.size
        inside[:, inner] = self.sets.members[:, tails[inner]] & self.sets.members[:, heads[inner]]
        columns, rows = np.nonzero(inside.T)
        each = np.arange(len(tails))
        owner = np.concatenate([each, each, each, columns])
        index = np.concatenate([tails, heads, np.full(len(tails), self.size + 2), self._base + rows])
        value = np.concatenate(
            [np.ones(2 * len(tails)), self.network.lengths[tails, heads] * self._length_unit, np.ones(len(rows))]
        )
        order = np.argsort(owner, kind="stable")
        starts = np.searchsorted(owner[order], each).astype(np.int32)
        bounds = np.zeros(len(tails)), np.zeros(len(tails)), np.ones(len(tails))
        self._highs.addCols(len(tails), *bounds, len(index), starts, index[order].astype(np.int32), value[order])
        self._present[tails, heads] = True
        self.tails, self.heads = np.append(self.tails, tails), np.append(self.heads, heads)

    def _add_sets(self, sets: CutSets) -> None:
        inner = np.flatnonzero(self.heads < self.size)
        parts, values = [], []
        for members, kept in zip(sets.members, sets.kept, strict=True):
            edges = inner[members[self.tails[inner]] & members[self.heads[inner]]]
            visits = np.setdiff1d(np.flatnonzero(members), [kept])
            parts.append(np.concatenate([visits, self._own + edges]))
            values.append(np.concatenate([-np.ones(len(visits)), np.ones(len(edges))]))
        starts = np.cumsum([0] + [len(part) for part in parts[:-1]]).astype(np.int32)
        flat, count = np.concatenate(parts).astype(np.int32), len(parts)
        self._highs.addRows(count, np.full(count, -np.inf), np.zeros(count), len(flat), starts, flat, np.concatenate(values))
        members, kept = np.concatenate([self.sets.members, sets.members]), np.concatenate([self.sets.kept, sets.kept])
        self.sets = CutSets(members, kept)


def _first_edges(network: Network) -> tuple[Array, Array]:
    """Return the edges to near nodes and those at the start and the end."""
    size = network.size
    both = network.allowed | network.allowed.T
    near = np.where(both, network.lengths, np.inf)[:size]
    chosen = np.zeros_like(both)
    if size:
        count = min(NEIGHBOURS, size + 1)
        chosen[np.arange(size)[:, None], np.argpartition(near, count - 1, axis=1)[:, :count]] = True
    chosen[:, size:] = True
    tails, heads = np.nonzero((chosen | chosen.T) & network.allowed)
    return tails, heads
