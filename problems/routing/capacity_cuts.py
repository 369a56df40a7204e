"""Rounded capacity inequalities that a fractional solution violates, found by growing sets greedily.

For a set S of customers that needs at least k(S) vehicles, every solution crosses its border at least 2 k(S) times:
``x(delta(S)) >= 2 k(S)``. Here k(S) is the larger of demand over capacity, rounded up, and the number of customers whose
demand is above half the capacity.

References
----------
Augerat et al. (1998), Separating capacity constraints in the CVRP using tabu search,
doi:10.1016/S0377-2217(97)00290-7, section 3 (greedy construction). Lysgaard, Letchford, Eglese (2004), A new
branch-and-cut algorithm for the capacitated vehicle routing problem, doi:10.1007/s10107-003-0481-8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_below, random_float

VIOLATION = 0.02
"""Rows violated by less are left alone."""
ROUTINE = 1e-9


@dataclass(frozen=True)
class CutSets:
    """Sets of customers with violated inequalities, the most violated first.

    Attributes
    ----------
    members
        Which nodes each set holds [S, N + 1].
    needed
        Vehicles that each set needs [S].
    """

    members: Array
    needed: Array

    @classmethod
    def none(cls, nodes: int) -> CutSets:
        """Return no sets of an instance with N + 1 nodes."""
        return cls(np.zeros((0, nodes), dtype=np.bool_), np.zeros(0))

    def joined(self, other: CutSets) -> CutSets:
        """Return the sets of both, each once."""
        members = np.concatenate([self.members, other.members])
        first = _first_of_each(members)
        return CutSets(members[first], np.concatenate([self.needed, other.needed])[first])


def violated_sets(
    tails: Array,
    heads: Array,
    values: Array,
    demand: Array,
    limit: float,
    state: RandomState,
    *,
    most: int = 100,
    noise: float = 0.0,
    longest: int = 1 << 30,
) -> CutSets:
    """Return sets whose inequality is violated by edge values, without doubles.

    Parameters
    ----------
    tails, heads, values
        Edges [E] of the support (tail below head, node 0 the depot) and their values.
    demand, limit
        Demands [N + 1], the depot's 0, and the capacity of a vehicle.
    state
        The generator's state [2].
    most
        How many sets are returned at most.
    noise
        How much the greedy choice is disturbed; several values find several sets.
    longest
        The largest set.
    """
    size = len(demand) - 1
    support = _support(tails, heads, values, demand, limit)
    chosen = np.zeros((size + 1, size + 1), dtype=np.bool_)
    violation = np.zeros(size + 1)
    grow_all(support, noise, longest, state, chosen, violation)
    found = np.argsort(-violation, kind="stable")
    found = found[violation[found] > VIOLATION]
    members = chosen[found][_first_of_each(chosen[found])][:most]
    return CutSets(members, vehicles_needed(members, demand, limit))


def vehicles_needed(members: Array, demand: Array, limit: float) -> Array:
    """Return how many vehicles each set of customers [S, N + 1] needs at least [S]."""
    loads = np.ceil(members @ demand / limit - ROUTINE)
    alone = members @ (2.0 * demand > limit).astype(np.float64)
    return np.asarray(np.maximum(np.maximum(loads, alone), 1.0))


def _first_of_each(members: Array) -> Array:
    """Return the rows at which a set appears for the first time."""
    _, first = np.unique(np.packbits(members, axis=1), axis=0, return_index=True)
    return np.sort(first)


def _support(tails: Array, heads: Array, values: Array, demand: Array, limit: float) -> Support:
    """Return the graph of positive edges between customers in rows, and each customer's edge to the depot."""
    size = len(demand) - 1
    used = values > 1e-7
    tails, heads, values = tails[used], heads[used], values[used]
    home = np.zeros(size + 1)
    at_depot = tails == 0
    np.add.at(home, heads[at_depot], values[at_depot])
    inner = ~at_depot
    both = np.concatenate([tails[inner], heads[inner]])
    order = np.argsort(both, kind="stable")
    starts = np.searchsorted(both[order], np.arange(size + 2))
    ends = np.concatenate([heads[inner], tails[inner]])[order]
    weights = np.concatenate([values[inner], values[inner]])[order]
    return Support(starts, ends.astype(np.int64), weights.astype(np.float64), home, demand, limit)


