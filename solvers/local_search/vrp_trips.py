"""Trips of vehicles that reload: customers begin or end one, reloads are moved to better places, useless ones left out."""

from __future__ import annotations

import math
from typing import NamedTuple

from redwood.kernels import kernel
from redwood.problems.vrp.ground import Ground
from redwood.problems.vrp.insertion import behind, through_reload, whole_duration, with_release
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
    free_reload,
    join,
    leave,
    stop_distance,
    stop_duration,
)
from redwood.problems.vrp.segments import in_order, refresh
from redwood.solvers.local_search.vrp_search import CHANGE, Search, touch

NEAR = 15
"""Beside so many near customers reloads are tried, besides the ends of routes."""
SHORTER = 1e-9
"""Share of a detour by which another place of a reload has to be shorter."""


class TripPlace(NamedTuple):
    """Where a customer is served next to a new reload.

    Attributes
    ----------
    cost
        What that adds.
    stop, depot
        The stop behind which both come, and where the vehicle reloads, -1 for nowhere.
    ahead
        Whether the customer comes ahead of the reload.
    window, other_window
        Windows of the customer, and of the other end of its shipment.
    """

    cost: float
    stop: int
    depot: int
    ahead: bool
    window: int
    other_window: int


@kernel(_nrt=False)
def cheapest_trip(plan: Plan, ground: Ground, c: int, most: float) -> TripPlace:
    """Return where a customer, or a shipment with this pickup, is cheapest next to a new reload.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    c
        A customer who is out; of a shipment the pickup.
    most
        The cost has to be below it; where none is, there is no depot.
    """
    best = TripPlace(most, -1, -1, False, -1, -1)
    for depot in range(ground.homes):
        reload = free_reload(plan, ground, depot)
        if reload < 0:
            continue
        for i in range(min(NEAR, ground.near.shape[1])):
            j = int(ground.near[c, i])
            if plan.route[j] < 0 or not _may_begin(plan, ground, plan.route[j], reload, c):
                continue
            for side in range(2):
                stop = j if side == 0 else int(plan.before[j])
                best = _cheaper(plan, ground, stop, reload, c, False, best)
                best = _cheaper(plan, ground, stop, reload, c, True, best)
        for r in range(len(plan.kind)):
            if plan.kind[r] >= 0 and _may_begin(plan, ground, r, reload, c):
                end = ground.size + len(plan.kind) + r
                best = _cheaper(plan, ground, int(plan.before[end]), reload, c, False, best)
                best = _cheaper(plan, ground, ground.size + r, reload, c, True, best)
    return best


@kernel(_nrt=False)
def _may_begin(plan: Plan, ground: Ground, r: int, reload: int, c: int) -> bool:
    """Return whether the vehicle of a route may reload once more, there, and serve a customer."""
    k, other = plan.kind[r], ground.partner[c]
    if plan.trip[ground.size + len(plan.kind) + r] >= ground.most_reloads[k] or not ground.may[k, reload]:
        return False
    return bool(ground.may[k, c] and (other < 0 or ground.may[k, other]))


@kernel(_nrt=False)
def _cheaper(plan: Plan, ground: Ground, p: int, reload: int, c: int, ahead: bool, best: TripPlace) -> TripPlace:
    """Return the cheaper one of the best place and that behind stop p.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    p
        A stop of a route, its end excepted.
    reload, c
        A stop for a reload and a customer, both on no route.
    ahead
        Whether the customer comes ahead of the reload.
    best
        The cheapest place of before.
    """
    cost, window, other_window = trip_cost(plan, ground, p, reload, c, ahead, best.cost)
    if not cost < best.cost:
        return best
    return TripPlace(cost, p, int(ground.reload_depot[reload - ground.customers]), ahead, window, other_window)


@kernel(_nrt=False)
def trip_cost(plan: Plan, ground: Ground, p: int, reload: int, c: int, ahead: bool, most: float) -> tuple[float, int, int]:
    """Return (cost, windows) of a customer, with the other end of its shipment, next to a new reload behind stop p.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    p
        A stop of a route, its end excepted.
    reload, c
        A stop for a reload and a customer, both on no route.
    ahead
        Whether the customer comes ahead of the reload.
    most
        The cost has to be below it; infinity is returned where it is not, or where a limit is broken.
    """
    r, q = plan.route[p], plan.after[p]
    k, other = plan.kind[r], ground.partner[c]
    last = c if other < 0 else other
    if ground.fixed[q] or plan.aboard[p] > 0 or (q if ahead else p) >= ground.customers:
        return math.inf, -1, -1
    first, end = (c, reload) if ahead else (reload, last)
    longer = stop_distance(plan, ground, k, p, first) + stop_distance(plan, ground, k, end, q) - plan.leg[p]
    longer += stop_distance(plan, ground, k, last, reload) if ahead else stop_distance(plan, ground, k, reload, c)
    if other >= 0:
        longer += stop_distance(plan, ground, k, c, other)
    cost = ground.by_distance[k] * longer + ground.change[k, c]
    if other >= 0:
        cost += ground.change[k, other]
    if ground.by_busy[k] == 0.0 and not cost < most:
        return math.inf, -1, -1
    if plan.head[ground.size + len(plan.kind) + r, LENGTH] + longer > ground.farthest[k] + ground.farthest_slack[k]:
        return math.inf, -1, -1
    orderly = not ground.ordered or (in_order(ground, p if ahead else reload, c) and in_order(ground, end, q))
    if not orderly or not _trip_fits(plan, ground, k, p, q, c, ahead):
        return math.inf, -1, -1
    if not ground.timed:
        return cost, ground.window_starts[c], ground.window_starts[last]
    return _with_time(plan, ground, r, p, reload, c, ahead, cost, most)


