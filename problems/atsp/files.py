"""Files of the ATSP: instances and tours as TSPLIB has them, and those of TYPE SOP, which have precedences."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from redwood.errors import InstanceError
from redwood.problems.atsp.instance import ATSPInstance, Tour
from redwood.problems.routing.precedences import all_precedences, check_precedences
from redwood.problems.routing.solution_text import format_tour, parse_tour
from redwood.problems.routing.tsplib import TSPLIBFile, scan, scan_tour_problem
from redwood.problems.routing.tsplib_writer import format_travel, number_words

BARRED = -1.0
"""What a file of TYPE SOP has for a way from a node that comes later to one that comes before."""
_SOP = re.compile(r"^\s*TYPE\s*:\s*SOP\b", re.MULTILINE | re.IGNORECASE)
SOP_ENTRIES = ("EDGE_WEIGHT_TYPE", "EDGE_WEIGHT_FORMAT")


def parse_instance(text: str, name: str) -> dict[str, Any]:
    """Return the keyword arguments of `ATSP.make` that a TSPLIB file of TYPE ATSP or SOP holds.

    The path of an SOP from the first to the last node is a tour here whose way back costs nothing.
    """
    if _SOP.search(text):
        file = scan(text, name, types=("SOP",), entries=SOP_ENTRIES, sections=("EDGE_WEIGHT_SECTION",))
        data = _parse_sop(file)
    else:
        file = scan_tour_problem(text, name, "ATSP")
        travel = file.travel(symmetric=False)
        if travel.matrix is None:
            raise file.error("an ATSP file gives its distances by EDGE_WEIGHT_TYPE EXPLICIT.")
        data = {"coords": travel.coords, "matrix": travel.matrix}
    if not name and "NAME" in file.entries:
        name = file.entries["NAME"].value
    return data | {"name": name}


def _parse_sop(file: TSPLIBFile) -> dict[str, Any]:
    for key, expected in (("EDGE_WEIGHT_TYPE", "EXPLICIT"), ("EDGE_WEIGHT_FORMAT", "FULL_MATRIX")):
        if file.value(key).upper() != expected:
            raise file.error(f"an SOP file has {key} {expected}.", file.entries[key].line)
    size, section = file.whole("DIMENSION", 1), file.section("EDGE_WEIGHT_SECTION")
    headed = len(section.text.split()) == size * size + 1  # most files repeat the dimension there
    values = file.stream("EDGE_WEIGHT_SECTION", size * size + headed)
    if headed and values[0] != size:
        raise file.error(f"EDGE_WEIGHT_SECTION begins with {values[0]:g}, and DIMENSION is {size}.", section.line + 1)
    distances = values[headed:].reshape(size, size)
    barred = distances == BARRED
    later, earlier = np.nonzero(barred)
    inner, nothing = np.arange(size - 1), np.zeros(size - 1, dtype=np.int64)
    tails, heads = np.concatenate([earlier, nothing, inner]), np.concatenate([later, inner + 1, nothing + size - 1])
    pairs = np.stack([tails, heads], axis=1)[tails != heads]
    try:
        check_precedences(pairs, size)
    except InstanceError as error:
        raise file.error(f"{error} (Nodes are counted from 0 here.)", section.line) from error
    distances[-1, 0] = 0.0
    distances[barred] = distances.max(initial=0.0)  # of no tour that keeps the precedences
    distances[-1, 0] = 0.0  # the way back
    return {"matrix": distances, "precedences": pairs}


def format_instance(instance: ATSPInstance) -> str:
    """Return an instance as TSPLIB text: with precedences of TYPE SOP, where these say which node is last.

    Raises
    ------
    InstanceError
        Where there are precedences and no node that comes last by them, from which the way back costs nothing.
    """
    if not len(instance.precedences):
        return format_travel(instance.travel, instance.name, "ATSP") + "EOF\n"
    before, size = all_precedences(instance.precedences, instance.size), instance.size
    if not before[:-1, -1].all() or instance.matrix[-1, 0] != 0.0:
        raise InstanceError("an SOP file has a last node after all others, and no cost of the way back; this one has not.")
    matrix = np.where(before.T, BARRED, instance.matrix)
    rows = "".join(f"{' '.join(number_words(row))}\n" for row in matrix)
    head = f"NAME : {' '.join(instance.name.split())}\nTYPE : SOP\nDIMENSION : {size}\n"
    head += "EDGE_WEIGHT_TYPE : EXPLICIT\nEDGE_WEIGHT_FORMAT : FULL_MATRIX\n"
    return f"{head}EDGE_WEIGHT_SECTION\n{size}\n{rows}EOF\n"


def parse_solution(text: str, instance: ATSPInstance) -> Tour:
    """Return the tour of a TSPLIB file of TYPE TOUR, or of one that Concorde wrote."""
    return Tour(parse_tour(text, instance.name, instance.size))


def format_solution(instance: ATSPInstance, solution: Tour, length: float) -> str:
    """Return a tour as a TSPLIB file of TYPE TOUR."""
    return format_tour(solution.tour, instance.name, length)
