"""Bounds without a linear program: a spanning tree with the vehicles' legs, and the radial bound.

References
----------
Haimovich and Rinnooy Kan (1985), Bounds and heuristics for capacitated routing problems, doi:10.1287/moor.10.4.527
(radial bound, there for metrics; here with shortest paths, so that it holds for any distances).
"""

from __future__ import annotations

import math

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.problems.cvrp.instance import CVRPInstance
from redwood.problems.routing.distance import distance
from redwood.problems.routing.travel import Distances

DENSE = 20000
"""Up to this many nodes all pairs are looked at; beyond it the nearest neighbours give a weaker bound."""


def tree_bound(instance: CVRPInstance) -> float:
    """Return the least length of what remains when every route loses one leg at the depot, plus those legs.

    What remains is a spanning tree; the legs lost belong to different customers, at least as many as routes are needed.
    """
    depot = np.sort(instance.travel.between(np.zeros(instance.size, dtype=np.int64), np.arange(1, instance.size + 1)))
    legs = float(depot[: instance.fewest].sum())
    if instance.travel.size > DENSE:
        return _degree_bound(instance) + legs
    return tree_length(instance.travel.arrays, instance.size + 1) + legs


def radial_bound(instance: CVRPInstance) -> float:
    """Return the sum of demands times twice their shortest way from the depot, over the capacity.

    A route is at least twice as long as the way to its farthest customer, hence than the mean way of its load.
    """
    if instance.travel.size > DENSE:
        return 0.0
    ways = shortest_ways(instance.travel.arrays, instance.size + 1)
    return 2.0 * float(ways @ instance.demands) / instance.limit


def _degree_bound(instance: CVRPInstance) -> float:
    """Return half the two shortest legs of each customer, less the longest legs that routes lose at the depot.

    Half the degree sum counts each leg of the routes at most once from either end; a customer has two legs.
    """
    near = instance.travel.nearest(2)
    rows = np.arange(1, instance.size + 1)
    legs = instance.travel.between(rows[:, None], near[1:])
    one, two = legs[:, 0], legs[:, -1]
    return max(0.0, 0.5 * float((one + two).sum()) - 0.5 * float(np.sort(two)[-instance.fewest :].sum()))


@kernel
def tree_length(distances: Distances, nodes: int) -> float:
    """Return the length of a minimum spanning tree (Prim's algorithm over all pairs, memory linear in the nodes)."""
    return float(_span(distances, nodes, False).sum())


@kernel
def shortest_ways(distances: Distances, nodes: int) -> Array:
    """Return the length of the shortest way from node 0 to each node [N + 1] (Dijkstra's algorithm over all pairs)."""
    return _span(distances, nodes, True)


@kernel
def _span(distances: Distances, nodes: int, ways: bool) -> Array:
    """Return each node's key when it joins: its leg to the tree, or with ``ways`` its way from node 0."""
    key = np.full(nodes, math.inf)
    done = np.zeros(nodes, dtype=np.bool_)
    key[0] = 0.0
    for _ in range(nodes):
        node = -1
        least = math.inf
        for i in range(nodes):
            if not done[i] and key[i] < least:
                least = key[i]
                node = i
        done[node] = True
        base = least if ways else 0.0
        for i in range(nodes):
            if not done[i]:
                length = base + distance(distances, node, i)
                if length < key[i]:
                    key[i] = length
    return key
