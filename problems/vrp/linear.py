"""The view `Linear`: an arc model by types of vehicles, with orders, loads, times, lengths and routes carried along arcs."""

from __future__ import annotations

import itertools
import math

import numpy as np
from pyomo.environ import Binary, ConcreteModel, ConstraintList, Objective, Var, minimize, quicksum

from redwood.arrays import Array
from redwood.clock import Timer
from redwood.problems.vrp.bound import VRPBound
from redwood.problems.vrp.checks import NumberedRoute, numbered, route_faults
from redwood.problems.vrp.enumerated import Column, enumerate_routes, fits, partition_rows
from redwood.problems.vrp.instance import VRPInstance
from redwood.problems.vrp.linear_arcs import Arcs, usable_arcs
from redwood.problems.vrp.linear_rows import Labels, RowList
from redwood.problems.vrp.linear_times import add_times
from redwood.problems.vrp.linear_units import in_program_units
from redwood.problems.vrp.reasons import named
from redwood.problems.vrp.solution import VRPSolution
from redwood.views.linear import Linear, Rows

PREPARATION = 30.0
"""Seconds that the bound may take at most which is a row of the model."""


class VRPLinear(Linear):
    """Binary arcs ``x[k, i, j]``: a vehicle of type k drives from i to j, two of its customers or an end of its route.

    What a route has used up is carried along its arcs by labels of the customers: the order of visits (Miller, Tucker and
    Zemlin rows, lifted), loads of deliveries and of pickups, the start of service, the departure, the length, and for
    shipments the number of the trip. A reload is an arc of its own, through the depot. Rows with large constants are tight
    for windows and capacities. Routes of an integral point that the checker refuses, which only tolerances can let
    through, are cut off one by one.

    Small instances in which loads and windows say which routes are feasible get a program over routes instead, where they
    can be listed: those whose reduced cost is within the gap of the bound by column generation, as those of an optimum are.

    References
    ----------
    Desrochers and Laporte (1991), doi:10.1016/0167-6377(91)90083-2, for the lifted rows of orders and loads.
    Furtado, Munari, Morabito (2017), doi:10.1016/j.orl.2017.04.003, for numbers of routes in pickup and delivery.
    """

    def __init__(self, instance: VRPInstance) -> None:
        self.instance: VRPInstance = instance
        self._scaled, self._money = in_program_units(instance)
        self._arcs = usable_arcs(self._scaled)
        self._allowed = PREPARATION
        self._columns: list[Column] | None = None

    def model(self, incumbent: float | None = None) -> ConcreteModel:
        """Return the model over routes where they can be listed, else over all arcs that a feasible route can use."""
        if fits(self.instance):
            VRPBound(self.instance).warm_up()
            found = enumerate_routes(self.instance, Timer(self._allowed), incumbent)
            if found is not None:
                self._columns = found[1]
                return self._route_model(*found)
        self._columns = None
        instance, arcs = self._scaled, self._arcs
        model = ConcreteModel("vrp")
        model.used = Var(range(len(arcs.kind)), domain=Binary)
        rows = RowList(model, arcs, list(model.used.values()), instance.size)
        costs = _arc_costs(instance, arcs)
        expression = rows.sum(np.arange(len(costs)), costs)
        missed = _add_service(instance, rows)
        for c in np.flatnonzero(instance.prize > 0).tolist():
            expression = expression + float(instance.prize[c]) * missed[c]
        _add_order(instance, rows)
        _add_loads(instance, rows)
        _add_lengths(instance, rows)
        _add_route_numbers(instance, rows)
        _add_reloads(instance, rows)
        if instance.timed:
            expression = expression + add_times(instance, rows)
        rows.add(expression, self._money * self._least(incumbent), None)
        model.cost = Objective(expr=expression if self._money == 1.0 else expression / self._money, sense=minimize)
        return model

    def _route_model(self, bound: float, columns: list[Column]) -> ConcreteModel:
        """Return the model that chooses among routes."""
        model = ConcreteModel("vrp")
        model.used = Var(range(len(columns)), domain=Binary)
        lower, upper, rows = partition_rows(self.instance, columns)
        within: list[list[int]] = [[] for _ in lower]
        for number, row in enumerate(rows):
            for r in row:
                within[r].append(number)
        model.rows = ConstraintList()
        for least, most, members in zip(lower.tolist(), upper.tolist(), within, strict=True):
            if members:
                total = quicksum(model.used[number] for number in members)
                model.rows.add((least, total, most if math.isfinite(most) else None))
        expression = quicksum(column.cost * model.used[number] for number, column in enumerate(columns))
        model.rows.add(expression >= bound - 1e-10 * abs(bound))
        model.cost = Objective(expr=expression, sense=minimize)
        return model

    def allow(self, seconds: float) -> None:
        """Take at most so many seconds, and `PREPARATION`, for a bound by column generation."""
        self._allowed = min(PREPARATION, seconds)

    def _least(self, incumbent: float | None) -> float:
        """Return a lower bound on the cost, eased so that no tolerance cuts off an optimum that meets it."""
        view = VRPBound(self.instance)
        view.warm_up()
        value = view.bound(Timer(self._allowed), incumbent).value
        return value - 1e-10 * abs(value)

    def variables(self, model: ConcreteModel) -> list[object]:
        """Return the arcs, or the routes."""
        return list(model.used.values())

    def solution(self, values: Array) -> VRPSolution:
        """Return the routes along the arcs of (rounded) values."""
        instance = self.instance
        return VRPSolution([named(instance, route) for route, _ in self._routes(values)])

    def _routes(self, values: Array) -> list[tuple[NumberedRoute, list[int]]]:
        """Return each route and its arcs, or itself as a column."""
        if self._columns is not None:
            return [(self._columns[number].route, [number]) for number in np.flatnonzero(np.asarray(values) > 0.5).tolist()]
        arcs, size = self._arcs, self.instance.size
        chosen = np.flatnonzero(np.asarray(values) > 0.5)
        behind = {(int(arcs.kind[a]), int(arcs.tail[a])): int(a) for a in chosen if arcs.tail[a] < size}
        found = []
        for first in chosen[arcs.tail[chosen] == size].tolist():
            kind, path, stop = int(arcs.kind[first]), [first], int(arcs.head[first])
            stops = []
            while stop < size:
                stops.append(stop)
                path.append(behind[kind, stop])
                stop = int(arcs.head[path[-1]])
                if arcs.depot[path[-1]] >= 0:
                    stops.append(-1 - int(arcs.depot[path[-1]]))
            found.append((NumberedRoute(kind, np.array(stops, dtype=np.int64)), path))
        return found

    def start(self, solution: VRPSolution) -> Array | None:  # type: ignore[override]
        """Return the arcs of some routes, or the routes of the same customers."""
        if self._columns is not None:
            return _columns_of(self._columns, numbered(self.instance, solution))
        arcs, size = self._arcs, self.instance.size
        columns = (arcs.kind.tolist(), arcs.tail.tolist(), arcs.head.tolist(), arcs.depot.tolist())
        number = {key: a for a, key in enumerate(zip(*columns, strict=True))}
        values = np.zeros(len(arcs.kind))
        for route in numbered(self.instance, solution):
            stops = [size, *route.customers.tolist(), size + 1]
            depots = _depots_before(route.stops)
            for (tail, head), depot in zip(itertools.pairwise(stops), depots, strict=True):
                arc = number.get((route.kind, tail, head, depot))
                if arc is None:
                    return None
                values[arc] = 1.0
        return values

    def separate(self, values: Array, integral: bool) -> Rows | None:
        """Return a row for each route of an integral point that the checker refuses: not all of its arcs."""
        if not integral:
            return None
        broken = [path for route, path in self._routes(values) if route_faults(self.instance, route)]
        if not broken:
            return None
        starts = np.cumsum([0, *map(len, broken)])
        upper = np.array([len(path) - 1.0 for path in broken])
        return Rows(starts, np.concatenate(broken), np.ones(starts[-1]), np.full(len(broken), -np.inf), upper)


