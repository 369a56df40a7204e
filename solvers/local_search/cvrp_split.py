"""From two tours over all customers to one, and from a tour to the best routes along it, in Numba.

References
----------
Prins (2004), A simple and effective evolutionary algorithm for the vehicle routing problem,
doi:10.1016/S0305-0548(03)00158-8 (split). Vidal (2022), doi:10.1016/j.cor.2021.105643, sections 3.1 and 3.4.
"""

from __future__ import annotations

import math

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_below
from redwood.solvers.local_search.cvrp_draft import Sites

OVERLOAD = 1.5
"""Routes of several customers carry at most so many times the limit."""


@kernel(_nrt=False)
def random_tour(tour: Array, state: RandomState) -> None:
    """Write all customers into a tour [N] in random order."""
    for k in range(len(tour)):
        other = random_below(state, k + 1)
        tour[k] = tour[other]
        tour[other] = k + 1


@kernel(_nrt=False)
def cross_tours(first: Array, second: Array, child: Array, taken: Array, state: RandomState) -> None:
    """Write a child of two tours: a part of the first, and the others in the order of the second (ordered crossover, OX).

    Parameters
    ----------
    first, second
        Tours [N] of two customers or more.
    child
        Room [N].
    taken
        Room [N + 1] of flags.
    state
        The generator's state [2].
    """
    size = len(first)
    start = random_below(state, size)
    end = (start + 1 + random_below(state, size - 1)) % size  # another place
    taken[:] = False
    at = start
    while True:  # from start once around to end
        child[at] = first[at]
        taken[first[at]] = True
        last = at
        at = (at + 1) % size
        if last == end:
            break
    for k in range(size):
        c = second[(end + 1 + k) % size]
        if not taken[c]:
            child[at] = c
            at = (at + 1) % size


@kernel(_nrt=False)
def split_tour(sites: Sites, tour: Array, penalty: float, costs: Array, begins: Array, starts: Array) -> None:
    """Write where the best routes along a tour begin, at most as many as there are.

    Parameters
    ----------
    sites
        The instance.
    tour
        All customers [N].
    penalty
        Of a unit of load above the limit.
    costs, begins
        Room [R + 1, N + 1]: the least cost of serving so many customers with so many routes, and where the last begins.
    starts
        Gets where each route begins [R + 1].
    """
    size = sites.size
    costs[0, :] = math.inf
    costs[0, 0] = 0.0
    for i in range(size):
        extend(sites, tour, penalty, i, costs[0], costs[0], begins[0], OVERLOAD)
    routes = 0
    at = size
    while at > 0:  # each step goes to the beginning of a route
        at = begins[0, at]
        routes += 1
    if routes > sites.fleet:
        split_few(sites, tour, penalty, costs, begins, starts)
        return
    starts[:] = size
    at = size
    for r in range(routes - 1, -1, -1):
        at = begins[0, at]
        starts[r] = at


@kernel(_nrt=False)
def split_few(sites: Sites, tour: Array, penalty: float, costs: Array, begins: Array, starts: Array) -> None:
    """Write where the best routes along a tour begin when all routes that there are may be needed.

    Parameters
    ----------
    sites
        The instance.
    tour
        All customers [N].
    penalty
        Of a unit of load above the limit.
    costs, begins
        Room [R + 1, N + 1], as for `split_tour`.
    starts
        Gets where each route begins [R + 1].
    """
    size, fleet = sites.size, sites.fleet
    overload = OVERLOAD
    while True:  # ends: with no limit on the load one route can serve everybody
        costs[:] = math.inf
        costs[0, 0] = 0.0
        for r in range(fleet):
            for i in range(r, size):
                if costs[r, i] < math.inf:
                    extend(sites, tour, penalty, i, costs[r], costs[r + 1], begins[r + 1], overload)
        best = 1
        for r in range(2, fleet + 1):
            if costs[r, size] < costs[best, size]:
                best = r
        if costs[best, size] < math.inf:
            break
        overload *= 2.0
    starts[:] = size
    at = size
    for r in range(best, 0, -1):
        at = begins[r, at]
        starts[r - 1] = at


@kernel(_nrt=False)
def extend(
    sites: Sites, tour: Array, penalty: float, i: int, old: Array, new: Array, begins: Array, overload: float
) -> None:
    """Add a route that begins with the i-th customer of a tour to the best routes before it.

    Parameters
    ----------
    sites
        The instance.
    tour
        All customers [N].
    penalty
        Of a unit of load above the limit.
    i
        Where the route begins.
    old, new, begins
        Least cost of the customers before a place without and with the route, and where the last route begins [N + 1].
    overload
        The most that a route of several customers may carry, as a multiple of the limit.
    """
    load = 0.0
    length = 0.0
    previous = 0
    for j in range(i, sites.size):
        c = tour[j]
        load += sites.demand[c]
        if j > i and load > overload * sites.limit:
            return
        length += sites.distance[previous, c]
        previous = c
        cost = old[i] + length + sites.distance[c, 0] + penalty * max(0.0, load - sites.limit)
        if cost < new[j + 1]:
            new[j + 1] = cost
            begins[j + 1] = i
