"""The view `Linear` of a knapsack instance: one binary variable an item, one row."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyomo.core.expr import LinearExpression
from pyomo.environ import Binary, ConcreteModel, Constraint, Objective, Var, maximize

from redwood.arrays import Array
from redwood.problems.knapsack.instance import KnapsackInstance, Packing
from redwood.tolerance import ROUNDING, unit_scale
from redwood.views.linear import Linear

PLAIN = 2.0**20, 2.0**30
"""Real weights are scaled to a capacity of the first, whole ones if beyond the second: solvers check rows to 1e-6."""


class KnapsackLinear(Linear):
    """Maximise ``v x`` subject to ``w x <= c`` over binary ``x``, one for each item that fits alone."""

    def __init__(self, instance: KnapsackInstance) -> None:
        self._instance = instance
        self._fitting = np.flatnonzero(instance.weights <= instance.limit)

    def model(self, incumbent: float | None = None) -> ConcreteModel:
        """Return the model. It is the same for every incumbent."""
        instance = self._instance
        scale = self._scale()
        model = ConcreteModel("knapsack")
        model.packed = Var(range(len(self._fitting)), domain=Binary)
        chosen = self.variables(model)
        values = instance.values[self._fitting].tolist()
        weights = (instance.weights[self._fitting] * scale).tolist()
        model.value = Objective(expr=LinearExpression(linear_coefs=values, linear_vars=chosen), sense=maximize)
        weight = LinearExpression(linear_coefs=weights, linear_vars=chosen)
        allowed = instance.capacity if instance.limit == instance.capacity else instance.limit * (1.0 - ROUNDING)
        model.fits = Constraint(expr=weight <= allowed * scale)
        return model

    def variables(self, model: ConcreteModel) -> list[Any]:
        """Return the variables of the items that fit alone, in the order of the items."""
        return list(model.packed.values())

    def solution(self, values: Array) -> Packing:
        """Return the packing of the items whose variable is above one half."""
        return Packing(self._fitting[np.asarray(values) > 0.5])

    def start(self, solution: Packing) -> Array:  # type: ignore[override]
        """Return the variable values of a packing."""
        return np.isin(self._fitting, solution.items).astype(np.float64)

    def _scale(self) -> float:
        """Return a power of two, so that scaling loses nothing."""
        instance = self._instance
        whole = np.issubdtype(instance.weights.dtype, np.integer)
        return unit_scale(float(instance.capacity), 0.0 if whole else PLAIN[0], PLAIN[1] if whole else PLAIN[0])
