"""Random instances: plain ones, with time windows, several depots, mixed fleets, pickups, shipments, prizes and reloads.

References
----------
Solomon (1987), doi:10.1287/opre.35.2.254, section 3, for `windows`: centres of the windows lie where a vehicle can be, and
their widths are drawn around a mean share of the horizon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, OptionError, suggestion

SIDE = 100.0
"""Places lie on a square of this side, in whole numbers."""
HORIZON = 240.0
"""The depot is open from 0 to here where there are windows."""
SERVICE = 10.0
"""Service time where there are windows."""


def draw(variant: str, size: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return the arguments of `VRP.make` for a random instance of a variant."""
    if variant not in _DRAWN:
        raise OptionError(f"variant {variant!r} is unknown.{suggestion(variant, _DRAWN)}")
    if size < 1:
        raise InstanceError(f"size {size} is below 1; a routing instance has at least one customer.")
    return _DRAWN[variant](size, rng)


def _places(size: int, rng: np.random.Generator, depots: int = 1) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return depots, the first in the middle, and customers with places and deliveries."""
    points = rng.integers(0, int(SIDE) + 1, size=(depots + size, 2)).astype(float)
    points[0] = SIDE / 2
    homes = [
        {"name": f"depot {k}" if depots > 1 else "depot", "x": x, "y": y} for k, (x, y) in enumerate(points[:depots], 1)
    ]
    demands = rng.integers(1, 10, size=size)
    customers = [
        {"name": f"c{k}", "x": x, "y": y, "delivery": float(demand)}
        for k, ((x, y), demand) in enumerate(zip(points[depots:], demands, strict=True), 1)
    ]
    return homes, customers


def _capacity(size: int) -> float:
    """Return a capacity of about ten customers of mean demand 5, at least the largest demand 9."""
    return float(max(9, min(50, 3 * size)))


def _plain(size: int, rng: np.random.Generator) -> dict[str, Any]:
    depots, customers = _places(size, rng)
    return {"depots": depots, "customers": customers, "vehicles": [{"capacity": _capacity(size)}]}


def _add_windows(depots: list[dict[str, Any]], customers: list[dict[str, Any]], rng: np.random.Generator) -> None:
    """Give the depots a horizon, the customers service times and three quarters of them windows that can be met."""
    home = _point(depots[0])
    for depot in depots:
        depot["window"] = (0.0, HORIZON)
    for customer in customers:
        customer["service"] = SERVICE
        way = float(np.hypot(*(_point(customer) - home)))
        first, last = np.ceil(way), np.floor(HORIZON - way - SERVICE)
        if rng.random() < 0.75:
            centre = rng.uniform(first, last)
            half = max(5.0, rng.normal(HORIZON / 12, HORIZON / 40))
            first, last = max(first, np.floor(centre - half)), min(last, np.ceil(centre + half))
        customer["window"] = (float(first), float(last))


def _point(place: Mapping[str, Any]) -> Array:
    return np.array([place["x"], place["y"]])


def _windows(size: int, rng: np.random.Generator) -> dict[str, Any]:
    data = _plain(size, rng)
    _add_windows(data["depots"], data["customers"], rng)
    return data


def _depots(size: int, rng: np.random.Generator) -> dict[str, Any]:
    depots, customers = _places(size, rng, depots=int(rng.integers(2, 5)))
    limits = {"capacity": _capacity(size), "max_duration": 4 * SIDE}
    vehicles = [{"name": f"of {depot['name']}", "start": depot["name"], **limits} for depot in depots]
    return {"depots": depots, "customers": customers, "vehicles": vehicles}


def _fleet(size: int, rng: np.random.Generator) -> dict[str, Any]:
    depots, customers = _places(size, rng)
    large = _capacity(size)
    vehicles = [
        {"name": "bike", "number": 2, "capacity": 9.0, "fixed_cost": 5.0, "distance_cost": 0.5, "max_distance": 2.0 * SIDE},
        {"name": "van", "capacity": max(9.0, large / 2), "fixed_cost": 40.0},
        {"name": "truck", "capacity": large, "fixed_cost": 60.0, "distance_cost": 1.25},
    ]
    return {"depots": depots, "customers": customers, "vehicles": vehicles}


def _pickups(size: int, rng: np.random.Generator) -> dict[str, Any]:
    data = _plain(size, rng)
    for customer in data["customers"]:
        customer["pickup"] = float(rng.integers(0, 10))
        customer["delivery"] *= float(rng.random() < 0.7)
    return data


def _shipments(size: int, rng: np.random.Generator) -> dict[str, Any]:
    data = _windows(size, rng)
    pairs = size // 2
    data["shipments"] = []
    for number in range(pairs):
        pick, drop = data["customers"][2 * number], data["customers"][2 * number + 1]
        data["shipments"].append({"pickup": pick["name"], "delivery": drop["name"], "amount": pick["delivery"]})
        for end in (pick, drop):
            end["delivery"], end["service"] = 0.0, 2.0
        home, middle = _point(data["depots"][0]), float(np.hypot(*(_point(pick) - _point(drop))))
        if sum(float(np.hypot(*(_point(end) - home))) for end in (pick, drop)) + middle + 5.0 > HORIZON:
            drop["x"], drop["y"], drop["window"], middle = pick["x"], pick["y"], (0.0, 0.0), 0.0  # too far to be brought
        way, back = (float(np.hypot(*(_point(end) - home))) for end in (pick, drop))
        latest = np.floor(HORIZON - back - 2.0)
        drop["window"] = (drop["window"][0], max(drop["window"][1], min(latest, np.ceil(way + 2.0 + middle + 20.0))))
        pick["window"] = (0.0, max(np.ceil(way), min(pick["window"][1], np.floor(drop["window"][1] - middle - 2.0))))
    return data


def _prizes(size: int, rng: np.random.Generator) -> dict[str, Any]:
    data = _windows(size, rng)
    for customer in data["customers"]:
        if rng.random() < 0.6:
            customer["prize"] = float(rng.integers(1, 60))
    return data


def _reloads(size: int, rng: np.random.Generator) -> dict[str, Any]:
    depots, customers = _places(size, rng, depots=2)
    for depot in depots:
        depot["reload_time"] = SERVICE
    capacity = _capacity(size)
    loads = sum(customer["delivery"] for customer in customers)
    number, homes = int(np.ceil(loads / capacity / 3)), [depot["name"] for depot in depots]
    vehicle = {"number": number, "capacity": capacity, "duration_cost": 0.1, "reload_depots": homes}
    return {"depots": depots, "customers": customers, "vehicles": [vehicle]}


_DRAWN: Mapping[str, Callable[[int, np.random.Generator], dict[str, Any]]] = {
    "plain": _plain,
    "windows": _windows,
    "depots": _depots,
    "fleet": _fleet,
    "pickups": _pickups,
    "shipments": _shipments,
    "prizes": _prizes,
    "reloads": _reloads,
}
VARIANTS = tuple(_DRAWN)
"""Names of the variants, the first one being the default."""
