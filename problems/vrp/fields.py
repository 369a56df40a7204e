"""From a user's tables to a validated instance: every field named, typed and checked once."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, suggestion
from redwood.problem import frozen
from redwood.problems.vrp.instance import VehicleType, VRPInstance
from redwood.problems.vrp.roads import Metric, Roads, Rounding
from redwood.problems.vrp.tables import MOST, number, numbers, pair, rows_of, truth, whole, window, words
from redwood.problems.vrp.times import TimeUnit, check_services, check_speeds, unit_of, with_numbers

PLACE_FIELDS = ("name", "x", "y", "lon", "lat")
DEPOT_FIELDS = (*PLACE_FIELDS, "window", "ready", "due", "reload_time")
CUSTOMER_FIELDS = (
    *(*PLACE_FIELDS, "delivery", "pickup", "service", "windows", "window", "ready", "due"),
    *("release", "prize", "required", "skills", "group", "planned", "change_price"),
)
VEHICLE_FIELDS = (
    *("name", "number", "capacity", "fixed_cost", "distance_cost", "duration_cost", "waiting_cost", "shift", "max_duration"),
    *("max_distance", "start", "end", "skills", "profile", "allowed", "reload_depots", "max_reloads"),
)
PREFIX_FIELDS = ("vehicle", "customers")
SHIPMENT_FIELDS = ("pickup", "delivery", "amount")
ChoiceT = TypeVar("ChoiceT", Metric, Rounding)
Rows = list[dict[str, Any]]


def depots_and_customers(customers: Any, depots: Any) -> tuple[Rows, Rows]:
    """Return the rows of depots and of customers.

    Depots have rows of their own, or are those of the one table that ``depots`` names, by default all whose names begin
    with "depot".
    """
    rows = rows_of(customers, "customer", (*CUSTOMER_FIELDS, "reload_time"))
    names = [depots] if isinstance(depots, str) else depots
    homes = []
    if depots is None:
        homes = [row for row in rows if _plain(row.get("name", "")).startswith("depot")]
        if not homes:
            first = repr(str(rows[0].get("name", "Yard")) if rows else "Yard")
            raise InstanceError(
                f"there is no depot; say in which row vehicles start, such as depots={first}, or let its name begin with "
                "'depot'."
            )
    elif isinstance(names, (list, tuple)) and any(row.get("name") in names for row in rows if "name" in row):
        homes = [row for row in rows if row.get("name") in names]
        missing = [name for name in names if not any(row.get("name") == name for row in homes)]
        if missing:
            raise InstanceError(f"depots= names {missing[0]!r}, which no row of the table has as its name.")
    others = [row for row in rows if not any(row is home for home in homes)]
    for row in others:
        if "reload_time" in row:
            raise InstanceError(
                f"customer {row.get('name')!r} has reload_time {row['reload_time']!r}, which only depots have."
            )
    return [_depot_row(row) for row in homes] if homes else rows_of(depots, "depot", DEPOT_FIELDS), others


def _plain(name: Any) -> str:
    """Return a name in small letters without accents."""
    return unicodedata.normalize("NFKD", str(name)).encode("ascii", "ignore").decode().lower()


def _depot_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that a depot has of a row of a table of customers; zeros of others are dropped."""
    for key, value in row.items():
        if key not in DEPOT_FIELDS and str(value).strip() not in ("0", "0.0", "0:00:00", "False", "false"):
            raise InstanceError(f"depot {row['name']!r} has {key} {value!r}; a depot has {', '.join(DEPOT_FIELDS)} only.")
    return {key: value for key, value in row.items() if key in DEPOT_FIELDS}


