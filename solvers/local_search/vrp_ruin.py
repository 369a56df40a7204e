"""The ruin of SISR: strings of customers near a seed leave their routes, and who may come in for them.

References
----------
Christiaens and Vanden Berghe (2020), doi:10.1287/trsc.2019.0914: Algorithm 2, section 5.1.
"""

from __future__ import annotations

from typing import NamedTuple

from redwood.kernels import RandomState, kernel, random_below, random_float
from redwood.problems.vrp.alike import retype_alike
from redwood.problems.vrp.ground import Ground
from redwood.problems.vrp.plan import Plan, close_route, first_free
from redwood.problems.vrp.segments import refresh
from redwood.solvers.local_search.vrp_search import (
    ABSENT,
    ITERATION,
    OUT,
    TOUCHED,
    Search,
    candidate_of,
    list_candidate,
    take,
)
from redwood.solvers.local_search.vrp_trips import drop_empty_trips, place_reloads

MOST_ABSENT = 10
"""Of more absent customers only so many are tried in an iteration, besides those near its ruin."""
WHOLE_ROUTE = 0.01
"""Probability that an optional seed loses its whole route, which may cost more than it brings."""
MERGED = 0.5
"""Probability that trips of ruined routes which fit into one become one before the insertions."""
DOWNSIZE = 0.5
"""Probability that ruined routes get the cheapest vehicle for the rest of them before the insertions."""


class Strings(NamedTuple):
    """How much is ruined, and how often a position is overlooked.

    Attributes
    ----------
    removals
        Mean number of customers removed.
    longest
        The longest string.
    split, deepen
        Probability that a string keeps customers in its middle, and that it keeps one more.
    blink
        Probability that a position is overlooked.
    growth, tails
        Probabilities that a new route is opened for many in place of a ruin, and that two routes exchange their ends
        before it.
    ejects, priced
        Whether somebody absent takes the place of others before each ruin while vehicles are saved; and whether new
        routes are those of greatest profit, where they do not grow from the seed.
    """

    removals: float
    longest: float
    split: float
    deepen: float
    blink: float
    growth: float
    tails: float
    ejects: bool
    priced: bool


@kernel(_nrt=False)
def ruin(plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState, seed: int) -> None:
    """Remove strings of customers from routes near a customer.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; gets the customers removed.
    strings
        How much is ruined.
    state
        The generator's state [2].
    seed
        The customer near whom routes are ruined.
    """
    counters = search.counters
    routes = len(plan.kind) - plan.counts[0]
    if routes == 0:
        return
    served = 0
    for r in range(len(plan.kind)):
        if plan.kind[r] >= 0:
            served += plan.members[r]
    longest = min(strings.longest, served / routes)
    most = 4.0 * strings.removals / (1.0 + longest) - 1.0
    wanted = int(1.0 + random_float(state) * most)
    for i in range(-1, ground.close.shape[1]):
        c = seed if i < 0 else ground.close[seed, i]
        r = plan.route[c]
        if r < 0 or search.ruined[r] == counters[ITERATION]:
            continue
        search.ruined[r] = counters[ITERATION]
        length = int(1.0 + random_float(state) * min(float(plan.members[r]), longest))
        if c == seed and not ground.required[c] and random_float(state) < WHOLE_ROUTE:
            length = plan.members[r]
        remove_string(plan, ground, search, strings, state, c, min(length, plan.members[r]))
        wanted -= 1
        if wanted == 0:
            break
    refresh_ruined(plan, ground, search, state, ground.larger.shape[1] > 0 and random_float(state) < DOWNSIZE)


@kernel(_nrt=False)
def refresh_ruined(plan: Plan, ground: Ground, search: Search, state: RandomState, downsize: bool) -> None:
    """Compute the changed routes anew, close empty ones, and take out who cannot be reached any more.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers, among it the changed routes.
    state
        The generator's state [2].
    downsize
        Whether they get the cheapest vehicle for the rest of them.
    """
    for t in range(search.counters[TOUCHED]):
        r = search.touched[t]
        if plan.kind[r] < 0:
            continue
        if ground.reloading:
            drop_empty_trips(plan, ground, r)
            if random_float(state) < MERGED:
                place_reloads(plan, ground, r)
        if plan.members[r] > 0 and not refresh(plan, ground, r):  # ways through those who left were shorter
            for _ in range(plan.members[r]):
                free = first_free(plan, ground, r)
                if free < ground.size:
                    take(plan, ground, search, free)
            refresh(plan, ground, r)
        if plan.members[r] == 0:
            close_route(plan, r)
        elif downsize and not ground.fixed[plan.after[ground.size + r]]:
            retype_alike(plan, ground, r)


@kernel(_nrt=False)
def remove_string(
    plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState, c: int, length: int
) -> None:
    """Remove ``length`` customers around c from its route, perhaps keeping some in the middle.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; gets the customers removed.
    strings
        Probabilities that customers in the middle are kept.
    state
        The generator's state [2].
    c
        A customer who is served; the string holds them, or keeps them in its middle.
    length
        Customers to remove, from 1 to as many as the route has; partners in shipments come besides.
    """
    count = plan.members[plan.route[c]]
    kept = 0
    if length < count and length > 1 and random_float(state) < strings.split:
        kept = 1
        for _ in range(count):
            if length + kept >= count or random_float(state) >= strings.deepen:
                break
            kept += 1
    span = length + kept
    behind, stop = 0, plan.before[c]
    for _ in range(span - 1):
        if stop >= ground.size:
            break
        behind += 1
        stop = plan.before[stop]
    ahead, stop = 0, plan.after[c]
    for _ in range(span - 1):
        if stop >= ground.size:
            break
        ahead += 1
        stop = plan.after[stop]
    least = max(0, span - 1 - ahead)
    back = least + random_below(state, behind - least + 1)
    stop = c
    for _ in range(back):
        stop = plan.before[stop]
    start_kept = span if kept == 0 else 1 + random_below(state, length - 1)
    taken = search.counters[OUT]
    for i in range(span):  # first listed, then taken: the other end of a shipment may stand anywhere on the route
        if i < start_kept or i >= start_kept + kept:
            search.keys[taken] = stop
            taken += 1
        stop = plan.after[stop]
    for i in range(search.counters[OUT], taken):
        chosen = int(search.keys[i])
        if plan.route[chosen] >= 0 and not ground.fixed[chosen] and chosen < ground.customers:
            take(plan, ground, search, chosen)


@kernel(_nrt=False)
def list_others(plan: Plan, ground: Ground, search: Search, state: RandomState, seed: int) -> None:
    """List for insertion the absent (of many some), alternatives of those taken out, and optional customers near by.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    search
        What the search remembers; gets the candidates.
    state
        The generator's state [2].
    seed
        The customer near whom the ruin was.
    """
    absent = search.counters[ABSENT]
    if absent <= MOST_ABSENT:
        for i in range(absent):
            list_candidate(search, search.absent[i])
    else:
        for _ in range(MOST_ABSENT):
            list_candidate(search, search.absent[random_below(state, absent)])
    if len(ground.group_required) > 0:
        count = search.counters[OUT]
        for i in range(count):
            g = ground.group[search.out[i]]
            if g >= 0 and search.grouped_in[g] != search.counters[ITERATION]:
                search.grouped_in[g] = search.counters[ITERATION]
                for c in range(ground.size):
                    if ground.group[c] == g and plan.route[c] < 0:
                        list_candidate(search, c)
    for i in range(-1, ground.close.shape[1]):
        c = seed if i < 0 else ground.close[seed, i]
        if plan.route[c] < 0:
            list_candidate(search, candidate_of(ground, c))
