"""LKH through elkai. LKH is free for academic and non-commercial use only, and so is elkai."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError
from redwood.problem import Instance, Problem
from redwood.problems.atsp.instance import ATSPInstance
from redwood.problems.tsp.instance import TSPInstance
from redwood.solver import Answer, Run, Solver
from redwood.solvers.external.scaling import scaled, shortest_tiny_tour

_LARGEST = 1_000_000.0


@dataclass(frozen=True)
class LKH(Solver):
    """Independent runs of LKH 2 until the time is used up, each with a seed of its own; an iteration is one run.

    LKH looks at the clock only between trials and never while it prepares its candidate edges, so it overruns short
    limits on large instances. It keeps settings from call to call, so no start is handed to it. Distances that are not
    whole are scaled to at most 1,000,000.

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
        text = _problem_text(matrix)
        unlimited = math.isinf(run.seconds_left) and math.isinf(run.iterations_left)
        while not run.stops():
            tour = _one_run(text, int(run.rng.integers(1, 2**31 - 1)), self.trials, run.seconds_left)
            run.advance()
            run.report(problem.solution(tour))
            if unlimited:
                break
        return Answer(run.best)


def _one_run(text: str, seed: int, trials: int, seconds: float) -> Array:
    from elkai import _elkai

    settings = ["RUNS = 1", f"SEED = {seed}", "TRACE_LEVEL = 0"]
    settings += [f"MAX_TRIALS = {trials}"] if trials else []
    settings += [f"TIME_LIMIT = {max(seconds, 0.001):.3f}" if math.isfinite(seconds) else "TIME_LIMIT = 1000000000"]
    return np.array(_elkai.solve_problem("\n".join([*settings, "PROBLEM_FILE = :stdin:", ""]), text)) - 1


def _problem_text(matrix: Array) -> str:
    kind = "TSP" if np.array_equal(matrix, matrix.T) else "ATSP"
    head = f"TYPE : {kind}\nDIMENSION : {len(matrix)}\nEDGE_WEIGHT_TYPE : EXPLICIT\nEDGE_WEIGHT_FORMAT : FULL_MATRIX\n"
    return head + "EDGE_WEIGHT_SECTION\n" + "".join(" ".join(map(str, row)) + "\n" for row in matrix.tolist())
