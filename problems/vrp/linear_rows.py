"""Rows of the model, and labels that are carried along the arcs."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyomo.core.expr import LinearExpression
from pyomo.environ import ConcreteModel, ConstraintList, Var

from redwood.arrays import Array
from redwood.problems.vrp.linear_arcs import Arcs

Labels = list[Any]
"""A variable for each customer [N]."""


class RowList:
    """The model's rows, and sums over its arcs."""

    def __init__(self, model: ConcreteModel, arcs: Arcs, used: list[Any], size: int) -> None:
        self.model = model
        self.arcs = arcs
        self._used = used
        self._size = size
        model.rows = ConstraintList()

    def sum(self, arcs: Array, factors: Array | None = None) -> Any:
        """Return the sum of arcs, each times its factor."""
        chosen = np.asarray(arcs).tolist()
        coefficients = [1.0] * len(chosen) if factors is None else np.asarray(factors, dtype=float).tolist()
        return LinearExpression(linear_coefs=coefficients, linear_vars=[self._used[a] for a in chosen])

    def labels(self, name: str, lower: float | None, upper: float | None) -> Labels:
        """Return a variable between two bounds for each customer."""
        variables = Var(range(self._size), bounds=(lower, upper))
        self.model.add_component(name, variables)
        return list(variables.values())

    def add(self, expression: Any, lower: float | None, upper: float | None) -> None:
        """Add ``lower <= expression <= upper``."""
        if lower is not None and lower == upper:
            self.model.rows.add(expression == lower)
        else:
            self.model.rows.add((lower, expression, upper))
