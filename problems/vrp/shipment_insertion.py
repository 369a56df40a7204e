"""What it costs to insert a shipment, its pickup and its delivery, checked in constant time by joining known segments."""

from __future__ import annotations

import math

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel
from redwood.problems.routing.insertion_kernels import next_blink
from redwood.problems.vrp.ground import Ground
from redwood.problems.vrp.insertion import behind, room_between, whole_duration, with_release
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
    if not room_between(ground, k, load, b, plan.tail_load[q]):
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
