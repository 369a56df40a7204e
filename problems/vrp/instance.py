"""The data of a rich vehicle routing problem."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.problem import Instance
from redwood.problems.vrp.roads import Roads
from redwood.problems.vrp.times import TimeUnit, moment

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
    reload_depots, max_reloads
        Depots, as numbers, at which it may empty and load anew in the middle of a route, and how often at most, ``None`` for
        any number.
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
    reload_depots: tuple[int, ...] = ()
    max_reloads: int | None = None

    @property
    def distance_slack(self) -> float:
        """By how much a route may exceed the greatest distance."""
        return SLACK * self.max_distance if math.isfinite(self.max_distance) else 0.0

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
    depot_windows, reload_time
        When each depot is open [D, 2], and how long a reload takes there [D]; it has to begin while the depot is open.
    delivery, pickup
        What a vehicle brings to each customer from its depot and takes from it to the end of the route [N, M].
    service
        How long each customer is served [N].
    windows, window_starts
        Times [W, 2] in which service may begin, sorted for each customer; those of customer c are
        ``windows[window_starts[c]:window_starts[c + 1]]``.
    release
        The time [N] before which no vehicle that serves the customer may leave the depot where it loads for that.
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
    time_unit
        What a time of 1 is, a `redwood.problems.vrp.times.TimeUnit`: how times are told to people.
    """

    problem: ClassVar[str] = "vrp"
    roads: Roads
    depots: tuple[str, ...]
    customers: tuple[str, ...]
    depot_windows: Array
    reload_time: Array
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
    time_unit: str = field(default=TimeUnit.NONE, metadata={"label": True})

    def told(self, time: float) -> str:
        """Return a time as people read it, to the second."""
        return moment(self.time_unit, time, precise=True)

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
        times = [self.windows.ravel(), self.depot_windows.ravel(), self.service, self.release, self.reload_time]
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
        return 0.0 if self.objective == "cost" else 10.0 ** math.ceil(math.log10(max(1.0, self.most_cost)))

    @cached_property
    def most_cost(self) -> float:
        """An upper bound on the cost of any feasible solution: every customer reached and left by the longest leg."""
        legs = max(map(self._most_cost_alone, self.vehicles), default=0.0)
        return float(self.prize.sum()) + float(self.change_price.sum()) + self.size * legs

    def _most_cost_alone(self, vehicle: VehicleType) -> float:
        """Return an upper bound on what a route of this vehicle with one stop costs."""
        distance, time = self.roads.longest_leg(vehicle.profile)
        end = self.latest_end(vehicle)
        if not math.isfinite(end):
            finite = self.windows[np.isfinite(self.windows)]
            end = float(np.concatenate([finite, self.release]).max(initial=0.0))
        legs, reloading = self.size + 1, 0.0
        if vehicle.reload_depots:
            legs, reloading = 2 * self.size, self.size * float(self.reload_time.max())
            end = max(end, float(self.depot_windows[list(vehicle.reload_depots), 0].max()))
        hours = min(vehicle.max_duration, end + time * legs + float(self.service.sum()) + reloading)
        rate = vehicle.duration_cost + vehicle.waiting_cost
        return 2.0 * vehicle.distance_cost * distance + vehicle.fixed_cost + (rate * hours if rate else 0.0)

    def most_trips(self, vehicle: VehicleType) -> int:
        """Return how many trips a vehicle of a type can make at most: each serves somebody."""
        if not vehicle.reload_depots:
            return 1
        return self.size if vehicle.max_reloads is None else min(self.size, 1 + vehicle.max_reloads)

    def latest_start(self, vehicle: VehicleType) -> float:
        """Return the last time at which a route may start."""
        return min(vehicle.shift[1], float(self.depot_windows[vehicle.start, 1]))

    def latest_end(self, vehicle: VehicleType) -> float:
        """Return the last time at which a route may end."""
        closing = math.inf if vehicle.end is None else float(self.depot_windows[vehicle.end, 1])
        return min(vehicle.shift[1], closing)


def _largest(values: Array) -> float:
    finite = values[np.isfinite(values)]
    return float(np.abs(finite).max(initial=0.0))
