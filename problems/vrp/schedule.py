"""When a vehicle is where: the schedule of a route that waits least, and what it carries."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from redwood.arrays import Array
from redwood.problems.vrp.instance import VehicleType, VRPInstance


@dataclass(frozen=True)
class Schedule:
    """Times of a route.

    Attributes
    ----------
    start, end
        When the vehicle leaves its depot, and when it is back (or its last customer is served, on an open route).
    arrivals, begins
        Arrival and beginning of service at each customer.
    late
        Positions of customers whose last window is missed, and by how much.
    """

    start: float
    end: float
    arrivals: tuple[float, ...]
    begins: tuple[float, ...]
    late: tuple[tuple[int, float], ...] = ()

    @property
    def duration(self) -> float:
        """Time from the start to the end."""
        return self.end - self.start


def places_of(instance: VRPInstance, vehicle: VehicleType, customers: Array) -> Array:
    """Return the places on a route, depots included where it has them."""
    inner = len(instance.depots) + np.asarray(customers, dtype=np.int64)
    end = [] if vehicle.end is None else [vehicle.end]
    return np.concatenate([[vehicle.start], inner, end]).astype(np.int64)


def route_distance(instance: VRPInstance, vehicle: VehicleType, customers: Array) -> float:
    """Return the length of a route."""
    stops = places_of(instance, vehicle, customers)
    return float(instance.roads.distance(vehicle.profile, stops[:-1], stops[1:]).sum())


def busy_time(instance: VRPInstance, vehicle: VehicleType, customers: Array) -> float:
    """Return for how long a vehicle drives and serves on a route."""
    stops = places_of(instance, vehicle, customers)
    return float(instance.roads.duration(vehicle.profile, stops[:-1], stops[1:]).sum() + instance.service[customers].sum())


def earliest_start(instance: VRPInstance, vehicle: VehicleType, customers: Array) -> float:
    """Return the first time at which the vehicle may leave: shift, depot, and the release of all that it brings."""
    opening = float(instance.depot_windows[vehicle.start, 0])
    return max(vehicle.shift[0], opening, float(instance.release[customers].max(initial=0.0)))


def schedule(instance: VRPInstance, vehicle: VehicleType, customers: Array) -> Schedule:
    """Return the shortest schedule that is least late and, among equals, starts first.

    The end of a route as a function of its start rises with slope 0 or 1 and jumps where a window is missed, so the
    shortest duration lies at the first start, where all waiting just vanishes, or where a window is just met.
    """
    customers = np.asarray(customers, dtype=np.int64)
    stops = places_of(instance, vehicle, customers)
    travel = instance.roads.duration(vehicle.profile, stops[:-1], stops[1:]).tolist()
    first = earliest_start(instance, vehicle, customers)
    best = _forward(instance, vehicle, customers, travel, first)
    reach = 0.0
    starts: set[float] = set()
    for position, customer in enumerate(customers.tolist()):
        reach += travel[position]
        starts.update(float(end) - reach for end in instance.windows_of(customer).ravel() if math.isfinite(end))
        reach += float(instance.service[customer])
    if vehicle.end is not None:
        starts.add(float(instance.depot_windows[vehicle.end, 0]) - reach - travel[-1])
    last = float(instance.depot_windows[vehicle.start, 1])
    tried = sorted(start for start in starts if first < start <= last)
    if best.duration <= reach + (0.0 if vehicle.end is None else travel[-1]) + instance.time_slack:
        return best  # nobody waits
    lateness = _lateness(instance, vehicle, best)
    for start in tried:
        found = _forward(instance, vehicle, customers, travel, start)
        on_time = _lateness(instance, vehicle, found) <= lateness + instance.time_slack
        if on_time and found.duration < best.duration - instance.time_slack:
            best = found
    return best


def _lateness(instance: VRPInstance, vehicle: VehicleType, found: Schedule) -> float:
    """Return by how much a schedule misses windows and the end of the shift, in total."""
    return sum(delay for _, delay in found.late) + max(0.0, found.end - instance.latest_end(vehicle))


def _forward(instance: VRPInstance, vehicle: VehicleType, customers: Array, travel: list[float], start: float) -> Schedule:
    """Return the schedule of a vehicle that leaves at ``start`` and never waits longer than it must."""
    time, slack = start, instance.time_slack
    arrivals, begins, late = [], [], []
    for position, customer in enumerate(customers.tolist()):
        arrival = time + travel[position]
        begin, missed = arrival, 0.0
        for opening, closing in instance.windows_of(customer).tolist():
            missed = arrival - closing
            if missed <= slack:
                begin = max(arrival, opening)
                break
        if missed > slack:
            late.append((position, missed))
        arrivals.append(arrival)
        begins.append(begin)
        time = begin + float(instance.service[customer])
    if vehicle.end is not None and len(customers):
        time = max(time + travel[-1], float(instance.depot_windows[vehicle.end, 0]))
    return Schedule(start, time, tuple(arrivals), tuple(begins), tuple(late))


def loads_on(instance: VRPInstance, customers: Array) -> Array:
    """Return the load [stops + 1, M] at the start and after each customer."""
    customers = np.asarray(customers, dtype=np.int64)
    change = instance.pickup[customers] - instance.delivery[customers] + instance.shipped[customers]
    start = instance.delivery[customers].sum(axis=0)
    return np.concatenate([start[None], start[None] + np.cumsum(change, axis=0)])
