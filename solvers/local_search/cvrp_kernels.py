"""Ruin and recreate by string removals, in Numba: every removal, insertion and undoing takes constant time.

References
----------
Christiaens and Vanden Berghe (2020), Slack Induction by String Removals for Vehicle Routing Problems,
doi:10.1287/trsc.2019.0914, Algorithm 1 (annealing). Deviation: where the vehicles do not suffice, customers left out cost a
penalty.
"""

from __future__ import annotations

import math

from redwood.kernels import RandomState, kernel, random_float
from redwood.problems.cvrp.plan import Ground, Plan
from redwood.solvers.local_search.cvrp_recreate import recreate, sort_out
from redwood.solvers.local_search.cvrp_ruin import Strings, ruin
from redwood.solvers.local_search.cvrp_search import (
    COOLING,
    CURRENT,
    ITERATION,
    LACKING,
    LOGGED,
    OUT,
    PENALTY,
    PRICE,
    TEMPERATURE,
    WINDOW,
    Search,
    gather,
    keep,
    set_price,
    undo,
)


@kernel(_nrt=False, nogil=True)
def anneal(plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState, iterations: int) -> None:
    """Do iterations of ruin, recreate and the decision to keep the result.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; changes.
    strings
        How much is ruined.
    state
        The generator's state [2].
    iterations
        How many iterations are done.
    """
    values = search.values
    counters = search.counters
    for _ in range(iterations):
        counters[LOGGED] = 0
        counters[ITERATION] += 1
        before = counters[OUT]
        change = ruin(plan, ground, search, strings, state)
        sort_out(ground, search, state)
        change += recreate(plan, ground, search, strings, state)
        penalty = 0.0
        for k in range(counters[OUT]):
            penalty += search.fee[search.out[k]]
        worse = change + values[PRICE] * (penalty - values[PENALTY])
        if worse < -values[TEMPERATURE] * math.log(1.0 - random_float(state)):
            values[CURRENT] += change
            values[PENALTY] = penalty
            keep(search, plan)
        else:
            undo(plan, ground, search)
            gather(plan, search, before)
        values[TEMPERATURE] *= values[COOLING]
        if counters[OUT] > 0:
            counters[LACKING] += 1
        if counters[ITERATION] % WINDOW == 0:
            set_price(values, counters)
