"""Compiled generations of edge assembly crossover: which offspring replaces a tour of a population.

References
----------
Nagata, Kobayashi (2013), doi:10.1287/ijoc.1120.0506: section 3.4 (selection that keeps the entropy of edges).
"""

from __future__ import annotations

from typing import NamedTuple

from redwood.arrays import Array
from redwood.kernels import kernel, random_below
from redwood.solvers.local_search.tsp_cycles_kernels import Crossing, exchange, find_cycles, take_back

LOSSLESS = 1e-9
"""Entropy that an offspring loses at least, in its score: where it loses none, the gain alone decides."""


class Frequencies(NamedTuple):
    """How many tours of a population have an edge.

    ``heads`` [N, W] are the other ends of the edges at each node, as many as there is room for, the rest -1; ``counts``
    [N, W] the number of tours with that edge; ``entropy`` [P + 2] what an edge in so many of P tours adds to the entropy.
    """

    heads: Array
    counts: Array
    entropy: Array


@kernel(nogil=True)
def count_edges(orders: Array, frequencies: Frequencies) -> None:
    """Count the edges of tours [P, N]."""
    heads, counts = frequencies.heads, frequencies.counts
    heads[:] = -1
    counts[:] = 0
    for tour in range(orders.shape[0]):
        previous = orders[tour, -1]
        for node in orders[tour]:
            _count_edge(heads, counts, previous, node)
            _count_edge(heads, counts, node, previous)
            previous = node


@kernel
def _count_edge(heads: Array, counts: Array, tail: int, head: int) -> None:
    for k in range(heads.shape[1]):
        if heads[tail, k] == head:
            counts[tail, k] += 1
            return
        if heads[tail, k] < 0:
            heads[tail, k] = head
            counts[tail, k] = 1
            return


@kernel
def _frequency(frequencies: Frequencies, tail: int, head: int, fallback: int) -> int:
    """Return how many tours have an edge; one for which there was no room has ``fallback``."""
    heads = frequencies.heads
    for k in range(heads.shape[1]):
        if heads[tail, k] == head:
            return int(frequencies.counts[tail, k])
        if heads[tail, k] < 0:
            return fallback
    return fallback


@kernel
def _entropy_change(crossing: Crossing, frequencies: Frequencies, cycle: int, joins: int) -> float:
    """Return by how much the entropy of the population's edges grows where an offspring takes the place of its parent."""
    cycles, first, end = crossing.cycles, crossing.starts[cycle], crossing.starts[cycle + 1]
    entropy = frequencies.entropy
    change = 0.0
    for k in range(first, end, 2):
        often = _frequency(frequencies, cycles[k], cycles[k + 1], 1)
        change += entropy[often - 1] - entropy[often]
        often = _frequency(frequencies, cycles[k + 1], cycles[k + 2 if k + 2 < end else first], 1)
        change += entropy[often + 1] - entropy[often]
    for join in range(joins):
        one, beside, two, opposite = crossing.joins[join]
        often = max(1, _frequency(frequencies, one, beside, 1))
        change += entropy[often - 1] - entropy[often]
        often = max(1, _frequency(frequencies, two, opposite, 1))
        change += entropy[often - 1] - entropy[often]
        often = _frequency(frequencies, one, two, 0)
        change += entropy[often + 1] - entropy[often]
        often = _frequency(frequencies, beside, opposite, 0)
        change += entropy[often + 1] - entropy[often]
    return change


class Pairs(NamedTuple):
    """Pairs of tours to cross.

    Attributes
    ----------
    rows
        The tours to cross, [R], each with the next one.
    last_order, last_position
        The tour [N] that the last one of them is crossed with, and where each node stands in it.
    seeds
        State of the generator for each pair, [R, 2].
    gains
        Gets by how much each tour becomes shorter, [R].
    """

    rows: Array
    last_order: Array
    last_position: Array
    seeds: Array
    gains: Array


