"""Ruin and recreate by string removals, in Numba: every removal, insertion and undoing takes constant time.

References
----------
Christiaens and Vanden Berghe (2020), Slack Induction by String Removals for Vehicle Routing Problems,
doi:10.1287/trsc.2019.0914: Algorithms 1 (annealing), 2 (ruin, equations 5 to 10) and 3 (greedy insertion with blinks).
Deviations: positions are looked for beside the nearest customers instead of everywhere; an empty route is always a
candidate; where the vehicles do not suffice, customers left out cost a penalty.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernel_fields import by_reference
from redwood.kernels import RandomState, kernel, random_below, random_float
from redwood.problems.cvrp.plan import Ground, Plan, between, link, unlink

TEMPERATURE, COOLING, CURRENT, BEST, PENALTY, PRICE = 0, 1, 2, 3, 4, 5
"""Entries of `Search.values`: temperature, factor on it per iteration, length now, length of the best routes, fees of the
customers out now, price of a unit of fees."""
OUT, LOGGED, DIRTY, ITERATION, SKIP, LACKING = 0, 1, 2, 3, 4, 5
"""Entries of `Search.counters`: customers out, entries of the log, stops that differ from the best, iterations begun,
positions until the next blink, iterations of this window that ended with customers out."""
ROUNDING = 1e-11
"""Share of the best length by which routes must be shorter to be the best: `CURRENT` is a sum of many changes."""
LEAST_PRICE = 0.2
"""The price never falls below this."""
WINDOW = 1000
"""Iterations between two changes of the price."""
FEW, MANY = 0.05, 0.25
"""Between these shares of iterations with customers out the price stays."""


@by_reference
class Search(NamedTuple):
    """What the search remembers.

    Attributes
    ----------
    values, counters
        Numbers, see above.
    out, keys
        Customers that are not served, and what they are sorted by [N].
    customers, places, first, second
        The log of this iteration: the customer, the stop it was taken from or put after (negative: put), and the legs to
        restore [3 N + 512].
    ruined
        The iteration in which each route was last ruined [R].
    best
        The best routes, as `Plan.after` [N + 1 + R].
    stale, marked
        Stops where the current routes may differ from the best ones, as a list and as flags [N + 1 + R].
    fee
        Penalty for leaving out each customer [N + 1].
    inner, outer
        The longest legs from each customer to another one and to the depot, minus infinity where there are none [N + 1].
    """

    values: Array
    counters: Array
    out: Array
    keys: Array
    customers: Array
    places: Array
    first: Array
    second: Array
    ruined: Array
    best: Array
    stale: Array
    marked: Array
    fee: Array
    inner: Array
    outer: Array


class Strings(NamedTuple):
    """How much is ruined, and how often a position is overlooked.

    Attributes
    ----------
    removals
        Mean number of customers removed.
    longest
        The longest string.
    split
        Probability that a string keeps customers in its middle.
    deepen
        Probability that it keeps one more.
    blink
        Probability that a position is overlooked.
    """

    removals: float
    longest: float
    split: float
    deepen: float
    blink: float


@kernel(_nrt=False, nogil=True)
def anneal(plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState, iterations: int) -> None:
    """Do iterations of ruin, recreate and the decision to keep the result.

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
        How many iterations are done.
    """
    values = search.values
    counters = search.counters
    for _ in range(iterations):
        counters[LOGGED] = 0
        counters[ITERATION] += 1
        before = counters[OUT]
        change = ruin(plan, ground, search, strings, state)
        sort_out(ground, search, state)
        change += recreate(plan, ground, search, strings, state)
        penalty = 0.0
        for k in range(counters[OUT]):
            penalty += search.fee[search.out[k]]
        worse = change + values[PRICE] * (penalty - values[PENALTY])
        if worse < -values[TEMPERATURE] * math.log(1.0 - random_float(state)):
            values[CURRENT] += change
            values[PENALTY] = penalty
            keep(search, plan)
        else:
            undo(plan, ground, search)
            gather(plan, search, before)
        values[TEMPERATURE] *= values[COOLING]
        if counters[OUT] > 0:
            counters[LACKING] += 1
        if counters[ITERATION] % WINDOW == 0:
            set_price(values, counters)


@kernel(_nrt=False)
def set_price(values: Array, counters: Array) -> None:
    """Raise the price of leaving customers out where that happens often, and lower it where it never does."""
    if counters[LACKING] > MANY * WINDOW:
        values[PRICE] *= 1.15
    elif counters[LACKING] < FEW * WINDOW:
        values[PRICE] = max(LEAST_PRICE, values[PRICE] / 1.15)
    counters[LACKING] = 0


@kernel(_nrt=False)
def ruin(plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState) -> float:
    """Remove strings of customers from routes near a random customer; return the change of length.

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
    """
    counters = search.counters
    routes = len(plan.load) - plan.used[0]
    served = ground.size - counters[OUT]
    if routes == 0:
        return 0.0
    longest = min(strings.longest, served / routes)
    most = 4.0 * strings.removals / (1.0 + longest) - 1.0
    wanted = int(1.0 + random_float(state) * most)
    seed = 1 + random_below(state, ground.size)
    near = ground.near
    change = 0.0
    c = seed
    for k in range(-1, near.shape[1]):
        if k >= 0:
            c = near[seed, k]
        r = plan.route[c]
        if r < 0 or search.ruined[r] == counters[ITERATION]:
            continue
        search.ruined[r] = counters[ITERATION]
        length = int(1.0 + random_float(state) * min(float(plan.members[r]), longest))
        change += remove_string(plan, ground, search, strings, state, c, min(length, plan.members[r]))
        wanted -= 1
        if wanted == 0:
            break
    return change


@kernel(_nrt=False)
def remove_string(
    plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState, c: int, length: int
) -> float:
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
        A customer that is served; the string holds it, or keeps it in its middle.
    length
        Customers to remove, from 1 to as many as the route has.
    """
    count = plan.members[plan.route[c]]
    kept = 0
    if length < count and length > 1 and random_float(state) < strings.split:
        kept = 1
        while length + kept < count and random_float(state) < strings.deepen:
            kept += 1
    span = length + kept
    behind = 0  # how far the string may reach back, and must where the route ends soon
    stop = plan.before[c]  # a route is a ring that its end closes, and the walks along it stop there
    while behind < span - 1 and stop <= ground.size:
        behind += 1
        stop = plan.before[stop]
    ahead = 0
    stop = plan.after[c]
    while ahead < span - 1 and stop <= ground.size:
        ahead += 1
        stop = plan.after[stop]
    least = max(0, span - 1 - ahead)
    back = least + random_below(state, behind - least + 1)
    stop = c
    for _ in range(back):
        stop = plan.before[stop]
    start_kept = span
    if kept > 0:
        start_kept = 1 + random_below(state, length - 1)
    change = 0.0
    for k in range(span):
        onward = plan.after[stop]
        if k < start_kept or k >= start_kept + kept:
            change += take(plan, ground, search, stop)
        stop = onward
    return change


