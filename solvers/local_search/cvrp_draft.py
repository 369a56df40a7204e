"""Routes that may overload vehicles at a penalty, as the genetic search changes them, and what they are built over."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernel_fields import by_reference
from redwood.kernels import kernel
from redwood.problems.cvrp.instance import CVRPInstance

NEAR = 20
"""Nearest customers of each that moves are tried with."""
PLACES = 3
"""Cheapest places of a customer in each route that SWAP* keeps."""
SPARE = 1.3
"""Routes that a draft has, as a multiple of the fewest that can carry everything; three more are added."""
LEAST_GAIN = 1e-9
"""Share of the longest distance that a move must gain."""
NOW = 0
"""Entry of `Draft.counters`: the number of changes so far, which dates them."""


@by_reference
class Sites(NamedTuple):
    """What does not change.

    Attributes
    ----------
    distance
        Of all pairs of the N + 1 nodes [N + 1, N + 1].
    demand
        Of each node [N + 1].
    near
        The nearest customers of each customer, nearest first [N + 1, K].
    points
        Positions of the nodes from the depot [N + 1, 2]; no rows without coordinates.
    limit
        The largest load of a route.
    size
        Number of customers N.
    fleet
        Number of routes R of a draft.
    least
        What a move must gain.
    """

    distance: Array
    demand: Array
    near: Array
    points: Array
    limit: float
    size: int
    fleet: int
    least: float


@by_reference
class Draft(NamedTuple):
    """R routes as rings over the stops 0..N + R, as in `Plan`; stop N + 1 + r is the depot on route r.

    Attributes
    ----------
    node
        The node of each stop [N + 1 + R]: 0 for the depot.
    after, before, route, place, carried
        Next and previous stop, route, position on it, and load up to there [N + 1 + R]; zeros of these two at the depot.
    load, penalty, members, changed
        Load, its penalty, number of customers and date of the last change of each route [R].
    tested
        When moves of each customer were last tried [N + 1].
    swapped
        When SWAP* was last tried between two routes [R, R].
    costs, places, priced
        The cheapest insertions of each customer into each route [N + 1, R, PLACES], after which stops, and when they were
        found [N + 1, R].
    order, buffer
        Customers in the order in which they are looked at [N], and room for sequences [2 N + 2].
    counters
        Numbers, see above [1].
    """

    node: Array
    after: Array
    before: Array
    route: Array
    place: Array
    carried: Array
    load: Array
    penalty: Array
    members: Array
    changed: Array
    tested: Array
    swapped: Array
    costs: Array
    places: Array
    priced: Array
    order: Array
    buffer: Array
    counters: Array


def make_sites(instance: CVRPInstance, routes: int) -> Sites:
    """Return the fixed data of an instance of two customers or more; drafts get at least so many routes as a start has."""
    size = instance.size
    distance = np.ascontiguousarray(instance.travel.full(), dtype=np.float64)
    apart = distance[:, 1:].copy()
    apart[np.arange(1, size + 1), np.arange(size)] = np.inf
    near = np.argsort(apart, axis=1, kind="stable")[:, : min(NEAR, size - 1)] + 1
    coords = instance.travel.coords
    points = np.zeros((0, 2)) if coords is None else np.asarray(coords, dtype=np.float64) - np.asarray(coords[0])
    fleet = min(instance.slots, max(routes, int(np.ceil(SPARE * float(instance.demands.sum()) / instance.limit)) + 3))
    least = LEAST_GAIN * float(distance.max())
    demand = instance.demands.astype(np.float64)
    return Sites(distance, demand, near.astype(np.int32), np.ascontiguousarray(points), instance.limit, size, fleet, least)


def make_draft(sites: Sites) -> Draft:
    """Return a draft without customers."""
    size, fleet = sites.size, sites.fleet
    stops = size + 1 + fleet
    ends = np.arange(size + 1, stops, dtype=np.int32)
    node = np.arange(stops, dtype=np.int32)
    node[ends] = 0
    after = np.zeros(stops, dtype=np.int32)
    after[ends] = ends
    route = np.zeros(stops, dtype=np.int32)
    route[ends] = np.arange(fleet)
    return Draft(
        node=node,
        after=after,
        before=after.copy(),
        route=route,
        place=np.zeros(stops, dtype=np.int32),
        carried=np.zeros(stops),
        load=np.zeros(fleet),
        penalty=np.zeros(fleet),
        members=np.zeros(fleet, dtype=np.int32),
        changed=np.zeros(fleet, dtype=np.int64),
        tested=np.zeros(size + 1, dtype=np.int64),
        swapped=np.zeros((fleet, fleet), dtype=np.int64),
        costs=np.zeros((size + 1, fleet, PLACES)),
        places=np.zeros((size + 1, fleet, PLACES), dtype=np.int32),
        priced=np.full((size + 1, fleet), -1, dtype=np.int64),
        order=np.arange(1, size + 1, dtype=np.int32),
        buffer=np.zeros(2 * size + 2, dtype=np.int32),
        counters=np.zeros(1, dtype=np.int64),
    )


@kernel(_nrt=False)
def fill_draft(sites: Sites, draft: Draft, tour: Array, starts: Array, penalty: float) -> None:
    """Put route r of the customers ``tour[starts[r]:starts[r + 1]]`` into the r-th route.

    Parameters
    ----------
    sites, draft
        The instance, and the routes, which change.
    tour, starts
        Customers [N] route by route, and where those of each route begin [R + 1].
    penalty
        Of a unit of load above the limit.
    """
    draft.counters[NOW] += 1
    draft.tested[:] = -1
    for r in range(sites.fleet):
        stop = sites.size + 1 + r
        previous = stop
        for k in range(starts[r], starts[r + 1]):
            draft.after[previous] = tour[k]
            draft.before[tour[k]] = previous
            previous = tour[k]
        draft.after[previous] = stop
        draft.before[stop] = previous
        refresh(sites, draft, r, penalty)


@kernel(_nrt=False)
def refresh(sites: Sites, draft: Draft, r: int, penalty: float) -> None:
    """Bring what depends on the order of the stops of a route up to date, and date its change.

    Parameters
    ----------
    sites, draft
        The instance, and the routes, which change.
    r
        A route.
    penalty
        Of a unit of load above the limit.
    """
    end = sites.size + 1 + r
    load = 0.0
    place = 0
    stop = draft.after[end]
    while stop != end:  # once around the ring
        place += 1
        load += sites.demand[stop]
        draft.place[stop] = place
        draft.carried[stop] = load
        draft.route[stop] = r
        stop = draft.after[stop]
    draft.load[r] = load
    draft.members[r] = place
    draft.penalty[r] = penalty * max(0.0, load - sites.limit)
    draft.changed[r] = draft.counters[NOW]


@kernel(_nrt=False)
def move_behind(draft: Draft, c: int, stop: int) -> None:
    """Move customer c behind a stop; what depends on the order is brought up to date later."""
    p = draft.before[c]
    n = draft.after[c]
    draft.after[p] = n
    draft.before[n] = p
    n = draft.after[stop]
    draft.after[stop] = c
    draft.before[c] = stop
    draft.after[c] = n
    draft.before[n] = c
