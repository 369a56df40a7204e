"""Writing VRPLIB text in PyVRP's dialect, which `redwood.problems.vrp.vrplib` reads back; places are numbered in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from redwood.arrays import Array
from redwood.errors import FormatError
from redwood.problems.routing.travel import Metric as TravelMetric
from redwood.problems.routing.travel import Travel
from redwood.problems.routing.tsplib_writer import format_nodes, format_table, format_travel
from redwood.problems.vrp.instance import VehicleType, VRPInstance
from redwood.problems.vrp.misfits import refuse
from redwood.problems.vrp.roads import Metric, Rounding

FORM = "VRPLIB"
_REFUSED = (
    *("several windows", "optional", "planned", "loads beside shipments", "prefixes", "optional groups", "fewest"),
    *("linehauls beside shipments", "profiles", "time cost", "shift", "other end", "reload time"),
)
_MOST_VEHICLES = 100_000


def format(instance: VRPInstance) -> str:
    """Return the instance as VRPLIB text.

    Raises
    ------
    FormatError
        Where the instance has what the format has no place for.
    """
    refuse(instance, FORM, _REFUSED)
    kinds = _kinds(instance)
    kind = "VRPB" if instance.linehauls_first else "PDPTW" if len(instance.shipments) else "VRP"
    entries = {"VEHICLES": str(len(kinds))} if kinds else {}
    text = format_travel(_travel(instance), instance.name or "vrp", kind, entries)
    if instance.roads.metric is Metric.EUCLIDEAN and _plain_roads(instance):
        text = text.replace("EDGE_WEIGHT_TYPE : EXACT_2D", "EDGE_WEIGHT_TYPE : EUC_2D")
    vehicles = _vehicle_sections(instance, kinds or [0])
    if not kinds and "SECTION" in vehicles:
        raise FormatError(f"{FORM} has vehicles one by one, and {instance.vehicles[0].name!r} has no number; give one.")
    return text + _customer_sections(instance) + vehicles + format_nodes("DEPOT_SECTION", _homes(instance)) + "EOF\n"


def _homes(instance: VRPInstance) -> Array:
    return np.arange(len(instance.depots))


def _kinds(instance: VRPInstance) -> list[int]:
    """Return the type of each vehicle, an empty list for any number of one type."""
    numbers = [vehicle.number for vehicle in instance.vehicles]
    if numbers == [None]:
        return []
    if None in numbers:
        name = instance.vehicles[numbers.index(None)].name
        raise FormatError(f"{FORM} numbers the vehicles, and there is any number of {name!r}; write the instance as .json.")
    total = sum(number or 0 for number in numbers)
    if total > _MOST_VEHICLES:
        raise FormatError(f"{FORM} lists the vehicles, and {total} exceed {_MOST_VEHICLES}; write the instance as .json.")
    return [kind for kind, number in enumerate(numbers) for _ in range(number or 0)]


def _plain_roads(instance: VRPInstance) -> bool:
    roads = instance.roads
    return roads.distances is None and roads.rounding is Rounding.NONE and roads.scale == 1.0


def _travel(instance: VRPInstance) -> Travel:
    """Return coordinates where distances are by them and not rounded, else a matrix."""
    roads, nodes = instance.roads, np.arange(instance.roads.size)
    profile = instance.vehicles[0].profile
    lengths = np.array(roads.distance(profile, nodes[:, None], nodes[None]), dtype=np.float64)
    np.fill_diagonal(lengths, 0.0)
    times = np.array(roads.duration(profile, nodes[:, None], nodes[None]), dtype=np.float64)
    np.fill_diagonal(times, 0.0)
    if instance.timed and not np.array_equal(lengths, times):
        raise FormatError(f"{FORM} has no place for durations that are not the distances; write the instance as .json.")
    if not np.isfinite(lengths).all():
        raise FormatError(f"{FORM} has no place for places without a way between them; write the instance as .json.")
    if roads.metric is Metric.EUCLIDEAN and _plain_roads(instance):
        return Travel(coords=np.asarray(roads.coords, dtype=np.float64), matrix=None, metric=TravelMetric.EXACT)
    return Travel(coords=roads.coords, matrix=lengths, metric=TravelMetric.EXPLICIT)


def _customer_sections(instance: VRPInstance) -> str:
    """Return the sections with a line for each place."""
    homes = len(instance.depots)
    windows = _windows(instance)
    if len(instance.shipments):
        return format_table("PICKUP_AND_DELIVERY_SECTION", _shipment_table(instance, windows)) + _optional(instance)
    text = format_table("DEMAND_SECTION", _padded(instance.delivery, homes))
    if instance.pickup.any():
        text += format_table("BACKHAUL_SECTION", _padded(instance.pickup, homes))
    if instance.service.any():
        text += format_table("SERVICE_TIME_SECTION", _padded(instance.service[:, None], homes))
    if windows is not None:
        text += format_table("TIME_WINDOW_SECTION", windows)
    return text + _optional(instance)


def _optional(instance: VRPInstance) -> str:
    """Return the sections of releases, prizes and groups, as far as there are any."""
    homes, text = len(instance.depots), ""
    for keyword, values in (("RELEASE_TIME_SECTION", instance.release), ("PRIZE_SECTION", instance.prize)):
        if values.any():
            text += format_table(keyword, _padded(values[:, None], homes))
    if instance.groups:
        rows = [[homes + customer + 1 for customer in group] for group in instance.groups]
        text += _ragged("MUTUALLY_EXCLUSIVE_GROUP_SECTION", rows)
    return text


def _padded(table: Array, homes: int) -> Array:
    return np.concatenate([np.zeros((homes, table.shape[1])), table])


def _windows(instance: VRPInstance) -> Array | None:
    """Return the window of each place [P, 2], ``None`` where nobody has one."""
    windows = np.concatenate([instance.depot_windows, instance.windows])
    matter = (windows[:, 0] > 0).any() or np.isfinite(windows[:, 1]).any() or len(instance.shipments)
    if not matter:
        return None
    without = np.flatnonzero(~np.isfinite(windows[:, 1]))
    if len(without):
        name = (*instance.depots, *instance.customers)[without[0]]
        raise FormatError(f"{FORM} wants a time window of every place, and {name!r} has none; give it a last time.")
    return windows


def _shipment_table(instance: VRPInstance, windows: Array | None) -> Array:
    """Return demand, window, service, and the nodes of the pickup and of the delivery of each place [P, 6]."""
    homes = len(instance.depots)
    table = np.zeros((homes + instance.size, 6))
    table[:, 1:3] = 0.0 if windows is None else windows
    table[homes:, 3] = instance.service
    for (first, last), amount in zip(instance.shipments.tolist(), instance.amounts.tolist(), strict=True):
        if len(amount) > 1:
            raise FormatError(f"{FORM} has no place for shipments of several loads; write the instance as .json.")
        table[homes + first, [0, 5]] = amount[0], homes + last + 1
        table[homes + last, [0, 4]] = -amount[0], homes + first + 1
    return table


def _vehicle_sections(instance: VRPInstance, kinds: list[int]) -> str:
    """Return what vehicles have: for all of them, or a section with a line for each."""
    types = instance.vehicles
    text = _values("CAPACITY", types, kinds, lambda v: v.capacity, [math.inf] * instance.dimensions)
    for keyword, value, usual in (
        ("VEHICLES_MAX_DURATION", lambda v: [v.max_duration], math.inf),
        ("VEHICLES_MAX_DISTANCE", lambda v: [v.max_distance], math.inf),
        ("VEHICLES_FIXED_COST", lambda v: [v.fixed_cost], 0.0),
        ("VEHICLES_UNIT_DISTANCE_COST", lambda v: [v.distance_cost], 1.0),
        ("VEHICLES_DEPOT", lambda v: [v.start + 1], 1),
    ):
        text += _values(keyword, types, kinds, value, [usual])
    text += _reload_sections(types, kinds)
    if not instance.may_serve.all():
        homes = len(instance.depots)
        rows = [(homes + np.flatnonzero(instance.may_serve[kind]) + 1).tolist() for kind in kinds]
        text += _ragged("VEHICLES_ALLOWED_CLIENTS_SECTION", rows)
    return text


def _reload_sections(types: Sequence[VehicleType], kinds: list[int]) -> str:
    """Return where vehicles reload, and how often at most."""
    if not any(vehicle.reload_depots for vehicle in types):
        return ""
    depots = [[depot + 1 for depot in vehicle.reload_depots] for vehicle in types]
    text = _ragged("VEHICLES_RELOAD_DEPOT_SECTION", [depots[kind] for kind in kinds])
    most = [vehicle.max_reloads if vehicle.reload_depots else 0 for vehicle in types]
    if most.count(None) == len(most):
        return text
    if None in most:
        name = types[most.index(None)].name
        raise FormatError(f"{FORM} has a limit of reloads of every vehicle or of none; give max_reloads of {name!r}.")
    return text + _values("VEHICLES_MAX_RELOADS", types, kinds, lambda v: [float(v.max_reloads or 0)], [])


def _values(
    keyword: str,
    types: Sequence[VehicleType],
    kinds: list[int],
    value: Callable[[VehicleType], Sequence[float]],
    usual: Sequence[float],
) -> str:
    """Return a value of vehicles, nothing where all have the usual one.

    Parameters
    ----------
    keyword
        Of the entry; a section's name is longer.
    types, kinds
        The types of vehicles, and the type of each vehicle.
    value, usual
        What a type has, and what nothing needs to be written for.
    """
    rows = [list(value(vehicle)) for vehicle in types]
    if all(row == list(usual) for row in rows):
        return ""
    for row, vehicle in zip(rows, types, strict=True):
        if not all(math.isfinite(number) for number in row):
            raise FormatError(f"{FORM} wants {keyword} of every vehicle, and {vehicle.name!r} has none.")
    if len(types) == 1 and len(rows[0]) == 1 and keyword != "VEHICLES_DEPOT":
        return f"{keyword} : {_word(rows[0][0])}\n"
    return _ragged(f"{keyword}_SECTION", [rows[kind] for kind in kinds])


def _ragged(keyword: str, rows: Iterable[Sequence[float]]) -> str:
    lines = (" ".join([str(number), *map(_word, row)]) for number, row in enumerate(rows, 1))
    return f"{keyword}\n" + "".join(f"{line}\n" for line in lines)


def _word(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))
