"""The cheapest ng-routes at given prices of customers: labels with load and time, extended and dominated, in Numba.

References
----------
Baldacci, Mingozzi, Roberti (2011), New route relaxation and pricing strategies for the vehicle routing problem,
doi:10.1287/opre.1110.0975, section 4: a route may come back to a customer once it has left its neighbourhood.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel

DUST = 1e-9
"""Share by which loads and times may exceed their limits."""


class RouteGraph(NamedTuple):
    """One type of vehicle. Nodes are the N customers, then N for the start and N + 1 for the end of a route.

    Attributes
    ----------
    cost, time, usable
        Of each way [N + 2, N + 2]: its cost, its time with the service at its tail, and whether it may be taken.
    load, capacity
        What each customer takes of the capacity [N]; 0 and infinity where loads do not matter.
    earliest, latest
        When service at each customer may begin [N].
    begins, closes
        When a route begins and must have ended.
    near, place
        The K customers of each customer's neighbourhood, itself among them [N, K], and the place of each customer in that
        of each other [N, N], -1 for none.
    """

    cost: Array
    time: Array
    usable: Array
    load: Array
    capacity: float
    earliest: Array
    latest: Array
    begins: float
    closes: float
    near: Array
    place: Array


class Labels(NamedTuple):
    """Paths from the start to a customer: room for L of them.

    Attributes
    ----------
    node, before, seen, alive, following
        The last customer, the label of the path without it, the members of its neighbourhood that cannot be visited,
        whether nothing dominates it, and the next label of the same customer [L].
    cost, load, time
        Reduced cost, load and begin of service [L].
    heap, keys
        Labels that are still to be extended, as a binary heap, and what it is ordered by [L].
    first
        The first label of each customer [N], -1 for none.
    work
        How many pairs of labels may still be compared [1].
    """

    node: Array
    before: Array
    seen: Array
    alive: Array
    following: Array
    cost: Array
    load: Array
    time: Array
    heap: Array
    keys: Array
    first: Array
    work: Array


def make_labels(size: int, room: int) -> Labels:
    """Return room for labels of ``size`` customers."""

    def whole() -> Array:
        return np.zeros(room, dtype=np.int64)

    return Labels(
        node=whole(),
        before=whole(),
        seen=whole(),
        alive=np.zeros(room, dtype=np.bool_),
        following=whole(),
        cost=np.zeros(room),
        load=np.zeros(room),
        time=np.zeros(room),
        heap=whole(),
        keys=np.zeros(room),
        first=np.full(size, -1, dtype=np.int64),
        work=np.zeros(1, dtype=np.int64),
    )


@kernel(_nrt=False)
def push_label(labels: Labels, count: int, label: int) -> None:
    """Put a label on the heap of ``count`` labels."""
    heap, keys = labels.heap, labels.keys
    at = count
    while at > 0:
        above = (at - 1) // 2
        if keys[heap[above]] <= keys[label]:
            break
        heap[at] = heap[above]
        at = above
    heap[at] = label


@kernel(_nrt=False)
def pop_label(labels: Labels, count: int) -> int:
    """Take the label of the lowest key off the heap of ``count`` labels."""
    heap, keys = labels.heap, labels.keys
    taken, last = heap[0], heap[count - 1]
    at = 0
    while True:
        below = 2 * at + 1
        if below >= count - 1:
            break
        if below + 1 < count - 1 and keys[heap[below + 1]] < keys[heap[below]]:
            below += 1
        if keys[last] <= keys[heap[below]]:
            break
        heap[at] = heap[below]
        at = below
    heap[at] = last
    return int(taken)


@kernel(_nrt=False)
def carried(graph: RouteGraph, i: int, seen: int, j: int) -> int:
    """Return which members of the neighbourhood of j cannot be visited behind j, for those of i behind i.

    Parameters
    ----------
    graph
        Customers with their neighbourhoods.
    i, j
        A customer, and the next one.
    seen
        Members of the neighbourhood of i, a bit each, that cannot be visited behind i.
    """
    carried = 1 << graph.place[j, j]
    for b in range(graph.near.shape[1]):
        if seen >> b & 1:
            place = graph.place[j, graph.near[i, b]]
            if place >= 0:
                carried |= 1 << place
    return int(carried)


@kernel(_nrt=False)
def _add(labels: Labels, count: int, exact: bool) -> bool:
    """Add the label at ``count`` to those of its customer, unless it is dominated; drop those that it dominates."""
    node, cost, load, time, seen = (labels.node[count], labels.cost[count], labels.load[count], labels.time[count],
                                    labels.seen[count])  # fmt: skip
    previous, other = -1, labels.first[node]
    while other >= 0:
        following = labels.following[other]
        labels.work[0] -= 1
        subset = not exact or labels.seen[other] & ~seen == 0
        if subset and labels.cost[other] <= cost and labels.load[other] <= load and labels.time[other] <= time:
            return False
        superset = not exact or seen & ~labels.seen[other] == 0
        if superset and cost <= labels.cost[other] and load <= labels.load[other] and time <= labels.time[other]:
            labels.alive[other] = False
            if previous < 0:
                labels.first[node] = following
            else:
                labels.following[previous] = following
        else:
            previous = other
        other = following
    labels.following[count] = labels.first[node]
    labels.first[node] = count
    labels.alive[count] = True
    return True


@kernel(_nrt=False)
def cheapest_routes(
    graph: RouteGraph, cost: Array, price: Array, labels: Labels, exact: bool, ends: Array, costs: Array
) -> bool:
    """Fill in, for each last customer, the label [N] of its cheapest route and the reduced cost [N]; infinite without one.

    Parameters
    ----------
    graph
        One type of vehicle.
    cost
        Of each way [N + 2, N + 2], instead of the graph's own.
    price
        What is taken off the cost for each customer [N].
    labels
        Room for paths.
    exact
        Whether neighbourhoods are respected; else paths are dominated that may be needed, which is quick.
    ends, costs
        What is filled in.

    Returns
    -------
    Whether there was room and work left for all labels, so that an exact search has missed nothing.
    """
    size = len(price)
    labels.first[:] = -1
    ends[:] = -1
    costs[:] = math.inf
    count, waiting = 0, 0
    span = 1.0 / max(1e-9, graph.closes - graph.begins) if graph.closes < 1e17 else 0.0
    share = 1.0 / graph.capacity if graph.capacity > 0.0 else 0.0
    at, reached, load, time, seen, parent = size, 0.0, 0.0, graph.begins, 0, -1
    while True:
        for j in range(size):
            if not graph.usable[at, j] or (at < size and graph.place[at, j] >= 0 and seen >> graph.place[at, j] & 1):
                continue
            filled = load + graph.load[j]
            begin = max(graph.earliest[j], time + graph.time[at, j])
            if filled > graph.capacity * (1.0 + DUST) or begin > graph.latest[j] + DUST * max(1.0, graph.latest[j]):
                continue
            if count >= len(labels.node) or labels.work[0] < 0:
                return False
            labels.node[count], labels.before[count] = j, parent
            labels.cost[count], labels.load[count], labels.time[count] = reached + cost[at, j] - price[j], filled, begin
            labels.seen[count] = 1 << graph.place[j, j] if at >= size else carried(graph, at, seen, j)
            if _add(labels, count, exact):
                labels.keys[count] = (begin - graph.begins) * span + filled * share
                push_label(labels, waiting, count)
                waiting += 1
                if graph.usable[j, size + 1] and begin + graph.time[j, size + 1] <= graph.closes + DUST * abs(graph.closes):
                    whole = labels.cost[count] + cost[j, size + 1]
                    if whole < costs[j]:
                        costs[j], ends[j] = whole, count
                count += 1
        parent = -1
        while waiting > 0 and parent < 0:
            parent = pop_label(labels, waiting)
            waiting -= 1
            if not labels.alive[parent]:
                parent = -1
        if parent < 0:
            return True
        at, reached, load = labels.node[parent], labels.cost[parent], labels.load[parent]
        time, seen = labels.time[parent], labels.seen[parent]
