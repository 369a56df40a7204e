"""Files of the TSP: instances and tours as TSPLIB has them."""

from __future__ import annotations

from typing import Any

from redwood.errors import InstanceError
from redwood.problems.routing.fixed_edges import check_fixed_edges
from redwood.problems.routing.solution_text import format_tour, parse_tour
from redwood.problems.routing.tsplib import scan_tour_problem
from redwood.problems.routing.tsplib_writer import format_travel
from redwood.problems.tsp.instance import Tour, TSPInstance


def parse_instance(text: str, name: str) -> dict[str, Any]:
    """Return the keyword arguments of `TSP.make` that a TSPLIB file of TYPE TSP holds."""
    file = scan_tour_problem(text, name, "TSP")
    travel = file.travel(symmetric=True)
    if not name and "NAME" in file.entries:
        name = file.entries["NAME"].value
    edges = file.pairs("FIXED_EDGES_SECTION", travel.size)
    try:
        check_fixed_edges(edges, travel.size)
    except InstanceError as error:
        raise file.error(f"{error} (Nodes are counted from 0 here.)", file.sections["FIXED_EDGES_SECTION"].line) from error
    data = {"coords": travel.coords, "matrix": travel.matrix, "metric": travel.metric}
    return data | {"fixed_edges": edges, "name": name}


def format_instance(instance: TSPInstance) -> str:
    """Return an instance as TSPLIB text; distances that are not rounded get the EDGE_WEIGHT_TYPE EXACT_2D of LKH-3."""
    text = format_travel(instance.travel, instance.name, "TSP")
    if len(instance.fixed_edges):
        rows = (f"{first + 1} {second + 1}\n" for first, second in instance.fixed_edges.tolist())
        text += f"FIXED_EDGES_SECTION\n{''.join(rows)}-1\n"
    return text + "EOF\n"


def parse_solution(text: str, instance: TSPInstance) -> Tour:
    """Return the tour of a TSPLIB file of TYPE TOUR, or of one that Concorde wrote."""
    return Tour(parse_tour(text, instance.name, instance.size))


def format_solution(instance: TSPInstance, solution: Tour, length: float) -> str:
    """Return a tour as a TSPLIB file of TYPE TOUR."""
    return format_tour(solution.tour, instance.name, length)
