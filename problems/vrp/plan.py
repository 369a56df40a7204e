"""Routes as linked stops whose segments are known from either end, so that an insertion is checked in constant time.

References
----------
Vidal, Crainic, Gendreau, Prins (2014), A unified solution framework for multi-attribute vehicle routing problems,
doi:10.1016/j.ejor.2013.09.045, section 4.2: duration, earliest and latest start of a segment, and how two are joined.
Deviation: only feasible segments are kept, so there is no time warp; a customer with several windows has one of them chosen.
"""

from __future__ import annotations

import math
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


def load_routes(plan: Plan, ground: Ground, routes: list[NumberedRoute]) -> None:
    """Put routes into an empty plan; where customers have several windows, those that the earliest schedule meets.

    Routes that the plan's own, stricter arithmetic refuses are left out.
    """
    for given in routes:
        r = open_route(plan, ground, given.kind)
        last = ground.size + r
        for stop in given.stops.tolist():
            joined = stop if stop >= 0 else free_reload(plan, ground, -1 - stop)
            if joined < 0:
                break
            join(plan, ground, joined, last)
            last = joined
        choose_windows(plan, ground, r)
        if plan.members[r] < len(given.stops) or not refresh(plan, ground, r):
            clear(plan, ground, r)
            close_route(plan, r)


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
def choose_windows(plan: Plan, ground: Ground, r: int) -> None:
    """Choose for each customer of a route the first window that the earliest schedule meets."""
    k = plan.kind[r]
    p = ground.size + r
    if ground.reloading:
        refresh_trips(plan, ground, r)
    release = ground.begins[k]
    for _ in range(plan.members[r]):
        p = plan.after[p]
        if p >= ground.customers:
            break
        release = max(release, ground.release[p])
    time = release
    p = ground.size + r
    for _ in range(plan.members[r]):
        q = plan.after[p]
        time += stop_duration(plan, ground, k, p, q)
        for w in range(ground.window_starts[q], ground.window_starts[q + 1]):
            plan.window[q] = w
            if time <= ground.closing[w] + ground.time_slack:
                break
        time = max(time, ground.opening[plan.window[q]]) + ground.service[q]
        if ground.reloading and q >= ground.customers:
            time = max(time, plan.loaded[q])
        p = q


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


@kernel(_nrt=False)
def in_order(ground: Ground, p: int, q: int) -> bool:
    """Return whether stop q may follow stop p with deliveries before pickups: between two customers, or at a trip's end."""
    if q >= ground.customers:
        return True
    if p >= ground.customers:
        return bool(ground.rank[q] < 2)
    return bool(ground.rank[q] > ground.rank[p] or (ground.rank[q] == ground.rank[p] and ground.rank[q] != 1))


@kernel(_nrt=False)
def refresh_trips(plan: Plan, ground: Ground, r: int) -> None:
    """Compute the trips of a route anew: their numbers, the shipments on board, and what is loaded for them."""
    stop = ground.size + r
    trip = aboard = 0
    plan.trip[stop] = plan.aboard[stop] = 0
    for _ in range(plan.members[r] + 1):
        stop = plan.after[stop]
        if stop < ground.customers:
            if ground.partner[stop] >= 0:
                aboard += 1 if ground.collects[stop] else -1
        elif stop < ground.size:
            trip += 1
        plan.trip[stop], plan.aboard[stop] = trip, aboard
    release = -FOREVER
    for _ in range(plan.members[r]):
        stop = plan.before[stop]
        if stop < ground.customers:
            release = max(release, ground.release[stop])
        else:
            plan.loaded[stop] = release
            release = -FOREVER
    plan.loaded[ground.size + r] = release


@kernel(_nrt=False)
def begin_trip(plan: Plan, q: int) -> None:
    """Let the segment from the start to a reload wait for what is loaded there, and begin a trip without a load."""
    head, loaded = plan.head, plan.loaded[q]
    duration = head[q, DURATION]
    wait = max(0.0, loaded - duration - head[q, LATEST])
    head[q, DURATION] = duration + wait
    head[q, EARLIEST] = max(loaded - duration, head[q, EARLIEST]) - wait
    head[q, RELEASE] = -FOREVER
    for m in range(plan.head_load.shape[1]):
        plan.head_load[q, m] = 0.0


