"""A new route that pays: a path through near customers with the greatest profit, found in the order of their windows.

References
----------
Feillet, Dejax, Gendreau, Guéguen (2004), doi:10.1002/net.20033: labels of partial paths, as in pricing by column generation.
Deviations: one label a customer, the most profitable one, and customers only in the order in which their windows close, so
that a look is short and never visits anybody twice; savings on the routes of now take the place of dual prices.
"""

from __future__ import annotations

import math

from redwood.kernels import RandomState, kernel, random_below, random_float
from redwood.problems.vrp.ground import Ground
from redwood.problems.vrp.plan import Plan, join, open_route, stop_distance, stop_duration
from redwood.problems.vrp.roads_kernels import road_distance, road_duration
from redwood.problems.vrp.segments import choose_windows
from redwood.solvers.local_search.vrp_growth import SURELY, comes_over, saving_without
from redwood.solvers.local_search.vrp_ruin import refresh_ruined
from redwood.solvers.local_search.vrp_search import CHANGE, Search, list_candidate, take, touch

LEFT_ALONE = 0.3
"""Share of the customers that a look leaves where they are, so that looks differ."""


@kernel(_nrt=False)
def open_profitable(plan: Plan, ground: Ground, search: Search, state: RandomState) -> bool:
    """Open the route with the greatest profit that is found; return whether one was opened.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; gets the customers that left their routes.
    state
        The generator's state [2].
    """
    if plan.counts[0] == 0 or len(plan.kind) - plan.counts[0] >= plan.counts[1]:
        return False
    k = random_below(state, len(plan.used))
    if plan.used[k] >= ground.number[k]:
        return False
    last = most_profitable(plan, ground, search, state, k)
    if last < 0:
        return False
    r = plan.unused[plan.counts[0] - 1]
    touch(plan, ground, search, r)
    open_route(plan, ground, k)
    c = last
    while c >= 0:
        if plan.route[c] >= 0:
            take(plan, ground, search, c)
        list_candidate(search, c)  # who was absent is not any more
        join(plan, ground, c, ground.size + r)
        search.values[CHANGE] -= ground.prize[c]
        c = search.came[c]
    choose_windows(plan, ground, r)
    refresh_ruined(plan, ground, search, state, False)
    return True


@kernel(_nrt=False)
def most_profitable(plan: Plan, ground: Ground, search: Search, state: RandomState, k: int) -> int:
    """Return the last customer of the most profitable route of type k, -1 for none; `Search.came` leads to the first.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    search
        What the search remembers; its labels change.
    state
        The generator's state [2].
    k
        A type with a vehicle left.
    """
    home, away, profile = ground.start[k], ground.end[k], ground.profile[k]
    for c in range(ground.size):
        search.gain[c] = -math.inf
        if ground.may[k, c] and comes_over(plan, ground, c) and random_float(state) >= LEFT_ALONE:
            search.gain[c] = min(saving_without(plan, ground, c), SURELY) - ground.change[k, c]
        begin_label(
            ground,
            search,
            k,
            c,
            road_distance(ground.roads, profile, home, ground.homes + c),
            road_duration(ground.roads, profile, home, ground.homes + c),
        )
    best, last = -math.inf, -1
    for i in range(ground.size):
        c = search.by_closing[i]
        if search.profit[c] == -math.inf:
            continue
        extend_label(plan, ground, search, k, c)
        back = 0.0 if away < 0 else road_distance(ground.roads, profile, ground.homes + c, away)
        if search.profit[c] - ground.by_distance[k] * back > best:
            home_at = search.done_at[c]
            if away >= 0:
                home_at += road_duration(ground.roads, profile, ground.homes + c, away)
            if home_at <= ground.closes[k]:
                best, last = search.profit[c] - ground.by_distance[k] * back, c
    return last


@kernel(_nrt=False)
def begin_label(ground: Ground, search: Search, k: int, c: int, distance: float, duration: float) -> None:
    """Let the label of a customer be that of a route which begins with it.

    Parameters
    ----------
    ground, search
        The instance, and what the search remembers; its labels change.
    k, c
        Type of the vehicle and the customer.
    distance, duration
        The way from the depot.
    """
    search.profit[c] = -math.inf
    search.came[c] = -1
    begin = begin_of_service(ground, c, ground.begins[k] + duration)
    if search.gain[c] == -math.inf or begin == math.inf:
        return
    for m in range(ground.peak.shape[1]):
        if ground.peak[c, m] > ground.capacity[k, m]:
            return
        search.carried[c, m] = ground.peak[c, m]
    search.profit[c] = search.gain[c] - ground.by_distance[k] * distance
    search.done_at[c] = begin + ground.service[c]


@kernel(_nrt=False)
def extend_label(plan: Plan, ground: Ground, search: Search, k: int, c: int) -> None:
    """Offer the path to a customer to near ones whose windows close later.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    search
        What the search remembers; its labels change.
    k, c
        Type of the vehicle, and a customer with a label.
    """
    for i in range(ground.near.shape[1]):
        j = int(ground.near[c, i])
        if search.gain[j] == -math.inf or search.closing_rank[j] <= search.closing_rank[c]:
            continue
        profit = search.profit[c] + search.gain[j] - ground.by_distance[k] * stop_distance(plan, ground, k, c, j)
        if profit <= search.profit[j]:
            continue
        begin = begin_of_service(ground, j, search.done_at[c] + stop_duration(plan, ground, k, c, j))
        if begin == math.inf:
            continue
        fits = True
        for m in range(ground.peak.shape[1]):
            fits = fits and search.carried[c, m] + ground.peak[j, m] <= ground.capacity[k, m]
        if not fits:
            continue
        for m in range(ground.peak.shape[1]):
            search.carried[j, m] = search.carried[c, m] + ground.peak[j, m]
        search.profit[j] = profit
        search.done_at[j] = begin + ground.service[j]
        search.came[j] = c


@kernel(_nrt=False)
def begin_of_service(ground: Ground, c: int, arrival: float) -> float:
    """Return when the service of a customer begins, infinity where all windows are missed."""
    for w in range(ground.window_starts[c], ground.window_starts[c + 1]):
        if arrival <= ground.closing[w]:
            return float(max(arrival, ground.opening[w]))
    return math.inf