@kernel(_nrt=False)
def _trip_fits(plan: Plan, ground: Ground, k: int, p: int, q: int, c: int, ahead: bool) -> bool:
    """Return whether a customer has room on the trip up to stop p, or on that from q on.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    k
        Type of the vehicle.
    p, q
        A stop and the next one.
    c
        A customer who is out.
    ahead
        Whether they join the trip up to p, which then ends.
    """
    other = ground.partner[c]
    for m in range(ground.brought.shape[1]):
        peak = plan.head_load[p, 3 * m + PEAK] if ahead else 0.0
        left = plan.head_load[p, 3 * m + LEFT] if ahead else 0.0
        peak = max(peak + ground.brought[c, m], left + ground.peak[c, m])
        left += ground.left[c, m]
        if other >= 0:
            peak = max(peak + ground.brought[other, m], left + ground.peak[other, m])
            left += ground.left[other, m]
        if not ahead:
            peak = max(peak + plan.tail_load[q, 3 * m + BROUGHT], left + plan.tail_load[q, 3 * m + PEAK])
        if peak > ground.capacity[k, m] + ground.load_slack:
            return False
    return True


@kernel(_nrt=False)
def _with_time(
    plan: Plan, ground: Ground, r: int, p: int, reload: int, c: int, ahead: bool, cost: float, most: float
) -> tuple[float, int, int]:
    """Return the cost with what the duration adds, and the windows, or infinity where it is too late.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    r, p
        A route, and the stop that both come behind.
    reload, c
        A stop for a reload and a customer.
    ahead
        Whether the customer comes ahead of the reload.
    cost, most
        The cost without the duration, and what it has to be below.
    """
    k, q, other = plan.kind[r], plan.after[p], ground.partner[c]
    last = c if other < 0 else other
    release = max(ground.release[c], ground.release[last])
    spent, early, late = plan.head[p, DURATION], plan.head[p, EARLIEST], plan.head[p, LATEST]
    first = max(plan.head[p, RELEASE], release) if ahead else plan.head[p, RELEASE]
    if plan.trip[p] > 0:
        first = plan.loaded[ground.size + r]
        if ahead:
            first, spent, early, late = with_release(plan, ground, r, p, release)
    loaded = plan.tail[q, RELEASE] if ahead else max(plan.tail[q, RELEASE], release)
    at, busy, w = p, -stop_duration(plan, ground, k, p, q), ground.window_starts[reload]
    if not ahead:
        busy += stop_duration(plan, ground, k, at, reload) + ground.service[reload]
        spent, early, late = through_reload(plan, ground, k, at, reload, w, loaded, spent, early, late)
        at = reload
    windows = (-1, -1)
    for visit in range(1 if other < 0 else 2):
        stop = c if visit == 0 else other
        travel = stop_duration(plan, ground, k, at, stop)
        w = _first_window(ground, stop, early + spent + travel)
        if w < 0:
            return math.inf, -1, -1
        windows = (w, w) if visit == 0 else (windows[0], w)
        busy += travel + ground.service[stop]
        opening, closing = ground.opening[w], ground.closing[w]
        spent, early, late = behind(spent, early, late, travel, opening, closing, ground.service[stop], ground.time_slack)
        at = stop
    if ahead:
        busy += stop_duration(plan, ground, k, at, reload) + ground.service[reload]
        w = ground.window_starts[reload]
        spent, early, late = through_reload(plan, ground, k, at, reload, w, loaded, spent, early, late)
        at = reload
    travel = stop_duration(plan, ground, k, at, q)
    busy += travel
    total = whole_duration(plan, ground, k, q, spent + travel, early, late, first)
    if total == math.inf:
        return math.inf, -1, -1
    old = plan.head[ground.size + len(plan.kind) + r, DURATION]
    cost += ground.by_duration[k] * (total - old) - ground.by_busy[k] * busy
    return cost, windows[0], windows[1]