@kernel(_nrt=False)
def take(plan: Plan, ground: Ground, search: Search, c: int) -> float:
    """Take a customer out, noting it in the log; return the change of length.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; gets the customer.
    c
        A customer that is served.
    """
    p = plan.before[c]
    joined = between(ground, p, plan.after[c])
    k = search.counters[LOGGED]
    search.customers[k] = c
    search.places[k] = p
    search.first[k] = plan.leg[p]
    search.second[k] = plan.leg[c]
    search.counters[LOGGED] = k + 1
    change = float(joined - plan.leg[p] - plan.leg[c])
    unlink(plan, ground.demand, c, joined)
    note_legs(plan, ground, search, p)
    note_legs(plan, ground, search, c)
    note_legs(plan, ground, search, plan.after[p])
    search.out[search.counters[OUT]] = c
    search.counters[OUT] += 1
    return change


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
    for k in range(1, count):
        key = keys[k]
        c = out[k]
        at = k
        while at > 0 and keys[at - 1] > key:
            keys[at] = keys[at - 1]
            out[at] = out[at - 1]
            at -= 1
        keys[at] = key
        out[at] = c


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
def note_legs(plan: Plan, ground: Ground, search: Search, stop: int) -> None:
    """Note the longest legs from a stop to a customer and to the depot; of a route end nothing is noted.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    search
        What the search remembers; its ``inner`` and ``outer`` change.
    stop
        A customer, or a route end.
    """
    if stop > ground.size:
        return
    inner = outer = -math.inf
    if plan.route[stop] >= 0:
        previous = plan.before[stop]
        if previous > ground.size:
            outer = ground.depot[stop]
        else:
            inner = plan.leg[previous]
        if plan.after[stop] > ground.size:
            outer = ground.depot[stop]
        else:
            inner = max(inner, plan.leg[stop])
    search.inner[stop] = inner
    search.outer[stop] = outer


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


