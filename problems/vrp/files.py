"""Files of instances and solutions: the form of a text is recognised, and each form is read in a file of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redwood.arrays import Array
from redwood.errors import FormatError, InstanceError, OptionError
from redwood.problems.routing.solution_text import route_lines
from redwood.problems.vrp import cordeau, json_form, li_lim, solomon, solomon_writer, vrplib, vrplib_writer
from redwood.problems.vrp.checks import numbered
from redwood.problems.vrp.instance import OBJECTIVES, VRPInstance
from redwood.problems.vrp.routes import Reload, Route
from redwood.problems.vrp.solution import VRPSolution

if TYPE_CHECKING:
    from redwood.problems.vrp.problem import VRP


def parse_instance(problem: VRP, text: str, name: str, rounding: str | None, objective: str | None) -> VRPInstance:
    """Return the instance of a text in any of the forms.

    Parameters
    ----------
    problem
        The problem that validates the instance.
    text
        The file's content.
    name
        The file's name, for messages and as the instance's name.
    rounding
        Rounding of the distances of a VRPLIB file; ``None`` for what it says, and for all other files.
    objective
        A key of `OBJECTIVES`; ``None`` for what the format means.
    """
    if objective is not None and objective not in OBJECTIVES:
        raise OptionError(f"objective {objective!r} is unknown; objectives are {', '.join(OBJECTIVES)}.")
    text = text.removeprefix("\ufeff")
    if vrplib.recognised(text):
        data = vrplib.parse(text, name, rounding)
    elif rounding is not None:
        raise OptionError(f"rounding {rounding!r} is for VRPLIB files; {name} is none.")
    elif text.lstrip().startswith("{"):
        data = json_form.parse(text, name)
    elif solomon.recognised(text):
        data = solomon.parse(text, name)
    elif li_lim.recognised(text):
        data = li_lim.parse(text, name)
    elif cordeau.recognised(text):
        data = cordeau.parse(text, name)
    else:
        raise FormatError(f"{name}: is neither JSON, VRPLIB, nor text of Solomon, Cordeau, or Li and Lim.")
    if objective is not None:
        data["objective"] = objective
    try:
        return problem.make(**{"name": name, **data})
    except FormatError:
        raise
    except InstanceError as error:
        raise FormatError(f"{name}: {error}") from error


def format_instance(instance: VRPInstance) -> str:
    """Return the instance as JSON."""
    return json_form.format(instance)


def format_as(instance: VRPInstance, suffix: str) -> str:
    """Return the instance as VRPLIB text (``.vrp``) or as Solomon's (``.txt``)."""
    return vrplib_writer.format(instance) if suffix == ".vrp" else solomon_writer.format(instance)


def parse_solution(text: str, instance: VRPInstance) -> VRPSolution:
    """Return the routes of a ``.sol`` text; route k is that of vehicle k, the first type's first; a depot is a reload."""
    routes = []
    for line, number, visits in route_lines(text):
        names, customers, reloads = visits.split(), list[str](), list[Reload]()
        for name in names:
            if name in instance.depots:
                reloads.append(Reload(len(customers), name))
            else:
                customers.append(name)
        routes.append(Route(customers, _type_of(instance, number, line) if customers else "", reloads=reloads))
    return VRPSolution(routes)


def _visits(instance: VRPInstance, stops: Array) -> str:
    """Return the names of the stops of a route, reloads by their depots."""
    return " ".join(instance.customers[stop] if stop >= 0 else instance.depots[-1 - stop] for stop in stops.tolist())


def _type_of(instance: VRPInstance, number: int, line: int) -> str:
    """Return the name of the type that vehicle ``number``, from 1, is of."""
    if len(instance.vehicles) == 1:
        return instance.vehicles[0].name
    before = 0
    for vehicle in instance.vehicles:
        if vehicle.number is None or number <= before + vehicle.number:
            return vehicle.name
        before += vehicle.number
    raise FormatError(f"line {line}: route {number} has no vehicle; there are {before}.", line=line)


def format_solution(instance: VRPInstance, solution: VRPSolution, cost: float) -> str:
    """Return the ``.sol`` text of routes and their cost; vehicles that stay at home have empty routes."""
    for name in (*instance.customers, *(instance.depots[d] for v in instance.vehicles for d in v.reload_depots)):
        if len(name.split()) != 1:
            raise FormatError(f"the name {name!r} has blanks, which .sol files cannot hold; write it as .json.")
    unlimited = [kind for kind, vehicle in enumerate(instance.vehicles[:-1]) if vehicle.number is None]
    if unlimited:
        name = instance.vehicles[unlimited[0]].name
        raise FormatError(f"vehicle {name!r} has no number, so routes of later types have none; write it as .json.")
    by_kind: list[list[str]] = [[] for _ in instance.vehicles]
    for route in numbered(instance, solution):
        by_kind[route.kind].append(_visits(instance, route.stops))
    lines, count = [], 0
    single = len(instance.vehicles) == 1
    for vehicle, routes in zip(instance.vehicles, by_kind, strict=True):
        slots = len(routes) if single or vehicle.number is None else vehicle.number
        filled = routes + [""] * (slots - len(routes))
        lines += [f"Route #{count + k}: {visits}".rstrip() for k, visits in enumerate(filled, 1)]
        count += slots
    return "\n".join([*lines, f"Cost {cost:.15g}", ""])