def _depots_before(stops: Array) -> list[int]:
    """Return for each customer of a route, and its end, the depot of the reload directly before, -1 for none."""
    found, depot = [], -1
    for stop in stops.tolist():
        if stop >= 0:
            found.append(depot)
        depot = -1 if stop >= 0 else -1 - stop
    return [*found, -1]


def _columns_of(columns: list[Column], routes: list[NumberedRoute]) -> Array | None:
    """Return the values of columns for routes, ``None`` where one of their sets of customers has none."""
    place = {(one.route.kind, frozenset(one.route.customers.tolist())): k for k, one in enumerate(columns)}
    chosen = [place.get((route.kind, frozenset(route.customers.tolist())), -1) for route in routes]
    if min(chosen, default=-1) < 0:
        return None
    values = np.zeros(len(columns))
    values[chosen] = 1.0
    return values


def _arc_costs(instance: VRPInstance, arcs: Arcs) -> Array:
    """Return what each arc costs: its length, the vehicle where it leaves a depot, and a change of plan."""
    rates = np.array([vehicle.distance_cost for vehicle in instance.vehicles])
    fixed = np.array([vehicle.fixed_cost + instance.vehicle_price for vehicle in instance.vehicles])
    costs = rates[arcs.kind] * arcs.distance + np.where(arcs.tail == instance.size, fixed[arcs.kind], 0.0)
    serves = arcs.head < instance.size
    kinds, heads = arcs.kind[serves], arcs.head[serves]
    costs[serves] += instance.change_costs[kinds, heads]
    return np.asarray(costs)


