"""The view `Bound`: combinatorial bounds at once, then a linear program with capacity cuts, then column generation."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock, Share, Timer
from redwood.errors import NoSolutionError
from redwood.kernels import RandomState, random_state
from redwood.problems.cvrp.combinatorial import radial_bound, tree_bound
from redwood.problems.cvrp.instance import CVRPInstance
from redwood.problems.cvrp.local import CVRPLocal
from redwood.problems.cvrp.relaxation import Relaxation
from redwood.problems.routing.capacity_cuts import CutSets, vehicles_needed, violated_sets
from redwood.problems.routing.ng_covering import Covering, Start, plain_covering
from redwood.problems.routing.ng_generation import covering_bound, rehearse
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
MOST_PRICED = 400
"""Up to this many customers routes are priced, from where the linear program over edges ends."""
EDGE_SHARE = 0.35
"""Share of the time for the linear program over edges where column generation follows."""
MOST_KICKS = 200
"""Perturbations of the solution whose routes column generation begins with."""
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
        relaxation, goal = Relaxation(instance, neighbours), math.inf if incumbent is None else incumbent
        prices = instance.size <= MOST_PRICED
        share = Share(clock, EDGE_SHARE) if prices and math.isfinite(clock.seconds_left) else clock
        ended = tighten(relaxation, instance, share, goal)
        raised = BoundValue(self._rounded(relaxation.best), "linear program with rounded capacity cuts", not ended)
        best = max(best, raised, key=lambda found: found.value)
        if not prices or clock.stops() or best.value >= goal:
            return BoundValue(best.value, best.method, not ended and best.value < goal)
        found = covering_bound(covering_of(instance), clock, goal, self._start(relaxation, clock))
        cut_short = found.cut_short and max(found.value, best.value) < goal
        raised = BoundValue(self._rounded(found.value), "column generation with ng-routes and capacity cuts", cut_short)
        return raised if raised.value > best.value else BoundValue(best.value, best.method, cut_short)

    def _start(self, relaxation: Relaxation, clock: Clock) -> Start:
        """Return the routes of a local search, and the sets and prices of the linear program over edges.

        A row over the edges within a set has half of its dual at each node of the set, and minus half at its border. That an
        edge is used once at most is such a row: its two ends are left by what leaves one customer alone.
        """
        instance, (members, inner) = self._instance, relaxation.best_rows
        size = instance.size
        saved = np.triu(np.minimum(relaxation.best_reduced, 0.0), 1)
        saved[0] = 0.0
        pairs = np.argwhere(saved < 0.0)
        both = np.zeros((len(pairs), size + 1), dtype=np.bool_)
        both[np.arange(len(pairs))[:, None], pairs] = True
        members = np.concatenate([members, both])
        rows = np.concatenate([relaxation.best_duals[size + 1 :], saved[saved < 0.0]])
        inner = np.concatenate([inner, np.ones(len(pairs), dtype=np.bool_)])
        nodes = relaxation.best_duals[: size + 1] + 0.5 * (np.where(inner, rows, 0.0) @ members)
        weights = np.append(np.where(inner, -0.5 * rows, rows), max(0.0, nodes[0]))
        members = np.concatenate([members, np.arange(size + 1)[None] > 0])
        needed = vehicles_needed(members, instance.demands.astype(np.float64), instance.limit)
        needed[-1] = max(needed[-1], instance.fewest)
        used = np.append(weights[:-1] > 0.0, True)
        prices = np.concatenate([2.0 * nodes[1:], [max(0.0, -2.0 * nodes[0])], weights[used]])
        return Start(self._routes(Share(clock, 0.05)), members[used], needed[used], prices)

    def _routes(self, clock: Clock) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """Return the routes of a short local search, as far as there is a solution."""
        view, rng = CVRPLocal(self._instance), np.random.default_rng(0)
        try:
            state = view.construct(rng)
        except NoSolutionError:  # the bound does without
            return ()
        view.descend(state)
        for _ in range(MOST_KICKS):
            if clock.stops():
                break
            candidate = view.copy(state)
            view.perturb(candidate, rng)
            view.descend(candidate)
            state = candidate if candidate.length <= state.length else state
        return tuple((0, tuple(customer - 1 for customer in route)) for route in view.solution(state).routes)

    def warm_up(self) -> None:
        """Compile what `bound` needs, on a few customers with the distances of the instance."""
        _rehearse(self._instance.travel.metric)
        rehearse()
        CVRPLocal(self._instance).warm_up()

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


def covering_of(instance: CVRPInstance) -> Covering:
    """Return the covering problem of an instance."""
    number = math.inf if instance.vehicles is None else float(instance.vehicles)
    return plain_covering(instance.travel.full(), instance.demands[1:], instance.limit, number)


def tighten(relaxation: Relaxation, instance: CVRPInstance, clock: Clock, incumbent: float) -> bool:
    """Add edges and rows until none is found, the clock stops or the bound reaches ``incumbent``; return whether it ended.

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
            return relaxation.best >= incumbent
        if relaxation.add_edges(2 * instance.size):
            continue
        if value > tidied * (1.0 + STEP):  # rows dropped without progress would come back for ever
            relaxation.drop_slack_sets()
            tidied = value
        sets = find_sets(instance, relaxation.tails, relaxation.heads, relaxation.values, state, clock)
        if len(sets.needed) == 0:
            return not clock.stops()
        relaxation.add_sets(sets)
    return relaxation.best >= incumbent


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
