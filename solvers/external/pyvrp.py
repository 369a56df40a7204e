"""PyVRP: iterated local search for vehicle routing (MIT licence), for tours, routes, and paths that collect prizes."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.problem import Instance, Problem, Solution
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.problems.orienteering.instance import OrienteeringInstance
from redwood.problems.orienteering.instance import Tour as Path
from redwood.problems.tsp.instance import Tour, TSPInstance
from redwood.solver import Answer, Run, Solver
from redwood.solvers.external.scaling import scaled, whole_loads

if TYPE_CHECKING:
    from pyvrp import ProblemData

_LARGEST = 50_000.0  # PyVRP's penalties end at 100,000 a unit of load: beyond longer distances they would be too weak
_PRIZE_LARGEST = 1e13
_BUDGET_LARGEST = 1e8
_REPORT_SECONDS = 0.2


@dataclass(frozen=True)
class PyVRP(Solver):
    """PyVRP's own search with its own parameters; an iteration is one of its iterations.

    Distances that are not whole are scaled so that the longest is 50,000. Orienteering becomes a prize-collecting
    problem of one vehicle with a longest distance: distances are scaled so that the budget is about 100,000,000, rounded
    up, and a unit of prize outweighs the whole budget.

    References
    ----------
    Wouda, Lan, Kool (2024), PyVRP: a high-performance VRP solver package, doi:10.1287/ijoc.2023.0055.
    """

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        import pyvrp  # noqa: F401 (the clock of the run does not pay for it)

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Search until the budget is used up; improvements are reported a few times a second."""
        import pyvrp
        from pyvrp.exceptions import PenaltyBoundWarning
        from pyvrp.IteratedLocalSearch import IteratedLocalSearchCallbacks, IteratedLocalSearchParams

        if instance.size == 0:
            return Answer(run.best or _solution(instance, []))
        data = _data(instance)

        class Watch(IteratedLocalSearchCallbacks):  # type: ignore[misc]
            told, cost = time.perf_counter(), None

            def on_iteration(self, current: Any, candidate: Any, best: Any, cost_evaluator: Any) -> None:
                run.advance()
                cost = cost_evaluator.cost(best) if best.is_feasible() else None
                if cost is not None and cost != self.cost and time.perf_counter() - self.told > _REPORT_SECONDS:
                    self.told, self.cost = time.perf_counter(), cost
                    run.report(_solution(instance, best.routes()))

        with warnings.catch_warnings():  # large prizes bring its penalties to their maximum, which does no harm
            warnings.simplefilter("ignore", PenaltyBoundWarning)
            found = pyvrp.solve(
                data,
                stop=lambda _: run.stops(),
                seed=run.seed % 2**32,
                collect_stats=False,
                params=pyvrp.SolveParams(ils=IteratedLocalSearchParams(callbacks=Watch())),
                initial_solution=_start(data, instance, run.initial),
            )
        return Answer(_solution(instance, found.best.routes()) if found.is_feasible() else run.best)


def _data(instance: Instance) -> ProblemData:
    """Return PyVRP's form of an instance. Client k is node k + 1, or node `_visitable(instance)[k]` of an orienteering."""
    from pyvrp import Client, VehicleType

    if isinstance(instance, CVRPInstance):
        loads = whole_loads(instance)
        fleet = VehicleType(instance.slots, capacity=[loads.capacity])
        clients = [Client(node, delivery=[int(loads.demands[node])]) for node in range(1, instance.size + 1)]
        return _build(scaled(instance.travel, _LARGEST).matrix, clients, [0], fleet)
    if isinstance(instance, TSPInstance):
        clients = [Client(node) for node in range(1, instance.size)]
        return _build(scaled(instance.travel, _LARGEST).matrix, clients, [0], VehicleType())
    if not isinstance(instance, OrienteeringInstance):
        raise TypeError(f"PyVRP takes no {type(instance).__name__}.")
    prize_scale = 1.0 if np.array_equal(instance.prizes, np.rint(instance.prizes)) else 1e4 / instance.prizes.max()
    prizes = np.rint(instance.prizes * prize_scale)
    unit = min(_BUDGET_LARGEST, _PRIZE_LARGEST / max(1.0, float(prizes.max())))
    scale = unit / max(instance.budget, 1e-300)
    with np.errstate(over="ignore"):  # such ways are beyond the budget
        distances = np.minimum(np.ceil(instance.travel.full() * scale), 1e12).astype(np.int64)
    clients = [Client(int(k), prize=int(prizes[k] * unit), required=False) for k in _visitable(instance)]
    depots = [instance.start] if instance.closed else [instance.start, instance.end]
    vehicle = VehicleType(end_depot=len(depots) - 1, max_distance=int(instance.limit * scale))
    return _build(distances, clients, depots, vehicle)


def _build(matrix: np.ndarray[Any, Any], clients: list[Any], depots: list[int], vehicle: Any) -> ProblemData:
    from pyvrp import Depot, Location, ProblemData

    places = [Location(0, 0) for _ in range(len(matrix))]
    return ProblemData(places, clients, [Depot(node) for node in depots], [vehicle], [matrix], [np.zeros_like(matrix)])


def _visitable(instance: OrienteeringInstance) -> np.ndarray[Any, Any]:
    return np.setdiff1d(np.arange(instance.travel.size), [instance.start, instance.end])


def _solution(instance: Instance, routes: list[Any]) -> Solution:
    visits = [[activity.idx for activity in route if activity.is_client()] for route in routes]
    if isinstance(instance, CVRPInstance):
        return Routes([[client + 1 for client in route] for route in visits])
    clients = np.array([client for route in visits for client in route], dtype=np.int64)
    if isinstance(instance, OrienteeringInstance):
        return Path(np.concatenate([[instance.start], _visitable(instance)[clients], [instance.end]]))
    return Tour(np.append(0, clients + 1))


def _start(data: ProblemData, instance: Instance, initial: Solution | None) -> Any:
    """Return PyVRP's form of a start, or ``None`` without one."""
    from pyvrp import Solution as Library

    if isinstance(initial, Routes):
        return Library(data, [[customer - 1 for customer in route] for route in initial.routes])
    if isinstance(initial, Tour):
        at = int(np.flatnonzero(initial.tour == 0)[0])
        return Library(data, [(np.roll(initial.tour, -at)[1:] - 1).tolist()])
    if isinstance(initial, Path) and isinstance(instance, OrienteeringInstance):
        inner = initial.tour[1 : None if instance.closed and initial.tour[-1] != instance.end else -1]
        return Library(data, [np.searchsorted(_visitable(instance), inner).tolist()])
    return None
