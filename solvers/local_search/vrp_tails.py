"""Two routes exchange their ends: 2-opt* with constant-time checks, annealed.

References
----------
Potvin and Rousseau (1995), An exchange heuristic for routeing problems with time windows, doi:10.1057/jors.1995.204.
Vidal, Crainic, Gendreau, Prins (2014), doi:10.1016/j.ejor.2013.09.045, section 4.2.
"""

from __future__ import annotations

import math

from redwood.kernels import RandomState, kernel, random_float
from redwood.problems.vrp.ground import Ground
from redwood.problems.vrp.insertion import whole_duration
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
    stop_distance,
    stop_duration,
)
from redwood.problems.vrp.segments import in_order, refresh
from redwood.solvers.local_search.vrp_search import TEMPERATURE, Search, touch


@kernel(_nrt=False)
def exchange_tails(plan: Plan, ground: Ground, search: Search, state: RandomState, c: int) -> bool:
    """Let a customer be followed by a near one and what comes behind it, where the temperature allows; return whether.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance; nobody has a shipment.
    search
        What the search remembers; changes.
    state
        The generator's state [2].
    c
        A customer.
    """
    r = plan.route[c]
    if r < 0 or ground.fixed[plan.after[c]]:
        return False
    k = plan.kind[r]
    least, chosen = -search.values[TEMPERATURE] * math.log(1.0 - random_float(state)), -1
    q = plan.after[c]
    for i in range(ground.near.shape[1]):
        j = int(ground.near[c, i])
        s = plan.route[j]
        if s < 0 or s == r or plan.kind[s] != k or ground.fixed[j]:
            continue
        p = plan.before[j]
        own_end = _end_of_other(plan, ground, q, s)
        longer = (
            stop_distance(plan, ground, k, c, j) + stop_distance(plan, ground, k, p, own_end) - plan.leg[c] - plan.leg[p]
        )
        if ground.by_duration[k] == 0.0 and ground.by_distance[k] * longer >= least:
            continue
        more = joined_cost(plan, ground, k, c, j) + joined_cost(plan, ground, k, p, own_end) - _cost_by_way(plan, ground, r)
        more -= _cost_by_way(plan, ground, s)
        if p >= ground.size and own_end >= ground.size:
            more -= ground.by_vehicle[k]
        if more < least:
            least, chosen = more, j
    if chosen < 0:
        return False
    swap_tails(plan, ground, search, c, chosen)
    return True


@kernel(_nrt=False)
def _end_of_other(plan: Plan, ground: Ground, q: int, s: int) -> int:
    """Return stop q, or the end of route s where q is an end."""
    return q if q < ground.size else ground.size + len(plan.kind) + s


@kernel(_nrt=False)
def _cost_by_way(plan: Plan, ground: Ground, r: int) -> float:
    """Return what the distance and the duration of a route cost."""
    k = plan.kind[r]
    end = ground.size + len(plan.kind) + r
    hours = ground.by_duration[k] * plan.head[end, DURATION] - ground.by_busy[k] * plan.head[end, BUSY]
    return float(ground.by_distance[k] * plan.head[end, LENGTH] + hours)


@kernel(_nrt=False)
def joined_cost(plan: Plan, ground: Ground, k: int, p: int, q: int) -> float:
    """Return what distance and duration cost where the start up to stop p is followed by stop q up to its end.

    The cost is infinite where a limit is broken.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    k
        Type of both routes.
    p, q
        A stop of one route, its end excepted, and one of another, its start excepted.
    """
    length = plan.head[p, LENGTH] + stop_distance(plan, ground, k, p, q) + plan.tail[q, LENGTH]
    if length > ground.farthest[k] + ground.farthest_slack[k] or (ground.ordered and not in_order(ground, p, q)):
        return math.inf
    head, tail = plan.head_load, plan.tail_load
    for m in range(ground.brought.shape[1]):
        peak = head[p, 3 * m + PEAK] + tail[q, 3 * m + BROUGHT]
        peak = max(peak, head[p, 3 * m + LEFT] + tail[q, 3 * m + PEAK])
        if peak > ground.capacity[k, m] + ground.load_slack:
            return math.inf
    cost = ground.by_distance[k] * length
    if not ground.timed:
        return float(cost)
    travel = stop_duration(plan, ground, k, p, q)
    earliest, latest = plan.head[p, EARLIEST], plan.head[p, LATEST]
    release = max(plan.head[p, RELEASE], plan.tail[q, RELEASE])
    duration = whole_duration(plan, ground, k, q, plan.head[p, DURATION] + travel, earliest, latest, release)
    if duration == math.inf:
        return math.inf
    busy = plan.head[p, BUSY] + travel + plan.tail[q, BUSY]
    return float(cost + ground.by_duration[k] * duration - ground.by_busy[k] * busy)


@kernel(_nrt=False)
def swap_tails(plan: Plan, ground: Ground, search: Search, c: int, j: int) -> None:
    """Let c be followed by j, who is on another route of the same type, and what was before j by what was behind c.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; gets both routes.
    c, j
        Customers on two routes.
    """
    r, s = plan.route[c], plan.route[j]
    touch(plan, ground, search, r)
    touch(plan, ground, search, s)
    end_r, end_s = ground.size + len(plan.kind) + r, ground.size + len(plan.kind) + s
    p, q = plan.before[j], plan.after[c]
    last_r, last_s = plan.before[end_r], plan.before[end_s]
    _hand_over(plan, s, r, j, end_s)
    _hand_over(plan, r, s, q, end_r)
    _link(plan, c, j)
    _link(plan, last_s, end_r)
    if q == end_r:
        _link(plan, p, end_s)
    else:
        _link(plan, p, q)
        _link(plan, last_r, end_s)
    refresh(plan, ground, r)
    if plan.members[s] > 0:
        refresh(plan, ground, s)


@kernel(_nrt=False)
def _hand_over(plan: Plan, one: int, other: int, stop: int, end: int) -> None:
    """Let the stops from ``stop`` up to the end of a route belong to another one."""
    while stop != end:
        plan.route[stop] = other
        plan.members[one] -= 1
        plan.members[other] += 1
        stop = plan.after[stop]


@kernel(_nrt=False)
def _link(plan: Plan, p: int, q: int) -> None:
    plan.after[p] = q
    plan.before[q] = p
