"""Routes of one depot and one capacity that were met on the way, and the best choice among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from redwood.problems.cvrp.instance import CVRPInstance
from redwood.problems.routing.set_partitioning import Program, cheapest_columns

if TYPE_CHECKING:
    from redwood.problems.cvrp.plan import Plan

MOST_ROUTES = 60_000
"""So many routes are kept; then the pool begins anew."""
MOST_COLUMNS = 15_000
"""So many of them, those met last, are in the program."""


@dataclass(frozen=True)
class _Column:
    length: float
    customers: tuple[int, ...]


class RoutePool:
    """The shortest route met for each set of customers; those met again count as met last."""

    def __init__(self, instance: CVRPInstance) -> None:
        self._instance = instance
        self._routes: dict[frozenset[int], _Column] = {}

    def add(self, plan: Plan) -> None:
        """Keep the routes that are driven now."""
        after, legs, size = plan.after.tolist(), plan.leg.tolist(), self._instance.size
        for end in range(size + 1, len(after)):
            customers, stop, length = [], after[end], legs[end]
            while stop <= size:
                customers.append(stop)
                length += legs[stop]
                stop = after[stop]
            if customers:
                self.meet(customers, length)

    def meet(self, customers: list[int], length: float) -> None:
        """Keep a route of some length that a vehicle can serve."""
        routes = self._routes
        if len(routes) > MOST_ROUTES:
            routes.clear()
        key = frozenset(customers)
        known = routes.pop(key, None)
        routes[key] = known if known is not None and known.length <= length else _Column(length, tuple(customers))

    def best(self, seconds: float, start: list[list[int]]) -> list[list[int]] | None:
        """Return the shortest choice of routes that serves everybody, ``None`` where none is found.

        Parameters
        ----------
        seconds
            The time limit.
        start
            Routes that serve everybody; the choice begins with them where all of them were met.
        """
        size, slots = self._instance.size, self._instance.slots
        keys = list(self._routes)[-MOST_COLUMNS:]
        place = {key: k for k, key in enumerate(keys)}
        known = [place.get(frozenset(route), -1) for route in start]
        columns = [self._routes[key] for key in keys]
        if not columns:
            return None
        program = Program(
            costs=np.array([column.length for column in columns]),
            rows=[[*(c - 1 for c in column.customers), size] for column in columns],
            lower=np.append(np.ones(size), 0.0),
            upper=np.append(np.ones(size), float(slots)),
            whole=np.ones(len(columns), dtype=np.bool_),
        )
        chosen = cheapest_columns(program, seconds, known if min(known, default=-1) >= 0 else ())
        if chosen is None:
            return None
        return [list(columns[k].customers) for k in chosen]
