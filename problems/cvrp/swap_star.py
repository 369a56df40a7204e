"""SWAP*, in Numba: two customers of two routes change routes, and each goes to its best place there.

References
----------
Vidal (2022), Hybrid genetic search for the CVRP: open-source implementation and SWAP* neighborhood,
doi:10.1016/j.cor.2021.105643, section 3.3. Pairs of routes are those with near customers in place of overlapping sectors.
"""

from __future__ import annotations

import math

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.problems.cvrp.local_kernels import GAIN_SHARE, shift
from redwood.problems.cvrp.plan import Ground, Plan, between

PLACES = 3
"""Best places of a customer in a route that are kept: one of them is not beside the customer that leaves."""


@kernel
def descend_swap_star(plan: Plan, ground: Ground, near: int, tried: Array, first: int, steps: int) -> tuple[float, int]:
    """Make the best exchange of pairs of routes with near customers where one improves them; return change and customer.

    Customers are looked at in turn, from ``first`` on; pairs marked in ``tried`` [R, R] have no exchange. Where ``steps`` or
    more pairs of customers have been tried, the customer to go on from is returned; 0 where no exchange is left.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    near
        How many nearest customers of a customer make its route and theirs a pair.
    tried
        Pairs of routes [R, R] without an exchange; changes.
    first
        The customer to begin with, 1..N.
    steps
        Pairs of customers tried, about.
    """
    width = min(near, ground.near.shape[1])
    total = 0.0
    c = first
    waited = 0
    while waited < ground.size:  # each round tries pairs, which are steps, or comes nearer to the end of a turn without any
        waited += 1
        if steps > 0:
            for k in range(width):
                j = ground.near[c, k]
                r = plan.route[c]
                if j == 0 or r < 0 or plan.route[j] < 0:
                    continue
                s = plan.route[j]
                if r == s or tried[r, s]:
                    continue
                tried[r, s] = True
                tried[s, r] = True
                steps -= 1 + plan.members[r] * plan.members[s]
                waited = 0
                change = swap_star(plan, ground, r, s)
                if change < 0.0:
                    total += change
                    tried[r, :] = False
                    tried[:, r] = False
                    tried[s, :] = False
                    tried[:, s] = False
            c = c + 1 if c < ground.size else 1
        else:
            return total, c
    return total, 0


@kernel
def swap_star(plan: Plan, ground: Ground, r: int, s: int) -> float:
    """Make the best exchange of a customer of route r and one of route s, if it shortens them; return the change.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    r, s
        Two different routes.
    """
    there_costs, there = best_places(plan, ground, r, s)
    back_costs, back = best_places(plan, ground, s, r)
    best = 0.0
    found = (0, 0, 0, 0)
    a = 0
    c = plan.after[ground.size + 1 + r]
    while c <= ground.size:  # along a route, as far as its end
        b = 0
        j = plan.after[ground.size + 1 + s]
        while j <= ground.size:  # likewise
            extra = ground.demand[j] - ground.demand[c]
            if plan.load[r] + extra <= ground.limit and plan.load[s] - extra <= ground.limit:
                cost_c, place_c = place_without(plan, ground, c, j, there_costs[a], there[a])
                cost_j, place_j = place_without(plan, ground, j, c, back_costs[b], back[b])
                change = removal(plan, ground, c) + removal(plan, ground, j) + cost_c + cost_j
                if change < best:
                    removed, change = exchange_change(plan, ground, c, j, place_c, place_j)
                    if change < best and change < -GAIN_SHARE * removed:
                        best = change
                        found = (c, place_c, j, place_j)
            b += 1
            j = plan.after[j]
        a += 1
        c = plan.after[c]
    if found[0] == 0:
        return 0.0
    shift(plan, ground, found[0], found[1])
    shift(plan, ground, found[2], found[3])
    return float(best)


@kernel
def best_places(plan: Plan, ground: Ground, r: int, s: int) -> tuple[Array, Array]:
    """Return the least costs [n, PLACES] of inserting each customer of route r into s, and after which stops.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    r, s
        The route whose customers are inserted, and another into which they are.
    """
    count = plan.members[r]
    costs = np.full((count, PLACES), math.inf)
    places = np.zeros((count, PLACES), dtype=np.int64)
    c = plan.after[ground.size + 1 + r]
    for a in range(count):
        stop = ground.size + 1 + s
        while True:  # once around the ring of route s
            onward = plan.after[stop]
            cost = between(ground, stop, c) + between(ground, c, onward) - plan.leg[stop]
            at = PLACES
            while at > 0 and cost < costs[a, at - 1]:
                if at < PLACES:
                    costs[a, at] = costs[a, at - 1]
                    places[a, at] = places[a, at - 1]
                at -= 1
            if at < PLACES:
                costs[a, at] = cost
                places[a, at] = stop
            stop = onward
            if stop > ground.size:
                break
        c = plan.after[c]
    return costs, places


@kernel
def place_without(plan: Plan, ground: Ground, c: int, j: int, costs: Array, places: Array) -> tuple[float, int]:
    """Return the least cost of inserting c into the route of j once j has left, and after which stop.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    c, j
        A customer to insert, and one of another route that leaves.
    costs, places
        The least costs [PLACES] of inserting ``c`` while ``j`` is there, rising, and after which stops.
    """
    p = plan.before[j]
    n = plan.after[j]
    best = between(ground, p, c) + between(ground, c, n) - between(ground, p, n)
    place = p
    for k in range(PLACES):
        if costs[k] < best and places[k] != j and places[k] != p:
            return float(costs[k]), int(places[k])
    return float(best), int(place)


@kernel
def exchange_change(plan: Plan, ground: Ground, c: int, j: int, place_c: int, place_j: int) -> tuple[float, float]:
    """Return the length of the legs that an exchange takes out, and its change of length.

    Only legs that go or come are added up: a long leg that closes a hole and is opened again would swallow the others.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    c, j
        The customers of two routes that change routes.
    place_c, place_j
        The stops behind which they are put.
    """
    out_c, in_c = moved_legs(plan, ground, c, j, place_c)
    out_j, in_j = moved_legs(plan, ground, j, c, place_j)
    return out_c + out_j, in_c + in_j - out_c - out_j


@kernel
def moved_legs(plan: Plan, ground: Ground, c: int, j: int, place: int) -> tuple[float, float]:
    """Return the lengths of the legs that go and come in the route of j when j leaves and c is put behind a stop.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    c, j
        The customer that comes into a route, and the one that leaves it.
    place
        The stop of that route behind which ``c`` is put.
    """
    p = plan.before[j]
    n = plan.after[j]
    gone = plan.leg[p] + plan.leg[j]
    if place == p:
        return float(gone), float(between(ground, p, c) + between(ground, c, n))
    fresh = between(ground, p, n) + between(ground, place, c) + between(ground, c, plan.after[place])
    return float(gone + plan.leg[place]), float(fresh)


@kernel
def removal(plan: Plan, ground: Ground, c: int) -> float:
    """Return the change of length of taking a customer out."""
    p = plan.before[c]
    return float(between(ground, p, plan.after[c]) - plan.leg[p] - plan.leg[c])