@kernel(_nrt=False)
def next_blink(blink: float, state: RandomState) -> int:
    """Return how many positions are looked at before the next one is overlooked (geometric)."""
    if blink <= 0.0:
        return 1 << 60
    return int(min(1e15, math.log(1.0 - random_float(state)) / math.log(1.0 - blink)))


@kernel(_nrt=False)
def undo(plan: Plan, ground: Ground, search: Search) -> None:
    """Take back the changes of this iteration."""
    for k in range(search.counters[LOGGED] - 1, -1, -1):
        c = search.customers[k]
        p = search.places[k]
        if p < 0:
            p, n = plan.before[c], plan.after[c]
            unlink(plan, ground.demand, c, search.first[k])
        else:
            n = plan.after[p]
            link(plan, ground.demand, c, p, search.first[k], search.second[k])
        note_legs(plan, ground, search, p)
        note_legs(plan, ground, search, c)
        note_legs(plan, ground, search, n)


@kernel(_nrt=False)
def gather(plan: Plan, search: Search, before: int) -> None:
    """Restore the list of customers that are out after an undoing: those of the log and of the list without a route."""
    if before == 0:
        search.counters[OUT] = 0
        return
    # `out` held `before` customers at first; each is either still in it, or was put in during this iteration
    found = 0
    for k in range(search.counters[OUT]):
        c = search.out[k]
        if plan.route[c] < 0:
            search.out[found] = c
            found += 1
    for k in range(search.counters[LOGGED]):
        c = search.customers[k]
        if search.places[k] < 0 and plan.route[c] < 0:
            search.out[found] = c
            found += 1
    search.counters[OUT] = found


@kernel(_nrt=False)
def keep(search: Search, plan: Plan) -> None:
    """Note which stops changed, and copy the routes where they are the best so far and serve everyone."""
    counters = search.counters
    for k in range(counters[LOGGED]):
        mark(search, search.customers[k])
        mark(search, abs(search.places[k]))
    if counters[OUT] == 0 and search.values[CURRENT] < search.values[BEST] - ROUNDING * abs(search.values[BEST]):
        for k in range(counters[DIRTY]):
            stop = search.stale[k]
            search.best[stop] = plan.after[stop]
            search.marked[stop] = False
        counters[DIRTY] = 0
        search.values[BEST] = search.values[CURRENT]


@kernel(_nrt=False)
def mark(search: Search, stop: int) -> None:
    """Note that a stop may have another successor than in the best routes."""
    if not search.marked[stop]:
        search.marked[stop] = True
        search.stale[search.counters[DIRTY]] = stop
        search.counters[DIRTY] += 1


def make_search(ground: Ground, plan: Plan, length: float, fee: Array) -> Search:
    """Return the memory of a search that starts at a plan of the given length.

    Parameters
    ----------
    ground, plan
        The instance and the routes to start from.
    length
        Length of the routes.
    fee
        Penalty for leaving out each customer, [N + 1], before the price, in the unit of the lengths.
    """
    size, stops = ground.size, len(plan.after)
    out = np.flatnonzero(plan.route[1 : size + 1] < 0) + 1
    penalty = float(fee[out].sum())
    absent = np.zeros(size, dtype=np.int32)
    absent[: len(out)] = out
    counters = np.zeros(6, dtype=np.int64)
    counters[OUT] = len(out)
    log = 3 * size + 512
    search = Search(
        values=np.array([0.0, 1.0, length, np.inf if len(out) else length, penalty, 1.0]),
        counters=counters,
        out=absent,
        keys=np.zeros(size),
        customers=np.zeros(log, dtype=np.int32),
        places=np.zeros(log, dtype=np.int32),
        first=np.zeros(log),
        second=np.zeros(log),
        ruined=np.full(len(plan.load), -1, dtype=np.int64),
        best=plan.after.copy(),
        stale=np.zeros(stops, dtype=np.int32),
        marked=np.zeros(stops, dtype=np.bool_),
        fee=fee,
        inner=np.full(size + 1, -np.inf),
        outer=np.full(size + 1, -np.inf),
    )
    note_all_legs(plan, ground, search)
    return search


@kernel(_nrt=False)
def note_all_legs(plan: Plan, ground: Ground, search: Search) -> None:
    """Note the longest legs from every customer."""
    for c in range(1, ground.size + 1):
        note_legs(plan, ground, search, c)
