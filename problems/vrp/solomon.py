"""Text of Solomon's and of Gehring and Homberger's instances: one depot, one fleet, time windows.

References
----------
Solomon (1987), Algorithms for the vehicle routing and scheduling problems with time window constraints,
doi:10.1287/opre.35.2.254; https://www.sintef.no/projectweb/top/vrptw/ for the form.
"""

from __future__ import annotations

import re
from typing import Any

from redwood.errors import FormatError
from redwood.problems.vrp.text_tables import check_width, number_lines, whole

_HEAD = re.compile(r"\A\s*(\S[^\n]*)\n\s*VEHICLE\s*\n\s*NUMBER\s+CAPACITY\s*\n([^\n]*)\n\s*CUSTOMERS?\s*\n[^\n]*\n", re.I)
_COLUMNS = "a customer (number, x, y, demand, ready time, due date, service time)"


def recognised(text: str) -> bool:
    """Return whether a text begins as Solomon's do."""
    return _HEAD.match(text.replace("\r", "")) is not None


def parse(text: str, name: str) -> dict[str, Any]:
    """Return the arguments of `VRP.make`; distances are unrounded, and the first row is the depot."""
    text = text.replace("\r", "")
    head = _HEAD.match(text)
    if head is None:
        raise FormatError(f"{name}, line 1: expected a name, VEHICLE, NUMBER CAPACITY and CUSTOMER.", line=1)
    fleet_line = 1 + text[: head.start(2)].count("\n")
    fleet = number_lines(head.group(2), name, fleet_line)
    if not fleet:
        raise FormatError(
            f"{name}, line {fleet_line}: the number of vehicles and their capacity are missing.", line=fleet_line
        )
    check_width(fleet[0][1], (2,), "the fleet (number, capacity)", name, fleet_line)
    rows = number_lines(text[head.end() :], name, 1 + head.group(0).count("\n"))
    if len(rows) < 2:
        raise FormatError(f"{name}: there are no customers; is the file truncated?")
    places = []
    for line, row in rows:
        check_width(row, (7,), _COLUMNS, name, line)
        number = whole(row[0], "the customer's number", name, line)
        if row[4] > row[5]:
            raise FormatError(f"{name}, line {line}: ready time {row[4]:g} is after due date {row[5]:g}.", line=line)
        places.append({"name": str(number), "x": row[1], "y": row[2], "window": (row[4], row[5])})
    customers = [
        place | {"delivery": row[3], "service": row[6]} for place, (_, row) in zip(places[1:], rows[1:], strict=True)
    ]
    vehicle = {"number": whole(fleet[0][1][0], "the number of vehicles", name, fleet_line, 1), "capacity": fleet[0][1][1]}
    return {"name": head.group(1).strip(), "depots": places[:1], "customers": customers, "vehicles": [vehicle]}
