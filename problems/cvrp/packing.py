"""Routes that only have to fit: customers packed into vehicles, whatever the distances."""

from __future__ import annotations

import bisect

import numpy as np

from redwood.arrays import Array
from redwood.errors import NoSolutionError
from redwood.problems.cvrp.instance import CVRPInstance

TRIES = 200
"""How many disturbed orders are tried before giving up."""


def random_routes(instance: CVRPInstance, rng: np.random.Generator) -> list[list[int]]:
    """Return random routes: customers in random order, each put into the vehicle at hand while it fits.

    Where that takes more vehicles than there are, the customers are packed by demand and each route is shuffled.
    """
    routes = filled_routes(instance, 1 + rng.permutation(instance.size))
    if len(routes) <= instance.slots:
        return routes
    return [rng.permutation(route).tolist() for route in packed_routes(instance, rng)]


def filled_routes(instance: CVRPInstance, order: Array) -> list[list[int]]:
    """Return routes that serve the customers in an order, each put into the vehicle at hand while it fits."""
    ends = np.flatnonzero(_new_vehicle(instance.demands[order].tolist(), instance.limit))
    return [part.tolist() for part in np.split(order, ends) if len(part)]


def packed_routes(instance: CVRPInstance, rng: np.random.Generator) -> list[list[int]]:
    """Return routes for at most the vehicles there are: the largest demands first, each where least room is left.

    Raises
    ------
    NoSolutionError
        Where no order that was tried fits.
    """
    demands = instance.demands.astype(np.float64)
    for attempt in range(TRIES):
        disturbed = demands[1:] * (1.0 + 0.5 * attempt / TRIES * rng.random(instance.size))
        routes = _best_fit(1 + np.argsort(-disturbed, kind="stable"), demands, instance.limit, instance.slots)
        if routes is not None:
            return routes
    raise NoSolutionError(
        f"no packing of the customers into {instance.slots} vehicles of capacity {instance.capacity:g} was found."
    )


def _best_fit(order: Array, demands: Array, limit: float, slots: int) -> list[list[int]] | None:
    rooms: list[tuple[float, int]] = []  # sorted by the room left
    routes: list[list[int]] = []
    for customer in order.tolist():
        demand = float(demands[customer])
        at = bisect.bisect_left(rooms, (demand, -1))
        if at < len(rooms):
            room, route = rooms.pop(at)
        elif len(routes) < slots:
            room, route = limit, len(routes)
            routes.append([])
        else:
            return None
        routes[route].append(customer)
        bisect.insort(rooms, (room - demand, route))
    return routes


def _new_vehicle(demands: list[float], limit: float) -> Array:
    """Return where in the order a new vehicle begins."""
    new = np.zeros(len(demands), dtype=np.bool_)
    load = 0.0
    for place, demand in enumerate(demands):
        load += demand
        if load > limit:
            new[place] = True
            load = demand
    return new
