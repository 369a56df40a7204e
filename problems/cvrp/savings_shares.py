"""Routes that savings build of what is left of an instance, several times: which customers they join, and how often.

Unlike the relaxation to trees, these routes keep to the capacity, so they tell how the demand that is left can be packed.

References
----------
Clarke and Wright (1964), doi:10.1287/opre.12.4.568, with the weights of Altinel and Oncan (2005), A new enhancement of the
Clarke and Wright savings heuristic, doi:10.1057/palgrave.jors.2601916.
"""

from __future__ import annotations

import math

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel

CHANNELS = 3
"""Numbers that describe a pair: joined in the shortest solution; the shares of solutions that join it, and that serve it
with one vehicle."""
NEIGHBOURS = 16
"""Pairs are made of each customer and so many nearest ones."""
BUCKETS = 2048
"""Classes into which savings are sorted."""
SPREAD = 0.01
"""By what share a solution is longer than the shortest when it counts 1 / e as much."""
WEIGHTS = np.array(
    [
        [1.54, 0.50, 0.03],
        [1.04, 0.07, 0.00],
        [1.66, 0.45, 0.01],
        [1.40, 0.44, 0.01],
        [1.64, 0.35, -0.06],
        [0.97, 0.04, -0.03],
        [1.26, 0.33, 0.00],
        [1.58, 0.45, -0.01],
    ]
)
"""Of the distance, of the difference between the distances to the depot, and of the demands: one row for each solution,
chosen one after the other so that on random instances the shortest of them is short."""


@kernel
def describe_savings(xy: Array, demands: Array, room: float, tokens: int, features: Array, edges: Array) -> None:
    """Write what savings say of pairs of tokens, and to the features what they say of those with the first two.

    Parameters
    ----------
    xy
        Positions [n, 2]: where the vehicle stands, the depot, then the customers, the shown ones first.
    demands
        In vehicles, [n].
    room
        What the vehicle can still take, in vehicles; below 0 where it stands at the depot.
    tokens
        How many of the first positions are shown.
    features, edges
        [tokens or more, MARKS x CHANNELS] and [tokens or more, tokens or more, CHANNELS], zeros before.
    """
    variants = len(WEIGHTS)
    partner = np.empty((variants, len(xy), 2), dtype=np.int32)
    vehicle = np.empty((variants, len(xy)), dtype=np.int32)
    length = np.empty(variants, dtype=np.float64)
    build_routes(xy, demands, room, partner, vehicle, length)
    best = int(np.argmin(length))
    weight = np.exp((length[best] - length) / (SPREAD * max(length[best], 1e-12)))
    weight /= weight.sum()
    together = np.zeros((tokens, tokens), dtype=np.float32)
    for v in range(variants):
        mark_links(tokens, room, partner[v], 1.0 if v == best else 0.0, weight[v], edges)
        share_vehicles(vehicle[v, :tokens], weight[v], together)
    for i in range(tokens):
        for j in range(tokens):
            if i != j and i != 1 and j != 1:
                edges[i, j, 2] = together[i, j]
    for i in range(tokens):
        for m in range(2):
            for e in range(CHANNELS):
                features[i, CHANNELS * m + e] = edges[m, i, e]


@kernel
def shortest_of_savings(xy: Array, demands: Array, room: float) -> float:
    """Return the length of the shortest solution that `describe_savings` would tell of, given the same."""
    variants = len(WEIGHTS)
    partner = np.empty((variants, len(xy), 2), dtype=np.int32)
    vehicle = np.empty((variants, len(xy)), dtype=np.int32)
    length = np.empty(variants, dtype=np.float64)
    build_routes(xy, demands, room, partner, vehicle, length)
    return float(length.min())


