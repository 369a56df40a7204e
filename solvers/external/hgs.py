"""HGS-CVRP through hygese (MIT licence)."""

from __future__ import annotations

import math
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from redwood.errors import OptionError, SolverError
from redwood.problem import Instance, Problem
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.problems.routing.travel import Metric
from redwood.solver import Answer, Run, Solver
from redwood.solvers.external.apart import call_apart
from redwood.solvers.external.scaling import MOST_NODES, whole_loads

_SMALLEST, _LARGEST = 0.1, 1e5  # the library refuses distances and demands whose largest lies outside
_TYPICAL = 1e4
_TOLERANCE = 1e-5  # loads beyond the capacity by less count as within it in the library


@dataclass(frozen=True)
class HGS(Solver):
    """Hybrid genetic search with SWAP*; an iteration is one without improvement, as HGS counts them.

    The library takes no start, reports nothing before its end and may crash: it runs in a process of its own, which is
    killed at the time limit. A short search comes first, so that there is an answer then; where both a time limit and
    iterations are given, the iterations count. Distances that are not whole, above 100,000 or below 0.1 are scaled so that
    the longest is 10,000; demands to whole numbers where they have a common unit.

    Attributes
    ----------
    patience
        Iterations without improvement after which HGS starts anew, or ends where there is no time limit.

    References
    ----------
    Vidal (2022), doi:10.1016/j.cor.2021.105643.
    """

    patience: int = 20_000

    def __post_init__(self) -> None:
        if self.patience < 1:
            raise OptionError(f"patience {self.patience} is below 1.")

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        """Fail early where the library is not installed."""
        import hygese  # noqa: F401

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Let the library use what is left of the time or of the iterations."""
        typed = cast(CVRPInstance, instance)
        if typed.size < 2:  # a single customer makes the library loop for ever
            return Answer(Routes([[1]] if typed.size else []))
        if typed.size > MOST_NODES:
            raise SolverError(f"{typed.size} customers need too large a matrix; at most {MOST_NODES}.")
        iterations = int(min(self.patience, run.iterations_left)) if math.isfinite(run.iterations_left) else None
        answers = call_apart(
            "redwood.solvers.external.hgs_library:search",
            time.monotonic() + run.seconds_left,
            data=_data(typed),
            seed=run.seed % 2**31,
            patience=self.patience,
            iterations=iterations,
        )
        received = []
        try:
            with closing(answers):
                for routes in answers:
                    received.append(routes)
                    if routes is not None:
                        run.report(Routes(routes))
                    if run.stops():
                        break
        except SolverError:
            _blame_fleet(typed, run)
            raise
        run.advance(iterations or self.patience)
        run.stops()
        return Answer(run.best, message=_message(typed, received, iterations))


def _blame_fleet(instance: CVRPInstance, run: Run) -> None:
    """Raise `NoSolutionError` where the library may have crashed because it found no packing into the vehicles."""
    from redwood.problems.cvrp.packing import packed_routes

    if instance.vehicles is not None and run.best is None:
        packed_routes(instance, run.rng)


def _message(instance: CVRPInstance, received: list[Any], iterations: int | None) -> str:
    if not received:
        return "HGS had no answer by the time limit."
    if received[-1] is None:
        return f"HGS found no solution with {instance.slots} vehicles in its time."
    if iterations is None and len(received) == 1:
        return "HGS was stopped before its answer; that of its first, short search stands."
    return ""


def _data(instance: CVRPInstance) -> dict[str, Any]:
    """Return an instance in the library's form and within its range of numbers."""
    demands, capacity = _within_range(instance)
    return {
        **_positions(instance),
        "distance_matrix": _distances(instance),
        "demands": demands,
        "vehicle_capacity": capacity,
        "service_times": np.zeros(instance.size + 1),
        "num_vehicles": instance.slots,
    }


def _positions(instance: CVRPInstance) -> dict[str, Any]:
    """Return positions in the plane, not below 0: SWAP* looks only at routes whose directions from the depot overlap."""
    coords, metric = instance.travel.coords, instance.travel.metric
    if coords is None or metric is Metric.GEO:
        return {}
    x, y = (np.asarray(coords, dtype=np.float64) - np.min(coords, axis=0)).T
    return {"x_coordinates": x, "y_coordinates": y}


def _distances(instance: CVRPInstance) -> np.ndarray[Any, Any]:
    matrix = np.array(instance.travel.full(), dtype=np.float64)
    longest = float(matrix.max())
    if longest == 0.0:  # all routes are equal, and the library divides by the longest distance
        return np.ones_like(matrix) - np.eye(len(matrix))
    if instance.travel.integral and _SMALLEST <= longest <= _LARGEST:
        return np.ascontiguousarray(matrix)
    return matrix / longest * _TYPICAL


def _within_range(instance: CVRPInstance) -> tuple[np.ndarray[Any, Any], float]:
    """Return demands and capacity; where a unit is near the library's tolerance, the capacity is less by it."""
    loads = whole_loads(instance)
    demands, capacity = loads.demands.astype(np.float64), float(loads.capacity)
    largest = float(demands.max())
    if largest == 0.0:  # any route may serve everybody, and the library divides by the largest demand
        return np.append(0.0, np.ones(instance.size)), float(instance.size)
    if largest <= _LARGEST:
        return demands, capacity
    scale = _LARGEST / largest
    margin = _TOLERANCE if scale < 10 * _TOLERANCE else 0.0
    return demands * scale, capacity * scale - margin
