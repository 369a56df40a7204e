"""The recreation of SISR: candidates are inserted one by one, each where it is cheapest of what is not overlooked.

References
----------
Christiaens and Vanden Berghe (2020), doi:10.1287/trsc.2019.0914: Algorithm 3, section 5.3 (orders of
insertion with windows).
"""

from __future__ import annotations

import math

from redwood.kernels import RandomState, kernel, random_below, random_float
from redwood.problems.routing.insertion_kernels import next_blink, sort_by_keys
from redwood.problems.vrp.alike import change_type
from redwood.problems.vrp.ground import Ground
from redwood.problems.vrp.insertion import insertion_cost, larger_type, loads_fit
from redwood.problems.vrp.plan import Plan, distance_to, join, leave, open_route, stop_distance
from redwood.problems.vrp.segments import choose_windows, refresh, refresh_around
from redwood.problems.vrp.shipment_insertion import shipment_cost
from redwood.solvers.local_search.vrp_ruin import Strings
from redwood.solvers.local_search.vrp_search import ABSENT_BEFORE, CHANGE, LOOKS, OUT, TEMPERATURE, Search, touch
from redwood.solvers.local_search.vrp_trips import begin_trip_for, cheapest_trip
from redwood.solvers.local_search.vrp_windows import insert_anew

RANDOM_TYPE = 0.3
"""Probability that a new route has any type instead of the cheapest one."""
AGAIN, FEW_OUT = 0.1, 5
"""While somebody is absent, those without a position are tried once more with this probability, or where so few are out."""
SHIPMENT_NEAR = 30
"""So many customers near either end of a shipment say which routes are tried for it, before all are."""
EVERYWHERE = 2.0
"""So many of the absent are tried at all positions in an iteration, on average; the others beside near customers."""
ANEW = 20.0
"""So many customers, on average, for whom no position is found are tried with all windows of a route chosen anew."""
OPTIONAL_EVERYWHERE = 0.02
"""Probability that an optional customer with no position beside near customers is tried at all positions."""
OPENED = 0.05
"""Probability that the first candidate, where optional, gets a route of its own at any price: others near may pay for it."""
ANY_PRICE = 0.1
"""Probability that an optional customer is served at any price while a required one, who may need it before, is absent."""


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
    sort_by_keys(out, keys, count)


@kernel(_nrt=False)
def recreate(plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState) -> None:
    """Insert the candidates one after the other, each where it is cheapest of what is not overlooked.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers, among it the candidates; changes.
    strings
        How often a position is overlooked.
    state
        The generator's state [2].
    """
    count = search.counters[OUT]
    lacking = search.counters[ABSENT_BEFORE] > 0
    again = ground.ordered or (lacking and (count <= FEW_OUT or random_float(state) < AGAIN))
    for i in range(2 * count if again else count):  # some can only come behind another one
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
            if i == 0 and random_float(state) < OPENED and _opens(plan, ground, search, state, c):
                continue
        if ground.partner[c] >= 0 and ground.fixed[ground.partner[c]]:
            insert_behind_pickup(plan, ground, search, c)
        elif ground.partner[c] >= 0:
            insert_shipment(plan, ground, search, strings, state, c, most)
        else:
            insert_customer(plan, ground, search, strings, state, c, most)


@kernel(_nrt=False)
def _opens(plan: Plan, ground: Ground, search: Search, state: RandomState, c: int) -> bool:
    """Open a route for a candidate at any price, unless its pickup belongs to a prefix; return whether."""
    behind = ground.partner[c] >= 0 and ground.fixed[ground.partner[c]]
    return not behind and open_for(plan, ground, search, state, c, math.inf)


