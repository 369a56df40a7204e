"""A lower bound on routes by column generation: ng-routes priced by labels, a covering program on HiGHS above them.

Every bound is that of Lagrange at prices that are known, so it holds whenever the clock stops, and whatever HiGHS returns.

References
----------
Baldacci, Mingozzi, Roberti (2011), doi:10.1287/opre.1110.0975, for ng-routes; Pessoa, Sadykov, Uchoa, Vanderbeck (2018),
doi:10.1287/ijoc.2017.0784, section 3, for prices between the best ones and those of the program.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock, Timer
from redwood.problems.routing.ng_kernels import Labels, RouteGraph, cheapest_routes, make_labels

NEIGHBOURS = 10
"""Customers of a neighbourhood."""
ROOM = 200_000
"""So many paths may be looked at in one pricing; where there are more, the bound of before stays."""
COMPARISONS = 3e7
"""So many pairs of paths are compared in a second, about."""
MOST_SECONDS = 20.0
"""Seconds that one pricing may take."""
SMOOTHING = 0.6
"""Share of the best prices in those at which routes are priced."""
CLOSE = 1e-10
"""The bound is final where the program's value is above it by this share."""


@dataclass(frozen=True, eq=False)
class Covering:
    """Which routes may be driven and what they have to cover.

    Attributes
    ----------
    graphs, numbers
        One for each type of vehicle, and how many there are [K], which may be infinite.
    required, prize
        Whether each customer must be served, and what it costs if not [N].
    groups
        Customers one of whom must be served.
    most_routes
        No solution that counts has more routes.
    """

    graphs: tuple[RouteGraph, ...]
    numbers: Array
    required: Array
    prize: Array
    groups: tuple[tuple[int, ...], ...]
    most_routes: int

    @property
    def size(self) -> int:
        """Number of customers."""
        return len(self.prize)


def neighbourhoods(distance: Array, count: int = NEIGHBOURS) -> tuple[Array, Array]:
    """Return the nearest customers of each, itself among them [N, K], and their places [N, N], -1 for others."""
    size = len(distance)
    order = np.array(distance, dtype=np.float64)
    np.fill_diagonal(order, -1.0)
    near = np.argsort(order, axis=1, kind="stable")[:, : min(count, size)].astype(np.int64, order="C")
    place = np.full((size, size), -1, dtype=np.int64)
    np.put_along_axis(place, near, np.broadcast_to(np.arange(near.shape[1]), near.shape), axis=1)
    return near, place


def covering_bound(covering: Covering, clock: Clock, incumbent: float = math.inf) -> float:
    """Return the best bound until the columns are complete, the clock stops or ``incumbent`` is reached."""
    return _Generation(covering).run(clock, incumbent)


def covering_prices(covering: Covering, clock: Clock, incumbent: float = math.inf) -> tuple[float, Array]:
    """Return the best bound, and the prices of customers, groups and types of vehicles that it holds at."""
    generation = _Generation(covering)
    return generation.run(clock, incumbent), generation.prices


def cheapest_ways(covering: Covering) -> float:
    """Return the sum of the cheapest ways to each customer, or of its prize where that is less: a bound at once."""
    size = covering.size
    costs = [
        np.where(g.usable, g.cost, np.inf)[:, :size].min(axis=0)
        for g, n in zip(covering.graphs, covering.numbers, strict=True)
        if n
    ]
    ways = np.min(costs, axis=0, initial=np.inf)
    ways = np.where(covering.required, ways, np.minimum(ways, covering.prize))
    alternative = np.zeros(size, dtype=np.bool_)
    for group in covering.groups:
        alternative[list(group)] = True
    return float(ways[~alternative & np.isfinite(ways)].sum())


def plain_covering(distance: Array, load: Array, capacity: float, number: float) -> Covering:
    """Return the covering of a plain capacitated problem whose first place [N + 1, N + 1] is the depot.

    Parameters
    ----------
    distance
        Distances [N + 1, N + 1] between the depot, which comes first, and the customers: the cost of each way.
    load
        Demand of each customer [N].
    capacity
        Capacity of a vehicle, in the unit of demands.
    number
        How many vehicles there are; may be infinite.
    """
    size = len(load)
    order = np.array([*range(1, size + 1), 0, 0])
    usable = np.ones((size + 2, size + 2), dtype=np.bool_)
    np.fill_diagonal(usable, False)
    usable[:, size] = usable[size + 1] = usable[size, size + 1] = False
    near, place = neighbourhoods(distance[1:, 1:])
    graph = RouteGraph(
        np.ascontiguousarray(np.array(distance, dtype=np.float64)[np.ix_(order, order)]),
        np.zeros((size + 2, size + 2)),
        usable,
        np.array(load, dtype=np.float64),
        float(capacity),
        np.zeros(size),
        np.full(size, 1e18),
        0.0,
        1e18,
        near,
        place,
    )
    return Covering((graph,), np.array([number]), np.ones(size, dtype=np.bool_), np.zeros(size), (), size)


@cache
def rehearse() -> None:
    """Compile the pricing on two customers."""
    distance = np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [2.0, 1.0, 0.0]])
    covering_bound(plain_covering(distance, np.array([1.0, 1.0]), 2.0, math.inf), Timer(60.0))


