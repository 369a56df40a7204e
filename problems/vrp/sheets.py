"""What each driver needs: the stops of a route with times, loads and the depot at both ends."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.problems.vrp.checks import NumberedRoute, numbered
from redwood.problems.vrp.instance import VRPInstance
from redwood.problems.vrp.route_names import vehicle_names
from redwood.problems.vrp.routes import Routes
from redwood.problems.vrp.schedule import loads_on, schedule
from redwood.problems.vrp.times import TimeUnit, moment


def sheets(instance: VRPInstance, solution: Routes) -> list[list[dict[str, Any]]]:
    """Return for each route one mapping a stop, from leaving the depot to the way back.

    A mapping has route, vehicle (numbered where a type drives several routes), stop, name, open (its windows), arrival,
    begin (of the service), departure, delivery, pickup, load (on leaving). Times are told as the instance's unit says, and
    are numbers without one. Where loads are several, they are lists.
    """
    routes = numbered(instance, solution)
    named = zip(vehicle_names(instance, routes), routes, strict=True)
    return [
        [{"route": number, "vehicle": vehicle} | row for row in _stops(instance, route)]
        for number, (vehicle, route) in enumerate(named, 1)
    ]


def _stops(instance: VRPInstance, route: NumberedRoute) -> list[dict[str, Any]]:
    vehicle = instance.vehicles[route.kind]
    times, loads = schedule(instance, vehicle, route.stops), loads_on(instance, route.stops)
    brought = instance.delivery + np.maximum(-instance.shipped, 0.0)
    taken = instance.pickup + np.maximum(instance.shipped, 0.0)
    rows = [_row(instance, 0, instance.depots[vehicle.start], None, None, times.start, load=loads[0])]
    for position, stop in enumerate(route.stops.tolist()):
        begin = times.begins[position]
        if stop >= 0:
            name, takes, handled = instance.customers[stop], instance.service[stop], (brought[stop], taken[stop])
        else:
            name, takes, handled = instance.depots[-1 - stop], instance.reload_time[-1 - stop], (None, None)
        leaves = begin + float(takes)
        moved = {"delivery": handled[0], "pickup": handled[1], "load": loads[position + 1]}
        row = _row(instance, position + 1, name, times.arrivals[position], begin, leaves, **moved)
        rows.append(row | {"open": _open(instance, stop)})
    if vehicle.end is not None:
        rows.append(_row(instance, len(route.stops) + 1, instance.depots[vehicle.end], times.end, None, None))
    return rows


def _row(
    instance: VRPInstance,
    stop: int,
    name: str,
    arrival: float | None,
    begin: float | None,
    departure: float | None,
    delivery: Array | None = None,
    pickup: Array | None = None,
    load: Array | None = None,
) -> dict[str, Any]:
    times = {"arrival": arrival, "begin": begin, "departure": departure}
    amounts = {"delivery": delivery, "pickup": pickup, "load": load}
    return (
        {"stop": stop, "name": name, "open": ""}
        | {key: _time(instance, value) for key, value in times.items()}
        | {key: _amount(value) for key, value in amounts.items()}
    )


def _open(instance: VRPInstance, stop: int) -> str:
    """Return the windows of a stop as people read them, nothing where it is always open."""
    windows = instance.windows_of(stop) if stop >= 0 else instance.depot_windows[[-1 - stop]]
    told = [
        [moment(instance.time_unit, time) for time in window] for window in windows.tolist() if window != [0.0, math.inf]
    ]
    return ", ".join("-".join(window) for window in told)


def _time(instance: VRPInstance, value: float | None) -> Any:
    if instance.time_unit == TimeUnit.NONE:
        return value
    return "" if value is None else moment(instance.time_unit, value)


def _amount(loads: Array | None) -> Any:
    return None if loads is None else float(loads[0]) if len(loads) == 1 else loads.tolist()
