"""Moves of customers between routes that may be overloaded at a penalty, in Numba, and the descent over them.

References
----------
Vidal (2022), Hybrid genetic search for the CVRP: open-source implementation and SWAP* neighborhood,
doi:10.1016/j.cor.2021.105643, section 3.2: moves 1 to 9, first improvement over near customers in random order.
"""

from __future__ import annotations

from redwood.kernels import RandomState, kernel, random_below
from redwood.solvers.local_search.cvrp_draft import NOW, Draft, Sites, move_behind, refresh
from redwood.solvers.local_search.cvrp_exchange import exchange_all


@kernel(_nrt=False)
def improve(sites: Sites, draft: Draft, penalty: float, state: RandomState) -> None:
    """Make improving moves, and SWAP* where there are none, until neither improves.

    Parameters
    ----------
    sites, draft
        The instance, and the routes, which change.
    penalty
        Of a unit of load above the limit.
    state
        The generator's state [2].
    """
    order = draft.order
    for k in range(sites.size - 1, 0, -1):
        other = random_below(state, k + 1)
        order[k], order[other] = order[other], order[k]
    draft.swapped[:] = -1
    first = True
    while True:  # ends: every round but the last two shortens the routes by `Sites.least` or more
        while descend(sites, draft, penalty, state, first) or first:
            first = False
        if not exchange_all(sites, draft, penalty):
            return


@kernel(_nrt=False)
def descend(sites: Sites, draft: Draft, penalty: float, state: RandomState, first: bool) -> bool:
    """Look at every customer once, and make the first improving moves; return whether there was one.

    Parameters
    ----------
    sites, draft
        The instance, and the routes, which change.
    penalty
        Of a unit of load above the limit.
    state
        The generator's state [2].
    first
        Whether this is the first round: then empty routes are left alone.
    """
    width = sites.near.shape[1]
    counters = draft.counters
    improved = False
    empty = -1
    for u in draft.order:
        since = draft.tested[u]
        draft.tested[u] = counters[NOW]
        turn = random_below(state, width)
        for k in range(width):
            v = sites.near[u, (turn + k) % width]
            if max(draft.changed[draft.route[u]], draft.changed[draft.route[v]]) <= since:
                continue
            if try_pair(sites, draft, penalty, u, v):
                improved = True
                continue
            before = draft.before[v]
            if before > sites.size and try_depot(sites, draft, penalty, u, before):
                improved = True
        if not first:
            if empty < 0 or draft.members[empty] > 0:
                empty = empty_route(sites, draft)
            if empty >= 0 and try_empty(sites, draft, penalty, u, sites.size + 1 + empty):
                improved = True
    return improved


@kernel(_nrt=False)
def empty_route(sites: Sites, draft: Draft) -> int:
    """Return a route without customers, -1 where there is none."""
    for r in range(sites.fleet):
        if draft.members[r] == 0:
            return r
    return -1


@kernel(_nrt=False)
def try_pair(sites: Sites, draft: Draft, penalty: float, u: int, v: int) -> bool:
    """Make the first move of customer u and a near customer v that improves; return whether there is one.

    Parameters
    ----------
    sites, draft
        The instance, and the routes, which change.
    penalty
        Of a unit of load above the limit.
    u, v
        Two different customers.
    """
    if try_relocations(sites, draft, penalty, u, v) or try_swaps(sites, draft, penalty, u, v):
        return True
    if draft.route[u] == draft.route[v]:
        return reverse(sites, draft, penalty, u, v)
    return try_tails(sites, draft, penalty, u, v)


@kernel(_nrt=False)
def try_depot(sites: Sites, draft: Draft, penalty: float, u: int, end: int) -> bool:
    """Make the first move of customer u to the beginning of a route that improves; return whether there is one.

    Parameters
    ----------
    sites, draft
        The instance, and the routes, which change.
    penalty
        Of a unit of load above the limit.
    u, end
        A customer, and the depot on a route with customers.
    """
    if try_relocations(sites, draft, penalty, u, end):
        return True
    return draft.route[u] != draft.route[end] and try_tails(sites, draft, penalty, u, end)


@kernel(_nrt=False)
def try_empty(sites: Sites, draft: Draft, penalty: float, u: int, end: int) -> bool:
    """Make the first move of customer u to an empty route that improves; return whether there is one.

    Parameters
    ----------
    sites, draft
        The instance, and the routes, which change.
    penalty
        Of a unit of load above the limit.
    u, end
        A customer, and the depot on a route without customers.
    """
    return try_relocations(sites, draft, penalty, u, end) or try_tails(sites, draft, penalty, u, end)


@kernel(_nrt=False)
def load_change(sites: Sites, draft: Draft, penalty: float, r: int, s: int, extra: float) -> float:
    """Return the change of the penalties of two routes when ``extra`` load goes from the first to the second.

    Parameters
    ----------
    sites, draft
        The instance and the routes.
    penalty
        Of a unit of load above the limit.
    r, s
        Two routes, or the same twice.
    extra
        Load that changes routes.
    """
    if r == s:
        return 0.0
    here = penalty * max(0.0, draft.load[r] - extra - sites.limit)
    there = penalty * max(0.0, draft.load[s] + extra - sites.limit)
    return float(here + there - draft.penalty[r] - draft.penalty[s])


