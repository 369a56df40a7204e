"""Routes met on the way, and the best choice among them by a set-partitioning program on HiGHS.

References
----------
Subramanian, Uchoa, Ochi (2013), A hybrid algorithm for a class of vehicle routing problems,
doi:10.1016/j.cor.2013.01.013, section 3.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from redwood.problems.vrp.checks import NumberedRoute
from redwood.problems.vrp.instance import VRPInstance

if TYPE_CHECKING:
    from redwood.problems.vrp.ground import Ground
    from redwood.problems.vrp.plan import Plan

MOST_ROUTES = 40_000
"""So many routes are kept; then the pool begins anew."""
MOST_COLUMNS = 12_000
"""So many of them, the latest ones, are in the program."""


@dataclass(frozen=True)
class _Column:
    """A route with its cost, which includes the price of its vehicle."""

    cost: float
    kind: int
    customers: tuple[int, ...]


class RoutePool:
    """The cheapest route met for each type of vehicle and set of customers."""

    def __init__(self, instance: VRPInstance) -> None:
        self._instance = instance
        self._routes: dict[tuple[int, frozenset[int]], _Column] = {}

    def add(self, plan: Plan, ground: Ground) -> None:
        """Keep the routes that are driven now."""
        if len(self._routes) > MOST_ROUTES:
            self._routes.clear()
        after, size = plan.after.tolist(), ground.size
        for r in np.flatnonzero(plan.kind >= 0).tolist():
            customers, stop = [], after[size + r]
            while stop < size:
                customers.append(stop)
                stop = after[stop]
            kind, cost = int(plan.kind[r]), float(plan.cost[r])
            key = (kind, frozenset(customers))
            known = self._routes.get(key)
            if known is None or cost < known.cost:
                self._routes[key] = _Column(cost, kind, tuple(customers))

    def best(self, seconds: float) -> list[NumberedRoute] | None:
        """Return the cheapest choice of routes that serves everybody, or ``None`` where none is found in time."""
        import highspy

        from redwood.views.compiled import quiet_highs

        columns = list(self._routes.values())[-MOST_COLUMNS:]
        if not columns:
            return None
        solver = quiet_highs()
        solver.setOptionValue("time_limit", float(seconds))
        solver.setOptionValue("mip_rel_gap", 0.0)
        lower, upper, rows = self._rows(columns)
        outs = np.flatnonzero(self._instance.prize > 0)
        costs = np.concatenate([[one.cost for one in columns], self._instance.prize[outs]])
        integral = np.arange(len(costs)) < len(columns)
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = len(costs), len(lower)
        model.col_cost_, model.col_lower_, model.col_upper_ = costs, np.zeros(len(costs)), np.ones(len(costs))
        model.row_lower_, model.row_upper_ = lower, upper
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_ = np.cumsum([0, *map(len, rows)]).astype(np.int32)
        model.a_matrix_.index_ = np.concatenate([np.array(row, dtype=np.int32) for row in rows])
        model.a_matrix_.value_ = np.ones(sum(map(len, rows)))
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        model.integrality_ = [kinds[int(whole)] for whole in integral]
        solver.passModel(model)
        solver.run()
        if solver.getInfo().primal_solution_status != 2:
            return None
        values = np.array(solver.getSolution().col_value)[: len(columns)]
        chosen = [columns[k] for k in np.flatnonzero(values > 0.5)]
        return [NumberedRoute(one.kind, np.array(one.customers, dtype=np.int64)) for one in chosen]

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
            inside = [size + int(g) for g in instance.group_of[list(one.customers)] if g >= 0]
            rows.append([*one.customers, *inside, size + groups + one.kind])
        rows += [[int(c)] for c in np.flatnonzero(instance.prize > 0)]
        return lower, upper, rows
