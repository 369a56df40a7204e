"""The data of a rich vehicle routing problem, and its answers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from redwood.arrays import Array
from redwood.errors import MissingDependencyError, SolutionError, suggestion
from redwood.problem import Instance, Solution
from redwood.problems.vrp.roads import Roads

SLACK = 1e-9
"""Share of the largest number of its kind by which a time, load or length may exceed its limit: what floats can lose."""
OBJECTIVES = ("cost", "fewest-vehicles")


@dataclass(frozen=True, kw_only=True)
class VehicleType:
    """Vehicles that are alike.

    Attributes
    ----------
    name
        How solutions call the type.
    number
        How many there are, or ``None`` for any number.
    capacity
        The most of each load [M]; infinite where nothing is said.
    fixed_cost
        What a vehicle costs that leaves its depot.
    distance_cost, duration_cost
        What a unit of distance costs, and a unit of time between leaving the depot and the end of the route.
    waiting_cost
        What a unit of that time costs besides in which the vehicle neither drives nor serves.
    shift
        Earliest start and latest end of a route.
    max_duration, max_distance
        The longest route in time and in distance.
    start, end
        Depots as numbers; ``end`` is ``None`` for routes that end at their last customer.
    skills
        What customers may ask for.
    profile
        Number of the profile whose distances and durations hold.
    allowed
        The only customers, as numbers from 0, that it may serve, or ``None`` for all.
    """

    name: str = "vehicle"
    number: int | None = None
    capacity: tuple[float, ...] = ()
    fixed_cost: float = 0.0
    distance_cost: float = 1.0
    duration_cost: float = 0.0
    waiting_cost: float = 0.0
    shift: tuple[float, float] = (0.0, math.inf)
    max_duration: float = math.inf
    max_distance: float = math.inf
    start: int = 0
    end: int | None = 0
    skills: tuple[str, ...] = ()
    profile: int = 0
    allowed: tuple[int, ...] | None = None

    @property
    def counts_time(self) -> bool:
        """Whether the duration of a route is limited or costs."""
        return self.duration_cost > 0 or self.waiting_cost > 0 or math.isfinite(self.max_duration)


@dataclass(frozen=True, eq=False, kw_only=True)
class VRPInstance(Instance):
    """Depots, customers and a fleet. Places are numbered: the D depots first, then the N customers.

    Attributes
    ----------
    roads
        Distances and durations of the D + N places.
    depots, customers
        Names of the places, all different.
    depot_windows
        When each depot is open [D, 2].
    delivery, pickup
        What a vehicle brings to each customer from its depot and takes from it to the end of the route [N, M].
    service
        How long each customer is served [N].
    windows, window_starts
        Times [W, 2] in which service may begin, sorted for each customer; those of customer c are
        ``windows[window_starts[c]:window_starts[c + 1]]``.
    release
        The time [N] before which no vehicle that serves the customer may leave its depot.
    prize
        What leaving the customer out costs [N].
    required
        Whether the customer must be served [N].
    groups, group_required
        Alternatives: at most one customer (exactly one, where required) of each group is served; numbers from 0.
    skills
        What each customer asks of its vehicle.
    planned, change_price
        The type of vehicle that was to serve each customer [N], -1 for none, and what serving it by another type costs [N].
    prefixes
        Beginnings of routes that are fixed, each a type of vehicle and customers; these must be served.
    shipments, amounts
        Pairs of customers [S, 2]: what [S, M] is picked up at the first goes to the second, later on the same route.
    vehicles
        The types of vehicles.
    linehauls_first
        Whether on each route all deliveries come before the first pickup, and every route has a delivery.
    objective
        ``"cost"``, or ``"fewest-vehicles"``: each vehicle then costs `vehicle_price` beyond its cost.
    """

    problem: ClassVar[str] = "vrp"
    roads: Roads
    depots: tuple[str, ...]
    customers: tuple[str, ...]
    depot_windows: Array
    delivery: Array
    pickup: Array
    service: Array
    windows: Array
    window_starts: Array
    release: Array
    prize: Array
    required: Array
    groups: tuple[tuple[int, ...], ...] = ()
    group_required: tuple[bool, ...] = ()
    skills: tuple[tuple[str, ...], ...] = ()
    planned: Array
    change_price: Array
    prefixes: tuple[tuple[int, tuple[int, ...]], ...] = ()
    shipments: Array = field(default_factory=lambda: np.empty((0, 2), np.int64))
    amounts: Array = field(default_factory=lambda: np.empty((0, 1)))
    vehicles: tuple[VehicleType, ...] = ()
    linehauls_first: bool = False
    objective: str = "cost"

    @property
    def size(self) -> int:
        """Number of customers."""
        return len(self.customers)

    @property
    def dimensions(self) -> int:
        """Number M of loads."""
        return int(self.delivery.shape[1])

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Number of each customer by its name."""
        return {name: number for number, name in enumerate(self.customers)}

    @cached_property
    def type_numbers(self) -> dict[str, int]:
        """Number of each type of vehicle by its name."""
        return {vehicle.name: number for number, vehicle in enumerate(self.vehicles)}

    @cached_property
    def group_of(self) -> Array:
        """Number of the group that each customer is in [N], -1 for none."""
        found = np.full(self.size, -1, dtype=np.int64)
        for number, group in enumerate(self.groups):
            found[list(group)] = number
        return found

    @cached_property
    def partner(self) -> Array:
        """The other end of each customer's shipment [N], -1 for none."""
        found = np.full(self.size, -1, dtype=np.int64)
        found[self.shipments[:, 0]] = self.shipments[:, 1]
        found[self.shipments[:, 1]] = self.shipments[:, 0]
        return found

    @cached_property
    def shipped(self) -> Array:
        """What each customer adds to the load by its shipment [N, M]: the amount, less it, or 0."""
        change = np.zeros_like(self.delivery, dtype=np.float64)
        change[self.shipments[:, 0]] = self.amounts
        change[self.shipments[:, 1]] = -self.amounts
        return change

    @cached_property
    def fixed(self) -> Array:
        """Whether each customer belongs to a prefix [N]."""
        found = np.zeros(self.size, dtype=np.bool_)
        for _, customers in self.prefixes:
            found[list(customers)] = True
        return found

    @cached_property
    def change_costs(self) -> Array:
        """What it costs that a type serves a customer which another type was to serve [K, N]."""
        kinds = np.arange(len(self.vehicles))[:, None]
        return np.where((self.planned >= 0) & (self.planned != kinds), self.change_price, 0.0)

    def windows_of(self, customer: int) -> Array:
        """Return the windows [W, 2] of a customer."""
        return np.asarray(self.windows[self.window_starts[customer] : self.window_starts[customer + 1]])

    @cached_property
    def may_serve(self) -> Array:
        """Whether each type has the skills for, and is allowed at, each customer [K, N]."""
        table = np.ones((len(self.vehicles), self.size), dtype=np.bool_)
        for k, vehicle in enumerate(self.vehicles):
            have = set(vehicle.skills)
            if self.skills:
                table[k] = [have.issuperset(asked) for asked in self.skills]
            if vehicle.allowed is not None:
                table[k] &= np.isin(np.arange(self.size), vehicle.allowed)
        return table

    @property
    def timed(self) -> bool:
        """Whether times matter: windows, release times, limits or costs of duration, or the ends of shifts and depots."""
        return (
            any(v.counts_time or math.isfinite(v.shift[1]) for v in self.vehicles)
            or bool(np.isfinite(self.windows[:, 1]).any())
            or bool((self.windows[:, 0] > 0).any() or (self.release > 0).any())
            or bool(np.isfinite(self.depot_windows[:, 1]).any())
        )

    @cached_property
    def time_slack(self) -> float:
        """How late counts as on time."""
        times = [self.windows.ravel(), self.depot_windows.ravel(), self.service, self.release]
        times.append(np.array([value for v in self.vehicles for value in (*v.shift, v.max_duration)]))
        return SLACK * _largest(np.concatenate(times))

    @cached_property
    def load_slack(self) -> float:
        """How much beyond the capacity counts as within it."""
        capacities = np.array([value for v in self.vehicles for value in v.capacity])
        return SLACK * _largest(np.concatenate([capacities, self.delivery.ravel(), self.pickup.ravel()]))

    @cached_property
    def slots(self) -> int:
        """An upper bound on the number of routes that a solution can need."""
        if any(vehicle.number is None for vehicle in self.vehicles):
            return self.size
        return min(self.size, sum(vehicle.number or 0 for vehicle in self.vehicles))

    @cached_property
    def vehicle_price(self) -> float:
        """What a vehicle costs beyond its cost: 0, or for ``"fewest-vehicles"`` a power of ten above any cost of routes."""
        return 0.0 if self.objective == "cost" else 10.0 ** math.ceil(math.log10(max(1.0, self._most_cost)))

    @property
    def _most_cost(self) -> float:
        """An upper bound on the cost of any feasible solution: every customer reached and left by the longest leg."""
        from redwood.problems.vrp.limits import most_cost

        return most_cost(self)


