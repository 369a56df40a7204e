"""Insertion where the others on the route may have their windows chosen anew."""

from __future__ import annotations

import math

from redwood.kernels import kernel
from redwood.problems.vrp.ground import Ground
from redwood.problems.vrp.plan import Plan, join, leave
from redwood.problems.vrp.segments import choose_windows, refresh
from redwood.solvers.local_search.vrp_search import CHANGE, Search, touch


@kernel(_nrt=False)
def insert_anew(plan: Plan, ground: Ground, search: Search, c: int, most: float) -> bool:
    """Insert a customer where it is cheapest with all windows of the route chosen anew; return whether below ``most``.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; changes.
    c
        A customer who is out and belongs to no shipment.
    most
        The cost has to be below it.
    """
    cheapest, position = most, -1
    for r in range(len(plan.kind)):
        if plan.kind[r] >= 0 and ground.may[plan.kind[r], c]:
            cost, p = _cheapest_anew(plan, ground, search, r, c)
            if cost < cheapest:
                cheapest, position = cost, p
    if position < 0:
        return False
    r = plan.route[position]
    touch(plan, ground, search, r)
    join(plan, ground, c, position)
    choose_windows(plan, ground, r)
    refresh(plan, ground, r)
    search.values[CHANGE] -= ground.prize[c]
    return True


@kernel(_nrt=False)
def _cheapest_anew(plan: Plan, ground: Ground, search: Search, r: int, c: int) -> tuple[float, int]:
    """Return (cost, stop before) of the cheapest position on a route; infinity where there is none."""
    stop, before, members = ground.size + r, plan.cost[r], plan.members[r]
    for i in range(members):
        stop = plan.after[stop]
        search.came[i] = plan.window[stop]
    cheapest, position = math.inf, -1
    p = ground.size + r
    for _ in range(members + 1):
        if not ground.fixed[plan.after[p]]:
            join(plan, ground, c, p)
            choose_windows(plan, ground, r)
            if refresh(plan, ground, r) and plan.cost[r] - before < cheapest:
                cheapest, position = plan.cost[r] - before, p
            leave(plan, ground, c)
        p = plan.after[p]
    stop = ground.size + r
    for i in range(members):
        stop = plan.after[stop]
        plan.window[stop] = search.came[i]
    refresh(plan, ground, r)
    return cheapest, position
