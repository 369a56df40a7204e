"""Routes as linked lists that kernels change in constant time, and the distances that they need beside them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock, go_on
from redwood.kernels import kernel
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.problems.routing.distance import distance
from redwood.problems.routing.travel import BLOCK, Distances


class Ground(NamedTuple):
    """What does not change while routes do.

    Attributes
    ----------
    distances
        `Travel.arrays` of the N + 1 nodes.
    depot
        Distance of each stop to the depot [N + 1 + R]; zero from N + 1 on, where the stops are route ends.
    near, gaps
        The K nearest customers of each customer [N + 1, K], nearest first, and their distances. Row 0 is not used.
    demand
        Demand of each node [N + 1].
    limit
        The largest load of a route.
    size
        Number of customers N.
    """

    distances: Distances
    depot: Array
    near: Array
    gaps: Array
    demand: Array
    limit: float
    size: int


class Plan(NamedTuple):
    """R routes as circular linked lists over the stops 0..N + R.

    Stop c in 1..N is a customer; stop N + 1 + r is the depot as the end of route r. Stop 0 is not used.

    Attributes
    ----------
    after, before
        The next and the previous stop of each stop [N + 1 + R].
    route
        The route of each stop [N + 1 + R], -1 for customers that are not served.
    leg
        Distance from each stop to the next one [N + 1 + R].
    load, members
        Load and number of customers of each route [R].
    empty, place
        The empty routes, in the first ``used[0]`` entries [R], and the position of each route among them [R].
    used
        Number of empty routes [1].
    """

    after: Array
    before: Array
    route: Array
    leg: Array
    load: Array
    members: Array
    empty: Array
    place: Array
    used: Array


def make_ground(instance: CVRPInstance, neighbours: int, clock: Clock | None = None) -> Ground:
    """Return the fixed data of an instance, with the given number of neighbours of each customer.

    Raises
    ------
    OutOfTimeError
        Where the clock stops before.
    """
    travel = instance.travel
    size = instance.size
    found = travel.nearest(min(neighbours + 1, size), clock)
    depot_there = found == 0
    depot_there[~depot_there.any(axis=1), -1] = True  # the depot is no neighbour: drop it, or else the farthest one
    near = found[~depot_there].reshape(size + 1, -1)
    if near.shape[1] == 0:
        near = np.zeros((size + 1, 1), dtype=np.int32)  # a single customer: stop 0 is on no route, so it never matters
    gaps = np.empty(near.shape)
    for first in range(0, size + 1, BLOCK):
        go_on(clock, size)
        rows = np.arange(first, min(first + BLOCK, size + 1))
        gaps[rows] = travel.between(rows[:, None], near[rows])
    depot = np.zeros(size + 1 + instance.slots)
    depot[: size + 1] = travel.between(np.zeros(size + 1, dtype=np.int64), np.arange(size + 1))
    depot[0] = 0.0
    near = np.ascontiguousarray(near)
    demand = instance.demands.astype(np.float64)
    return Ground(travel.arrays, depot, near, gaps, demand, instance.limit, size)


def make_plan(instance: CVRPInstance, ground: Ground, routes: list[list[int]]) -> Plan:
    """Return the plan of some routes, at most as many as the instance allows; customers left out are not served."""
    slots = instance.slots
    stops = instance.size + 1 + slots
    ends = np.arange(instance.size + 1, stops, dtype=np.int32)
    after = np.zeros(stops, dtype=np.int32)
    after[ends] = ends
    route = np.full(stops, -1, dtype=np.int32)
    route[ends] = np.arange(slots, dtype=np.int32)
    numbers = np.arange(slots, dtype=np.int32)
    plan = Plan(
        after=after,
        before=after.copy(),
        route=route,
        leg=np.zeros(stops),
        load=np.zeros(slots),
        members=np.zeros(slots, dtype=np.int32),
        empty=numbers[::-1].copy(),
        place=numbers[::-1].copy(),
        used=np.array([slots]),
    )
    flat = np.array([c for row in routes for c in row], dtype=np.int32)
    starts = np.cumsum([0] + [len(row) for row in routes])
    fill(plan, ground, flat, starts)
    return plan


def plan_routes(after: Array, size: int) -> Routes:
    """Return the routes of the linked lists ``after`` of a plan with ``size`` customers."""
    following = after.tolist()
    routes = []
    for end in range(size + 1, len(following)):
        stop, row = following[end], []
        while stop <= size:
            row.append(stop)
            stop = following[stop]
        routes.append(row)
    return Routes(routes)


@kernel(_nrt=False)
def between(ground: Ground, i: int, j: int) -> float:
    """Return the distance of two stops, of which either may be a route end."""
    if i > ground.size:
        return float(ground.depot[j])
    if j > ground.size:
        return float(ground.depot[i])
    return distance(ground.distances, i, j)


@kernel(_nrt=False)
def link(plan: Plan, demand: Array, c: int, p: int, first: float, second: float) -> None:
    """Insert customer c after stop p; ``first`` and ``second`` are the lengths of the legs to and from c.

    Parameters
    ----------
    plan
        The routes, which change.
    demand
        Demand of each node, [N + 1].
    c, p
        A customer that is not served, and the stop of a route that it is put behind.
    first, second
        Lengths of the legs from ``p`` to ``c`` and from ``c`` on.
    """
    n = plan.after[p]
    r = plan.route[p]
    plan.after[p] = c
    plan.before[c] = p
    plan.after[c] = n
    plan.before[n] = c
    plan.leg[p] = first
    plan.leg[c] = second
    plan.route[c] = r
    plan.load[r] += demand[c]
    plan.members[r] += 1
    if plan.members[r] == 1:
        last = plan.used[0] - 1
        other = plan.empty[last]
        at = plan.place[r]
        plan.empty[at] = other
        plan.place[other] = at
        plan.used[0] = last


@kernel(_nrt=False)
def unlink(plan: Plan, demand: Array, c: int, joined: float) -> None:
    """Take customer c out; ``joined`` is the length of the leg that closes the hole.

    Parameters
    ----------
    plan
        The routes, which change.
    demand
        Demand of each node, [N + 1].
    c
        A customer that is served.
    joined
        Length of the leg between its neighbours.
    """
    p = plan.before[c]
    n = plan.after[c]
    r = plan.route[c]
    plan.after[p] = n
    plan.before[n] = p
    plan.leg[p] = joined
    plan.route[c] = -1
    plan.load[r] -= demand[c]
    plan.members[r] -= 1
    if plan.members[r] == 0:
        plan.load[r] = 0.0
        plan.empty[plan.used[0]] = r
        plan.place[r] = plan.used[0]
        plan.used[0] += 1


@kernel(_nrt=False)
def fill(plan: Plan, ground: Ground, flat: Array, starts: Array) -> None:
    """Put route r of the customers ``flat[starts[r]:starts[r + 1]]`` into the r-th route of an empty plan.

    Parameters
    ----------
    plan
        Routes without customers, which change.
    ground
        The instance.
    flat, starts
        Customers [n] route by route, and where those of each begin, [routes + 1].
    """
    for r in range(len(starts) - 1):
        p = ground.size + 1 + r
        for k in range(starts[r], starts[r + 1]):
            c = flat[k]
            link(plan, ground.demand, c, p, between(ground, p, c), ground.depot[c])
            p = c


@kernel(_nrt=False)
def total_length(plan: Plan, size: int) -> float:
    """Return the length of all routes."""
    length = 0.0
    for stop in range(1, len(plan.after)):
        if stop > size or plan.route[stop] >= 0:
            length += plan.leg[stop]
    return length
