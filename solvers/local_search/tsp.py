"""Iterated Lin-Kernighan for the TSP: local perturbations repaired locally, at a cost that does not grow with the tour."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.budget import AnyOf, Termination
from redwood.clock import Clock, OutOfTimeError
from redwood.errors import OptionError
from redwood.polling import next_chunk
from redwood.problem import Instance, Problem
from redwood.problems.routing.fixed_edges import lifted, nearest_chains
from redwood.problems.routing.travel import Metric, Travel, obeys_triangle_rule
from redwood.problems.tsp.instance import Tour, TSPInstance
from redwood.solver import Answer, Run, Solver

if TYPE_CHECKING:
    from redwood.solvers.local_search.tsp_search import Places, TourSearch

BREADTH, DEPTH = 5, 8
"""Neighbours tried at later exchanges of a move, and the largest number of edges exchanged in one."""
HEAT = 1.0
"""The temperature at which annealing begins, in mean distances to the nearest neighbour. It falls to 0 within the budget of
time or iterations, and is lower where that allows few iterations a node. Without such a budget, with fixed edges, and after
populations, nothing longer is kept."""
REPORT = 0.25
"""Seconds between two reports of improvements, at least."""
LAST_REPORTS = 3
"""Times as long as a report, of which a large instance's takes seconds, the search ends before its time limit."""
ITERATIONS_A_NODE = 20
"""Iterations for each node from which on annealing begins at its full temperature."""
LARGE = 50_000
"""From this size on a first tour along a space-filling curve is reported before a better one is built."""