class _Generation:
    """The covering program and its columns. Prices are those of customers, then of groups, then of types of vehicles."""

    def __init__(self, covering: Covering) -> None:
        from redwood.views.compiled import quiet_highs

        self._covering = covering
        size, groups = covering.size, len(covering.groups)
        self._labels: Labels = make_labels(size, ROOM)
        self._member = np.zeros((groups, size))
        for row, members in zip(self._member, covering.groups, strict=True):
            row[list(members)] = 1.0
        counted = covering.required | (covering.prize > 0)
        self._rhs = np.concatenate([counted.astype(float), np.ones(groups), -np.minimum(covering.numbers, size)])
        self._least = np.concatenate([counted, np.ones(len(self._rhs) - size, dtype=np.bool_)])
        self._highs = quiet_highs()
        for row, least in zip(self._rhs, self._least, strict=True):
            self._highs.addRow(row if least else -math.inf, math.inf, 0, np.array([], np.int32), np.array([]))
        for tolerance in ("primal_feasibility_tolerance", "dual_feasibility_tolerance"):
            self._highs.setOptionValue(tolerance, 1e-10)
        self._best, self._prices = 0.0, np.zeros(len(self._rhs))
        dear = sum(float(np.max(g.cost, initial=0.0, where=np.isfinite(g.cost) & g.usable)) for g in covering.graphs)
        for c in range(size + groups):
            if c >= size or covering.required[c]:
                self._add(10.0 * (dear + 1.0) * (1 + size), [c], [1.0])
            elif covering.prize[c] > 0:
                self._add(float(covering.prize[c]), [c], [1.0])
        self._known: set[tuple[int, ...]] = set()

    @property
    def prices(self) -> Array:
        """Prices of the best bound: of customers, then of groups, then of types of vehicles."""
        return self._prices

    def _add(self, cost: float, rows: list[int], values: list[float]) -> None:
        self._highs.addCol(cost, 0.0, math.inf, len(rows), np.array(rows, np.int32), np.array(values, np.float64))

    def run(self, clock: Clock, incumbent: float) -> float:
        """Add columns until none is missing; return the best bound."""
        smoothing = SMOOTHING
        while not clock.stops() and self._best < incumbent:
            self._highs.setOptionValue("time_limit", float(self._highs.getRunTime() + min(1e6, clock.seconds_left)))
            self._highs.run()
            solution = self._highs.getSolution()
            if not solution.dual_valid:
                break
            own = np.maximum(0.0, np.array(solution.row_dual))
            own[~self._least] = 0.0
            value = float(self._highs.getInfo().objective_function_value)
            if self._best >= value - CLOSE * abs(value):
                break
            at = smoothing * self._prices + (1.0 - smoothing) * own
            added = self._price(at, own, clock, exact=False)
            if added:
                continue
            added = self._price(at, own, clock, exact=True)
            if added is None:
                break
            if not added:
                if smoothing == 0.0:
                    break
                smoothing = 0.0
            else:
                smoothing = SMOOTHING
        return self._best

    def _price(self, at: Array, own: Array, clock: Clock, *, exact: bool) -> int | None:
        """Add routes that the program lacks, priced at ``at``; return how many are new, or ``None`` where it was too much.

        Where the pricing is exact, the bound at these prices is taken if it is better.
        """
        covering, size, added = self._covering, self._covering.size, 0
        groups = len(covering.groups)
        price = at[:size] + at[size : size + groups] @ self._member
        owned = own[:size] + own[size : size + groups] @ self._member
        ends, costs = np.empty(size, dtype=np.int64), np.empty(size)
        value = []
        for k, graph in enumerate(covering.graphs):
            self._labels.work[0] = int(COMPARISONS * min(MOST_SECONDS, clock.seconds_left))
            complete = cheapest_routes(graph, price, self._labels, exact, ends, costs)
            if exact and not complete:
                return None
            value.append(float(costs.min(initial=math.inf)) + at[size + groups + k])
            for end in ends[np.argsort(costs)].tolist():
                if end >= 0:
                    added += self._add_route(k, graph, end, owned, float(own[size + groups + k]))
            if clock.stops():
                return None
        if exact:
            self._take(at, value)
        return added

    def _add_route(self, k: int, graph: RouteGraph, end: int, owned: Array, wage: float) -> int:
        """Add the route of a label where it is cheaper than its price in the program; return how many were added."""
        size, route, label = self._covering.size, list[int](), end
        while label >= 0:
            route.append(int(self._labels.node[label]))
            label = int(self._labels.before[label])
        route.reverse()
        stops = np.array([size, *route, size + 1])
        cost = float(graph.cost[stops[:-1], stops[1:]].sum())
        if cost - float(owned[route].sum()) + wage > -1e-9 * max(1.0, abs(cost)) or (k, *route) in self._known:
            return 0
        self._known.add((k, *route))
        visits = np.bincount(route, minlength=size).astype(float)
        column = np.concatenate([visits, self._member @ visits, np.zeros(len(self._covering.graphs))])
        column[size + len(self._member) + k] = -1.0
        rows = np.flatnonzero(column)
        self._add(cost, rows.tolist(), column[rows].tolist())
        return 1

    def _take(self, at: Array, value: list[float]) -> None:
        """Take the bound of Lagrange at prices, where it is the best one: customers' prices, less what routes can save."""
        covering, size = self._covering, self._covering.size
        free = (covering.prize > 0) & ~covering.required
        saved = float(np.minimum(0.0, covering.prize - at[:size])[free].sum())
        limits = np.minimum(covering.numbers, covering.most_routes)
        saved += sum(limit * min(0.0, one) for limit, one in zip(limits.tolist(), value, strict=True))
        bound = float(at @ self._rhs) + saved
        if bound > self._best:
            self._best, self._prices = bound, at