@kernel(_nrt=False)
def finish(sites: Sites, draft: Draft, penalty: float, r: int, s: int) -> None:
    """Bring two routes up to date after a move.

    Parameters
    ----------
    sites, draft
        The instance, and the routes, which change.
    penalty
        Of a unit of load above the limit.
    r, s
        The routes that the move changed, perhaps the same.
    """
    draft.counters[NOW] += 1
    refresh(sites, draft, r, penalty)
    if r != s:
        refresh(sites, draft, s, penalty)


@kernel(_nrt=False)
def try_relocations(sites: Sites, draft: Draft, penalty: float, u: int, v: int) -> bool:
    """Put u, or u and the customer behind it in either order, behind stop v, if that improves; return whether it did.

    Parameters
    ----------
    sites, draft
        The instance, and the routes, which change.
    penalty
        Of a unit of load above the limit.
    u, v
        A customer, and a stop of any route, its depot included.
    """
    distance, node = sites.distance, draft.node
    p, x, y = draft.before[u], draft.after[u], draft.after[v]
    if u == y:
        return False
    r, s = draft.route[u], draft.route[v]
    from_p, at_x, at_v, at_y = node[p], node[x], node[v], node[y]
    spare = sites.least - draft.penalty[r] - draft.penalty[s] if r != s else sites.least
    open_v = distance[at_v, at_y]
    cost = distance[from_p, at_x] - distance[from_p, u] - distance[u, at_x] + distance[at_v, u] + distance[u, at_y] - open_v
    if cost < -spare and cost + load_change(sites, draft, penalty, r, s, sites.demand[u]) < -sites.least:
        move_behind(draft, u, v)
        finish(sites, draft, penalty, r, s)
        return True
    if x > sites.size or v == x:
        return False
    to_xx = node[draft.after[x]]
    away = distance[from_p, to_xx] - distance[from_p, u] - distance[at_x, to_xx] - open_v
    straight = away + distance[at_v, u] + distance[at_x, at_y]
    turned = away + distance[at_v, at_x] + distance[u, at_y]
    if min(straight, turned) >= -spare:
        return False
    extra = load_change(sites, draft, penalty, r, s, sites.demand[u] + sites.demand[x])
    if min(straight, turned) + extra >= -sites.least:
        return False
    move_behind(draft, u, v)
    move_behind(draft, x, u if straight <= turned else v)
    finish(sites, draft, penalty, r, s)
    return True


@kernel(_nrt=False)
def try_swaps(sites: Sites, draft: Draft, penalty: float, u: int, v: int) -> bool:
    """Let u, or u and the next one, change places with v, or v and the next one, if that improves; return whether it did.

    Parameters
    ----------
    sites, draft
        The instance, and the routes, which change.
    penalty
        Of a unit of load above the limit.
    u, v
        Two different customers.
    """
    distance, node, demand = sites.distance, draft.node, sites.demand
    p, q, x, y = draft.before[u], draft.before[v], draft.after[u], draft.after[v]
    if u in (q, y):
        return False
    r, s = draft.route[u], draft.route[v]
    spare = sites.least - draft.penalty[r] - draft.penalty[s] if r != s else sites.least
    from_p, from_q, at_x, at_y = node[p], node[q], node[x], node[y]
    if u <= v:
        cost = distance[from_p, v] + distance[v, at_x] - distance[from_p, u] - distance[u, at_x]
        cost += distance[from_q, u] + distance[u, at_y] - distance[from_q, v] - distance[v, at_y]
        if cost < -spare and cost + load_change(sites, draft, penalty, r, s, demand[u] - demand[v]) < -sites.least:
            move_behind(draft, u, v)
            move_behind(draft, v, p)
            finish(sites, draft, penalty, r, s)
            return True
    if x > sites.size or x in (v, q):
        return False
    to_xx = node[draft.after[x]]
    away = -distance[from_p, u] - distance[at_x, to_xx] - distance[from_q, v] + distance[from_p, v] + distance[from_q, u]
    cost = away + distance[v, to_xx] + distance[at_x, at_y] - distance[v, at_y]
    if cost < -spare and cost + load_change(sites, draft, penalty, r, s, demand[u] + demand[x] - demand[v]) < -sites.least:
        move_behind(draft, u, v)
        move_behind(draft, x, u)
        move_behind(draft, v, p)
        finish(sites, draft, penalty, r, s)
        return True
    if u > v or y > sites.size or y == p or v == draft.after[x]:
        return False
    to_yy = node[draft.after[y]]
    cost = away + distance[at_y, to_xx] + distance[at_x, to_yy] - distance[at_y, to_yy]
    extra = demand[u] + demand[x] - demand[v] - demand[y]
    if cost < -spare and cost + load_change(sites, draft, penalty, r, s, extra) < -sites.least:
        move_behind(draft, u, y)
        move_behind(draft, x, u)
        move_behind(draft, v, p)
        move_behind(draft, y, v)
        finish(sites, draft, penalty, r, s)
        return True
    return False


