"""Texts of solutions: routes as CVRPLIB, PyVRP's collection and LKH-3 write them, tours as TSPLIB and Concorde do."""

from __future__ import annotations

import re

import numpy as np

from redwood.arrays import Array
from redwood.errors import FormatError
from redwood.problems.routing.tsplib import scan
from redwood.problems.routing.tsplib_writer import format_nodes

_ROUTE = re.compile(r"^\s*Route\s*#?\s*(\d{1,9})\s*:(.*)$", re.IGNORECASE)
_OTHER = re.compile(
    r"^\s*(?:Cost|Distance|Length|Time|Comment|Optimal|Instance\s+name|Authors?|Date|Reference|Solution)\b", re.IGNORECASE
)


def route_lines(text: str) -> list[tuple[int, int, str]]:
    """Return the line, the number and the visits of each route in a solution file.

    Raises
    ------
    FormatError
        Where a line is neither a route nor one of those that say something about the solution, or no line is a route.
    """
    routes = []
    for line, row in enumerate(text.splitlines(), 1):
        found = _ROUTE.match(row)
        if found:
            routes.append((line, int(found.group(1)), found.group(2)))
        elif row.strip() and not _OTHER.match(row):
            raise FormatError(f"line {line}: {row.strip()[:40]!r} is neither a route nor a cost.", line=line)
    if not routes:
        raise FormatError("there is no line 'Route #1: ...'; this is no solution file.")
    return routes


def parse_tour(text: str, name: str, size: int) -> Array:
    """Return the nodes of a tour through all nodes of an instance, from a TSPLIB file of TYPE TOUR or one of Concorde."""
    listed = _concorde_tour(text, size)
    if listed is not None:
        return listed
    file = scan(text, "tour", types=("TOUR",), sections=("TOUR_SECTION",))
    if "DIMENSION" in file.entries and file.whole("DIMENSION", 1) != size:
        raise file.error(
            f"DIMENSION {file.value('DIMENSION')} is not the {size} nodes of instance {name!r}.",
            file.entries["DIMENSION"].line,
        )
    return file.nodes("TOUR_SECTION", size)


def format_tour(nodes: Array, name: str, length: float) -> str:
    """Return a closed tour and its length as a TSPLIB file of TYPE TOUR."""
    head = f"NAME : {' '.join(name.split())}\nCOMMENT : length {length:.15g}\nTYPE : TOUR\nDIMENSION : {len(nodes)}\n"
    return f"{head}{format_nodes('TOUR_SECTION', nodes)}EOF\n"


def _concorde_tour(text: str, size: int) -> Array | None:
    """Return the nodes of a tour as Concorde writes it, a count and then nodes from 0; ``None`` where it is another file.

    Raises
    ------
    FormatError
        Where the count is not that of the instance's nodes or of those listed.
    """
    tokens = text.split()
    if not tokens or not all(token.isascii() and token.isdigit() for token in tokens):
        return None
    long = next((token for token in tokens if len(token) > 15), None)
    if long is not None:
        raise FormatError(f"{long[:40]!r} is no node of the instance.")
    count, *nodes = map(int, tokens)
    if count != size or len(nodes) != count:
        raise FormatError(
            f"a tour of Concorde begins with the number of nodes and lists them from 0: it says {count} and lists "
            f"{len(nodes)}, and the instance has {size}. Tours are also read as TSPLIB files of TYPE TOUR."
        )
    return np.array(nodes, dtype=np.int64)
