"""Local search for the ATSP: Or-3opt without reversal and double bridges, as an iterated local search."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np

from redwood.arrays import Array
from redwood.budget import Iterations
from redwood.errors import OptionError
from redwood.problem import Instance, Problem
from redwood.problems.atsp.instance import ATSPInstance, Tour
from redwood.problems.atsp.start import nearest, nearest_neighbour_tour, patched_tour
from redwood.problems.routing.travel import Metric, check_travel
from redwood.solver import Answer, Run, Solver
from redwood.solvers.local_search.atsp_precedence import improve_with_precedences
from redwood.solvers.local_search.threads import SharedAnnealing, anneal_together

WINDOW = 15
"""Longest segment of a double bridge."""
HOT, COLD = 0.7, 0.01
"""First and last temperature of a cycle, in units of the mean distance along the tour."""
FIRST_CYCLE = 50
"""Iterations of the first cycle, in multiples of the number of nodes."""
ASSIGNED = 2_000
"""Nodes up to which the search begins with an assignment, whose time grows with their cube."""


@dataclass(frozen=True)
class ATSPLocalSearch(Solver):
    """Exchange adjacent segments of the tour until nothing helps, disturb it locally, and repeat.

    Up to 2,000 nodes the first tour is the cheapest assignment with its cycles joined, beyond the nearest-neighbour tour. An
    iteration is one double bridge with its descent. A tour that is longer is kept if the temperature allows, as in
    simulated annealing; the temperature falls in cycles that double in length, each from the best tour. With precedences
    an iteration is one exchange that is tried, and there is no double bridge and a single thread. With several
    threads each anneals by itself, and every cycle begins from the best tour of any.

    Attributes
    ----------
    neighbours
        How many nodes to go to, and to come from, each node considers: up to 2,000 nodes those of the least reduced costs of
        the cheapest assignment, beyond the nearest.
    """

    keeps: ClassVar[frozenset[str]] = frozenset({"precedences"})
    neighbours: int = 10

    def __post_init__(self) -> None:
        if self.neighbours < 1:
            raise OptionError(f"neighbours {self.neighbours} is below 1.")

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        """Compile the kernels on five nodes."""
        matrix = np.arange(25.0).reshape(5, 5)
        search = _Search(matrix, self.neighbours, None, np.random.default_rng(0))
        SharedAnnealing([search], None).advance(2, math.inf)
        if isinstance(instance, ATSPInstance) and len(instance.precedences):
            small = ATSPInstance(travel=check_travel(None, matrix, Metric.EXPLICIT, symmetric=False))
            self._improve_with_precedences(small, Run(problem, small, budget=Iterations(2)))

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Search until the budget is used up; up to three nodes are solved by the first descent."""
        typed = cast(ATSPInstance, instance)
        if len(typed.precedences):
            return self._improve_with_precedences(typed, run)
        matrix = np.array(typed.matrix, dtype=np.float64)  # writable, as the kernels are compiled for
        start = None if run.initial is None else cast(Tour, run.initial).tour
        first = _Search(matrix, self.neighbours, start, run.rng)
        run.report(first.solution())
        searches = [first, *(first.another(run.rng) for _ in range(run.threads - 1))]
        return Answer(anneal_together(run, searches, lambda best: len(matrix) <= 3).solution())

    def _improve_with_precedences(self, instance: ATSPInstance, run: Run) -> Answer:
        return Answer(improve_with_precedences(instance, run, HOT, COLD, self.neighbours))


class _Search:
    """The state of one search: neighbour lists, the current and the best tour.

    Attributes
    ----------
    left
        Iterations of this cycle of annealing that are left.
    """

    def __init__(self, matrix: Array, neighbours: int, start: Array | None, rng: np.random.Generator) -> None:
        from redwood.kernels import random_state
        from redwood.problems.atsp.local_kernels import Ground, descend
        from redwood.solvers.local_search import atsp_kernels

        self._kernels = atsp_kernels
        if len(matrix) <= ASSIGNED:
            first, gained = patched_tour(matrix)
        else:
            first, gained = nearest_neighbour_tour(matrix, rng), matrix
        self._ground = Ground(matrix, nearest(gained, neighbours), nearest(gained.T, neighbours))
        order = np.array(first if start is None else start, dtype=np.int64)
        while descend(self._ground, order) > 0.0:
            pass  # ends: every exchange shortens the tour, see GAIN_SHARE
        state = np.full(2, float(matrix[order, np.roll(order, -1)].sum()))
        self._walk = atsp_kernels.Walk(order, order.copy(), state, random_state(rng))
        self._cycle = self.left = 0
        self._temperature = self._cooling = 1.0

    def another(self, rng: np.random.Generator) -> _Search:
        """Return a search that stands where this one does and goes on by other random numbers."""
        from redwood.kernels import random_state

        search = copy.copy(self)
        order, best, state, _ = self._walk
        search._walk = self._kernels.Walk(order.copy(), best.copy(), state.copy(), random_state(rng))
        return search

    @property
    def rank(self) -> float:
        """Length of the best tour."""
        return float(self._walk.state[self._kernels.BEST])

    def solution(self) -> Tour:
        """Return the best tour."""
        return Tour(self._walk.best.copy())

    def advance(self, iterations: int) -> None:
        """Run some iterations of this cycle."""
        self._temperature = self._kernels.search(
            self._ground, self._walk, iterations, self._temperature, self._cooling, WINDOW
        )
        self.left -= iterations

    def begin_cycle(self, best: _Search) -> None:
        """Begin the next cycle from the best tour of a search."""
        size = len(self._ground.matrix)
        self._walk.best[:] = best._walk.best
        self._walk.order[:] = best._walk.best
        self._walk.state[:] = best.rank
        self.left = (FIRST_CYCLE * size) << self._cycle
        self._cycle += 1
        self._temperature = HOT * self.rank / size
        self._cooling = (COLD / HOT) ** (1.0 / self.left)
