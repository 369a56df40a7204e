"""The view `Linear`: the assignment model with subtour rows in rounds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pyomo.core.expr import LinearExpression
from pyomo.environ import Binary, ConcreteModel, ConstraintList, Objective, Var, minimize

from redwood.arrays import Array
from redwood.clock import Timer
from redwood.problems.atsp.cuts import violated_sets
from redwood.problems.atsp.instance import ATSPInstance, Tour
from redwood.views.linear import Linear, Rows

PREPARATION = 5.0
"""Seconds that the linear relaxation may take at most to tell which arcs are useless."""


class ATSPLinear(Linear):
    """Binary arcs, one out of each node and one into each; at least one into every set of nodes without node 0.

    Given an incumbent, arcs are left out whose reduced cost in the subtour relaxation proves that no better tour uses them.

    References
    ----------
    Dantzig, Fulkerson, Johnson (1954), doi:10.1287/opre.2.4.393.
    """

    def __init__(self, instance: ATSPInstance) -> None:
        self._allowed = PREPARATION
        self._instance = instance
        self._tails, self._heads = _all_arcs(instance.size)

    def allow(self, seconds: float) -> None:
        """Take at most so many seconds, and `PREPARATION`, to find out what the model can do without."""
        self._allowed = min(PREPARATION, seconds)

    def model(self, incumbent: float | None = None) -> ConcreteModel:
        """Return the model over the arcs that a better tour than the incumbent may use, with the rows found on the way."""
        sets = self._prepare(incumbent)
        model = ConcreteModel("atsp")
        model.used = Var(range(len(self._tails)), domain=Binary)
        arcs = self.variables(model)
        costs = self._instance.matrix[self._tails, self._heads].astype(float).tolist()
        model.length = Objective(expr=LinearExpression(linear_coefs=costs, linear_vars=arcs), sense=minimize)
        model.rows = ConstraintList()
        for node in range(self._instance.size if self._instance.size > 1 else 0):
            model.rows.add(_sum(arcs, self._tails == node) == 1)
            model.rows.add(_sum(arcs, self._heads == node) == 1)
        for members in sets:
            entering = members[self._heads] & ~members[self._tails]
            if entering.any():  # else nothing better than the incumbent is left, which the search finds out by itself
                model.rows.add(_sum(arcs, entering) >= 1)
        return model

    def variables(self, model: ConcreteModel) -> list[Any]:
        """Return the arcs, sorted by tail and then head."""
        return list(model.used.values())

    def solution(self, values: Array) -> Tour:
        """Return the tour along the arcs of (rounded) values, from node 0."""
        following = np.zeros(self._instance.size, dtype=np.int64)
        chosen = np.asarray(values) > 0.5
        following[self._tails[chosen]] = self._heads[chosen]
        tour = [0]
        while following[tour[-1]] != 0 and len(tour) < self._instance.size:
            tour.append(int(following[tour[-1]]))
        return Tour(np.array(tour))

    def start(self, solution: Tour) -> Array | None:  # type: ignore[override]
        """Return the arc values of a tour, or ``None`` where it uses an arc that was left out."""
        uses = np.zeros((self._instance.size, self._instance.size))
        uses[solution.tour, np.roll(solution.tour, -1)] = 1.0
        values = np.asarray(uses[self._tails, self._heads])
        return values if values.sum() == len(solution.tour) else None

    def separate(self, values: Array, integral: bool) -> Rows | None:
        """Return subtour rows that the values violate."""
        if self._instance.size < 3:
            return None
        sets = violated_sets(self._instance.size, self._tails, self._heads, np.asarray(values, dtype=np.float64))
        if len(sets) == 0:
            return None
        columns = [np.flatnonzero(row[self._heads] & ~row[self._tails]) for row in sets]
        flat = np.concatenate(columns)
        starts = np.cumsum([0] + [len(found) for found in columns])
        return Rows(starts, flat, np.ones(len(flat)), np.ones(len(sets)), np.full(len(sets), np.inf))

    def _prepare(self, incumbent: float | None) -> Array:
        """Leave out the arcs that reduced costs prove useless; return the sets that the relaxation has rows for."""
        size = self._instance.size
        self._tails, self._heads = _all_arcs(size)
        if incumbent is None or size < 4:
            return np.zeros((0, size), dtype=bool)
        from redwood.problems.atsp.relaxation import Relaxation

        relaxation = Relaxation(self._instance.matrix, 8)
        relaxation.tighten(Timer(self._allowed))
        if math.isfinite(relaxation.best):
            useless = relaxation.useless_arcs(incumbent, 1.0 if self._instance.travel.integral else 0.0)
            kept = ~useless[self._tails, self._heads]
            self._tails, self._heads = self._tails[kept], self._heads[kept]
        return relaxation.sets


def _all_arcs(size: int) -> tuple[Array, Array]:
    tails, heads = np.nonzero(~np.eye(size, dtype=bool))
    return tails, heads


def _sum(arcs: list[Any], chosen: Array) -> Any:
    return LinearExpression(linear_coefs=[1.0] * int(chosen.sum()), linear_vars=[arcs[k] for k in np.flatnonzero(chosen)])
