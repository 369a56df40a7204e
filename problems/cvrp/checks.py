"""The rules of the problem: what an instance and its routes must keep, told in words."""

from __future__ import annotations

import math

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.problems.routing.sequence import SHOWN


def check_feasible(instance: CVRPInstance) -> None:
    """Raise `InstanceError` at the first rule that an instance breaks, or where it is plain that no routes exist."""
    _check_numbers(instance)
    _check_demands(instance)
    _check_fleet(instance)


def routes_violations(instance: CVRPInstance, solution: Routes) -> list[str]:
    """Return every broken rule in words, at most about ten."""
    served = np.array([customer for route in solution.routes for customer in route], dtype=np.int64)
    told = _visit_violations(served, instance.size)
    for number, route in enumerate(solution.routes, 1):
        known = [customer for customer in route if 0 < customer <= instance.size]
        load = instance.demands[known].sum()
        if load > instance.limit:
            told.append(f"route {number} carries {load:g}, above the vehicle capacity {instance.capacity:g}.")
    if instance.vehicles is not None and len(solution.routes) > instance.vehicles:
        told.append(f"{len(solution.routes)} routes are driven, and there are only {instance.vehicles} vehicles.")
    return told[:SHOWN]


def _visit_violations(served: Array, size: int) -> list[str]:
    inside = (served > 0) & (served <= size)
    told = [f"node {node} is on a route, and customers are 1 to {size}." for node in served[~inside][:SHOWN]]
    visits = np.bincount(served[inside], minlength=size + 1)
    visits[0] = 1
    for customer in np.flatnonzero(visits != 1)[:SHOWN]:
        told.append(f"customer {customer} is served {visits[customer]} times instead of once.")
    return told


def _check_numbers(instance: CVRPInstance) -> None:
    nodes = instance.travel.size
    if nodes < 2:
        raise InstanceError(f"there are {nodes} nodes; a depot and at least one customer are needed.")
    if instance.demands.shape != (nodes,):
        raise InstanceError(
            f"demands have shape {list(instance.demands.shape)}; expected [{nodes}], one for each node, the depot's first."
        )
    if not _is_number(instance.capacity) or not 0 < float(instance.capacity) < math.inf:
        raise InstanceError(f"vehicle capacity {instance.capacity!r} is not a positive number.")
    vehicles = instance.vehicles
    if vehicles is not None and (isinstance(vehicles, bool) or not isinstance(vehicles, (int, np.integer)) or vehicles < 1):
        raise InstanceError(f"number of vehicles {vehicles!r} is not a whole number of at least 1.")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _check_demands(instance: CVRPInstance) -> None:
    demands = instance.demands
    for rule, broken in (("not finite", ~np.isfinite(demands)), ("negative", demands < 0)):
        wrong = np.flatnonzero(broken)
        if len(wrong):
            raise InstanceError(f"demand {demands[wrong[0]]:g} of customer {wrong[0]} is {rule}.")
    if demands[0] != 0:
        raise InstanceError(f"demand {demands[0]:g} of the depot (node 0) is not 0; the depot is not served.")
    large = np.flatnonzero(demands > instance.limit)
    if len(large):
        raise InstanceError(
            f"demand {demands[large[0]]:g} of customer {large[0]} exceeds the vehicle capacity {instance.capacity:g}, "
            "so no route can serve it."
        )


def _check_fleet(instance: CVRPInstance) -> None:
    vehicles, capacity, demands = instance.vehicles, instance.capacity, instance.demands
    if vehicles is None:
        return
    total = demands.sum()
    if total > vehicles * instance.limit:
        raise InstanceError(
            f"total demand {total:g} exceeds {vehicles * capacity:g}, what {vehicles} vehicles of capacity {capacity:g} "
            f"carry; at least {instance.fewest} vehicles are needed."
        )
    alone = int((2 * demands > instance.limit).sum())
    if alone > vehicles:
        raise InstanceError(
            f"{alone} customers have demands above half the capacity {capacity:g}, so each needs a vehicle of its own, "
            f"and there are only {vehicles} vehicles."
        )
