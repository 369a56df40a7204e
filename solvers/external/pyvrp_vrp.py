"""PyVRP for rich vehicle routing: every field that the library has; what it has not is named in a FitError."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError
from redwood.problem import Instance, Problem
from redwood.problems.vrp.checks import NumberedRoute, numbered
from redwood.problems.vrp.instance import VehicleType, VRPInstance
from redwood.problems.vrp.reasons import described, named
from redwood.problems.vrp.solution import VRPSolution
from redwood.solver import Answer, Run, Solver
from redwood.solvers.external.vrp_units import Units, ceiling

if TYPE_CHECKING:
    from pyvrp import ProblemData

_NO_WAY = 1 << 42
"""Length of ways that must not be taken."""
_REPORT_SECONDS = 0.2


@dataclass(frozen=True)
class PyVRPRich(Solver):
    """PyVRP's own search with its own parameters; an iteration is one of its iterations.

    Data that are not whole are multiplied by a power of ten; durations and openings are rounded up and closings down, so
    that its routes are on time. An open route ends at a depot without a place; a reload is at a depot of its own at the same
    place, which takes the time of it. Several windows of a customer, and shipments
    whose ends are released, are alternatives or have loads of their own, are not supported.

    References
    ----------
    Wouda, Lan, Kool (2024), PyVRP: a high-performance VRP solver package, doi:10.1287/ijoc.2023.0055.
    """

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        """Import the library outside of the clock."""
        import pyvrp  # noqa: F401

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Search until the budget is used up; improvements are reported a few times a second."""
        import pyvrp
        from pyvrp.exceptions import PenaltyBoundWarning
        from pyvrp.IteratedLocalSearch import IteratedLocalSearchCallbacks, IteratedLocalSearchParams

        form = _Form(cast(VRPInstance, instance))
        data = form.data()

        class Watch(IteratedLocalSearchCallbacks):  # type: ignore[misc]
            told, cost = time.perf_counter(), None

            def on_iteration(self, current: Any, candidate: Any, best: Any, cost_evaluator: Any) -> None:
                run.advance()
                cost = cost_evaluator.cost(best) if best.is_feasible() else None
                if cost is not None and cost != self.cost and time.perf_counter() - self.told > _REPORT_SECONDS:
                    self.told, self.cost = time.perf_counter(), cost
                    form.report(problem, run, best.routes())

        with warnings.catch_warnings():  # forbidden ways bring its penalties to their maximum, which does no harm
            warnings.simplefilter("ignore", PenaltyBoundWarning)
            found = pyvrp.solve(
                data,
                stop=lambda _: run.stops(),
                seed=run.seed % 2**32,
                collect_stats=False,
                display=False,
                params=pyvrp.SolveParams(ils=IteratedLocalSearchParams(callbacks=Watch())),
                initial_solution=form.start(data, run.initial),
            )
        if found.is_feasible():
            form.report(problem, run, found.best.routes())
        if run.best is None:
            return Answer(None, message="PyVRP found no feasible routes.")
        return Answer(described(form.instance, cast(VRPSolution, run.best)))


