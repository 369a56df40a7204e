"""Iterated Lin-Kernighan for the TSP: local perturbations repaired locally, at a cost that does not grow with the tour."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError
from redwood.problem import Instance, Problem
from redwood.problems.routing.travel import Metric, Travel, obeys_triangle_rule
from redwood.problems.tsp.instance import Tour, TSPInstance
from redwood.solver import Answer, Run, Solver

if TYPE_CHECKING:
    from redwood.solvers.local_search.tsp_search import Places, TourSearch

POLL = 0.02
"""Seconds between two looks at the clock."""
REPORT = 0.25
"""Seconds between two reports of improvements, at least."""
ITERATIONS_A_NODE = 20
"""Iterations for each node from which on annealing begins at its full temperature."""
LARGE = 50_000
"""From this size on a first tour along a space-filling curve is reported before a better one is built."""


@dataclass(frozen=True)
class TSPLocalSearch(Solver):
    """Iterated local search; one iteration perturbs the tour in one place and repairs it there.

    The search starts from the greedy-edge tour, or from the initial solution. Moves are of the Lin-Kernighan kind: two
    or three edges are exchanged, tried in all ways that neighbour lists suggest, and the best exchange that does not
    gain yet is continued edge by edge. A perturbation exchanges three short neighbouring sub-paths of the tour; only its
    ends are looked at again, and what does not pay is undone from a log.

    Attributes
    ----------
    neighbours
        Nearest neighbours of a node that edges are tried to, at the first exchange; 5 to 12 make sense.
    breadth
        Neighbours tried at later exchanges.
    depth
        The largest number of edges exchanged in one move.
    heat
        The temperature at which annealing begins, in mean distances to the nearest neighbour; 0 keeps only what is not
        longer. It falls to 0 within the budget of time or iterations, and is lower where that allows few iterations a
        node. Without such a budget nothing longer is kept.

    References
    ----------
    Lin, Kernighan (1973), doi:10.1287/opre.21.2.498; Applegate, Cook, Rohe (2003), doi:10.1287/ijoc.15.1.82.15157.
    """

    neighbours: int = 6
    breadth: int = 5
    depth: int = 8
    heat: float = 1.0

    def __post_init__(self) -> None:
        for name, value, low in (("neighbours", self.neighbours, 2), ("breadth", self.breadth, 1), ("depth", self.depth, 3)):
            if value < low:
                raise OptionError(f"{name} {value} is below {low}.")
        if not 0 <= self.heat < math.inf:
            raise OptionError(f"heat {self.heat} is not a finite number from 0 up.")

    @property
    def breadths(self) -> tuple[int, ...]:
        """How many neighbours are tried at each exchange of a move."""
        return (self.neighbours,) + (min(self.breadth, self.neighbours),) * (self.depth - 2)

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        """Compile the kernels on a few nodes."""
        coords = np.random.default_rng(0).random((32, 2))
        for travel in (Travel(Metric.EXACT, coords), Travel(Metric.EXPLICIT, None, Travel(Metric.EXACT, coords).full())):
            _, search = self._start(travel, np.random.default_rng(0), None)
            while not search.settled:
                search.descend(10)
            search.iterate(10)

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Search until the budget is used up; up to eight nodes are solved by trying all tours."""
        return self._search(instance, run, math.inf)

    def run_many(self, problem: Problem[Any, Any], instances: Sequence[Instance], runs: Sequence[Run]) -> list[Answer]:
        """Solve one instance after another, each with its share of the time that is left."""
        answers = []
        for index, (instance, run) in enumerate(zip(instances, runs, strict=True)):
            share = run.seconds_left / (len(instances) - index)
            answers.append(self._search(instance, run, run.seconds + share))
        for run in runs:
            run.stops()
        return answers

    def _search(self, instance: Instance, run: Run, deadline: float) -> Answer:
        if not isinstance(instance, TSPInstance):
            raise OptionError(f"this local search is for TSP instances, not for {type(instance).__name__}.")
        from redwood.solvers.local_search.tsp_search import SMALL, Places, shortest_order

        travel = instance.travel
        if travel.size <= SMALL:
            tour = Tour(shortest_order(travel))
            run.report(tour)
            return Answer(tour, proven=True)
        places = Places(travel)
        if places.travel.size <= SMALL:
            tour = Tour(places.tour(shortest_order(places.travel)))
            run.report(tour)
            return Answer(tour, proven=places.place_of is None or obeys_triangle_rule(travel.metric))
        if travel.size >= LARGE and run.initial is None:
            run.report(Tour(places.tour(np.arange(places.travel.size))))
        initial = run.initial.tour if isinstance(run.initial, Tour) else None
        if not run.stops():
            self._iterate(self._start_at(places, run.rng, initial), run, deadline)
        return Answer(run.best)

    def _start(self, travel: Travel, rng: np.random.Generator, initial: Array | None) -> tuple[Places, TourSearch]:
        from redwood.solvers.local_search.tsp_search import Places

        places = Places(travel)
        return places, self._start_at(places, rng, initial)

    def _start_at(self, places: Places, rng: np.random.Generator, initial: Array | None) -> TourSearch:
        from redwood.solvers.local_search.tsp_search import TourSearch

        return TourSearch(places, self.neighbours, self.breadths, rng, initial)

    def _iterate(self, search: TourSearch, run: Run, deadline: float) -> None:
        """Descend and iterate in short bursts, reporting improvements now and then and at the end."""
        burst, gained, reported, pause = 100, 1.0, run.seconds, REPORT
        schedule: Schedule | None = None
        try:
            while not run.stops() and run.seconds < deadline:
                began = time.perf_counter()
                if not search.settled:
                    gained += search.descend(burst)
                else:
                    schedule = schedule or Schedule(self.heat, search.size, run, deadline)
                    burst = int(min(burst, run.iterations_left))
                    gained += search.iterate(burst, schedule.heat(run), run.iterations, schedule.limit)
                    run.advance(burst)
                now = time.perf_counter()
                burst = max(1, int(burst * min(2.0, POLL / max(now - began, 1e-6))))
                if gained > 0.0 and run.seconds - reported >= pause:
                    run.report(Tour(search.tour()))
                    pause = max(REPORT, 20 * (time.perf_counter() - now))
                    gained, reported = 0.0, run.seconds
        finally:
            if gained > 0.0:
                run.report(Tour(search.tour()))


class Schedule:
    """How annealing cools: with the iterations where they are limited, so that a run can be repeated, else with the time.

    Attributes
    ----------
    limit
        The iterations within which the temperature falls to 0, counted by the kernel; infinite where time decides.
    """

    def __init__(self, heat: float, size: int, run: Run, deadline: float) -> None:
        self.limit = run.iterations_left
        self._heat = heat
        self._full = ITERATIONS_A_NODE * size
        self._began = run.seconds
        self._seconds = min(run.seconds_left, deadline - run.seconds)

    def heat(self, run: Run) -> float:
        """Return the temperature that the coming iterations begin from."""
        if math.isfinite(self.limit):
            return self._heat * min(1.0, self.limit / self._full)
        if not math.isfinite(self._seconds):
            return 0.0
        elapsed = run.seconds - self._began
        expected = run.iterations * self._seconds / max(elapsed, 1e-9)
        return self._heat * min(1.0, expected / self._full) * max(0.0, 1.0 - elapsed / self._seconds)
