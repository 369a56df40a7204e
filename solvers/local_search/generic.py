"""`IteratedLocalSearch`: perturb, descend, accept, for every problem that offers the view `Local`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redwood.problem import Instance, Problem
from redwood.solver import Answer, Run, Solver
from redwood.views.local import Local

MEMORY = 50
"""How many steps back an accepted solution is compared with."""
REPORT_SECONDS = 0.05
"""Improvements that follow one another faster than this are reported together: checking them costs more than finding."""


@dataclass(frozen=True)
class IteratedLocalSearch(Solver):
    """Perturb the current solution, descend to a local optimum, and accept it late.

    A local optimum is accepted where it is no worse than the current one, or than the one held `MEMORY` steps ago, so
    that the search may walk through worse solutions and still settles. One perturbation is one iteration.

    References
    ----------
    Lourenço, Martin, Stützle (2003), Iterated Local Search, doi:10.1007/0-306-48056-5_11.
    Burke and Bykov (2017), The late acceptance hill-climbing heuristic, doi:10.1016/j.ejor.2016.07.012.
    """

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        view, better = problem.view(Local, instance).keep_to(run), run.sense.better
        current = view.construct(run.rng) if run.initial is None else view.state(run.initial)
        view.descend(current)
        best = view.copy(current)
        run.report(view.solution(best))
        held = [view.objective(current)] * MEMORY
        reported_at, pending = run.seconds, False
        while not run.stops():
            candidate = view.copy(current)
            view.perturb(candidate, run.rng)
            view.descend(candidate)
            value, slot = view.objective(candidate), run.iterations % MEMORY
            if not (better(view.objective(current), value) and better(held[slot], value)):
                current = candidate
            held[slot] = view.objective(current)
            run.advance()
            if better(value, view.objective(best)):
                best, pending = view.copy(candidate), True
            if pending and run.seconds - reported_at >= REPORT_SECONDS:
                run.report(view.solution(best))
                reported_at, pending = run.seconds, False
        if pending:
            run.report(view.solution(best))
        return Answer(run.best)
