"""The ruin of the CVRP's search: strings of customers are removed from routes near each other.

References
----------
Christiaens and Vanden Berghe (2020), Slack Induction by String Removals for Vehicle Routing Problems,
doi:10.1287/trsc.2019.0914, Algorithm 2 and equations 5 to 10.
"""

from __future__ import annotations

from typing import NamedTuple

from redwood.kernels import RandomState, kernel, random_below, random_float
from redwood.problems.cvrp.plan import Ground, Plan, between, unlink
from redwood.solvers.local_search.cvrp_search import ITERATION, LOGGED, OUT, Search, note_legs


class Strings(NamedTuple):
    """How much is ruined, and how often a position is overlooked.

    Attributes
    ----------
    removals
        Mean number of customers removed.
    longest
        The longest string.
    split
        Probability that a string keeps customers in its middle.
    deepen
        Probability that it keeps one more.
    blink
        Probability that a position is overlooked.
    """

    removals: float
    longest: float
    split: float
    deepen: float
    blink: float


@kernel(_nrt=False)
def ruin(plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState) -> float:
    """Remove strings of customers from routes near a random customer; return the change of length.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; gets the customers removed.
    strings
        How much is ruined.
    state
        The generator's state [2].
    """
    counters = search.counters
    routes = len(plan.load) - plan.used[0]
    served = ground.size - counters[OUT]
    if routes == 0:
        return 0.0
    longest = min(strings.longest, served / routes)
    most = 4.0 * strings.removals / (1.0 + longest) - 1.0
    wanted = int(1.0 + random_float(state) * most)
    seed = 1 + random_below(state, ground.size)
    near = ground.near
    change = 0.0
    c = seed
    for k in range(-1, near.shape[1]):
        if k >= 0:
            c = near[seed, k]
        r = plan.route[c]
        if r < 0 or search.ruined[r] == counters[ITERATION]:
            continue
        search.ruined[r] = counters[ITERATION]
        length = int(1.0 + random_float(state) * min(float(plan.members[r]), longest))
        change += remove_string(plan, ground, search, strings, state, c, min(length, plan.members[r]))
        wanted -= 1
        if wanted == 0:
            break
    return change


@kernel(_nrt=False)
def remove_string(
    plan: Plan, ground: Ground, search: Search, strings: Strings, state: RandomState, c: int, length: int
) -> float:
    """Remove ``length`` customers around c from its route, perhaps keeping some in the middle.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; gets the customers removed.
    strings
        Probabilities that customers in the middle are kept.
    state
        The generator's state [2].
    c
        A customer that is served; the string holds it, or keeps it in its middle.
    length
        Customers to remove, from 1 to as many as the route has.
    """
    count = plan.members[plan.route[c]]
    kept = 0
    if length < count and length > 1 and random_float(state) < strings.split:
        kept = 1
        while length + kept < count and random_float(state) < strings.deepen:
            kept += 1
    span = length + kept
    behind = 0  # how far the string may reach back, and must where the route ends soon
    stop = plan.before[c]  # a route is a ring that its end closes, and the walks along it stop there
    while behind < span - 1 and stop <= ground.size:
        behind += 1
        stop = plan.before[stop]
    ahead = 0
    stop = plan.after[c]
    while ahead < span - 1 and stop <= ground.size:
        ahead += 1
        stop = plan.after[stop]
    least = max(0, span - 1 - ahead)
    back = least + random_below(state, behind - least + 1)
    stop = c
    for _ in range(back):
        stop = plan.before[stop]
    start_kept = span
    if kept > 0:
        start_kept = 1 + random_below(state, length - 1)
    change = 0.0
    for k in range(span):
        onward = plan.after[stop]
        if k < start_kept or k >= start_kept + kept:
            change += take(plan, ground, search, stop)
        stop = onward
    return change


@kernel(_nrt=False)
def take(plan: Plan, ground: Ground, search: Search, c: int) -> float:
    """Take a customer out, noting it in the log; return the change of length.

    Parameters
    ----------
    plan, ground
        The routes, which change, and the instance.
    search
        What the search remembers; gets the customer.
    c
        A customer that is served.
    """
    p = plan.before[c]
    joined = between(ground, p, plan.after[c])
    k = search.counters[LOGGED]
    search.customers[k] = c
    search.places[k] = p
    search.first[k] = plan.leg[p]
    search.second[k] = plan.leg[c]
    search.counters[LOGGED] = k + 1
    change = float(joined - plan.leg[p] - plan.leg[c])
    unlink(plan, ground.demand, c, joined)
    note_legs(plan, ground, search, p)
    note_legs(plan, ground, search, c)
    note_legs(plan, ground, search, plan.after[p])
    search.out[search.counters[OUT]] = c
    search.counters[OUT] += 1
    return change
