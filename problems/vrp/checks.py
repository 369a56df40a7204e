"""Whether routes keep every rule, judged from the raw instance."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from redwood.arrays import Array
from redwood.errors import SolutionError
from redwood.problems.vrp.instance import VehicleType, VRPInstance
from redwood.problems.vrp.routes import Route, Routes
from redwood.problems.vrp.schedule import busy_time, loads_on, route_distance, schedule, trips_of
from redwood.problems.vrp.times import TimeUnit

SHOWN = 10
"""So many broken rules are told."""


@dataclass(frozen=True)
class NumberedRoute:
    """A route with numbers for names: its type, and its stops: customers from 0, and -1 less its depot for a reload."""

    kind: int
    stops: Array

    @property
    def customers(self) -> Array:
        """Its customers in the order of the visits."""
        return self.stops[self.stops >= 0]


def numbered(instance: VRPInstance, solution: Routes) -> list[NumberedRoute]:
    """Return the routes with numbers; raises `SolutionError` where a name is unknown."""
    return [_numbered(instance, route, number) for number, route in enumerate(solution.routes, 1)]


def _numbered(instance: VRPInstance, route: Route, number: int) -> NumberedRoute:
    kind = 0
    if route.vehicle or len(instance.vehicles) > 1:
        if route.vehicle not in instance.type_numbers:
            known = ", ".join(repr(name) for name in list(instance.type_numbers)[:8])
            raise SolutionError(f"route {number} has vehicle {route.vehicle!r}; the types of vehicles are {known}.")
        kind = instance.type_numbers[route.vehicle]
    for name in route.customers:
        if name not in instance.numbers:
            depot = "a depot; only reloads there are written down, as reloads= or trips="
            what = depot if name in instance.depots else "not a customer"
            raise SolutionError(f"{name!r} on route {number} is {what}.")
    stops = np.array([instance.numbers[name] for name in route.customers], dtype=np.int64)
    if route.reloads:
        depots = [-1 - _reload_depot(instance, kind, reload.depot, number) for reload in route.reloads]
        stops = np.insert(stops, [reload.after for reload in route.reloads], depots)
    return NumberedRoute(kind, stops)


def _reload_depot(instance: VRPInstance, kind: int, name: str, number: int) -> int:
    """Return the depot of a reload; one without a name is at the only depot where the vehicle can."""
    vehicle = instance.vehicles[kind]
    if not name and len(vehicle.reload_depots) == 1:
        return vehicle.reload_depots[0]
    if name not in instance.depots:
        known = ", ".join(repr(instance.depots[depot]) for depot in vehicle.reload_depots) or "none"
        raise SolutionError(f"route {number} reloads at {name!r}; reload depots of vehicle {vehicle.name!r} are {known}.")
    return instance.depots.index(name)


def violations(instance: VRPInstance, solution: Routes) -> list[str]:
    """Return every broken rule in words, at most about ten."""
    told: list[str] = []
    routes = []
    for number, route in enumerate(solution.routes, 1):
        try:
            routes.append(_numbered(instance, route, number))
        except SolutionError as error:
            told.append(str(error))
    if told:
        return told[:SHOWN]
    told += _service_faults(instance, routes)
    used = Counter(route.kind for route in routes)
    for kind, vehicle in enumerate(instance.vehicles):
        if vehicle.number is not None and used[kind] > vehicle.number:
            told.append(f"{used[kind]} routes have vehicle {vehicle.name!r}, and there are {vehicle.number}.")
    for number, numbered_route in enumerate(routes, 1):
        told += [f"route {number}: {fault}" for fault in route_faults(instance, numbered_route)]
        if len(told) >= SHOWN:
            break
    return (told + _prefix_faults(instance, routes))[:SHOWN]


def _prefix_faults(instance: VRPInstance, routes: list[NumberedRoute]) -> list[str]:
    """Return the prefixes with which no route of their vehicle begins."""
    told = []
    for kind, customers in instance.prefixes:
        begun = any(r.kind == kind and tuple(r.stops[: len(customers)].tolist()) == customers for r in routes)
        if not begun:
            names = ", ".join(repr(instance.customers[c]) for c in customers)
            told.append(f"no route of vehicle {instance.vehicles[kind].name!r} begins with {names}, which is fixed.")
    return told


def _service_faults(instance: VRPInstance, routes: list[NumberedRoute]) -> list[str]:
    """Return who is served twice or not at all, and broken groups and shipments."""
    visits = np.zeros(instance.size, dtype=np.int64)
    at = np.full((2, instance.size), -1, dtype=np.int64)  # route and trip
    order = np.zeros(instance.size, dtype=np.int64)
    for number, route in enumerate(routes):
        customers = route.customers
        np.add.at(visits, customers, 1)
        at[0, customers] = number
        at[1, customers] = np.cumsum(route.stops < 0)[route.stops >= 0]
        order[customers] = np.arange(len(customers))
    names = instance.customers
    told = [f"customer {names[c]!r} is served {visits[c]} times." for c in np.flatnonzero(visits > 1)[:SHOWN]]
    told += [f"customer {names[c]!r} is not served." for c in np.flatnonzero((visits == 0) & instance.required)[:SHOWN]]
    for number, group in enumerate(instance.groups):
        served = [names[c] for c in group if visits[c] > 0]
        if len(served) > 1:
            told.append(f"{served[0]!r} and {served[1]!r} are alternatives, and both are served.")
        elif not served and instance.group_required[number]:
            told.append(f"one of {', '.join(repr(names[c]) for c in group[:5])} has to be served.")
    for pick, drop in instance.shipments.tolist():
        if (at[:, pick] != at[:, drop]).any():
            what = "trip" if at[0, pick] == at[0, drop] else "route"
            told.append(f"{names[pick]!r} and {names[drop]!r} are one shipment and not on the same {what}.")
        elif at[0, pick] >= 0 and order[pick] > order[drop]:
            told.append(f"{names[drop]!r} comes before {names[pick]!r}, where its goods are picked up.")
    return told


def route_faults(instance: VRPInstance, route: NumberedRoute) -> list[str]:
    """Return the rules that one route breaks."""
    vehicle, names = instance.vehicles[route.kind], instance.customers
    customers = route.customers
    wrong = customers[~instance.may_serve[route.kind, customers]]
    told = [f"vehicle {vehicle.name!r} may not serve {names[c]!r}, or has not the skills." for c in wrong[:3]]
    told += _reload_faults(instance, vehicle, route.stops) if len(customers) < len(route.stops) else []
    told += _load_faults(instance, vehicle, route.stops)
    length = route_distance(instance, vehicle, route.stops)
    if not np.isfinite(length):
        told.append("there is no way between two of its stops.")
        return told
    if length > vehicle.max_distance + vehicle.distance_slack:
        told.append(f"its length {length:.10g} exceeds the greatest distance {vehicle.max_distance:g}.")
    return told + (_time_faults(instance, vehicle, route.stops) if instance.timed else [])


def _reload_faults(instance: VRPInstance, vehicle: VehicleType, stops: Array) -> list[str]:
    """Return reloads where the vehicle may not, too many of them, and trips that serve nobody."""
    depots = (-1 - stops[stops < 0]).tolist()
    wrong = [depot for depot in depots if depot not in vehicle.reload_depots]
    told = [f"vehicle {vehicle.name!r} may not reload at {instance.depots[depot]!r}." for depot in wrong[:1]]
    if vehicle.max_reloads is not None and len(depots) > vehicle.max_reloads:
        told.append(f"vehicle {vehicle.name!r} reloads {len(depots)} times, and may {vehicle.max_reloads} times.")
    empty = [number for number, trip in enumerate(trips_of(stops), 1) if not len(trip)]
    return told + [f"its trip {number} serves nobody." for number in empty[:1]]


def stop_name(instance: VRPInstance, stop: int) -> str:
    """Return in words a stop: a customer, or a reload at a depot."""
    return repr(instance.customers[stop]) if stop >= 0 else f"the reload at {instance.depots[-1 - stop]!r}"


def _load_faults(instance: VRPInstance, vehicle: VehicleType, stops: Array) -> list[str]:
    loads = loads_on(instance, stops)
    over = loads - np.array(vehicle.capacity)[None] > instance.load_slack
    told = []
    if over.any():
        stop, dimension = np.argwhere(over)[0]
        where = "at its start" if stop == 0 else f"after {stop_name(instance, int(stops[stop - 1]))}"
        told.append(f"its load {loads[stop, dimension]:g} {where} exceeds the capacity {vehicle.capacity[dimension]:g}.")
    if instance.linehauls_first:
        told += [fault for trip in trips_of(stops) for fault in _order_faults(instance, trip)]
    return told


def _order_faults(instance: VRPInstance, customers: Array) -> list[str]:
    """Return where a trip has a pickup before a delivery."""
    brings = instance.delivery[customers].any(axis=1)
    takes = instance.pickup[customers].any(axis=1)
    if not brings.any():
        return ["it has pickups and no delivery before them."]
    if takes.any() and int(np.argmax(takes)) < int(np.flatnonzero(brings)[-1]):
        return [f"the pickup at {instance.customers[customers[np.argmax(takes)]]!r} comes before a delivery."]
    return []


def _time_faults(instance: VRPInstance, vehicle: VehicleType, stops: Array) -> list[str]:
    found, slack = schedule(instance, vehicle, stops), instance.time_slack
    told = [
        f"arrival {_told(instance, found.arrivals[position])} at {stop_name(instance, int(stops[position]))} is "
        f"{_told(instance, delay)} too late."
        for position, delay in found.late[:3]
    ]
    if found.start > instance.latest_start(vehicle) + slack:
        told.append(
            f"it starts at {_told(instance, found.start)}, and must by {_told(instance, instance.latest_start(vehicle))}."
        )
    if found.end > instance.latest_end(vehicle) + slack:
        told.append(f"it ends at {_told(instance, found.end)}, and must by {_told(instance, instance.latest_end(vehicle))}.")
    if found.duration > vehicle.max_duration + slack and not told:
        longest = _told(instance, vehicle.max_duration)
        told.append(f"it takes {_told(instance, found.duration)}, beyond the longest duration {longest}.")
    return told


def _told(instance: VRPInstance, time: float) -> str:
    """Return a time as people read it, a plain number with ten digits: a fault may be small."""
    return f"{time:.10g}" if instance.time_unit == TimeUnit.NONE else instance.told(time)


def cost(instance: VRPInstance, routes: list[NumberedRoute]) -> float:
    """Return what routes cost: distance, duration, waiting, vehicles, changes, and prizes of those who are not served."""
    total, out = 0.0, np.ones(instance.size, dtype=np.bool_)
    for route in routes:
        vehicle = instance.vehicles[route.kind]
        customers = route.customers
        out[customers] = False
        total += vehicle.fixed_cost + vehicle.distance_cost * route_distance(instance, vehicle, route.stops)
        total += float(instance.change_costs[route.kind, customers].sum())
        if vehicle.duration_cost or vehicle.waiting_cost:
            duration = schedule(instance, vehicle, route.stops).duration
            waiting = max(0.0, duration - busy_time(instance, vehicle, route.stops))
            total += vehicle.duration_cost * duration + vehicle.waiting_cost * waiting
    return total + float(instance.prize[out].sum())
