"""When a vehicle is where: the schedule of a route that waits least, and what it carries.

Stops of a route are numbers: a customer's own, or for a reload -1 less the depot's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

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
        Arrival and beginning of service at each stop, reloads among them.
    late
        Positions of stops whose last window is missed, and by how much.
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


def trips_of(stops: Array) -> list[Array]:
    """Return the customers of each trip: reloads divide the stops of a route."""
    reloads = np.flatnonzero(stops < 0)
    return [trip[trip >= 0] for trip in np.split(stops, reloads)]


def places_of(instance: VRPInstance, vehicle: VehicleType, stops: Array) -> Array:
    """Return the places on a route, depots included where it has them."""
    inner = np.asarray(stops, dtype=np.int64)
    inner = np.where(inner >= 0, len(instance.depots) + inner, -1 - inner)
    end = [] if vehicle.end is None else [vehicle.end]
    return np.concatenate([[vehicle.start], inner, end]).astype(np.int64)


def route_distance(instance: VRPInstance, vehicle: VehicleType, stops: Array) -> float:
    """Return the length of a route."""
    places = places_of(instance, vehicle, stops)
    return float(instance.roads.distance(vehicle.profile, places[:-1], places[1:]).sum())


def busy_time(instance: VRPInstance, vehicle: VehicleType, stops: Array) -> float:
    """Return for how long a vehicle drives, serves and reloads on a route."""
    places = places_of(instance, vehicle, stops)
    driving = float(instance.roads.duration(vehicle.profile, places[:-1], places[1:]).sum())
    return driving + float(instance.service[stops[stops >= 0]].sum() + instance.reload_time[-1 - stops[stops < 0]].sum())


def earliest_start(instance: VRPInstance, vehicle: VehicleType, stops: Array) -> float:
    """Return the first time at which the vehicle may leave: shift, depot, and the release of all that it brings first."""
    opening = float(instance.depot_windows[vehicle.start, 0])
    first = trips_of(stops)[0]
    return max(vehicle.shift[0], opening, float(instance.release[first].max(initial=0.0)))


class _Visit(NamedTuple):
    """The windows of a stop, how long it takes, and before when the vehicle does not leave it."""

    windows: list[list[float]]
    duration: float
    leaves: float


def _visits(instance: VRPInstance, stops: Array) -> list[_Visit]:
    """Return what the stops of a route take; a vehicle leaves a reload once all that it loads is released."""
    visits = []
    loaded = iter(trips_of(stops)[1:])
    for stop in stops.tolist():
        if stop >= 0:
            visits.append(_Visit(instance.windows_of(stop).tolist(), float(instance.service[stop]), -math.inf))
        else:
            window, time = instance.depot_windows[-1 - stop].tolist(), float(instance.reload_time[-1 - stop])
            visits.append(_Visit([window], time, float(instance.release[next(loaded)].max(initial=-math.inf))))
    return visits


def schedule(instance: VRPInstance, vehicle: VehicleType, stops: Array) -> Schedule:
    """Return the shortest schedule that is least late and, among equals, starts first.

    The end of a route as a function of its start rises with slope 0 or 1 and jumps where a window is missed, so the
    shortest duration lies at the first start, where all waiting just vanishes, or where a window is just met.
    """
    stops = np.asarray(stops, dtype=np.int64)
    places, visits = places_of(instance, vehicle, stops), _visits(instance, stops)
    travel = instance.roads.duration(vehicle.profile, places[:-1], places[1:]).tolist()
    first = earliest_start(instance, vehicle, stops)
    best = _forward(instance, vehicle, visits, travel, first)
    reach = 0.0
    starts: set[float] = set()
    for position, visit in enumerate(visits):
        reach += travel[position]
        starts.update(end - reach for window in visit.windows for end in window if math.isfinite(end))
        reach += visit.duration
        if math.isfinite(visit.leaves):
            starts.add(visit.leaves - reach)
    if vehicle.end is not None:
        starts.add(float(instance.depot_windows[vehicle.end, 0]) - reach - travel[-1])
    last = float(instance.depot_windows[vehicle.start, 1])
    tried = sorted(start for start in starts if first < start <= last)
    if best.duration <= reach + (0.0 if vehicle.end is None else travel[-1]) + instance.time_slack:
        return best  # nobody waits
    lateness = _lateness(instance, vehicle, best)
    for start in tried:
        found = _forward(instance, vehicle, visits, travel, start)
        on_time = _lateness(instance, vehicle, found) <= lateness + instance.time_slack
        if on_time and found.duration < best.duration - instance.time_slack:
            best = found
    return best


def _lateness(instance: VRPInstance, vehicle: VehicleType, found: Schedule) -> float:
    """Return by how much a schedule misses windows and the end of the shift, in total."""
    return sum(delay for _, delay in found.late) + max(0.0, found.end - instance.latest_end(vehicle))


def _forward(
    instance: VRPInstance, vehicle: VehicleType, visits: list[_Visit], travel: list[float], start: float
) -> Schedule:
    """Return the schedule of a vehicle that leaves at ``start`` and never waits longer than it must.

    Parameters
    ----------
    instance, vehicle
        The instance and the type of the vehicle.
    visits, travel
        What the stops take, and the time of the ways between them.
    start
        When the vehicle leaves its depot.
    """
    time, slack = start, instance.time_slack
    arrivals, begins, late = [], [], []
    for position, visit in enumerate(visits):
        arrival = time + travel[position]
        begin, missed = arrival, 0.0
        for opening, closing in visit.windows:
            missed = arrival - closing
            if missed <= slack:
                begin = max(arrival, opening)
                break
        if missed > slack:
            late.append((position, missed))
        arrivals.append(arrival)
        begins.append(begin)
        time = max(begin + visit.duration, visit.leaves)
    if vehicle.end is not None and visits:
        time = max(time + travel[-1], float(instance.depot_windows[vehicle.end, 0]))
    return Schedule(start, time, tuple(arrivals), tuple(begins), tuple(late))


def loads_on(instance: VRPInstance, stops: Array) -> Array:
    """Return the load [stops + 1, M] at the start and after each stop; after a reload the deliveries of the next trip."""
    return np.concatenate([_trip_loads(instance, trip) for trip in trips_of(np.asarray(stops, dtype=np.int64))])


def _trip_loads(instance: VRPInstance, customers: Array) -> Array:
    change = instance.pickup[customers] - instance.delivery[customers] + instance.shipped[customers]
    start = instance.delivery[customers].sum(axis=0)
    return np.concatenate([start[None], start[None] + np.cumsum(change, axis=0)])
