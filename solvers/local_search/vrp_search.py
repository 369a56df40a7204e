"""What the search for vehicle routes remembers: candidates, undoing, the best routes, and counts of absence."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernel_fields import by_reference
from redwood.kernels import kernel
from redwood.problems.vrp.checks import NumberedRoute
from redwood.problems.vrp.ground import Ground
from redwood.problems.vrp.plan import Plan, clear, close_route, join, leave, numbered_route, open_route, reopen
from redwood.problems.vrp.segments import choose_windows, refresh

TEMPERATURE, COOLING, CURRENT, BEST, PENALTY, PRICE, CHANGE = 0, 1, 2, 3, 4, 5, 6
"""Entries of `Search.values`: temperature, factor on it per iteration, cost now, cost of the best routes, fees of the absent
now, price of a unit of fees, change of the cost in this iteration."""
OUT, TOUCHED, KEPT, ITERATION, LACKING, STALE, ABSENT, ABSENT_BEFORE, FLEET, FEWEST, LOOKS = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
EJECTED = 11
"""Entries of `Search.counters`: candidates for insertion, routes changed in this iteration, stops kept of them, iterations
begun, iterations of this window that left somebody absent, routes that differ from the best, customers absent now and
before this iteration, whether routes are being saved, the fewest routes that are aimed at, looks for shipments, and
customers ejected for one."""

DEEP = 3
"""The most customers that are ejected for one."""


@by_reference
class Search(NamedTuple):
    """The memory of the search. Customers are *out* where no route serves them, *absent* where one should.

    Attributes
    ----------
    values, counters
        Numbers, see above.
    out, keys, listed
        Candidates for insertion, what they are sorted by, and the iteration in which each was listed last [N].
    absent, absent_before
        Customers that should be served and are not; of a shipment the pickup, of a group one member [N].
    absences
        How often each customer was absent [N].
    fee
        What the absence of each customer counts [N].
    ruined, touched_in, touched
        The iterations in which each route was ruined and changed last, and the routes changed in this one [R].
    looked
        The look for positions of a shipment in which each route was tried last [R].
    kept_from, kept_kind
        Where the stops of each changed route are kept, and its type before [R + 1].
    kept, kept_window
        These stops, and the windows of all customers in them [N].
    grouped_in
        The iteration in which the absence of each group was noted last.
    best_after, best_kind, best_window
        The best routes, as `Plan.after`, `Plan.kind` and `Plan.window`.
    stale, is_stale
        Routes that may differ from the best ones, as a list and as flags [R].
    alone
        Cost of a route of each type with each customer (with its shipment) alone, infinite where impossible [T, N].
    bulk, far, early, late
        What candidates are sorted by: load, distance from a depot, first and last time [N].
    gain, profit, done_at, carried, came, by_closing, closing_rank
        Labels of paths: what each customer's leaving its route saves, profit, time and loads [N, M] of the path that
        ends with it, who is before it; customers in the order in which their last windows close, and the place of each [N].
    stack, stack_time, trial, ejected
        The look for customers to eject: its state [3, D] and time [D], who is taken out on trial, and who in the end [D].
    load, blinks
        Room for the loads of a segment [3M]; positions until the next one is overlooked [1].
    """

    values: Array
    counters: Array
    out: Array
    keys: Array
    listed: Array
    absent: Array
    absent_before: Array
    absences: Array
    fee: Array
    ruined: Array
    touched_in: Array
    touched: Array
    looked: Array
    kept_from: Array
    kept_kind: Array
    kept: Array
    kept_window: Array
    grouped_in: Array
    best_after: Array
    best_kind: Array
    best_window: Array
    stale: Array
    is_stale: Array
    alone: Array
    bulk: Array
    far: Array
    early: Array
    late: Array
    gain: Array
    profit: Array
    done_at: Array
    carried: Array
    came: Array
    by_closing: Array
    closing_rank: Array
    stack: Array
    stack_time: Array
    trial: Array
    ejected: Array
    load: Array
    blinks: Array


def make_search(plan: Plan, ground: Ground, alone: Array) -> Search:
    """Return the memory at the start, for an empty plan and the costs of customers alone."""
    size, slots, stops = ground.size, len(plan.kind), len(plan.after)
    ints = dict.fromkeys(("out", "listed", "absent", "absent_before", "absences", "kept", "kept_window"), size)
    ints |= dict.fromkeys(("ruined", "touched_in", "touched", "looked", "stale", "kept_kind"), slots)
    arrays = {name: np.zeros(length, dtype=np.int64) for name, length in ints.items()}
    finite = np.where(np.isfinite(ground.capacity), np.maximum(ground.capacity, 1e-12), np.inf).max(axis=0)
    share = np.where(np.isfinite(finite), ground.peak / np.where(np.isfinite(finite), finite, 1.0), 0.0)
    cheapest = np.where(np.isfinite(alone), alone, np.inf).min(axis=0)
    usual = float(cheapest[np.isfinite(cheapest)].mean()) if np.isfinite(cheapest).any() else 1.0
    late = ground.closing[ground.window_starts[1:] - 1]
    by_closing = np.argsort(late, kind="stable")
    return Search(
        values=np.array([0.0, 1.0, float(ground.prize.sum()), np.inf, 0.0, 1.0, 0.0]),
        counters=np.zeros(12, dtype=np.int64),
        keys=np.zeros(size),
        fee=np.full(size, max(usual, 1e-9)),
        kept_from=np.zeros(slots + 1, dtype=np.int64),
        grouped_in=np.zeros(len(plan.grouped), dtype=np.int64),
        best_after=np.full(stops, -1, dtype=np.int64),
        best_kind=np.full(slots, -1, dtype=np.int64),
        best_window=np.array(plan.window),
        is_stale=np.zeros(slots, dtype=np.bool_),
        alone=alone,
        bulk=np.maximum(share, 0.0).max(axis=1) if size else np.zeros(size),
        far=np.where(np.isfinite(cheapest), cheapest, 0.0),
        early=ground.opening[ground.window_starts[:-1]],
        late=late,
        gain=np.zeros(size),
        profit=np.zeros(size),
        done_at=np.zeros(size),
        carried=np.zeros(ground.peak.shape),
        came=np.zeros(size, dtype=np.int64),
        by_closing=by_closing,
        closing_rank=np.argsort(by_closing),
        stack=np.zeros((3, DEEP), dtype=np.int64),
        stack_time=np.zeros(DEEP),
        trial=np.zeros(DEEP, dtype=np.int64),
        ejected=np.zeros(DEEP, dtype=np.int64),
        load=np.zeros(3 * ground.brought.shape[1]),
        blinks=np.zeros(1, dtype=np.int64),
        **arrays,
    )


@kernel(_nrt=False)
def costs_alone(plan: Plan, ground: Ground, alone: Array) -> None:
    """Fill in the cost of a route of each type with each customer alone; the plan has to be empty, and stays so."""
    for k in range(alone.shape[0]):
        for c in range(ground.customers):
            alone[k, c] = np.inf
            other = ground.partner[c]
            if ground.number[k] == 0 or not ground.may[k, c] or (other >= 0 and not ground.may[k, other]):
                continue
            r = open_route(plan, ground, k)
            first = c if other < 0 or ground.collects[c] else other
            join(plan, ground, first, ground.size + r)
            if other >= 0:
                join(plan, ground, ground.partner[first], first)
            choose_windows(plan, ground, r)
            if refresh(plan, ground, r):
                alone[k, c] = plan.cost[r]
            clear(plan, ground, r)
            close_route(plan, r)


@kernel(_nrt=False)
def touch(plan: Plan, ground: Ground, search: Search, r: int) -> None:
    """Keep a route as it is before its first change in this iteration, and take its cost off.

    Parameters
    ----------
    plan, ground
        The routes and the instance.
    search
        What the search remembers; gets the route.
    r
        A route, driven or not.
    """
    counters = search.counters
    if search.touched_in[r] == counters[ITERATION]:
        return
    search.touched_in[r] = counters[ITERATION]
    t = counters[TOUCHED]
    search.touched[t] = r
    counters[TOUCHED] = t + 1
    search.kept_kind[t] = plan.kind[r]
    search.kept_from[t] = counters[KEPT]
    if plan.kind[r] >= 0:
        search.values[CHANGE] -= plan.cost[r]
        stop = ground.size + r
        for _ in range(plan.members[r]):
            stop = plan.after[stop]
            search.kept[counters[KEPT]] = stop
            search.kept_window[counters[KEPT]] = plan.window[stop]
            counters[KEPT] += 1
    search.kept_from[t + 1] = counters[KEPT]


@kernel(_nrt=False)
def restore(plan: Plan, ground: Ground, search: Search) -> None:
    """Take back the changes of this iteration."""
    counters = search.counters
    for t in range(counters[TOUCHED]):
        r = search.touched[t]
        if plan.kind[r] >= 0:
            clear(plan, ground, r)
            close_route(plan, r)
    for t in range(counters[TOUCHED]):
        if search.kept_kind[t] < 0:
            continue
        r = search.touched[t]
        reopen(plan, ground, r, search.kept_kind[t])
        last = ground.size + r
        for i in range(search.kept_from[t], search.kept_from[t + 1]):
            c = search.kept[i]
            plan.window[c] = search.kept_window[i]
            join(plan, ground, c, last)
            last = c
        refresh(plan, ground, r)
    for i in range(counters[ABSENT_BEFORE]):
        search.absent[i] = search.absent_before[i]
    counters[ABSENT] = counters[ABSENT_BEFORE]


@kernel(_nrt=False)
def take(plan: Plan, ground: Ground, search: Search, c: int) -> None:
    """Take a customer, and the other end of its shipment, out of their route and list them for insertion; or a reload.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; gets the customer as a candidate.
    c
        A customer who is served, or a reload on a route.
    """
    other = ground.partner[c]
    _take_one(plan, ground, search, c)
    if c >= ground.customers:
        return
    if other >= 0 and plan.route[other] >= 0 and not ground.fixed[other]:
        _take_one(plan, ground, search, other)
    list_candidate(search, candidate_of(ground, c))


@kernel(_nrt=False)
def _take_one(plan: Plan, ground: Ground, search: Search, c: int) -> None:
    touch(plan, ground, search, plan.route[c])
    leave(plan, ground, c)
    search.values[CHANGE] += ground.prize[c]


@kernel(_nrt=False)
def candidate_of(ground: Ground, c: int) -> int:
    """Return who stands for a customer among the candidates: the pickup of its shipment, unless that is in a prefix."""
    other = ground.partner[c]
    return c if other < 0 or ground.collects[c] or ground.fixed[other] else int(other)


@kernel(_nrt=False)
def list_candidate(search: Search, c: int) -> None:
    """List a customer for insertion, once an iteration."""
    if search.listed[c] != search.counters[ITERATION]:
        search.listed[c] = search.counters[ITERATION]
        search.out[search.counters[OUT]] = c
        search.counters[OUT] += 1


@kernel(_nrt=False)
def mark_stale(search: Search) -> None:
    """Note that the routes of this iteration may differ from the best ones."""
    counters = search.counters
    for t in range(counters[TOUCHED]):
        r = search.touched[t]
        if not search.is_stale[r]:
            search.is_stale[r] = True
            search.stale[counters[STALE]] = r
            counters[STALE] += 1


@kernel(_nrt=False)
def save_best(plan: Plan, ground: Ground, search: Search) -> None:
    """Copy the routes that differ from the best ones: they are the best now."""
    counters = search.counters
    for i in range(counters[STALE]):
        r = search.stale[i]
        search.is_stale[r] = False
        search.best_kind[r] = plan.kind[r]
        if plan.kind[r] < 0:
            continue
        stop = ground.size + r
        for _ in range(plan.members[r] + 1):
            search.best_after[stop] = plan.after[stop]
            stop = plan.after[stop]
            if stop < ground.size:
                search.best_window[stop] = plan.window[stop]
    counters[STALE] = 0
    search.values[BEST] = search.values[CURRENT]


def best_routes(search: Search, ground: Ground) -> list[NumberedRoute]:
    """Return the best routes with numbers."""
    routes = []
    for r in np.flatnonzero(search.best_kind >= 0):
        stops, stop = [], int(search.best_after[ground.size + r])
        while stop < ground.size:
            stops.append(stop)
            stop = int(search.best_after[stop])
        routes.append(numbered_route(ground, int(search.best_kind[r]), stops))
    return routes
