"""The genetic search on a population of routes, in Numba: parents, children, and how overload is priced.

References
----------
Vidal (2022), doi:10.1016/j.cor.2021.105643, sections 3.1 and 3.6, with the parameters of its Table 1.
"""

from __future__ import annotations

import math

from redwood.kernels import RandomState, kernel, random_below, random_float
from redwood.solvers.local_search.cvrp_draft import Draft, Sites, fill_draft, refresh
from redwood.solvers.local_search.cvrp_moves import improve
from redwood.solvers.local_search.cvrp_split import cross_tours, random_tour, split_tour
from redwood.solvers.local_search.cvrp_table import (
    BEST,
    FEASIBLE,
    FEWEST,
    FIRST,
    FREE,
    GENERATION,
    GOOD,
    MADE,
    OVERLOADED,
    PRICE,
    SINCE,
    USUAL,
    Population,
    difference,
    rate,
    remove_worst,
)

RANGE = 1e4
"""The penalty stays within this factor of the first one."""
TARGET, WINDOW = 0.2, 100
"""Share of individuals that should be feasible, and individuals between two changes of the penalty."""
REPAIRED, REPAIR = 0.5, 10.0
"""Share of overloaded individuals that are repaired, and by how much the penalty is raised for it."""


@kernel(_nrt=False, nogil=True)
def evolve(sites: Sites, draft: Draft, population: Population, state: RandomState, count: int) -> None:
    """Make individuals: random ones at first, then children of two.

    Parameters
    ----------
    sites, draft
        The instance, and routes that are overwritten.
    population
        Changes.
    state
        The generator's state [2].
    count
        How many are made.
    """
    counters, values, child = population.counters, population.values, population.child
    for _ in range(count):
        if counters[MADE] < FIRST:
            random_tour(child, state)
        else:
            rate(population, FEASIBLE)
            rate(population, OVERLOADED)
            first = parent(population, state)
            second = parent(population, state)
            for _ in range(100):  # another one, where there is one
                if second != first:
                    break
                second = parent(population, state)
            cross_tours(population.tour[first], population.tour[second], child, population.taken, state)
        split_tour(sites, child, values[PRICE], population.costs, population.begins, population.starts)
        educate(sites, draft, population, state)


@kernel(_nrt=False)
def educate(sites: Sites, draft: Draft, population: Population, state: RandomState) -> None:
    """Improve the tour in ``child`` with its ``starts``, and take it into the population, repaired too where overloaded.

    Parameters
    ----------
    sites, draft
        The instance, and routes that are overwritten.
    population
        Changes.
    state
        The generator's state [2].
    """
    counters, values = population.counters, population.values
    fill_draft(sites, draft, population.child, population.starts, values[PRICE])
    improve(sites, draft, values[PRICE], state)
    counters[MADE] += 1
    counters[SINCE] += 1
    if enter(sites, draft, population):
        counters[GOOD] += 1
    elif random_float(state) < REPAIRED:
        draft.tested[:] = -1
        for r in range(sites.fleet):
            refresh(sites, draft, r, REPAIR * values[PRICE])
        improve(sites, draft, REPAIR * values[PRICE], state)
        if draft.penalty.sum() <= 0.0:
            enter(sites, draft, population)
    if counters[MADE] % WINDOW == 0:
        if counters[GOOD] < (TARGET - 0.05) * WINDOW:
            values[PRICE] = min(RANGE * values[USUAL], 1.2 * values[PRICE])
        elif counters[GOOD] > (TARGET + 0.05) * WINDOW:
            values[PRICE] = max(values[USUAL] / RANGE, 0.85 * values[PRICE])
        counters[GOOD] = 0


@kernel(_nrt=False)
def parent(population: Population, state: RandomState) -> int:
    """Return the fitter of two random entries."""
    first = some_entry(population, state)
    second = some_entry(population, state)
    return first if population.fitness[first] < population.fitness[second] else second


