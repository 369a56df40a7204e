"""The routing library of OR-Tools for rich vehicle routing: every field but the one that a FitError names."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError
from redwood.problem import Instance, Problem
from redwood.problems.vrp.checks import numbered
from redwood.problems.vrp.instance import VehicleType, VRPInstance
from redwood.problems.vrp.reasons import described
from redwood.problems.vrp.routes import Route
from redwood.problems.vrp.solution import VRPSolution
from redwood.solver import Answer, Run, Solver
from redwood.solvers.external.vrp_units import NEVER, Units, ceiling

_NO_WAY = 1 << 40
"""Length of ways that must not be taken."""
_REPORT_SECONDS = 0.2
_MOST_QUIET = 20_000
"""Without a time limit the search ends after so many steps without a solution: tiny instances have no further ones."""


@dataclass(frozen=True)
class ORToolsRich(Solver):
    """Guided local search from the library's cheapest insertion; an iteration is a solution that the library accepts.

    The library takes no seed. Data that are not whole are multiplied by a power of ten; durations and openings are rounded
    up and closings down. A type of any number has as many vehicles as there are customers. Alternatives whose prizes differ
    are not supported, nor are reloads.
    """

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Search until the budget is used up; improvements are reported a few times a second."""
        from ortools.constraint_solver import pywrapcp, routing_enums_pb2

        form = _Form(cast(VRPInstance, instance))
        model = form.model
        search = pywrapcp.DefaultRoutingSearchParameters()
        search.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
        search.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
        if math.isfinite(run.seconds_left):
            search.time_limit.FromMilliseconds(1 + int(1000 * run.seconds_left))
        if math.isfinite(run.iterations_left):
            search.solution_limit = int(run.iterations_left)
        told, quiet = [time.perf_counter()], [0]

        def is_over() -> bool:
            quiet[0] += 1
            return run.stops() or (math.isinf(run.seconds_left) and quiet[0] > _MOST_QUIET)

        def on_solution() -> None:
            run.advance()
            quiet[0] = 0
            if time.perf_counter() - told[0] > _REPORT_SECONDS:
                form.report(problem, run, lambda index: model.NextVar(index).Value())
                told[0] = time.perf_counter()
            if run.stops():
                model.solver().FinishCurrentSearch()

        model.AddAtSolutionCallback(on_solution)
        model.AddSearchMonitor(model.solver().CustomLimit(is_over))
        model.CloseModelWithParameters(search)
        start = form.start(run.initial)
        found = model.SolveFromAssignmentWithParameters(start, search) if start else model.SolveWithParameters(search)
        run.stops()
        if found:
            form.report(problem, run, lambda index: found.Value(model.NextVar(index)))
        if run.best is None:
            return Answer(None, message="OR-Tools found no feasible routes.")
        return Answer(described(form.instance, cast(VRPSolution, run.best)))


