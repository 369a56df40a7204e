"""Local search for orienteering: ruin and recreate with 2-opt and Or-opt, under simulated annealing."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.errors import OptionError
from redwood.problem import Instance, Problem
from redwood.problems.orienteering.instance import OrienteeringInstance, Tour, detours, path, shortest_path
from redwood.problems.orienteering.local_kernels import Ground, make_draft
from redwood.problems.orienteering.reach import certainly_out_of_reach
from redwood.problems.orienteering.space import MATRIX_UP_TO, SQUARE, as_matrix, make_space, restricted
from redwood.problems.routing.travel import Travel, obeys_triangle_rule
from redwood.solver import Answer, Run, Solver
from redwood.solvers.local_search.threads import SharedAnnealing, anneal_together

FIRST_CYCLE = 20_000
"""Iterations of the first cycle."""
HOT, COLD = 0.5, 0.01
"""First and last temperature of a cycle, in units of the mean prize of a visited node."""


@dataclass(frozen=True)
class OrienteeringLocalSearch(Solver):
    """Improve a path by removing and re-inserting nodes, in annealing cycles that double in length.

    An iteration is one removal (or forced insertion), repair, 2-opt and Or-opt descent, and refilling. A cycle starts
    from the best path and cools geometrically, so that the search needs no time limit to be told in advance. With several
    threads each anneals by itself, and every cycle begins from the best path of any.

    Attributes
    ----------
    neighbours
        Length of the neighbour lists; small instances use all nodes.
    """

    neighbours: int = 24

    def __post_init__(self) -> None:
        if self.neighbours < 1:
            raise OptionError(f"neighbours {self.neighbours} is below 1.")

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        """Compile the kernels, for a matrix or for coordinates as the instance needs, on four nodes."""
        matrix = as_matrix(cast(OrienteeringInstance, instance))
        search = _Search(SQUARE, self.neighbours, np.array([0, 0]), np.random.default_rng(0), matrix=matrix)
        search.fill()
        SharedAnnealing([search], None).advance(2, math.inf)

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Search until the budget is used up, or every node with a prize that may be reached is on the path."""
        typed = cast(OrienteeringInstance, instance)
        start = path(typed, cast(Tour, run.initial)) if run.initial is not None else shortest_path(typed)
        run.report(Tour(start))
        first = _Search(typed, self.neighbours, start, run.rng, matrix=as_matrix(typed), clock=run)
        if run.initial is None:
            first.fill()
            run.report(first.solution())
        searches = [first, *(first.another(run.rng) for _ in range(run.threads - 1))]
        found = anneal_together(run, searches, lambda best: best.complete)
        best = found.solution()
        if not found.complete:
            return Answer(best)
        bound = float(problem.objective(instance, best))
        return Answer(best, bound=bound, proven=True, message="every reachable node is visited")


