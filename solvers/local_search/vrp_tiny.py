"""Every route of a handful of customers, since not to all of them insertions one by one lead."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator

import numpy as np

from redwood.problems.vrp.checks import NumberedRoute, cost, route_faults
from redwood.problems.vrp.instance import VehicleType, VRPInstance
from redwood.solvers.local_search.vrp_pool import RoutePool

MOST_CUSTOMERS = 6
"""So many customers have 1,956 orders of some of them."""


def every_route(instance: VRPInstance, seconds: float) -> list[NumberedRoute] | None:
    """Return the cheapest routes that serve everybody, ``None`` where there are none, or not enough time.

    Windows, prefixes and matrices that break the triangle inequality can make a route feasible whose parts are not.
    """
    if instance.size > MOST_CUSTOMERS:
        return None
    pool, began = RoutePool(instance), time.perf_counter()
    for kind, vehicle in enumerate(instance.vehicles):
        if vehicle.number == 0:
            continue
        for length in range(1, instance.size + 1):
            for order in itertools.permutations(range(instance.size), length):
                if time.perf_counter() - began > seconds:
                    return None
                if _keeps_others(instance, kind, order):
                    for stops in _with_reloads(instance, vehicle, order):
                        _add(pool, instance, NumberedRoute(kind, np.array(stops, dtype=np.int64)))
    return pool.best(max(began + seconds - time.perf_counter(), 1e-3))


def _with_reloads(instance: VRPInstance, vehicle: VehicleType, order: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield an order of customers with every choice of reloads between them that the vehicle may make."""
    most = instance.most_trips(vehicle) - 1
    for number in range(min(most, len(order) - 1) + 1):
        for places in itertools.combinations(range(1, len(order)), number):
            for depots in itertools.product(vehicle.reload_depots, repeat=number):
                stops = list(order)
                for place, depot in zip(reversed(places), depots, strict=True):
                    stops.insert(place, -1 - depot)
                yield tuple(stops)


def _add(pool: RoutePool, instance: VRPInstance, route: NumberedRoute) -> None:
    if not route_faults(instance, route):
        missed = float(instance.prize.sum() - instance.prize[route.customers].sum())
        price = cost(instance, [route]) - missed + instance.vehicle_price
        if price < math.inf:
            pool.add_route(route.kind, tuple(route.stops.tolist()), price)


def _keeps_others(instance: VRPInstance, kind: int, order: tuple[int, ...]) -> bool:
    """Return whether an order has both ends of its shipments, the pickup first, and begins with any prefix that it meets."""
    at = {customer: position for position, customer in enumerate(order)}
    for pick, drop in instance.shipments.tolist():
        if (pick in at) != (drop in at) or (pick in at and at[pick] > at[drop]):
            return False
    for fixed_kind, begun in instance.prefixes:
        if set(begun) & set(order) and (kind != fixed_kind or order[: len(begun)] != begun):
            return False
    return all(sum(c in at for c in group) <= 1 for group in instance.groups)
