"""The table of a population of routes for the genetic search, in Numba: cost, diversity, and who goes.

References
----------
Vidal (2022), doi:10.1016/j.cor.2021.105643, sections 3.1 and 3.5, with the parameters of its Table 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernel_fields import by_reference
from redwood.kernels import kernel
from redwood.solvers.local_search.cvrp_draft import Sites

FEWEST, GENERATION, ELITE, CLOSE = 25, 40, 4, 5
"""Individuals of a kind that survive, that come before they are thinned out, whose cost alone counts, and the closest ones
that diversity is measured by."""
FIRST = 4 * FEWEST
"""Random individuals at the beginning."""
FREE, FEASIBLE, OVERLOADED = 0, 1, 2
"""Kinds of entries of the table."""
MADE, GOOD, SINCE = 0, 1, 2
"""Entries of `Population.counters`: individuals made, feasible ones since the last change of the penalty, and individuals
made since the best one improved."""
BEST, PRICE, USUAL = 0, 1, 2
"""Entries of `Population.values`: length of the best routes, penalty of a unit of overload, and the first such penalty."""


@by_reference
class Population(NamedTuple):
    """M entries of a table, of which some are in use.

    Attributes
    ----------
    kind
        See above [M].
    tour
        All customers route by route, routes by their angle [M, N].
    after, before
        Who follows and precedes each customer, 0 for the depot [M, N + 1].
    length, overload
        Of the routes [M].
    apart
        Share of neighbours that two entries of a kind do not have in common [M, M].
    fitness, spread
        Rank by cost and by diversity, of which smaller is better, and mean difference to the closest entries [M].
    values, counters
        Numbers, see above.
    best, best_starts
        The shortest feasible routes so far [N], and where each begins [R + 1].
    child, taken, starts, costs, begins, angle, rank
        Room: a tour [N], flags [N + 1], starts of routes [R + 1], two tables [R + 1, N + 1], angles of routes [R], and an
        order of entries or routes [max(M, R)].
    """

    kind: Array
    tour: Array
    after: Array
    before: Array
    length: Array
    overload: Array
    apart: Array
    fitness: Array
    spread: Array
    values: Array
    counters: Array
    best: Array
    best_starts: Array
    child: Array
    taken: Array
    starts: Array
    costs: Array
    begins: Array
    angle: Array
    rank: Array


def make_population(sites: Sites) -> Population:
    """Return an empty population."""
    size, fleet, entries = sites.size, sites.fleet, 2 * (FEWEST + GENERATION + 1)
    longest, largest = float(sites.distance.max()), float(sites.demand.max())
    price = longest / largest if longest > 0.0 and largest > 0.0 else 1.0
    return Population(
        kind=np.zeros(entries, dtype=np.int32),
        tour=np.zeros((entries, size), dtype=np.int32),
        after=np.zeros((entries, size + 1), dtype=np.int32),
        before=np.zeros((entries, size + 1), dtype=np.int32),
        length=np.zeros(entries),
        overload=np.zeros(entries),
        apart=np.zeros((entries, entries)),
        fitness=np.zeros(entries),
        spread=np.zeros(entries),
        values=np.array([np.inf, price, price]),
        counters=np.zeros(3, dtype=np.int64),
        best=np.zeros(size, dtype=np.int32),
        best_starts=np.zeros(fleet + 1, dtype=np.int64),
        child=np.zeros(size, dtype=np.int32),
        taken=np.zeros(size + 1, dtype=np.bool_),
        starts=np.zeros(fleet + 1, dtype=np.int64),
        costs=np.zeros((fleet + 1, size + 1)),
        begins=np.zeros((fleet + 1, size + 1), dtype=np.int32),
        angle=np.zeros(fleet),
        rank=np.zeros(max(entries, fleet), dtype=np.int64),
    )


@kernel(_nrt=False)
def difference(population: Population, a: int, b: int) -> float:
    """Return the share of neighbours of customers that two entries do not have in common (broken pairs)."""
    after_a, after_b = population.after[a], population.after[b]
    before_a, before_b = population.before[a], population.before[b]
    count = 0
    for c in range(1, len(after_a)):
        if after_a[c] != after_b[c] and after_a[c] != before_b[c]:
            count += 1
        if before_a[c] == 0 and before_b[c] != 0 and after_b[c] != 0:
            count += 1
    return count / (len(after_a) - 1)


@kernel(_nrt=False)
def ranked(population: Population, kind: int) -> int:
    """Write the entries of a kind into ``rank``, the cheapest first; return how many there are."""
    rank, price = population.rank, population.values[PRICE]
    count = 0
    for entry in range(len(population.kind)):
        if population.kind[entry] != kind:
            continue
        cost = population.length[entry] + price * population.overload[entry]
        at = count
        while at > 0 and population.length[rank[at - 1]] + price * population.overload[rank[at - 1]] > cost:
            rank[at] = rank[at - 1]
            at -= 1
        rank[at] = entry
        count += 1
    return count


@kernel(_nrt=False)
def closest(population: Population, entry: int, kind: int, wanted: int) -> float:
    """Return the mean difference of an entry to the closest ones of its kind.

    Parameters
    ----------
    population, entry
        The table, and an entry in use.
    kind
        Of the entry.
    wanted
        How many closest ones count, 1 to `CLOSE`.
    """
    a = b = c = d = e = math.inf  # the closest five, rising
    for other in range(len(population.kind)):
        if other == entry or population.kind[other] != kind:
            continue
        share = population.apart[entry, other]
        if share < e:
            e = share
            if e < d:
                d, e = e, d
                if d < c:
                    c, d = d, c
                    if c < b:
                        b, c = c, b
                        if b < a:
                            a, b = b, a
    if wanted == 1 or b == math.inf:
        return a
    total = 0.0
    count = 0
    for share in (a, b, c, d, e):
        if share < math.inf:
            total += share
            count += 1
    return total / count


@kernel(_nrt=False)
def rate(population: Population, kind: int) -> int:
    """Set the fitness of all entries of a kind; return the cheapest, -1 where there is none."""
    count = ranked(population, kind)
    rank, fitness = population.rank, population.fitness
    if count == 0:
        return -1
    if count == 1:
        fitness[rank[0]] = 0.0
        return int(rank[0])
    spread = population.spread
    for k in range(count):
        spread[rank[k]] = closest(population, rank[k], kind, CLOSE)
    weight = 1.0 - ELITE / count if count > ELITE else 0.0
    for k in range(count):
        more = 0
        for other in range(count):
            more += spread[rank[other]] > spread[rank[k]]
        fitness[rank[k]] = (k + weight * more) / (count - 1)
    return int(rank[0])


@kernel(_nrt=False)
def remove_worst(population: Population, kind: int) -> None:
    """Free the least fit entry of a kind, one that equals another before all others, and never the cheapest."""
    cheapest = rate(population, kind)
    worst = -1
    worst_same = False
    for entry in range(len(population.kind)):
        if entry == cheapest or population.kind[entry] != kind:
            continue
        same = closest(population, entry, kind, 1) <= 0.0
        fitter = population.fitness[entry] <= population.fitness[worst] if worst >= 0 else False
        if worst < 0 or (same and not worst_same) or (same == worst_same and not fitter):
            worst = entry
            worst_same = same
    population.kind[worst] = FREE
