"""Column generation: ng-routes priced by labels, a covering program on HiGHS above them, and capacity cuts in it.

Every bound is that of Lagrange at prices that are known, so it holds whenever the clock stops, and whatever HiGHS returns.

References
----------
Pessoa, Sadykov, Uchoa, Vanderbeck (2018), doi:10.1287/ijoc.2017.0784, section 3, for prices between the best ones and those
of the program. Fukasawa et al. (2006), doi:10.1007/s10107-005-0644-x, for capacity cuts whose prices are those of ways.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import highspy
import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock, Timer
from redwood.kernels import random_state
from redwood.problems.routing.capacity_cuts import CutSets, violated_sets
from redwood.problems.routing.ng_covering import Covered, Covering, Start, places, plain_covering
from redwood.problems.routing.ng_kernels import Labels, RouteGraph, cheapest_routes, make_labels
from redwood.problems.routing.round_route_kernels import cheapest_round_routes
from redwood.tolerance import ROUNDING, unit_scale
from redwood.views.compiled import quiet_highs

REHEARSED = 6
"""Customers that kernels are compiled on."""
ROOM = 400_000
"""So many paths may be looked at in one pricing; where there are more, the bound of before stays."""
COMPARISONS = 3e7
"""So many pairs of paths are compared in a second, about."""
MOST_SECONDS, PRICE_SHARE = 20.0, 0.05
"""Seconds that one pricing may take, and share of all; where they do not suffice, neighbourhoods are halved."""
SMOOTHING = 0.6
"""Share of the best prices in those at which routes are priced."""
QUICK = 4
"""After so many quick pricings an exact one follows, which moves the best prices."""
CLOSE = 1e-10
"""The bound is final where the program's value is above it by this share."""
NEAR_END = 2e-3
"""Cuts are looked for from where the program's value is above the bound by this share."""
NOISES = (0.0, 0.1, 0.5, 1.5)
"""Disturbances of the search for cuts, tried in turn while the former finds little."""
ENOUGH = 15
"""So many cuts are enough for a round."""
LEAST, MOST = 1.0, 2.0**14
"""Medians of costs between these need no scale."""
PRIMAL = 4
"""HiGHS's number of the primal simplex method: the last point stays feasible while columns are added."""
TOLERANCE = 1e-9
"""Of HiGHS; routes that cost no less than their price by this share are left out."""


def covering_bound(covering: Covering, clock: Clock, incumbent: float = math.inf, start: Start | None = None) -> Covered:
    """Return the best bound until columns and rows are complete, the clock stops or ``incumbent`` is reached.

    Parameters
    ----------
    covering
        What is to be covered, and by which routes.
    clock
        Ends the work.
    incumbent
        A bound that is enough.
    start
        What to begin with.
    """
    return Generation(covering, start or Start()).run(clock, incumbent)


class ReducedCosts(NamedTuple):
    """What routes cost beyond the prices at which a bound holds.

    Attributes
    ----------
    bound
        The bound: no route of some best solution costs more beyond its prices than that solution costs beyond the bound.
    ways
        Of each type: cost of each way less the price of its head [N + 2, N + 2], infinite where it may not be taken.
    wages
        What each type costs besides [K].
    """

    bound: float
    ways: tuple[Array, ...]
    wages: Array


def reduced_costs(covering: Covering, clock: Clock, incumbent: float = math.inf) -> ReducedCosts:
    """Return the bound of `covering_bound` with the reduced costs of ways that belong to it."""
    generation = Generation(covering, Start())
    return generation.reduced(generation.run(clock, incumbent).value)


@cache
def rehearse() -> None:
    """Compile the pricing, of ways with and without a direction, and the search for cuts, on a few customers."""
    places = np.random.default_rng(0).random((REHEARSED + 1, 2))
    distance = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    covering = plain_covering(distance, np.ones(REHEARSED), 2.5, math.inf)
    for symmetric in (True, False):
        covering_bound(replace(covering, symmetric=symmetric), Timer(60.0))
    tails, heads = np.triu_indices(REHEARSED + 1, 1)
    demand, state = np.append(0.0, covering.load), random_state(np.random.default_rng(0))
    for noise in (0.0, 0.5):
        violated_sets(tails, heads, np.full(len(tails), 0.3), demand, covering.limit, state, noise=noise)


