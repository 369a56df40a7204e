"""`PyomoTarget`: a predictor as a block of a Pyomo model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.budget import Sense
from redwood.embedding.formulation import Formulation, RowList
from redwood.embedding.target import Bounds, Target
from redwood.errors import ModelError, SolutionError
from redwood.views.compiled import CompiledModel
from redwood.views.linear import Rows


class PyomoTarget(Target):
    """Variables of a Pyomo model; the columns and rows become a block of it."""

    def __init__(self, model: Any, inputs: Sequence[Any], bounds: Bounds | None, within: Sequence[Any], name: str) -> None:
        self.model, self.inputs, self._name = model, list(inputs), name
        if not isinstance(name, str) or not name:
            raise ModelError(f"name {name!r} is no name of a Pyomo component; give a text.")
        if model.component(name) is not None:
            raise ModelError(f"the model has a component {name!r} already; give another name=.")
        self._free = np.array([_is_variable(place, given) for place, given in enumerate(self.inputs)], bool)
        self.numbers = np.array([0.0 if free else float(given) for free, given in self._pairs()])
        variables = [given for free, given in self._pairs() if free]
        repeated = len(variables) - len({id(given) for given in variables})
        if repeated:
            raise ModelError(f"{repeated} of the {len(self.inputs)} inputs are repeated; give each a variable of its own.")
        self.integer = np.array([free and given.is_integer() for free, given in self._pairs()], bool)
        names = [repr(given.name) if free else f"{place}, a number," for place, (free, given) in enumerate(self._pairs())]
        self.resolve(names, bounds, [_bounds(given) if free else (float(given),) * 2 for free, given in self._pairs()])
        self._within = _rows_of(within, self.inputs, self._free)
        self.block: Any = None

    def _pairs(self) -> list[tuple[bool, Any]]:
        """Return of each input whether it is a variable, and the input."""
        return list(zip(self._free.tolist(), self.inputs, strict=True))

    def base(self) -> tuple[Any, Array]:
        """Return a program of the bounds and of the constraints given with ``within``."""
        count = len(self.inputs)
        model = CompiledModel(Sense.MIN, 0.0, np.zeros(count), self.low, self.high, self.integer, self._within)
        return model.highs(), np.arange(count)

    def write(self, formulation: Formulation, first_class: int | None) -> tuple[Any, list[Any], list[Any]]:
        """Add a block with variables ``x``, constraints ``rows`` and expressions ``outputs``.

        Its constraints ``bounds`` keep the inputs within the bounds that the rest was computed for, and ``within`` those
        under the constraints used, whatever becomes of the originals.
        """
        import pyomo.environ as pyo

        block = pyo.Block(concrete=True)
        self.model.add_component(self._name, block)
        count = len(formulation.lower)
        limits = list(zip(formulation.lower.tolist(), formulation.upper.tolist(), strict=True))
        kinds = [pyo.Binary if whole else pyo.Reals for whole in formulation.integer]
        block.x = pyo.Var(range(count), domain=lambda _, place: kinds[place], bounds=lambda _, place: limits[place])
        columns = [*self.inputs, *block.x.values()]
        self._add(block, "rows", formulation.rows, columns)
        self._add(block, "within", self._within, columns)
        kept = RowList()
        for place in np.flatnonzero(self._free).tolist():
            kept.add([place], [1.0], float(self.low[place]), float(self.high[place]))
        self._add(block, "bounds", kept.rows(), columns)
        outputs = {
            place: self._sum(row, offset, columns)
            for place, (row, offset) in enumerate(zip(formulation.outputs, formulation.offset.tolist(), strict=True))
        }
        block.outputs = pyo.Expression(range(len(outputs)), initialize=outputs)
        self.block = block
        classes = [] if first_class is None else columns[first_class:]
        return block, list(block.outputs.values()), classes

    def _add(self, block: Any, name: str, rows: Rows, columns: list[Any]) -> None:
        """Add rows as constraints; what numbers contribute goes to the other side."""
        import pyomo.environ as pyo

        def body(_: Any, row: int) -> Any:
            entries = slice(rows.starts[row], rows.starts[row + 1])
            places, values = rows.columns[entries], rows.values[entries]
            expression, moved = self._linear(places, values, columns)
            low, high = float(rows.lower[row]) - moved, float(rows.upper[row]) - moved
            if expression is None:
                return pyo.Constraint.Feasible if low <= 1e-9 and high >= -1e-9 else pyo.Constraint.Infeasible
            if low == high:
                return expression == low
            return pyo.inequality(low if math.isfinite(low) else None, expression, high if math.isfinite(high) else None)

        block.add_component(name, pyo.Constraint(range(len(rows.lower)), rule=body))

    def _linear(self, places: Array, values: Array, columns: list[Any]) -> tuple[Any, float]:
        """Return the part of a sum in variables, or ``None``, and the part that is a number."""
        from pyomo.core.expr import LinearExpression

        fixed = places < len(self.numbers)
        fixed[fixed] = ~self._free[places[fixed]]
        moved = float(values[fixed] @ self.numbers[places[fixed]])
        free = [columns[place] for place in places[~fixed].tolist()]
        return (LinearExpression(linear_coefs=values[~fixed].tolist(), linear_vars=free) if free else None), moved

    def _sum(self, row: Array, offset: float, columns: list[Any]) -> Any:
        used = np.flatnonzero(row)
        expression, moved = self._linear(used, row[used], columns)
        return offset + moved if expression is None else expression + (offset + moved)

    def values(self, solution: Any) -> Array:
        """Return the values that the model's variables hold."""
        for (free, given), whole in zip(self._pairs(), self.integer.tolist(), strict=True):
            if free and given.is_integer() != whole:
                was = "integer" if whole else "continuous"
                raise ModelError(
                    f"input {given.name!r} was {was} when it was embedded and has the domain {given.domain} now."
                )
        columns = [*self.inputs, *self.block.x.values()]
        found = [column if isinstance(column, (int, float, np.number)) else column.value for column in columns]
        for place, value in enumerate(found):
            if value is None and place < len(self.inputs):
                raise SolutionError(f"input {self.inputs[place].name!r} has no value; solve the model first.")
        if all(value is None for value in found[len(self.inputs) :]) and len(found) > len(self.inputs):
            raise SolutionError(f"the variables of {self._name!r} have no values; solve the model first.")
        return np.array([0.0 if value is None else float(value) for value in found])

    def start(self, values: Array) -> None:
        """Set the variables' values, for a solver that warm-starts."""
        for column, value in zip([*self.inputs, *self.block.x.values()], values.tolist(), strict=True):
            if not isinstance(column, (int, float, np.number)):
                column.set_value(value, skip_validation=True)

    def objective(self, solution: Any) -> tuple[Sense, float] | None:
        """Return the sense and value of the only active objective."""
        import pyomo.environ as pyo

        found = list(self.model.component_data_objects(pyo.Objective, active=True))
        if len(found) != 1:
            return None
        return (Sense.MIN if found[0].sense == pyo.minimize else Sense.MAX), float(pyo.value(found[0]))


