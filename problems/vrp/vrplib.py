"""VRPLIB text in PyVRP's dialect: windows, fleets, depots, backhauls, prizes, groups, pickups and deliveries.

References
----------
https://pyvrp.org/dev/supported_vrplib_fields.html for the fields; ``.sol`` files count places from 0, depots
first.
"""

from __future__ import annotations

import math
import re
from itertools import groupby
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError, suggestion
from redwood.problems.routing.travel import Metric
from redwood.problems.routing.tsplib import TRAVEL_ENTRIES, TRAVEL_SECTIONS, TSPLIBFile, scan

_TYPE = re.compile(r"^\s*TYPE\s*:?\s*(\w*(?:VRP|PDP)\w*)", re.MULTILINE | re.IGNORECASE)
_SCALARS = (
    *("CAPACITY", "VEHICLES", "SERVICE_TIME", "RELEASE_TIME", "DISTANCE", "VEHICLES_MAX_DURATION", "VEHICLES_MAX_DISTANCE"),
    *("VEHICLES_FIXED_COST", "VEHICLES_UNIT_DISTANCE_COST", "VEHICLES_MAX_RELOADS"),
)
_SECTIONS = (
    *("DEMAND_SECTION", "LINEHAUL_SECTION", "BACKHAUL_SECTION", "SERVICE_TIME_SECTION", "TIME_WINDOW_SECTION"),
    *("RELEASE_TIME_SECTION", "PRIZE_SECTION", "DEPOT_SECTION", "CAPACITY_SECTION", "VEHICLES_DEPOT_SECTION"),
    *("VEHICLES_ALLOWED_CLIENTS_SECTION", "VEHICLES_MAX_DURATION_SECTION", "VEHICLES_MAX_DISTANCE_SECTION"),
    *("VEHICLES_FIXED_COST_SECTION", "VEHICLES_UNIT_DISTANCE_COST_SECTION", "MUTUALLY_EXCLUSIVE_GROUP_SECTION"),
    *("PICKUP_AND_DELIVERY_SECTION", "VEHICLES_RELOAD_DEPOT_SECTION", "VEHICLES_MAX_RELOADS_SECTION"),
)
_MOST_VEHICLES = 1_000_000

ROUNDINGS: dict[str, tuple[float, str]] = {
    "none": (1.0, "none"),
    "round": (1.0, "nearest"),
    "trunc": (1.0, "down"),
    "dimacs": (10.0, "down"),
    "exact": (1000.0, "nearest"),
}
"""PyVRP's names of conventions: by what numbers are multiplied, and how they are rounded then."""


def recognised(text: str) -> bool:
    """Return whether a text has the TYPE of a vehicle routing problem."""
    return _TYPE.search(text[:65536]) is not None


def parse(text: str, name: str, rounding: str | None) -> dict[str, Any]:
    """Return the arguments of `VRP.make`; without a rounding, TYPE CVRP rounds to whole numbers as TSPLIB does."""
    kind = _TYPE.search(text[:65536])
    label = "" if kind is None else kind.group(1).upper()
    rounding = ("round" if label == "CVRP" else "none") if rounding is None else rounding
    if rounding not in ROUNDINGS:
        raise OptionError(f"rounding {rounding!r} is unknown.{suggestion(rounding, ROUNDINGS)}")
    entries, sections = (*TRAVEL_ENTRIES, *_SCALARS), (*TRAVEL_SECTIONS, *_SECTIONS)
    file = scan(text, name, types=(label,), entries=entries, sections=sections)
    scale, kind_of_rounding = ROUNDINGS[rounding]
    return _Reader(file, label, scale, kind_of_rounding).data()


