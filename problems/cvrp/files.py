"""Files: VRPLIB ``.vrp`` instances and CVRPLIB ``.sol`` solutions.

References
----------
http://vrp.galgos.inf.puc-rio.br/ (CVRPLIB) for the formats; node 1 of a file is node 0 here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from redwood.arrays import Array
from redwood.errors import FormatError, InstanceError
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.problems.routing.comments import stated_fleet, stated_value
from redwood.problems.routing.solution_text import route_lines
from redwood.problems.routing.travel import Metric, Travel
from redwood.problems.routing.tsplib import EXACT_2D, TRAVEL_ENTRIES, TRAVEL_SECTIONS, TSPLIBFile, scan

if TYPE_CHECKING:
    from redwood.problems.cvrp.problem import CVRP

REFUSED = {
    "DISTANCE": "a limit on the length of a route",
    "SERVICE_TIME": "service times",
    "TIME_WINDOW_SECTION": "time windows",
    "SERVICE_TIME_SECTION": "service times",
    "STAND_TIME_SECTION": "service times",
    "BACKHAUL_SECTION": "backhauls",
    "LINEHAUL_SECTION": "backhauls",
    "PICKUP_AND_DELIVERY_SECTION": "pickups and deliveries",
    "FIXED_EDGES_SECTION": "fixed edges",
}
"""Keywords of other routing problems: to leave them out would answer another question."""


def parse_instance(problem: CVRP, text: str, name: str, rounded: bool) -> CVRPInstance:
    """Return the instance of a ``.vrp`` text.

    The value and the number of vehicles are taken from ``VEHICLES`` or from the comment, as files of the sets A and P
    have them (``No of trucks: 5, Optimal value: 784``): the value holds for at most so many vehicles.

    Parameters
    ----------
    problem
        The problem that validates the instance.
    text
        The file's content.
    name
        The file's name for messages, and of the instance where the text has no ``NAME``.
    rounded
        Whether distances are rounded as the file says; where not, only Euclidean ones are taken, and no best value.
    """
    entries = (*TRAVEL_ENTRIES, "CAPACITY", "VEHICLES", *(key for key in REFUSED if not key.endswith("_SECTION")))
    sections = (
        *TRAVEL_SECTIONS,
        "DEMAND_SECTION",
        "DEPOT_SECTION",
        *(key for key in REFUSED if key.endswith("_SECTION")),
    )
    file = scan(text, name, types=("CVRP",), entries=entries, sections=sections)
    _refuse(file)
    travel = file.travel(symmetric=True)  # from here on DIMENSION is known to be true, and of a size that fits
    order = _depot_first(file, travel.size)
    travel = _rearranged(travel, order)
    if not rounded:
        travel = _unrounded(file, travel)
    demands = file.table("DEMAND_SECTION", ("demand",))[order, 0]
    capacity = file.number("CAPACITY")
    comment = file.entries["COMMENT"].value if "COMMENT" in file.entries else ""
    try:
        return problem.assemble(
            travel,
            demands,
            int(capacity) if capacity == int(capacity) else capacity,
            vehicles=_vehicles(file, comment),
            name=file.entries["NAME"].value if "NAME" in file.entries and file.entries["NAME"].value else name,
            best_known=stated_value(comment) if rounded else None,
        )
    except FormatError:
        raise
    except InstanceError as error:
        raise file.error(str(error)) from error


def format_instance(instance: CVRPInstance) -> str:
    """Return the ``.vrp`` text of an instance."""
    travel, nodes = instance.travel, instance.size + 1
    kind = EXACT_2D if travel.metric is Metric.EXACT else str(travel.metric)
    lines = [f"NAME : {instance.name or 'cvrp'}"]
    if instance.best_known is not None:
        lines.append(f"COMMENT : Best value: {instance.best_known:.15g}")
    lines += ["TYPE : CVRP", f"DIMENSION : {nodes}", f"EDGE_WEIGHT_TYPE : {kind}"]
    if travel.matrix is not None:
        lines.append("EDGE_WEIGHT_FORMAT : FULL_MATRIX")
    lines.append(f"CAPACITY : {instance.capacity!r}" if isinstance(instance.capacity, int) else _capacity(instance))
    if instance.vehicles is not None:
        lines.append(f"VEHICLES : {instance.vehicles}")
    if travel.coords is not None:
        lines.append("NODE_COORD_SECTION")
        lines += [f"{node} {x!r} {y!r}" for node, (x, y) in enumerate(travel.coords.tolist(), 1)]
    if travel.matrix is not None:
        lines.append("EDGE_WEIGHT_SECTION")
        lines += [" ".join(f"{value!r}" for value in row) for row in travel.matrix.tolist()]
    lines.append("DEMAND_SECTION")
    lines += [f"{node} {demand!r}" for node, demand in enumerate(instance.demands.tolist(), 1)]
    return "\n".join([*lines, "DEPOT_SECTION", "1", "-1", "EOF", ""])


def parse_solution(text: str) -> Routes:
    """Return the routes of a ``.sol`` text."""
    return Routes([[_customer(token, line) for token in visits.split()] for line, _, visits in route_lines(text)])


def format_solution(solution: Routes, cost: float) -> str:
    """Return the ``.sol`` text of routes and their cost."""
    lines = [f"Route #{number}: {' '.join(map(str, route))}" for number, route in enumerate(solution.routes, 1)]
    return "\n".join([*lines, f"Cost {cost:.15g}", ""])


def _capacity(instance: CVRPInstance) -> str:
    return f"CAPACITY : {float(instance.capacity)!r}"


def _customer(token: str, line: int) -> int:
    if not (token.isascii() and token.isdigit() and len(token) < 16):
        raise FormatError(f"line {line}: {token[:40]!r} in a route is not a customer number.", line=line)
    return int(token)


def _refuse(file: TSPLIBFile) -> None:
    for key, what in REFUSED.items():
        place = file.entries.get(key) or file.sections.get(key)
        if key == "SERVICE_TIME" and key in file.entries and file.number(key) == 0.0:
            continue  # it takes no time, so it changes nothing
        if place is not None:
            raise file.error(f"{key} asks for {what}, which is not supported in problem 'cvrp'.", place.line)


def _depot_first(file: TSPLIBFile, size: int) -> Array:
    """Return the nodes in the order that puts the depot first."""
    if "DEPOT_SECTION" not in file.sections:
        return np.arange(size)
    depots = file.nodes("DEPOT_SECTION", size)
    if len(depots) != 1:
        line = file.sections["DEPOT_SECTION"].line
        raise file.error(f"DEPOT_SECTION names {len(depots)} depots; exactly one is supported.", line)
    return np.concatenate([depots, np.delete(np.arange(size), depots[0])])


def _rearranged(travel: Travel, order: Array) -> Travel:
    if np.array_equal(order, np.arange(len(order))):
        return travel
    coords = None if travel.coords is None else travel.coords[order]
    return Travel(travel.metric, coords, None if travel.matrix is None else travel.matrix[np.ix_(order, order)])


def _unrounded(file: TSPLIBFile, travel: Travel) -> Travel:
    if travel.metric not in (Metric.EUC_2D, Metric.CEIL_2D, Metric.EXACT):
        raise file.error(f"EDGE_WEIGHT_TYPE {travel.metric} has no unrounded form; only Euclidean distances have one.")
    return Travel(Metric.EXACT, travel.coords)


def _vehicles(file: TSPLIBFile, comment: str) -> int | None:
    if "VEHICLES" in file.entries:
        return file.whole("VEHICLES", 1)
    return stated_fleet(comment)
