"""The recreation of the CVRP's search: customers that are out are inserted where they are cheapest, now and then elsewhere.

References
----------
Christiaens and Vanden Berghe (2020), doi:10.1287/trsc.2019.0914, Algorithm 3 (greedy insertion with blinks). Deviations:
positions are looked for beside the nearest customers instead of everywhere; an empty route is always a candidate.
"""

from __future__ import annotations

import math

import numpy as np

from redwood.kernels import RandomState, kernel, random_below, random_float
from redwood.problems.cvrp.plan import Ground, Plan, between, link
from redwood.problems.routing.insertion_kernels import next_blink, sort_by_keys
from redwood.solvers.local_search.cvrp_ruin import Strings
from redwood.solvers.local_search.cvrp_search import LOGGED, OUT, PRICE, SKIP, Search, note_legs


@kernel(_nrt=False)
def sort_out(ground: Ground, search: Search, state: RandomState) -> None:
    """Order the customers that are out: at random, by demand, far first or close first (weights 4, 4, 2, 1)."""
    draw = random_below(state, 11)
    out = search.out
    keys = search.keys
    count = search.counters[OUT]
    for k in range(count):
        c = out[k]
        if draw < 4:
            keys[k] = random_float(state)
        elif draw < 8:
            keys[k] = -ground.demand[c]
        elif draw < 10:
            keys[k] = -ground.depot[c]
        else:
            keys[k] = ground.depot[c]
    sort_by_keys(out, keys, count)


@kernel(_nrt=False)
def recreate(plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState) -> float:
    """Insert the customers that are out, each at the cheapest position that is not overlooked; return the change.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; keeps the customers that find no position.
    strings
        The probability that a position is overlooked.
    state
        The generator's state [2].
    """
    change = 0.0
    left = 0
    for k in range(search.counters[OUT]):
        c = search.out[k]
        p = best_position(plan, ground, search, strings, state, c)
        if p < 0:
            search.out[left] = c
            left += 1
            continue
        change += put(plan, ground, search, c, p)
    search.counters[OUT] = left
    return change


@kernel(_nrt=False)
def put(plan: Plan, ground: Ground, search: Search, c: int, p: int) -> float:
    """Insert a customer after stop p, noting it in the log; return the change of length.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; gets the insertion in its log.
    c, p
        A customer that is not served, and the stop of a route that it is put behind.
    """
    first = between(ground, p, c)
    second = between(ground, c, plan.after[p])
    old = plan.leg[p]
    k = search.counters[LOGGED]
    search.customers[k] = c
    search.places[k] = -p
    search.first[k] = old
    search.counters[LOGGED] = k + 1
    link(plan, ground.demand, c, p, first, second)
    note_legs(plan, ground, search, p)
    note_legs(plan, ground, search, c)
    note_legs(plan, ground, search, plan.after[c])
    return float(first + second - old)


@kernel(_nrt=False)
def best_position(plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState, c: int) -> int:
    """Return the stop after which customer c is cheapest, -1 where no route has room.

    A route of its own must not cost more than leaving it out.

    A leg is judged from the end that is nearer to c, so inserting into it costs at least twice the gap less its length.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    search
        What the search remembers; its count of positions until the next blink changes.
    strings
        The probability that a position is overlooked.
    state
        The generator's state [2].
    c
        A customer that is not served.
    """
    size = ground.size
    room = ground.limit - ground.demand[c]
    home = ground.depot[c]
    near, gaps = ground.near, ground.gaps
    route, load, before, after, legs = plan.route, plan.load, plan.before, plan.after, plan.leg
    inner, outer = search.inner, search.outer
    cheapest = math.inf
    row, gap_row = near[c], gaps[c]
    position = -1
    skip = search.counters[SKIP]
    for k in range(len(row)):
        j = row[k]
        place = np.uint32(j)  # unsigned, so that no place is tested for being negative
        gap = gap_row[k]
        if 2.0 * gap - inner[place] >= cheapest and gap + home - outer[place] >= cheapest:
            continue
        if load[np.uint32(route[place])] > room:
            continue
        p = before[j]
        for side in range(2):
            start = j if side == 0 else p
            other = after[j] if side == 0 else p
            leg = legs[start]
            if other > size:
                cost = gap + home - leg
                if cost >= cheapest:
                    continue
            else:
                if 2.0 * gap - leg >= cheapest:
                    continue
                onward = between(ground, c, other)
                cost = gap + onward - leg
                if cost >= cheapest or onward < gap:
                    continue
            skip -= 1
            if skip < 0:
                skip = next_blink(strings.blink, state)
                continue
            cheapest = cost
            position = start
    search.counters[SKIP] = skip
    if position < 0:
        position, cheapest = any_position(plan, ground, c, room)
    if plan.used[0] > 0 and 2.0 * home <= min(cheapest, search.values[PRICE] * search.fee[c]):
        position = size + 1 + plan.empty[plan.used[0] - 1]
    return position


@kernel(_nrt=False)
def any_position(plan: Plan, ground: Ground, c: int, room: float) -> tuple[int, float]:
    """Return the cheapest stop to insert c after among all routes that are driven and have room, and the cost.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    c
        A customer that is not served.
    room
        The largest load at which a route still has room for it.
    """
    cheapest = math.inf
    position = -1
    for k in range(plan.used[0], len(plan.load)):
        r = plan.empty[k]
        if plan.load[r] > room:
            continue
        start = ground.size + 1 + r
        gap = ground.depot[c]
        while True:  # once around the ring of the route
            onward = between(ground, c, plan.after[start])
            cost = gap + onward - plan.leg[start]
            if cost < cheapest:
                cheapest = cost
                position = start
            start = plan.after[start]
            gap = onward
            if start > ground.size:
                break
    return position, cheapest