def _add_service(instance: VRPInstance, rows: RowList) -> Labels:
    """Add who is served, by whom, with whom, and how many vehicles there are; return whether each customer is left out."""
    arcs, size = rows.arcs, instance.size
    missed = rows.labels("missed", 0.0, 1.0)
    for c in range(size):
        rows.add(rows.sum(arcs.into(c)) + missed[c], 1.0, 1.0)
        if instance.required[c]:
            missed[c].setub(0.0)
        for k in range(len(instance.vehicles)):
            into, out = arcs.into(c, k), arcs.out_of(c, k)
            if len(into) + len(out):
                rows.add(rows.sum(into) - rows.sum(out), 0.0, 0.0)
    for k, vehicle in enumerate(instance.vehicles):
        starts = arcs.out_of(size, k)
        if vehicle.number is not None and len(starts):
            rows.add(rows.sum(starts), None, float(vehicle.number))
    for group, needed in zip(instance.groups, instance.group_required, strict=True):
        rows.add(sum(rows.sum(arcs.into(c)) for c in group), float(needed), 1.0)
    for pick, drop in instance.shipments.tolist():
        for k in range(len(instance.vehicles)):
            if len(arcs.into(pick, k)) + len(arcs.into(drop, k)):
                rows.add(rows.sum(arcs.into(pick, k)) - rows.sum(arcs.into(drop, k)), 0.0, 0.0)
    return missed


def _add_order(instance: VRPInstance, rows: RowList) -> None:
    """Add the order of visits, which forbids circles, and a pickup before its delivery."""
    size = instance.size
    order = rows.labels("order", 1.0, float(size))
    for i, j, along in rows.arcs.pairs(size):
        back = rows.arcs.between(j, i)
        left = order[i] - order[j] + size * rows.sum(along) + (size - 2) * rows.sum(back)
        rows.add(left, None, size - 1.0)
    for pick, drop in instance.shipments.tolist():
        served = rows.sum(rows.arcs.into(pick))
        rows.add(order[drop] - order[pick] - size * served, 1.0 - size, None)


def _add_loads(instance: VRPInstance, rows: RowList) -> None:
    """Add for each load what is still to be delivered, and what was picked up, behind each customer."""
    for m in range(instance.dimensions):
        capacity = np.array([vehicle.capacity[m] for vehicle in instance.vehicles])
        bound = float(
            instance.delivery[:, m].sum() + instance.pickup[:, m].sum() + np.maximum(instance.shipped[:, m], 0).sum()
        )
        capacity = np.minimum(capacity, bound)
        change = instance.pickup[:, m] + instance.shipped[:, m]
        brings, takes = bool(instance.delivery[:, m].any()), bool(change.any())
        if not (brings or takes):
            continue
        most = float(capacity.max())
        ahead = rows.labels(f"to_deliver_{m}", 0.0, most) if brings else None
        aboard = rows.labels(f"picked_up_{m}", 0.0, most) if takes else None
        for i, j, along in rows.arcs.pairs(instance.size):
            used = rows.sum(rows.arcs.direct(along))
            if ahead is not None:
                need = float(instance.delivery[j, m])
                rows.add(ahead[i] - ahead[j] - (need + most) * used, -most, None)
            if aboard is not None:
                rows.add(aboard[j] - aboard[i] - (float(change[j]) + most) * used, -most, None)
        _add_capacity(instance, rows, m, capacity, ahead, aboard)


