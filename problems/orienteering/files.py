"""Texts of the orienteering problem: Chao and Tsiligirides, OPLib, and tours.

References
----------
Chao, Golden, Wasil (1996), doi:10.1016/0377-2217(95)00035-6, and Tsiligirides (1984), doi:10.1057/jors.1984.162: first
line ``Tmax P``, then ``x y prize`` for each node, the first one being the start and the second one the end.
Kobeaga, Merino, Lozano (2018), doi:10.1016/j.cor.2017.09.003: OPLib, which is TSPLIB with COST_LIMIT,
NODE_SCORE_SECTION and DEPOT_SECTION.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import FormatError
from redwood.problems.orienteering.instance import OrienteeringInstance, Tour
from redwood.problems.routing.tsplib import TRAVEL_ENTRIES, TRAVEL_SECTIONS, TSPLIBFile, scan
from redwood.problems.routing.tsplib_writer import format_nodes, format_table, format_travel

_OWN_SECTIONS = ("NODE_SCORE_SECTION", "DEPOT_SECTION")


def parse_instance(text: str, name: str) -> dict[str, Any]:
    """Return the keyword arguments of `Orienteering.make` that an instance file's text holds."""
    if re.search(r"^\s*[A-Z_]{4,}", text, re.MULTILINE | re.IGNORECASE):
        return _parse_oplib(text, name)
    return _parse_plain(text, name)


def _parse_plain(text: str, name: str) -> dict[str, Any]:
    """Read ``Tmax P``, then ``x y prize`` by lines."""
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise FormatError(f"{name}: the file is empty; expected 'Tmax P' and then a line 'x y prize' for each node.")
    number, head = lines[0]
    if len(head) != 2:
        raise FormatError(f"{name}, line {number}: {len(head)} entries; expected the two of 'Tmax P'.", line=number)
    budget, paths = (_number(token, name, number) for token in head)
    if paths != 1:
        raise FormatError(f"{name}, line {number}: {paths:g} paths (team orienteering); one path is supported.", line=number)
    rows = []
    for number, tokens in lines[1:]:
        if len(tokens) != 3:
            raise FormatError(
                f"{name}, line {number}: {len(tokens)} entries; expected the three of 'x y prize'.", line=number
            )
        rows.append([_number(token, name, number) for token in tokens])
    if len(rows) < 2:
        raise FormatError(f"{name}: {len(rows)} nodes; expected at least two, the start and the end.")
    table = np.array(rows)
    return {"coords": table[:, :2], "prizes": table[:, 2], "budget": budget, "start": 0, "end": 1, "name": name}


def _parse_oplib(text: str, name: str) -> dict[str, Any]:
    entries = (*TRAVEL_ENTRIES, "COST_LIMIT", "TSPSOL")  # TSPSOL is the length of a tour through all, which asks for nothing
    file = scan(text, name, types=("OP",), entries=entries, sections=(*TRAVEL_SECTIONS, *_OWN_SECTIONS))
    travel = file.travel(symmetric=True)
    start, end = _depots(file, travel.size)
    return {
        "coords": travel.coords,
        "matrix": travel.matrix,
        "metric": travel.metric,
        "prizes": file.table("NODE_SCORE_SECTION", ("score",))[:, 0],
        "budget": file.number("COST_LIMIT"),
        "start": start,
        "end": end,
        "name": name or (file.entries["NAME"].value if "NAME" in file.entries else ""),
    }


def _depots(file: TSPLIBFile, size: int) -> tuple[int, int]:
    """Return start and end: the depot of a closed tour, by default node 1, or two depots in their order."""
    if "DEPOT_SECTION" not in file.sections:
        return 0, 0
    depots = file.nodes("DEPOT_SECTION", size)
    if len(depots) not in (1, 2):
        raise file.error(f"DEPOT_SECTION lists {len(depots)} nodes; expected one, or a start and an end.")
    return int(depots[0]), int(depots[-1])


def format_instance(instance: OrienteeringInstance) -> str:
    """Return an instance as OPLib text; two depots stand for start and end, `EXACT_2D` for unrounded distances."""
    entries = {"COST_LIMIT": _text(instance.budget)}
    depots = np.array([instance.start] if instance.closed else [instance.start, instance.end])
    text = format_travel(instance.travel, instance.name, "OP", entries)
    text += format_table("NODE_SCORE_SECTION", instance.prizes[:, None])
    return text + format_nodes("DEPOT_SECTION", depots) + "EOF\n"


def parse_solution(text: str) -> Tour:
    """Return the tour of a TSPLIB text, or of a plain list of nodes counted from 1."""
    if not re.search("[a-z]", text, re.IGNORECASE):
        numbers = [_number(token, "tour", 1) for token in text.split()]
        return Tour(np.array(numbers[:-1] if numbers[-1:] == [-1.0] else numbers) - 1.0)
    file = scan(text, "tour", types=("TOUR",), sections=("TOUR_SECTION",))
    return Tour(file.nodes("TOUR_SECTION", 2**31))


def format_solution(instance: OrienteeringInstance, nodes: Array) -> str:
    """Return a path as TSPLIB tour text."""
    head = f"NAME : {' '.join(instance.name.split())}\nTYPE : TOUR\nDIMENSION : {len(nodes)}\n"
    return f"{head}{format_nodes('TOUR_SECTION', nodes)}EOF\n"


def _number(token: str, name: str, line: int) -> float:
    try:
        value = float(token) if token.isascii() and "_" not in token else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FormatError(f"{name}, line {line}: {token[:40]!r} is not a finite number.", line=line)
    return value


def _text(value: float) -> str:
    """Return a number as short text that reads back as the same number."""
    return str(int(value)) if value == int(value) else repr(float(value))
