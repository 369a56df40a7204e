"""Ruin and recreate by string removals for rich vehicle routing, in Numba.

References
----------
Christiaens and Vanden Berghe (2020), Slack Induction by String Removals for Vehicle Routing Problems,
doi:10.1287/trsc.2019.0914: Algorithms 1 to 3, section 5.3 (orders of insertion with windows) and 6.2 (saving vehicles by
absence counts). Deviations: positions are looked for beside near customers before everywhere;
a new vehicle is always a candidate; a changed route gets the cheapest type of vehicle; customers that cannot be served wait
at a penalty; optional ones near the ruin are candidates too and are served where that is worth the prize.
"""

from __future__ import annotations

import math

from redwood.kernels import RandomState, kernel, random_below, random_float
from redwood.problems.vrp.ground import Ground
from redwood.problems.vrp.plan import Plan
from redwood.solvers.local_search.vrp_ejection import eject
from redwood.solvers.local_search.vrp_growth import grow_route
from redwood.solvers.local_search.vrp_profit import open_profitable
from redwood.solvers.local_search.vrp_recreate import recreate, sort_out
from redwood.solvers.local_search.vrp_ruin import Strings, list_others, ruin
from redwood.solvers.local_search.vrp_search import (
    ABSENT,
    ABSENT_BEFORE,
    BEST,
    CHANGE,
    COOLING,
    CURRENT,
    FEWEST,
    FLEET,
    ITERATION,
    KEPT,
    LACKING,
    OUT,
    PENALTY,
    PRICE,
    TEMPERATURE,
    TOUCHED,
    Search,
    candidate_of,
    list_candidate,
    mark_stale,
    restore,
    save_best,
    take,
)
from redwood.solvers.local_search.vrp_tails import exchange_tails
from redwood.solvers.local_search.vrp_types import finish_routes

SEED_ABSENT = 0.4
"""Probability, while vehicles are saved, that routes are ruined near somebody who is absent."""
LEAST_PRICE = 0.2
"""The price of absence never falls below this."""
WINDOW = 1000
"""Iterations between two changes of the price."""
FEW, MANY = 0.05, 0.25
"""Between these shares of iterations with absent customers the price stays."""
EPSILON = 1e-10
"""Share of its cost by which a solution must be lower than the best one to be better."""


@kernel(_nrt=False)
def anneal(plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState, iterations: int) -> int:
    """Do iterations of ruin, recreate and decision; return how many: fewer where the saving of vehicles ends.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; changes.
    strings
        How much is ruined.
    state
        The generator's state [2].
    iterations
        How many iterations are done, at most.
    """
    values = search.values
    counters = search.counters
    saving = counters[FLEET]
    for done in range(iterations):
        if counters[FLEET] != saving:
            return done
        if saving > 0 and counters[ABSENT] > 0 and strings.ejects:
            begin_iteration(search)
            if eject(plan, ground, search, state):
                finish_routes(plan, ground, search)
                note_absent(plan, ground, search)
                accept(plan, ground, search, fees(search))
                if counters[ABSENT] == 0:
                    save_more(plan, ground, search)
                    continue
        begin_iteration(search)
        seed = random_below(state, ground.customers)
        if saving > 0 and counters[ABSENT] > 0 and random_float(state) < SEED_ABSENT:
            seed = search.absent[random_below(state, counters[ABSENT])]
        if strings.tails > 0.0 and random_float(state) < strings.tails:
            exchange_tails(plan, ground, search, state, seed)
        opened = strings.growth > 0.0 and random_float(state) < strings.growth
        if opened:
            if strings.priced:
                opened = open_profitable(plan, ground, search, state)
            else:
                opened = grow_route(plan, ground, search, state, seed)
        if not opened:
            ruin(plan, ground, search, strings, state, seed)
        list_others(plan, ground, search, state, seed)
        sort_out(ground, search, state)
        recreate(plan, ground, search, strings, state)
        finish_routes(plan, ground, search)
        note_absent(plan, ground, search)
        if counters[FLEET] > 0:
            decide_fleet(plan, ground, search, state)
        else:
            decide(plan, ground, search, state)
        values[TEMPERATURE] *= values[COOLING]
    return iterations


@kernel(_nrt=False)
def construct(plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState) -> None:
    """Insert everybody who is out, and keep the result.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; changes.
    strings
        How often a position is overlooked.
    state
        The generator's state [2].
    """
    begin_iteration(search)
    for c in range(ground.customers):
        if plan.route[c] < 0 and candidate_of(ground, c) == c:
            list_candidate(search, c)
    sort_out(ground, search, state)
    recreate(plan, ground, search, strings, state)
    finish_routes(plan, ground, search)
    note_absent(plan, ground, search)
    search.values[CURRENT] += search.values[CHANGE]
    search.values[PENALTY] = fees(search)
    mark_stale(search)
    if search.counters[ABSENT] == 0 and search.values[CURRENT] < search.values[BEST]:
        save_best(plan, ground, search)


@kernel(_nrt=False)
def begin_iteration(search: Search) -> None:
    """Forget the changes of the last iteration."""
    counters = search.counters
    counters[ITERATION] += 1
    counters[TOUCHED] = 0
    counters[KEPT] = 0
    counters[OUT] = 0
    search.values[CHANGE] = 0.0
    for i in range(counters[ABSENT]):
        search.absent_before[i] = search.absent[i]
    counters[ABSENT_BEFORE] = counters[ABSENT]


