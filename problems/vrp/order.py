"""The same instance with customers numbered along a way through them: near customers then lie side by side in memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock, go_on
from redwood.problems.vrp.instance import VehicleType, VRPInstance
from redwood.problems.vrp.roads import Roads

LOOK = 200
"""Customers that are placed on the way between two looks at a clock."""


def in_order(instance: VRPInstance, clock: Clock | None = None) -> VRPInstance:
    """Return the instance with its customers numbered along a way to the nearest one that is left; names stay.

    Raises
    ------
    OutOfTimeError
        Where the clock stops before.
    """
    return renumbered(instance, _nearest_way(instance, clock))


def renumbered(instance: VRPInstance, order: Array) -> VRPInstance:
    """Return the instance with its customers in the order [N] of their numbers now; solutions by name mean the same."""
    number = np.argsort(order)  # of each customer in the new order
    homes = len(instance.depots)
    places = np.concatenate([np.arange(homes), homes + order])
    counts = np.diff(instance.window_starts)[order]
    windows = [instance.windows_of(customer) for customer in order]
    return replace(
        instance,
        roads=at_places(instance.roads, places),
        customers=tuple(instance.customers[customer] for customer in order),
        windows=np.concatenate(windows),
        window_starts=np.concatenate([[0], np.cumsum(counts)]),
        **{
            name: getattr(instance, name)[order]
            for name in ("delivery", "pickup", "service", "release", "prize", "required", "planned", "change_price")
        },
        groups=tuple(tuple(number[list(group)].tolist()) for group in instance.groups),
        skills=tuple(instance.skills[customer] for customer in order) if instance.skills else (),
        prefixes=tuple((kind, tuple(number[list(begun)].tolist())) for kind, begun in instance.prefixes),
        shipments=number[instance.shipments],
        vehicles=tuple(_allowed(vehicle, number) for vehicle in instance.vehicles),
    )


def _nearest_way(instance: VRPInstance, clock: Clock | None) -> Array:
    """Return all customers [N], each followed by the nearest one that is left."""
    roads, homes, profile = instance.roads, len(instance.depots), instance.vehicles[0].profile
    left, order = np.arange(1, instance.size), [0]
    for step in range(1, instance.size):
        if step % LOOK == 0:
            go_on(clock)
        ways = roads.distance(profile, np.array([homes + order[-1]]), homes + left)
        at = int(np.argmin(ways))
        order.append(int(left[at]))
        left[at] = left[-1]
        left = left[:-1]
    return np.array(order, dtype=np.int64)


def at_places(roads: Roads, places: Array) -> Roads:
    """Return the distances and durations of some places [P] in an order, which may come more than once."""
    return replace(
        roads,
        coords=None if roads.coords is None else roads.coords[places],
        distances=None if roads.distances is None else _square(roads.distances, places),
        durations=None if roads.durations is None else _square(roads.durations, places),
    )


def _square(matrices: Array, places: Array) -> Array:
    return np.ascontiguousarray(matrices[:, places[:, None], places[None]])


def _allowed(vehicle: VehicleType, number: Array) -> VehicleType:
    if vehicle.allowed is None:
        return vehicle
    return replace(vehicle, allowed=tuple(sorted(number[list(vehicle.allowed)].tolist())))
