"""What it costs to insert a customer or a shipment, checked in constant time by joining known segments."""

from __future__ import annotations

import math

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel
from redwood.problems.routing.insertion_kernels import next_blink
from redwood.problems.vrp.ground import FOREVER, Ground
from redwood.problems.vrp.plan import (
    BROUGHT,
    BUSY,
    DURATION,
    EARLIEST,
    LATEST,
    LEFT,
    LENGTH,
    PEAK,
    RELEASE,
    Plan,
    distance_to,
    duration_to,
    stop_distance,
    stop_duration,
)
from redwood.problems.vrp.segments import in_order


@kernel(_nrt=False)
def insertion_cost(plan: Plan, ground: Ground, r: int, c: int, p: int, most: float) -> tuple[float, int]:
    """Return what customer c behind stop p of route r adds to the cost, and the window it is served in.

    The cost is infinite where a limit is broken or it is not below ``most``.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    r
        A route.
    c
        A customer who is out.
    p
        A stop of the route, its end excepted.
    most
        The cost has to be below it.
    """
    k = plan.kind[r]
    q = plan.after[p]
    longer = distance_to(plan, ground, k, p, c) + stop_distance(plan, ground, k, c, q) - plan.leg[p]
    cost = ground.by_distance[k] * longer + ground.change[k, c]
    if ground.fixed[q] or (ground.by_busy[k] == 0.0 and not cost < most):
        return math.inf, -1
    if plan.head[ground.size + len(plan.kind) + r, LENGTH] + longer > ground.farthest[k] + ground.farthest_slack[k]:
        return math.inf, -1
    if ground.ordered and not (in_order(ground, p, c) and in_order(ground, c, q)):
        return math.inf, -1
    if not loads_fit(plan, ground, k, c, p, q):
        if ground.larger.shape[1] == 0 or ground.fixed[plan.after[ground.size + r]]:
            return math.inf, -1
        more, larger = larger_type(plan, ground, r, c, p, longer)
        if larger < 0:
            return math.inf, -1
        cost += more
    if not ground.timed:
        return (cost, ground.window_starts[c]) if cost < most else (math.inf, -1)
    return _with_time(plan, ground, r, c, p, cost, most)


@kernel(_nrt=False)
def loads_fit(plan: Plan, ground: Ground, k: int, c: int, p: int, q: int) -> bool:
    """Return whether customer c fits between stops p and q by its loads.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    k
        Type of the vehicle.
    c
        A customer who is out.
    p, q
        A stop and the next one.
    """
    return _room_between(ground, k, plan.head_load[p], c, plan.tail_load[q])


@kernel(_nrt=False)
def _room_between(ground: Ground, k: int, head: Array, c: int, tail: Array) -> bool:
    """Return whether a vehicle of type k has room for customer c between two segments with loads [3M]."""
    for m in range(ground.brought.shape[1]):
        peak = max(head[3 * m + PEAK] + ground.brought[c, m], head[3 * m + LEFT] + ground.peak[c, m])
        left = head[3 * m + LEFT] + ground.left[c, m]
        if max(peak + tail[3 * m + BROUGHT], left + tail[3 * m + PEAK]) > ground.capacity[k, m] + ground.load_slack:
            return False
    return True


@kernel(_nrt=False)
def larger_type(plan: Plan, ground: Ground, r: int, c: int, p: int, longer: float) -> tuple[float, int]:
    """Return what the cheapest larger vehicle with room for c behind p costs more, and its type, -1 for none.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    r
        A route whose vehicle has no room for the customer.
    c, p
        A customer who is out, and a stop of the route.
    longer
        What the customer adds to the length.
    """
    k = plan.kind[r]
    length = plan.head[ground.size + len(plan.kind) + r, LENGTH] + longer
    least, found = math.inf, -1
    for i in range(ground.larger.shape[1]):
        t = ground.larger[k, i]
        if t < 0:
            break
        if plan.used[t] >= ground.number[t]:
            continue
        more = ground.by_vehicle[t] - ground.by_vehicle[k] + (ground.by_distance[t] - ground.by_distance[k]) * length
        if more < least and loads_fit(plan, ground, t, c, p, plan.after[p]):
            least, found = more, int(t)
    return least, found


