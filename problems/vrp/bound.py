"""The view `Bound`: routes priced as ng-routes with one load and time, and a covering program above them.

What labels do not carry is left out, which only lowers the bound: loads beyond the tightest one, the order and the same
vehicle of shipments, releases but for each customer's own, greatest distances, gaps between several windows, waiting, and
greatest durations where there are windows. Where vehicles reload, their trips are the routes, each with its share of the
vehicle.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.problems.routing.ng_covering import Covering, cheapest_ways, neighbourhoods
from redwood.problems.routing.ng_generation import covering_bound, rehearse
from redwood.problems.routing.ng_kernels import RouteGraph
from redwood.problems.vrp.instance import VRPInstance
from redwood.problems.vrp.linear_arcs import Arcs, Times, times_of, usable_arcs
from redwood.tolerance import eased
from redwood.views.bound import Bound, BoundValue

LARGEST = 200
"""Up to this many customers columns are generated: matrices and labels of all pairs are looked at."""


METHOD = "column generation with ng-routes and capacity cuts"


class VRPBound(Bound):
    """Column generation with ng-routes and capacity cuts."""

    def __init__(self, instance: VRPInstance) -> None:
        self._instance = instance

    def bound(self, clock: Clock, incumbent: float | None = None) -> BoundValue:
        """Return the best bound that the clock allows; 0, which no costs are below, where there is not even time for one."""
        if self._instance.size > LARGEST or clock.stops():
            return BoundValue(0.0, "no costs are below 0", self._instance.size <= LARGEST)
        covering = covering_of(self._instance)
        best = BoundValue(max(0.0, eased(cheapest_ways(covering), "min")), "the cheapest way to each customer")
        found = covering_bound(covering, clock, math.inf if incumbent is None else incumbent)
        raised = BoundValue(max(0.0, eased(found.value, "min")), METHOD, found.cut_short)
        return raised if raised.value >= best.value else BoundValue(best.value, best.method, found.cut_short)

    def warm_up(self) -> None:
        """Compile the pricing on two customers."""
        rehearse()


def covering_of(instance: VRPInstance) -> Covering:
    """Return the types of vehicles as graphs, and what is to be covered."""
    times, arcs = times_of(instance), usable_arcs(instance)
    load, capacities = _tightest_load(instance)
    size = instance.size
    graphs = []
    for k, vehicle in enumerate(instance.vehicles):
        mine = (arcs.kind == k) & (arcs.depot < 0)
        tail, head = arcs.tail[mine], arcs.head[mine]
        usable = np.zeros((size + 2, size + 2), dtype=np.bool_)
        usable[tail, head] = True
        service = np.append(instance.service, [0.0, 0.0])
        time, cost = np.zeros((size + 2, size + 2)), np.zeros((size + 2, size + 2))
        time[tail, head] = arcs.duration[mine] + service[tail]
        cost[tail, head] = vehicle.distance_cost * arcs.distance[mine] + vehicle.duration_cost * time[tail, head]
        if vehicle.reload_depots:
            _add_trips(instance, k, arcs, usable, time, cost)
        cost[size] += (vehicle.fixed_cost + instance.vehicle_price) / instance.most_trips(vehicle)
        cost[:, :size] += instance.change_costs[k]
        distance = np.where(usable[:size, :size], cost[:size, :size], np.inf)
        near, place = neighbourhoods(np.minimum(distance, distance.T))
        earliest, latest, closes = _times(instance, times, k)
        graphs.append(
            RouteGraph(
                cost, time, usable, load, float(capacities[k]), earliest, latest, float(times.begins[k]), closes, near, place
            )
        )
    types = instance.vehicles
    numbers = np.array([math.inf if v.number is None else float(v.number) * instance.most_trips(v) for v in types])
    required = np.array(instance.required)
    groups = tuple(group for group, needed in zip(instance.groups, instance.group_required, strict=True) if needed)
    limit = float(capacities[numbers > 0].max(initial=0.0))
    loads = np.where(required, load, 0.0)
    covering = Covering(
        tuple(graphs), numbers, required, np.array(instance.prize), groups, size, loads, limit if limit < 1e17 else math.inf
    )
    return covering if instance.timed else undirected(covering)


def _add_trips(instance: VRPInstance, k: int, arcs: Arcs, usable: Array, time: Array, cost: Array) -> None:
    """Let routes of a type that reloads be its trips: they begin and end at the cheapest and the quickest of its depots.

    Parameters
    ----------
    instance, k, arcs
        The instance, the type, and the arcs of all types.
    usable, time, cost
        Of each way [N + 2, N + 2], which change.
    """
    vehicle, size, homes = instance.vehicles[k], instance.size, len(instance.depots)
    for depot in vehicle.reload_depots:
        mine = (arcs.kind == k) & (arcs.depot == depot)
        for ends, first in ((np.unique(arcs.head[mine]), True), (np.unique(arcs.tail[mine]), False)):
            places = (np.array([depot]), homes + ends) if first else (homes + ends, np.array([depot]))
            way = (np.full(len(ends), size), ends) if first else (ends, np.full(len(ends), size + 1))
            spent = instance.roads.duration(vehicle.profile, *places) + (0.0 if first else instance.service[ends])
            price = vehicle.distance_cost * instance.roads.distance(vehicle.profile, *places) + vehicle.duration_cost * spent
            price += 0.0 if first else vehicle.duration_cost * float(instance.reload_time[depot])
            time[way] = np.where(usable[way], np.minimum(time[way], spent), spent)
            cost[way] = np.where(usable[way], np.minimum(cost[way], price), price)
            usable[way] = True


def undirected(covering: Covering) -> Covering:
    """Return the covering with the mean cost at the depot for both ends of a route, where its routes have no direction.

    They have none with one type all of whose ways may be taken, the same cost both ways between customers, and at the
    depot up to a constant.
    """
    graph, size = covering.graphs[0], covering.size
    cost, apart = graph.cost, ~np.eye(size, dtype=np.bool_)
    usable = graph.usable[size, :size].all() and graph.usable[:size, size + 1].all()
    usable &= graph.usable[:size, :size][apart].all()
    inner, shift = cost[:size, :size][apart], cost[size, :size] - cost[:size, size + 1]
    if len(covering.graphs) > 1 or not usable or not size or np.ptp(shift) > 0.0:
        return covering
    if not np.array_equal(inner, cost[:size, :size].T[apart]):
        return covering
    mean = 0.5 * (cost[size, :size] + cost[:size, size + 1])
    changed = cost.copy()
    changed[size, :size] = changed[:size, size + 1] = mean
    return replace(covering, graphs=(graph._replace(cost=changed),), symmetric=True)


def _tightest_load(instance: VRPInstance) -> tuple[Array, Array]:
    """Return the deliveries or pickups [N] that fill the capacities most, and these [K]."""
    capacities = np.array([vehicle.capacity for vehicle in instance.vehicles])
    most = capacities.max(axis=0)
    options = [
        (float(loads[:, m].sum()) / most[m] if most[m] > 0 else 0.0, what, m)
        for what, loads in enumerate((instance.delivery, instance.pickup))
        for m in range(instance.dimensions)
    ]
    _, what, m = max(options)
    load = np.array((instance.delivery, instance.pickup)[what][:, m], dtype=np.float64)
    limits = np.where(np.isfinite(capacities[:, m]), capacities[:, m] + instance.load_slack, 1e18)
    return load, limits


def _times(instance: VRPInstance, times: Times, k: int) -> tuple[Array, Array, float]:
    """Return first and last begins of service of a type, and when its routes must have ended."""
    if not instance.timed:
        return np.full(instance.size, -1e18), np.full(instance.size, 1e18), 1e18
    vehicle, slack = instance.vehicles[k], instance.time_slack
    closes = float(times.closes[k])
    opens = instance.windows[instance.window_starts[:-1], 0]
    waits = bool((opens > times.begins[k]).any() or (instance.release > times.begins[k]).any())
    if vehicle.end is not None:
        waits |= bool(instance.depot_windows[vehicle.end, 0] > times.begins[k])
    if not waits:  # who leaves first is back first, and no departure makes a route shorter
        closes = min(closes, float(times.begins[k]) + vehicle.max_duration)
    return times.earliest[k], times.latest[k] + slack, closes + slack
