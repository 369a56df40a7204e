"""What vehicles do: the data of an answer to a rich vehicle routing problem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np

from redwood.errors import SolutionError, suggestion
from redwood.problem import Solution


@dataclass(frozen=True)
class Route:
    """What one vehicle does.

    Attributes
    ----------
    customers
        Names of its customers in the order of the visits.
    vehicle
        Name of its type; empty where there is only one type.
    start, end
        When it leaves its depot and when the route is over, or ``None`` where not said.
    arrivals
        When it arrives at each customer, or empty.
    loads
        What it carries when it leaves each customer, a list of M numbers each, or empty.
    """

    customers: list[str]
    vehicle: str = ""
    start: float | None = None
    end: float | None = None
    arrivals: list[float] = field(default_factory=list)
    loads: list[list[float]] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Routes(Solution):
    """The routes of the vehicles. Times and loads in them are told, not believed: prices and checks compute their own.

    Attributes
    ----------
    routes
        Each a `Route`, a mapping of its fields, or a list of customers' names (or numbers that are names). Empty
        routes are dropped.
    left_out
        Why each customer that is not served is left out, by name, where that was asked for.
    """

    routes: list[Route]
    left_out: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given: Any = self.routes
        if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
            raise SolutionError(f"routes are {str(given)[:40]!r}; expected a list of routes.")
        routes = [_route(one, number) for number, one in enumerate(given, 1)]
        object.__setattr__(self, "routes", [route for route in routes if route.customers])
        if not isinstance(self.left_out, Mapping):
            raise SolutionError(f"left_out is a {type(self.left_out).__name__}; expected reasons by customer.")
        object.__setattr__(self, "left_out", {str(name): str(why) for name, why in self.left_out.items()})

    def to_dict(self) -> dict[str, Any]:
        """Return routes as mappings, and the reasons, ready for JSON."""
        entries = [entry.name for entry in fields(Route)]
        return {
            "routes": [{name: getattr(route, name) for name in entries} for route in self.routes],
            "left_out": dict(self.left_out),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the solution that `to_dict` wrote."""
        known = ["routes", "left_out"]
        for key in data:
            if key not in known:
                raise SolutionError(f"{cls.__name__} has no field {key!r}.{suggestion(key, known)}")
        if "routes" not in data:
            raise SolutionError("the solution has no routes; give routes=.")
        return cls(data["routes"], data.get("left_out") or {})


def _route(given: Any, number: int) -> Route:
    """Return a route from what a user has."""
    if isinstance(given, Route):
        given = {entry.name: getattr(given, entry.name) for entry in fields(Route)}
    if not isinstance(given, Mapping):
        given = {"customers": given}
    known = [entry.name for entry in fields(Route)]
    for key in given:
        if key not in known:
            raise SolutionError(f"route {number} has no field {key!r}.{suggestion(str(key), known)}")
    customers = given.get("customers", [])
    if isinstance(customers, (str, bytes, Mapping)) or not isinstance(customers, Iterable):
        raise SolutionError(f"customers of route {number} are {str(customers)[:40]!r}; expected a list of names.")
    try:
        return Route(
            customers=[_name(name, number) for name in customers],
            vehicle=str(given.get("vehicle", "")),
            start=_time(given.get("start")),
            end=_time(given.get("end")),
            arrivals=[float(value) for value in given.get("arrivals", [])],
            loads=[[float(value) for value in row] for row in given.get("loads", [])],
        )
    except (TypeError, ValueError) as error:
        if isinstance(error, SolutionError):
            raise
        raise SolutionError(f"route {number}: {error}.") from error


def _name(given: Any, number: int) -> str:
    if isinstance(given, str):
        return given
    if isinstance(given, (int, np.integer)) and not isinstance(given, bool):
        return str(int(given))
    raise SolutionError(f"{given!r} on route {number} is neither a name nor a number of a customer.")


def _time(given: Any) -> float | None:
    return None if given is None else float(given)
