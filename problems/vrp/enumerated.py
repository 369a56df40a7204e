"""All routes that an optimal solution can use: those whose reduced cost is within the gap of bound and best solution.

References
----------
Baldacci, Christofides, Mingozzi (2008), An exact algorithm for the vehicle routing problem based on the set partitioning
formulation with additional cuts, doi:10.1007/s10107-007-0178-5, section 5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.problems.routing.ng_generation import ReducedCosts, reduced_costs
from redwood.problems.routing.ng_kernels import RouteGraph
from redwood.problems.routing.set_partitioning import Program, cheapest_columns
from redwood.problems.vrp.bound import covering_of
from redwood.problems.vrp.checks import NumberedRoute, cost, route_faults
from redwood.problems.vrp.instance import VRPInstance

LARGEST = 60
"""Up to this many customers routes are enumerated."""
MOST_STEPS = 400_000
"""So many paths are extended; where that does not suffice, there are too many routes."""
MOST_ROUTES = 30_000
"""So many routes a program may choose from."""
FIRST_GAP = 0.01
"""Share of the bound by which the best solution is thought to exceed it at first."""
ATTEMPTS = 4
"""So many gaps are tried."""
DUST = 1e-7
"""Share of the bound that sums of floats can lose."""


class Column(NamedTuple):
    """A route with its cost, which includes the price of its vehicle."""

    cost: float
    route: NumberedRoute


class TooManyError(Exception):
    """There are more routes than can be listed."""


def fits(instance: VRPInstance) -> bool:
    """Return whether loads, windows and ends say all about which routes are feasible, and everybody is to be served."""
    return (
        instance.size <= LARGEST
        and instance.dimensions == 1
        and bool(instance.required.all())
        and not (instance.groups or instance.prefixes or len(instance.shipments) or instance.linehauls_first)
        and not (instance.pickup.any() or instance.release.any())
        and len(instance.windows) == instance.size
        and all(not v.counts_time and math.isinf(v.max_distance) and not v.reload_depots for v in instance.vehicles)
    )


def enumerate_routes(instance: VRPInstance, clock: Clock, incumbent: float | None) -> tuple[float, list[Column]] | None:
    """Return a bound and routes that hold an optimal solution, ``None`` where they are too many or time is short.

    Parameters
    ----------
    instance
        Of the kind that `fits`.
    clock
        Ends the column generation and the choices.
    incumbent
        Cost of a known solution, or ``None``.
    """
    covering = covering_of(instance)
    reduced = reduced_costs(covering, clock, math.inf if incumbent is None else incumbent)
    bound = reduced.bound
    if bound <= 0.0 or clock.stops():
        return None
    slack = DUST * bound
    gap = FIRST_GAP * bound if incumbent is None else incumbent - bound
    for _ in range(ATTEMPTS):
        try:
            columns = [
                column
                for kind, graph in enumerate(covering.graphs)
                for column in _within(instance, graph, kind, reduced, gap + slack)
            ]
        except TooManyError:
            return None
        best = None if clock.stops() else _cheapest(instance, columns, clock)
        if best is not None and best - bound <= gap + slack:
            return bound, columns
        if clock.stops():
            return None
        gap = 2.0 * gap + slack if best is None else best - bound
    return None


def _cheapest(instance: VRPInstance, columns: list[Column], clock: Clock) -> float | None:
    """Return the cost of the cheapest choice of routes that serves everybody, ``None`` where none is found."""
    if not columns:
        return None
    costs = np.array([column.cost for column in columns])
    lower, upper, rows = partition_rows(instance, columns)
    chosen = cheapest_columns(Program(costs, rows, lower, upper, np.ones(len(costs), dtype=np.bool_)), clock.seconds_left)
    return None if chosen is None else float(costs[chosen].sum())


def partition_rows(instance: VRPInstance, columns: list[Column]) -> tuple[Array, Array, list[list[int]]]:
    """Return the limits of the rows, first of customers, then of types of vehicles, and the rows of each route."""
    size = instance.size
    numbers = [math.inf if vehicle.number is None else float(vehicle.number) for vehicle in instance.vehicles]
    rows = [[*column.route.customers.tolist(), size + column.route.kind] for column in columns]
    return np.concatenate([np.ones(size), np.zeros(len(numbers))]), np.concatenate([np.ones(size), numbers]), rows


@dataclass(frozen=True)
class _Path:
    """A path from the start: its last customer, time of service there, load, cost, reduced cost, members and order."""

    node: int
    time: float
    load: float
    cost: float
    reduced: float
    members: int
    order: tuple[int, ...]


def _within(instance: VRPInstance, graph: RouteGraph, kind: int, reduced: ReducedCosts, gap: float) -> list[Column]:
    """Return the cheapest route of one type for each set of customers whose reduced cost is at most ``gap``.

    Parameters
    ----------
    instance
        Judges and prices each route.
    graph, kind
        The type of vehicle, as a graph and as a number.
    reduced
        What ways cost beyond the prices of their heads.
    gap
        The most that a route may cost beyond its prices.
    """
    size, ways, wage = instance.size, reduced.ways[kind], float(reduced.wages[kind])
    completion = _Completion(graph, ways, size)
    best: dict[int, Column] = {}
    fronts: dict[tuple[int, int], list[tuple[float, float, float]]] = {}
    open_paths = [_Path(size, graph.begins, 0.0, 0.0, wage, 0, ())]
    steps = 0
    while open_paths:
        path = open_paths.pop()
        steps += 1
        if steps > MOST_STEPS or len(best) > MOST_ROUTES:
            raise TooManyError
        home = ways[path.node, size + 1]
        on_time = path.time + graph.time[path.node, size + 1] <= graph.closes
        if path.order and path.reduced + home <= gap and on_time:
            _keep(instance, kind, path, best)
        for head in np.flatnonzero(np.isfinite(ways[path.node, :size])).tolist():
            longer = _extended(path, head, graph, ways)
            if longer is None or longer.reduced + completion(longer) > gap or _is_dominated(longer, fronts):
                continue
            open_paths.append(longer)
    return list(best.values())


def _extended(path: _Path, head: int, graph: RouteGraph, ways: Array) -> _Path | None:
    """Return a path with one customer more, ``None`` where that breaks a limit."""
    if path.members >> head & 1:
        return None
    load = path.load + float(graph.load[head])
    time = max(float(graph.earliest[head]), path.time + float(graph.time[path.node, head]))
    if load > graph.capacity or time > graph.latest[head]:
        return None
    reduced = path.reduced + float(ways[path.node, head])
    spent = path.cost + float(graph.cost[path.node, head])
    return _Path(head, time, load, spent, reduced, path.members | 1 << head, (*path.order, head))


def _is_dominated(path: _Path, fronts: dict[tuple[int, int], list[tuple[float, float, float]]]) -> bool:
    """Return whether a path with the same customers and last one is as cheap and as early; else note this one."""
    front = fronts.setdefault((path.members, path.node), [])
    mine = (path.cost, path.reduced, path.time)
    if any(all(theirs <= own for theirs, own in zip(other, mine, strict=True)) for other in front):
        return True
    front.append(mine)
    return False


def _keep(instance: VRPInstance, kind: int, path: _Path, best: dict[int, Column]) -> None:
    """Note a route where it keeps every rule and none of the same customers is known that costs less."""
    route = NumberedRoute(kind, np.array(path.order, dtype=np.int64))
    price = cost(instance, [route]) + instance.vehicle_price
    price -= float(instance.prize.sum() - instance.prize[route.customers].sum())
    known = best.get(path.members)
    if (known is None or price < known.cost) and not route_faults(instance, route):
        best[path.members] = Column(price, route)


class _Completion:
    """A lower bound on the reduced cost of any way on from a path, by its last customer and by what it can still load.

    Customers may come back in these ways. Where loads are not whole positive numbers, visits are counted instead.
    """

    def __init__(self, graph: RouteGraph, ways: Array, size: int) -> None:
        load = np.asarray(graph.load)
        whole = bool((load == np.rint(load)).all() and (load >= 1).all() and graph.capacity < 1e5)
        self._by_load = whole
        self._use = load.astype(np.int64) if whole else np.ones(size, dtype=np.int64)
        self._room = math.floor(graph.capacity) if whole else size
        self._size = size
        home = ways[:size, size + 1]
        table = np.empty((self._room + 1, size))
        for room in range(self._room + 1):
            table[room] = home
            heads = np.flatnonzero(self._use <= room)
            if len(heads):
                onward = ways[:size][:, heads] + table[room - self._use[heads], heads]
                np.minimum(table[room], onward.min(axis=1), out=table[room])
        self._table = table

    def __call__(self, path: _Path) -> float:
        used = round(path.load) if self._by_load else len(path.order)
        return float(self._table[max(0, self._room - used), path.node])