@kernel(nogil=True)
def cross_pairs(
    crossing: Crossing,
    frequencies: Frequencies,
    orders: Array,
    positions: Array,
    pairs: Pairs,
    offspring: int,
    tolerance: float,
) -> int:
    """Cross tours with the ones after them in ``rows``, the last one with a tour given apart; returns the offspring made.

    Each is replaced by the best of its offspring where that is shorter. What comes of a pair depends on its seed alone.

    Parameters
    ----------
    crossing, frequencies
        Room, and the edges of the population.
    orders, positions
        Tours [P, N], and where each node stands in them; changes.
    pairs
        The tours to cross.
    offspring
        How many offspring of a pair are made, at most.
    tolerance
        Length that a gain has to exceed.
    """
    rows = pairs.rows
    total = 0
    for k in range(len(rows)):
        row = rows[k]
        crossing.random[:] = pairs.seeds[k]
        if k + 1 < len(rows):
            other_order, other_position = orders[rows[k + 1]], positions[rows[k + 1]]
        else:
            other_order, other_position = pairs.last_order, pairs.last_position
        find = find_cycles(crossing, orders[row], positions[row], other_order, other_position)
        gain, changes, made = _best_offspring(crossing, frequencies, orders[row], positions[row], find, offspring, tolerance)
        if changes > 0:
            for entry in range(changes):
                crossing.adjacent[crossing.kept[entry, 0], crossing.kept[entry, 1]] = crossing.kept[entry, 2]
            _walk(crossing.adjacent, orders[row], positions[row])
        pairs.gains[k] = gain
        total += made
    return total


@kernel
def _best_offspring(
    crossing: Crossing, frequencies: Frequencies, order: Array, position: Array, found: int, offspring: int, tolerance: float
) -> tuple[float, int, int]:
    """Make offspring of tour A, each by the edges of one AB-cycle: (gain of the best, its changes in ``kept``, number made).

    The best gains most for the entropy that the population loses by it, so that tours stay different as long as possible.
    Only cycles that gain by themselves are tried: to join sub-tours nearly always costs something.

    Parameters
    ----------
    crossing
        After `find_cycles`; gets the changes of the best one.
    frequencies
        Edges of the population.
    order, position
        Tour A [N], and where each node stands in it.
    found
        How many AB-cycles there are.
    offspring
        How many offspring are made, at most.
    tolerance
        Length that a gain has to exceed.
    """
    best_score, best_gain, changes = 0.0, 0.0, 0
    picks = crossing.mixed  # no longer needed for its nodes
    likely = 0
    for k in range(found):
        if crossing.gains[k] > tolerance:
            picks[likely] = k
            likely += 1
    made = min(likely, offspring)
    for k in range(made):
        other = k + random_below(crossing.random, likely - k)
        picks[k], picks[other] = picks[other], picks[k]
        gain, logged, joins = exchange(crossing, order, position, picks[k])
        if gain > tolerance:
            loss = -_entropy_change(crossing, frequencies, picks[k], joins)
            score = gain / max(loss, LOSSLESS)
            if score > best_score:
                best_score, best_gain, changes = score, gain, logged
                for entry in range(logged):
                    node, side = crossing.log[entry, 0], crossing.log[entry, 1]
                    crossing.kept[entry, 0], crossing.kept[entry, 1] = node, side
                    crossing.kept[entry, 2] = crossing.adjacent[node, side]
        take_back(crossing, logged)
    return best_gain, changes, made


@kernel
def _walk(adjacent: Array, order: Array, position: Array) -> None:
    """Write the tour that the nodes beside each node [N, 2] describe, beginning where it did."""
    previous, node = -1, order[0]
    second = adjacent[node, 0]
    order[1] = second
    position[second] = 1
    previous, node = node, second
    for place in range(2, len(order)):
        following = adjacent[node, 0] if adjacent[node, 0] != previous else adjacent[node, 1]
        order[place] = following
        position[following] = place
        previous, node = node, following
