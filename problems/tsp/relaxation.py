"""The linear relaxation of the TSP with subtours, blossoms and combs on HiGHS, and the bound that its duals prove."""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import Any

import highspy
import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock, Share, Timer
from redwood.problems.routing.scaling import DUAL_TOLERANCE, cost_scale, scaled_costs
from redwood.problems.routing.travel import Metric, Travel
from redwood.problems.tsp.cuts import Cut, CutFinder
from redwood.problems.tsp.instance import TSPInstance
from redwood.problems.tsp.local import TSPLocal
from redwood.problems.tsp.pricing_kernels import Missing, Prices, cross_edges, price_edges
from redwood.tolerance import ROUNDING
from redwood.views.compiled import quiet_highs

NEIGHBOURS = 6
"""Edges to so many nearest nodes are in the program from the start; others are priced in."""
TOUR_STEPS, TOUR_SHARE = 20, 0.05
"""Perturbations for each node, at most, of the tour whose intervals serve as teeth, and share of the time that they take."""
MOST_STEPS = 4_000
REHEARSED = 14
"""Nodes of the instance that kernels are compiled on."""
STALL_ROUNDS, STALL_RISE = 25, 2e-5
"""Cutting ends where the bound has risen by less than this share of itself over so many rounds."""


def relax(instance: TSPInstance, edges: Array, clock: Clock) -> Relaxation:
    """Return the relaxation over edges to near nodes, of a good tour, and those given [E, 2]."""
    tour = good_tour(instance, clock)
    near = instance.travel.nearest(NEIGHBOURS)
    pairs = np.stack([np.repeat(np.arange(instance.size), near.shape[1]), near.ravel()], axis=1)
    pairs = np.concatenate([pairs, np.stack([tour, np.roll(tour, -1)], axis=1), edges])
    return Relaxation(instance, tour, np.unique(np.sort(pairs, axis=1), axis=0))


@cache
def rehearse(metric: Metric) -> None:
    """Tighten the relaxation of a small instance of a metric, and find cuts at a point that it may not come to."""
    places = np.random.default_rng(1).random((REHEARSED, 2))
    explicit = np.abs(places[:, None] - places[None]).sum(axis=2) if metric is Metric.EXPLICIT else None
    travel = Travel(metric, None if metric is Metric.EXPLICIT else 1000.0 * places, explicit)
    nothing = np.zeros((0, 2), dtype=np.int64)
    relaxation = relax(TSPInstance(travel=travel), nothing, Timer())
    relaxation.tighten(Timer())
    relaxation.useful_edges(math.inf, REHEARSED**2)
    tails, heads = np.triu_indices(REHEARSED, 1)
    finder = CutFinder(np.arange(REHEARSED))
    halves = np.array([[0, 1], [1, 2], [0, 2], [3, 4], [4, 5], [3, 5]])  # two triangles, joined by three paths
    path = [2, *range(6, REHEARSED), 5]
    whole = np.array([[0, 3], [1, 4], *itertools.pairwise(path)])
    points = [
        (tails, heads, np.full(len(tails), 2.0 / (REHEARSED - 1))),
        (*np.concatenate([halves, whole]).T, np.repeat([0.5, 1.0], [len(halves), len(whole)])),
    ]
    for one, other, values in points:
        finder.find(one, other, values, 10**6, Timer())
    cut_entries(REHEARSED, [Cut((np.arange(3),), 2.0, 0.0)], tails, heads)


def good_tour(instance: TSPInstance, clock: Clock) -> Array:
    """Return the tour [N] of a local search with some perturbations."""
    view, rng, share = TSPLocal(instance), np.random.default_rng(0), Share(clock, TOUR_SHARE)
    state = view.construct(rng)
    view.descend(state)
    for _ in range(min(MOST_STEPS, TOUR_STEPS * instance.size)):
        if share.stops():
            break
        candidate = view.copy(state)
        view.perturb(candidate, rng)
        view.descend(candidate)
        state = candidate if candidate.length <= state.length else state
    return state.tour.astype(np.int64)