class _Search:
    """The state of one search: the reachable nodes renumbered, the current and the best path, and the schedule.

    Attributes
    ----------
    left
        Iterations of this cycle of annealing that are left.
    """

    def __init__(
        self,
        instance: OrienteeringInstance,
        neighbours: int,
        start: Array,
        rng: np.random.Generator,
        *,
        matrix: bool,
        clock: Clock | None = None,
    ) -> None:
        from redwood.kernels import random_state
        from redwood.problems.orienteering.ruin import EVERYTHING
        from redwood.solvers.local_search import orienteering_kernels

        self._kernels, self._clock = orienteering_kernels, clock
        self._nodes = _kept(instance, start)
        travel = restricted(instance.travel, self._nodes, matrix)
        small = travel.size <= EVERYTHING
        nearest = travel.nearest(travel.size - 1 if small else neighbours, clock)
        prizes, limit = np.ascontiguousarray(instance.prizes[self._nodes]), (instance.budget + instance.limit) / 2.0
        self._ground = Ground(make_space(travel, matrix), nearest, prizes, limit)
        ends = [instance.start, instance.end]
        self._earning = np.setdiff1d(np.flatnonzero((instance.prizes > 0.0) & ~certainly_out_of_reach(instance)), ends)
        path, best = np.zeros((2, travel.size + 2), np.int64)
        self._walk = orienteering_kernels.Walk(path, best, np.zeros(6), random_state(rng))
        self._enter(np.searchsorted(self._nodes, start), travel)
        self._cycle = 0
        self.left = 0
        self._temperature = self._cooling = 1.0

    def another(self, rng: np.random.Generator) -> _Search:
        """Return a search that stands where this one does and goes on by other random numbers."""
        from redwood.kernels import random_state

        search = copy.copy(self)
        path, best, state, _ = self._walk
        search._walk = self._kernels.Walk(path.copy(), best.copy(), state.copy(), random_state(rng))
        return search

    @property
    def rank(self) -> tuple[float, float]:
        """Negative prize between the ends, and length, of the best path: smaller is better."""
        return -float(self._walk.state[self._kernels.BEST_PRIZE]), float(self._walk.state[self._kernels.BEST_LENGTH])

    @property
    def complete(self) -> bool:
        """Whether the best path visits every node that has a prize and is not proven to be out of reach."""
        count = int(self._walk.state[self._kernels.BEST_COUNT])
        if count - 2 < len(self._earning):
            return False
        return bool(np.isin(self._earning, self._nodes[self._walk.best[:count]]).all())

    def solution(self) -> Tour:
        """Return the best path."""
        return Tour(self._nodes[self._walk.best[: int(self._walk.state[self._kernels.BEST_COUNT])]])

    def fill(self) -> None:
        """Insert greedily until nothing fits or the clock stops, and take this for the best path."""
        from redwood.problems.orienteering.ruin import fill_path

        kernels, path, state, prizes = self._kernels, self._walk.path, self._walk.state, self._ground.prizes
        count = int(state[kernels.COUNT])
        draft = make_draft(len(prizes), path[:count])
        free = np.flatnonzero((draft.pos < 0) & (prizes > 0.0))
        count, length = fill_path(self._ground, draft, count, float(state[kernels.LENGTH]), prizes, free, self._clock)
        path[:count] = self._walk.best[:count] = draft.path[:count]
        prize = float(prizes[path[1 : count - 1]].sum())
        state[[kernels.COUNT, kernels.PRIZE, kernels.LENGTH]] = count, prize, length
        state[[kernels.BEST_COUNT, kernels.BEST_PRIZE, kernels.BEST_LENGTH]] = count, prize, length

    def advance(self, iterations: int) -> None:
        """Run some iterations of this cycle."""
        self._temperature = self._kernels.anneal(self._ground, self._walk, iterations, self._temperature, self._cooling)
        self.left -= iterations

    def begin_cycle(self, best: _Search) -> None:
        """Begin the next cycle from the best path of a search."""
        kernels, state = self._kernels, self._walk.state
        bests = [kernels.BEST_COUNT, kernels.BEST_PRIZE, kernels.BEST_LENGTH]
        self._walk.best[:] = best._walk.best
        self._walk.path[:] = best._walk.best
        state[bests] = best._walk.state[bests]
        state[[kernels.COUNT, kernels.PRIZE, kernels.LENGTH]] = state[bests]
        self.left = FIRST_CYCLE << self._cycle
        self._cycle += 1
        mean = max(float(state[kernels.BEST_PRIZE]), 1e-300) / max(1.0, float(state[kernels.BEST_COUNT]) - 2.0)
        self._temperature = HOT * mean
        self._cooling = (COLD / HOT) ** (1.0 / self.left)

    def _enter(self, start: Array, travel: Travel) -> None:
        kernels = self._kernels
        self._walk.path[: len(start)] = start
        self._walk.best[:] = self._walk.path
        length = float(travel.between(start[:-1], start[1:]).sum())
        prize = float(self._ground.prizes[start[1:-1]].sum())
        self._walk.state[[kernels.COUNT, kernels.PRIZE, kernels.LENGTH]] = len(start), prize, length
        self._walk.state[[kernels.BEST_COUNT, kernels.BEST_PRIZE, kernels.BEST_LENGTH]] = len(start), prize, length


def _kept(instance: OrienteeringInstance, start: Array) -> Array:
    """Return the sorted numbers of the nodes that a path may visit, and those of the path to start from."""
    if obeys_triangle_rule(instance.travel.metric) or instance.travel.size > MATRIX_UP_TO:
        return np.union1d(np.flatnonzero(detours(instance) <= instance.limit), start)
    return np.union1d(np.flatnonzero(~certainly_out_of_reach(instance)), start)
