"""What it costs to insert a customer, checked in constant time by joining known segments."""

from __future__ import annotations

import math

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.problems.vrp.ground import FOREVER, Ground
from redwood.problems.vrp.plan import (
    BROUGHT,
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
    return room_between(ground, k, plan.head_load[p], c, plan.tail_load[q])


@kernel(_nrt=False)
def room_between(ground: Ground, k: int, head: Array, c: int, tail: Array) -> bool:
    """Return whether a vehicle has room for a customer between two segments.

    Parameters
    ----------
    ground
        The instance.
    k, c
        Type of the vehicle, and the customer.
    head, tail
        Loads [3M] of the segments.
    """
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
