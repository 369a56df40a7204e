"""What vehicles do: the data of an answer to a rich vehicle routing problem."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from typing import Any, Self

import numpy as np

from redwood.errors import SolutionError, suggestion
from redwood.problem import Solution


@dataclass(frozen=True)
class Reload:
    """A visit of a depot in the middle of a route, where the vehicle empties and loads for its next trip.

    Attributes
    ----------
    after
        How many customers of the route come before.
    depot
        Name of the depot; empty where the vehicle has only one to reload at.
    arrival
        When the vehicle arrives, or ``None``.
    load
        What it carries when it leaves, M numbers, or empty.
    """

    after: int
    depot: str = ""
    arrival: float | None = None
    load: list[float] = field(default_factory=list)


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
    reloads
        Where it reloads, each a `Reload`: they divide the customers among trips.
    """

    customers: list[str]
    vehicle: str = ""
    start: float | None = None
    end: float | None = None
    arrivals: list[float] = field(default_factory=list)
    loads: list[list[float]] = field(default_factory=list)
    reloads: list[Reload] = field(default_factory=list)

    @property
    def trips(self) -> list[list[str]]:
        """The customers of each trip."""
        ends = [0, *(reload.after for reload in self.reloads), len(self.customers)]
        return [self.customers[a:b] for a, b in pairwise(ends)]

    def without(self, left_out: Container[str]) -> Route:
        """Return the route without some customers, and without the reloads of trips that serve nobody then."""
        kept = [[name for name in trip if name not in left_out] for trip in self.trips]
        depots = [reload.depot for reload in self.reloads]
        customers, reloads = [*kept[0]], []
        for depot, trip in zip(depots, kept[1:], strict=True):
            if customers and trip:
                reloads.append(Reload(len(customers), depot))
            customers += trip
        return Route(customers, self.vehicle, reloads=reloads)


@dataclass(frozen=True, eq=False)
class Routes(Solution):
    """The routes of the vehicles. Times and loads in them are told, not believed: prices and checks compute their own.

    Attributes
    ----------
    routes
        Each a `Route`, a mapping of its fields, or a list of customers' names (or numbers that are names). A mapping may
        have trips, a list of lists of names, instead of customers; its reloads then are names of depots, or missing where
        the vehicle has only one to reload at. Empty routes are dropped.
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
        """Return routes as mappings, with reloads where they have some, and the reasons, ready for JSON."""
        return {"routes": [_mapping(route) for route in self.routes], "left_out": dict(self.left_out)}

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


def _mapping(route: Route) -> dict[str, Any]:
    """Return a route as a mapping of its fields."""
    data = {entry.name: getattr(route, entry.name) for entry in fields(Route) if entry.name != "reloads"}
    return data | ({"reloads": [asdict(reload) for reload in route.reloads]} if route.reloads else {})


def _route(given: Any, number: int) -> Route:
    """Return a route from what a user has."""
    if isinstance(given, Route):
        given = _mapping(given)
    if not isinstance(given, Mapping):
        given = {"customers": given}
    if "trips" in given:
        given = _of_trips(given, number)
    known = [entry.name for entry in fields(Route)]
    for key in given:
        if key not in known:
            raise SolutionError(f"route {number} has no field {key!r}.{suggestion(str(key), known)}")
    customers = given.get("customers", [])
    if isinstance(customers, (str, bytes, Mapping)) or not isinstance(customers, Iterable):
        raise SolutionError(f"customers of route {number} are {str(customers)[:40]!r}; expected a list of names.")
    names = [_name(name, number) for name in customers]
    try:
        return Route(
            customers=names,
            vehicle=str(given.get("vehicle", "")),
            start=_time(given.get("start")),
            end=_time(given.get("end")),
            arrivals=[float(value) for value in given.get("arrivals", [])],
            loads=[[float(value) for value in row] for row in given.get("loads", [])],
            reloads=_reloads(given.get("reloads", []), number, len(names)),
        )
    except (TypeError, ValueError) as error:
        if isinstance(error, SolutionError):
            raise
        raise SolutionError(f"route {number}: {error}.") from error


def _of_trips(given: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return a route that is given by trips by its customers and reloads."""
    if "customers" in given:
        raise SolutionError(f"route {number} has customers and trips; give one of both.")
    trips = given["trips"]
    fine = isinstance(trips, Iterable) and not isinstance(trips, (str, bytes, Mapping))
    trips = list(trips) if fine else []
    if not trips or any(isinstance(trip, (str, bytes, Mapping)) or not isinstance(trip, Iterable) for trip in trips):
        raise SolutionError(f"trips of route {number} are {str(given['trips'])[:40]!r}; expected lists of names.")
    trips = [list(trip) for trip in trips]
    depots = list(given.get("reloads", [""] * (len(trips) - 1)))
    if len(depots) != len(trips) - 1 or not all(isinstance(depot, str) for depot in depots):
        raise SolutionError(f"route {number} has {len(trips)} trips, so its reloads are {len(trips) - 1} names of depots.")
    ends = np.cumsum([len(trip) for trip in trips]).tolist()
    reloads = [Reload(after, depot) for after, depot in zip(ends, depots, strict=False)]
    rest = {key: value for key, value in given.items() if key not in ("trips", "reloads")}
    return rest | {"customers": [name for trip in trips for name in trip], "reloads": reloads}


def _reloads(given: Any, number: int, customers: int) -> list[Reload]:
    """Return the checked reloads of a route, in their order."""
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise SolutionError(f"reloads of route {number} are {str(given)[:40]!r}; expected a list.")
    found = [_reload(one, number) for one in given]
    for reload in found:
        if not 0 <= reload.after <= customers:
            raise SolutionError(f"route {number} reloads after {reload.after} customers, and it has {customers}.")
    return sorted(found, key=lambda reload: reload.after)


def _reload(given: Any, number: int) -> Reload:
    if isinstance(given, Reload):
        return given
    known = [entry.name for entry in fields(Reload)]
    if not isinstance(given, Mapping) or "after" not in given:
        raise SolutionError(f"a reload of route {number} is {str(given)[:40]!r}; expected a mapping with after and depot.")
    for key in given:
        if key not in known:
            raise SolutionError(f"a reload of route {number} has no field {key!r}.{suggestion(str(key), known)}")
    after = given["after"]
    if isinstance(after, bool) or not isinstance(after, (int, np.integer)):
        raise SolutionError(f"a reload of route {number} comes after {str(after)[:40]!r}; expected a number of customers.")
    load = [float(value) for value in given.get("load", [])]
    return Reload(int(after), str(given.get("depot", "")), _time(given.get("arrival")), load)


def _name(given: Any, number: int) -> str:
    if isinstance(given, str):
        return given
    if isinstance(given, (int, np.integer)) and not isinstance(given, bool):
        return str(int(given))
    raise SolutionError(f"{given!r} on route {number} is neither a name nor a number of a customer.")


def _time(given: Any) -> float | None:
    return None if given is None else float(given)