@kernel
def build_routes(xy: Array, demands: Array, room: float, partner: Array, vehicle: Array, length: Array) -> None:
    """Build a solution with each of the `WEIGHTS`.

    Parameters
    ----------
    xy, demands, room
        As for `describe_savings`.
    partner, vehicle
        Room [variants, n, 2] and [variants, n]. Get what `join_pairs` writes.
    length
        Room [variants]. Gets the lengths, from where the vehicle stands on.
    """
    n = len(xy)
    ends = np.empty((n * NEIGHBOURS, 2), dtype=np.int32)
    apart = np.empty(n * NEIGHBOURS, dtype=np.float64)
    home = np.empty(n, dtype=np.float64)
    for i in range(n):
        home[i] = distance(xy, i, 1)
    count = near_pairs(xy, home, 2 if room < 0.0 else 0, ends, apart)
    order = np.empty(count, dtype=np.int32)
    saved = np.empty(count, dtype=np.float64)
    for v in range(len(WEIGHTS)):
        weigh_pairs(home, demands, WEIGHTS[v], ends[:count], apart, saved)
        sort_pairs(saved, order)
        join_pairs(home, demands, room, ends, order, partner[v], vehicle[v])
        length[v] = total_length(xy, home, room, partner[v])


@kernel
def distance(xy: Array, i: int, j: int) -> float:
    """Return the distance of two positions."""
    x = xy[i, 0] - xy[j, 0]
    y = xy[i, 1] - xy[j, 1]
    return math.sqrt(x * x + y * y)


@kernel
def share_vehicles(vehicle: Array, weight: float, together: Array) -> None:
    """Add a solution's weight to the pairs that one vehicle serves."""
    added = np.float32(weight)
    for i in range(len(vehicle)):
        row = together[i]
        own = vehicle[i]
        for j in range(len(vehicle)):
            row[j] += added if vehicle[j] == own else np.float32(0.0)


@kernel
def near_pairs(xy: Array, home: Array, begin: int, ends: Array, apart: Array) -> int:
    """Write the pairs of near neighbours that save something, each once, and their distances; return their number.

    Parameters
    ----------
    xy
        Positions [n, 2]: where the vehicle stands, the depot, then the customers.
    home
        Distance [n] of each to the depot.
    begin
        First position that pairs are made of: 0, or 2 where the vehicle stands at the depot.
    ends, apart
        Room [n * NEIGHBOURS, 2] and [n * NEIGHBOURS]. Get the two positions of each pair, and their distance.
    """
    n = len(xy)
    near = np.full((n, NEIGHBOURS), -1, dtype=np.int32)
    keys = np.empty(NEIGHBOURS, dtype=np.float64)
    for i in range(n):
        if i == 1 or i < begin:
            continue
        keys[:] = math.inf
        for j in range(begin, n):
            if j == i or j == 1:
                continue
            key = (xy[i, 0] - xy[j, 0]) ** 2 + (xy[i, 1] - xy[j, 1]) ** 2
            if key < keys[-1]:
                k = NEIGHBOURS - 1
                while k > 0 and keys[k - 1] > key:
                    keys[k] = keys[k - 1]
                    near[i, k] = near[i, k - 1]
                    k -= 1
                keys[k] = key
                near[i, k] = j
    count = 0
    for i in range(n):
        for k in range(NEIGHBOURS):
            j = near[i, k]
            if j < 0 or (j < i and contains(near[j], i)):
                continue
            apart[count] = distance(xy, i, j)
            if apart[count] < home[i] + home[j]:
                ends[count, 0] = i
                ends[count, 1] = j
                count += 1
    return count


@kernel
def contains(row: Array, value: int) -> bool:
    """Return whether a value is in a row."""
    found = False
    for entry in row:
        found |= entry == value
    return found


@kernel
def weigh_pairs(home: Array, demands: Array, weights: Array, ends: Array, apart: Array, saved: Array) -> None:
    """Write what it is worth to join the two of each pair.

    Parameters
    ----------
    home, demands
        Distance [n] of each position to the depot, and its demand in vehicles, [n].
    weights
        Row [3] of `WEIGHTS`.
    ends, apart
        The two positions of each pair, [p, 2], and their distance, [p or more].
    saved
        Room [p]. Gets the weighted savings, a length.
    """
    load = weights[2] * home.mean() / max(demands[2:].mean(), 1e-12)
    for p in range(len(ends)):
        i = ends[p, 0]
        j = ends[p, 1]
        saved[p] = home[i] + home[j] - weights[0] * apart[p] + weights[1] * abs(home[i] - home[j])
        saved[p] += load * (demands[i] + demands[j])


