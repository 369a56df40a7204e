"""`Greedy`: a quick greedy construction, improved to a local optimum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redwood.problem import Instance, Problem
from redwood.solver import Answer, Run, Solver
from redwood.views.local import Local


@dataclass(frozen=True)
class Greedy(Solver):
    """One greedy construction and one descent to a local optimum: the least that a method has to beat.

    Attributes
    ----------
    descend
        Whether the construction is improved to a local optimum.
    """

    descend: bool = True

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        view = problem.view(Local, instance).keep_to(run)
        state = view.construct(run.rng)
        run.report(view.solution(state))
        if self.descend and not run.stops():
            view.descend(state)
            run.report(view.solution(state))
        run.advance()
        return Answer(run.best)
