"""LKH through elkai. LKH is free for academic and non-commercial use only, and so is elkai."""

from __future__ import annotations

import math
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError
from redwood.problem import Instance, Problem
from redwood.problems.atsp.instance import ATSPInstance
from redwood.problems.tsp.instance import TSPInstance
from redwood.solver import Answer, Run, Solver
from redwood.solvers.external.apart import call_apart
from redwood.solvers.external.scaling import scaled, shortest_tiny_tour

_LARGEST = 1_000_000.0
MOST_RUNS = 10_000
"""Runs within a time limit, at most."""


@dataclass(frozen=True)
class LKH(Solver):
    """Independent runs of LKH 2 until the time is used up, each with a seed of its own; an iteration is one run.

    LKH looks at the clock only between trials and never while it prepares its candidate edges, and reports nothing before
    its end: it runs in a process of its own, which is killed at the time limit. A run of one trial comes first on large
    instances, so that there is an answer then. It keeps settings from call to call, so no start is handed to it.
    Distances that are not whole are scaled to at most 1,000,000.

    Attributes
    ----------
    trials
        Trials of a run; by default 0, which stands for LKH's own number, the number of nodes.

    References
    ----------
    Helsgaun (2000), doi:10.1016/S0377-2217(99)00284-2.
    """

    trials: int = 0

    def __post_init__(self) -> None:
        if self.trials < 0:
            raise OptionError(f"trials {self.trials} is negative.")

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Report the tour of each run; without any limit, one run."""
        typed = cast("ATSPInstance | TSPInstance", instance)
        matrix = scaled(typed.travel, _LARGEST).matrix
        tiny = shortest_tiny_tour(matrix)
        if tiny is not None:
            return Answer(problem.solution(tiny))
        answers = call_apart(
            "redwood.solvers.external.lkh_library:search",
            time.monotonic() + run.seconds_left,
            text=_problem_text(matrix),
            size=len(matrix),
            seeds=_seeds(run),
            trials=self.trials,
        )
        with closing(answers):
            for tour, counts in answers:
                run.report(problem.solution(np.array(tour)))
                if counts:
                    run.advance()
                if run.stops():
                    break
        run.stops()
        return Answer(run.best, message="" if run.best is not None else "LKH had no tour by the time limit.")


def _seeds(run: Run) -> list[int]:
    """Return the seeds of the runs that the budget allows: one without any limit."""
    unlimited = math.isinf(run.seconds_left) and math.isinf(run.iterations_left)
    count = 1 if unlimited else int(min(run.iterations_left, MOST_RUNS))
    return [int(run.rng.integers(1, 2**31 - 1)) for _ in range(count)]


def _problem_text(matrix: Array) -> str:
    kind = "TSP" if np.array_equal(matrix, matrix.T) else "ATSP"
    head = f"TYPE : {kind}\nDIMENSION : {len(matrix)}\nEDGE_WEIGHT_TYPE : EXPLICIT\nEDGE_WEIGHT_FORMAT : FULL_MATRIX\n"
    return head + "EDGE_WEIGHT_SECTION\n" + "".join(" ".join(map(str, row)) + "\n" for row in matrix.tolist())
