"""The view `Bound`: combinatorial bounds at once, then a linear program with capacity cuts while the clock allows."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock, Timer
from redwood.kernels import RandomState, random_state
from redwood.problems.cvrp.combinatorial import radial_bound, tree_bound
from redwood.problems.cvrp.cuts import CutSets, violated_sets
from redwood.problems.cvrp.instance import CVRPInstance
from redwood.problems.cvrp.relaxation import Relaxation
from redwood.problems.routing.ng_routes import covering_bound, plain_covering, rehearse
from redwood.problems.routing.travel import Metric, Travel
from redwood.tolerance import eased
from redwood.views.bound import Bound, BoundValue

LARGEST = 1500
"""Up to this many customers the linear program is tried: its reduced costs take a matrix of all edges."""
NEIGHBOURS = 12
"""Edges to so many nearest nodes are in the linear program from the start; others are priced in."""
COMPLETE = 60
"""Up to this many customers all edges are."""
NOISES = (0.0, 0.05, 0.3, 1.0, 1.0, 3.0)
"""Disturbances of the separation, tried in turn while the former finds little."""
ENOUGH = 20
"""So many violated sets are enough for a round."""
MOST_PRICED = 120
"""Up to this many customers routes are priced where no cut is found any more and time is left."""
REHEARSED = 12
"""Customers of the instance that kernels are compiled on."""
STEP = 2e-3
"""Rows without use are dropped whenever the bound has risen by this share of itself."""


class CVRPBound(Bound):
    """A spanning tree and radial bound, raised by degree and rounded capacity rows over the edges."""

    def __init__(self, instance: CVRPInstance) -> None:
        self._instance = instance

    def bound(self, clock: Clock, incumbent: float | None = None) -> BoundValue:
        """Return the best bound that the clock allows; rows are added until none is found or the clock stops."""
        instance = self._instance
        best = max(
            BoundValue(self._rounded(tree_bound(instance)), "spanning tree"),
            BoundValue(self._rounded(radial_bound(instance)), "radial"),
            key=lambda found: found.value,
        )
        if instance.size < 2 or instance.size > LARGEST or clock.stops():
            return best
        neighbours = instance.size if instance.size <= COMPLETE else NEIGHBOURS
        value = tighten(Relaxation(instance, neighbours), instance, clock, math.inf if incumbent is None else incumbent)
        raised = BoundValue(self._rounded(value), "linear program with rounded capacity cuts")
        return max(best, raised, self._by_routes(clock, incumbent), key=lambda found: found.value)

    def _by_routes(self, clock: Clock, incumbent: float | None) -> BoundValue:
        """Return the bound of column generation in what time is left."""
        instance = self._instance
        if instance.size > MOST_PRICED or clock.stops():
            return BoundValue(0.0, "no length is below 0")
        number = math.inf if instance.vehicles is None else float(instance.vehicles)
        covering = plain_covering(instance.travel.full(), instance.demands[1:], instance.limit, number)
        value = covering_bound(covering, clock, math.inf if incumbent is None else incumbent)
        return BoundValue(self._rounded(value), "column generation with ng-routes")

    def warm_up(self) -> None:
        """Compile what `bound` needs, on a few customers with the distances of the instance."""
        _rehearse(self._instance.travel.metric)
        rehearse()

    def _rounded(self, value: float) -> float:
        """Return the bound rounded up where all lengths are whole numbers, and lowered by what floats can lose."""
        return max(0.0, eased(value, "min", step=1.0 if self._instance.travel.integral else 0.0))


@cache
def _rehearse(metric: Metric) -> None:
    """Bound a small instance of a metric, and look for cuts at a point that a small one may not come to."""
    places = np.random.default_rng(0).random((REHEARSED + 1, 2))
    explicit = np.abs(places[:, None] - places[None]).sum(axis=2) if metric is Metric.EXPLICIT else None
    travel = Travel(metric, None if metric is Metric.EXPLICIT else places, explicit)
    small = CVRPInstance(travel=travel, demands=np.arange(REHEARSED + 1), capacity=2.0 * REHEARSED)
    CVRPBound(small).bound(Timer())
    tails, heads = np.triu_indices(REHEARSED + 1, 1)
    relaxation = Relaxation(small, REHEARSED)
    relaxation.add_sets(find_sets(small, tails, heads, np.full(len(tails), 0.3), random_state(np.random.default_rng(0))))
    relaxation.solve(1.0)
    relaxation.bound()


def tighten(relaxation: Relaxation, instance: CVRPInstance, clock: Clock, incumbent: float) -> float:
    """Add edges and rows until none is found, the clock stops or the bound reaches ``incumbent``; return the bound.

    Parameters
    ----------
    relaxation
        The linear program, which grows.
    instance
        The instance it belongs to.
    clock
        Stops the work between two solutions of the program, and limits each.
    incumbent
        Length of the best solution known; infinite where there is none.
    """
    state = random_state(np.random.default_rng(0))
    tidied = 0.0
    while not clock.stops() and relaxation.best < incumbent and relaxation.solve(clock.seconds_left):
        value = relaxation.bound()
        if not relaxation.optimal:
            break
        if relaxation.add_edges(2 * instance.size):
            continue
        if value > tidied * (1.0 + STEP):  # rows dropped without progress would come back for ever
            relaxation.drop_slack_sets()
            tidied = value
        sets = find_sets(instance, relaxation.tails, relaxation.heads, relaxation.values, state, clock)
        if len(sets.needed) == 0:
            break
        relaxation.add_sets(sets)
    return relaxation.best


def find_sets(
    instance: CVRPInstance, tails: Array, heads: Array, values: Array, state: RandomState, clock: Clock | None = None
) -> CutSets:
    """Return sets whose inequality the edge values violate, looked for with more and more disturbance.

    Parameters
    ----------
    instance
        The instance.
    tails, heads, values
        Edges [E] of the support (tail below head, node 0 the depot) and their values.
    state
        The generator's state [2].
    clock
        Stops the search between two disturbances; ``None`` for never.
    """
    demand = instance.demands.astype(np.float64)
    sets = CutSets.none(len(demand))
    for noise in NOISES:
        if len(sets.needed) >= ENOUGH or (clock is not None and clock.stops()):
            break
        sets = sets.joined(violated_sets(tails, heads, values, demand, instance.limit, state, noise=noise))
    return sets