class Support(NamedTuple):
    """Customers and the positive edges between them.

    Attributes
    ----------
    starts, ends, weights
        Edges in rows: those of customer c stand from ``starts[c]`` to ``starts[c + 1]``, with their other ends and values.
    home
        Value [N + 1] of each customer's edge to the depot.
    demand, limit
        Demands [N + 1], the depot's 0, and the capacity of a vehicle.
    """

    starts: Array
    ends: Array
    weights: Array
    home: Array
    demand: Array
    limit: float


class Room(NamedTuple):
    """Room [N + 1] each: what joins each customer to the set, which are in it, those next to it, and their order."""

    pull: Array
    inside: Array
    frontier: Array
    order: Array


@kernel
def grow_all(support: Support, noise: float, longest: int, state: RandomState, chosen: Array, violation: Array) -> None:
    """Grow a set from every customer; row i of ``chosen`` takes the most violated set on the way of customer i.

    Parameters
    ----------
    support
        Customers and edges.
    noise
        Up to what share the values are raised at random before they are compared.
    longest
        The largest set.
    state
        The generator's state [2].
    chosen
        False [N + 1, N + 1]. Row i gets the customers of the set grown from customer i.
    violation
        Room [N + 1]. Gets by how much each set's inequality is violated, 0 where no set on the way was.
    """
    size = len(support.home) - 1
    pull, inside = np.zeros(size + 1), np.zeros(size + 1, dtype=np.bool_)
    room = Room(pull, inside, np.zeros(size + 1, dtype=np.int64), np.zeros(size + 1, dtype=np.int64))
    for seed in range(1, size + 1):
        length, violation[seed] = grow(support, room, seed, noise, longest, state)
        for k in range(length):
            chosen[seed, room.order[k]] = True


@kernel(_nrt=False)
def grow(support: Support, room: Room, seed: int, noise: float, longest: int, state: RandomState) -> tuple[int, float]:
    """Add the customer that the set pulls most until none is left; return length and violation of the best prefix.

    The first customer is ``seed``; they stand in ``room.order`` as they came.

    Parameters
    ----------
    support, room
        Customers and edges, and room.
    seed
        The customer to begin with.
    noise
        Up to what share the values are raised at random before they are compared.
    longest
        The largest set.
    state
        The generator's state [2].
    """
    starts, ends, weights, home = support.starts, support.ends, support.weights, support.home
    demand, limit = support.demand, support.limit
    pull, inside, frontier, order = room.pull, room.inside, room.frontier, room.order
    pull[:] = 0.0
    inside[:] = False
    count = 0
    length = 0
    border = 0.0
    load = 0.0
    alone = 0.0
    best_length = 0
    best = 0.0
    c = seed
    while True:  # each round takes in one more customer
        inside[c] = True
        order[length] = c
        length += 1
        load += demand[c]
        if 2.0 * demand[c] > limit:
            alone += 1.0
        degree = home[c]
        for k in range(starts[c], starts[c + 1]):
            j = ends[k]
            degree += weights[k]
            if not inside[j]:
                if pull[j] == 0.0:
                    frontier[count] = j
                    count += 1
                pull[j] += weights[k]
        border += degree - 2.0 * pull[c]
        needed = max(1.0, alone, math.ceil(load / limit - 1e-9))
        if 2.0 * needed - border > best + 1e-9:
            best = 2.0 * needed - border
            best_length = length
        if count == 0 or length >= longest:
            return best_length, best
        at = pick(frontier, pull, count, noise, state)
        c = frontier[at]
        count -= 1
        frontier[at] = frontier[count]


@kernel
def pick(frontier: Array, pull: Array, count: int, noise: float, state: RandomState) -> int:
    """Return the place of the customer that is pulled most, under noise, of the first ``count``; ties go to a random one.

    Parameters
    ----------
    frontier, pull
        Customers, and the value [N + 1] that joins each to the set.
    count
        How many of the customers count, at least one.
    noise
        Up to what share the values are raised at random before they are compared; 0 for none.
    state
        The generator's state [2].
    """
    best = -1.0
    found = random_below(state, count)
    for k in range(count):
        value = pull[frontier[k]]
        if noise > 0.0:
            value *= 1.0 + noise * random_float(state)
        if value > best:
            best = value
            found = k
    return found