@kernel(_nrt=False)
def _first_window(ground: Ground, c: int, arrival: float) -> int:
    """Return the first window of a customer that an arrival meets, -1 for none."""
    for w in range(ground.window_starts[c], ground.window_starts[c + 1]):
        if arrival <= ground.closing[w] + ground.time_slack:
            return w
    return -1


@kernel(_nrt=False)
def begin_trip_for(plan: Plan, ground: Ground, search: Search, c: int, found: TripPlace) -> bool:
    """Serve a customer, or a shipment, next to a new reload; return false, with nothing changed, where a limit is broken.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; changes.
    c
        A customer who is out; of a shipment the pickup.
    found
        Where.
    """
    r, other, reload = plan.route[found.stop], ground.partner[c], free_reload(plan, ground, found.depot)
    touch(plan, ground, search, r)
    plan.window[c] = found.window
    join(plan, ground, c if found.ahead else reload, found.stop)
    at = c if found.ahead else reload
    if not found.ahead:
        join(plan, ground, c, at)
        at = c
    if other >= 0:
        plan.window[other] = found.other_window
        join(plan, ground, other, at)
        at = other
    if found.ahead:
        join(plan, ground, reload, at)
    if refresh(plan, ground, r):
        search.values[CHANGE] -= ground.prize[c] + (ground.prize[other] if other >= 0 else 0.0)
        return True
    leave(plan, ground, reload)
    leave(plan, ground, c)
    if other >= 0:
        leave(plan, ground, other)
    refresh(plan, ground, r)
    return False


@kernel(_nrt=False)
def drop_empty_trips(plan: Plan, ground: Ground, r: int) -> None:
    """Take reloads out of a route between which nobody is served; segments are to be refreshed."""
    stop = plan.after[ground.size + r]
    for _ in range(plan.members[r]):
        following = plan.after[stop]
        if stop >= ground.customers and (plan.before[stop] >= ground.customers or following >= ground.size):
            leave(plan, ground, stop)
        stop = following


@kernel(_nrt=False)
def place_reloads(plan: Plan, ground: Ground, r: int) -> None:
    """Give each reload of a route its shortest place and depot between the reloads beside it, or none where none is needed.

    Nothing is done where the route breaks a limit.
    """
    if not refresh(plan, ground, r):
        return
    stop = plan.after[ground.size + r]
    for _ in range(plan.members[r]):
        if stop >= ground.size:
            break
        following = plan.after[stop]
        if stop >= ground.customers:
            _place_reload(plan, ground, r, stop)
        stop = following


@kernel(_nrt=False)
def _place_reload(plan: Plan, ground: Ground, r: int, reload: int) -> None:
    """Move a reload to a shorter place on its two trips where that costs less, or leave it out where it is not needed."""
    k, p, cost = plan.kind[r], plan.before[reload], plan.cost[r]
    q = plan.after[reload]
    own = stop_distance(plan, ground, k, p, reload) + stop_distance(plan, ground, k, reload, q)
    leave(plan, ground, reload)
    if refresh(plan, ground, r) and plan.cost[r] <= cost:
        return
    shortest = own - plan.leg[p]
    shortest -= SHORTER * abs(shortest)
    position, chosen = -1, -1
    begin = p
    while begin < ground.customers:
        begin = plan.before[begin]
    for depot in range(ground.homes):
        other = reload if ground.reload_depot[reload - ground.customers] == depot else free_reload(plan, ground, depot)
        if other < 0 or not ground.may[k, other]:
            continue
        stop = plan.after[begin]
        while plan.after[stop] < ground.customers:
            following = plan.after[stop]
            if _may_part(plan, ground, k, stop, following):
                way = stop_distance(plan, ground, k, stop, other) + stop_distance(plan, ground, k, other, following)
                if way - plan.leg[stop] < shortest:
                    shortest, position, chosen = way - plan.leg[stop], stop, other
            stop = following
    if position >= 0:
        join(plan, ground, chosen, position)
        plan.window[chosen] = ground.window_starts[chosen]
        if refresh(plan, ground, r) and plan.cost[r] < cost:
            return
        leave(plan, ground, chosen)
    join(plan, ground, reload, p)
    refresh(plan, ground, r)


@kernel(_nrt=False)
def _may_part(plan: Plan, ground: Ground, k: int, p: int, q: int) -> bool:
    """Return whether a vehicle of type k may reload between two customers of one trip.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    k
        Type of the vehicle.
    p, q
        A customer and the next one.
    """
    if ground.fixed[q] or plan.aboard[p] > 0 or (ground.ordered and ground.rank[q] == 2):
        return False
    for m in range(ground.brought.shape[1]):
        most = max(plan.head_load[p, 3 * m + PEAK], plan.tail_load[q, 3 * m + PEAK])
        if most > ground.capacity[k, m] + ground.load_slack:
            return False
    return True
