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
from redwood.kernels import kernel
from redwood.problems.vrp.checks import NumberedRoute
from redwood.problems.vrp.instance import VRPInstance
from redwood.problems.vrp.limits import distance_slack, latest_start
from redwood.problems.vrp.roads import RoadArrays, road_distance, road_duration
from redwood.problems.vrp.schedule import latest_end

FOREVER = 1e18
"""A time that never comes."""
DURATION, EARLIEST, LATEST, RELEASE, LENGTH = 0, 1, 2, 3, 4
"""Columns of `Plan.head` and `Plan.tail`: least duration, first and last start that keep it, release, and distance."""
BROUGHT, LEFT, PEAK = 0, 1, 2
"""Three columns for each load: what is brought from the depot, what is on board behind, and the most on board."""


class Ground(NamedTuple):
    """What does not change: places, customers and types of vehicles as arrays.

    Attributes
    ----------
    roads
        Distances and durations.
    size, homes
        Numbers of customers and of depots.
    timed, ordered
        Whether times matter; whether deliveries come before pickups on each route.
    time_slack, load_slack
        By how much limits may be exceeded.
    brought, left, peak
        What each customer is brought, what it leaves on board, and the most of both [N, M].
    service, release, prize
        Of each customer [N].
    opening, closing, window_starts
        Windows of all customers [W], and where those of each begin [N + 1].
    required, group, group_required, partner, collects, rank
        Of each customer [N]: whether it must be served, its group, the other end of its shipment (-1 for none), whether it
        collects the goods of one, and 0 for a delivery, 1 for both, 2 for a pickup; of each group whether it must.
    near, close, reach
        Customers beside whom it may be cheap to be [N, K], the nearest ones [N, K], and how far `near` reaches [N].
    may
        Whether each type may serve each customer [T, N].
    start, end, profile, number
        Of each type [T]: depots (-1 for an open end), profile, and how many there are.
    fixed, by_distance, by_duration
        What each type costs [T].
    begins, begins_latest, back, closes
        When each type may leave first and last, and when a route may end first and last [T].
    longest, farthest, farthest_slack, capacity
        Limits of each type: duration [T], distance [T] with its slack [T], loads [T, M].
    """

    roads: RoadArrays
    size: int
    homes: int
    timed: bool
    ordered: bool
    time_slack: float
    load_slack: float
    brought: Array
    left: Array
    peak: Array
    service: Array
    release: Array
    prize: Array
    opening: Array
    closing: Array
    window_starts: Array
    required: Array
    group: Array
    group_required: Array
    partner: Array
    collects: Array
    rank: Array
    near: Array
    close: Array
    reach: Array
    may: Array
    start: Array
    end: Array
    profile: Array
    number: Array
    fixed: Array
    by_distance: Array
    by_duration: Array
    begins: Array
    begins_latest: Array
    back: Array
    closes: Array
    longest: Array
    farthest: Array
    farthest_slack: Array
    capacity: Array