def _is_variable(place: int, given: Any) -> bool:
    """Return whether an input is a variable and no number, or refuse it by name."""
    if isinstance(given, (int, float, np.number)):
        return False
    if hasattr(given, "is_indexed") and given.is_indexed():
        raise ModelError(f"input {place} is the indexed {given.name!r}; give its members: list({given.name}.values()).")
    if hasattr(given, "is_variable_type") and given.is_variable_type():
        return True
    raise ModelError(
        f"input {place} is a {type(given).__name__}, {given}; inputs are variables or numbers. Give an expression a "
        "variable of its own, equal to it by a constraint."
    )


def _bounds(variable: Any) -> tuple[float, float]:
    low, high = variable.bounds
    return -math.inf if low is None else float(low), math.inf if high is None else float(high)


def _rows_of(within: Sequence[Any], inputs: Sequence[Any], free: Array) -> Rows:
    """Return constraints on the inputs as rows."""
    from pyomo.repn import generate_standard_repn

    place_of = {id(given): place for place, given in enumerate(inputs) if free[place]}
    rows = RowList()
    for component in within:
        members = component.values() if hasattr(component, "is_indexed") and component.is_indexed() else [component]
        for constraint in members:
            form = generate_standard_repn(constraint.body, compute_values=True, quadratic=False)
            if form.nonlinear_expr is not None or any(id(variable) not in place_of for variable in form.linear_vars):
                raise ModelError(f"{constraint.name!r} in within= must be linear in the inputs alone: {constraint.expr}.")
            low, high = constraint.lb, constraint.ub
            rows.add(
                [place_of[id(variable)] for variable in form.linear_vars],
                [float(value) for value in form.linear_coefs],
                -math.inf if low is None else float(low) - form.constant,
                math.inf if high is None else float(high) - form.constant,
            )
    return rows.rows()