class _Reader:
    """One file and its convention."""

    def __init__(self, file: TSPLIBFile, label: str, scale: float, rounding: str) -> None:
        self.file, self.label, self.scale, self.rounding = file, label, scale, rounding
        self.travel = file.travel(symmetric=False)
        self.size = self.travel.size
        self.depots = file.nodes("DEPOT_SECTION", self.size) if "DEPOT_SECTION" in file.sections else np.zeros(1, np.int64)
        if len(self.depots) == 0 or len(set(self.depots.tolist())) < len(self.depots):
            raise file.error("DEPOT_SECTION names no depot, or one twice.", file.sections["DEPOT_SECTION"].line)
        self.order = np.concatenate([self.depots, np.setdiff1d(np.arange(self.size), self.depots)])
        self.position = np.argsort(self.order)

    def scaled(self, values: Array) -> Array:
        """Return values of time, distance or money in the units of the convention."""
        scaled = np.asarray(self.scale * values)
        if self.rounding == "nearest":
            return np.asarray(np.floor(scaled + 0.5))
        return np.asarray(np.trunc(scaled)) if self.rounding == "down" else scaled

    def data(self) -> dict[str, Any]:
        """Return the arguments of `VRP.make`."""
        file, travel = self.file, self.travel
        first = len(self.depots)
        places: list[dict[str, Any]] = [{"name": str(k)} for k in range(self.size)]
        if travel.coords is not None:
            for place, (x, y) in zip(places, travel.coords[self.order].tolist(), strict=True):
                place |= {"x": x, "y": y}
        windows = self._windows()
        for place, window in zip(places, windows, strict=True):
            place["window"] = window
        shipments = self._customers(places)
        data: dict[str, Any] = {
            "depots": places[:first],
            "customers": places[first:],
            "vehicles": self._vehicles(),
            "groups": None,
            "shipments": shipments,
            "linehauls_first": self.label == "VRPB",
        }
        if "NAME" in file.entries and file.entries["NAME"].value:
            data["name"] = file.entries["NAME"].value
        if travel.metric in (Metric.EUC_2D, Metric.EXACT):
            return data | {"scale": self.scale, "rounding": self.rounding}
        matrix = self.scaled(travel.full())[np.ix_(self.order, self.order)]
        return data | {"distances": matrix}

    def _windows(self) -> list[tuple[float, float]]:
        if "PICKUP_AND_DELIVERY_SECTION" in self.file.sections:
            table = self._pairs()[:, 1:3]
        elif "TIME_WINDOW_SECTION" in self.file.sections:
            table = self.file.table("TIME_WINDOW_SECTION", ("opening", "closing"))[self.order]
        else:
            return [(0.0, math.inf)] * self.size
        return [(opening, closing) for opening, closing in self.scaled(table).tolist()]

    def _pairs(self) -> Array:
        columns = ("demand", "opening", "closing", "service", "pickup", "delivery")
        return np.asarray(self.file.table("PICKUP_AND_DELIVERY_SECTION", columns)[self.order])

    def _customers(self, places: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Add to the places what customers have; return the shipments."""
        first = len(self.depots)
        linehaul = "DEMAND_SECTION" if "DEMAND_SECTION" in self.file.sections else "LINEHAUL_SECTION"
        shipments: list[dict[str, Any]] = []
        if "PICKUP_AND_DELIVERY_SECTION" in self.file.sections:
            table = self._pairs()
            service = self.scaled(table[:, 3])
            for k in range(first, self.size):
                if table[k, 4] == 0 and table[k, 5] > 0:
                    drop = self._place(int(table[k, 5]))
                    shipments.append({"pickup": str(k), "delivery": str(drop), "amount": float(table[k, 0])})
        else:
            service = self.scaled(self._by_place("SERVICE_TIME"))
            for key, section in (("delivery", linehaul), ("pickup", "BACKHAUL_SECTION")):
                if section in self.file.sections:
                    for place, loads in zip(places[first:], self._loads(section)[first:].tolist(), strict=True):
                        place[key] = loads if len(loads) > 1 else loads[0]
        release = self.scaled(self._by_place("RELEASE_TIME"))
        prize = self.scaled(self._by_place("PRIZE"))
        for k in range(first, self.size):
            places[k] |= {"service": float(service[k]), "release": float(release[k]), "prize": float(prize[k])}
            places[k]["required"] = prize[k] == 0
        for number, row in enumerate(self._ragged("MUTUALLY_EXCLUSIVE_GROUP_SECTION", None), 1):
            for node in row if len(row) > 1 else []:
                places[self._customer(node)] |= {"group": str(number), "required": False}
        return shipments

    def _place(self, node: int) -> int:
        """Return the place of a node of the file, from 1."""
        if not 1 <= node <= self.size:
            raise self.file.error(f"node {node} is not one of 1 to {self.size}.")
        return int(self.position[node - 1])

    def _customer(self, node: float) -> int:
        place = self._place(int(node))
        if place < len(self.depots):
            raise self.file.error(f"node {int(node)} is a depot, and a customer is expected.")
        return place

    def _by_place(self, key: str) -> Array:
        """Return a value of each place [P]: of a section, or one for all customers, or 0."""
        if f"{key}_SECTION" in self.file.sections:
            return np.asarray(self.file.table(f"{key}_SECTION", (key.lower(),))[self.order, 0])
        values = np.zeros(self.size)
        if key in self.file.entries:
            values[len(self.depots) :] = self.file.number(key)
        return values

    def _loads(self, section: str) -> Array:
        first = self.file.sections[section].text.split("\n")
        widths = [len(line.split()) for line in first if line.strip()]
        columns = [f"load {k}" for k in range(1, max(2, widths[0] if widths else 2))]
        return np.asarray(self.file.table(section, columns)[self.order])

    def _ragged(self, keyword: str, count: int | None) -> list[list[float]]:
        """Return the values of lines ``number value ...`` whose numbers go from 1 up, to ``count`` where it is given."""
        if keyword not in self.file.sections:
            return []
        section = self.file.sections[keyword]
        rows: list[list[float]] = []
        for offset, line in enumerate(section.text.split("\n")):
            tokens = line.split()
            if not tokens:
                continue
            if tokens[0] != str(len(rows) + 1):
                expected = f"{keyword} line begins with {tokens[0][:20]!r}, and number {len(rows) + 1} is expected."
                raise self.file.error(expected, section.line + offset)
            rows.append([self._value(keyword, token, section.line + offset) for token in tokens[1:]])
        if count is not None and len(rows) != count:
            raise self.file.error(f"{keyword} has {len(rows)} lines, and there are {count} vehicles.", section.line)
        return rows

    def _value(self, keyword: str, token: str, line: int) -> float:
        try:
            value = float(token) if token.isascii() and "_" not in token else math.nan
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.file.error(f"{keyword} has {token[:20]!r}, which is not a finite number.", line)
        return value

    def _by_vehicle(self, key: str, count: int, default: float, *, several: bool = False) -> list[tuple[float, ...]]:
        """Return the values of each vehicle: of a section, or one for all, or the default."""
        if f"{key}_SECTION" in self.file.sections:
            rows = self._ragged(f"{key}_SECTION", count)
            for number, row in enumerate(rows, 1):
                if not row or (len(row) > 1 and not several):
                    line = self.file.sections[f"{key}_SECTION"].line
                    raise self.file.error(f"{key}_SECTION gives vehicle {number} {len(row)} values.", line)
            return [tuple(row) for row in rows]
        value = self.file.number(key) if key in self.file.entries else default
        return [(value,)] * count

    def _vehicles(self) -> list[dict[str, Any]]:
        """Return the types of vehicles: neighbours in the file that are alike, so that routes keep their order."""
        stated = "VEHICLES" in self.file.entries
        count = self.file.whole("VEHICLES", 1) if stated else 1
        if count > _MOST_VEHICLES:
            raise self.file.error(f"VEHICLES {count} exceeds {_MOST_VEHICLES}.", self.file.entries["VEHICLES"].line)
        plain = not any(key.startswith(("VEHICLES_", "CAPACITY_")) for key in self.file.sections)
        rows = 1 if plain else count
        limit = self._by_vehicle("DISTANCE", 1, math.inf)[0]
        settings = {
            "capacity": self._by_vehicle("CAPACITY", rows, math.inf, several=True),
            "max_duration": self._limits("VEHICLES_MAX_DURATION", rows, limit[0]),
            "max_distance": self._limits("VEHICLES_MAX_DISTANCE", rows, math.inf),
            "fixed_cost": self._limits("VEHICLES_FIXED_COST", rows, 0.0),
            "distance_cost": [row[0] for row in self._by_vehicle("VEHICLES_UNIT_DISTANCE_COST", rows, 1.0)],
            "start": self._homes(rows),
            "allowed": self._allowed(rows),
            "reload_depots": self._reload_depots(rows),
            "max_reloads": self._max_reloads(rows),
        }
        vehicles = [dict(zip(settings, values, strict=True)) for values in zip(*settings.values(), strict=True)]
        types, before = [], 0
        for vehicle, alike in groupby(vehicles):
            number = len(list(alike))
            number = count if plain else number
            name = f"vehicles {before + 1}-{before + number}" if number > 1 else f"vehicle {before + 1}"
            capacity = list(vehicle["capacity"])
            entry = vehicle | {"capacity": capacity if len(capacity) > 1 else capacity[0], "name": name, "number": number}
            types.append({key: value for key, value in entry.items() if value is not None})
            before += number
        if len(types) == 1:
            types[0]["name"] = "vehicle"
        if not stated:
            del types[0]["number"]
        return types

    def _limits(self, key: str, count: int, default: float) -> list[float]:
        return [float(self.scaled(np.array(row[0]))) for row in self._by_vehicle(key, count, default)]

    def _homes(self, count: int) -> list[str]:
        homes = []
        for (node,) in self._by_vehicle("VEHICLES_DEPOT", count, float(self.depots[0] + 1)):
            place = self._place(int(node))
            if place >= len(self.depots):
                raise self.file.error(f"VEHICLES_DEPOT_SECTION names node {int(node)}, which is no depot.")
            homes.append(str(place))
        return homes

    def _reload_depots(self, count: int) -> list[Any]:
        """Return the depots at which each vehicle reloads, ``None`` where there are none."""
        rows = self._ragged("VEHICLES_RELOAD_DEPOT_SECTION", count) or [[]] * count
        for row in rows:
            for node in row:
                if self._place(int(node)) >= len(self.depots):
                    raise self.file.error(f"VEHICLES_RELOAD_DEPOT_SECTION names node {int(node)}, which is no depot.")
        return [tuple(str(self._place(int(node))) for node in row) or None for row in rows]

    def _max_reloads(self, count: int) -> list[Any]:
        if "VEHICLES_RELOAD_DEPOT_SECTION" not in self.file.sections:
            return [None] * count
        rows = self._by_vehicle("VEHICLES_MAX_RELOADS", count, math.inf)
        depots = self._ragged("VEHICLES_RELOAD_DEPOT_SECTION", count)
        return [row[0] if where and math.isfinite(row[0]) else None for row, where in zip(rows, depots, strict=True)]

    def _allowed(self, count: int) -> list[Any]:
        if "VEHICLES_ALLOWED_CLIENTS_SECTION" not in self.file.sections:
            return [None] * count
        rows = self._ragged("VEHICLES_ALLOWED_CLIENTS_SECTION", count)
        return [tuple(str(self._customer(node)) for node in row) for row in rows]
