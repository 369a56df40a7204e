"""fast-tsp: Or-opt in Rust for symmetric tours (MIT licence)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from redwood.problem import Instance, Problem
from redwood.problems.tsp.instance import Tour, TSPInstance
from redwood.solver import Answer, Run, Solver
from redwood.solvers.external.scaling import scaled, shortest_tiny_tour

_LARGEST = 65_535
SLICE_SECONDS = 0.01
"""Seconds of the library that an iteration stands for."""


@dataclass(frozen=True)
class FastTSP(Solver):
    """One call of ``fast_tsp.find_tour``; distances are scaled to whole numbers up to 65,535, which the library demands.

    The library takes no seed and no start. An iteration is a slice of its time, so that a budget in iterations ends.
    """

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Let the library use what is left of the time; without a limit it stops when it has converged."""
        import fast_tsp

        travel = cast(TSPInstance, instance).travel
        distances = scaled(travel, _LARGEST).matrix
        tiny = shortest_tiny_tour(distances)
        if tiny is not None:
            return Answer(Tour(tiny))
        seconds = min(run.seconds_left, run.iterations_left * SLICE_SECONDS)
        tour = fast_tsp.find_tour(
            distances, seconds + 0.001, max_threads=run.threads, stop_when_converged=math.isinf(seconds)
        )
        run.stops()
        run.advance(int(min(run.iterations_left, max(1.0, seconds / SLICE_SECONDS))) if math.isfinite(seconds) else 1)
        return Answer(Tour(np.array(tour)))
