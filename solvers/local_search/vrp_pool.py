"""Routes of all types of vehicles that were met on the way, and the best choice among them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from redwood.problems.routing.set_partitioning import Program, cheapest_columns
from redwood.problems.vrp.checks import NumberedRoute
from redwood.problems.vrp.instance import VRPInstance

if TYPE_CHECKING:
    from redwood.problems.vrp.ground import Ground
    from redwood.problems.vrp.plan import Plan

MOST_ROUTES = 40_000
"""So many routes are kept; then the pool begins anew."""
MOST_COLUMNS, MOST_ENTRIES = 12_000, 120_000
"""So many of them, the latest ones, with so many customers in all are in the program: HiGHS is late with more."""


_Key = tuple[int, frozenset[int]]


@dataclass(frozen=True)
class _Column:
    """A route with its cost, which includes the price of its vehicle; its stops are customers, and depots of reloads."""

    cost: float
    kind: int
    stops: tuple[int, ...]

    @property
    def customers(self) -> list[int]:
        """Its customers in order."""
        return [stop for stop in self.stops if stop >= 0]


class RoutePool:
    """The cheapest route met for each type of vehicle and set of customers."""

    def __init__(self, instance: VRPInstance) -> None:
        self._instance = instance
        self._routes: dict[_Key, _Column] = {}

    def add(self, plan: Plan, ground: Ground) -> None:
        """Keep the routes that are driven now."""
        from redwood.problems.vrp.plan import numbered_route

        if len(self._routes) > MOST_ROUTES:
            self._routes.clear()
        after, size = plan.after.tolist(), ground.size
        for r in np.flatnonzero(plan.kind >= 0).tolist():
            stops, stop = [], after[size + r]
            while stop < size:
                stops.append(stop)
                stop = after[stop]
            if ground.reloading:
                stops = numbered_route(ground, int(plan.kind[r]), stops).stops.tolist()
            self.add_route(int(plan.kind[r]), tuple(stops), float(plan.cost[r]))

    def add_route(self, kind: int, stops: tuple[int, ...], cost: float) -> None:
        """Keep a route of a type of vehicle, where none of the same customers is known that costs less."""
        key = (kind, frozenset(stops) if min(stops) >= 0 else frozenset(stop for stop in stops if stop >= 0))
        known = self._routes.pop(key, None)
        self._routes[key] = known if known is not None and known.cost <= cost else _Column(cost, kind, stops)

    def best(self, seconds: float, start: Sequence[NumberedRoute] = ()) -> list[NumberedRoute] | None:
        """Return the cheapest choice of routes that serves everybody, or ``None`` where none is found in time.

        ``start`` is a choice of routes met that serves everybody, where one is known.
        """
        begun = [(one.kind, frozenset(one.customers.tolist())) for one in start]
        for key in begun:  # what is in the dictionary last is among the columns
            if key in self._routes:
                self._routes[key] = self._routes.pop(key)
        columns = self._latest()
        if not columns:
            return None
        lower, upper, rows = self._rows(columns)
        outs = self._optional()
        costs = np.concatenate([[one.cost for one in columns], self._instance.prize[outs]])
        program = Program(costs, rows, lower, upper, np.arange(len(costs)) < len(columns))
        chosen = cheapest_columns(program, seconds, self._chosen(begun, columns, outs))
        if chosen is None:
            return None
        taken = [columns[k] for k in chosen if k < len(columns)]
        return [NumberedRoute(one.kind, np.array(one.stops, dtype=np.int64)) for one in taken]

    def _latest(self) -> list[_Column]:
        """Return the routes met last, as many as the program can hold."""
        chosen: list[_Column] = []
        entries = 0
        for one in reversed(self._routes.values()):
            entries += len(one.stops)
            if len(chosen) == MOST_COLUMNS or entries > MOST_ENTRIES:
                break
            chosen.append(one)
        return chosen[::-1]

    def _chosen(self, begun: list[_Key], columns: list[_Column], outs: np.ndarray) -> list[int]:
        """Return the columns of a choice of routes, none where it is empty or one of them was not met."""
        at = {(one.kind, frozenset(one.customers)): number for number, one in enumerate(columns)}
        if not begun or not all(key in at for key in begun):
            return []
        served = frozenset[int]().union(*(customers for _, customers in begun))
        return [at[key] for key in begun] + [len(columns) + k for k, c in enumerate(outs.tolist()) if c not in served]

    def _rows(self, columns: list[_Column]) -> tuple[np.ndarray, np.ndarray, list[list[int]]]:
        """Return the limits of the rows, and the rows of each column: customers, then groups, then types of vehicles.

        A customer that is not required has a column of being left out, at its prize, where it has one.
        """
        instance, size, groups = self._instance, self._instance.size, len(self._instance.groups)
        free = ~instance.required & (instance.prize <= 0)
        numbers = [math.inf if vehicle.number is None else float(vehicle.number) for vehicle in instance.vehicles]
        lower = np.concatenate(
            [np.where(free, 0.0, 1.0), np.array(instance.group_required, dtype=float), np.zeros(len(numbers))]
        )
        upper = np.concatenate([np.ones(size), np.ones(groups), numbers])
        rows = []
        for one in columns:
            customers = one.customers
            inside = [size + int(g) for g in instance.group_of[customers] if g >= 0]
            rows.append([*customers, *inside, size + groups + one.kind])
        rows += [[int(c)] for c in self._optional()]
        return lower, upper, rows

    def _optional(self) -> np.ndarray:
        """Return the customers that can be left out at a prize; one that a prefix begins with cannot."""
        return np.flatnonzero((self._instance.prize > 0) & ~self._instance.required)
