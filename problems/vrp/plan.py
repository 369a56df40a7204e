"""Routes as linked stops, which customers are put into and taken out of in constant time; `segments` keeps them priced."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernel_fields import by_reference
from redwood.kernels import kernel
from redwood.problems.vrp.checks import NumberedRoute
from redwood.problems.vrp.ground import FOREVER, Ground
from redwood.problems.vrp.instance import VRPInstance
from redwood.problems.vrp.roads_kernels import road_distance, road_distance_to, road_duration, road_duration_to

DURATION, EARLIEST, LATEST, RELEASE, LENGTH, BUSY = 0, 1, 2, 3, 4, 5
"""Columns of `Plan.head` and `Plan.tail`: least duration, first and last start that keep it, release, distance, and the time
of driving and service."""
BROUGHT, LEFT, PEAK = 0, 1, 2
"""Three columns for each load: what is brought from the depot, what is on board behind, and the most on board."""


@by_reference
class Plan(NamedTuple):
    """The routes of now. Stops are customers and reloads 0..N - 1, then the start of each of R routes, then their ends.

    Attributes
    ----------
    before, after
        Neighbouring stops [N + 2R].
    place
        Place of each stop [N + 2R]; -1 for an open end.
    route
        Route of each stop [N + 2R], -1 for customers that are out.
    window
        The window chosen for each customer [N].
    leg
        Distance from each stop to the next one [N + 2R].
    head, tail
        Segments from the start of the route to each stop, and from each stop to the end [N + 2R, 6].
    head_load, tail_load
        Loads of these segments [N + 2R, 3M].
    kind, members, cost
        Type, number of customers and cost of each route [R].
    used
        Vehicles of each type on the road [T].
    unused, unused_at
        Routes that are not driven, as a list, and where each stands in it [R].
    counts
        Length of that list, and the most routes that may be driven [2].
    grouped
        Customers of each group that are served.
    trip, aboard, loaded
        Where vehicles reload, reloads before each stop on its route, shipments on board behind it, and of each start and
        reload the last release of what is loaded there [N + 2R].
    """

    before: Array
    after: Array
    place: Array
    route: Array
    window: Array
    leg: Array
    head: Array
    tail: Array
    head_load: Array
    tail_load: Array
    kind: Array
    members: Array
    cost: Array
    used: Array
    unused: Array
    unused_at: Array
    counts: Array
    grouped: Array
    trip: Array
    aboard: Array
    loaded: Array


def make_plan(instance: VRPInstance, ground: Ground) -> Plan:
    """Return a plan without any route."""
    size, slots, dimensions = ground.size, max(1, instance.slots), instance.dimensions
    stops = size + 2 * slots
    place = np.full(stops, -1, dtype=np.int64)
    place[:size] = ground.homes + np.arange(size)
    route = np.full(stops, -1, dtype=np.int64)
    route[size:] = np.tile(np.arange(slots), 2)
    return Plan(
        before=np.full(stops, -1, dtype=np.int64),
        after=np.full(stops, -1, dtype=np.int64),
        place=place,
        route=route,
        window=np.array(ground.window_starts[:-1]),
        leg=np.zeros(stops),
        head=np.zeros((stops, 6)),
        tail=np.zeros((stops, 6)),
        head_load=np.zeros((stops, 3 * dimensions)),
        tail_load=np.zeros((stops, 3 * dimensions)),
        kind=np.full(slots, -1, dtype=np.int64),
        members=np.zeros(slots, dtype=np.int64),
        cost=np.zeros(slots),
        used=np.zeros(len(instance.vehicles), dtype=np.int64),
        unused=np.arange(slots)[::-1].copy(),
        unused_at=np.arange(slots)[::-1].copy(),
        counts=np.array([slots, slots], dtype=np.int64),
        grouped=np.zeros(max(1, len(instance.groups)), dtype=np.int64),
        trip=np.zeros(stops, dtype=np.int64),
        aboard=np.zeros(stops, dtype=np.int64),
        loaded=np.full(stops, -FOREVER),
    )


def numbered_route(ground: Ground, kind: int, joined: list[int]) -> NumberedRoute:
    """Return a route of stops of a plan with its reloads by depots."""
    size = ground.customers
    stops = [stop if stop < size else -1 - int(ground.reload_depot[stop - size]) for stop in joined]
    return NumberedRoute(kind, np.array(stops, dtype=np.int64))


@kernel(_nrt=False)
def free_reload(plan: Plan, ground: Ground, depot: int) -> int:
    """Return a stop for a reload at a depot that is on no route, -1 for none."""
    for stop in range(ground.customers, ground.size):
        if plan.route[stop] < 0 and ground.reload_depot[stop - ground.customers] == depot:
            return stop
    return -1


@kernel(_nrt=False)
def stop_distance(plan: Plan, ground: Ground, k: int, i: int, j: int) -> float:
    """Return the distance from stop i to stop j for a vehicle of type k; nothing to an open end.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    k
        Type of the vehicle.
    i, j
        Stops.
    """
    if plan.place[j] < 0:
        return 0.0
    return road_distance(ground.roads, ground.profile[k], plan.place[i], plan.place[j])


@kernel(_nrt=False)
def stop_duration(plan: Plan, ground: Ground, k: int, i: int, j: int) -> float:
    """Return the travel time from stop i to stop j for a vehicle of type k.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    k
        Type of the vehicle.
    i, j
        Stops.
    """
    if plan.place[j] < 0:
        return 0.0
    return road_duration(ground.roads, ground.profile[k], plan.place[i], plan.place[j])


@kernel(_nrt=False, inline="always")
def distance_to(plan: Plan, ground: Ground, k: int, i: int, c: int) -> float:
    """Return the distance from stop i to customer c for a vehicle of type k, quickly for many stops i and one c.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    k
        Type of the vehicle.
    i, c
        A stop and a customer.
    """
    return road_distance_to(ground.roads, ground.profile[k], plan.place[i], ground.homes + c)


@kernel(_nrt=False, inline="always")
def duration_to(plan: Plan, ground: Ground, k: int, i: int, c: int) -> float:
    """Return the travel time from stop i to customer c for a vehicle of type k, quickly for many stops i and one c.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    k
        Type of the vehicle.
    i, c
        A stop and a customer.
    """
    return road_duration_to(ground.roads, ground.profile[k], plan.place[i], ground.homes + c)


@kernel(_nrt=False)
def open_route(plan: Plan, ground: Ground, k: int) -> int:
    """Take an empty route for a vehicle of type k and return its number."""
    r = plan.unused[plan.counts[0] - 1]
    reopen(plan, ground, r, k)
    return int(r)


@kernel(_nrt=False)
def reopen(plan: Plan, ground: Ground, r: int, k: int) -> None:
    """Take the empty route r for a vehicle of type k.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    r
        A route that is not driven.
    k
        A type with a vehicle left.
    """
    last = plan.counts[0] - 1
    at = plan.unused_at[r]
    plan.unused[at] = plan.unused[last]
    plan.unused_at[plan.unused[at]] = at
    plan.counts[0] = last
    plan.used[k] += 1
    plan.kind[r] = k
    slots = len(plan.kind)
    start = ground.size + r
    end = ground.size + slots + r
    plan.place[start] = ground.start[k]
    plan.place[end] = ground.end[k]
    plan.after[start] = end
    plan.before[end] = start
    plan.members[r] = 0
    plan.cost[r] = 0.0


@kernel(_nrt=False)
def close_route(plan: Plan, r: int) -> None:
    """Give an empty route back."""
    plan.used[plan.kind[r]] -= 1
    plan.kind[r] = -1
    plan.cost[r] = 0.0
    plan.unused[plan.counts[0]] = r
    plan.unused_at[r] = plan.counts[0]
    plan.counts[0] += 1


@kernel(_nrt=False)
def join(plan: Plan, ground: Ground, c: int, p: int) -> None:
    """Put a customer behind stop p; segments are to be refreshed.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    c
        A customer who is out.
    p
        A stop of a route, its end excepted.
    """
    q = plan.after[p]
    plan.after[p] = c
    plan.before[c] = p
    plan.after[c] = q
    plan.before[q] = c
    r = plan.route[p]
    plan.route[c] = r
    plan.members[r] += 1
    if ground.group[c] >= 0:
        plan.grouped[ground.group[c]] += 1


@kernel(_nrt=False)
def leave(plan: Plan, ground: Ground, c: int) -> None:
    """Take a customer out; segments are to be refreshed."""
    p = plan.before[c]
    q = plan.after[c]
    plan.after[p] = q
    plan.before[q] = p
    plan.members[plan.route[c]] -= 1
    plan.route[c] = -1
    if ground.group[c] >= 0:
        plan.grouped[ground.group[c]] -= 1


@kernel(_nrt=False)
def first_free(plan: Plan, ground: Ground, r: int) -> int:
    """Return the first stop of a route, perhaps its end, that belongs to no prefix."""
    stop = plan.after[ground.size + r]
    for _ in range(plan.members[r]):
        if not ground.fixed[stop]:
            break
        stop = plan.after[stop]
    return int(stop)


@kernel(_nrt=False)
def clear(plan: Plan, ground: Ground, r: int) -> None:
    """Take all customers out of a route."""
    for _ in range(plan.members[r]):
        leave(plan, ground, plan.after[ground.size + r])
