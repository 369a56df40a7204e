"""A new route that grows from one customer: near ones come over where that saves more than it costs.

References
----------
Ours: insertions one by one seldom pay for another vehicle, since only the last of many customers makes up for its way out
and back.
"""

from __future__ import annotations

import math

from redwood.kernels import RandomState, kernel
from redwood.problems.vrp.ground import Ground
from redwood.problems.vrp.insertion import insertion_cost
from redwood.problems.vrp.plan import Plan, stop_distance, stop_duration
from redwood.solvers.local_search.vrp_recreate import open_for, put
from redwood.solvers.local_search.vrp_ruin import refresh_ruined
from redwood.solvers.local_search.vrp_search import Search, list_candidate, take

GROWTH_NEAR = 30
"""So many customers near a stop of a growing route may come over."""
GROWTH_STEPS = 400
"""Looks around a stop of a growing route, at most."""
SURELY = 1e15
"""What it saves to serve somebody absent."""


@kernel(_nrt=False)
def grow_route(plan: Plan, ground: Ground, search: Search, state: RandomState, seed: int) -> bool:
    """Open a route for a customer and let those come over who are cheaper there; return whether a route was opened.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; gets the customers that left their routes.
    state
        The generator's state [2].
    seed
        The customer the route begins with; nobody of a shipment or a prefix.
    """
    if not comes_over(plan, ground, seed) or plan.counts[0] == 0 or len(plan.kind) - plan.counts[0] >= plan.counts[1]:
        return False
    if plan.route[seed] >= 0:
        take(plan, ground, search, seed)
    list_candidate(search, seed)
    if open_for(plan, ground, search, state, seed, math.inf):
        _take_in(plan, ground, search, seed)
    refresh_ruined(plan, ground, search, state, False)
    return True


@kernel(_nrt=False)
def _take_in(plan: Plan, ground: Ground, search: Search, seed: int) -> None:
    """Let customers come over to the route of one, whoever gains most first, until nobody gains."""
    r, stop = plan.route[seed], seed
    for _ in range(GROWTH_STEPS):
        c, p, window = best_guest(plan, ground, r, stop)
        if c < 0:
            stop = plan.after[stop]
            if stop >= ground.size:
                break
            continue
        if plan.route[c] >= 0:
            take(plan, ground, search, c)
        list_candidate(search, c)  # who was absent is not any more
        if not put(plan, ground, search, c, p, window):
            break
        if p != stop:
            stop = c


@kernel(_nrt=False)
def best_guest(plan: Plan, ground: Ground, r: int, stop: int) -> tuple[int, int, int]:
    """Return (customer, stop before, window) of who gains most by coming beside a stop of route r; -1 for nobody.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    r, stop
        The route, and a customer on it.
    """
    most, found, position, window = 0.0, -1, -1, -1
    for i in range(min(GROWTH_NEAR, ground.near.shape[1])):
        c = int(ground.near[stop, i])
        if plan.route[c] == r or not ground.may[plan.kind[r], c] or not comes_over(plan, ground, c):
            continue
        saving = min(saving_without(plan, ground, c), SURELY)
        for side in range(2):
            p = stop if side == 0 else plan.before[stop]
            cost, w = insertion_cost(plan, ground, r, c, p, saving - most)
            if saving - cost > most:
                most, found, position, window = saving - cost, c, p, w
    return found, position, window


@kernel(_nrt=False)
def comes_over(plan: Plan, ground: Ground, c: int) -> bool:
    """Return whether a customer may change its route on its own."""
    if ground.partner[c] >= 0 or ground.fixed[c]:
        return False
    g = ground.group[c]
    return bool(plan.route[c] >= 0 or g < 0 or plan.grouped[g] == 0)


@kernel(_nrt=False)
def saving_without(plan: Plan, ground: Ground, c: int) -> float:
    """Return about what is saved where a customer leaves its route, waiting aside; of one who is out the prize."""
    r = plan.route[c]
    if r < 0:
        return math.inf if ground.required[c] else float(ground.prize[c])
    k = plan.kind[r]
    p, q = plan.before[c], plan.after[c]
    shorter = (
        stop_distance(plan, ground, k, p, c) + stop_distance(plan, ground, k, c, q) - stop_distance(plan, ground, k, p, q)
    )
    saving = ground.by_distance[k] * shorter + ground.change[k, c]
    if ground.by_duration[k] > 0.0:
        sooner = stop_duration(plan, ground, k, p, c) + stop_duration(plan, ground, k, c, q)
        sooner += ground.service[c] - stop_duration(plan, ground, k, p, q)
        saving += (ground.by_duration[k] - ground.by_busy[k]) * sooner
    return float(saving)
