"""Routes by the savings of joining them, in a fraction of a second.

References
----------
Clarke and Wright (1964), Scheduling of vehicles from a central depot to a number of delivery points,
doi:10.1287/opre.12.4.568, the parallel version, with pairs of near neighbours only.
"""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.problems.cvrp.plan import Ground
from redwood.problems.routing.forest import root


def savings_routes(ground: Ground) -> list[list[int]]:
    """Return routes that serve every customer, as many as it takes."""
    size = ground.size
    tails = np.repeat(np.arange(1, size + 1, dtype=np.int32), ground.near.shape[1])
    heads = ground.near[1:].ravel()
    saved = ground.depot[tails] + ground.depot[heads] - ground.gaps[1:].ravel()
    useful = np.flatnonzero((heads > 0) & (saved > 0) & ((tails < heads) | _listed_once(ground.near)[1:].ravel()))
    order = useful[np.argsort(-saved[useful], kind="stable")]
    links = np.zeros((size + 1, 2), dtype=np.int32)
    join(tails[order], heads[order], ground.demand, ground.limit, links)
    flat = np.empty(size, dtype=np.int32)
    starts = np.empty(size + 1, dtype=np.int64)
    count = unroll(links, flat, starts)
    return [flat[starts[r] : starts[r + 1]].tolist() for r in range(count)]


@kernel
def _listed_once(near: Array) -> Array:
    """Return [N + 1, K] which entries of the neighbour lists are the only one of their pair: the other list lacks it."""
    once = np.zeros(near.shape, dtype=np.bool_)
    for i in range(1, len(near)):
        for k in range(near.shape[1]):
            back = False
            for other in near[near[i, k]]:
                back = back or other == i
            once[i, k] = not back
    return once


@kernel
def join(tails: Array, heads: Array, demand: Array, limit: float, links: Array) -> None:
    """Join route ends pair by pair where the load allows; ``links`` [N + 1, 2] takes the neighbours, 0 for none.

    Parameters
    ----------
    tails, heads
        Customers [E] of each pair, the pairs in the order in which they are tried.
    demand, limit
        Demands [N + 1], and the largest load of a route.
    links
        Zeros [N + 1, 2]. Gets the neighbours of each customer, 0 for none.
    """
    parent = np.arange(len(links))
    load = demand.copy()
    for k in range(len(tails)):
        i = tails[k]
        j = heads[k]
        if links[i, 1] != 0 or links[j, 1] != 0:
            continue
        a = root(parent, i)
        b = root(parent, j)
        if a == b or load[a] + load[b] > limit:
            continue
        parent[b] = a
        load[a] += load[b]
        links[i, 1 if links[i, 0] != 0 else 0] = j
        links[j, 1 if links[j, 0] != 0 else 0] = i


@kernel
def unroll(links: Array, flat: Array, starts: Array) -> int:
    """Write the paths of ``links`` one after the other into ``flat`` [N]; return their number."""
    seen = np.zeros(len(links), dtype=np.bool_)
    routes = 0
    at = 0
    for first in range(1, len(links)):
        if seen[first] or links[first, 1] != 0:
            continue
        starts[routes] = at
        previous = 0
        stop = first
        while stop != 0:  # a path without cycles, as `join` makes it, ends
            seen[stop] = True
            flat[at] = stop
            at += 1
            onward = links[stop, 0]
            if onward == previous:  # 0 is no stop: at the first stop this is its only neighbour unless it has none
                onward = links[stop, 1]
            previous = stop
            stop = onward
        routes += 1
    starts[routes] = at
    return routes
