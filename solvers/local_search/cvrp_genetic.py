"""The genetic search for the CVRP in what an annealing leaves of the budget: populations of routes, one for each thread.

References
----------
Vidal (2022), Hybrid genetic search for the CVRP, doi:10.1016/j.cor.2021.105643. Ours begins with the ends of annealings
besides random routes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial

import numpy as np

from redwood.kernels import RandomState, random_state
from redwood.polling import next_chunk
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.solver import Run
from redwood.solvers.local_search.cvrp_draft import fill_draft, make_draft, make_sites
from redwood.solvers.local_search.cvrp_pool import RoutePool
from redwood.solvers.local_search.cvrp_population import educate, enter, evolve
from redwood.solvers.local_search.cvrp_table import BEST, SINCE, make_population
from redwood.solvers.local_search.threads import together

REPORT = 0.25
"""Seconds between two reports of improvements, at least."""
PATIENCE = 20_000
"""Individuals without a better best one after which a population begins anew."""
EXCHANGED = 500
"""Individuals of each population between two exchanges of the best ones among threads."""

POOL_LAST, POOL_TIME = 0.06, 0.8
"""Share of the time left to the end from the choice among all routes met on, and what of it the choice may take."""


class _Island:
    """A population with what it needs to grow by itself."""

    def __init__(self, instance: CVRPInstance, routes: int, rng: np.random.Generator) -> None:
        self.sites = make_sites(instance, routes)
        self.draft = make_draft(self.sites)
        self.population = make_population(self.sites)
        self.state: RandomState = random_state(rng)

    @property
    def best(self) -> float:
        """Length of the best routes of this population; infinite before there are any."""
        return float(self.population.values[BEST])

    @property
    def routes(self) -> list[list[int]]:
        """The best routes."""
        tour, starts = self.population.best, self.population.best_starts
        return [part.tolist() for part in np.split(tour, starts[1:-1]) if len(part)]

    @property
    def fitting(self) -> list[list[int]]:
        """The routes of the last individual that are not overloaded."""
        draft, size, found = self.draft, self.sites.size, []
        after = draft.after.tolist()
        for r in np.flatnonzero((draft.members > 0) & (draft.load <= self.sites.limit)).tolist():
            route, stop = [], after[size + 1 + r]
            while stop <= size:
                route.append(stop)
                stop = after[stop]
            found.append(route)
        return found

    def length(self, route: list[int]) -> float:
        """Return the length of a route."""
        stops = np.array([0, *route, 0])
        return float(self.sites.distance[stops[:-1], stops[1:]].sum())

    def enter(self, routes: list[list[int]]) -> None:
        """Take feasible routes into the population, as they are and improved."""
        self.population.child[:] = np.concatenate([np.array(route, dtype=np.int32) for route in routes])
        ends = np.cumsum([len(route) for route in routes])
        self.population.starts[:] = self.sites.size
        self.population.starts[0] = 0
        self.population.starts[1 : len(routes)] = ends[:-1]
        fill_draft(self.sites, self.draft, self.population.child, self.population.starts, 0.0)
        enter(self.sites, self.draft, self.population)
        educate(self.sites, self.draft, self.population, self.state)

    def grow(self, count: int) -> None:
        """Make individuals; a population that no longer improves begins anew."""
        if self.population.counters[SINCE] >= PATIENCE:
            self.population = make_population(self.sites)
        evolve(self.sites, self.draft, self.population, self.state, count)


def compile_genetic(instance: CVRPInstance) -> None:
    """Compile the kernels on an instance of a few customers."""
    island = _Island(instance, 0, np.random.default_rng(0))
    island.enter([[customer] for customer in range(1, instance.size + 1)][: island.sites.fleet])
    island.grow(3)


def breed(instance: CVRPInstance, run: Run, starts: Sequence[list[list[int]]], executor: Executor | None = None) -> None:
    """Search until the budget of ``run`` is used up, and hand in what is found.

    An individual counts as as many iterations as there are customers, since it takes about as long. With several threads
    each has a population of its own, and gets the best routes of the others now and then.

    Parameters
    ----------
    instance
        Of three customers or more.
    run
        Lends the budget, the threads and the randomness.
    starts
        Feasible routes to begin with.
    executor
        Lends the threads; ``None`` for one.
    """
    most = max((len(routes) for routes in starts), default=0)
    pool = RoutePool(instance) if math.isinf(run.iterations_left) else None
    closing = run.seconds + (1.0 - POOL_LAST) * run.seconds_left
    islands = [_Island(instance, most, rng) for rng in run.rng.spawn(run.threads)]
    for place, routes in enumerate(starts):
        islands[place % len(islands)].enter(routes)
    reports = _Reports(run)
    each = len(islands) * instance.size
    chunk, left = 1, EXCHANGED
    while not run.stops():
        count = int(max(1, min(chunk, left, -(-run.iterations_left // each))))
        began = time.perf_counter()
        together(executor, [partial(island.grow, count) for island in islands])
        run.advance(int(min(run.iterations_left, count * each)))
        chunk, left = next_chunk(chunk, time.perf_counter() - began), left - count
        best = min(islands, key=lambda island: island.best)
        reports.offer(best)
        if pool is not None:
            _collect(pool, islands)
            if run.seconds >= closing:
                _combine(pool, islands, run)
                pool = None
        if left == 0:
            left = EXCHANGED
            for island in islands:
                if island.best > best.best:
                    island.enter(best.routes)
    reports.flush()


def _collect(pool: RoutePool, islands: Sequence[_Island]) -> None:
    """Keep routes that are not overloaded, those of overloaded individuals too."""
    for island in islands:
        for route in island.fitting:
            pool.meet(route, island.length(route))


def _combine(pool: RoutePool, islands: Sequence[_Island], run: Run) -> None:
    """Let the best choice among all routes met join the populations."""
    best = min(islands, key=lambda island: island.best)
    start = best.routes if math.isfinite(best.best) else []
    found = pool.best(POOL_TIME * run.seconds_left, start)
    if found is None:
        return
    run.report(Routes(found))
    for island in islands:
        if len(found) <= island.sites.fleet:
            island.enter(found)


class _Reports:
    """Reports of improvements, not too many of them."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._island: _Island | None = None
        self._reported = math.inf if run.objective is None else run.objective
        self._due = 0.0

    def offer(self, island: _Island) -> None:
        """Say which population has the best routes."""
        self._island = island
        if self._run.seconds >= self._due:
            self.flush()

    def flush(self) -> None:
        """Report what was offered last where it is new."""
        if self._island is not None and self._island.best < self._reported:
            self._reported = self._island.best
            self._run.report(Routes(self._island.routes))
            self._due = self._run.seconds + REPORT
