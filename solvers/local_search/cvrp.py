"""Ruin and recreate for the CVRP: strings of customers are removed and inserted again, under annealing."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.errors import OptionError
from redwood.problem import Instance, Problem
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.solver import Answer, Run, Solver

if TYPE_CHECKING:
    from redwood.problems.cvrp.plan import Ground
    from redwood.solvers.local_search.cvrp_kernels import Search

POLL = 0.02
"""Seconds between two looks at the clock."""
REPORT = 0.25
"""Seconds between two reports of improvements."""


@dataclass(frozen=True)
class CVRPLocalSearch(Solver):
    """Slack induction by string removals, annealed over the budget; one iteration is one ruin and recreate.

    Attributes
    ----------
    removals
        Mean number of customers removed in an iteration.
    longest
        The longest string of customers removed from one route.
    blink
        Probability that a position is overlooked.
    hot, cold
        First and last temperature, in mean leg lengths of the start.
    neighbours
        How many nearest customers of a customer are looked at for positions.

    References
    ----------
    Christiaens and Vanden Berghe (2020), doi:10.1287/trsc.2019.0914; start by Clarke and Wright (1964).
    """

    removals: float = 10.0
    longest: float = 10.0
    blink: float = 0.01
    hot: float = 1.0
    cold: float = 0.01
    neighbours: int = 100
    fee: float = 2.0

    def __post_init__(self) -> None:
        if self.removals < 1 or self.longest < 1:
            raise OptionError(f"removals {self.removals} and longest {self.longest} must be at least 1.")
        if not 0 <= self.blink < 1:
            raise OptionError(f"blink {self.blink} is no probability below 1.")
        if not 0 < self.cold <= self.hot:
            raise OptionError(f"temperatures hot {self.hot} and cold {self.cold} must be positive, hot at least cold.")
        if self.neighbours < 1:
            raise OptionError(f"neighbours {self.neighbours} is below 1.")

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        """Compile the kernels on four customers."""
        from redwood.budget import Iterations

        assert isinstance(instance, CVRPInstance)
        small = problem.make(**_sample(instance))
        self.run(problem, small, Run(problem, small, budget=Iterations(10)))

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Search until the budget is used up."""
        assert isinstance(instance, CVRPInstance)
        from redwood.kernels import random_state
        from redwood.problems.cvrp.plan import make_ground, make_plan, total_length
        from redwood.problems.cvrp.savings import savings_routes
        from redwood.solvers.local_search.cvrp_kernels import BEST, COOLING, TEMPERATURE, Strings, anneal, make_search

        ground = make_ground(instance, self.neighbours)
        start = run.initial.routes if isinstance(run.initial, Routes) else savings_routes(ground)
        plan = make_plan(instance, ground, sorted(start, key=len, reverse=True)[: instance.slots])
        length = total_length(plan, ground.size)
        leg = length / (ground.size + len(start))
        mean = max(1e-9, float(ground.demand[1:].mean()))
        fee = self.fee * ground.depot[1 : ground.size + 1].mean() * (0.2 + ground.demand / mean)
        search = make_search(ground, plan, length, fee)
        strings = Strings(self.removals, self.longest, 0.5, 0.01, self.blink)
        state = random_state(run.rng)
        chunk = 100
        if math.isfinite(search.values[BEST]):
            run.report(Routes(start))
        last_report = run.seconds
        reported = search.values[BEST]
        total_s = run.seconds_left
        began = run.seconds
        total_i = run.iterations_left
        while not run.stops():
            if math.isfinite(total_i):
                done = 1 - run.iterations_left / total_i
                rate = (self.cold / self.hot) ** (1 / total_i)
                if search.values[TEMPERATURE] == 0:
                    search.values[TEMPERATURE] = self.hot * leg
                search.values[COOLING] = rate
                chunk = int(min(chunk, run.iterations_left))
            else:
                done = (run.seconds - began) / total_s
                search.values[TEMPERATURE] = leg * self.hot * (self.cold / self.hot) ** done
            t = time.perf_counter()
            anneal(plan, ground, search, strings, state, chunk)
            run.advance(chunk)
            t = time.perf_counter() - t
            chunk = max(1, int(chunk * min(4.0, POLL / max(t, 1e-6))))
            if search.values[BEST] < reported and run.seconds - last_report > REPORT:
                self._report(search, ground, run)
                last_report = run.seconds
                reported = search.values[BEST]
        if search.values[BEST] < reported:
            self._report(search, ground, run)
        return Answer(run.best)

    def _report(self, search: Search, ground: Ground, run: Run) -> None:
        from redwood.problems.cvrp.plan import plan_routes

        run.report(plan_routes(search.best, ground.size))


def _sample(instance: CVRPInstance) -> dict[str, Any]:
    places = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    return {"coords": places, "demands": [0, 1, 1, 1], "capacity": 2}