class _Form(Units):
    """PyVRP's form of an instance: clients are the customers without a shipment, in their order."""

    def __init__(self, instance: VRPInstance) -> None:
        _refuse(instance)
        super().__init__(instance)
        self.clients = np.flatnonzero(instance.partner < 0)
        self.opens = any(vehicle.end is None for vehicle in instance.vehicles)
        self.reloading = sorted({depot for vehicle in instance.vehicles for depot in vehicle.reload_depots})
        self._first_reloading = len(instance.depots) + self.opens

    def data(self) -> ProblemData:
        """Return the library's problem."""
        from pyvrp import ClientGroup, Depot, Location, ProblemData

        instance, homes = self.instance, len(self.instance.depots)
        index = {int(c): k for k, c in enumerate(self.clients)}
        groups = [
            ClientGroup([index[c] for c in group], needed)
            for group, needed in zip(instance.groups, instance.group_required, strict=True)
        ]
        places = [Location(0, 0) for _ in range(instance.roads.size + self.opens)]
        windows = [(self.early(opens), self.late(shuts)) for opens, shuts in instance.depot_windows.tolist()]
        depots = [Depot(k, *windows[k]) for k in range(homes)]
        if self.opens:
            depots.append(Depot(instance.roads.size))
        depots += [Depot(k, *windows[k], self.span(float(instance.reload_time[k]))) for k in self.reloading]
        kinds, lengths, times = self._matrices(self.opens)
        return ProblemData(
            places,
            [self._client(int(c)) for c in self.clients],
            depots,
            [self._vehicle(vehicle, kind, homes) for vehicle, kind in zip(instance.vehicles, kinds, strict=True)],
            lengths,
            times,
            groups,
            [self._shipment(number) for number in range(len(instance.shipments))],
        )

    def _client(self, c: int) -> Any:
        from pyvrp import Client

        instance = self.instance
        (opening, closing), group = instance.windows_of(c)[0].tolist(), int(instance.group_of[c])
        return Client(
            len(instance.depots) + c,
            delivery=self.loads(instance.delivery[c]),
            pickup=self.loads(instance.pickup[c]),
            service_duration=self.span(float(instance.service[c])),
            tw_early=self.early(opening),
            tw_late=self.late(closing),
            release_time=self.early(float(instance.release[c])) if instance.release[c] > 0 else 0,
            prize=self.money(float(instance.prize[c])),
            required=bool(instance.required[c]),
            group=None if group < 0 else group,
        )

    def _shipment(self, number: int) -> Any:
        from pyvrp import Shipment

        instance, homes = self.instance, len(self.instance.depots)
        a, b = instance.shipments[number].tolist()
        (first, last), (earliest, latest) = instance.windows_of(a)[0].tolist(), instance.windows_of(b)[0].tolist()
        return Shipment(
            homes + a,
            homes + b,
            self.early(first),
            self.late(last),
            self.span(float(instance.service[a])),
            self.early(earliest),
            self.late(latest),
            self.span(float(instance.service[b])),
            self.loads(instance.amounts[number]),
            self.money(float(instance.prize[a] + instance.prize[b])),
            bool(instance.required[a] or instance.required[b]),
        )

    def _vehicle(self, vehicle: VehicleType, kind: int, homes: int) -> Any:
        from pyvrp import VehicleType as Library

        most = self.instance.size  # no more routes are ever needed, and the library makes an object of each vehicle
        return Library(
            num_available=most if vehicle.number is None else max(1, min(vehicle.number, most)),
            capacity=self.loads(np.array(vehicle.capacity), down=True),
            start_depot=vehicle.start,
            end_depot=homes if vehicle.end is None else vehicle.end,
            fixed_cost=self.money(vehicle.fixed_cost + self.instance.vehicle_price),
            tw_early=max(0, self.early(vehicle.shift[0])),
            tw_late=self.late(vehicle.shift[1]),
            shift_duration=self.limit(vehicle.max_duration),
            max_distance=self.limit(vehicle.max_distance),
            unit_distance_cost=round(vehicle.distance_cost * self.price_scale),
            unit_duration_cost=round(vehicle.duration_cost * self.price_scale),
            profile=kind,
            reload_depots=[self._first_reloading + self.reloading.index(depot) for depot in vehicle.reload_depots],
            max_reloads=self.instance.most_trips(vehicle) - 1,
            name=vehicle.name,
        )

    def _matrices(self, opens: bool) -> tuple[list[int], list[Array], list[Array]]:
        """Return the library's profile of each type, and its matrices: one for each of ours and set of customers allowed."""
        kinds, keys, lengths, times = [], dict[tuple[int, bytes], int](), list[Array](), list[Array]()
        for k, vehicle in enumerate(self.instance.vehicles):
            may = np.array(self.instance.may_serve[k])
            key = (vehicle.profile, may.tobytes())
            if key not in keys:
                keys[key] = len(lengths)
                forbidden = self._forbidden(vehicle, may)
                for matrices, given, rounded in ((lengths, self.lengths, np.rint), (times, self.times, ceiling)):
                    matrix = _units(given[vehicle.profile], self.scale, rounded, forbidden)
                    matrices.append(np.pad(matrix, (0, 1)) if opens else matrix)
            kinds.append(keys[key])
        return kinds, lengths, times

    def _forbidden(self, vehicle: VehicleType, may: Array) -> Array:
        """Return the ways [P, P] that a type must not take."""
        instance, homes = self.instance, len(self.instance.depots)
        forbidden = ~np.isfinite(self.lengths[vehicle.profile]) | ~np.isfinite(self.times[vehicle.profile])
        outside = homes + np.flatnonzero(~may)
        forbidden[outside, :] = forbidden[:, outside] = True
        if instance.linehauls_first:
            brings, takes = instance.delivery.any(axis=1), instance.pickup.any(axis=1)
            back = homes + np.flatnonzero(takes & ~brings)
            forbidden[:homes, back] = True
            forbidden[np.ix_(homes + np.flatnonzero(takes), homes + np.flatnonzero(brings))] = True
        np.fill_diagonal(forbidden, False)
        return forbidden

    def report(self, problem: Problem[Any, Any], run: Run, routes: list[Any]) -> None:
        """Hand in the library's routes, unless they take a forbidden way, which it only makes long."""
        made = self.solution(routes)
        if not problem.violations(self.instance, made):
            run.report(made)

    def solution(self, routes: list[Any]) -> VRPSolution:
        """Return the library's routes by names."""
        made = []
        for route in routes:
            stops: list[int] = []
            for activity in route:
                if activity.is_client():
                    stops.append(int(self.clients[activity.idx]))
                elif activity.is_shipment():
                    stops.append(int(self.instance.shipments[activity.idx, 0 if activity.is_pickup() else 1]))
                elif stops and stops[-1] >= 0 and activity.idx >= self._first_reloading:  # else of a trip without customers
                    stops.append(-1 - self.reloading[activity.idx - self._first_reloading])
            if stops and stops[-1] < 0:
                stops.pop()
            made.append(named(self.instance, NumberedRoute(route.vehicle_type(), np.array(stops, dtype=np.int64))))
        return VRPSolution(made)

    def start(self, data: ProblemData, initial: Any) -> Any:
        """Return the library's form of a start, or ``None`` without one."""
        from pyvrp import Activity, ActivityType
        from pyvrp import Route as LibraryRoute
        from pyvrp import Solution as Library

        if not isinstance(initial, VRPSolution):
            return None
        index = {int(c): Activity(ActivityType.CLIENT, k) for k, c in enumerate(self.clients)}
        for number, (a, b) in enumerate(self.instance.shipments.tolist()):
            index[a], index[b] = Activity(ActivityType.PICKUP, number), Activity(ActivityType.DELIVERY, number)
        for number, depot in enumerate(self.reloading, self._first_reloading):
            index[-1 - depot] = Activity(ActivityType.DEPOT, number)
        return Library(
            data,
            [
                LibraryRoute(data, [index[c] for c in route.stops.tolist()], route.kind)
                for route in numbered(self.instance, initial)
            ],
        )


