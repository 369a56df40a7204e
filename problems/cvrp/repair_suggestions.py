"""What to change in routes that break a rule."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.problems.routing.repair_suggestions import SHOWN, cheapest_gap


def repair_suggestions(instance: CVRPInstance, solution: Routes) -> list[str]:
    """Return which visits to drop, whom to move from overloaded routes, and where to put those who are missing."""
    told: list[str] = []
    routes = _each_once(instance, solution, told)
    loads = np.array([instance.demands[route].sum() for route in routes])
    served = {customer for route in routes for customer in route}
    waiting = [customer for customer in range(1, instance.size + 1) if customer not in served]
    for number, route in enumerate(routes):
        for customer in _moved(instance, route, loads[number]):
            loads[number] -= instance.demands[customer]
            route.remove(customer)
            told.append(f"{_moved_to(instance, routes, loads, customer, number)}; route {number + 1} is too full for it.")
    told += [f"{_moved_to(instance, routes, loads, customer, -1)}; nobody serves it." for customer in waiting]
    if instance.vehicles is not None and len(routes) > instance.vehicles:
        least = int(np.argmin(loads))
        told.append(
            f"join routes until {instance.vehicles} are left, such as route {least + 1} (load {loads[least]:g}); "
            f"the demands need at least {instance.fewest} vehicles."
        )
    return told[:SHOWN]


def _each_once(instance: CVRPInstance, solution: Routes, told: list[str]) -> list[list[int]]:
    """Return the routes with every known customer at its first visit alone, and tell what was dropped."""
    seen: set[int] = set()
    routes: list[list[int]] = []
    for number, route in enumerate(solution.routes, 1):
        routes.append([])
        for customer in (int(node) for node in route):
            if not 0 < customer <= instance.size:
                told.append(f"take node {customer} out of route {number}; the depot is not written down.")
            elif customer in seen:
                told.append(f"take customer {customer} out of route {number}; an earlier visit serves it.")
            else:
                seen.add(customer)
                routes[-1].append(customer)
    return routes


def _moved(instance: CVRPInstance, route: list[int], load: float) -> list[int]:
    """Return customers of an overloaded route, the fewest first by demand, whose leaving makes it fit."""
    excess, leaving = load - instance.limit, []
    for customer in sorted(route, key=lambda one: -float(instance.demands[one])):
        if excess <= 0:
            break
        enough = [one for one in route if one not in leaving and instance.demands[one] >= excess]
        chosen = min(enough, key=lambda one: float(instance.demands[one])) if enough else customer
        leaving.append(chosen)
        excess -= float(instance.demands[chosen])
    return leaving


def _moved_to(instance: CVRPInstance, routes: list[list[int]], loads: Array, customer: int, excluded: int) -> str:
    """Put a customer into the route with room where it adds least, and return that in words."""
    demand = float(instance.demands[customer])
    open_routes = [r for r in range(len(routes)) if r != excluded and loads[r] + demand <= instance.limit]
    gaps = []
    for r in open_routes:
        stops = np.array([0, *routes[r], 0])
        gaps.append((*cheapest_gap(instance.travel, stops[:-1], stops[1:], customer), r))
    if not gaps:
        return f"give customer {customer} (demand {demand:g}) a new route"
    before, _, extra, r = min(gaps, key=lambda gap: gap[2])
    routes[r].insert(routes[r].index(before) + 1 if before else 0, customer)
    loads[r] += demand
    place = f"after customer {before}" if before else "at the beginning"
    return f"move customer {customer} (demand {demand:g}) to route {r + 1}, {place}, where it adds {extra:g}"
