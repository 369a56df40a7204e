"""What an instance must keep, and why a customer cannot be served at all."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError
from redwood.problems.vrp.checks import NumberedRoute, route_faults
from redwood.problems.vrp.instance import OBJECTIVES, SLACK, VehicleType, VRPInstance
from redwood.problems.vrp.roads import Metric, Rounding
from redwood.problems.vrp.schedule import earliest_start, loads_on, places_of, route_distance, schedule
from redwood.problems.vrp.times import IN_AN_HOUR, TimeUnit

FAR = 2000.0
"""From so many km on the distance of a place is told where it cannot be served in time."""
SHOWN = 4
"""Reasons of so many types are told."""
DENSE = 3000
"""Up to so many places shortest ways through others are looked for before a customer is called out of reach."""


def check_instance(instance: VRPInstance) -> None:
    """Raise `InstanceError` where the data break a rule, or where it is plain that nothing can serve everyone."""
    if instance.size == 0:
        raise InstanceError("there are no customers; a routing instance has at least one.")
    if not instance.vehicles:
        raise InstanceError("there is no type of vehicle; give vehicles=.")
    if instance.objective not in OBJECTIVES:
        raise InstanceError(f"objective {instance.objective!r} is unknown; objectives are {', '.join(OBJECTIVES)}.")
    optional = np.flatnonzero(~instance.required & (instance.group_of < 0))
    if instance.objective == "fewest-vehicles" and len(optional):
        raise InstanceError(
            f"customer {instance.customers[optional[0]]!r} is optional, so the fewest vehicles are none at all; "
            "with objective 'fewest-vehicles' every customer has to be required."
        )
    neither = np.flatnonzero(~(instance.delivery.any(axis=1) | instance.pickup.any(axis=1)))
    if instance.linehauls_first and len(neither):
        raise InstanceError(
            f"customer {instance.customers[neither[0]]!r} has neither a delivery nor a pickup, "
            "and with linehauls_first all need one."
        )
    _check_customers(instance)
    for number, group in enumerate(instance.groups):
        if instance.group_required[number] and all(unservable(instance, customer) for customer in group):
            names = ", ".join(repr(instance.customers[customer]) for customer in group)
            raise InstanceError(f"one of {names} is required, and no vehicle can serve any of them.")
    _check_fleet(instance)
    _check_prefixes(instance)


def _check_customers(instance: VRPInstance) -> None:
    """Raise `InstanceError` that names the required customers whom no vehicle can serve, up to `SHOWN` with the reasons."""
    told: list[str] = []
    for customer in np.flatnonzero(instance.required):
        reasons = unservable(instance, int(customer))
        if reasons:
            name = repr(instance.customers[customer])
            begin = f"customer {name} is required, and no vehicle can serve it" if not told else f"nor {name}"
            told.append(f"{begin}: {'; '.join(reasons)}")
        if len(told) == SHOWN:
            break
    if told:
        raise InstanceError("; ".join(told) + ".")


def _check_prefixes(instance: VRPInstance) -> None:
    """Raise `InstanceError` where a prefix is no feasible route by itself, or they are not feasible together."""
    begun = {c for _, customers in instance.prefixes for c in customers}
    for group in instance.groups:
        both = [repr(instance.customers[c]) for c in group if c in begun]
        if len(both) > 1:
            raise InstanceError(f"the prefixes serve {both[0]} and {both[1]}, which are alternatives of one group.")
    for pick, drop in instance.shipments.tolist():
        for _, customers in instance.prefixes:
            if drop in customers and pick not in customers[: customers.index(drop)]:
                names = [repr(instance.customers[c]) for c in (drop, pick)]
                raise InstanceError(f"a prefix serves {names[0]} and not before it {names[1]}, its pickup.")
    for kind, customers in instance.prefixes:
        faults = route_faults(instance, NumberedRoute(kind, np.array(customers)))
        if faults:
            raise InstanceError(f"the prefix that begins with {instance.customers[customers[0]]!r}: {faults[0]}")
    for kind, vehicle in enumerate(instance.vehicles):
        count = sum(one == kind for one, _ in instance.prefixes)
        if vehicle.number is not None and count > vehicle.number:
            raise InstanceError(f"{count} prefixes have vehicle {vehicle.name!r}, and there are {vehicle.number}.")


def _check_fleet(instance: VRPInstance) -> None:
    """Raise `InstanceError` where the required loads exceed what all vehicles carry together."""
    if any(vehicle.number is None for vehicle in instance.vehicles):
        return
    fleet = [(float(v.number) * instance.most_trips(v), v.capacity) for v in instance.vehicles if v.number]
    carried = [trips * np.array(capacity, dtype=np.float64) for trips, capacity in fleet]
    most = np.sum([np.zeros(instance.dimensions), *carried], axis=0)
    for what, loads in (("deliveries", instance.delivery), ("pickups", instance.pickup)):
        total = loads[instance.required].sum(axis=0)
        for dimension in np.flatnonzero(total > most + instance.load_slack):
            of = f" of load {dimension + 1}" if instance.dimensions > 1 else ""
            raise InstanceError(
                f"the required {what}{of} sum up to {total[dimension]:g}, and all vehicles together carry "
                f"{most[dimension]:g}; give more vehicles, let them drive again (reload_depots of a vehicle), or say which "
                "customers may be left out (required, prize)."
            )


def unservable(instance: VRPInstance, customer: int) -> list[str]:
    """Return, for each type, why a route of this customer alone is impossible; empty where some type can serve it."""
    reasons = []
    for k, vehicle in enumerate(instance.vehicles):
        why = why_not_alone(instance, k, customer)
        if not why:
            return []
        if len(instance.vehicles) > 1:
            why = f"{vehicle.name!r}: {why}"
        if why not in reasons:
            reasons.append(why)
    return reasons if len(reasons) <= SHOWN else [*reasons[:SHOWN], f"and {len(reasons) - SHOWN} types more"]


def why_not_alone(instance: VRPInstance, kind: int, customer: int) -> str:
    """Return why a type cannot serve a customer (with the other end of its shipment) on a route of its own, or ``""``."""
    vehicle = instance.vehicles[kind]
    other = int(instance.partner[customer])
    route = np.array([customer]) if other < 0 else instance.shipments[(instance.shipments == customer).any(axis=1)][0]
    if vehicle.number == 0:
        return "there is none"
    for member in route.tolist():
        if not instance.may_serve[kind, member]:
            return _not_allowed(instance, vehicle, member)
    if instance.linehauls_first and not instance.delivery[route].any():
        return ""  # never alone: it needs a delivery before it
    load = loads_on(instance, route).max(axis=0)
    over = np.flatnonzero(load > np.array(vehicle.capacity) + instance.load_slack)
    if len(over):
        return f"its load {load[over[0]]:g} exceeds the capacity {vehicle.capacity[over[0]]:g}"
    why = _out_of_time(instance, vehicle, route)
    if why and not _triangular(instance, vehicle, route):
        return ""
    if why and vehicle.reload_depots and instance.release[route].any():
        return ""  # on a later trip its goods are loaded elsewhere and later
    return why


def _not_allowed(instance: VRPInstance, vehicle: VehicleType, customer: int) -> str:
    asked = sorted(set(instance.skills[customer]) - set(vehicle.skills)) if instance.skills else []
    return f"it has not the skill {asked[0]!r}" if asked else "the customer is not among those that it is allowed to serve"


def _out_of_time(instance: VRPInstance, vehicle: VehicleType, route: Array) -> str:
    """Return which time or length keeps a vehicle from a route, or ``""``."""
    length = route_distance(instance, vehicle, route)
    if not math.isfinite(length):
        return "there is no way there and back"
    if length > vehicle.max_distance + vehicle.distance_slack:
        return f"the way there and back is {length:g}, beyond the greatest distance {vehicle.max_distance:g}"
    first = earliest_start(instance, vehicle, route)
    if first > instance.latest_start(vehicle) + instance.time_slack:
        return f"it cannot leave before {instance.told(first)}, and must by {instance.told(instance.latest_start(vehicle))}"
    found = schedule(instance, vehicle, route)
    if found.late:
        position, delay = found.late[0]
        arrival = found.arrivals[position]
        return f"earliest arrival {instance.told(arrival)} is after {instance.told(arrival - delay)}{_far(instance, route)}"
    if found.end > instance.latest_end(vehicle) + instance.time_slack:
        end, last = instance.told(found.end), instance.told(instance.latest_end(vehicle))
        return f"earliest return {end} is after {last}{_long(instance, route)}{_far(instance, route)}"
    if found.duration > vehicle.max_duration + instance.time_slack:
        takes, most = instance.told(found.duration), instance.told(vehicle.max_duration)
        return f"the route takes {takes}, beyond the longest duration {most}{_long(instance, route)}{_far(instance, route)}"
    return ""


def _long(instance: VRPInstance, route: Array) -> str:
    """Return that a service takes long, where its unit is known: it may have been meant in another one."""
    longest = int(route[instance.service[route].argmax()])
    service = float(instance.service[longest])
    if instance.time_unit == TimeUnit.NONE or service < IN_AN_HOUR[TimeUnit(instance.time_unit)]:
        return ""
    return f" (service there takes {instance.told(service)}; times are in {instance.time_unit})"


def _far(instance: VRPInstance, route: Array) -> str:
    """Return that a place is farther away than anybody drives in a day."""
    if instance.roads.metric is not Metric.GREAT_CIRCLE:
        return ""
    away = instance.roads.distance(0, np.zeros(len(route), np.int64), len(instance.depots) + route) / instance.roads.scale
    if away.max() < FAR:
        return ""
    return f" (it is {away.max():.0f} km from {instance.depots[0]!r}; are lon and lat exchanged?)"


def _triangular(instance: VRPInstance, vehicle: VehicleType, route: Array) -> bool:
    """Return whether the ways of a route are the shortest between its stops, so that no longer route is quicker."""
    roads = instance.roads
    by_coords = roads.distances is None and roads.durations is None
    if roads.size > DENSE or (by_coords and roads.rounding is Rounding.NONE):
        return by_coords
    for i, j in pairwise(places_of(instance, vehicle, route).tolist()):
        for measure in (roads.distance, roads.duration):
            nodes = np.arange(roads.size)
            matrix = measure(vehicle.profile, nodes[:, None], nodes[None, :])
            if _shortest(matrix, i)[j] < matrix[i, j] * (1.0 - SLACK):
                return False
    return True


def _shortest(matrix: Array, start: int) -> Array:
    """Return the lengths of shortest ways from a place to all, by rounds that end when nothing becomes shorter."""
    best = np.array(matrix[start])
    for _ in range(len(matrix)):
        shorter = np.minimum(best, (best[:, None] + matrix).min(axis=0))
        if np.array_equal(shorter, best):
            break
        best = shorter
    return best
