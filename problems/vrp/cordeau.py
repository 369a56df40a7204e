"""Text of Cordeau's instances with several depots, without and with time windows.

References
----------
Cordeau, Gendreau, Laporte (1997), A tabu search heuristic for periodic and multi-depot vehicle routing problems,
doi:10.1002/(SICI)1097-0037(199709)30:2<105::AID-NET5>3.0.CO;2-G;
https://neumann.hec.ca/chairedistributique/data/ for the form.
"""

from __future__ import annotations

import math
import re
from typing import Any

from redwood.errors import FormatError
from redwood.problems.vrp.text_tables import check_width, number_lines, whole

_HEAD = re.compile(r"\A\s*\d+[ \t]+\d+[ \t]+\d+[ \t]+\d+[ \t]*\r?\n[ \t]*[\d.]+[ \t]+[\d.]+[ \t]*\r?$", re.MULTILINE)
_KINDS = {0: "VRP", 1: "PVRP", 2: "MDVRP", 3: "SDVRP", 4: "VRPTW", 5: "PVRPTW", 6: "MDVRPTW", 7: "SDVRPTW"}
_READ = (0, 2, 4, 6)


def recognised(text: str) -> bool:
    """Return whether a text begins as Cordeau's do: four whole numbers, then two numbers."""
    return _HEAD.match(text) is not None


def parse(text: str, name: str) -> dict[str, Any]:
    """Return the arguments of `VRP.make`; distances are unrounded, and a limit of 0 is none."""
    lines = number_lines(text, name)
    line, head = lines[0]
    check_width(head, (4,), "the head (type, vehicles, customers, depots)", name, line)
    kind, fleet, size, homes = (whole(value, "a number of the head", name, line) for value in head)
    if kind not in _READ:
        known = ", ".join(f"{k} ({_KINDS[k]})" for k in _READ)
        found = _KINDS.get(kind, "unknown")
        raise FormatError(f"{name}, line {line}: type {kind} ({found}) is not supported; supported are {known}.", line=line)
    if homes < 1 or size < 1 or fleet < 1:
        raise FormatError(
            f"{name}, line {line}: {fleet} vehicles, {size} customers and {homes} depots make no instance.", line=line
        )
    single = kind in (0, 4)
    if len(lines) < 1 + homes + size + homes:
        raise FormatError(f"{name}: ends after {len(lines)} of {1 + 2 * homes + size} lines; is the file truncated?")
    limits = lines[1 : 1 + homes]
    timed = kind in (4, 6)
    body = lines[1 + homes :]
    if single:  # the depot comes first there
        body = [*body[homes:], *body[:homes]]
    customers = [_customer(row, timed, name, at) for at, row in body[:size]]
    depots = [_depot(row, timed, name, at) for at, row in body[size : size + homes]]
    vehicles = []
    for depot, (at, limit) in zip(depots, limits, strict=True):
        check_width(limit, (2,), "a fleet (longest duration, capacity)", name, at)
        vehicle = {"name": f"of {depot['name']}" if homes > 1 else "vehicle", "number": fleet, "start": depot["name"]}
        duration, capacity = limit[0] or math.inf, limit[1] or math.inf
        vehicles.append(vehicle | {"max_duration": duration, "capacity": capacity})
    return {"depots": depots, "customers": customers, "vehicles": vehicles}


def _customer(row: list[float], timed: bool, name: str, line: int) -> dict[str, Any]:
    """Return a customer: number, x, y, service, demand, frequency, count of combinations, these, and a window."""
    if len(row) < 7:
        raise FormatError(f"{name}, line {line}: a customer has {len(row)} numbers; expected at least 7.", line=line)
    width = 7 + whole(row[6], "the count of combinations", name, line)
    check_width(row, (width + 2,) if timed else (width, width + 2), "a customer", name, line)
    customer = _place(row, name, line) | {"service": row[3], "delivery": row[4]}
    return customer | ({"window": (row[-2], row[-1])} if timed else {})


def _depot(row: list[float], timed: bool, name: str, line: int) -> dict[str, Any]:
    check_width(row, (9,) if timed else (7, 9), "a depot", name, line)
    return _place(row, name, line) | ({"window": (row[-2], row[-1])} if timed else {})


def _place(row: list[float], name: str, line: int) -> dict[str, Any]:
    return {"name": str(whole(row[0], "the number of a place", name, line)), "x": row[1], "y": row[2]}
