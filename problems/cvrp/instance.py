"""The data of a capacitated vehicle routing problem, and its answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import SolutionError
from redwood.problem import Instance, Solution
from redwood.problems.routing.sequence import whole_numbers
from redwood.problems.routing.travel import Travel

SLACK = 1e-9
"""Share of the capacity by which a load of fractional demands may exceed it: what adding floats can lose."""


@dataclass(frozen=True, eq=False, kw_only=True)
class CVRPInstance(Instance):
    """One depot, customers with demands, and vehicles of one capacity.

    Attributes
    ----------
    travel
        Symmetric distances of N + 1 nodes: node 0 is the depot, nodes 1..N are the customers.
    demands
        Demand of each node [N + 1]; the depot's is 0. Whole numbers are kept as int64.
    capacity
        The most that one route may carry, in the unit of the demands.
    vehicles
        The largest number of routes, or ``None`` for any number.
    """

    problem: ClassVar[str] = "cvrp"
    travel: Travel
    demands: Array
    capacity: float
    vehicles: int | None = None

    @property
    def size(self) -> int:
        """Number of customers."""
        return self.travel.size - 1

    @cached_property
    def limit(self) -> float:
        """The largest load that counts as within capacity: the capacity itself where demands are whole numbers."""
        whole = np.issubdtype(self.demands.dtype, np.integer)
        return float(self.capacity) if whole else self.capacity * (1.0 + SLACK)

    @cached_property
    def fewest(self) -> int:
        """A lower bound on the number of routes: total demand over capacity, rounded up."""
        return max(1, int(np.ceil(float(self.demands.sum()) / self.limit - 1e-12))) if self.size else 0

    @property
    def slots(self) -> int:
        """An upper bound on the number of routes that a solution can need."""
        return self.size if self.vehicles is None else min(self.vehicles, self.size)


@dataclass(frozen=True, eq=False)
class Routes(Solution):
    """The routes of the vehicles.

    Attributes
    ----------
    routes
        Customers (1..N, as nodes are numbered) of each route in the order of the visits. The depot, where every
        route starts and ends, is left out. Empty routes are dropped.
    """

    routes: list[list[int]]

    def __post_init__(self) -> None:
        given: Any = self.routes
        if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
            raise SolutionError(f"routes are {str(given)[:40]!r}; expected a list of lists of customers.")
        rows = [whole_numbers(route, f"route {number}").tolist() for number, route in enumerate(given, 1)]
        object.__setattr__(self, "routes", [row for row in rows if row])
