"""An instance in units that suit a program: HiGHS's tolerances are absolute, about 1e-7."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.problems.vrp.instance import VehicleType, VRPInstance
from redwood.problems.vrp.roads import Metric, Rounding
from redwood.tolerance import UNIT, unit_scale

LEAST, MOST = 1.0, 1e5
"""Lengths, times and loads whose largest is within these are left as they are."""
CHEAP, DEAR = 1.0, 1e9
"""So are costs where the most that routes can cost is within these."""
VISITS = ("service", "release", "reload_time")
"""What visits take and wait for."""
USUAL = 2.0**10
"""What others' largest is brought near to."""


def in_program_units(instance: VRPInstance) -> tuple[VRPInstance, float]:
    """Return an instance of the same routes with lengths, times, loads and costs not far from 1, and the factor of costs.

    All factors are powers of two, so that nothing is lost. Costs stay where fewer vehicles go before them.
    """
    nodes = np.arange(instance.roads.size)
    profiles = range(len(instance.roads.profiles))
    distances = np.stack([instance.roads.distance(f, nodes[:, None], nodes[None]) for f in profiles])
    durations = np.stack([instance.roads.duration(f, nodes[:, None], nodes[None]) for f in profiles])
    length = _factor(distances, [vehicle.max_distance for vehicle in instance.vehicles])
    limits = [value for vehicle in instance.vehicles for value in (*vehicle.shift, vehicle.max_duration)]
    visits = [getattr(instance, name) for name in VISITS]
    time = _factor(durations, limits, instance.windows, instance.depot_windows, *visits)
    capacities = [value for vehicle in instance.vehicles for value in vehicle.capacity]
    load = _factor(capacities, instance.delivery, instance.pickup, instance.amounts)
    money = unit_scale(instance.most_cost, CHEAP, DEAR) if instance.objective == "cost" else 1.0
    if length == time == load == money == 1.0:
        return instance, 1.0
    roads = replace(
        instance.roads,
        metric=Metric.MATRIX,
        rounding=Rounding.NONE,
        distances=length * distances,
        durations=time * durations,
    )
    scaled = replace(
        instance,
        roads=roads,
        vehicles=tuple(_vehicle(vehicle, length, time, load, money) for vehicle in instance.vehicles),
        **{name: time * getattr(instance, name) for name in ("windows", "depot_windows", *VISITS)},
        **{name: load * getattr(instance, name) for name in ("delivery", "pickup", "amounts")},
        **{name: money * getattr(instance, name) for name in ("prize", "change_price")},
    )
    return scaled, money


def _factor(*values: Any) -> float:
    """Return the power of two that brings the largest finite one of some numbers near to `USUAL`."""
    every: Array = np.concatenate([np.ravel(np.asarray(one, dtype=np.float64)) for one in values])
    scale = unit_scale(float(np.abs(every[np.isfinite(every)]).max(initial=0.0)), LEAST, MOST)
    return scale if scale == 1.0 else scale * USUAL / UNIT


def _vehicle(vehicle: VehicleType, length: float, time: float, load: float, money: float) -> VehicleType:
    """Return a type of vehicle with each field times the factor of its unit."""
    return replace(
        vehicle,
        capacity=tuple(load * one for one in vehicle.capacity),
        shift=(time * vehicle.shift[0], time * vehicle.shift[1]),
        max_duration=time * vehicle.max_duration,
        max_distance=length * vehicle.max_distance,
        fixed_cost=money * vehicle.fixed_cost,
        distance_cost=money * vehicle.distance_cost / length,
        duration_cost=money * vehicle.duration_cost / time,
        waiting_cost=money * vehicle.waiting_cost / time,
    )
