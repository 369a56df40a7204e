"""The cheapest type of vehicle for each changed route."""

from __future__ import annotations

from redwood.kernels import kernel
from redwood.problems.vrp.alike import has_room, retype_alike
from redwood.problems.vrp.ground import Ground
from redwood.problems.vrp.plan import LENGTH, Plan, close_route, stop_distance
from redwood.problems.vrp.segments import refresh
from redwood.solvers.local_search.vrp_search import CHANGE, TOUCHED, Search
from redwood.solvers.local_search.vrp_trips import drop_empty_trips, place_reloads

EPSILON = 1e-10
"""Share of its cost by which a route must get cheaper to be changed."""


@kernel(_nrt=False)
def finish_routes(plan: Plan, ground: Ground, search: Search) -> None:
    """Give changed routes their cheapest type, close empty ones, and add the costs of the others."""
    for t in range(search.counters[TOUCHED]):
        r = search.touched[t]
        if plan.kind[r] < 0:
            continue
        if ground.reloading:
            drop_empty_trips(plan, ground, r)
            place_reloads(plan, ground, r)
        if plan.members[r] == 0:
            close_route(plan, r)
            continue
        if ground.turns and plan.members[r] > 1:
            turn(plan, ground, r)
        if len(plan.used) > 1 and not ground.fixed[plan.after[ground.size + r]]:
            retype(plan, ground, r)
        search.values[CHANGE] += plan.cost[r]


@kernel(_nrt=False)
def turn(plan: Plan, ground: Ground, r: int) -> None:
    """Let a route begin with the stop, and belong to the depot, with which it is cheapest."""
    start, end = ground.size + r, ground.size + len(plan.kind) + r
    own, first, last = plan.kind[r], plan.after[start], plan.before[end]
    circle = plan.head[end, LENGTH] - plan.leg[start] - plan.leg[last] + stop_distance(plan, ground, own, last, first)
    chosen, cut, least = own, first, plan.cost[r] * (1.0 - EPSILON)
    for k in range(len(plan.used)):
        if k != own and (plan.used[k] >= ground.number[k] or not _may_take(plan, ground, r, k)):
            continue
        plan.place[start], plan.place[end] = ground.start[k], ground.end[k]
        before, stop = last, first
        for _ in range(plan.members[r]):
            way = stop_distance(plan, ground, k, start, stop) + stop_distance(plan, ground, k, before, end)
            saved = plan.leg[before] if before != last else stop_distance(plan, ground, k, last, first)
            cost = ground.by_vehicle[k] + ground.by_distance[k] * (circle + way - saved)
            if cost < least:
                chosen, cut, least = k, stop, cost
            before, stop = stop, plan.after[stop]
    before = last if cut == first else plan.before[cut]
    _lead(plan, r, first, last, before, cut)
    if _as_type(plan, ground, r, chosen):
        plan.used[own] -= 1
        plan.used[chosen] += 1
    else:
        _lead(plan, r, cut, before, last, first)
        _as_type(plan, ground, r, own)


@kernel(_nrt=False)
def _lead(plan: Plan, r: int, first: int, last: int, before: int, cut: int) -> None:
    """Close the circle of a route from ``first`` to ``last``, and open it between ``before`` and ``cut``."""
    slots = len(plan.kind)
    start = len(plan.after) - 2 * slots + r
    plan.after[last], plan.before[first] = first, last
    plan.after[start], plan.before[cut] = cut, start
    plan.after[before], plan.before[start + slots] = start + slots, before


@kernel(_nrt=False)
def retype(plan: Plan, ground: Ground, r: int) -> None:
    """Give a route the cheapest type of vehicle that is free and can drive it."""
    retype_alike(plan, ground, r)
    own = plan.kind[r]
    best, least = own, plan.cost[r]
    for k in range(len(plan.used)):
        if k == own or ground.alike[own, k] or plan.used[k] >= ground.number[k] or not _may_take(plan, ground, r, k):
            continue
        known = ground.by_duration[k] == 0.0 and ground.profile[k] == ground.profile[own]
        if known and ground.by_vehicle[k] + ground.by_distance[k] * _length_as(plan, ground, r, k) >= least:
            continue
        if _as_type(plan, ground, r, k) and plan.cost[r] < least:
            best, least = k, plan.cost[r]
        _as_type(plan, ground, r, own)
    if best != own:
        plan.used[own] -= 1
        plan.used[best] += 1
        _as_type(plan, ground, r, best)


@kernel(_nrt=False)
def _may_take(plan: Plan, ground: Ground, r: int, k: int) -> bool:
    """Return whether a type has the capacity for a route and may serve all on it."""
    if not has_room(plan, ground, ground.size + len(plan.kind) + r, k):
        return False
    stop = ground.size + r
    for _ in range(plan.members[r]):
        stop = plan.after[stop]
        if not ground.may[k, stop]:
            return False
    return True


@kernel(_nrt=False)
def _length_as(plan: Plan, ground: Ground, r: int, k: int) -> float:
    """Return the length of a route with the depots of another type of the same profile."""
    start, end = ground.size + r, ground.size + len(plan.kind) + r
    own = plan.kind[r]
    if ground.start[k] == ground.start[own] and ground.end[k] == ground.end[own]:
        return float(plan.head[end, LENGTH])
    length = plan.head[end, LENGTH] - plan.leg[start] - plan.leg[plan.before[end]]
    first, last = plan.after[start], plan.before[end]
    plan.place[start], plan.place[end] = ground.start[k], ground.end[k]
    length += stop_distance(plan, ground, k, start, first) + stop_distance(plan, ground, k, last, end)
    plan.place[start], plan.place[end] = ground.start[own], ground.end[own]
    return float(length)


@kernel(_nrt=False)
def _as_type(plan: Plan, ground: Ground, r: int, k: int) -> bool:
    """Let a vehicle of type k drive a route; return whether it can. The counts of vehicles are not changed."""
    start, end = ground.size + r, ground.size + len(plan.kind) + r
    plan.kind[r] = k
    plan.place[start], plan.place[end] = ground.start[k], ground.end[k]
    return refresh(plan, ground, r)
