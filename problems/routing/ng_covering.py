"""What routes have to cover, for bounds by column generation.

References
----------
Baldacci, Mingozzi, Roberti (2011), doi:10.1287/opre.1110.0975, for ng-routes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from redwood.arrays import Array
from redwood.problems.routing.ng_kernels import RouteGraph

NEIGHBOURS = 10
"""Customers of a neighbourhood."""


@dataclass(frozen=True, eq=False)
class Covering:
    """Which routes may be driven and what they have to cover.

    Attributes
    ----------
    graphs, numbers
        One for each type of vehicle, and how many there are [K], which may be infinite.
    required, prize
        Whether each customer must be served, and what it costs if not [N].
    groups
        Customers one of whom must be served.
    most_routes
        No best solution has to have more routes.
    load, limit
        What each customer that must be served takes of the largest vehicle, 0 for others [N], and what that holds: sets of
        customers are left at least as often as their load fills it. An infinite limit leaves such rows out.
    symmetric
        Whether there is one type, all ways may be taken, and each costs the same in both directions.
    """

    graphs: tuple[RouteGraph, ...]
    numbers: Array
    required: Array
    prize: Array
    groups: tuple[tuple[int, ...], ...]
    most_routes: int
    load: Array
    limit: float
    symmetric: bool = False

    @property
    def size(self) -> int:
        """Number of customers."""
        return len(self.prize)


def neighbourhoods(distance: Array, count: int = NEIGHBOURS) -> tuple[Array, Array]:
    """Return the nearest customers of each, itself among them [N, K], and their places [N, N], -1 for others."""
    size = len(distance)
    order = np.array(distance, dtype=np.float64)
    np.fill_diagonal(order, -1.0)
    near = np.argsort(order, axis=1, kind="stable")[:, : min(count, size)].astype(np.int64, order="C")
    place = np.full((size, size), -1, dtype=np.int64)
    np.put_along_axis(place, near, np.broadcast_to(np.arange(near.shape[1]), near.shape), axis=1)
    return near, place


@dataclass(frozen=True, eq=False)
class Start:
    """What column generation begins with.

    Attributes
    ----------
    routes
        Routes of some solution: the type of vehicle and its customers.
    members, needed
        Sets of customers [S, N + 1], the depot first, and how many vehicles each needs [S].
    prices
        Good prices of customers [N], of groups, of types of vehicles, and of the sets, in this order; or none.
    """

    routes: tuple[tuple[int, tuple[int, ...]], ...] = ()
    members: Array | None = None
    needed: Array | None = None
    prices: Array | None = None


@dataclass(frozen=True)
class Covered:
    """A bound by column generation, and whether it was cut short."""

    value: float
    cut_short: bool


def cheapest_ways(covering: Covering) -> float:
    """Return the sum of the cheapest ways to each customer, or of its prize where that is less: a bound at once."""
    size = covering.size
    costs = [
        np.where(g.usable, g.cost, np.inf)[:, :size].min(axis=0)
        for g, n in zip(covering.graphs, covering.numbers, strict=True)
        if n
    ]
    ways = np.min(costs, axis=0, initial=np.inf)
    ways = np.where(covering.required, ways, np.minimum(ways, covering.prize))
    alternative = np.zeros(size, dtype=np.bool_)
    for group in covering.groups:
        alternative[list(group)] = True
    return float(ways[~alternative & np.isfinite(ways)].sum())


def plain_covering(distance: Array, load: Array, capacity: float, number: float) -> Covering:
    """Return the covering of a plain capacitated problem whose first place [N + 1, N + 1] is the depot.

    Parameters
    ----------
    distance
        Distances [N + 1, N + 1] between the depot, which comes first, and the customers: the cost of each way.
    load
        Demand of each customer [N].
    capacity
        Capacity of a vehicle, in the unit of demands.
    number
        How many vehicles there are; may be infinite.
    """
    size = len(load)
    order = np.array([*range(1, size + 1), 0, 0])
    usable = np.ones((size + 2, size + 2), dtype=np.bool_)
    np.fill_diagonal(usable, False)
    usable[:, size] = usable[size + 1] = usable[size, size + 1] = False
    near, place = neighbourhoods(distance[1:, 1:])
    graph = RouteGraph(
        np.ascontiguousarray(np.array(distance, dtype=np.float64)[np.ix_(order, order)]),
        np.zeros((size + 2, size + 2)),
        usable,
        np.array(load, dtype=np.float64),
        float(capacity),
        np.zeros(size),
        np.full(size, 1e18),
        0.0,
        1e18,
        near,
        place,
    )
    needed = np.ones(size, dtype=np.bool_)
    most = _most_routes(distance, load, capacity)
    symmetric = bool(np.array_equal(distance, distance.T))
    loads = np.array(load, dtype=np.float64)
    return Covering((graph,), np.array([number]), needed, np.zeros(size), (), most, loads, float(capacity), symmetric)


def _most_routes(distance: Array, load: Array, capacity: float) -> int:
    """Return how many routes some best solution has at most.

    Where no way between customers is longer than that over the depot, two routes whose loads fit into one vehicle can be
    driven as one. So there is a best solution in which any two carry more than the capacity, all K of them more than K / 2
    of it.
    """
    detours = distance[1:, :1] + distance[:1, 1:]
    if (distance[1:, 1:] <= detours).all() and capacity > 0.0:
        return min(len(load), max(1, math.floor(2.0 * float(load.sum()) / capacity * (1.0 + 1e-9))))
    return len(load)
