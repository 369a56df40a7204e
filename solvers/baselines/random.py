"""`Random`: the best of random feasible solutions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redwood.errors import OptionError
from redwood.problem import Instance, Problem
from redwood.solver import Answer, Run, Solver
from redwood.views.local import Local


@dataclass(frozen=True)
class Random(Solver):
    """The best of as many random feasible solutions as the budget allows, at least one. One sample is one iteration.

    Attributes
    ----------
    samples
        How many solutions at most; ``None`` for as many as the budget allows.
    """

    samples: int | None = None

    def __post_init__(self) -> None:
        if self.samples is not None and self.samples < 1:
            raise OptionError(f"samples {self.samples} is below 1; give at least 1, or None for no limit.")

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        view = problem.view(Local, instance).keep_to(run)
        best: float | None = None
        drawn = 0
        while drawn == 0 or not (run.stops() or drawn == self.samples):
            state = view.initial(run.rng)
            drawn += 1
            run.advance()
            if run.sense.better(view.objective(state), best):
                best = view.objective(state)
                run.report(view.solution(state))
        return Answer(run.best)