@kernel(_nrt=False)
def _with_time(plan: Plan, ground: Ground, r: int, c: int, p: int, cost: float, most: float) -> tuple[float, int]:
    """Return the cost with what the duration adds, and the window, or infinity where no window fits."""
    k = plan.kind[r]
    q = plan.after[p]
    release = max(plan.head[p, RELEASE], plan.tail[q, RELEASE], ground.release[c])
    travel = duration_to(plan, ground, k, p, c)
    spent, first, last = plan.head[p, DURATION], plan.head[p, EARLIEST], plan.head[p, LATEST]
    if ground.reloading:
        release, spent, first, last = with_release(plan, ground, r, p, ground.release[c])
    onward = ground.service[c] + stop_duration(plan, ground, k, c, q)
    old = plan.head[ground.size + len(plan.kind) + r, DURATION]
    if ground.by_busy[k] > 0.0:
        busy = travel + onward - stop_duration(plan, ground, k, p, q)
        cost -= ground.by_busy[k] * busy
    cheapest = math.inf
    window = -1
    for w in range(ground.window_starts[c], ground.window_starts[c + 1]):
        opening, closing = ground.opening[w], ground.closing[w]
        shift, earliest, latest = behind(spent, first, last, travel, opening, closing, onward, ground.time_slack)
        duration = whole_duration(plan, ground, k, q, shift, earliest, latest, release)
        if duration == math.inf:
            continue
        whole = cost + ground.by_duration[k] * (duration - old)
        if whole < cheapest:
            cheapest = whole
            window = w
        if ground.by_duration[k] == 0.0:
            break
    if not cheapest < most:
        return math.inf, -1
    return cheapest, window


@kernel(_nrt=False)
def with_release(plan: Plan, ground: Ground, r: int, p: int, release: float) -> tuple[float, float, float, float]:
    """Return (release of the first trip, duration, earliest, latest) of the start up to stop p if its trip had a release.

    On a first trip the segment stays; on a later one the vehicle has to wait for the release where it reloads.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    r, p
        A route, and a stop of it, its end excepted.
    release
        Before that the trip of p must not begin.
    """
    k, first, slack = plan.kind[r], plan.loaded[ground.size + r], ground.time_slack
    duration, earliest, latest = plan.head[p, DURATION], plan.head[p, EARLIEST], plan.head[p, LATEST]
    if plan.trip[p] == 0:
        return max(first, release), duration, earliest, latest
    stop = p
    while stop < ground.customers:
        stop = plan.before[stop]
    if release <= plan.loaded[stop] or release <= 0.0:
        return first, duration, earliest, latest
    at, w = plan.before[stop], plan.window[stop]
    duration, earliest, latest = plan.head[at, DURATION], plan.head[at, EARLIEST], plan.head[at, LATEST]
    duration, earliest, latest = through_reload(plan, ground, k, at, stop, w, release, duration, earliest, latest)
    while stop != p:
        following = plan.after[stop]
        w = plan.window[following]
        travel = stop_duration(plan, ground, k, stop, following)
        opening, closing, service = ground.opening[w], ground.closing[w], ground.service[following]
        duration, earliest, latest = behind(duration, earliest, latest, travel, opening, closing, service, slack)
        stop = following
    return first, duration, earliest, latest


@kernel(_nrt=False)
def behind(
    duration: float,
    earliest: float,
    latest: float,
    travel: float,
    opening: float,
    closing: float,
    service: float,
    slack: float,
) -> tuple[float, float, float]:
    """Return (duration, earliest, latest) of a segment with one stop more behind it; too late, it starts never.

    Parameters
    ----------
    duration, earliest, latest
        Least duration of the segment, and the first and last start that keep it.
    travel
        Time from its end to the stop.
    opening, closing, service
        When service there may begin, and how long it takes.
    slack
        How late counts as on time.
    """
    shift = duration + travel
    if earliest + shift > closing + slack:
        return shift + service, math.inf, latest
    wait = max(0.0, opening - shift - latest)
    return shift + wait + service, max(opening - shift, earliest) - wait, min(closing - shift, latest)


@kernel(_nrt=False)
def through_reload(
    plan: Plan,
    ground: Ground,
    k: int,
    at: int,
    reload: int,
    w: int,
    loaded: float,
    duration: float,
    earliest: float,
    latest: float,
) -> tuple[float, float, float]:
    """Return (duration, earliest, latest) of a segment with a reload behind it.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    k
        Type of the vehicle.
    at, reload, w
        The last stop of the segment, a stop for a reload, and the window of that.
    loaded
        The last release of what is loaded.
    duration, earliest, latest
        Least duration of the segment, and the first and last start that keep it.
    """
    travel, slack = stop_duration(plan, ground, k, at, reload), ground.time_slack
    opening, closing, service = ground.opening[w], ground.closing[w], ground.service[reload]
    duration, earliest, latest = behind(duration, earliest, latest, travel, opening, closing, service, slack)
    return behind(duration, earliest, latest, 0.0, loaded, FOREVER, 0.0, slack)


