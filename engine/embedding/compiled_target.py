"""`CompiledTarget`: a predictor as more columns and rows of a compiled model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.embedding.formulation import Formulation, RowList
from redwood.embedding.target import Bounds, Target
from redwood.errors import ModelError, SolutionError
from redwood.views.compiled import CompiledModel, stack_rows
from redwood.views.linear import Rows


class CompiledTarget(Target):
    """Columns of a compiled model; the result is a new model with more columns and rows."""

    def __init__(self, model: CompiledModel, inputs: Sequence[int], bounds: Bounds | None) -> None:
        self.model, self.columns = model, np.array(inputs)
        if self.columns.dtype.kind not in "iu" or self.columns.ndim != 1:
            raise ModelError(f"inputs {list(inputs)!r} must be numbers of columns of the compiled model.")
        if len(set(self.columns.tolist())) != len(self.columns):
            raise ModelError(f"the inputs {self.columns.tolist()} repeat a column.")
        for column in self.columns.tolist():
            if not 0 <= column < model.size:
                raise ModelError(f"input column {column} is not in the model, which has {model.size} columns.")
        self.integer = model.integer[self.columns]
        names = [f"column {column}" for column in self.columns.tolist()]
        own = list(zip(model.lower[self.columns].tolist(), model.upper[self.columns].tolist(), strict=True))
        self.resolve(names, bounds, own)

    def base(self) -> tuple[Any, Array]:
        """Return the whole model: it cannot change, so all of its rows may be used."""
        return self._bounded().highs(), self.columns

    def _bounded(self) -> CompiledModel:
        lower, upper = self.model.lower.copy(), self.model.upper.copy()
        lower[self.columns], upper[self.columns] = self.low, self.high
        return replace(self.model, lower=lower, upper=upper)

    def write(self, formulation: Formulation, first_class: int | None) -> tuple[Any, list[Any], list[Any]]:
        """Return the model with the formulation's columns and rows, and a column for each output."""
        before, count, outputs = self._bounded(), len(formulation.lower), len(formulation.offset)
        self.places = np.concatenate([self.columns, before.size + np.arange(count)])
        self.outputs = before.size + count + np.arange(outputs)
        rows, equal = formulation.rows, RowList()
        for column, row, offset in zip(self.outputs.tolist(), formulation.outputs, formulation.offset.tolist(), strict=True):
            used = np.flatnonzero(row)
            equal.add([column, *self.places[used]], [1.0, *-row[used]], offset, offset)
        own = Rows(rows.starts, self.places[rows.columns].astype(np.int32), rows.values, rows.lower, rows.upper)
        made = CompiledModel(
            before.sense,
            before.offset,
            np.concatenate([before.cost, np.zeros(count + outputs)]),
            np.concatenate([before.lower, formulation.lower, np.full(outputs, -np.inf)]),
            np.concatenate([before.upper, formulation.upper, np.full(outputs, np.inf)]),
            np.concatenate([before.integer, formulation.integer, np.zeros(outputs, bool)]),
            stack_rows([before.rows, own, equal.rows()]),
        )
        classes = [] if first_class is None else self.places[first_class:].tolist()
        return made, self.outputs.tolist(), classes

    def values(self, solution: Any) -> Array:
        """Return the values [inputs + C] in a solution's column values."""
        if solution is None:
            raise SolutionError("a compiled model holds no solution; give its column values: check(values).")
        columns = np.asarray(solution, float)
        if columns.ndim != 1 or len(columns) <= int(self.places.max(initial=0)):
            raise SolutionError(
                f"column values of shape {list(columns.shape)} are not those of the model with the predictor."
            )
        found: Array = columns[self.places]
        return found

    def start(self, values: Array) -> Array:
        """Return values of the new model's columns, NaN where nothing is known of them."""
        found = np.full(int(self.outputs.max(initial=self.places.max())) + 1, np.nan)
        found[self.places] = values
        return found

    def objective(self, solution: Any) -> None:
        """Return ``None``: costs may have been set after embedding."""
        return