class _Form(Units):
    """The library's model: its nodes are our places, then one without a place for open ends."""

    def __init__(self, instance: VRPInstance) -> None:
        from ortools.constraint_solver import pywrapcp

        _refuse(instance)
        super().__init__(instance)
        self.kinds = [k for k, v in enumerate(instance.vehicles) for _ in range(_number(instance, v))]
        types = [instance.vehicles[k] for k in self.kinds]
        nowhere = instance.roads.size
        self.nodes = nowhere + int(any(v.end is None for v in types))
        starts, ends = [v.start for v in types], [nowhere if v.end is None else v.end for v in types]
        self.manager = pywrapcp.RoutingIndexManager(self.nodes, len(types), starts, ends)
        self.model: Any = pywrapcp.RoutingModel(self.manager)
        self.at_node = len(instance.depots) + np.arange(instance.size)
        self.at = [self.manager.NodeToIndex(len(instance.depots) + c) for c in range(instance.size)]
        self._lengths = [self._matrix(self.lengths[v.profile], v, np.rint) for v in instance.vehicles]
        for depot in set(range(len(instance.depots))) - {*starts, *ends}:  # else it would have to be visited
            self.model.AddDisjunction([self.manager.NodeToIndex(depot)], 0)
            self.model.VehicleVar(self.manager.NodeToIndex(depot)).SetValues([-1])
        self._add_costs()
        self._add_service()
        self._add_loads()
        self._add_lengths()
        if instance.timed:
            self._add_times()
        self._fix_prefixes()

    def _fix_prefixes(self) -> None:
        """Let the first vehicles of a type begin with its prefixes."""
        free = {k: [vehicle for vehicle, kind in enumerate(self.kinds) if kind == k] for k in set(self.kinds)}
        for kind, customers in self.instance.prefixes:
            index = self.model.Start(free[kind].pop(0))
            for c in customers:
                self.model.NextVar(index).SetValue(self.at[c])
                index = self.at[c]

    def _matrix(self, matrix: Array, vehicle: VehicleType, rounded: Any) -> Array:
        """Return a matrix in whole units, where there are open ends with ways to nowhere of length 0."""
        units = np.full(matrix.shape, _NO_WAY, dtype=np.int64)
        usable = np.isfinite(self.lengths[vehicle.profile]) & np.isfinite(self.times[vehicle.profile])
        units[usable] = rounded(self.scale * matrix[usable]).astype(np.int64)
        np.fill_diagonal(units, 0)
        return np.pad(units, (0, self.nodes - len(units)))

    def _by_vehicle(self, matrices: list[Array]) -> list[int]:
        """Return for each vehicle the number by which the library knows the matrix of its type."""
        known = [self.model.RegisterTransitMatrix(matrix.tolist()) for matrix in matrices]
        return [known[k] for k in self.kinds]

    def _add_costs(self) -> None:
        """Add what ways and vehicles cost."""
        types, rate = self.instance.vehicles, self.price_scale
        costs = [round(v.distance_cost * rate) * one for v, one in zip(types, self._lengths, strict=True)]
        for one, length in zip(costs, self._lengths, strict=True):
            one[length >= _NO_WAY] = _NO_WAY
        for change, one in zip(self.instance.change_costs, costs, strict=True):
            one[:, self.at_node] += np.array([self.money(float(price)) for price in change], dtype=np.int64)
        for vehicle, (k, number) in enumerate(zip(self.kinds, self._by_vehicle(costs), strict=True)):
            self.model.SetArcCostEvaluatorOfVehicle(number, vehicle)
            self.model.SetFixedCostOfVehicle(self.money(types[k].fixed_cost + self.instance.vehicle_price), vehicle)

    def _add_service(self) -> None:
        """Add who may be left out, which vehicles may serve whom, and shipments."""
        instance, model = self.instance, self.model
        for c in np.flatnonzero(~instance.required & (instance.group_of < 0)).tolist():
            model.AddDisjunction([self.at[c]], self.money(float(instance.prize[c])))
        for group, needed in zip(instance.groups, instance.group_required, strict=True):
            members = [self.at[c] for c in group]
            if needed:
                model.AddDisjunction(members)
            else:
                model.AddDisjunction(members, self.money(float(instance.prize[group[0]])))
        for c, index in enumerate(self.at):
            able = [vehicle for vehicle, k in enumerate(self.kinds) if instance.may_serve[k, c]]
            if len(able) < len(self.kinds):
                model.VehicleVar(index).SetValues([-1, *able])
        for pick, drop in instance.shipments.tolist():
            model.AddPickupAndDelivery(self.at[pick], self.at[drop])
            model.solver().Add(model.VehicleVar(self.at[pick]) == model.VehicleVar(self.at[drop]))
        if instance.linehauls_first:
            self._forbid_ways()

    def _forbid_ways(self) -> None:
        """Forbid ways from a pickup to a delivery, and from a depot to a pickup."""
        brings, takes = self.instance.delivery.any(axis=1), self.instance.pickup.any(axis=1)
        for c in np.flatnonzero(takes):
            self.model.NextVar(self.at[c]).RemoveValues([self.at[d] for d in np.flatnonzero(brings) if d != c])
        for vehicle in range(len(self.kinds)):
            pickups = [self.at[c] for c in np.flatnonzero(takes & ~brings)]
            self.model.NextVar(self.model.Start(vehicle)).RemoveValues(pickups)

    def _add_loads(self) -> None:
        """Add for each load what is on board: what is still to be delivered (nothing at the end), and what was picked up."""
        instance, model = self.instance, self.model
        taken = instance.pickup + instance.shipped
        capacities = np.array([self.loads(np.array(v.capacity), down=True) for v in instance.vehicles])
        for m in range(instance.dimensions):
            limits = [int(capacities[k, m]) for k in self.kinds]
            rounded = np.sign(taken[:, m]) * np.ceil(np.abs(taken[:, m]) * self.load_scale - 1e-6)
            brought = ceiling(instance.delivery[:, m] * self.load_scale)
            ahead, load = f"ahead {m}", f"load {m}"
            model.AddDimensionWithVehicleCapacity(self._by_node(-brought), 0, limits, False, ahead)
            model.AddDimensionWithVehicleCapacity(self._by_node(rounded - brought), 0, limits, False, load)
            for vehicle in range(len(self.kinds)):
                first, last = model.Start(vehicle), model.End(vehicle)
                model.GetDimensionOrDie(ahead).CumulVar(last).SetMax(0)
                both = [model.GetDimensionOrDie(name).CumulVar(first) for name in (ahead, load)]
                model.solver().Add(both[0] == both[1])

    def _by_node(self, changes: Array) -> int:
        """Return the number of a transit that depends on the customer that is left [N]."""
        homes = len(self.instance.depots)
        values = [0] * homes + [int(change) for change in changes] + [0] * (self.nodes - self.instance.roads.size)
        return int(self.model.RegisterUnaryTransitVector(values))

    def _add_lengths(self) -> None:
        """Add the length of routes, which also puts pickups before their deliveries."""
        model, instance = self.model, self.instance
        limits = [self.limit(instance.vehicles[k].max_distance) for k in self.kinds]
        model.AddDimensionWithVehicleTransitAndCapacity(self._by_vehicle(self._lengths), 0, limits, True, "length")
        model.AddConstantDimension(1, instance.size + 2, True, "stops")
        for pick, drop in instance.shipments.tolist():
            order = model.GetDimensionOrDie("stops")
            model.solver().Add(order.CumulVar(self.at[pick]) <= order.CumulVar(self.at[drop]))

    def _add_times(self) -> None:
        """Add windows, shifts, durations and what they cost, and the departure after all releases of a route."""
        instance, model, homes = self.instance, self.model, len(self.instance.depots)
        service = np.zeros(self.nodes, dtype=np.int64)
        service[homes : instance.roads.size] = ceiling(instance.service * self.scale)
        travel = [self._matrix(self.times[v.profile], v, ceiling) + service[:, None] for v in instance.vehicles]
        model.AddDimensionWithVehicleTransits(self._by_vehicle(travel), NEVER, NEVER, False, "time")
        clock = model.GetDimensionOrDie("time")
        for c, index in enumerate(self.at):
            windows = [(self.early(a), self.late(b)) for a, b in instance.windows_of(c).tolist()]
            clock.CumulVar(index).SetRange(windows[0][0], windows[-1][1])
            for (_, before), (after, _) in pairwise(windows):
                clock.CumulVar(index).RemoveInterval(before + 1, after - 1)
        for vehicle, k in enumerate(self.kinds):
            self._add_shift(clock, vehicle, instance.vehicles[k])
        if (instance.release > 0).any():
            self._add_departures(clock)

    def _add_shift(self, clock: Any, vehicle: int, kind: VehicleType) -> None:
        """Add when a vehicle is under way, how long at most, and what that costs."""
        instance, model = self.instance, self.model
        opens = max(kind.shift[0], float(instance.depot_windows[kind.start, 0]))
        clock.CumulVar(model.Start(vehicle)).SetRange(self.early(opens), self.late(instance.latest_start(kind)))
        back = 0 if kind.end is None else max(0, self.early(float(instance.depot_windows[kind.end, 0])))
        clock.CumulVar(model.End(vehicle)).SetRange(back, self.late(instance.latest_end(kind)))
        if math.isfinite(kind.max_duration):
            clock.SetSpanUpperBoundForVehicle(self.limit(kind.max_duration), vehicle)
        if kind.duration_cost:
            clock.SetSpanCostCoefficientForVehicle(round(kind.duration_cost * self.price_scale), vehicle)
        if kind.waiting_cost:
            clock.SetSlackCostCoefficientForVehicle(round(kind.waiting_cost * self.price_scale), vehicle)
        for end in (model.Start(vehicle), model.End(vehicle)):
            model.AddVariableMinimizedByFinalizer(clock.CumulVar(end))

    def _add_departures(self, clock: Any) -> None:
        """Carry the departure along each route: it is no earlier than any release on it."""
        instance, model = self.instance, self.model
        model.AddConstantDimensionWithSlack(0, NEVER, 0, False, "departure")
        departure = model.GetDimensionOrDie("departure")
        for vehicle in range(len(self.kinds)):
            first = model.Start(vehicle)
            model.solver().Add(departure.CumulVar(first) == clock.CumulVar(first))
        for c in np.flatnonzero(instance.release > 0).tolist():
            departure.CumulVar(self.at[c]).SetMin(self.early(float(instance.release[c])))

    def report(self, problem: Problem[Any, Any], run: Run, following: Any) -> None:
        """Hand in the library's routes, unless they take a forbidden way, which it only makes long."""
        instance, homes, routes = self.instance, len(self.instance.depots), []
        for vehicle, k in enumerate(self.kinds):
            index, stops = following(self.model.Start(vehicle)), []
            while not self.model.IsEnd(index):
                stops.append(instance.customers[self.manager.IndexToNode(index) - homes])
                index = following(index)
            routes.append(Route(stops, instance.vehicles[k].name))
        made = VRPSolution(routes)
        if not problem.violations(instance, made):
            run.report(made)

    def start(self, initial: Any) -> Any:
        """Return the library's form of a start, or ``None`` without one."""
        if not isinstance(initial, VRPSolution):
            return None
        routes: list[list[int]] = [[] for _ in self.kinds]
        free = {k: [vehicle for vehicle, kind in enumerate(self.kinds) if kind == k] for k in set(self.kinds)}
        begun = {customers[0]: number for number, (_, customers) in enumerate(self.instance.prefixes)}
        for route in sorted(numbered(self.instance, initial), key=lambda one: begun.get(int(one.customers[0]), len(begun))):
            routes[free[route.kind].pop(0)] = [len(self.instance.depots) + int(c) for c in route.customers]
        return self.model.ReadAssignmentFromRoutes(routes, True)


def _number(instance: VRPInstance, vehicle: VehicleType) -> int:
    return instance.size if vehicle.number is None else min(vehicle.number, instance.size)


def _refuse(instance: VRPInstance) -> None:
    """Raise `FitError` where the library has no field for what the instance asks."""
    if not any(vehicle.number is None or vehicle.number for vehicle in instance.vehicles):
        raise FitError("OR-Tools takes no fleet without a vehicle; it would end this process.")
    for vehicle in instance.vehicles:
        if vehicle.reload_depots:  # as optional stops its search finds routes with them where they were in the start only
            raise FitError(f"OR-Tools has no reloads but by hand, and vehicle {vehicle.name!r} may reload.")
    for group, needed in zip(instance.groups, instance.group_required, strict=True):
        prizes = instance.prize[list(group)]
        if (prizes != prizes[0]).any() or (needed and prizes.any()):
            names = ", ".join(repr(instance.customers[c]) for c in group[:4])
            raise FitError(f"OR-Tools supports alternatives without prizes of their own, and {names} have some.")