@dataclass(frozen=True)
class TSPLocalSearch(Solver):
    """Iterated local search; one iteration perturbs the tour in one place and repairs it there.

    The search starts from the greedy-edge tour, or from the initial solution. Moves are of the Lin-Kernighan kind: two
    or three edges are exchanged, tried in all ways that neighbour lists suggest, and the best exchange that does not
    gain yet is continued edge by edge.

    Where the budget allows, populations of such local optima follow, one after another, and their tours are crossed by
    edge assembly until they are alike. One iteration is then an offspring. What is left of the budget, or all of it where
    it is too small for a population of ten, goes to perturbations, each of which is one iteration: three short neighbouring
    sub-paths of the tour change places; only their ends are looked at again, and what does not pay is undone from a log.

    Populations are made and crossed on as many threads as the run may use; with a limit on iterations the result is the
    same for any number of them.

    Attributes
    ----------
    neighbours
        Nearest neighbours of a node that edges are tried to, at the first exchange; 5 to 12 make sense.
    population
        Most tours of a population; 0 for perturbations alone.

    References
    ----------
    Lin, Kernighan (1973), doi:10.1287/opre.21.2.498; Applegate, Cook, Rohe (2003), doi:10.1287/ijoc.15.1.82.15157;
    Nagata, Kobayashi (2013), doi:10.1287/ijoc.1120.0506.
    """

    keeps: ClassVar[frozenset[str]] = frozenset({"fixed edges"})
    neighbours: int = 6
    population: int = 300

    def __post_init__(self) -> None:
        for name, value, low in (("neighbours", self.neighbours, 2), ("population", self.population, 0)):
            if value < low:
                raise OptionError(f"{name} {value} is below {low}.")

    @property
    def breadths(self) -> tuple[int, ...]:
        """How many neighbours are tried at each exchange of a move."""
        return (self.neighbours,) + (min(BREADTH, self.neighbours),) * (DEPTH - 2)

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        """Compile the kernels on a few nodes."""
        from redwood.solvers.local_search.tsp_evolution import FEWEST, Evolution
        from redwood.solvers.local_search.tsp_search import Places

        coords = np.random.default_rng(0).random((32, 2))
        for travel in (Travel(Metric.EXACT, coords), Travel(Metric.EXPLICIT, None, Travel(Metric.EXACT, coords).full())):
            run = Run(problem, TSPInstance(travel=travel), budget=AnyOf())
            search = self._start_at(Places(travel), run.rng, None)
            while not search.settled:
                search.descend(10)
            Evolution(search, run, math.inf, FEWEST, 0.0, Reports(run, search)).run(most=1)
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

        if len(instance.fixed_edges):
            return self._keep_edges(instance, run, deadline)
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
        began = run.seconds
        try:
            search = self._start_at(places, run.rng, initial, run)
        except OutOfTimeError:
            if run.best is None:
                run.report(Tour(places.tour(np.arange(places.travel.size))))
            return Answer(run.best)
        self._improve(search, run, deadline, began, population=self.population, heat=HEAT)
        return Answer(run.best)

    def _keep_edges(self, instance: TSPInstance, run: Run, deadline: float) -> Answer:
        """Search where all edges but the fixed ones are longer than any tour, from a tour that uses those.

        Temperatures and populations, which would give those up on the way, are left out.
        """
        from redwood.solvers.local_search.tsp_search import SMALL, Places, shortest_order

        travel, edges = lifted(instance.travel, instance.fixed_edges), instance.fixed_edges
        if travel.size <= SMALL:
            run.report(Tour(shortest_order(travel)))
            return Answer(run.best, proven=True)
        start = run.initial.tour if isinstance(run.initial, Tour) else nearest_chains(instance.travel, edges)
        run.report(Tour(start))
        search = self._start_at(Places(travel), run.rng, start, run)
        self._improve(search, run, deadline, run.seconds, population=0, heat=0.0)
        return Answer(run.best)

    def _start_at(
        self, places: Places, rng: np.random.Generator, initial: Array | None, clock: Clock | None = None
    ) -> TourSearch:
        from redwood.solvers.local_search.tsp_search import TourSearch

        return TourSearch(places, self.neighbours, self.breadths, rng, initial, clock)

    def _improve(self, search: TourSearch, run: Run, deadline: float, began: float, *, population: int, heat: float) -> None:
        """Descend, cross populations as long as the budget is large enough, and perturb the best tour in what is left."""
        from redwood.solvers.local_search.tsp_evolution import SMALLEST, Evolution

        reports = Reports(run, search)
        reports.flush()
        last = run.seconds + run.seconds_left - LAST_REPORTS * reports.cost
        deadline = min(deadline, last)
        try:
            steps = 100
            while not search.settled and not run.stops() and run.seconds < deadline:
                burst_began = time.perf_counter()
                if search.descend(steps) > 0.0:
                    reports.offer()
                steps = next_chunk(steps, time.perf_counter() - burst_began)
            reports.flush()
            if population and search.size >= SMALLEST:
                evolution = Evolution(search, run, deadline, population, run.seconds - began, reports)
                evolution.run()
                if evolution.began:
                    search.adopt(evolution.best, run.rng)
                    heat = 0.0
            self._perturb(search, run, deadline, heat, reports)
            if run.stopped is None and run.seconds >= last:
                run.stopped = Termination.TIME
        finally:
            reports.flush()

    def _perturb(self, search: TourSearch, run: Run, deadline: float, heat: float, reports: Reports) -> None:
        schedule = Schedule(heat, search.size, run, deadline)
        steps = burst = 100  # each has a pace of its own: a descent that ends at once must not make the next burst long
        while not run.stops() and run.seconds < deadline:
            began = time.perf_counter()
            if not search.settled:  # the best tour of a population need not be a local optimum
                gained = search.descend(steps)
                steps = next_chunk(steps, time.perf_counter() - began)
            else:
                burst = int(min(burst, run.iterations_left))
                gained = search.iterate(burst, schedule.heat(run), run.iterations, schedule.limit)
                run.advance(burst)
                burst = next_chunk(burst, time.perf_counter() - began)
            if gained > 0.0:
                reports.offer()
            reports.poll()


class Reports:
    """Reports of improvements, not too many of them: each is checked at a cost linear in the instance.

    Attributes
    ----------
    cost
        Seconds that the last one took.
    """

    def __init__(self, run: Run, search: TourSearch) -> None:
        self._run = run
        self._search = search
        self._order: Array | None = None
        self._waiting = True
        self._reported = run.seconds
        self._pause = REPORT
        self.cost = 0.0

    def offer(self, order: Array | None = None) -> None:
        """Say that there is a better tour of the places: ``order``, or by default the search's best."""
        self._order, self._waiting = order, True
        self.poll()

    def poll(self) -> None:
        """Report what was offered last, if it was not yet and the last report was long enough ago."""
        if self._run.seconds - self._reported >= self._pause:
            self.flush()

    def flush(self) -> None:
        """Report what was offered last, if it was not yet."""
        if not self._waiting:
            return
        began = time.perf_counter()
        self._run.report(Tour(self._search.tour(self._order)))
        self.cost = time.perf_counter() - began
        self._pause = max(REPORT, 20 * self.cost)
        self._waiting, self._reported = False, self._run.seconds


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
