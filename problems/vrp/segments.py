"""Segments of routes, known from either end, so that an insertion is checked in constant time.

References
----------
Vidal, Crainic, Gendreau, Prins (2014), A unified solution framework for multi-attribute vehicle routing problems,
doi:10.1016/j.ejor.2013.09.045, section 4.2: duration, earliest and latest start of a segment, and how two are joined.
Deviation: only feasible segments are kept, so there is no time warp; a customer with several windows has one of them chosen.
"""

from __future__ import annotations

import math

from redwood.kernels import kernel
from redwood.problems.vrp.checks import NumberedRoute
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
    clear,
    close_route,
    free_reload,
    join,
    open_route,
    stop_distance,
    stop_duration,
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
def in_order(ground: Ground, p: int, q: int) -> bool:
    """Return whether stop q may follow stop p with deliveries before pickups: between two customers, or at a trip's end."""
    if q >= ground.customers:
        return True
    if p >= ground.customers:
        return bool(ground.rank[q] < 2)
    return bool(ground.rank[q] > ground.rank[p] or (ground.rank[q] == ground.rank[p] and ground.rank[q] != 1))


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
