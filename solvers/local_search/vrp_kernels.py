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
from typing import NamedTuple

from redwood.kernels import RandomState, kernel, random_below, random_float
from redwood.problems.vrp.insertion import insertion_cost, next_blink, shipment_cost
from redwood.problems.vrp.plan import (
    LENGTH,
    PEAK,
    Ground,
    Plan,
    choose_windows,
    close_route,
    join,
    leave,
    open_route,
    refresh,
    stop_distance,
)
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
    list_candidate,
    mark_stale,
    restore,
    save_best,
    take,
    touch,
)

LEAST_PRICE = 0.2
"""The price of absence never falls below this."""
WINDOW = 1000
"""Iterations between two changes of the price."""
FEW, MANY = 0.05, 0.25
"""Between these shares of iterations with absent customers the price stays."""
RANDOM_TYPE = 0.3
"""Probability that a new route has any type instead of the cheapest one."""
ANY_PRICE = 0.1
"""Probability that an optional customer is served at any price while a required one, who may need it before, is absent."""
EPSILON = 1e-10
"""Share of its cost by which a solution must be lower than the best one to be better."""


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
    """

    removals: float
    longest: float
    split: float
    deepen: float
    blink: float


@kernel(_nrt=False)
def anneal(plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState, iterations: int) -> int:
    """Do iterations of ruin, recreate and decision; return how many: fewer where the saving of vehicles ends."""
    values = search.values
    counters = search.counters
    saving = counters[FLEET]
    for done in range(iterations):
        if counters[FLEET] != saving:
            return done
        begin_iteration(search)
        seed = random_below(state, ground.size)
        ruin(plan, ground, search, strings, state, seed)
        list_others(plan, ground, search, seed)
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
    """Insert everybody who is out, and keep the result."""
    begin_iteration(search)
    for c in range(ground.size):
        if plan.route[c] < 0 and (ground.partner[c] < 0 or ground.collects[c]):
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
    """Keep the new routes or take them back, by cost and fees under the temperature."""
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
    """Let the new routes be those of now."""
    search.values[CURRENT] += search.values[CHANGE]
    search.values[PENALTY] = penalty
    mark_stale(search)


@kernel(_nrt=False)
def decide_fleet(plan: Plan, ground: Ground, search: Search, state: RandomState) -> None:
    """Keep the new routes where those who were absent least often are absent; with nobody absent, give up one route more."""
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
    driven = len(plan.kind) - plan.counts[0]
    if complete:
        save_best(plan, ground, search)
        if driven > counters[FEWEST]:
            drop_route(plan, ground, search)
        else:
            counters[FLEET] = 0


@kernel(_nrt=False)
def drop_route(plan: Plan, ground: Ground, search: Search) -> None:
    """Give up the route whose customers were absent least often, and let no more be driven than are left."""
    begin_iteration(search)
    chosen, least = -1, 0
    for r in range(len(plan.kind)):
        if plan.kind[r] < 0:
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
def ruin(plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState, seed: int) -> None:
    """Remove strings of customers from routes near a customer."""
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
        remove_string(plan, ground, search, strings, state, c, min(length, plan.members[r]))
        wanted -= 1
        if wanted == 0:
            break
    for t in range(counters[TOUCHED]):
        r = search.touched[t]
        if plan.kind[r] < 0:
            continue
        if plan.members[r] > 0 and not refresh(plan, ground, r):  # ways through those who left were shorter
            for _ in range(plan.members[r]):
                if plan.members[r] > 0:
                    take(plan, ground, search, plan.after[ground.size + r])
        if plan.members[r] == 0:
            close_route(plan, r)


@kernel(_nrt=False)
def remove_string(
    plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState, c: int, length: int
) -> None:
    """Remove ``length`` customers around c from its route, perhaps keeping some in the middle."""
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
        if plan.route[chosen] >= 0:
            take(plan, ground, search, chosen)


@kernel(_nrt=False)
def list_others(plan: Plan, ground: Ground, search: Search, seed: int) -> None:
    """List for insertion who is absent, the alternatives of those who were taken out, and optional customers near by."""
    for i in range(search.counters[ABSENT]):
        list_candidate(search, search.absent[i])
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
            other = ground.partner[c]
            list_candidate(search, c if other < 0 or ground.collects[c] else other)


@kernel(_nrt=False)
def sort_out(ground: Ground, search: Search, state: RandomState) -> None:
    """Order the candidates: at random, by load, far or close first, with windows also by their length, beginning or end.

    The weights are 4, 4, 2, 1, and 2 for each order by windows.
    """
    draw = random_below(state, 17 if ground.timed else 11)
    out, keys = search.out, search.keys
    count = search.counters[OUT]
    for i in range(count):
        c = out[i]
        if draw < 4:
            keys[i] = random_float(state)
        elif draw < 8:
            keys[i] = -search.bulk[c]
        elif draw < 10:
            keys[i] = -search.far[c]
        elif draw < 11:
            keys[i] = search.far[c]
        elif draw < 13:
            keys[i] = search.late[c] - search.early[c]
        elif draw < 15:
            keys[i] = search.early[c]
        else:
            keys[i] = -search.late[c]
    for i in range(1, count):
        key, c, at = keys[i], out[i], i
        for _ in range(i):
            if keys[at - 1] <= key:
                break
            keys[at] = keys[at - 1]
            out[at] = out[at - 1]
            at -= 1
        keys[at] = key
        out[at] = c


@kernel(_nrt=False)
def recreate(plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState) -> None:
    """Insert the candidates one after the other, each where it is cheapest of what is not overlooked."""
    count = search.counters[OUT]
    lacking = search.counters[ABSENT_BEFORE] > 0
    for i in range(2 * count if ground.ordered or lacking else count):  # some can only come behind another one
        c = search.out[i % count]
        g = ground.group[c]
        if plan.route[c] >= 0 or (g >= 0 and plan.grouped[g] > 0):
            continue
        most = math.inf
        if not ground.required[c] and not (g >= 0 and ground.group_required[g]):
            most = ground.prize[c] - search.values[TEMPERATURE] * math.log(1.0 - random_float(state))
            if ground.partner[c] >= 0:
                most += ground.prize[ground.partner[c]]
            if lacking and random_float(state) < ANY_PRICE:
                most = math.inf
        if ground.partner[c] >= 0:
            insert_shipment(plan, ground, search, strings, state, c, most)
        else:
            insert_customer(plan, ground, search, strings, state, c, most)


@kernel(_nrt=False)
def insert_customer(
    plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState, c: int, most: float
) -> None:
    """Insert a customer where it is cheapest beside near customers, else anywhere."""
    cheapest, position, window = most, -1, -1
    blinks = search.blinks
    near = ground.near
    partial = near.shape[1] < ground.size - 1
    for i in range(near.shape[1]):
        j = int(near[c, i])
        r = plan.route[j]
        if r < 0 or not ground.may[plan.kind[r], c]:
            continue
        p = plan.before[j]
        sides = (
            2 if p >= ground.size or (partial and stop_distance(plan, ground, plan.kind[r], p, c) > ground.reach[c]) else 1
        )
        for side in range(sides):  # behind j, and before it where that is not behind another near customer
            blinks[0] -= 1
            if blinks[0] < 0:
                blinks[0] = next_blink(strings.blink, state)
                continue
            stop = j if side == 0 else p
            cost, w = insertion_cost(plan, ground, r, c, stop, cheapest)
            if cost < cheapest:
                cheapest, position, window = cost, stop, w
    if position < 0 and partial:
        cheapest, position, window = anywhere(plan, ground, c, most)
    if open_for(plan, ground, search, state, c, cheapest):
        return
    if position >= 0:
        put(plan, ground, search, c, position, window)


@kernel(_nrt=False)
def anywhere(plan: Plan, ground: Ground, c: int, most: float) -> tuple[float, int, int]:
    """Return (cost, stop before, window) of the cheapest position of a customer on all routes."""
    cheapest, position, window = most, -1, -1
    for r in range(len(plan.kind)):
        if plan.kind[r] < 0 or not ground.may[plan.kind[r], c]:
            continue
        p = ground.size + r
        for _ in range(plan.members[r] + 1):
            cost, w = insertion_cost(plan, ground, r, c, p, cheapest)
            if cost < cheapest:
                cheapest, position, window = cost, p, w
            p = plan.after[p]
    return cheapest, position, window


@kernel(_nrt=False)
def put(plan: Plan, ground: Ground, search: Search, c: int, p: int, window: int) -> bool:
    """Insert a customer behind stop p; return false, with nothing changed, where the route as a whole breaks a limit."""
    r = plan.route[p]
    touch(plan, ground, search, r)
    plan.window[c] = window
    join(plan, ground, c, p)
    if refresh(plan, ground, r):
        search.values[CHANGE] -= ground.prize[c]
        return True
    leave(plan, ground, c)
    refresh(plan, ground, r)
    return False


@kernel(_nrt=False)
def open_for(plan: Plan, ground: Ground, search: Search, state: RandomState, c: int, cheapest: float) -> bool:
    """Open a route for a customer (with its shipment) where that is cheaper than its cheapest position; return whether."""
    driven = len(plan.kind) - plan.counts[0]
    if plan.counts[0] == 0 or driven >= plan.counts[1]:
        return False
    chosen, able = -1, 0
    least = math.inf
    for k in range(len(plan.used)):
        if plan.used[k] < ground.number[k] and search.alone[k, c] < math.inf:
            able += 1
            if search.alone[k, c] < least:
                chosen, least = k, search.alone[k, c]
    if chosen < 0 or not least < cheapest:
        return False
    if able > 1 and random_float(state) < RANDOM_TYPE:
        skip = random_below(state, able)
        for k in range(len(plan.used)):
            if plan.used[k] < ground.number[k] and search.alone[k, c] < math.inf:
                if skip == 0:
                    chosen = k
                    break
                skip -= 1
    r = plan.unused[plan.counts[0] - 1]
    touch(plan, ground, search, r)
    open_route(plan, ground, chosen)
    join(plan, ground, c, ground.size + r)
    search.values[CHANGE] -= ground.prize[c]
    if ground.partner[c] >= 0:
        join(plan, ground, ground.partner[c], c)
        search.values[CHANGE] -= ground.prize[ground.partner[c]]
    choose_windows(plan, ground, r)
    refresh(plan, ground, r)
    return True


@kernel(_nrt=False)
def insert_shipment(
    plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState, c: int, most: float
) -> None:
    """Insert both ends of a shipment where they are cheapest on one route, or on a new one."""
    other = ground.partner[c]
    best = (most, -1, -1, -1, -1)
    for r in range(len(plan.kind)):
        if plan.kind[r] < 0 or not ground.may[plan.kind[r], c] or not ground.may[plan.kind[r], other]:
            continue
        found = shipment_cost(plan, ground, r, c, other, best[0], search.load, search.blinks, strings.blink, state)
        if found[0] < best[0]:
            best = found
    if open_for(plan, ground, search, state, c, best[0]) or best[1] < 0:
        return
    r = plan.route[best[1]]
    touch(plan, ground, search, r)
    plan.window[c] = best[3]
    plan.window[other] = best[4]
    join(plan, ground, c, best[1])
    join(plan, ground, other, best[2])
    if refresh(plan, ground, r):
        search.values[CHANGE] -= ground.prize[c] + ground.prize[other]
        return
    leave(plan, ground, other)
    leave(plan, ground, c)
    refresh(plan, ground, r)


@kernel(_nrt=False)
def finish_routes(plan: Plan, ground: Ground, search: Search) -> None:
    """Give changed routes their cheapest type, close empty ones, and add the costs of the others."""
    for t in range(search.counters[TOUCHED]):
        r = search.touched[t]
        if plan.kind[r] < 0:
            continue
        if plan.members[r] == 0:
            close_route(plan, r)
            continue
        if len(plan.used) > 1:
            retype(plan, ground, r)
        search.values[CHANGE] += plan.cost[r]


@kernel(_nrt=False)
def retype(plan: Plan, ground: Ground, r: int) -> None:
    """Give a route the cheapest type of vehicle that is free and can drive it."""
    own = plan.kind[r]
    best, least = own, plan.cost[r]
    for k in range(len(plan.used)):
        if k == own or plan.used[k] >= ground.number[k] or not _may_take(plan, ground, r, k):
            continue
        known = ground.by_duration[k] == 0.0 and ground.profile[k] == ground.profile[own]
        if known and ground.fixed[k] + ground.by_distance[k] * _length_as(plan, ground, r, k) >= least:
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
    end = ground.size + len(plan.kind) + r
    for m in range(ground.capacity.shape[1]):
        if plan.head_load[end, 3 * m + PEAK] > ground.capacity[k, m] + ground.load_slack:
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


@kernel(_nrt=False)
def note_absent(plan: Plan, ground: Ground, search: Search) -> None:
    """List who should be served and is not: of a shipment the pickup, of a group whoever was tried first."""
    counters = search.counters
    counters[ABSENT] = 0
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
