"""The routing library of OR-Tools: guided local search (Apache-2.0 licence), for tours, routes, and paths with prizes."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.problem import Instance, Problem, Solution
from redwood.problems.atsp.instance import ATSPInstance
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.problems.orienteering.instance import OrienteeringInstance, path
from redwood.problems.orienteering.instance import Tour as Path
from redwood.problems.tsp.instance import TSPInstance
from redwood.solver import Answer, Run, Solver
from redwood.solvers.external.scaling import scaled, whole, whole_loads

_LARGEST = 1_000_000.0
_BUDGET_LARGEST = 1e8
_REPORT_SECONDS = 0.2


@dataclass(frozen=True)
class ORToolsRouting(Solver):
    """Guided local search from the library's own start; an iteration is a solution that the library accepts.

    The library takes no seed. Distances that are not whole are scaled so that the longest is 1,000,000; for orienteering so
    that the budget is 100,000,000, rounded up; there a unit of prize outweighs the whole budget, and the start is by
    cheapest insertion. Where a CVRP leaves the fleet open, half as many vehicles again as the demand needs, and five more,
    are offered.
    """

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        import ortools.constraint_solver.pywrapcp  # noqa: F401 (the clock of the run does not pay for it)

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Search until the budget is used up; improvements are reported a few times a second."""
        from ortools.constraint_solver import pywrapcp, routing_enums_pb2

        if instance.size == 0 or (instance.size == 1 and not isinstance(instance, (CVRPInstance, OrienteeringInstance))):
            return Answer(run.best or problem.solution(_reading(instance, [[]])))
        manager, model = _model(instance)
        search = pywrapcp.DefaultRoutingSearchParameters()
        search.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
        if isinstance(instance, OrienteeringInstance):  # else its search hardly ever puts in what the first path left out
            insertion = routing_enums_pb2.FirstSolutionStrategy.LOCAL_CHEAPEST_INSERTION
            search.first_solution_strategy = insertion
        if math.isfinite(run.seconds_left):
            search.time_limit.FromMilliseconds(1 + int(1000 * run.seconds_left))
        if math.isfinite(run.iterations_left):
            search.solution_limit = int(run.iterations_left)
        told = [time.perf_counter()]

        def on_solution() -> None:
            run.advance()
            if time.perf_counter() - told[0] > _REPORT_SECONDS:
                routes = _routes(manager, model, lambda index: model.NextVar(index).Value())
                run.report(problem.solution(_reading(instance, routes)))
                told[0] = time.perf_counter()
            if run.stops():
                model.solver().FinishCurrentSearch()

        model.AddAtSolutionCallback(on_solution)
        model.CloseModelWithParameters(search)
        start = _start(model, instance, run.initial)
        found = model.SolveFromAssignmentWithParameters(start, search) if start else model.SolveWithParameters(search)
        run.stops()
        if not found:
            return Answer(run.best, message="OR-Tools found no feasible solution.")
        routes = _routes(manager, model, lambda index: found.Value(model.NextVar(index)))
        return Answer(problem.solution(_reading(instance, routes)))


def _model(instance: Instance) -> tuple[Any, Any]:
    """Return the library's index manager and model of an instance."""
    from ortools.constraint_solver import pywrapcp

    if isinstance(instance, OrienteeringInstance):
        scale = _BUDGET_LARGEST / max(instance.budget, 1e-300)
        with np.errstate(over="ignore"):  # such ways are beyond the budget
            distances = np.minimum(np.ceil(instance.travel.full() * scale), 1e12).astype(np.int64)
        manager = pywrapcp.RoutingIndexManager(len(distances), 1, [instance.start], [instance.end])
        model, length = _with_distances(manager, distances)
        model.AddDimension(length, 0, int(instance.limit * scale), True, "length")
        prizes, _ = whole(instance.prizes)
        for node in np.setdiff1d(np.arange(len(distances)), [instance.start, instance.end]):
            model.AddDisjunction([manager.NodeToIndex(int(node))], int(prizes[node]) * int(2 * _BUDGET_LARGEST))
        return manager, model
    if isinstance(instance, CVRPInstance):
        fleet = (
            min(instance.slots, instance.fewest + instance.fewest // 2 + 5) if instance.vehicles is None else instance.slots
        )
        manager = pywrapcp.RoutingIndexManager(instance.size + 1, fleet, 0)
        model, _ = _with_distances(manager, scaled(instance.travel, _LARGEST).matrix)
        loads = whole_loads(instance)
        demand = model.RegisterUnaryTransitVector(loads.demands.tolist())
        model.AddDimension(demand, 0, loads.capacity, True, "load")
        return manager, model
    if not isinstance(instance, (ATSPInstance, TSPInstance)):
        raise TypeError(f"OR-Tools routing takes no {type(instance).__name__}.")
    manager = pywrapcp.RoutingIndexManager(instance.size, 1, 0)
    return manager, _with_distances(manager, scaled(instance.travel, _LARGEST).matrix)[0]


def _with_distances(manager: Any, matrix: Array) -> tuple[Any, int]:
    """Return a model that pays the distances, and the number by which it knows them."""
    from ortools.constraint_solver import pywrapcp

    model = pywrapcp.RoutingModel(manager)
    number = model.RegisterTransitMatrix(matrix.tolist())
    model.SetArcCostEvaluatorOfAllVehicles(number)
    return model, number


def _routes(manager: Any, model: Any, following: Any) -> list[list[int]]:
    """Return the inner nodes of each vehicle's route; ``following`` gives the index behind an index."""
    routes = []
    for vehicle in range(model.vehicles()):
        index, route = following(model.Start(vehicle)), []
        while not model.IsEnd(index):
            route.append(manager.IndexToNode(index))
            index = following(index)
        routes.append(route)
    return routes


def _reading(instance: Instance, routes: list[list[int]]) -> Any:
    """Return the data of Redwood's solution: routes, or nodes with what the library leaves out at the ends."""
    if isinstance(instance, CVRPInstance):
        return routes
    if isinstance(instance, OrienteeringInstance):
        return [instance.start, *routes[0], instance.end]
    return [0, *routes[0]]


def _start(model: Any, instance: Instance, initial: Solution | None) -> Any:
    """Return the library's form of a start, or ``None`` without one or where it needs more vehicles than are offered."""
    if initial is None:
        return None
    if isinstance(initial, Routes):
        routes = initial.routes
    elif isinstance(initial, Path) and isinstance(instance, OrienteeringInstance):
        routes = [path(instance, initial)[1:-1].tolist()]
    else:
        tour = np.asarray(getattr(initial, "tour"))  # noqa: B009
        routes = [np.roll(tour, -int(np.flatnonzero(tour == 0)[0]))[1:].tolist()]
    return model.ReadAssignmentFromRoutes(routes, True) if len(routes) <= model.vehicles() else None
