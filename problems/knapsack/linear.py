"""The view `Linear` of a knapsack instance: one binary variable an item, one row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pyomo.core.expr import LinearExpression
from pyomo.environ import Binary, ConcreteModel, Constraint, Objective, Var, maximize

from redwood.arrays import Array
from redwood.problems.knapsack.instance import KnapsackInstance, Packing
from redwood.views.linear import Linear

SMALLEST_CAPACITY = 2.0**20
"""Real weights are scaled so that the capacity is at least this: solvers check rows to an absolute 1e-6."""


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
        model.fits = Constraint(expr=weight <= instance.capacity * scale)
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
        if np.issubdtype(instance.weights.dtype, np.integer) or not 0 < instance.capacity < SMALLEST_CAPACITY:
            return 1
        return 2.0 ** math.ceil(math.log2(SMALLEST_CAPACITY / instance.capacity))