@kernel(_nrt=False)
def fees(search: Search) -> float:
    """Return the fees of all who are absent."""
    total = 0.0
    for i in range(search.counters[ABSENT]):
        total += search.fee[search.absent[i]]
    return total


@kernel(_nrt=False)
def decide(plan: Plan, ground: Ground, search: Search, state: RandomState) -> None:
    """Keep the new routes or take them back, by cost and fees under the temperature.

    Parameters
    ----------
    plan, ground
        The routes, which change back where they are not kept, and the instance.
    search
        What the search remembers; changes.
    state
        The generator's state [2].
    """
    values, counters = search.values, search.counters
    penalty = fees(search)
    worse = values[CHANGE] + values[PRICE] * (penalty - values[PENALTY])
    if counters[ABSENT] > 0:
        counters[LACKING] += 1
    if worse < -values[TEMPERATURE] * math.log(1.0 - random_float(state)):
        accept(plan, ground, search, penalty)
        if counters[ABSENT] == 0 and values[CURRENT] < values[BEST] - EPSILON * abs(values[CURRENT]):
            save_best(plan, ground, search)
    else:
        restore(plan, ground, search)
    if counters[ITERATION] % WINDOW == 0:
        if counters[LACKING] > MANY * WINDOW:
            values[PRICE] *= 1.15
        elif counters[LACKING] < FEW * WINDOW:
            values[PRICE] = max(LEAST_PRICE, values[PRICE] / 1.15)
        counters[LACKING] = 0


@kernel(_nrt=False)
def accept(plan: Plan, ground: Ground, search: Search, penalty: float) -> None:
    """Let the new routes be those of now.

    Parameters
    ----------
    plan, ground
        The new routes and the instance.
    search
        What the search remembers; changes.
    penalty
        Fees of all who are absent now.
    """
    search.values[CURRENT] += search.values[CHANGE]
    search.values[PENALTY] = penalty
    mark_stale(search)


@kernel(_nrt=False)
def decide_fleet(plan: Plan, ground: Ground, search: Search, state: RandomState) -> None:
    """Keep the new routes where those who were absent least often are absent; with nobody absent, give up one route more.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; changes.
    state
        The generator's state [2].
    """
    values, counters = search.values, search.counters
    before, now = 0, 0
    for i in range(counters[ABSENT_BEFORE]):
        before += search.absences[search.absent_before[i]]
    for i in range(counters[ABSENT]):
        now += search.absences[search.absent[i]]
    for i in range(counters[ABSENT]):
        search.absences[search.absent[i]] += 1
    cheap = values[CHANGE] < -values[TEMPERATURE] * math.log(1.0 - random_float(state))
    complete = counters[ABSENT] == 0
    if complete or now < before or (counters[ABSENT] <= counters[ABSENT_BEFORE] and cheap):
        accept(plan, ground, search, fees(search))
    else:
        restore(plan, ground, search)
        return
    if complete:
        save_more(plan, ground, search)


@kernel(_nrt=False)
def save_more(plan: Plan, ground: Ground, search: Search) -> None:
    """Keep routes that serve everybody as the best ones, and give up one more unless they are as few as can be."""
    save_best(plan, ground, search)
    if len(plan.kind) - plan.counts[0] > search.counters[FEWEST]:
        drop_route(plan, ground, search)
    else:
        search.counters[FLEET] = 0


@kernel(_nrt=False)
def drop_route(plan: Plan, ground: Ground, search: Search) -> None:
    """Give up the route whose customers were absent least often, and let no more be driven than are left."""
    begin_iteration(search)
    chosen, least = -1, 0
    for r in range(len(plan.kind)):
        if plan.kind[r] < 0 or ground.fixed[plan.after[ground.size + r]]:
            continue
        stop, total = ground.size + r, 0
        for _ in range(plan.members[r]):
            stop = plan.after[stop]
            total += search.absences[stop]
        if chosen < 0 or total < least:
            chosen, least = r, total
    for _ in range(plan.members[chosen]):
        if plan.members[chosen] > 0:
            take(plan, ground, search, plan.after[ground.size + chosen])
    finish_routes(plan, ground, search)
    note_absent(plan, ground, search)
    accept(plan, ground, search, fees(search))
    plan.counts[1] = len(plan.kind) - plan.counts[0]


@kernel(_nrt=False)
def note_absent(plan: Plan, ground: Ground, search: Search) -> None:
    """List who should be served and is not: of a shipment the pickup, of a group whoever was tried first.

    Those who were absent before and were not tried now stay absent.
    """
    counters = search.counters
    counters[ABSENT] = 0
    for i in range(counters[ABSENT_BEFORE]):
        c = search.absent_before[i]
        g = ground.group[c]
        if search.listed[c] == counters[ITERATION] or (g >= 0 and plan.grouped[g] > 0):
            continue
        if g >= 0:
            search.grouped_in[g] = -counters[ITERATION]
        search.absent[counters[ABSENT]] = c
        counters[ABSENT] += 1
    for i in range(counters[OUT]):
        c = search.out[i]
        if plan.route[c] >= 0:
            continue
        g = ground.group[c]
        due = ground.required[c]
        if g >= 0 and ground.group_required[g] and plan.grouped[g] == 0 and search.grouped_in[g] != -counters[ITERATION]:
            search.grouped_in[g] = -counters[ITERATION]
            due = True
        if due:
            search.absent[counters[ABSENT]] = c
            counters[ABSENT] += 1
