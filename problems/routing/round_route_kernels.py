"""The cheapest ng-routes where every way costs the same in both directions and only loads matter, in Numba.

A route is cut where its load first exceeds half of the capacity: what comes before, the last customer included, and what
comes behind, read backwards, are paths from the depot whose proper beginnings carry at most half. So paths are extended only
up to there, and joined in pairs.

References
----------
Righini, Salani (2006), doi:10.1016/j.disopt.2006.05.007, for joining paths; Baldacci, Mingozzi, Roberti (2011),
doi:10.1287/opre.1110.0975, section 4, for ng-routes.
"""

from __future__ import annotations

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.problems.routing.ng_kernels import DUST, Labels, RouteGraph, carried, pop_label, push_label

HALF = 0.5 * (1.0 + 1e-6)
"""Share of the capacity up to which paths are extended: a half, and more than loads can lose to rounding."""


@kernel
def cheapest_round_routes(
    graph: RouteGraph, cost: Array, price: Array, labels: Labels, exact: bool, ends: Array, costs: Array
) -> bool:
    """Fill in the cheapest route found for each customer that one of its two paths may end at.

    Parameters
    ----------
    graph
        The type of vehicle, all of whose ways between customers may be taken.
    cost
        Of each way, the same in both directions, [N + 2, N + 2].
    price
        What is taken off the cost for each customer [N].
    labels
        Room for paths.
    exact
        Whether neighbourhoods are respected; else paths are dominated that may be needed, which is quick.
    ends
        Gets the labels of the two paths [N, 2], the second -1 where the first is the whole route; -1 where no route costs
        less than 0.
    costs
        Gets the reduced costs [N]; 0 where no route costs less.

    Returns
    -------
    Whether there was room and work left for all paths, so that an exact search has missed nothing.
    """
    ends[:] = -1
    costs[:] = 0.0
    if not _extend_paths(graph, cost, price, labels, exact):
        return False
    return _join_paths(graph, cost, labels, ends, costs)


@kernel
def _extend_paths(graph: RouteGraph, cost: Array, price: Array, labels: Labels, exact: bool) -> bool:
    """Make the labels of all paths that nothing dominates, up to the first customer beyond half of the capacity."""
    size = len(price)
    labels.first[:] = -1
    count, waiting = 0, 0
    half = graph.capacity * HALF
    at, reached, load, seen, parent = size, 0.0, 0.0, 0, -1
    while True:
        for j in range(size):
            if at < size and (at == j or (graph.place[at, j] >= 0 and seen >> graph.place[at, j] & 1)):
                continue
            filled = load + graph.load[j]
            if filled > graph.capacity * (1.0 + DUST):
                continue
            if count >= len(labels.node) or labels.work[0] < 0:
                return False
            labels.node[count], labels.before[count] = j, parent
            labels.cost[count], labels.load[count] = reached + cost[at, j] - price[j], filled
            labels.seen[count] = 1 << graph.place[j, j] if at >= size else carried(graph, at, seen, j)
            if _insert(labels, count, exact):
                if filled <= half:
                    labels.keys[count] = filled
                    push_label(labels, waiting, count)
                    waiting += 1
                count += 1
        parent = -1
        while waiting > 0 and parent < 0:
            parent = pop_label(labels, waiting)
            waiting -= 1
            if not labels.alive[parent]:
                parent = -1
        if parent < 0:
            return True
        at, reached, load, seen = labels.node[parent], labels.cost[parent], labels.load[parent], labels.seen[parent]


@kernel
def _insert(labels: Labels, count: int, exact: bool) -> bool:
    """Put the label at ``count`` among those of its customer, by cost, unless it is dominated; drop those it dominates."""
    node, cost, load, seen = labels.node[count], labels.cost[count], labels.load[count], labels.seen[count]
    previous, other = -1, labels.first[node]
    while other >= 0 and labels.cost[other] <= cost:
        labels.work[0] -= 1
        if labels.load[other] <= load and (not exact or labels.seen[other] & ~seen == 0):
            return False
        previous, other = other, labels.following[other]
    labels.following[count] = other
    if previous < 0:
        labels.first[node] = count
    else:
        labels.following[previous] = count
    labels.alive[count] = True
    previous = count
    while other >= 0:
        labels.work[0] -= 1
        following = labels.following[other]
        if load <= labels.load[other] and (not exact or seen & ~labels.seen[other] == 0):
            labels.alive[other] = False
            labels.following[previous] = following
        else:
            previous = other
        other = following
    return True


@kernel
def _join_paths(graph: RouteGraph, cost: Array, labels: Labels, ends: Array, costs: Array) -> bool:
    """Find the cheapest pair of paths for each last customer of the heavier one, and the cheapest single path."""
    size = len(costs)
    half, most = graph.capacity * HALF, graph.capacity * (1.0 + DUST)
    for i in range(size):
        one = labels.first[i]
        while one >= 0:
            reached, load, seen = labels.cost[one], labels.load[one], labels.seen[one]
            whole = reached + cost[i, size + 1]
            if whole < costs[i]:
                costs[i], ends[i, 0], ends[i, 1] = whole, one, -1
            if load > half:
                for j in range(size):
                    base, other = reached + cost[i, j], labels.first[j]
                    if j == i or other < 0 or base + labels.cost[other] >= costs[i]:
                        continue
                    kept = -1
                    while other >= 0 and base + labels.cost[other] < costs[i]:
                        labels.work[0] -= 1
                        if load + labels.load[other] <= most and labels.load[other] <= half:
                            if kept < 0:
                                kept = _kept(graph, i, seen, j)
                            if kept & labels.seen[other] == 0:
                                costs[i], ends[i, 0], ends[i, 1] = base + labels.cost[other], one, other
                                break
                        other = labels.following[other]
                if labels.work[0] < 0:
                    return False
            one = labels.following[one]
    return True


@kernel
def _kept(graph: RouteGraph, i: int, seen: int, j: int) -> int:
    """Return which members of the neighbourhood of j are among those of i that cannot be visited any more."""
    kept = 0
    for b in range(graph.near.shape[1]):
        if seen >> b & 1:
            place = graph.place[j, graph.near[i, b]]
            if place >= 0:
                kept |= 1 << place
    return int(kept)