class Plan(NamedTuple):
    """The routes of now. Stops are customers 0..N - 1, then the start of each of R routes, then their ends.

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
        Segments from the start of the route to each stop, and from each stop to the end [N + 2R, 5].
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


def make_ground(instance: VRPInstance, neighbours: int) -> Ground:
    """Return the arrays of an instance; ``neighbours`` nearest customers are looked at around each."""
    types, size = instance.vehicles, instance.size
    left = instance.pickup + instance.shipped
    finite = [math.inf if v.number is None else v.number for v in types]
    closings = np.minimum(instance.windows[:, 1], FOREVER)
    near, close = neighbourhoods(instance, min(neighbours, size - 1))
    brings, takes = instance.delivery.any(axis=1), instance.pickup.any(axis=1)
    homes = len(instance.depots)
    nodes = homes + np.arange(size)
    distances = instance.roads.distance(types[0].profile, nodes[:, None], homes + close)
    reach = distances.max(axis=1) if close.shape[1] < size - 1 else np.full(size, math.inf)
    collects = np.zeros(size, dtype=np.bool_)
    collects[instance.shipments[:, 0]] = True
    return Ground(
        roads=instance.roads.arrays,
        size=size,
        homes=homes,
        timed=instance.timed,
        ordered=instance.linehauls_first,
        time_slack=0.1 * instance.time_slack,
        load_slack=0.1 * instance.load_slack,
        brought=np.array(instance.delivery, dtype=np.float64),
        left=np.array(left, dtype=np.float64),
        peak=np.array(np.maximum(instance.delivery, left), dtype=np.float64),
        service=np.array(instance.service),
        release=np.array(instance.release),
        prize=np.array(instance.prize),
        opening=np.array(instance.windows[:, 0]),
        closing=np.array(closings),
        window_starts=np.array(instance.window_starts),
        required=_required(instance),
        group=np.array(instance.group_of),
        group_required=np.array(instance.group_required, dtype=np.bool_),
        partner=np.array(instance.partner),
        collects=collects,
        rank=np.where(brings & takes, 1, np.where(takes, 2, 0)).astype(np.int64),
        near=near,
        close=close,
        reach=np.array(reach, dtype=np.float64),
        may=np.array(instance.may_serve),
        start=np.array([v.start for v in types], dtype=np.int64),
        end=np.array([-1 if v.end is None else v.end for v in types], dtype=np.int64),
        profile=np.array([v.profile for v in types], dtype=np.int64),
        number=np.minimum(np.array(finite, dtype=np.float64), size).astype(np.int64),
        fixed=np.array([v.fixed_cost + instance.vehicle_price for v in types], dtype=np.float64),
        by_distance=np.array([v.distance_cost for v in types], dtype=np.float64),
        by_duration=np.array([v.duration_cost for v in types], dtype=np.float64),
        begins=np.array([max(v.shift[0], instance.depot_windows[v.start, 0]) for v in types], dtype=np.float64),
        begins_latest=np.minimum(np.array([latest_start(instance, v) for v in types], dtype=np.float64), FOREVER),
        back=np.array([-FOREVER if v.end is None else instance.depot_windows[v.end, 0] for v in types], dtype=np.float64),
        closes=np.minimum(np.array([latest_end(instance, v) for v in types], dtype=np.float64), FOREVER),
        longest=np.array([v.max_duration for v in types], dtype=np.float64),
        farthest=np.array([v.max_distance for v in types], dtype=np.float64),
        farthest_slack=np.array([0.1 * distance_slack(v.max_distance) for v in types], dtype=np.float64),
        capacity=np.array([v.capacity for v in types], dtype=np.float64).reshape(len(types), -1),
    )


def _required(instance: VRPInstance) -> Array:
    """Return whether each customer must be served [N]: of a shipment both ends, where one must."""
    required = np.array(instance.required)
    required[instance.shipments] = required[instance.shipments].any(axis=1, keepdims=True)
    return required


def neighbourhoods(instance: VRPInstance, count: int) -> tuple[Array, Array]:
    """Return for each customer those beside whom it is cheap with regard to windows, and the nearest ones, [N, K] each.

    The first order adds to the distance a fifth of the waiting between both and all the lateness, as PyVRP does.
    """
    size, homes = instance.size, len(instance.depots)
    nodes = homes + np.arange(size)
    first, last = instance.windows[instance.window_starts[:-1], 0], instance.windows[instance.window_starts[1:] - 1, 1]
    near, close = np.empty((size, count), dtype=np.int32), np.empty((size, count), dtype=np.int32)
    profile = instance.vehicles[0].profile
    for customer in range(size):
        out = instance.roads.distance(profile, np.array([nodes[customer]]), nodes)
        back = instance.roads.distance(profile, nodes, np.array([nodes[customer]]))
        way = np.minimum(out, back)
        around = instance.roads.duration(profile, np.array([nodes[customer]]), nodes) + instance.service[customer]
        to = instance.roads.duration(profile, nodes, np.array([nodes[customer]])) + instance.service
        behind = out + _misfit(first[customer] + around, last[customer] + around, first, last)
        ahead = back + _misfit(first + to, last + to, first[customer], last[customer])
        score = np.minimum(behind, ahead)
        way[customer] = score[customer] = np.nan  # sorted behind all others
        close[customer] = np.argsort(way, kind="stable")[:count]
        near[customer] = np.argsort(score, kind="stable")[:count]
    return near, close


def _misfit(early: Array, late: Array, opening: Array, closing: Array) -> Array:
    """Return a fifth of the waiting and all of the lateness between arrivals from early to late and windows."""
    with np.errstate(invalid="ignore"):
        waiting = np.nan_to_num(opening - late, nan=0.0, neginf=0.0)
        lateness = np.nan_to_num(early - closing, nan=0.0, neginf=0.0)
    return np.asarray(0.2 * np.maximum(waiting, 0.0) + np.maximum(lateness, 0.0))


def make_plan(instance: VRPInstance, ground: Ground) -> Plan:
    """Return a plan without any route."""
    size, slots, dimensions = instance.size, max(1, instance.slots), instance.dimensions
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
        head=np.zeros((stops, 5)),
        tail=np.zeros((stops, 5)),
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
    )


def load_routes(plan: Plan, ground: Ground, routes: list[NumberedRoute]) -> None:
    """Put routes into an empty plan; where customers have several windows, those that the earliest schedule meets.

    Routes that the plan's own, stricter arithmetic refuses are left out.
    """
    for given in routes:
        r = open_route(plan, ground, given.kind)
        last = ground.size + r
        for customer in given.customers.tolist():
            join(plan, ground, int(customer), last)
            last = customer
        choose_windows(plan, ground, r)
        if not refresh(plan, ground, r):
            clear(plan, ground, r)
            close_route(plan, r)


@kernel(_nrt=False)
def choose_windows(plan: Plan, ground: Ground, r: int) -> None:
    """Choose for each customer of a route the first window that the earliest schedule meets."""
    k = plan.kind[r]
    p = ground.size + r
    release = ground.begins[k]
    for _ in range(plan.members[r]):
        p = plan.after[p]
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
        p = q


@kernel(_nrt=False, inline="always")
def stop_distance(plan: Plan, ground: Ground, k: int, i: int, j: int) -> float:
    """Return the distance from stop i to stop j for a vehicle of type k; nothing to an open end."""
    if plan.place[j] < 0:
        return 0.0
    return road_distance(ground.roads, ground.profile[k], plan.place[i], plan.place[j])


@kernel(_nrt=False, inline="always")
def stop_duration(plan: Plan, ground: Ground, k: int, i: int, j: int) -> float:
    """Return the travel time from stop i to stop j for a vehicle of type k."""
    if plan.place[j] < 0:
        return 0.0
    return road_duration(ground.roads, ground.profile[k], plan.place[i], plan.place[j])


@kernel(_nrt=False)
def open_route(plan: Plan, ground: Ground, k: int) -> int:
    """Take an empty route for a vehicle of type k and return its number."""
    r = plan.unused[plan.counts[0] - 1]
    reopen(plan, ground, r, k)
    return int(r)


@kernel(_nrt=False)
def reopen(plan: Plan, ground: Ground, r: int, k: int) -> None:
    """Take the empty route r for a vehicle of type k."""
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
    """Put a customer behind stop p; segments are to be refreshed."""
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
def clear(plan: Plan, ground: Ground, r: int) -> None:
    """Take all customers out of a route."""
    for _ in range(plan.members[r]):
        leave(plan, ground, plan.after[ground.size + r])


@kernel(_nrt=False)
def in_order(ground: Ground, p: int, q: int) -> bool:
    """Return whether stop q may follow stop p with deliveries before pickups; p and q are customers, a start or an end."""
    if q >= ground.size:
        return True
    if p >= ground.size:
        return bool(ground.rank[q] < 2)
    return bool(ground.rank[q] > ground.rank[p] or (ground.rank[q] == ground.rank[p] and ground.rank[q] != 1))


@kernel(_nrt=False)
def refresh(plan: Plan, ground: Ground, r: int) -> bool:
    """Compute the segments and the cost of a route anew; return whether it keeps every limit."""
    k = plan.kind[r]
    slots = len(plan.kind)
    start = ground.size + r
    end = ground.size + slots + r
    fits = _refresh_heads(plan, ground, k, start, end)
    _refresh_tails(plan, ground, k, start, end)
    length = plan.head[end, LENGTH]
    duration = plan.head[end, DURATION]
    if not length <= ground.farthest[k] + ground.farthest_slack[k] or not length < math.inf:
        return False
    if ground.timed:
        late = plan.head[end, RELEASE] > plan.head[end, LATEST] + ground.time_slack
        if late or duration > ground.longest[k] + ground.time_slack:
            return False
    for m in range(ground.brought.shape[1]):
        if plan.head_load[end, 3 * m + PEAK] > ground.capacity[k, m] + ground.load_slack:
            return False
    plan.cost[r] = ground.fixed[k] + ground.by_distance[k] * length + ground.by_duration[k] * duration
    return fits


@kernel(_nrt=False)
def _refresh_heads(plan: Plan, ground: Ground, k: int, start: int, end: int) -> bool:
    """Compute the segments from the start to each stop; return whether windows and order are kept."""
    fits = True
    head, loads = plan.head, plan.head_load
    head[start, DURATION] = 0.0
    head[start, EARLIEST] = ground.begins[k]
    head[start, LATEST] = ground.begins_latest[k]
    head[start, RELEASE] = -FOREVER
    head[start, LENGTH] = 0.0
    for m in range(plan.head_load.shape[1]):
        plan.head_load[start, m] = 0.0
        plan.tail_load[end, m] = 0.0
    p = start
    for _ in range(plan.members[plan.route[start]] + 1):
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
        shift = head[p, DURATION] + stop_duration(plan, ground, k, p, q)
        if head[p, EARLIEST] + shift > closing + ground.time_slack:
            fits = False
        wait = max(0.0, opening - shift - head[p, LATEST])
        head[q, DURATION] = shift + wait + service
        head[q, EARLIEST] = max(opening - shift, head[p, EARLIEST]) - wait
        head[q, LATEST] = min(closing - shift, head[p, LATEST])
        head[q, RELEASE] = max(release, head[p, RELEASE])
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
def _refresh_tails(plan: Plan, ground: Ground, k: int, start: int, end: int) -> None:
    """Compute the segments from each stop to the end."""
    tail, loads = plan.tail, plan.tail_load
    tail[end, DURATION] = 0.0
    tail[end, EARLIEST] = ground.back[k]
    tail[end, LATEST] = ground.closes[k]
    tail[end, RELEASE] = -FOREVER
    tail[end, LENGTH] = 0.0
    q = end
    for _ in range(plan.members[plan.route[start]]):
        p = plan.before[q]
        w = plan.window[p]
        tail[p, LENGTH] = tail[q, LENGTH] + plan.leg[p]
        shift = ground.service[p] + stop_duration(plan, ground, k, p, q)
        wait = max(0.0, tail[q, EARLIEST] - shift - ground.closing[w])
        tail[p, DURATION] = shift + wait + tail[q, DURATION]
        tail[p, EARLIEST] = max(tail[q, EARLIEST] - shift, ground.opening[w]) - wait
        tail[p, LATEST] = min(tail[q, LATEST] - shift, ground.closing[w])
        tail[p, RELEASE] = max(ground.release[p], tail[q, RELEASE])
        for m in range(ground.brought.shape[1]):
            brought, left = ground.brought[p, m], ground.left[p, m]
            loads[p, 3 * m + PEAK] = max(ground.peak[p, m] + loads[q, 3 * m + BROUGHT], left + loads[q, 3 * m + PEAK])
            loads[p, 3 * m + BROUGHT] = brought + loads[q, 3 * m + BROUGHT]
            loads[p, 3 * m + LEFT] = left + loads[q, 3 * m + LEFT]
        q = p