@kernel(_nrt=False)
def reverse(sites: Sites, draft: Draft, penalty: float, u: int, v: int) -> bool:
    """Reverse the customers behind u up to v, a later one on the route, if that improves (2-opt); return whether it did.

    Parameters
    ----------
    sites, draft
        The instance, and the routes, which change.
    penalty
        Of a unit of load above the limit.
    u, v
        Two customers of a route.
    """
    x, y = draft.after[u], draft.after[v]
    if draft.place[u] > draft.place[v] or x == v:
        return False
    distance = sites.distance
    cost = distance[u, v] + distance[x, draft.node[y]] - distance[u, x] - distance[v, draft.node[y]]
    if cost >= -sites.least:
        return False
    stop = draft.before[v]
    at = v
    draft.after[u] = v
    draft.before[v] = u
    while at != x:  # backwards along the part that is turned
        draft.after[at] = stop
        onward = draft.before[stop] if stop != x else u
        draft.before[stop] = at
        at = stop
        stop = onward
    draft.after[x] = y
    draft.before[y] = x
    finish(sites, draft, penalty, draft.route[u], draft.route[u])
    return True


@kernel(_nrt=False)
def try_tails(sites: Sites, draft: Draft, penalty: float, u: int, v: int) -> bool:
    """Join u to v, or to what follows v, on two routes, if that improves (2-opt*); return whether it did.

    Parameters
    ----------
    sites, draft
        The instance, and the routes, which change.
    penalty
        Of a unit of load above the limit.
    u, v
        A customer, and a stop of another route, its depot included.
    """
    distance, node = sites.distance, draft.node
    r, s = draft.route[u], draft.route[v]
    at_x, at_v, at_y = node[draft.after[u]], node[v], node[draft.after[v]]
    gone = distance[u, at_x] + distance[at_v, at_y]
    spare = sites.least - draft.penalty[r] - draft.penalty[s]
    turned = distance[u, at_v] + distance[at_x, at_y] - gone
    straight = distance[u, at_y] + distance[at_v, at_x] - gone
    if turned < -spare:
        extra = draft.load[r] - draft.carried[u] - draft.carried[v]  # what r gives: its end, less the beginning of s
        if turned + load_change(sites, draft, penalty, r, s, extra) < -sites.least:
            join_turned(sites, draft, u, v)
            finish(sites, draft, penalty, r, s)
            return True
    if straight < -spare:
        extra = draft.load[r] - draft.carried[u] - draft.load[s] + draft.carried[v]
        if straight + load_change(sites, draft, penalty, r, s, extra) < -sites.least:
            join_straight(sites, draft, u, v)
            finish(sites, draft, penalty, r, s)
            return True
    return False


@kernel(_nrt=False)
def join_straight(sites: Sites, draft: Draft, u: int, v: int) -> None:
    """Let what follows u and what follows v change routes.

    Parameters
    ----------
    sites, draft
        The instance, and the routes, which change.
    u, v
        Stops of two routes.
    """
    first, second = sites.size + 1 + draft.route[u], sites.size + 1 + draft.route[v]
    x, y = draft.after[u], draft.after[v]
    last_x, last_y = draft.before[first], draft.before[second]
    if y == second:
        close(draft, u, first)
    else:
        close(draft, u, y)
        close(draft, last_y, first)
    if x == first:
        close(draft, v, second)
    else:
        close(draft, v, x)
        close(draft, last_x, second)


@kernel(_nrt=False)
def close(draft: Draft, stop: int, onward: int) -> None:
    """Let a stop follow another."""
    draft.after[stop] = onward
    draft.before[onward] = stop


@kernel(_nrt=False)
def join_turned(sites: Sites, draft: Draft, u: int, v: int) -> None:
    """Let the beginning of v's route follow u, backwards, and what followed v follow the end of u's route, backwards.

    Parameters
    ----------
    sites, draft
        The instance, and the routes, which change.
    u, v
        Stops of two routes.
    """
    first, second = sites.size + 1 + draft.route[u], sites.size + 1 + draft.route[v]
    buffer = draft.buffer
    count = 0
    stop = draft.before[first]
    while stop != u:  # the end of u's route, backwards
        buffer[count] = stop
        count += 1
        stop = draft.before[stop]
    y = draft.after[v]
    at = u
    stop = v
    while stop != second:  # the beginning of v's route, backwards
        onward = draft.before[stop]
        close(draft, at, stop)
        at = stop
        stop = onward
    close(draft, at, first)
    at = second
    for k in range(count):
        close(draft, at, buffer[k])
        at = buffer[k]
    close(draft, at, y)
