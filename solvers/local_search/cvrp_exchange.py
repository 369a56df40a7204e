"""SWAP* between routes that may be overloaded at a penalty, in Numba.

References
----------
Vidal (2022), doi:10.1016/j.cor.2021.105643, section 3.3. Pairs of routes are those with near customers in place of
overlapping sectors, so that no coordinates are needed.
"""

from __future__ import annotations

import math

from redwood.kernels import kernel
from redwood.solvers.local_search.cvrp_draft import NOW, PLACES, Draft, Sites, move_behind, refresh

BESIDE = 6
"""Two routes are a pair where a customer of one is among so many nearest ones of a customer of the other."""


@kernel(_nrt=False)
def exchange_all(sites: Sites, draft: Draft, penalty: float) -> bool:
    """Make the best exchange of every pair of routes that changed since its last one; return whether one improved.

    Parameters
    ----------
    sites, draft
        The instance, and the routes, which change.
    penalty
        Of a unit of load above the limit.
    """
    improved = False
    width = min(BESIDE, sites.near.shape[1])
    for c in draft.order:
        for k in range(width):
            r = draft.route[c]
            s = draft.route[sites.near[c, k]]
            if r == s:
                continue
            if r > s:
                r, s = s, r
            since = draft.swapped[r, s]
            if max(draft.changed[r], draft.changed[s]) <= since:
                continue
            draft.swapped[r, s] = draft.counters[NOW]
            improved |= exchange(sites, draft, penalty, r, s)
    return improved


@kernel(_nrt=False)
def exchange(sites: Sites, draft: Draft, penalty: float, r: int, s: int) -> bool:
    """Make the best exchange, or shift, of customers of two routes if it improves; return whether it did.

    Parameters
    ----------
    sites, draft
        The instance, and the routes, which change.
    penalty
        Of a unit of load above the limit.
    r, s
        Two routes with customers.
    """
    price_all(sites, draft, r, s)
    price_all(sites, draft, s, r)
    limit, size, demand, load = sites.limit, sites.size, sites.demand, draft.load
    best = -sites.least
    found_u = found_v = found_p = found_q = 0
    old = draft.penalty[r] + draft.penalty[s]
    u = draft.after[size + 1 + r]
    while u <= size:  # along a route, as far as its end
        removed_u = removal(sites, draft, u)
        v = draft.after[size + 1 + s]
        while v <= size:  # likewise
            extra = demand[v] - demand[u]
            change = penalty * (max(0.0, load[r] + extra - limit) + max(0.0, load[s] - extra - limit)) - old
            removed_v = removal(sites, draft, v)
            if change + removed_u + removed_v < 0.0:
                cost_u, p = place_without(sites, draft, u, v)
                cost_v, q = place_without(sites, draft, v, u)
                cost = change + removed_u + removed_v + cost_u + cost_v
                if cost < best:
                    best, found_u, found_p, found_v, found_q = cost, u, p, v, q
            v = draft.after[v]
        cost = removed_u + draft.costs[u, s, 0] - old
        cost += penalty * (max(0.0, load[r] - demand[u] - limit) + max(0.0, load[s] + demand[u] - limit))
        if cost < best:
            best, found_u, found_p, found_v = cost, u, draft.places[u, s, 0], 0
        u = draft.after[u]
    v = draft.after[size + 1 + s]
    while v <= size:  # along the other route
        cost = removal(sites, draft, v) + draft.costs[v, r, 0] - old
        cost += penalty * (max(0.0, load[s] - demand[v] - limit) + max(0.0, load[r] + demand[v] - limit))
        if cost < best:
            best, found_u, found_v, found_q = cost, 0, v, draft.places[v, r, 0]
        v = draft.after[v]
    if found_u == 0 and found_v == 0:
        return False
    if found_u > 0:
        move_behind(draft, found_u, found_p)
    if found_v > 0:
        move_behind(draft, found_v, found_q)
    draft.counters[NOW] += 1
    refresh(sites, draft, r, penalty)
    refresh(sites, draft, s, penalty)
    return True


@kernel(_nrt=False)
def removal(sites: Sites, draft: Draft, c: int) -> float:
    """Return the change of length of taking a customer out."""
    p, n = draft.node[draft.before[c]], draft.node[draft.after[c]]
    return float(sites.distance[p, n] - sites.distance[p, c] - sites.distance[c, n])


@kernel(_nrt=False)
def price_all(sites: Sites, draft: Draft, r: int, s: int) -> None:
    """Find the cheapest places of each customer of route r in route s, where they are not known.

    Parameters
    ----------
    sites, draft
        The instance, and the routes, whose ``costs``, ``places`` and ``priced`` change.
    r, s
        Two routes.
    """
    size, distance, node = sites.size, sites.distance, draft.node
    c = draft.after[size + 1 + r]
    while c <= size:  # along a route, as far as its end
        if draft.priced[c, s] < draft.changed[s]:
            draft.priced[c, s] = draft.changed[s]
            costs, places = draft.costs[c, s], draft.places[c, s]
            costs[:] = math.inf
            stop = size + 1 + s
            near = distance[0, c]
            while True:  # once around the ring of route s
                onward = draft.after[stop]
                far = distance[node[onward], c]
                cost = near + far - distance[node[stop], node[onward]]
                if cost < costs[PLACES - 1]:
                    at = PLACES - 1
                    while at > 0 and cost < costs[at - 1]:
                        costs[at] = costs[at - 1]
                        places[at] = places[at - 1]
                        at -= 1
                    costs[at] = cost
                    places[at] = stop
                near = far
                stop = onward
                if stop > size:
                    break
        c = draft.after[c]


@kernel(_nrt=False)
def place_without(sites: Sites, draft: Draft, c: int, leaves: int) -> tuple[float, int]:
    """Return the least cost of inserting c into the route of a customer once that has left, and after which stop.

    Parameters
    ----------
    sites, draft
        The instance and the routes.
    c, leaves
        A customer to insert, and one of another route that leaves.
    """
    s = draft.route[leaves]
    p, n = draft.before[leaves], draft.after[leaves]
    distance = sites.distance
    i, j = draft.node[p], draft.node[n]
    best = distance[i, c] + distance[c, j] - distance[i, j]
    place = p
    for k in range(PLACES):
        stop = draft.places[c, s, k]
        if draft.costs[c, s, k] < best and stop != leaves and stop != p:
            return float(draft.costs[c, s, k]), int(stop)
        if draft.costs[c, s, k] >= best:
            break
    return float(best), int(place)