class Relaxation:
    """A linear program over edges, grown by rows (cuts) and columns (edges left out at first).

    Variables are edges with values from 0 to 1. Rows: two edges at each node, and ``sum of x(delta(S)) >= least`` over the
    sets S of each cut. ``best`` is the best bound so far, over all edges; ``ended`` says whether the work is done.
    """

    def __init__(self, instance: TSPInstance, tour: Array, edges: Array) -> None:
        self.instance = instance
        self.size = instance.size
        self.finder = CutFinder(tour)
        self.tails, self.heads = edges[:, 0].astype(np.int64), edges[:, 1].astype(np.int64)
        lengths = instance.travel.between(self.tails, self.heads)
        self._scale = cost_scale(lengths[lengths > 0])
        self.cuts: list[Cut] = []
        self._idle = np.zeros(0, dtype=np.int64)
        self._known: set[bytes] = set()
        self.values, self._duals, self._row_values = np.zeros(0), np.zeros(self.size), np.zeros(0)
        self.best, self.best_prices, self.ended = -math.inf, self.prices(), False
        self._room, self._count = 20 * self.size, 0
        self._missing = _room(0)
        self._highs: Any = quiet_highs()
        self._highs.setOptionValue("presolve", "off")
        rows = self.size
        self._highs.addRows(
            rows, np.full(rows, 2.0), np.full(rows, 2.0), 0, np.zeros(rows, np.int32), np.zeros(0, np.int32), np.zeros(0)
        )
        self._add_columns(self.tails, self.heads)

    def tighten(self, clock: Clock, goal: float = math.inf, rounds: float = math.inf) -> float:
        """Add edges and cuts until none is found, the bound stalls or reaches ``goal``, or the clock stops.

        Parameters
        ----------
        clock
            Ends the work, and limits each solution of the program.
        goal
            A bound that is enough.
        rounds
            Solutions of the program, at most.

        Returns
        -------
        The best bound.
        """
        history: list[float] = []
        while not clock.stops() and self.best < goal and len(history) < rounds:
            if not self._solve(clock.seconds_left):
                break
            added = self._price()
            history.append(self.best)
            if self._stalls(history, added):
                self.ended = True
                break
            cuts = self.finder.find(self.tails, self.heads, self.values, max(100, self.size // 4), clock)
            cuts = [cut for cut in cuts if cut.key not in self._known]
            if not cuts and not added:
                self.ended = not clock.stops()
                break
            self._drop_idle()
            self._add_cuts(cuts)
            self._add_missing()
        self.ended |= self.best >= goal
        return self.best

    def _stalls(self, history: list[float], added: int) -> bool:
        if added or len(history) <= STALL_ROUNDS:
            return False
        return history[-1] - history[-1 - STALL_ROUNDS] <= STALL_RISE * abs(history[-1])

    def _solve(self, seconds: float) -> bool:
        """Solve within some seconds, and note what the duals prove; returns whether the solve came to its end."""
        self._highs.setOptionValue("time_limit", float(self._highs.getRunTime() + max(0.01, min(seconds, 1e7))))
        self._highs.run()
        solution = self._highs.getSolution()
        ended = bool(self._highs.getModelStatus() == highspy.HighsModelStatus.kOptimal)
        if solution.dual_valid:
            self._duals = np.asarray(solution.row_dual) / self._scale
            self.values = np.asarray(solution.col_value)
            self._row_values = np.asarray(solution.row_value)
            if not ended:
                self._price()
        return ended

    def prices(self) -> Prices:
        """Return what the duals of the last solution price nodes and sets at; those of cuts are not negative."""
        duals = np.maximum(self._duals[self.size :], 0.0)
        used = [(cut, dual) for cut, dual in zip(self.cuts, duals.tolist(), strict=True) if dual > 0.0]
        sets = [one for cut, _ in used for one in cut.sets]
        price = np.repeat([dual for _, dual in used], [len(cut.sets) for cut, _ in used]).astype(np.float64)
        owner = np.repeat(np.arange(len(sets)), [len(one) for one in sets]).astype(np.int64)
        member = np.concatenate(sets) if sets else np.zeros(0, dtype=np.int64)
        held = np.bincount(member, weights=price[owner], minlength=self.size)
        order = np.argsort(member, kind="stable")
        starts = np.searchsorted(member[order], np.arange(self.size + 1))
        node = self._duals[: self.size]
        return Prices(node + held, np.abs(node) + held, starts, owner[order], price)

    def _price(self) -> int:
        """Note the bound that the duals prove over all edges; return how many edges with negative reduced costs are missing.

        For prices p of nodes and y >= 0 of cuts, every tour is at least ``2 p + least y + sum of min(0, reduced costs)``
        long: weak duality over the box 0 <= x <= 1.
        """
        prices = self.prices()
        starts, heads, _ = adjacency(self.size, self.tails, self.heads)
        self._missing = _room(self._room)
        limit = -DUAL_TOLERANCE / self._scale
        shortfall, reach, count = price_edges(self.instance.travel.arrays, prices, starts, heads, limit, self._missing)
        self._count = min(count, self._room)
        least = np.array([cut.least for cut in self.cuts])
        fixed = np.concatenate([2.0 * self._duals[: self.size], least * np.maximum(self._duals[self.size :], 0.0)])
        lost = 0.1 * ROUNDING * (float(np.abs(fixed).sum()) + reach)
        value = math.fsum(fixed.tolist()) + shortfall - lost
        if value > self.best:
            self.best, self.best_prices = value, prices
        return count

    def useful_edges(self, limit: float, most: int) -> Array | None:
        """Return the edges [E, 2] that tours of at most ``limit`` can use, or ``None`` for more edges than ``most``."""
        found, nothing = _room(most), np.zeros(self.size + 1, dtype=np.int64)
        none, room = np.zeros(0, dtype=np.int64), math.nextafter(limit - self.best, math.inf)
        _, _, count = price_edges(self.instance.travel.arrays, self.best_prices, nothing, none, room, found)
        return np.stack([found.tails[:count], found.heads[:count]], axis=1) if count <= most else None

    def _add_missing(self) -> None:
        """Add the missing edges with the most negative reduced costs."""
        order = np.argsort(self._missing.reduced[: self._count])[: 2 * self.size]
        if len(order):
            tails, heads = self._missing.tails[order], self._missing.heads[order]
            self._add_columns(tails, heads)
            self.tails, self.heads = np.append(self.tails, tails), np.append(self.heads, heads)

    def _add_columns(self, tails: Array, heads: Array) -> None:
        rows, columns, values = cut_entries(self.size, self.cuts, tails, heads)
        count = len(tails)
        index = np.concatenate([tails, heads, self.size + rows])
        owner = np.concatenate([np.arange(count), np.arange(count), columns])
        order = np.argsort(owner, kind="stable")
        starts = np.searchsorted(owner[order], np.arange(count)).astype(np.int32)
        self._highs.addCols(
            count,
            scaled_costs(self.instance.travel.between(tails, heads), self._scale),
            np.zeros(count),
            np.ones(count),
            len(index),
            starts,
            index[order].astype(np.int32),
            np.concatenate([np.ones(2 * count), values])[order],
        )

    def _add_cuts(self, cuts: list[Cut]) -> None:
        if not cuts:
            return
        rows, columns, values = cut_entries(self.size, cuts, self.tails, self.heads)
        starts = np.searchsorted(rows, np.arange(len(cuts))).astype(np.int32)
        least = np.array([cut.least for cut in cuts])
        infinite = np.full(len(cuts), math.inf)
        self._highs.addRows(len(cuts), least, infinite, len(rows), starts, columns.astype(np.int32), values)
        self.cuts += cuts
        self._idle = np.append(self._idle, np.zeros(len(cuts), dtype=np.int64))
        self._known.update(cut.key for cut in cuts)

    def _drop_idle(self) -> None:
        """Delete the rows that several solutions in turn keep with room to spare."""
        slack = self._row_values[self.size :] - np.array([cut.least for cut in self.cuts])
        self._idle = np.where(slack > 1e-3, self._idle + 1, 0)
        idle = np.flatnonzero(self._idle >= 5)
        if len(idle) == 0:
            return
        self._highs.deleteRows(len(idle), (self.size + idle).astype(np.int32))
        for place in idle:
            self._known.discard(self.cuts[place].key)
        gone = set(idle.tolist())
        self.cuts = [cut for place, cut in enumerate(self.cuts) if place not in gone]
        self._idle = np.delete(self._idle, idle)


def _room(count: int) -> Missing:
    return Missing(np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count))


def cut_entries(size: int, cuts: list[Cut], tails: Array, heads: Array) -> tuple[Array, Array, Array]:
    """Return rows, columns and values of cuts over edges, sorted by rows and columns.

    Parameters
    ----------
    size
        Number of nodes.
    cuts
        One for each row.
    tails, heads
        The edges [E], one for each column.
    """
    nothing = np.zeros(0, dtype=np.int64)
    if not cuts:
        return nothing, nothing, np.zeros(0)
    sets = [one for cut in cuts for one in cut.sets]
    first = np.cumsum([0, *(len(cut.sets) for cut in cuts)])
    begins = np.cumsum([0, *(len(one) for one in sets)])
    graph = adjacency(size, tails, heads)
    room = 8 * begins[-1] + 1000
    rows, columns = np.empty(room, np.int64), np.empty(room, np.int64)
    count = cross_edges(first, *graph, begins, np.concatenate(sets), rows, columns)
    if count > room:
        rows, columns = np.empty(count, np.int64), np.empty(count, np.int64)
        cross_edges(first, *graph, begins, np.concatenate(sets), rows, columns)
    keys, values = np.unique(rows[:count] * len(tails) + columns[:count], return_counts=True)
    return *np.divmod(keys, len(tails)), values.astype(np.float64)


def adjacency(size: int, tails: Array, heads: Array) -> tuple[Array, Array, Array]:
    """Return the starts [N + 1], other ends and numbers [2 E] of the edges at each node."""
    begin, end = np.append(tails, heads), np.append(heads, tails)
    order = np.argsort(begin, kind="stable")
    starts = np.searchsorted(begin[order], np.arange(size + 1))
    return starts, end[order], np.tile(np.arange(len(tails)), 2)[order]
