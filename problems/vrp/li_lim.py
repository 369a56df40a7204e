"""Text of Li and Lim's instances: pickups and deliveries within time windows.

References
----------
Li and Lim (2001), A metaheuristic for the pickup and delivery problem with time windows, doi:10.1109/ICTAI.2001.974461;
https://www.sintef.no/projectweb/top/pdptw/ for the form.
"""

from __future__ import annotations

import re
from typing import Any

from redwood.errors import FormatError
from redwood.problems.vrp.text_tables import check_width, number_lines, whole

_HEAD = re.compile(r"\A\s*\d+[ \t]+[\d.]+[ \t]+[\d.]+[ \t]*\r?\n[ \t]*(?:-?[\d.]+[ \t]+){8}-?[\d.]+[ \t]*\r?$", re.MULTILINE)
_COLUMNS = "a task (number, x, y, demand, earliest, latest, service, pickup, delivery)"


def recognised(text: str) -> bool:
    """Return whether a text begins as Li and Lim's do: three numbers, then nine."""
    return _HEAD.match(text) is not None


def parse(text: str, name: str) -> dict[str, Any]:
    """Return the arguments of `VRP.make`; distances are unrounded, the first task is the depot.

    The third number of the head, a speed, is not used, as in all published values: some files have 0 there.
    """
    lines = number_lines(text, name)
    check_width(lines[0][1], (3,), "the fleet (number, capacity, speed)", name, lines[0][0])
    if len(lines) < 3:
        raise FormatError(f"{name}: there are no tasks; is the file truncated?")
    fleet = lines[0][1]
    places: list[dict[str, Any]] = []
    shipments: list[dict[str, Any]] = []
    for line, row in lines[1:]:
        check_width(row, (9,), _COLUMNS, name, line)
        number = str(whole(row[0], "the task's number", name, line))
        place = {"name": number, "x": row[1], "y": row[2], "window": (row[4], row[5])}
        places.append(place if not places else place | {"service": row[6]})
        if len(places) > 1 and row[7] == 0 and row[8] > 0:
            drop = str(whole(row[8], "the delivery's number", name, line))
            shipments.append({"pickup": number, "delivery": drop, "amount": row[3]})
    vehicle = {"number": whole(fleet[0], "the number of vehicles", name, lines[0][0], 1), "capacity": fleet[1]}
    return {
        "depots": places[:1],
        "customers": places[1:],
        "vehicles": [vehicle],
        "shipments": shipments,
    }
