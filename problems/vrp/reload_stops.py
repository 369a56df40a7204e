"""Reloads as stops of their own, for kernels that know stops: customers at the places of depots who need no service."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.problems.vrp.instance import VehicleType, VRPInstance
from redwood.problems.vrp.order import at_places

SPARE = 3.0
"""So many times the reloads that loads ask for are kept ready."""


def with_reload_stops(instance: VRPInstance) -> tuple[VRPInstance, Array]:
    """Return the instance with a stop for each reload that routes may need behind its customers, and their depots.

    These stops have the depot's window and take the time of a reload. Without vehicles that reload nothing is changed.
    """
    depots = _ready(instance)
    if not len(depots):
        return instance, depots
    size, count = instance.size, len(depots)
    places = np.concatenate([np.arange(instance.roads.size), depots])
    none = np.zeros(count)
    fields: dict[str, Any] = {
        name: np.concatenate([getattr(instance, name), none]) for name in ("release", "prize", "change_price")
    }
    loads = np.zeros((count, instance.dimensions))
    extended = replace(
        instance,
        roads=at_places(instance.roads, places),
        customers=(*instance.customers, *[""] * count),
        delivery=np.concatenate([instance.delivery, loads]),
        pickup=np.concatenate([instance.pickup, loads]),
        service=np.concatenate([instance.service, instance.reload_time[depots]]),
        windows=np.concatenate([instance.windows, instance.depot_windows[depots]]),
        window_starts=np.concatenate([instance.window_starts, instance.window_starts[-1] + 1 + np.arange(count)]),
        required=np.concatenate([instance.required, np.zeros(count, dtype=np.bool_)]),
        planned=np.concatenate([instance.planned, np.full(count, -1)]),
        skills=(*instance.skills, *[()] * count) if instance.skills else (),
        vehicles=tuple(_allowed(vehicle, size, depots) for vehicle in instance.vehicles),
        **fields,
    )
    return extended, depots


def _ready(instance: VRPInstance) -> Array:
    """Return the depot of each reload that is kept ready: about as many as routes may need."""
    size, types = instance.size, instance.vehicles
    used = sorted({depot for vehicle in types for depot in vehicle.reload_depots})
    counts = [min(_most(instance, depot), size // len(used) + 8) for depot in used]
    return np.repeat(np.array(used, dtype=np.int64), counts)


def _most(instance: VRPInstance, depot: int) -> int:
    """Return how many reloads at a depot all routes together may need."""
    size = instance.size
    types = [vehicle for vehicle in instance.vehicles if depot in vehicle.reload_depots and vehicle.number != 0]
    fleet = sum((math.inf if v.number is None else v.number) * (instance.most_trips(v) - 1) for v in types)
    most = min(size - 1, fleet)
    if instance.linehauls_first or instance.release.any() or not types:
        return int(most)  # not for the sake of loads alone
    smallest = np.array([vehicle.capacity for vehicle in types]).min(axis=0)
    loads = np.stack([instance.delivery.sum(axis=0), instance.pickup.sum(axis=0), instance.amounts.sum(axis=0)]).max(axis=0)
    needed = float(np.max(np.divide(loads, smallest, out=np.zeros_like(loads), where=smallest > 0.0)))
    return int(min(most, math.ceil(SPARE * needed) + 2))


def _allowed(vehicle: VehicleType, size: int, depots: Array) -> VehicleType:
    """Return a type that may serve the customers of before, and stop for reloads at its depots."""
    customers = range(size) if vehicle.allowed is None else vehicle.allowed
    reloads = size + np.flatnonzero(np.isin(depots, vehicle.reload_depots))
    return replace(vehicle, allowed=(*customers, *reloads.tolist()))