def names_of(depots: Rows, customers: Rows) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the places; customers without one are numbered from 1, depots are "depot" or "depot 1", ..."""
    homes = [_label(row, "depot" if len(depots) == 1 else f"depot {k}") for k, row in enumerate(depots, 1)]
    visited = [_label(row, str(k)) for k, row in enumerate(customers, 1)]
    seen: set[str] = set()
    for name in (*homes, *visited):
        if name in seen:
            raise InstanceError(f"two places have the name {name!r}; names have to differ.")
        seen.add(name)
    return tuple(homes), tuple(visited)


def _label(row: Mapping[str, Any], default: str) -> str:
    given = row.get("name", default)
    if isinstance(given, (float, np.floating)) and float(given).is_integer():
        given = int(given)
    return str(given).strip() or default


def coordinates(rows: Rows, names: Sequence[str]) -> tuple[Array | None, bool]:
    """Return coordinates [P, 2] and whether they are longitudes and latitudes, or ``None`` where no row has any."""
    geographic = any("lon" in row or "lat" in row for row in rows)
    keys, other = (("lon", "lat"), ("x", "y")) if geographic else (("x", "y"), ("lon", "lat"))
    if not any(key in row for row in rows for key in keys):
        return None, False
    points = np.empty((len(rows), 2))
    for row, name, point in zip(rows, names, points, strict=True):
        if any(key in row for key in other):
            raise InstanceError(f"place {name!r} has {' and '.join(other)}, and other places have {' and '.join(keys)}.")
        for axis, key in enumerate(keys):
            if key not in row:
                raise InstanceError(f"place {name!r} has no {key}.")
            most = (180.0 if key == "lon" else 90.0) if geographic else MOST
            point[axis] = number(row[key], f"{key} of {name!r}", -most, most)
    return points, geographic


def roads_of(
    coords: Array | None,
    geographic: bool,
    places: Sequence[str],
    *,
    distances: Any,
    durations: Any,
    metric: Any,
    rounding: Any,
    scale: Any,
    speed: Any,
) -> Roads:
    """Return the checked distances and durations.

    Parameters
    ----------
    coords, geographic
        Coordinates [P, 2] or ``None``, and whether they are longitudes and latitudes.
    places
        Names of the places, which the labels of a matrix must be.
    distances, durations
        A matrix [P, P], a frame with labels, a mapping from profiles to these, or ``None``.
    metric, rounding, scale
        How coordinates become distances.
    speed
        Distance in a unit of time: a number, or a mapping from profiles to numbers.
    """
    profiles = _profiles(distances, durations, speed)
    lengths = _matrices(distances, profiles, places, "distance")
    times = _matrices(durations, profiles, places, "duration")
    if lengths is None and times is not None and metric is None and coords is None:
        lengths = times
    usual = Metric.MATRIX if lengths is not None else Metric.GREAT_CIRCLE if geographic else Metric.EUCLIDEAN
    kind = usual if metric is None else _choice(Metric, metric, "metric")
    if (kind is Metric.MATRIX) != (lengths is not None):
        raise InstanceError(f"metric {kind} {'needs distances=' if lengths is None else 'does not go with distances='}.")
    if lengths is None and coords is None:
        raise InstanceError("the places have neither coordinates nor distances; give x and y, lon and lat, or distances=.")
    if kind is Metric.GREAT_CIRCLE and not geographic:
        raise InstanceError("metric great-circle needs lon and lat, in decimal degrees.")
    speeds = speed if isinstance(speed, Mapping) else dict.fromkeys(profiles, 1.0 if speed is None else speed)
    return Roads(
        metric=kind,
        coords=None if coords is None else frozen(coords, np.float64),
        geographic=geographic,
        scale=number(scale, "scale", 1e-6, 1e6),
        rounding=_choice(Rounding, rounding, "rounding"),
        profiles=profiles,
        speeds=tuple(number(speeds.get(name, 1.0), f"speed of profile {name!r}", 1e-9) for name in profiles),
        distances=lengths,
        durations=times,
    )


def _profiles(*given: Any) -> tuple[str, ...]:
    """Return the names of the profiles: the keys of every mapping, which have to be the same."""
    keyed = [tuple(str(name) for name in one) for one in given if isinstance(one, Mapping)]
    for names in keyed[1:]:
        if set(names) != set(keyed[0]):
            raise InstanceError(f"profiles {', '.join(keyed[0])} and {', '.join(names)} disagree.")
    if keyed and not keyed[0]:
        raise InstanceError("there are no profiles in an empty mapping; give at least one.")
    return keyed[0] if keyed else ("",)


def _matrices(given: Any, profiles: Sequence[str], places: Sequence[str], what: str) -> Array | None:
    if given is None:
        return None
    if not isinstance(given, Mapping):
        return frozen(_matrix(given, places, what)[None], np.float64)
    return frozen(np.stack([_matrix(given[name], places, f"{what} of {name!r}") for name in profiles]), np.float64)


def _matrix(given: Any, places: Sequence[str], what: str) -> Array:
    """Return one checked matrix; a frame's rows and columns are put into the order of the places by their labels."""
    labelled = hasattr(given, "loc") and hasattr(given, "columns")
    if labelled:
        labels = {str(one).strip(): one for one in given.index}, {str(one).strip(): one for one in given.columns}
        for name in places:
            for axis, known in zip(("row", "column"), labels, strict=True):
                if name not in known:
                    raise InstanceError(f"the {what} matrix has no {axis} {name!r}.{suggestion(name, known)}")
        given = given.loc[[labels[0][name] for name in places], [labels[1][name] for name in places]].to_numpy()
    try:
        matrix = np.array(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InstanceError(f"the {what} matrix does not hold numbers: {error}.") from error
    size = len(places)
    if matrix.shape != (size, size):
        raise InstanceError(f"the {what} matrix has shape {list(matrix.shape)}; {size} places need [{size}, {size}].")
    np.fill_diagonal(matrix, 0.0)
    broken = np.isnan(matrix) | (matrix < 0) | ((matrix > MOST) & np.isfinite(matrix))
    if broken.any():
        i, j = np.argwhere(broken)[0]
        raise InstanceError(
            f"the {what} {matrix[i, j]} from {places[i]!r} to {places[j]!r} is no number from 0 to {MOST:g} "
            "(infinite where there is no way)."
        )
    return matrix


def _choice(kind: type[ChoiceT], given: Any, what: str) -> ChoiceT:
    try:
        return kind(str(given).lower())
    except ValueError as error:
        raise InstanceError(f"{what} {given!r} is unknown.{suggestion(str(given), [str(one) for one in kind])}") from error


def customer_arrays(rows: Rows, names: Sequence[str], dimensions: int) -> dict[str, Any]:
    """Return the fields of an instance that belong to customers."""
    windows = [window(row, f"customer {name!r}") for row, name in zip(rows, names, strict=True)]
    prizes = _column(rows, names, "prize")
    groups: dict[str, list[int]] = {}
    for number_, row in enumerate(rows):
        if "group" in row:
            groups.setdefault(str(row["group"]).strip(), []).append(number_)
    required = []
    for row, name, prize in zip(rows, names, prizes, strict=True):
        free = prize > 0 or "group" in row
        wanted = truth(row["required"], f"required of {name!r}") if "required" in row else not free
        if wanted and "group" in row:
            raise InstanceError(f"customer {name!r} is required and in the group {row['group']!r}; it cannot be both.")
        required.append(wanted)
    skills = tuple(
        tuple(sorted(words(row.get("skills", ()), f"skills of {n!r}"))) for row, n in zip(rows, names, strict=True)
    )
    return {
        "delivery": _loads(rows, names, "delivery", dimensions),
        "pickup": _loads(rows, names, "pickup", dimensions),
        "service": frozen(_column(rows, names, "service"), np.float64),
        "windows": frozen([one for some in windows for one in some], np.float64).reshape(-1, 2),
        "window_starts": frozen(np.cumsum([0, *map(len, windows)]), np.int64),
        "release": frozen(_column(rows, names, "release"), np.float64),
        "prize": frozen(prizes, np.float64),
        "required": np.array(required, dtype=np.bool_),
        "change_price": frozen(_column(rows, names, "change_price"), np.float64),
        "skills": skills if any(skills) else (),
        "groups": groups,
    }


def _column(rows: Rows, names: Sequence[str], key: str) -> list[float]:
    return [number(row.get(key, 0.0), f"{key} of {name!r}") for row, name in zip(rows, names, strict=True)]


def _loads(rows: Rows, names: Sequence[str], key: str, dimensions: int) -> Array:
    table = np.zeros((len(rows), dimensions))
    for row, name, loads in zip(rows, names, table, strict=True):
        given = numbers(row.get(key, 0.0), f"{key} of {name!r}")
        if len(given) not in (1, dimensions) or (len(given) == 1 and dimensions > 1 and given[0] != 0):
            raise InstanceError(f"{key} of {name!r} has {len(given)} loads, and there are {dimensions}.")
        loads[:] = given
    return frozen(table)


def load_dimensions(customers: Rows, vehicles: Rows, shipments: Rows) -> int:
    """Return the number of loads: the longest list of loads anywhere, at least 1."""
    keys = ((customers, ("delivery", "pickup")), (vehicles, ("capacity",)), (shipments, ("amount",)))
    given = [row[key] for rows, some in keys for row in rows for key in some if key in row]
    return max([1, *(len(one) for one in given if isinstance(one, (list, tuple, np.ndarray)))])


def groups_of(members: Mapping[str, list[int]], stated: Any) -> dict[str, Any]:
    """Return groups and whether one of each must be served, by default yes; ``stated`` maps names to that."""
    stated = {} if stated is None else stated
    if not isinstance(stated, Mapping):
        raise InstanceError(f"groups are a {type(stated).__name__}; expected a mapping from names to true or false.")
    for name in stated:
        if str(name) not in members:
            raise InstanceError(f"no customer is in the group {name!r}.{suggestion(str(name), members)}")
    needed = {str(name): truth(value, f"group {name!r}") for name, value in stated.items()}
    return {
        "groups": tuple(tuple(some) for some in members.values()),
        "group_required": tuple(needed.get(name, True) for name in members),
    }


def shipments_of(rows: Rows, numbers_: Mapping[str, int], dimensions: int) -> dict[str, Any]:
    """Return shipments as pairs of customers, and their amounts."""
    pairs, amounts, seen = [], [], dict[int, str]()
    for count, row in enumerate(rows, 1):
        ends = []
        for key in ("pickup", "delivery"):
            if str(row.get(key, "")) not in numbers_:
                raise InstanceError(f"{key} {row.get(key)!r} of shipment {count} is not a customer.")
            ends.append(numbers_[str(row[key])])
        for end in ends:
            if end in seen or ends[0] == ends[1]:
                name = next(name for name, number_ in numbers_.items() if number_ == end)
                raise InstanceError(f"customer {name!r} is in more than one end of a shipment; give each its own.")
        seen.update(dict.fromkeys(ends, ""))
        given = numbers(row.get("amount", 0.0), f"amount of shipment {count}")
        if len(given) not in (1, dimensions) or (len(given) == 1 and dimensions > 1 and given[0] != 0):
            raise InstanceError(f"amount of shipment {count} has {len(given)} loads, and there are {dimensions}.")
        pairs.append(ends)
        amounts.append(given * (dimensions if len(given) == 1 else 1))
    return {
        "shipments": frozen(np.array(pairs, dtype=np.int64).reshape(-1, 2)),
        "amounts": frozen(np.array(amounts, dtype=np.float64).reshape(-1, dimensions)),
    }


def vehicle_types(
    rows: Rows, depots: Sequence[str], customers: Mapping[str, int], profiles: Sequence[str], dimensions: int
) -> tuple[VehicleType, ...]:
    """Return the types of vehicles with depots, profiles and allowed customers as numbers.

    Parameters
    ----------
    rows
        The fields of each type, by name.
    depots
        Names of the depots.
    customers
        Number of each customer, by its name.
    profiles
        Names of the profiles that roads have.
    dimensions
        How many loads a capacity has.
    """
    names = [_label(row, "vehicle" if len(rows) == 1 else f"vehicle {k}") for k, row in enumerate(rows, 1)]
    for name in names:
        if names.count(name) > 1:
            raise InstanceError(f"two types of vehicles have the name {name!r}; names have to differ.")
    return tuple(_vehicle(row, name, depots, customers, profiles, dimensions) for row, name in zip(rows, names, strict=True))


def _vehicle(
    row: dict[str, Any],
    name: str,
    depots: Sequence[str],
    customers: Mapping[str, int],
    profiles: Sequence[str],
    dimensions: int,
) -> VehicleType:
    def amount(key: str, default: float, *, infinite: bool = False) -> float:
        return number(row.get(key, default), f"{key} of {name!r}", infinite=infinite)

    def depot(key: str) -> int:
        return _index(row.get(key, depots[0]), depots, f"{key} of vehicle {name!r}", "depot")

    capacity = numbers(row.get("capacity", math.inf), f"capacity of {name!r}", infinite=True)
    if len(capacity) not in (1, dimensions) or (len(capacity) == 1 and dimensions > 1 and "capacity" in row):
        raise InstanceError(f"capacity of {name!r} has {len(capacity)} loads, and there are {dimensions}.")
    start = depot("start")
    ends_nowhere = "end" in row and str(row["end"]).lower() == "none" and "none" not in depots
    end = None if ends_nowhere else depot("end") if "end" in row else start
    allowed = None
    if "allowed" in row:
        given = row["allowed"] if isinstance(row["allowed"], Iterable) and not isinstance(row["allowed"], str) else []
        allowed = tuple(sorted({_index(one, tuple(customers), f"allowed of {name!r}", "customer") for one in given}))
    if "max_reloads" in row and "reload_depots" not in row:
        raise InstanceError(f"vehicle {name!r} has max_reloads {row['max_reloads']} and no reload_depots; say where.")
    return VehicleType(
        name=name,
        number=whole(row["number"], f"number of {name!r}") if "number" in row else None,
        capacity=tuple(capacity * (dimensions if len(capacity) == 1 else 1)),
        fixed_cost=amount("fixed_cost", 0.0),
        distance_cost=amount("distance_cost", 1.0),
        duration_cost=amount("duration_cost", 0.0),
        waiting_cost=amount("waiting_cost", 0.0),
        shift=pair(row.get("shift", (0.0, math.inf)), f"the shift of {name!r}"),
        max_duration=amount("max_duration", math.inf, infinite=True),
        max_distance=amount("max_distance", math.inf, infinite=True),
        start=start,
        end=end,
        skills=tuple(sorted(words(row.get("skills", ()), f"skills of {name!r}"))),
        profile=_index(row.get("profile", profiles[0]), profiles, f"profile of vehicle {name!r}", "profile"),
        allowed=allowed,
        reload_depots=_reload_depots(row.get("reload_depots", ()), name, depots),
        max_reloads=whole(row["max_reloads"], f"max_reloads of {name!r}") if "max_reloads" in row else None,
    )


def _reload_depots(given: Any, name: str, depots: Sequence[str]) -> tuple[int, ...]:
    """Return depots as numbers, from a list of names, or a text with a name or several with semicolons between them."""
    listed = given
    if isinstance(given, str):
        listed = [given] if given.strip() in depots else given.split(";")
    if isinstance(listed, Mapping) or not isinstance(listed, Iterable):
        raise InstanceError(f"reload_depots of {name!r} are {str(given)[:40]!r}; expected a list of names of depots.")
    return tuple(sorted({_index(one, depots, f"reload_depots of {name!r}", "depot") for one in listed}))


def _index(given: Any, known: Sequence[str], what: str, kind: str) -> int:
    name = str(given).strip()
    if name not in known:
        raise InstanceError(f"{what} is {name!r}, which is no {kind}.{suggestion(name, known[:200])}")
    return known.index(name)


def _planned(rows: Rows, names: Sequence[str], types: Sequence[str]) -> Array:
    """Return the number of the type that was to serve each customer, -1 where none is named."""
    found = np.full(len(rows), -1, dtype=np.int64)
    for c, (row, name) in enumerate(zip(rows, names, strict=True)):
        if "planned" in row:
            found[c] = _index(row["planned"], types, f"planned of customer {name!r}", "type of vehicle")
        elif row.get("change_price"):
            raise InstanceError(f"customer {name!r} has change_price {row['change_price']} and no planned vehicle.")
    return frozen(found)


def prefixes_of(
    rows: Rows, types: Sequence[VehicleType], numbers_: Mapping[str, int]
) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Return fixed beginnings of routes, each a type of vehicle and its customers by number."""
    known, seen, found = [one.name for one in types], set[int](), []
    for count, row in enumerate(rows, 1):
        given = row.get("customers", ())
        if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable) or not list(given):
            raise InstanceError(f"customers of prefix {count} are {str(given)[:40]!r}; expected a list of names.")
        customers = tuple(_index(one, tuple(numbers_), f"prefix {count}", "customer") for one in given)
        if seen & set(customers) or len(set(customers)) < len(customers):
            raise InstanceError(f"prefix {count} serves a customer that is already served by a prefix.")
        seen.update(customers)
        usual = known[0] if len(known) == 1 else ""
        found.append((_index(row.get("vehicle", usual), known, f"vehicle of prefix {count}", "type of vehicle"), customers))
    return tuple(found)


def assemble(
    customers: Any,
    depots: Any,
    vehicles: Any,
    shipments: Any,
    groups: Any,
    prefixes: Any,
    make_roads: Callable[[Array | None, bool, tuple[str, ...]], Roads],
    time_unit: Any = None,
    speed: Any = None,
) -> VRPInstance:
    """Return the instance of a user's tables, each field checked, the whole not yet.

    Parameters
    ----------
    customers, depots, vehicles, shipments, groups, prefixes
        The user's tables; ``None`` for vehicles, shipments, groups or prefixes that are not given.
    make_roads
        Makes the roads of coordinates ([places, 2] or ``None``), whether they are geographic, and the places' names, depots
        first.
    time_unit, speed
        What a time of 1 is, and the speed that says so where nothing is given; see `redwood.problems.vrp.times.unit_of`.
    """
    depot_rows, rows = depots_and_customers(customers, depots)
    if not depot_rows:
        raise InstanceError("there is no depot; give at least one.")
    homes, names = names_of(depot_rows, rows)
    vehicle_rows = [{}] if vehicles is None else rows_of(vehicles, "vehicle", VEHICLE_FIELDS)
    shipment_rows = [] if shipments is None else rows_of(shipments, "shipment", SHIPMENT_FIELDS)
    dimensions = load_dimensions(rows, vehicle_rows, shipment_rows)
    coords, geographic = coordinates([*depot_rows, *rows], (*homes, *names))
    unit = unit_of(time_unit, geographic, speed)
    if time_unit is None and unit is TimeUnit.HOURS:
        check_services([*depot_rows, *rows], (*homes, *names))
    depot_rows, rows = with_numbers(depot_rows, unit, "depot"), with_numbers(rows, unit, "customer")
    vehicle_rows = with_numbers(vehicle_rows, unit, "vehicle")
    roads = make_roads(coords, geographic, (*homes, *names))
    if roads.metric is Metric.GREAT_CIRCLE and roads.durations is None:
        check_speeds(roads.speeds, unit)
    fields = customer_arrays(rows, names, dimensions)
    members = fields.pop("groups")
    numbered = {name: k for k, name in enumerate(names)}
    types = vehicle_types(vehicle_rows, homes, numbered, roads.profiles, dimensions)
    fixed = prefixes_of([] if prefixes is None else rows_of(prefixes, "prefix", PREFIX_FIELDS), types, numbered)
    for _, begun in fixed:
        fields["required"][list(begun)] = True
    fields["required"] = frozen(fields["required"], np.bool_)
    opening = [window(row, f"depot {name!r}")[0] for row, name in zip(depot_rows, homes, strict=True)]
    return VRPInstance(
        roads=roads,
        depots=homes,
        customers=names,
        depot_windows=frozen(opening, np.float64),
        reload_time=frozen(_column(depot_rows, homes, "reload_time"), np.float64),
        vehicles=types,
        prefixes=fixed,
        time_unit=unit,
        planned=_planned(rows, names, [one.name for one in types]),
        **fields,
        **groups_of(members, groups),
        **shipments_of(shipment_rows, numbered, dimensions),
    )
