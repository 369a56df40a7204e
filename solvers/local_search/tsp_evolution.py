"""Populations of tours, one after another: local optima are made, crossed until they are alike, and the best ones kept.

References
----------
Nagata, Kobayashi (2013), doi:10.1287/ijoc.1120.0506. Their populations begin with 2-opt tours; ours begin with Lin-Kernighan
tours of randomised greedy ones, so that a few dozen are enough.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import Executor
from functools import partial
from typing import Protocol

import numpy as np

from redwood.arrays import Array
from redwood.polling import next_chunk
from redwood.solver import Run
from redwood.solvers.local_search.threads import thread_pool, together
from redwood.solvers.local_search.tsp_cycles_kernels import Crossing
from redwood.solvers.local_search.tsp_population import Population, make_crossing
from redwood.solvers.local_search.tsp_search import TourSearch

FEWEST = 10
"""A population is worth while from so many tours on."""
MANY_PLACES = 12_000
"""With more places only a full population is worth while: fewer tours, crossed, end longer than one that is annealed."""
SMALLEST = 12
"""Instances with fewer places are left to perturbation."""
ENTRIES = 20_000_000
"""Most entries of a population: tours times places."""
SHARE = 0.4
"""Share of the seconds left in which the tours of a population are made; the rest is for crossing them."""
PERTURBED = 0.3
"""Perturbations of a new tour for each place."""
DESCENT = 100
"""Iterations that the descent of a new tour counts as."""
CROSSED = 2000
"""Iterations in which a tour of a population is crossed until it converges, at most about."""
PATIENCE = 25
"""Generations without a better best tour after which a population counts as converged."""
ELITE = 10
"""Tours of a population that are kept to be crossed with those of the next."""
SEPARATED = 30
"""Where fewer generations than this would fit into what is left of the time, the worse half of a population is dropped."""


class Reports(Protocol):
    """Passes on what is worth a report, not too often."""

    def offer(self, order: Array) -> None:
        """Say that there is a better tour."""

    def poll(self) -> None:
        """Report what was offered last, if that is due."""


class Evolution:
    """Populations of one instance, as long as the budget is large enough for one.

    Attributes
    ----------
    best
        The shortest tour [N] known.
    length
        Its length.
    began
        Whether there was a population at all.
    """

    def __init__(self, search: TourSearch, run: Run, deadline: float, most: int, seconds: float, reports: Reports) -> None:
        """Begin with the local optimum of a search.

        Parameters
        ----------
        search
            A search at a local optimum.
        run
            Lends the budget, the threads and the randomness.
        deadline
            Seconds of the run at which to end, where its budget does not end it before.
        most
            Most tours of a population.
        seconds
            Seconds that the search took to its local optimum: another one takes no less.
        reports
            Is told of every tour of the places that is the best so far.
        """
        self.best = search.order()
        self.length = search.length(self.best)
        self.began = False
        self._search = search
        self._run = run
        self._deadline = deadline
        self._most = min(most, ENTRIES // search.size)
        self._each = seconds
        self._fewest = FEWEST if search.size <= MANY_PLACES else max(FEWEST, self._most)
        self._reports = reports
        self._rng = run.rng
        self._elite: Array | None = None
        self._crossings: list[Crossing] = []

    def run(self, most: float = math.inf) -> None:
        """Raise populations, at most so many, until the budget does not allow another one."""
        with thread_pool(self._run.threads) as executor:
            while most > 0 and self._raise(executor):  # ends: each population takes its share of the budget
                most -= 1

    @property
    def _seconds_left(self) -> float:
        return min(self._run.seconds_left, self._deadline - self._run.seconds)

    def _stops(self) -> bool:
        return self._run.stops() or self._run.seconds >= self._deadline

    def _raise(self, executor: Executor | None) -> bool:
        """Make and cross a population; returns whether there may be another one."""
        orders = self._make_tours(executor)
        if len(orders) < self._fewest or self._stops():
            return False
        self.began = True
        self._crossings = self._crossings or [make_crossing(*self._search.candidates) for _ in range(self._run.threads)]
        population = self._cross(np.array(orders), executor)
        finalists = population.orders[np.argsort(population.lengths, kind="stable")[:ELITE]]
        if self._elite is not None and not self._stops():
            finalists = self._cross(np.concatenate([self._elite, finalists]), executor).orders
        self._elite = finalists[:ELITE]
        return not self._stops()

    def _make_tours(self, executor: Executor | None) -> list[Array]:
        """Return local optima, as many as the budget allows to make and cross; none where too few."""
        iterations = self._run.iterations_left
        wanted = self._most
        if math.isfinite(iterations):
            wanted = min(wanted, int(iterations / (CROSSED + (1.0 + 2.0 * PERTURBED) * self._search.size)))
        seconds, began = self._seconds_left, time.perf_counter()
        orders = [self.best] if self._elite is None else []
        if wanted < self._fewest or self._each * self._fewest > SHARE * seconds:
            return []
        while len(orders) < wanted and not self._stops():
            count = min(self._run.threads, wanted - len(orders))
            tours = together(executor, [partial(self._tour, rng) for rng in self._rng.spawn(count)])
            orders += [order for order in tours if order is not None]
            self._run.advance(count * (self._perturbations + DESCENT))
            self._reports.poll()
            spent = time.perf_counter() - began
            self._each = spent / max(1, len(orders))
            if self._each * self._fewest > SHARE * seconds:
                return []
            if spent + self._each > SHARE * seconds:
                break
        for order in orders:
            self._note(order, self._search.length(order))
        return orders

    @property
    def _perturbations(self) -> int:
        return max(1, int(PERTURBED * self._search.size))

    def _tour(self, rng: np.random.Generator) -> Array | None:
        """Return a local optimum of its own, or ``None`` where time runs out before."""
        search = self._search.another(rng)
        steps = 1000
        while not search.settled:
            if self._stops():
                return None
            began = time.perf_counter()
            search.descend(steps)
            steps = next_chunk(steps, time.perf_counter() - began)
        left, steps = self._perturbations, 100
        while left > 0 and not self._stops():
            began = time.perf_counter()
            steps = min(steps, left)
            search.iterate(steps)
            left -= steps
            steps = next_chunk(steps, time.perf_counter() - began)
        return search.order()

    def _cross(self, orders: Array, executor: Executor | None) -> Population:
        """Cross tours [P, N] until they gain nothing more or the budget is used up; returns what they became."""
        search = self._search
        lengths = np.array([search.length(order) for order in orders])
        population = Population(self._crossings, orders, lengths, search.tolerance, self._rng)
        still = idle = 0
        while idle < 2 and still < PATIENCE and not self._stops():
            began = time.perf_counter()
            improved, made = population.generation(self._stops, time.perf_counter, executor)
            self._run.advance(made + len(population.orders))
            self._reports.poll()
            idle = 0 if improved else idle + 1
            still = 0 if self._note(population.best, float(population.lengths.min())) else still + 1
            seconds = time.perf_counter() - began
            count = len(population.orders)
            late = math.isfinite(self._seconds_left) and self._seconds_left < SEPARATED * seconds
            if late and count >= 2 * FEWEST and 2 * improved > count:
                population = self._better_half(population)
        return population

    def _better_half(self, population: Population) -> Population:
        kept = np.sort(np.argsort(population.lengths, kind="stable")[: len(population.orders) // 2])
        return Population(
            self._crossings, population.orders[kept], population.lengths[kept], self._search.tolerance, self._rng
        )

    def _note(self, order: Array, length: float) -> bool:
        """Keep a tour that is the best; returns whether it is."""
        if length >= self.length - self._search.tolerance:
            return False
        self.best, self.length = order.copy(), length
        self._reports.offer(self.best)
        return True