@kernel
def sort_pairs(saved: Array, order: Array) -> None:
    """Write the pairs in falling order of what they save, as far as `BUCKETS` classes tell them apart."""
    if len(saved) == 0:
        return
    least = saved.min()
    scale = (BUCKETS - 1) / max(saved.max() - least, 1e-12)
    starts = np.zeros(BUCKETS + 1, dtype=np.int32)
    for p in range(len(saved)):
        starts[BUCKETS - int((saved[p] - least) * scale)] += 1
    for k in range(BUCKETS):
        starts[k + 1] += starts[k]
    for p in range(len(saved)):
        bucket = BUCKETS - 1 - int((saved[p] - least) * scale)
        order[starts[bucket]] = p
        starts[bucket] += 1


@kernel
def join_pairs(home: Array, demands: Array, room: float, ends: Array, order: Array, partner: Array, vehicle: Array) -> None:
    """Join ends of routes in the given order where the load allows; write neighbours [n, 2] (-1: the depot), and vehicles.

    The route under way ends at position 0 and has only one end to join.

    Parameters
    ----------
    home, demands
        Distance [n] of each position to the depot, and its demand in vehicles, [n].
    room
        What the vehicle under way can still take, in vehicles; below 0 where it stands at the depot.
    ends, order
        The two positions of each pair, [p or more, 2], and the pairs [p] in the order in which they are tried.
    partner
        Room [n, 2]. Gets the neighbours of each position on its route, -1 for the depot.
    vehicle
        Room [n]. Gets a number of the route that serves each position.
    """
    n = len(home)
    links = np.zeros(n, dtype=np.int32)
    load = demands.copy()
    partner[:] = -1
    links[0] = 1
    load[0] = 1.0 - room
    for i in range(n):
        vehicle[i] = i
    for p in order:
        i = ends[p, 0]
        j = ends[p, 1]
        if links[i] > 1 or links[j] > 1:
            continue
        a = vehicle[i]
        b = vehicle[j]
        if a == b or load[a] + load[b] > 1.0 + 1e-9:
            continue
        load[a] += load[b]
        for k in range(n):
            vehicle[k] = a if vehicle[k] == b else vehicle[k]
        partner[i, links[i]] = j
        partner[j, links[j]] = i
        links[i] += 1
        links[j] += 1


@kernel
def total_length(xy: Array, home: Array, room: float, partner: Array) -> float:
    """Return the length of the routes, from where the vehicle stands on.

    Parameters
    ----------
    xy, home
        Positions [n, 2], and the distance of each to the depot, [n].
    room
        What the vehicle under way can still take, in vehicles; below 0 where it stands at the depot.
    partner
        Neighbours [n, 2] of each position on its route, -1 for the depot.
    """
    total = 0.0
    for i in range(len(xy)):
        if i == 1 or (i == 0 and room < 0.0):
            continue
        for k in range(1 if i == 0 else 0, 2):
            j = partner[i, k]
            total += home[i] if j < 0 else 0.5 * distance(xy, i, j)
    return total


@kernel
def mark_links(tokens: int, room: float, partner: Array, best: float, weight: float, edges: Array) -> None:
    """Add a solution's links between tokens, the depot's among them, to the first two channels.

    Parameters
    ----------
    tokens
        How many of the first positions are shown.
    room
        What the vehicle under way can still take, in vehicles; below 0 where it stands at the depot.
    partner
        Neighbours [n, 2] of each position on its route, -1 for the depot.
    best, weight
        What is added to the first and to the second channel: 1 for the shortest solution, and the solution's weight.
    edges
        Numbers of pairs, [tokens or more, tokens or more, CHANNELS], which grow.
    """
    for i in range(tokens):
        if i == 1 or (i == 0 and room < 0.0):
            continue
        for k in range(1 if i == 0 else 0, 2):
            j = partner[i, k] if partner[i, k] >= 0 else 1
            if j < tokens:
                edges[i, j, 0] += best
                edges[i, j, 1] += weight
                if j == 1:
                    edges[1, i, 0] += best
                    edges[1, i, 1] += weight