class Generation:
    """The covering program, its columns and its rows.

    Prices are those of customers, then of groups, of types of vehicles and of sets of customers: one unit for each time that
    a route crosses the border of the set. Costs are scaled by a power of two.
    """

    def __init__(self, covering: Covering, start: Start) -> None:
        self._covering = covering
        size, groups = covering.size, len(covering.groups)
        self._base = size + groups + len(covering.graphs)
        self._member = np.zeros((groups, size))
        for row, members in zip(self._member, covering.groups, strict=True):
            row[list(members)] = 1.0
        ways = np.concatenate([g.cost[g.usable & (g.cost > 0) & np.isfinite(g.cost)] for g in covering.graphs])
        self._scale = unit_scale(float(np.median(ways)) if len(ways) else 0.0, LEAST, MOST)
        self._costs = [np.ascontiguousarray(graph.cost * self._scale) for graph in covering.graphs]
        self._graphs, self._shrunk, self._allowed = list(covering.graphs), False, MOST_SECONDS
        self._labels: Labels = make_labels(size, ROOM)
        counted = covering.required | (covering.prize > 0)
        number = np.minimum(covering.numbers, covering.most_routes)
        self._rhs = np.concatenate([counted.astype(float), np.ones(groups), -number])
        self._least = np.concatenate([counted, np.ones(self._base - size, dtype=np.bool_)])
        self._sets = CutSets.none(size + 1)
        self._state = random_state(np.random.default_rng(0))
        self._routes: list[tuple[int, Array]] = []
        self._known: set[tuple[int, ...]] = set()
        self._best, self._prices = 0.0, np.zeros(self._base)
        self._highs = quiet_highs()
        for row, least in zip(self._rhs, self._least, strict=True):
            self._highs.addRow(row if least else -math.inf, math.inf, 0, np.array([], np.int32), np.array([]))
        for tolerance in ("primal_feasibility_tolerance", "dual_feasibility_tolerance"):
            self._highs.setOptionValue(tolerance, TOLERANCE)
        self._highs.setOptionValue("presolve", "off")
        self._highs.setOptionValue("simplex_strategy", PRIMAL)
        self._dear = 10.0 * max((float(np.max(c, initial=0.0, where=g.usable & np.isfinite(c))) for c, g in
                                 zip(self._costs, covering.graphs, strict=True)), default=0.0) + 1.0  # fmt: skip
        self._stand_ins = self._add_stand_ins()
        self._begin(start)

    def run(self, clock: Clock, incumbent: float) -> Covered:
        """Add columns and rows until none is missing; return the best bound."""
        smoothing, goal, quick = SMOOTHING, incumbent * self._scale, 0
        self._allowed = min(MOST_SECONDS, PRICE_SHARE * clock.seconds_left)
        while self._prices.any() and self._price(self._prices, self._prices, clock, exact=True) is None:
            if clock.stops() or not self._shrink():
                return self._result(True)
        while self._best < goal:
            if clock.stops() or not self._solve(clock.seconds_left):
                return self._result(True)
            value = float(self._highs.getInfo().objective_function_value)
            if self._best >= value - NEAR_END * abs(value) and self._add_cuts(clock):
                smoothing = SMOOTHING
                continue
            if self._best >= value - CLOSE * abs(value):
                if not self._dearer():
                    break
                continue
            own = self._own
            at = smoothing * self._prices + (1.0 - smoothing) * own
            quick += 1
            if quick <= QUICK and self._price(at, own, clock, exact=False):
                continue
            quick = 0
            added = self._price(at, own, clock, exact=True)
            if added is None:
                if clock.stops() or not self._shrink():
                    return self._result(True)
            elif added:
                smoothing = SMOOTHING
            elif smoothing > 0.0:
                smoothing = 0.0
            elif not self._dearer():
                break
        return self._result(self._shrunk and self._best < goal)

    def _shrink(self) -> bool:
        """Halve the neighbourhoods, so that fewer paths differ; returns whether there was something to halve."""
        if min(graph.near.shape[1] for graph in self._graphs) < 2:
            return False
        self._shrunk = True
        for k, graph in enumerate(self._graphs):
            near = np.ascontiguousarray(graph.near[:, : graph.near.shape[1] // 2])
            self._graphs[k] = graph._replace(near=near, place=places(near))
        return True

    def reduced(self, bound: float) -> ReducedCosts:
        """Return the reduced costs at the prices of the best bound."""
        size, prices = self._covering.size, self._prices
        price, crossing = self._customer_prices(prices), self._crossing(prices)
        ways = []
        for cost, graph in zip(self._costs, self._covering.graphs, strict=True):
            way = (cost - crossing) / self._scale
            way[:, :size] -= price / self._scale
            ways.append(np.where(graph.usable, way, np.inf))
        return ReducedCosts(bound, tuple(ways), prices[size + len(self._member) : self._base] / self._scale)

    def _result(self, cut_short: bool) -> Covered:
        return Covered(self._best / self._scale, cut_short)

    def _solve(self, seconds: float) -> bool:
        """Solve the program within some seconds; returns whether its duals are there, in ``_own``."""
        self._highs.setOptionValue("time_limit", float(self._highs.getRunTime() + min(1e6, max(0.01, seconds))))
        self._highs.run()
        solution = self._highs.getSolution()
        if not solution.dual_valid or self._highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return False
        self._own = np.maximum(0.0, np.array(solution.row_dual))
        self._own[~self._least] = 0.0
        self._values = np.array(solution.col_value)
        return True

    def _add_stand_ins(self) -> int:
        """Add a column that covers each customer and group alone, at a prize or a high cost; return how many there are."""
        covering, count = self._covering, 0
        self._forced: list[int] = []
        for row in range(covering.size + len(covering.groups)):
            if row >= covering.size or covering.required[row]:
                self._forced.append(count)
                self._add(self._dear, np.array([row]), np.ones(1))
                count += 1
            elif covering.prize[row] > 0:
                self._add(float(covering.prize[row]) * self._scale, np.array([row]), np.ones(1))
                count += 1
        return count

    def _dearer(self) -> bool:
        """Make the columns dearer that stand in for routes; returns whether the program still uses one."""
        used = [column for column in self._forced if self._values[column] > 1e-7]
        if not used or self._dear > 1e12:
            return False
        self._dear *= 100.0
        for column in self._forced:
            self._highs.changeColCost(column, self._dear)
        return True

    def _begin(self, start: Start) -> None:
        if start.members is not None and start.needed is not None and math.isfinite(self._covering.limit):
            self._add_sets(CutSets(start.members, start.needed))
            if start.prices is not None:
                self._prices = np.maximum(0.0, start.prices * self._scale)
        for k, route in start.routes:
            self._keep_route(k, np.array(route, dtype=np.int64))

    def _add(self, cost: float, rows: Array, values: Array) -> None:
        self._highs.addCol(cost, 0.0, math.inf, len(rows), rows.astype(np.int32), values.astype(np.float64))

    def _price(self, at: Array, own: Array, clock: Clock, *, exact: bool) -> int | None:
        """Add routes that the program lacks, priced at ``at``; return how many are new, or ``None`` where it was too much.

        Where the pricing is exact, the bound at these prices is taken if it is better.
        """
        size, added = self._covering.size, 0
        cheapest: list[float] = []
        price, crossing = self._customer_prices(at), self._crossing(at)
        owned, own_crossing = self._customer_prices(own), self._crossing(own)
        for k, graph in enumerate(self._graphs):
            self._labels.work[0] = int(COMPARISONS * min(self._allowed, clock.seconds_left))
            routes, least, complete = self._cheapest(graph, self._costs[k] - crossing, price, exact)
            if exact and not complete:
                return None
            wage = at[size + len(self._covering.groups) + k]
            cheapest.append(least + wage)
            mine = self._costs[k] - own_crossing
            for route in routes:
                added += self._offer_route(k, route, mine, owned, float(own[size + len(self._covering.groups) + k]))
            if clock.stops() and not exact:
                return None
        if exact:
            self._take(at, cheapest)
        return added

    def _cheapest(self, graph: RouteGraph, cost: Array, price: Array, exact: bool) -> tuple[list[Array], float, bool]:
        """Return routes at some prices, the least reduced cost of all, and whether the search missed nothing."""
        size = len(price)
        costs = np.empty(size)
        if self._covering.symmetric:
            pairs = np.empty((size, 2), dtype=np.int64)
            complete = cheapest_round_routes(graph, cost, price, self._labels, exact, pairs, costs)
        else:
            ends = np.empty(size, dtype=np.int64)
            complete = cheapest_routes(graph, cost, price, self._labels, exact, ends, costs)
            pairs = np.stack([ends, np.full(size, -1)], axis=1)
        order = np.argsort(costs)
        found = [self._route(*pair) for pair in pairs[order[pairs[order, 0] >= 0]].tolist()]
        return found, float(costs.min(initial=math.inf)), bool(complete)

    def _route(self, first: int, second: int) -> Array:
        """Return the customers of a route of one or two paths."""
        front, back = self._path(first), self._path(second)
        return np.array(front[::-1] + back, dtype=np.int64)

    def _path(self, label: int) -> list[int]:
        path = []
        while label >= 0:
            path.append(int(self._labels.node[label]))
            label = int(self._labels.before[label])
        return path

    def _customer_prices(self, prices: Array) -> Array:
        size, groups = self._covering.size, len(self._member)
        return np.asarray(prices[:size] + prices[size : size + groups] @ self._member)

    def _crossing(self, prices: Array) -> Array:
        """Return what prices of sets take off each way [N + 2, N + 2], whose last two places are the depot."""
        size, weights = self._covering.size, prices[self._base :]
        total = np.zeros((size + 2, size + 2))
        used = weights > 0
        if used.any():
            inside = np.zeros((int(used.sum()), size + 2))
            inside[:, :size] = self._sets.members[used][:, 1:]
            weighted = inside * weights[used][:, None]
            once = weighted.sum(axis=0)
            total = once[:, None] + once[None, :] - 2.0 * (weighted.T @ inside)
        return total

    def _offer_route(self, k: int, route: Array, cost: Array, owned: Array, wage: float) -> int:
        """Add a route where it is cheaper than its price in the program; return how many were added."""
        size = self._covering.size
        stops = np.array([size, *route, size + 1])
        value = float(cost[stops[:-1], stops[1:]].sum())
        if value - float(owned[route].sum()) + wage > -TOLERANCE * max(1.0, abs(value)):
            return 0
        return int(self._keep_route(k, route))

    def _keep_route(self, k: int, route: Array) -> bool:
        """Add a route to the program; returns whether it lacked it."""
        key = (k, *route.tolist())
        if key in self._known:
            return False
        self._known.add(key)
        size, groups = self._covering.size, len(self._member)
        stops = np.array([size, *route, size + 1])
        visits = np.bincount(route, minlength=size).astype(float)
        types = np.zeros(len(self._covering.graphs))
        types[k] = -1.0
        column = np.concatenate([visits, self._member @ visits if groups else np.zeros(0), types, self._crossings(route)])
        rows = np.flatnonzero(column)
        self._add(float(self._costs[k][stops[:-1], stops[1:]].sum()), rows, column[rows])
        self._routes.append((k, route))
        return True

    def _crossings(self, route: Array) -> Array:
        """Return how often a route crosses the border of each set."""
        walk = self._sets.members[:, np.array([0, *(route + 1), 0])]
        return np.asarray((walk[:, 1:] != walk[:, :-1]).sum(axis=1), dtype=np.float64)

    def _add_cuts(self, clock: Clock) -> bool:
        """Add capacity cuts that the program's solution violates; returns whether there are any."""
        if not 0.0 < self._covering.limit < math.inf or not self._covering.load.any():
            return False
        tails, heads, values = self._edges()
        demand = np.append(0.0, self._covering.load)
        found = CutSets.none(self._covering.size + 1)
        for noise in NOISES:
            if len(found.needed) >= ENOUGH or clock.stops():
                break
            found = found.joined(violated_sets(tails, heads, values, demand, self._covering.limit, self._state, noise=noise))
        known = {members.tobytes() for members in self._sets.members}
        needy = found.members[:, 1:] @ self._covering.required > 0  # nobody has to come where all may be left out
        new = [place for place, members in enumerate(found.members) if needy[place] and members.tobytes() not in known]
        self._add_sets(CutSets(found.members[new], found.needed[new]))
        return bool(new)

    def _add_sets(self, sets: CutSets) -> None:
        before = len(self._sets.needed)
        self._sets = CutSets(
            np.concatenate([self._sets.members, sets.members]), np.concatenate([self._sets.needed, sets.needed])
        )
        entries = [self._crossings(route)[before:] for _, route in self._routes]
        for place, needed in enumerate(sets.needed):
            values = np.array([entry[place] for entry in entries])
            columns = np.flatnonzero(values)
            self._highs.addRow(
                2.0 * needed, math.inf, len(columns), (self._stand_ins + columns).astype(np.int32), values[columns]
            )
        count = len(sets.needed)
        self._rhs = np.append(self._rhs, 2.0 * sets.needed)
        self._least = np.append(self._least, np.ones(count, dtype=np.bool_))
        self._prices = np.append(self._prices, np.zeros(count))

    def _edges(self) -> tuple[Array, Array, Array]:
        """Return the edges (tail below head, the depot first) of the program's solution, and their values."""
        nodes = self._covering.size + 1
        total = np.zeros((nodes, nodes))
        for (_, route), value in zip(self._routes, self._values[self._stand_ins :].tolist(), strict=True):
            if value > 1e-9:
                for a, b in pairwise([0, *(route + 1).tolist(), 0]):
                    total[min(a, b), max(a, b)] += value
        tails, heads = np.nonzero(np.triu(total, 1))
        return tails, heads, total[tails, heads]

    def _take(self, at: Array, cheapest: list[float]) -> None:
        """Take the bound of Lagrange at prices, where it is the best one: customers' prices, less what routes can save."""
        covering, size = self._covering, self._covering.size
        free = (covering.prize > 0) & ~covering.required
        saved = np.minimum(0.0, covering.prize * self._scale - at[:size])[free]
        limits = np.minimum(covering.numbers, covering.most_routes)
        routes = [limit * min(0.0, one) for limit, one in zip(limits.tolist(), cheapest, strict=True)]
        terms = np.concatenate([at * self._rhs, saved, routes])
        bound = math.fsum(terms.tolist()) - ROUNDING * float(np.abs(terms).sum())
        if bound > self._best:
            self._best, self._prices = bound, at
