"""What a solution comes to: times, loads, and for each customer left out the reason."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from redwood.arrays import Array
from redwood.problems.vrp.checks import NumberedRoute, numbered, route_faults
from redwood.problems.vrp.instance import VRPInstance
from redwood.problems.vrp.limits import unservable
from redwood.problems.vrp.routes import Route, Routes
from redwood.problems.vrp.schedule import loads_on, route_distance, schedule

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


def told_route(instance: VRPInstance, route: NumberedRoute) -> Route:
    """Return a route by names, with its times and loads."""
    vehicle = instance.vehicles[route.kind]
    found = schedule(instance, vehicle, route.customers)
    return Route(
        customers=[instance.customers[c] for c in route.customers],
        vehicle=vehicle.name,
        start=found.start,
        end=found.end,
        arrivals=list(found.arrivals),
        loads=loads_on(instance, route.customers)[1:].tolist(),
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
        return "no route has room or time for it, and no vehicle is left"
    extra, route, position = found
    at = where(instance, routes, route, position)
    if instance.required[customer] or group >= 0:
        return f"it is left out, though it could be served {at} for {extra:.6g}"
    return f"cheapest insertion costs {extra:.6g} ({at}) and the prize is {instance.prize[customer]:.6g}"


def cheapest_insertion(instance: VRPInstance, routes: list[NumberedRoute], customer: int) -> tuple[float, int, int] | None:
    """Return (extra cost, route, position) of the cheapest feasible insertion; the route is -1 - type for a new one."""
    place = len(instance.depots) + customer
    options: list[tuple[float, int, int]] = []
    for number, route in enumerate(routes):
        vehicle = instance.vehicles[route.kind]
        stops = np.concatenate([[vehicle.start], len(instance.depots) + route.customers])
        after = np.append(stops[1:], stops[0] if vehicle.end is None else vehicle.end)
        roads, profile = instance.roads, vehicle.profile
        onward, leg = roads.distance(profile, np.array([place]), after), roads.distance(profile, stops, after)
        if vehicle.end is None:
            onward, leg = onward.copy(), leg.copy()
            onward[-1] = leg[-1] = 0.0
        detour = roads.distance(profile, stops, np.array([place])) + onward - leg
        extra = np.where(np.isfinite(detour), vehicle.distance_cost, 1.0) * detour
        extra = extra + instance.change_costs[route.kind, customer]
        begun = int(instance.fixed[route.customers].sum())
        options += [(float(cost), number, position) for position, cost in enumerate(extra) if position >= begun]
    used = [sum(route.kind == kind for route in routes) for kind in range(len(instance.vehicles))]
    for kind, vehicle in enumerate(instance.vehicles):
        if vehicle.number is None or used[kind] < vehicle.number:
            length = route_distance(instance, vehicle, np.array([customer]))
            own = vehicle.fixed_cost + float(instance.change_costs[kind, customer])
            options.append((own + vehicle.distance_cost * length, -1 - kind, 0))
    for cost, number, position in sorted(options)[:TRIED]:
        if np.isfinite(cost) and _fits(instance, routes, customer, number, position):
            return cost, number, position
    return None


def _fits(instance: VRPInstance, routes: list[NumberedRoute], customer: int, number: int, position: int) -> bool:
    if number < 0:
        return not route_faults(instance, NumberedRoute(-1 - number, np.array([customer])))
    changed = replace(routes[number], customers=np.insert(routes[number].customers, position, customer))
    return not route_faults(instance, changed)


def where(instance: VRPInstance, routes: list[NumberedRoute], number: int, position: int) -> str:
    """Return in words where a customer is inserted; the route is -1 - type for a new one.

    Parameters
    ----------
    instance
        The instance.
    routes
        The routes of the solution.
    number, position
        Number of the route, and how many customers come before.
    """
    if number < 0:
        return f"on a route of its own of vehicle {instance.vehicles[-1 - number].name!r}"
    before = f"after {instance.customers[routes[number].customers[position - 1]]!r}" if position else "at the beginning"
    return f"on route {number + 1} {before}"