@kernel(_nrt=False)
def end_trip(plan: Plan, p: int) -> None:
    """Let the segment from a reload to the end begin without a load, and with nothing that is loaded elsewhere."""
    plan.tail[p, RELEASE] = -FOREVER
    for m in range(plan.tail_load.shape[1]):
        plan.tail_load[p, m] = 0.0


@kernel(_nrt=False)
def note_peaks(plan: Plan, ground: Ground, r: int) -> None:
    """Note at the end of a route the most on board on any of its trips."""
    end = ground.size + len(plan.kind) + r
    stop = ground.size + r
    for _ in range(plan.members[r]):
        before, stop = stop, plan.after[stop]
        if stop >= ground.customers:
            for m in range(ground.brought.shape[1]):
                peak = plan.head_load[before, 3 * m + PEAK]
                plan.head_load[end, 3 * m + PEAK] = max(plan.head_load[end, 3 * m + PEAK], peak)


@kernel(_nrt=False)
def refresh(plan: Plan, ground: Ground, r: int) -> bool:
    """Compute the segments and the cost of a route anew; return whether it keeps every limit."""
    k = plan.kind[r]
    start = ground.size + r
    end = ground.size + len(plan.kind) + r
    head, tail = plan.head, plan.tail
    head[start, DURATION] = 0.0
    head[start, EARLIEST] = ground.begins[k]
    head[start, LATEST] = ground.begins_latest[k]
    head[start, RELEASE] = -FOREVER
    head[start, LENGTH] = head[start, BUSY] = 0.0
    tail[end, DURATION] = 0.0
    tail[end, EARLIEST] = ground.back[k]
    tail[end, LATEST] = ground.closes[k]
    tail[end, RELEASE] = -FOREVER
    tail[end, LENGTH] = tail[end, BUSY] = 0.0
    for m in range(plan.head_load.shape[1]):
        plan.head_load[start, m] = 0.0
        plan.tail_load[end, m] = 0.0
    if ground.reloading:
        refresh_trips(plan, ground, r)
    fits = _refresh_heads(plan, ground, k, start, end)
    if ground.reloading:
        note_peaks(plan, ground, r)
    _refresh_tails(plan, ground, k, start, end)
    return _refresh_cost(plan, ground, r, fits)


@kernel(_nrt=False)
def refresh_around(plan: Plan, ground: Ground, r: int, c: int) -> bool:
    """Compute the segments and the cost of a route anew to which c was joined; return whether it keeps every limit.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    r, c
        A route, and the only customer of it that was joined since its last `refresh`.
    """
    if ground.reloading:
        return refresh(plan, ground, r)
    k = plan.kind[r]
    fits = _refresh_heads(plan, ground, k, plan.before[c], ground.size + len(plan.kind) + r)
    _refresh_tails(plan, ground, k, ground.size + r, plan.after[c])
    return _refresh_cost(plan, ground, r, fits)


@kernel(_nrt=False)
def _refresh_cost(plan: Plan, ground: Ground, r: int, fits: bool) -> bool:
    """Compute the cost of a route whose segments are known; return whether it keeps every limit."""
    k = plan.kind[r]
    start = ground.size + r
    end = ground.size + len(plan.kind) + r
    length = plan.head[end, LENGTH]
    duration = plan.head[end, DURATION]
    if not length <= ground.farthest[k] + ground.farthest_slack[k] or not length < math.inf:
        return False
    if ground.timed:
        release = plan.loaded[start] if ground.reloading else plan.head[end, RELEASE]
        late = release > plan.head[end, LATEST] + ground.time_slack
        if late or duration > ground.longest[k] + ground.time_slack:
            return False
    for m in range(ground.brought.shape[1]):
        if plan.head_load[end, 3 * m + PEAK] > ground.capacity[k, m] + ground.load_slack:
            return False
    if ground.reloading and plan.trip[end] > ground.most_reloads[k]:
        return False
    cost = ground.by_vehicle[k] + ground.by_distance[k] * length + ground.by_duration[k] * duration
    if ground.priced:
        stop = start
        for _ in range(plan.members[r]):
            stop = plan.after[stop]
            cost += ground.change[k, stop]
    plan.cost[r] = cost - ground.by_busy[k] * plan.head[end, BUSY]
    return fits


