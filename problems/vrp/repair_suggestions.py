"""What to change in routes that leave out required customers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from redwood.problems.vrp.checks import numbered
from redwood.problems.vrp.instance import VRPInstance
from redwood.problems.vrp.reasons import cheapest_insertion, where
from redwood.problems.vrp.routes import Routes

SHOWN = 10
"""So many suggestions are told."""


def repair_suggestions(instance: VRPInstance, solution: Routes) -> list[str]:
    """Return for each required customer that is not served where it fits best, or why nowhere."""
    known = [route.without(set(route.customers) - instance.numbers.keys()) for route in solution.routes]
    if len(instance.vehicles) > 1 and any(route.vehicle not in instance.type_numbers for route in known):
        return [f"name a vehicle on each route: {', '.join(repr(v.name) for v in instance.vehicles[:8])}."]
    single = len(instance.vehicles) == 1
    routes = numbered(instance, Routes([replace(route, vehicle="") if single else route for route in known]))
    served = np.zeros(instance.size, dtype=np.bool_)
    for route in routes:
        served[route.customers] = True
    told = []
    for customer in np.flatnonzero(~served & instance.required)[:SHOWN]:
        found = cheapest_insertion(instance, routes, int(customer))
        name = instance.customers[customer]
        if found is None:
            told.append(f"nothing has room for customer {name!r}; add a vehicle or relax a limit.")
        else:
            told.append(f"serve customer {name!r} {where(instance, routes, found)}; that adds {found.extra:g}.")
    return told