def _largest(values: Array) -> float:
    finite = values[np.isfinite(values)]
    return max(1.0, float(np.abs(finite).max(initial=0.0)))


@dataclass(frozen=True)
class Route:
    """What one vehicle does.

    Attributes
    ----------
    customers
        Names of its customers in the order of the visits.
    vehicle
        Name of its type; empty where there is only one type.
    start, end
        When it leaves its depot and when the route is over, or ``None`` where not said.
    arrivals
        When it arrives at each customer, or empty.
    loads
        What it carries when it leaves each customer, a list of M numbers each, or empty.
    """

    customers: list[str]
    vehicle: str = ""
    start: float | None = None
    end: float | None = None
    arrivals: list[float] = field(default_factory=list)
    loads: list[list[float]] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class VRPSolution(Solution):
    """The routes of the vehicles. Times and loads in them are told, not believed: prices and checks compute their own.

    Attributes
    ----------
    routes
        Each a `Route`, a mapping of its fields, or a list of customers' names (or numbers that are names). Empty
        routes are dropped.
    left_out
        Why each customer that is not served is left out, by name, where that was asked for.
    """

    routes: list[Route]
    left_out: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given: Any = self.routes
        if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
            raise SolutionError(f"routes are {str(given)[:40]!r}; expected a list of routes.")
        routes = [_route(one, number) for number, one in enumerate(given, 1)]
        object.__setattr__(self, "routes", [route for route in routes if route.customers])
        if not isinstance(self.left_out, Mapping):
            raise SolutionError(f"left_out is a {type(self.left_out).__name__}; expected reasons by customer.")
        object.__setattr__(self, "left_out", {str(name): str(why) for name, why in self.left_out.items()})

    def to_dict(self) -> dict[str, Any]:
        """Return routes as mappings, and the reasons, ready for JSON."""
        entries = [entry.name for entry in fields(Route)]
        return {
            "routes": [{name: getattr(route, name) for name in entries} for route in self.routes],
            "left_out": dict(self.left_out),
        }

    def to_frame(self) -> Any:
        """Return a pandas frame with one row a stop: route, position, vehicle, name, and arrival and load where told.

        Raises
        ------
        MissingDependencyError
            Where pandas is not installed.
        """
        from redwood.problems.vrp.maps import stops

        try:
            import pandas
        except ImportError as error:
            raise MissingDependencyError("to_frame needs pandas, which is not installed: pip install pandas.") from error
        return pandas.DataFrame(stops(self))

    def to_geojson(self, instance: VRPInstance) -> dict[str, Any]:
        """Return routes as lines and places as points, as `redwood.problems.vrp.maps.geojson` has them."""
        from redwood.problems.vrp.maps import geojson

        return geojson(instance, self)

    def to_html(self, instance: VRPInstance) -> str:
        """Return a page with a map and a table of stops, as `redwood.problems.vrp.maps.html_map` has them."""
        from redwood.problems.vrp.maps import html_map

        return html_map(instance, self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the solution that `to_dict` wrote."""
        known = ["routes", "left_out"]
        for key in data:
            if key not in known:
                raise SolutionError(f"VRPSolution has no field {key!r}.{suggestion(key, known)}")
        if "routes" not in data:
            raise SolutionError("the solution has no routes; give routes=.")
        return cls(data["routes"], data.get("left_out") or {})


def _route(given: Any, number: int) -> Route:
    """Return a route from what a user has."""
    if isinstance(given, Route):
        given = {entry.name: getattr(given, entry.name) for entry in fields(Route)}
    if not isinstance(given, Mapping):
        given = {"customers": given}
    known = [entry.name for entry in fields(Route)]
    for key in given:
        if key not in known:
            raise SolutionError(f"route {number} has no field {key!r}.{suggestion(str(key), known)}")
    customers = given.get("customers", [])
    if isinstance(customers, (str, bytes, Mapping)) or not isinstance(customers, Iterable):
        raise SolutionError(f"customers of route {number} are {str(customers)[:40]!r}; expected a list of names.")
    try:
        return Route(
            customers=[_name(name, number) for name in customers],
            vehicle=str(given.get("vehicle", "")),
            start=_time(given.get("start")),
            end=_time(given.get("end")),
            arrivals=[float(value) for value in given.get("arrivals", [])],
            loads=[[float(value) for value in row] for row in given.get("loads", [])],
        )
    except (TypeError, ValueError) as error:
        if isinstance(error, SolutionError):
            raise
        raise SolutionError(f"route {number}: {error}.") from error


def _name(given: Any, number: int) -> str:
    if isinstance(given, str):
        return given
    if isinstance(given, (int, np.integer)) and not isinstance(given, bool):
        return str(int(given))
    raise SolutionError(f"{given!r} on route {number} is neither a name nor a number of a customer.")


def _time(given: Any) -> float | None:
    return None if given is None else float(given)
