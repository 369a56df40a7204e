"""CP-SAT of OR-Tools: circuits by constraint programming (Apache-2.0 licence), for small tours, paths and knapsacks."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

from redwood.problem import Instance, Problem
from redwood.problems.atsp.instance import ATSPInstance
from redwood.problems.tsp.instance import TSPInstance
from redwood.solver import Answer, Run, Solver
from redwood.solvers.external.scaling import shortest_tiny_tour

_REPORT_SECONDS = 0.2
SLICE_SECONDS = 0.05
"""Seconds of the library that an iteration stands for."""


@dataclass(frozen=True)
class CPSAT(Solver):
    """A circuit over arc literals, or the plain 0-1 model of a knapsack; an iteration is a slice of deterministic time.

    Numbers with a common unit, such as decimal ones of a few places, become whole ones without loss. Others are rounded:
    values, prizes and distances to at most 1,000,000, and what has to keep within a capacity or budget up to a billionth of
    that. The proof of such a model proves nothing of the instance, so that neither bound nor optimality is claimed then.
    """

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        import redwood.solvers.external.cp_sat_form  # noqa: F401 (imports the library, which takes half a second)

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Search until the budget is used up or optimality is proven."""
        from ortools.sat.python import cp_model

        from redwood.solvers.external.cp_sat_form import Form

        if isinstance(instance, (ATSPInstance, TSPInstance)) and instance.size <= 3:
            return Answer(problem.solution(shortest_tiny_tour(instance.travel.full())))
        form = Form(instance)
        form.hint(run.initial)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = run.threads
        solver.parameters.random_seed = run.seed % 2**31
        if math.isfinite(run.seconds_left):
            solver.parameters.max_time_in_seconds = run.seconds_left + 0.01
        if math.isfinite(run.iterations_left):
            solver.parameters.max_deterministic_time = run.iterations_left * SLICE_SECONDS

        class Watch(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]
            told = 0.0

            def on_solution_callback(self) -> None:
                if time.perf_counter() - self.told > _REPORT_SECONDS:
                    self.told = time.perf_counter()
                    run.report(problem.solution(form.read(self.boolean_value)))
                if run.stops():
                    self.stop_search()

        status = solver.solve(form.model, Watch())
        run.stops()
        run.advance(int(min(run.iterations_left, 1 + solver.deterministic_time / SLICE_SECONDS)))
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return Answer(run.best, proven=status == cp_model.INFEASIBLE and form.exact)
        solution = problem.solution(form.read(solver.boolean_value))
        if not form.exact:
            return Answer(solution)
        return Answer(
            solution, bound=solver.best_objective_bound * form.unit + form.constant, proven=status == cp_model.OPTIMAL
        )
