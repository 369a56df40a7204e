"""Instances as JSON: the fields of `VRP.make`, as the schema beside this file states them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import FormatError, suggestion
from redwood.files import parse_json
from redwood.problems.vrp.instance import VehicleType, VRPInstance
from redwood.problems.vrp.roads import Metric
from redwood.problems.vrp.times import TimeUnit

FIELDS = (
    *("problem", "name", "best_known", "depots", "customers", "vehicles", "distances", "durations", "metric"),
    *("rounding", "scale", "speed", "time_unit", "shipments", "groups", "prefixes", "linehauls_first", "objective"),
)


def parse(text: str, name: str) -> dict[str, Any]:
    """Return the arguments of `VRP.make` that a text holds."""
    data = parse_json(text, name)
    if not isinstance(data, dict):
        raise FormatError(f"{name}: is JSON of a {type(data).__name__}; expected an object.")
    if data.get("problem", "vrp") != "vrp":
        raise FormatError(f"{name}: holds an instance of {str(data['problem'])[:40]!r}, and 'vrp' is expected.")
    for key in data:
        if key not in FIELDS:
            raise FormatError(f"{name}: there is no field {key[:40]!r}.{suggestion(key, FIELDS)}")
    for key in ("depots", "customers"):
        if not isinstance(data.get(key), list):
            raise FormatError(f"{name}: {key} are missing or no list.")
    for key in ("vehicles", "shipments", "prefixes"):
        if not isinstance(data.get(key, []), list):
            raise FormatError(f"{name}: {key} are no list.")
    for key, kind in (("name", str), ("linehauls_first", bool), ("objective", str), ("groups", dict)):
        if key in data and not isinstance(data[key], kind):
            raise FormatError(f"{name}: {key} is {str(data[key])[:40]!r}, which is no {kind.__name__}.")
    known = data.get("best_known")
    if known is not None and (isinstance(known, bool) or not isinstance(known, (int, float)) or not math.isfinite(known)):
        raise FormatError(f"{name}: best_known is {str(known)[:40]!r}, which is no finite number.")
    for key in ("distances", "durations"):
        if key in data:
            data[key] = _no_way(data[key], math.inf, None)
    return {key: value for key, value in data.items() if key != "problem" and not (key == "name" and not value)}


def _no_way(matrix: Any, new: float | None, old: float | None) -> Any:
    """Return matrices with entries without a way, infinite here and null in JSON, exchanged."""
    if isinstance(matrix, dict):
        return {key: _no_way(one, new, old) for key, one in matrix.items()}
    if isinstance(matrix, list):
        return [_no_way(one, new, old) for one in matrix]
    return new if matrix == old else matrix


def format(instance: VRPInstance) -> str:
    """Return the JSON text of an instance, one customer a line; what has its default is left out."""
    data: dict[str, Any] = {"problem": "vrp", "name": instance.name, "best_known": instance.best_known}
    roads = instance.roads
    data["metric"] = str(roads.metric)
    if roads.metric is not Metric.MATRIX:
        data |= {"rounding": str(roads.rounding), "scale": roads.scale}
    data["speed"] = _by_profile(roads.profiles, roads.speeds)
    if roads.geographic or instance.time_unit != TimeUnit.NONE:
        data["time_unit"] = str(instance.time_unit)
    data["linehauls_first"], data["objective"] = instance.linehauls_first, instance.objective
    data["depots"] = [_depot(instance, number) for number in range(len(instance.depots))]
    data["vehicles"] = [_vehicle(instance, vehicle) for vehicle in instance.vehicles]
    data["customers"] = [_customer(instance, number) for number in range(instance.size)]
    data["groups"] = {f"group {number}": needed for number, needed in enumerate(instance.group_required, 1)}
    data["shipments"] = [
        {"pickup": instance.customers[pick], "delivery": instance.customers[drop], "amount": _loads(amount)}
        for (pick, drop), amount in zip(instance.shipments.tolist(), instance.amounts, strict=True)
    ]
    data["prefixes"] = [
        {"vehicle": instance.vehicles[kind].name, "customers": [instance.customers[c] for c in customers]}
        for kind, customers in instance.prefixes
    ]
    for key, matrices in (("distances", roads.distances), ("durations", roads.durations)):
        if matrices is not None:
            shared = matrices if len(matrices) == len(roads.profiles) else [matrices[0]] * len(roads.profiles)
            data[key] = _by_profile(roads.profiles, [_no_way(matrix.tolist(), None, math.inf) for matrix in shared])
    lines = [f"{json.dumps(key)}: {_text(value)}" for key, value in data.items() if value not in (None, "", {}, [])]
    return "{" + ",\n".join(lines) + "}\n"


def _text(value: Any) -> str:
    """Return a value as JSON, a list with one entry a line."""
    if isinstance(value, list) and value:
        return "[\n  " + ",\n  ".join(json.dumps(entry) for entry in value) + "]"
    return json.dumps(value)


def _by_profile(profiles: tuple[str, ...], values: Any) -> Any:
    return values[0] if profiles == ("",) else dict(zip(profiles, values, strict=True))


def _kept(entry: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in defaults or value != defaults[key]}


def _place(instance: VRPInstance, number: int, name: str) -> dict[str, Any]:
    if instance.roads.coords is None:
        return {"name": name}
    keys = ("lon", "lat") if instance.roads.geographic else ("x", "y")
    return {"name": name} | dict(zip(keys, instance.roads.coords[number].tolist(), strict=True))


def _window(opening: float, closing: float) -> list[float | None]:
    return [opening, None if math.isinf(closing) else closing]


def _depot(instance: VRPInstance, number: int) -> dict[str, Any]:
    window = _window(*instance.depot_windows[number].tolist())
    entry = _place(instance, number, instance.depots[number]) | {
        "window": window,
        "reload_time": float(instance.reload_time[number]),
    }
    return _kept(entry, {"window": [0.0, None], "reload_time": 0.0})


def _loads(values: Array) -> Any:
    return values.tolist() if len(values) > 1 else float(values[0])


def _customer(instance: VRPInstance, number: int) -> dict[str, Any]:
    group, none = int(instance.group_of[number]), _loads(np.zeros(instance.dimensions))
    entry = _place(instance, len(instance.depots) + number, instance.customers[number]) | {
        "delivery": _loads(instance.delivery[number]),
        "pickup": _loads(instance.pickup[number]),
        "service": float(instance.service[number]),
        "windows": [_window(*pair) for pair in instance.windows_of(number).tolist()],
        "release": float(instance.release[number]),
        "prize": float(instance.prize[number]),
        "required": bool(instance.required[number]),
        "skills": list(instance.skills[number]) if instance.skills else [],
        "group": None if group < 0 else f"group {group + 1}",
        "planned": None if instance.planned[number] < 0 else instance.vehicles[instance.planned[number]].name,
        "change_price": float(instance.change_price[number]),
    }
    defaults = {"delivery": none, "pickup": none, "service": 0.0, "windows": [[0.0, None]], "release": 0.0, "prize": 0.0}
    usual = bool(instance.fixed[number]) or (group < 0 and not entry["prize"] > 0)
    return _kept(entry, defaults | {"skills": [], "group": None, "required": usual, "planned": None, "change_price": 0.0})


def _vehicle(instance: VRPInstance, vehicle: VehicleType) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": vehicle.name,
        "number": vehicle.number,
        "fixed_cost": vehicle.fixed_cost,
        "distance_cost": vehicle.distance_cost,
        "duration_cost": vehicle.duration_cost,
        "waiting_cost": vehicle.waiting_cost,
        "shift": _window(*vehicle.shift),
        "start": instance.depots[vehicle.start],
        "end": None if vehicle.end is None else instance.depots[vehicle.end],
        "skills": list(vehicle.skills),
        "profile": instance.roads.profiles[vehicle.profile],
        "allowed": None if vehicle.allowed is None else [instance.customers[c] for c in vehicle.allowed],
        "reload_depots": [instance.depots[depot] for depot in vehicle.reload_depots],
        "max_reloads": vehicle.max_reloads,
    }
    finite = [key for key in ("max_duration", "max_distance") if math.isfinite(getattr(vehicle, key))]
    entry |= {key: getattr(vehicle, key) for key in finite}
    if any(math.isfinite(one) for one in vehicle.capacity):
        entry["capacity"] = _capacity(vehicle.capacity)
    defaults: dict[str, Any] = {
        "number": None,
        "fixed_cost": 0.0,
        "distance_cost": 1.0,
        "duration_cost": 0.0,
        "waiting_cost": 0.0,
        "shift": [0.0, None],
    }
    defaults |= {"skills": [], "profile": "", "allowed": None, "reload_depots": [], "max_reloads": None}
    return _kept(entry, defaults)


def _capacity(capacity: tuple[float, ...]) -> Any:
    """Return capacities, null where one is infinite."""
    values = [one if math.isfinite(one) else None for one in capacity]
    return values if len(values) > 1 else values[0]
