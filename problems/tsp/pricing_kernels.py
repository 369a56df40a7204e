"""Reduced costs of all edges of a relaxation of the TSP, and its rows over listed edges, in Numba."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.problems.routing.distance import distance
from redwood.problems.routing.travel import Distances

SLIP = 1e-14
"""Share of the magnitudes of its terms that a reduced cost can lose to rounding, with room to spare."""


class Prices(NamedTuple):
    """Prices of nodes and of sets of nodes. An edge (i, j) costs its length, less the prices of what it crosses or touches.

    Attributes
    ----------
    node
        Price of each node, with those of all sets that hold it [N].
    magnitude
        Sum of the magnitudes that each of these was added up from [N].
    starts, sets
        The sets that hold node i stand from ``starts[i]`` to ``starts[i + 1]``.
    price
        Price of each set, not negative [S].
    """

    node: Array
    magnitude: Array
    starts: Array
    sets: Array
    price: Array


class Missing(NamedTuple):
    """Room for edges that a program lacks, with their reduced costs [F]."""

    tails: Array
    heads: Array
    reduced: Array


@kernel
def price_edges(
    distances: Distances, prices: Prices, starts: Array, heads: Array, limit: float, missing: Missing
) -> tuple[float, float, int]:
    """Price all pairs of nodes; return (sum of negative reduced costs, sum of their magnitudes, number of missing edges).

    With ``price(S)`` added to every node in S, the reduced cost of an edge is its length less the prices of its ends, plus
    twice the prices of the sets that hold both: these are looked up only where the rest is below ``limit``.

    Parameters
    ----------
    distances
        `Travel.arrays`.
    prices
        Prices of nodes and sets.
    starts, heads
        The edges of the program, each both ways: those of node i stand from ``starts[i]`` to ``starts[i + 1]``.
    limit
        Edges outside of the program with a reduced cost below this are listed, as far as there is room.
    missing
        What is filled in. Where there are more edges than room, the number returned is larger than the room.
    """
    size, count = len(prices.node), 0
    total, reach = 0.0, 0.0
    held, present = np.full(len(prices.price), -1), np.full(size, -1)
    for i in range(size):
        for entry in range(prices.starts[i], prices.starts[i + 1]):
            held[prices.sets[entry]] = i
        for entry in range(starts[i], starts[i + 1]):
            present[heads[entry]] = i
        own = prices.node[i]
        for j in range(i + 1, size):
            length = distance(distances, i, j)
            reduced = length - own - prices.node[j]
            slip = SLIP * (length + prices.magnitude[i] + prices.magnitude[j])
            if reduced >= slip and reduced >= limit:
                continue
            for entry in range(prices.starts[j], prices.starts[j + 1]):
                if held[prices.sets[entry]] == i:
                    reduced += 2.0 * prices.price[prices.sets[entry]]
            if reduced < slip:
                total += reduced - slip
                reach += slip - reduced
            if reduced < limit and present[j] != i:
                if count < len(missing.tails):
                    missing.tails[count], missing.heads[count], missing.reduced[count] = i, j, reduced
                count += 1
    return total, reach, count


@kernel
def cross_edges(
    first: Array, starts: Array, heads: Array, edges: Array, begins: Array, nodes: Array, rows: Array, columns: Array
) -> int:
    """List every crossing of an edge and a set's border, as a pair of row and edge; return how many there are.

    Parameters
    ----------
    first
        The first set of each row, and behind the last one the number of sets [R + 1].
    starts, heads, edges
        The edges, each both ways: those of node i stand from ``starts[i]`` to ``starts[i + 1]``, with their other ends and
        their numbers.
    begins, nodes
        The sets: the nodes of set s stand from ``begins[s]`` to ``begins[s + 1]``.
    rows, columns
        Room. Where it is too small, only the number is right.
    """
    count = 0
    inside = np.full(len(starts) - 1, -1)
    for row in range(len(first) - 1):
        for one in range(first[row], first[row + 1]):
            for k in range(begins[one], begins[one + 1]):
                inside[nodes[k]] = one
            for k in range(begins[one], begins[one + 1]):
                node = nodes[k]
                for entry in range(starts[node], starts[node + 1]):
                    if inside[heads[entry]] != one:
                        if count < len(rows):
                            rows[count], columns[count] = row, edges[entry]
                        count += 1
    return count
