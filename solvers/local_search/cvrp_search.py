"""What ruin and recreate for the CVRP remembers: the log of an iteration, the best routes, fees of customers left out."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernel_fields import by_reference
from redwood.kernels import kernel
from redwood.problems.cvrp.plan import Ground, Plan, link, unlink

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


@kernel(_nrt=False)
def set_price(values: Array, counters: Array) -> None:
    """Raise the price of leaving customers out where that happens often, and lower it where it never does."""
    if counters[LACKING] > MANY * WINDOW:
        values[PRICE] *= 1.15
    elif counters[LACKING] < FEW * WINDOW:
        values[PRICE] = max(LEAST_PRICE, values[PRICE] / 1.15)
    counters[LACKING] = 0
