"""Files of the ATSP: instances and tours as TSPLIB has them."""

from __future__ import annotations

from typing import Any

from redwood.problems.atsp.instance import ATSPInstance, Tour
from redwood.problems.routing.solution_text import format_tour, parse_tour
from redwood.problems.routing.tsplib import scan_tour_problem
from redwood.problems.routing.tsplib_writer import format_travel


def parse_instance(text: str, name: str) -> dict[str, Any]:
    """Return the keyword arguments of `ATSP.make` that a TSPLIB file of TYPE ATSP holds."""
    file = scan_tour_problem(text, name, "ATSP")
    travel = file.travel(symmetric=False)
    if travel.matrix is None:
        raise file.error("an ATSP file gives its distances by EDGE_WEIGHT_TYPE EXPLICIT.")
    if not name and "NAME" in file.entries:
        name = file.entries["NAME"].value
    return {"coords": travel.coords, "matrix": travel.matrix, "name": name}


def format_instance(instance: ATSPInstance) -> str:
    """Return an instance as TSPLIB text."""
    return format_travel(instance.travel, instance.name, "ATSP") + "EOF\n"


def parse_solution(text: str, instance: ATSPInstance) -> Tour:
    """Return the tour of a TSPLIB file of TYPE TOUR, or of one that Concorde wrote."""
    return Tour(parse_tour(text, instance.name, instance.size))


def format_solution(instance: ATSPInstance, solution: Tour, length: float) -> str:
    """Return a tour as a TSPLIB file of TYPE TOUR."""
    return format_tour(solution.tour, instance.name, length)