@kernel(_nrt=False)
def some_entry(population: Population, state: RandomState) -> int:
    """Return a random entry in use."""
    while True:  # ends with probability 1: there are entries in use
        entry = random_below(state, len(population.kind))
        if population.kind[entry] != FREE:
            return int(entry)


@kernel(_nrt=False)
def enter(sites: Sites, draft: Draft, population: Population) -> bool:
    """Take the routes of a draft into the population, thinned out where it is full; return whether they are feasible.

    Parameters
    ----------
    sites, draft
        The instance and the routes.
    population
        Changes.
    """
    entry = 0
    while population.kind[entry] != FREE:  # ends: the table has an entry more than a full population
        entry += 1
    write_entry(sites, draft, population, entry)
    kind = population.kind[entry]
    count = 0
    for other in range(len(population.kind)):
        if population.kind[other] == kind:
            count += 1
            if other != entry:
                share = difference(population, entry, other)
                population.apart[entry, other] = share
                population.apart[other, entry] = share
    if kind == FEASIBLE and population.length[entry] < population.values[BEST] - sites.least:
        population.values[BEST] = population.length[entry]
        population.counters[SINCE] = 0
        write_best(sites, draft, population, entry)
    if count > FEWEST + GENERATION:
        for _ in range(count - FEWEST):
            remove_worst(population, kind)
    return bool(kind == FEASIBLE)


@kernel(_nrt=False)
def write_entry(sites: Sites, draft: Draft, population: Population, entry: int) -> None:
    """Write the routes of a draft into an entry of the table.

    Parameters
    ----------
    sites, draft
        The instance and the routes.
    population, entry
        The table, and the entry that is overwritten.
    """
    size = sites.size
    sort_routes(sites, draft, population)
    length = 0.0
    overload = 0.0
    at = 0
    for k in range(sites.fleet):
        r = population.rank[k]
        overload += max(0.0, draft.load[r] - sites.limit)
        previous = 0
        stop = draft.after[size + 1 + r]
        while stop <= size:  # along a route, as far as its end
            population.tour[entry, at] = stop
            at += 1
            length += sites.distance[previous, stop]
            population.before[entry, stop] = previous
            previous = stop
            onward = draft.after[stop]
            population.after[entry, stop] = onward if onward <= size else 0
            stop = onward
        length += sites.distance[previous, 0]
    population.length[entry] = length
    population.overload[entry] = overload
    population.kind[entry] = FEASIBLE if overload <= 0.0 else OVERLOADED


@kernel(_nrt=False)
def write_best(sites: Sites, draft: Draft, population: Population, entry: int) -> None:
    """Keep the routes of a draft that were just written into an entry.

    Parameters
    ----------
    sites, draft
        The instance and the routes.
    population, entry
        The table, and the entry.
    """
    for k in range(sites.size):
        population.best[k] = population.tour[entry, k]
    at = 0
    for k in range(sites.fleet):
        population.best_starts[k] = at
        at += draft.members[population.rank[k]]
    population.best_starts[sites.fleet] = at


@kernel(_nrt=False)
def sort_routes(sites: Sites, draft: Draft, population: Population) -> None:
    """Order the routes, in ``rank``, by the angle of the centre of their customers as seen from the depot.

    Parameters
    ----------
    sites, draft
        The instance and the routes.
    population
        Gets the order and the angles.
    """
    angle, rank = population.angle, population.rank
    for r in range(sites.fleet):
        x = 0.0
        y = 0.0
        stop = draft.after[sites.size + 1 + r]
        while stop <= sites.size and len(sites.points) > 0:  # along a route, as far as its end
            x += sites.points[stop, 0]
            y += sites.points[stop, 1]
            stop = draft.after[stop]
        angle[r] = math.atan2(y, x)
        at = r
        while at > 0 and angle[rank[at - 1]] > angle[r]:
            rank[at] = rank[at - 1]
            at -= 1
        rank[at] = r