@kernel(_nrt=False)
def insert_customer(
    plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState, c: int, most: float
) -> None:
    """Insert a customer where it is cheapest beside near customers, else anywhere.

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
    c
        A customer who is out and belongs to no shipment.
    most
        The cost has to be below it.
    """
    cheapest, position, window = most, -1, -1
    blinks = search.blinks
    near = ground.near
    partial = near.shape[1] < ground.customers - 1
    for i in range(near.shape[1]):
        j = int(near[c, i])
        r = plan.route[j]
        if r < 0 or not ground.may[plan.kind[r], c]:
            continue
        p = plan.before[j]
        sides = (
            2
            if p >= ground.customers or (partial and distance_to(plan, ground, plan.kind[r], p, c) > ground.reach[c])
            else 1
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
    widely = most == math.inf or random_float(state) < OPTIONAL_EVERYWHERE
    if position < 0 and partial and widely and random_float(state) * search.counters[ABSENT_BEFORE] < EVERYWHERE:
        cheapest, position, window = anywhere(plan, ground, c, most)
    if ground.reloading and insert_with_reload(plan, ground, search, state, c, cheapest):
        return
    several = ground.window_starts[ground.size] > ground.size and not ground.reloading
    if position < 0 and several and random_float(state) * ground.size < ANEW:
        most = min(most, cheapest_alone(plan, ground, search, c)[0])
        if insert_anew(plan, ground, search, c, most):
            return
    if open_for(plan, ground, search, state, c, cheapest):
        return
    if position >= 0:
        put(plan, ground, search, c, position, window)


@kernel(_nrt=False)
def insert_with_reload(plan: Plan, ground: Ground, search: Search, state: RandomState, c: int, most: float) -> bool:
    """Insert a customer, or a shipment, with a reload beside it, where that is cheapest; return whether.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; changes.
    state
        The generator's state [2].
    c
        A customer who is out; of a shipment the pickup.
    most
        The cost of anything else: it has to be below it.
    """
    found = cheapest_trip(plan, ground, c, most)
    if found.depot < 0:
        return False
    if open_for(plan, ground, search, state, c, found.cost):
        return True
    return begin_trip_for(plan, ground, search, c, found)


@kernel(_nrt=False)
def insert_behind_pickup(plan: Plan, ground: Ground, search: Search, c: int) -> None:
    """Insert a delivery whose pickup belongs to a prefix where it is cheapest behind it.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; changes.
    c
        A delivery that is out, whose pickup is on a route.
    """
    pickup = ground.partner[c]
    last = pickup
    while plan.after[last] < ground.customers:
        last = plan.after[last]
    found = cheapest_between(plan, ground, plan.route[pickup], c, pickup, last, math.inf)
    if found[1] >= 0:
        put(plan, ground, search, c, found[1], found[2])


@kernel(_nrt=False)
def cheapest_between(
    plan: Plan, ground: Ground, r: int, c: int, first: int, last: int, most: float
) -> tuple[float, int, int]:
    """Return (cost, stop before, window) of the cheapest position of a customer behind stops of a route.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    r, c
        A route, and a customer who is out.
    first, last
        The stops of the route between which the customer may come, behind either as well.
    most
        The cost has to be below it; where none is, it is returned with -1 and -1.
    """
    cheapest, position, window = most, -1, -1
    p = first
    while True:  # ends: `last` is on the way from `first`
        cost, w = insertion_cost(plan, ground, r, c, p, cheapest)
        if cost < cheapest:
            cheapest, position, window = cost, p, w
        if p == last:
            return cheapest, position, window
        p = plan.after[p]


@kernel(_nrt=False)
def anywhere(plan: Plan, ground: Ground, c: int, most: float) -> tuple[float, int, int]:
    """Return (cost, stop before, window) of the cheapest position of a customer on all routes.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    c
        A customer who is out.
    most
        The cost has to be below it.
    """
    best = (most, -1, -1)
    for r in range(len(plan.kind)):
        if plan.kind[r] >= 0 and ground.may[plan.kind[r], c]:
            end = ground.size + len(plan.kind) + r
            found = cheapest_between(plan, ground, r, c, ground.size + r, int(plan.before[end]), best[0])
            if found[1] >= 0:
                best = found
    return best


@kernel(_nrt=False)
def put(plan: Plan, ground: Ground, search: Search, c: int, p: int, window: int) -> bool:
    """Insert a customer behind stop p; return false, with nothing changed, where the route as a whole breaks a limit.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; changes.
    c
        A customer who is out.
    p, window
        The stop to put them behind, and the window they are served in.
    """
    r = plan.route[p]
    touch(plan, ground, search, r)
    own = plan.kind[r]
    if ground.larger.shape[1] > 0 and not loads_fit(plan, ground, own, c, p, plan.after[p]):
        longer = distance_to(plan, ground, own, p, c) + stop_distance(plan, ground, own, c, plan.after[p]) - plan.leg[p]
        change_type(plan, r, larger_type(plan, ground, r, c, p, longer)[1])
    plan.window[c] = window
    join(plan, ground, c, p)
    if refresh_around(plan, ground, r, c):
        search.values[CHANGE] -= ground.prize[c]
        return True
    leave(plan, ground, c)
    change_type(plan, r, own)
    refresh(plan, ground, r)
    return False


@kernel(_nrt=False)
def open_for(plan: Plan, ground: Ground, search: Search, state: RandomState, c: int, cheapest: float) -> bool:
    """Open a route for a customer (with its shipment) where that is cheaper than its cheapest position; return whether.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; changes.
    state
        The generator's state [2].
    c
        A customer who is out; of a shipment the pickup.
    cheapest
        Cost of the cheapest position on the routes that are driven.
    """
    least, chosen, able = cheapest_alone(plan, ground, search, c)
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
def cheapest_alone(plan: Plan, ground: Ground, search: Search, c: int) -> tuple[float, int, int]:
    """Return (cost, type, number of types) of new routes for a customer; infinity and -1 where none can be opened.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    search
        What the search remembers, among it the costs alone.
    c
        A customer who is out; of a shipment the pickup.
    """
    driven = len(plan.kind) - plan.counts[0]
    least, chosen, able = math.inf, -1, 0
    if plan.counts[0] == 0 or driven >= plan.counts[1]:
        return least, chosen, able
    for k in range(len(plan.used)):
        if plan.used[k] < ground.number[k] and search.alone[k, c] < math.inf:
            able += 1
            if search.alone[k, c] < least:
                chosen, least = k, search.alone[k, c]
    return least, chosen, able


@kernel(_nrt=False)
def insert_shipment(
    plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState, c: int, most: float
) -> None:
    """Insert both ends of a shipment where they are cheapest on one route, or on a new one.

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
    c
        The pickup of a shipment that is out.
    most
        The cost has to be below it.
    """
    other = ground.partner[c]
    best = (most, -1, -1, -1, -1)
    counters = search.counters
    counters[LOOKS] += 1
    for i in range(2 * min(SHIPMENT_NEAR, ground.near.shape[1])):  # first the routes of customers near to either end
        r = int(plan.route[ground.near[c if i % 2 == 0 else other, i // 2]])
        if r >= 0:
            best = _shipment_on(plan, ground, search, strings.blink, state, c, r, best)
    if best[1] < 0 and random_float(state) * counters[ABSENT_BEFORE] < EVERYWHERE:
        for r in range(len(plan.kind)):
            best = _shipment_on(plan, ground, search, strings.blink, state, c, r, best)
    if ground.reloading and insert_with_reload(plan, ground, search, state, c, best[0]):
        return
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
def _shipment_on(
    plan: Plan,
    ground: Ground,
    search: Search,
    blink: float,
    state: RandomState,
    c: int,
    r: int,
    best: tuple[float, int, int, int, int],
) -> tuple[float, int, int, int, int]:
    """Return the cheaper one of the best positions of a shipment and those on a route, once a look and route.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    search
        What the search remembers; gets the look at the route.
    blink, state
        How often a position is overlooked, and the generator's state [2].
    c, r
        The pickup of a shipment that is out, and a route, driven or not.
    best
        Cost, stops and windows of the best positions, as of `shipment_cost`.
    """
    k, other = plan.kind[r], ground.partner[c]
    if k < 0 or search.looked[r] == search.counters[LOOKS]:
        return best
    search.looked[r] = search.counters[LOOKS]
    if not ground.may[k, c] or not ground.may[k, other]:
        return best
    found = shipment_cost(plan, ground, r, c, other, best[0], search.load, search.blinks, blink, state)
    return found if found[0] < best[0] else best
