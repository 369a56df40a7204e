"""HGS-CVRP through hygese (MIT licence)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from redwood.errors import OptionError, SolverError
from redwood.problem import Instance, Problem
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.solver import Answer, Run, Solver
from redwood.solvers.external.scaling import MOST_NODES


@dataclass(frozen=True)
class HGS(Solver):
    """One call of hybrid genetic search with SWAP*; an iteration is one without improvement, as HGS counts them.

    The library takes no start and reports nothing before its end. Its clock counts the seconds of the processor, not of the
    wall; where both a time limit and iterations are given, the iterations count. Distances are handed over as they are.

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

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Let the library use what is left of the time or of the iterations."""
        from hygese import AlgorithmParameters
        from hygese import Solver as Library

        typed = cast(CVRPInstance, instance)
        if typed.size < 2:  # a single customer makes the library loop for ever
            return Answer(Routes([[1]] if typed.size else []))
        if typed.size > MOST_NODES:
            raise SolverError(f"{typed.size} customers need too large a matrix; at most {MOST_NODES}.")
        iterations = int(min(self.patience, run.iterations_left))
        limited = math.isfinite(run.iterations_left) or math.isinf(run.seconds_left)  # with a limit HGS starts anew
        parameters = AlgorithmParameters(
            seed=run.seed % 2**31, nbIter=iterations, timeLimit=0.0 if limited else run.seconds_left
        )
        data = {
            "distance_matrix": np.ascontiguousarray(typed.travel.full(), dtype=np.float64),
            "demands": np.asarray(typed.demands, dtype=np.float64),
            "vehicle_capacity": float(typed.limit),
            "service_times": np.zeros(typed.size + 1),
        }
        if typed.vehicles is not None:
            data["num_vehicles"] = int(typed.vehicles)
        try:
            routes = Library(parameters, verbose=False).solve_cvrp(data).routes
        except TypeError:  # the library's null pointer for "nothing feasible found"
            return Answer(run.best, message="HGS found no solution with so few vehicles.")
        run.advance(iterations)
        return Answer(Routes(routes))