def _refuse(instance: VRPInstance) -> None:
    """Raise `FitError` where the library has no field for what the instance asks."""
    if instance.prefixes:
        raise FitError("PyVRP has no fixed prefixes of routes, and the instance has some.")
    for vehicle in instance.vehicles:
        if vehicle.waiting_cost:
            raise FitError(f"PyVRP has no cost of waiting, and vehicle {vehicle.name!r} has {vehicle.waiting_cost:g}.")
    for c in np.flatnonzero(instance.change_costs.any(axis=0))[:1]:
        raise FitError(f"PyVRP has no price of a change of vehicle, and {instance.customers[c]!r} has one.")
    counts = np.diff(instance.window_starts)
    if (counts > 1).any():
        name = instance.customers[int(np.argmax(counts))]
        raise FitError(f"PyVRP supports one time window a customer, and {name!r} has {counts.max()}.")
    ends = instance.shipments.ravel()
    for what, wrong in (
        ("a release time", instance.release[ends] > 0),
        ("an alternative", instance.group_of[ends] >= 0),
        ("a load of its own", instance.delivery[ends].any(axis=1) | instance.pickup[ends].any(axis=1)),
    ):
        if wrong.any():
            name = instance.customers[ends[np.argmax(wrong)]]
            raise FitError(f"PyVRP's shipments cannot have {what}, as that of {name!r} has.")
    if instance.linehauls_first and (instance.delivery.any(axis=1) & instance.pickup.any(axis=1)).any():
        raise FitError("PyVRP cannot put deliveries before pickups where a customer has both.")


def _units(matrix: Array, scale: float, rounded: Any, forbidden: Array) -> Array:
    """Return a matrix in the library's units, forbidden ways very long, the diagonal zero."""
    units = np.full(matrix.shape, _NO_WAY, dtype=np.int64)
    units[~forbidden] = rounded(scale * matrix[~forbidden]).astype(np.int64)
    np.fill_diagonal(units, 0)
    return units