@kernel(_nrt=False)
def whole_duration(
    plan: Plan, ground: Ground, k: int, q: int, shift: float, earliest: float, latest: float, release: float
) -> float:
    """Return the duration of a route that goes on with the segment from stop q on, infinite where it breaks a limit.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    k
        Type of the vehicle.
    q
        A stop whose segment up to the end is known.
    shift, earliest, latest
        Time from the start of the route to q, and the first and last start that keep it.
    release
        Before that the route must not start.
    """
    limit, slack = plan.tail[q, LATEST], ground.time_slack
    late = earliest == math.inf or earliest + shift > limit + slack  # the former of what `behind` says starts never
    if late or release > min(limit - shift, latest) + slack:
        return math.inf
    duration = shift + max(0.0, plan.tail[q, EARLIEST] - shift - latest) + plan.tail[q, DURATION]
    return duration if duration <= ground.longest[k] + slack else math.inf


@kernel(_nrt=False)
def shipment_cost(
    plan: Plan,
    ground: Ground,
    r: int,
    a: int,
    b: int,
    most: float,
    load: Array,
    blinks: Array,
    blink: float,
    state: RandomState,
) -> tuple[float, int, int, int, int]:
    """Return (cost, stop before a, stop before b, windows of a and b) of the cheapest positions of a shipment in a route.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    r, a, b
        The route, the pickup and the delivery.
    most
        The cost has to be below it; infinity is returned where it is not.
    load
        Room for the loads of a segment [3M].
    blinks, blink, state
        How many positions are looked at before the next one is overlooked [1], the probability of that, and randomness.
    """
    k = plan.kind[r]
    end = ground.size + len(plan.kind) + r
    best = (math.inf, -1, -1, -1, -1)
    p = ground.size + r
    for _ in range(plan.members[r] + 1):
        q = plan.after[p]
        there = distance_to(plan, ground, k, p, a)
        detour = there + stop_distance(plan, ground, k, a, q) - plan.leg[p]
        cheap = ground.by_distance[k] * detour < most or ground.by_busy[k] > 0.0
        if cheap and not ground.fixed[q] and (not ground.ordered or in_order(ground, p, a)):
            for w in range(ground.window_starts[a], ground.window_starts[a + 1]):
                found = _delivery_behind(plan, ground, r, p, w, a, b, there, most, load, blinks, blink, state)
                if found[0] < most:
                    most = found[0]
                    best = (found[0], p, found[1], w, found[2])
        p = q
        if p == end:
            break
    return best


@kernel(_nrt=False)
def _delivery_behind(
    plan: Plan,
    ground: Ground,
    r: int,
    p: int,
    w: int,
    a: int,
    b: int,
    there: float,
    most: float,
    load: Array,
    blinks: Array,
    blink: float,
    state: RandomState,
) -> tuple[float, int, int]:
    """Return (cost, stop before b, window of b) of the cheapest delivery where the pickup a stands behind p in window w.

    The segment from the start to the pickup grows stop by stop; at each the delivery is tried.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    r
        The route.
    p, w
        The stop that the pickup stands behind, and the window it is served in.
    a, b
        The pickup and the delivery.
    there
        Distance from ``p`` to the pickup.
    most
        The cost has to be below it.
    load
        Room for the loads of a segment [3M].
    blinks, blink, state
        How many positions are looked at before the next one is overlooked [1], the probability of that, and randomness.
    """
    k = plan.kind[r]
    end = ground.size + len(plan.kind) + r
    slack = ground.time_slack
    release = max(plan.head[p, RELEASE], ground.release[a])
    spent, first, end_first = plan.head[p, DURATION], plan.head[p, EARLIEST], plan.head[p, LATEST]
    if ground.reloading:
        release, spent, first, end_first = with_release(plan, ground, r, p, max(ground.release[a], ground.release[b]))
    travel, opening, closing = duration_to(plan, ground, k, p, a), ground.opening[w], ground.closing[w]
    duration, earliest, latest = behind(spent, first, end_first, travel, opening, closing, ground.service[a], slack)
    if earliest == math.inf:
        return math.inf, -1, -1
    length = plan.head[p, LENGTH] + there
    busy = plan.head[p, BUSY] + (spent + travel) - spent + ground.service[a]
    for m in range(len(load)):
        load[m] = plan.head_load[p, m]
    grow_load(ground, load, a)
    best = (math.inf, -1, -1)
    last, following = a, plan.after[p]
    for _ in range(plan.members[r] + 1):
        if not _load_holds(plan, ground, k, load, following):
            break
        blinks[0] -= 1
        if blinks[0] < 0:
            blinks[0] = next_blink(blink, state)
        elif not ground.ordered or (in_order(ground, last, b) and in_order(ground, b, following)):
            cost, window = _delivery_cost(
                plan, ground, r, b, last, following, duration, earliest, latest, release, length, busy, most, load
            )
            if cost < most:
                most = cost
                best = (cost, last, window)
        if following == end or (ground.reloading and following >= ground.customers):
            break
        step = stop_distance(plan, ground, k, a, following) if last == a else plan.leg[last]
        travel = stop_duration(plan, ground, k, last, following)
        busy += travel + ground.service[following]
        v, service = plan.window[following], ground.service[following]
        opening, closing = ground.opening[v], ground.closing[v]
        duration, earliest, latest = behind(duration, earliest, latest, travel, opening, closing, service, slack)
        if earliest == math.inf:
            break
        release = max(release, ground.release[following])
        length += step
        grow_load(ground, load, following)
        last, following = following, plan.after[following]
    return best