def _add_capacity(
    instance: VRPInstance, rows: RowList, m: int, capacity: Array, ahead: Labels | None, aboard: Labels | None
) -> None:
    """Add that the load m behind each customer, and before the first one, is within the capacity of its vehicle."""
    kinds, change = range(len(capacity)), instance.pickup[:, m] + instance.shipped[:, m]
    for c in range(instance.size):
        room = sum(float(capacity[k]) * rows.sum(rows.arcs.into(c, k)) for k in kinds)
        unserved = float(capacity.max()) * (1.0 - rows.sum(rows.arcs.into(c)))
        load = 0.0
        if ahead is not None:
            load = load + ahead[c]
            rows.add(ahead[c] - room - unserved, None, -float(instance.delivery[c, m]) if instance.required[c] else 0.0)
            first = _first_of_trip(rows, c, instance.size)
            rows.add(ahead[c] - room - unserved + float(instance.delivery[c, m]) * rows.sum(first), None, 0.0)
        if aboard is not None:
            load = load + aboard[c]
            rows.add(aboard[c] - max(0.0, float(change[c])) * rows.sum(rows.arcs.into(c)), 0.0, None)
        rows.add(load - room - unserved, None, 0.0)


def _add_lengths(instance: VRPInstance, rows: RowList) -> None:
    """Add the length of the route up to each customer, for types of vehicles with a greatest distance."""
    limits = np.array([vehicle.max_distance for vehicle in instance.vehicles])
    limited = np.isfinite(limits)
    if not limited.any():
        return
    arcs, size = rows.arcs, instance.size
    most = float(limits[limited].max())
    length = rows.labels("length", 0.0, most)
    mine = limited[arcs.kind]
    for i, j, along in arcs.pairs(size):
        counted = along[mine[along]]
        rows.add(length[j] - length[i] - rows.sum(counted, arcs.distance[counted] + most), -most, None)
    for c in range(size):
        first, last = arcs.between(size, c), arcs.between(c, size + 1)
        first, last = first[mine[first]], last[mine[last]]
        rows.add(length[c] - rows.sum(first, arcs.distance[first]), 0.0, None)
        rows.add(length[c] + rows.sum(last, arcs.distance[last] + most - limits[arcs.kind[last]]), None, most)


def _add_route_numbers(instance: VRPInstance, rows: RowList) -> None:
    """Add the number of the first customer to every customer of a trip; both ends of a shipment have the same."""
    if not len(instance.shipments):
        return
    arcs, size = rows.arcs, instance.size
    most = size - 1.0
    route = rows.labels("route", 0.0, most)
    for c in range(size):
        first = rows.sum(_first_of_trip(rows, c, size))
        rows.add(route[c] - c * first, 0.0, None)
        rows.add(route[c] + (most - c) * first, None, most)
    for i, j, along in arcs.pairs(size):
        back = arcs.direct(arcs.between(j, i))
        rows.add(route[j] - route[i] - most * (rows.sum(arcs.direct(along)) + rows.sum(back)), -most, None)
    for i, j, along in arcs.pairs(size):
        if not len(arcs.between(j, i)):
            rows.add(route[i] - route[j] - most * rows.sum(arcs.direct(along)), -most, None)
    for pick, drop in instance.shipments.tolist():
        rows.add(route[pick] - route[drop], 0.0, 0.0)


def _first_of_trip(rows: RowList, c: int, size: int) -> Array:
    """Return the arcs that lead to a customer from the start of a route or a reload."""
    return np.concatenate([rows.arcs.between(size, c), rows.arcs.reloading(rows.arcs.into(c))])


def _add_reloads(instance: VRPInstance, rows: RowList) -> None:
    """Add the number of reloads up to each customer, where some type has a limit that can matter."""
    types, size, arcs = instance.vehicles, instance.size, rows.arcs
    limits = np.array([instance.most_trips(vehicle) - 1 for vehicle in types])
    if not any(vehicle.reload_depots and limit < size - 1 for vehicle, limit in zip(types, limits, strict=True)):
        return
    most = float(limits.max())
    done = rows.labels("reloads", 0.0, most)
    for i, j, along in arcs.pairs(size):
        rows.add(done[j] - done[i] - rows.sum(along, most + (arcs.depot[along] >= 0)), -most, None)
    for c in range(size):
        into = arcs.into(c)
        rows.add(done[c] + rows.sum(into, most - limits[arcs.kind[into]]), None, most)
