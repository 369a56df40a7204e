"""Lines of solution files as CVRPLIB, PyVRP's collection and LKH-3 write them, and tours as Concorde does."""

from __future__ import annotations

import re

import numpy as np

from redwood.arrays import Array
from redwood.errors import FormatError

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


def concorde_tour(text: str, size: int) -> Array | None:
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