@kernel(_nrt=False)
def _refresh_heads(plan: Plan, ground: Ground, k: int, p: int, end: int) -> bool:
    """Compute the segments from the start to each stop behind p; return whether windows and order are kept there."""
    fits = True
    head, loads = plan.head, plan.head_load
    for _ in range(plan.members[plan.route[end]] + 1):
        if p == end:
            break
        q = plan.after[p]
        distance = stop_distance(plan, ground, k, p, q)
        plan.leg[p] = distance
        head[q, LENGTH] = head[p, LENGTH] + distance
        if ground.ordered and not in_order(ground, p, q):
            fits = False
        if q == end:
            opening, closing, service, release = ground.back[k], ground.closes[k], 0.0, -FOREVER
        else:
            w = plan.window[q]
            opening, closing, service = ground.opening[w], ground.closing[w], ground.service[q]
            release = ground.release[q]
        travel = stop_duration(plan, ground, k, p, q)
        shift = head[p, DURATION] + travel
        head[q, BUSY] = head[p, BUSY] + travel + service
        if head[p, EARLIEST] + shift > closing + ground.time_slack:
            fits = False
        wait = max(0.0, opening - shift - head[p, LATEST])
        head[q, DURATION] = shift + wait + service
        head[q, EARLIEST] = max(opening - shift, head[p, EARLIEST]) - wait
        head[q, LATEST] = min(closing - shift, head[p, LATEST])
        head[q, RELEASE] = max(release, head[p, RELEASE])
        if ground.reloading and ground.customers <= q < ground.size:
            begin_trip(plan, q)
            p = q
            continue
        for m in range(ground.brought.shape[1]):
            brought, left, peak = (
                (0.0, 0.0, 0.0) if q == end else (ground.brought[q, m], ground.left[q, m], ground.peak[q, m])
            )
            peak = max(loads[p, 3 * m + PEAK] + brought, loads[p, 3 * m + LEFT] + peak)
            loads[q, 3 * m + PEAK] = peak
            loads[q, 3 * m + BROUGHT] = loads[p, 3 * m + BROUGHT] + brought
            loads[q, 3 * m + LEFT] = loads[p, 3 * m + LEFT] + left
        p = q
    return fits


@kernel(_nrt=False)
def _refresh_tails(plan: Plan, ground: Ground, k: int, start: int, q: int) -> None:
    """Compute the segments from each stop before q to the end."""
    tail, loads = plan.tail, plan.tail_load
    for _ in range(plan.members[plan.route[start]]):
        p = plan.before[q]
        if p == start:
            break
        w = plan.window[p]
        tail[p, LENGTH] = tail[q, LENGTH] + plan.leg[p]
        travel = stop_duration(plan, ground, k, p, q)
        shift = ground.service[p] + travel
        tail[p, BUSY] = tail[q, BUSY] + shift
        first = tail[q, EARLIEST]
        if ground.reloading and p >= ground.customers:
            first = max(first, plan.loaded[p] + travel)
        wait = max(0.0, first - shift - ground.closing[w])
        tail[p, DURATION] = shift + wait + tail[q, DURATION]
        tail[p, EARLIEST] = max(first - shift, ground.opening[w]) - wait
        tail[p, LATEST] = min(tail[q, LATEST] - shift, ground.closing[w])
        tail[p, RELEASE] = max(ground.release[p], tail[q, RELEASE])
        if ground.reloading and p >= ground.customers:
            end_trip(plan, p)
            q = p
            continue
        for m in range(ground.brought.shape[1]):
            brought, left = ground.brought[p, m], ground.left[p, m]
            loads[p, 3 * m + PEAK] = max(ground.peak[p, m] + loads[q, 3 * m + BROUGHT], left + loads[q, 3 * m + PEAK])
            loads[p, 3 * m + BROUGHT] = brought + loads[q, 3 * m + BROUGHT]
            loads[p, 3 * m + LEFT] = left + loads[q, 3 * m + LEFT]
        q = p
