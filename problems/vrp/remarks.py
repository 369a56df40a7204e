"""What breaks no rule of an instance, and yet keeps customers from being served."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from redwood.problems.vrp.checks import NumberedRoute, route_faults
from redwood.problems.vrp.instance import VRPInstance
from redwood.problems.vrp.limits import unservable
from redwood.problems.vrp.roads import Rounding

LARGEST = 120
"""Up to so many required customers are looked at in pairs."""


def remarks(instance: VRPInstance) -> list[str]:
    """Return who need not be served and cannot be, and a set of customers too many for the fleet, no two on one route."""
    told = []
    for customer in np.flatnonzero(~instance.required):
        reasons = unservable(instance, int(customer))
        if reasons:
            name = instance.customers[customer]
            told.append(f"customer {name!r} is optional, and no vehicle can serve it: {'; '.join(reasons)}")
    apart = _apart(instance)
    fleet = sum(vehicle.number or 0 for vehicle in instance.vehicles)
    if len(apart) > fleet and all(vehicle.number is not None for vehicle in instance.vehicles):
        names = ", ".join(repr(instance.customers[customer]) for customer in apart)
        told.append(
            f"no routes serve everyone: no vehicle can serve two of {names} on one route, and there are {fleet} vehicles"
        )
    return told


def _apart(instance: VRPInstance) -> list[int]:
    """Return required customers of whom no two fit on one route, found greedily; none where that cannot be told in pairs.

    A pair that no route of these two alone can serve is on no longer route either, where ways are shortest and no goods are
    loaded in the middle of a route.
    """
    roads, required = instance.roads, np.flatnonzero(instance.required)
    by_coords = roads.distances is None and roads.durations is None and roads.rounding is Rounding.NONE
    reloads = any(vehicle.reload_depots for vehicle in instance.vehicles)
    if not by_coords or reloads or len(instance.shipments) or instance.linehauls_first or len(required) > LARGEST:
        return []
    kinds = range(len(instance.vehicles))
    together = np.eye(len(required), dtype=np.bool_)
    for a in range(len(required)):
        for b in range(a):
            orders = list(permutations(required[[a, b]].tolist()))
            fits = any(not route_faults(instance, NumberedRoute(k, np.array(order))) for k in kinds for order in orders)
            together[a, b] = together[b, a] = fits
    found: list[int] = []
    for a in np.argsort(together.sum(axis=0), kind="stable").tolist():
        if not together[a, found].any():
            found.append(a)
    return required[found].tolist()  # type: ignore[no-any-return]