@kernel(_nrt=False)
def grow_load(ground: Ground, load: Array, c: int) -> None:
    """Join a customer to the loads of a segment."""
    for m in range(ground.brought.shape[1]):
        load[3 * m + PEAK] = max(load[3 * m + PEAK] + ground.brought[c, m], load[3 * m + LEFT] + ground.peak[c, m])
        load[3 * m + BROUGHT] += ground.brought[c, m]
        load[3 * m + LEFT] += ground.left[c, m]


@kernel(_nrt=False)
def _load_holds(plan: Plan, ground: Ground, k: int, load: Array, q: int) -> bool:
    """Return whether a segment is within the capacity where all of the stops from q on are brought their goods too."""
    for m in range(ground.brought.shape[1]):
        if load[3 * m + PEAK] + plan.tail_load[q, 3 * m + BROUGHT] > ground.capacity[k, m] + ground.load_slack:
            return False
    return True


@kernel(_nrt=False)
def _delivery_cost(
    plan: Plan,
    ground: Ground,
    r: int,
    b: int,
    p: int,
    q: int,
    duration: float,
    earliest: float,
    latest: float,
    release: float,
    length: float,
    busy: float,
    most: float,
    load: Array,
) -> tuple[float, int]:
    """Return (cost, window) of the delivery b between p, where a segment with the pickup ends, and q.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    r
        The route.
    b
        The delivery.
    p, q
        The stop that the segment with the pickup ends at, and the next one.
    duration, earliest, latest
        Least duration of the segment, and the first and last start that keep it.
    release, length, busy
        Release time of the segment, its length, and its time of driving and service.
    most
        The cost has to be below it.
    load
        Loads of the segment [3M].
    """
    k = plan.kind[r]
    end = ground.size + len(plan.kind) + r
    whole = length + distance_to(plan, ground, k, p, b) + stop_distance(plan, ground, k, b, q) + plan.tail[q, LENGTH]
    cost = ground.by_distance[k] * (whole - plan.head[end, LENGTH]) + ground.change[k, ground.partner[b]]
    cost += ground.change[k, b]
    if (ground.by_busy[k] == 0.0 and not cost < most) or whole > ground.farthest[k] + ground.farthest_slack[k]:
        return math.inf, -1
    if not _room_between(ground, k, load, b, plan.tail_load[q]):
        return math.inf, -1
    if not ground.timed:
        return (cost, ground.window_starts[b]) if cost < most else (math.inf, -1)
    travel, onward = duration_to(plan, ground, k, p, b), ground.service[b] + stop_duration(plan, ground, k, b, q)
    busy += (duration + travel) - duration + onward + plan.tail[q, BUSY] - plan.head[end, BUSY]
    cost -= ground.by_busy[k] * busy
    if not ground.reloading:
        release = max(release, plan.tail[q, RELEASE], ground.release[b])
    for w in range(ground.window_starts[b], ground.window_starts[b + 1]):
        opening, closing = ground.opening[w], ground.closing[w]
        shift, first, last = behind(duration, earliest, latest, travel, opening, closing, onward, ground.time_slack)
        total = whole_duration(plan, ground, k, q, shift, first, last, release)
        if total == math.inf:
            continue
        cost += ground.by_duration[k] * (total - plan.head[end, DURATION])
        return (cost, w) if cost < most else (math.inf, -1)
    return math.inf, -1
