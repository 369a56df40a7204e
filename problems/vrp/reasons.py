"""What a solution comes to: times, loads, and for each customer left out the reason."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, TypeVar

import numpy as np

from redwood.arrays import Array
from redwood.problems.vrp.checks import NumberedRoute, numbered, route_faults, stop_name
from redwood.problems.vrp.instance import VRPInstance
from redwood.problems.vrp.limits import unservable
from redwood.problems.vrp.routes import Reload, Route, Routes
from redwood.problems.vrp.schedule import loads_on, places_of, route_distance, schedule

AnyRoutes = TypeVar("AnyRoutes", bound=Routes)
DETAILED = 30
"""For so many customers that are left out the reason is looked for: each costs about ten milliseconds."""
TRIED = 20
"""So many of the shortest detours are checked for a customer, the others are taken as too long."""


def described(instance: VRPInstance, solution: AnyRoutes) -> AnyRoutes:
    """Return the solution with its times and loads, and the reason for each customer that is left out."""
    routes = numbered(instance, solution)
    told = [told_route(instance, route) for route in routes]
    return replace(solution, routes=told, left_out=left_out(instance, routes))


def named(instance: VRPInstance, route: NumberedRoute) -> Route:
    """Return a route by names."""
    stops = route.stops.tolist()
    at = [position for position, stop in enumerate(stops) if stop < 0]
    reloads = [Reload(k - number, instance.depots[-1 - stops[k]]) for number, k in enumerate(at)]
    customers = [instance.customers[stop] for stop in stops if stop >= 0]
    return Route(customers, instance.vehicles[route.kind].name, reloads=reloads)


def told_route(instance: VRPInstance, route: NumberedRoute) -> Route:
    """Return a route by names, with its times and loads."""
    found = schedule(instance, instance.vehicles[route.kind], route.stops)
    told = list(zip(found.arrivals, loads_on(instance, route.stops)[1:].tolist(), strict=True))
    visits = [one for one, stop in zip(told, route.stops, strict=True) if stop >= 0]
    reloads = [one for one, stop in zip(told, route.stops, strict=True) if stop < 0]
    plain = named(instance, route)
    return replace(
        plain,
        start=found.start,
        end=found.end,
        arrivals=[arrival for arrival, _ in visits],
        loads=[load for _, load in visits],
        reloads=[replace(a, arrival=b[0], load=b[1]) for a, b in zip(plain.reloads, reloads, strict=True)],
    )


def left_out(instance: VRPInstance, routes: list[NumberedRoute]) -> dict[str, str]:
    """Return why each customer that is not served is left out, up to `DETAILED` of them."""
    served = np.zeros(instance.size, dtype=np.bool_)
    for route in routes:
        served[route.customers] = True
    out = np.flatnonzero(~served)
    told = {instance.customers[c]: reason(instance, routes, served, int(c)) for c in out[:DETAILED]}
    return told | {
        instance.customers[c]: f"more than {DETAILED} are left out; this one was not looked at" for c in out[DETAILED:]
    }


def reason(instance: VRPInstance, routes: list[NumberedRoute], served: Array, customer: int) -> str:
    """Return why a customer is not served: an alternative is, no vehicle can, no route has room, or it costs too much.

    Parameters
    ----------
    instance
        The instance.
    routes
        The routes of the solution.
    served
        Whether each customer is served, [N].
    customer
        Number of a customer who is not.
    """
    group = instance.group_of[customer]
    others = [] if group < 0 else [c for c in instance.groups[group] if served[c]]
    if others:
        return f"its alternative {instance.customers[others[0]]!r} is served"
    alone = unservable(instance, customer)
    if alone:
        return "no vehicle can serve it: " + "; ".join(alone)
    if instance.partner[customer] >= 0:
        return f"it belongs to a shipment with {instance.customers[instance.partner[customer]]!r}, which is left out"
    found = cheapest_insertion(instance, routes, customer)
    if found is None:
        return "no route has both the room and the time for it, and no vehicle is left"
    at = where(instance, routes, found)
    if instance.required[customer] or group >= 0:
        return f"it is left out, though it could be served {at} for {found.extra:.6g}"
    prize = f", and its prize is {instance.prize[customer]:.6g}" if instance.prize[customer] else ""
    return f"serving it would cost {found.extra:.4g} more ({at}){prize}"


class Insertion(NamedTuple):
    """A place for a customer on a route.

    Attributes
    ----------
    extra
        What it adds to the cost, duration left aside.
    route, position
        Number of the route, -1 - type for a new one, and how many stops come before.
    stops
        What is inserted: the customer, perhaps with a reload before or behind it.
    """

    extra: float
    route: int
    position: int
    stops: tuple[int, ...]


def cheapest_insertion(instance: VRPInstance, routes: list[NumberedRoute], customer: int) -> Insertion | None:
    """Return the cheapest feasible insertion of a customer, perhaps with a reload, ``None`` where there is none."""
    options = [one for number, route in enumerate(routes) for one in _on_route(instance, number, route, customer)]
    used = [sum(route.kind == kind for route in routes) for kind in range(len(instance.vehicles))]
    for kind, vehicle in enumerate(instance.vehicles):
        if vehicle.number is None or used[kind] < vehicle.number:
            length = route_distance(instance, vehicle, np.array([customer]))
            own = vehicle.fixed_cost + float(instance.change_costs[kind, customer])
            options.append(Insertion(own + vehicle.distance_cost * length, -1 - kind, 0, (customer,)))
    for option in sorted(options)[:TRIED]:
        if np.isfinite(option.extra) and _fits(instance, routes, option):
            return option
    return None


def _on_route(instance: VRPInstance, number: int, route: NumberedRoute, customer: int) -> list[Insertion]:
    """Return the insertions of a customer in a route, alone or with one more reload."""
    vehicle = instance.vehicles[route.kind]
    begun = int(instance.fixed[route.customers].sum())
    reloads = [-1 - depot for depot in vehicle.reload_depots]
    ways = [(customer,), *((reload, customer) for reload in reloads), *((customer, reload) for reload in reloads)]
    found = []
    for stops in ways:
        extra = _detours(instance, route, stops) + instance.change_costs[route.kind, customer]
        found += [Insertion(float(cost), number, at, stops) for at, cost in enumerate(extra) if at >= begun]
    return found


def _detours(instance: VRPInstance, route: NumberedRoute, stops: tuple[int, ...]) -> Array:
    """Return what the way through some stops costs at each position of a route; infinite where there is none."""
    vehicle = instance.vehicles[route.kind]
    roads, profile = instance.roads, vehicle.profile
    places = places_of(instance, vehicle, route.stops)
    before = places[: len(route.stops) + 1]
    inside = places_of(instance, replace(vehicle, end=None), np.array(stops))[1:]
    way = roads.distance(profile, before, inside[:1]) + roads.distance(profile, inside[:-1], inside[1:]).sum()
    ends = len(places) - 1  # ways to a next stop; one less than positions where the route is open
    way[:ends] += roads.distance(profile, inside[-1:], places[1:]) - roads.distance(profile, places[:-1], places[1:])
    return np.asarray(np.where(np.isfinite(way), vehicle.distance_cost, 1.0) * way)


def _fits(instance: VRPInstance, routes: list[NumberedRoute], option: Insertion) -> bool:
    if option.route < 0:
        return not route_faults(instance, NumberedRoute(-1 - option.route, np.array(option.stops)))
    route = routes[option.route]
    return not route_faults(instance, replace(route, stops=np.insert(route.stops, option.position, option.stops)))


def where(instance: VRPInstance, routes: list[NumberedRoute], found: Insertion) -> str:
    """Return in words where a customer is inserted."""
    if found.route < 0:
        return f"on a route of its own of vehicle {instance.vehicles[-1 - found.route].name!r}"
    stops = routes[found.route].stops
    before = f"after {stop_name(instance, int(stops[found.position - 1]))}" if found.position else "at the beginning"
    reload = next((stop for stop in found.stops if stop < 0), 0)
    side = "after" if found.stops[0] < 0 else "before"
    more = f" {side} one more reload at {instance.depots[-1 - reload]!r}" if reload else ""
    return f"on route {found.route + 1} {before}{more}"
