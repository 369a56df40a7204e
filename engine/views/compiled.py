"""A Pyomo model compiled once to arrays, ready for HiGHS: what `Linear` views and planning action sets are solved as."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.arrays import Array
from redwood.budget import Sense
from redwood.errors import ModelError, OptionError
from redwood.tolerance import ROUNDING, SAME, eased, unit_scale, usable_step
from redwood.views.linear import Rows

if TYPE_CHECKING:
    from highspy import Highs
    from pyomo.environ import ConcreteModel

FREE_DUAL = 1e-7
"""HiGHS's dual tolerance: a reduced cost of this share of the largest cost on an unbounded column counts as zero."""
LOST = 1e-13
"""Share of the magnitudes of its terms that a bound of weak duality can lose to rounding."""
PLAIN_ROWS = 2.0**-13, 2.0**23
"""Rows whose largest entry is between these go to HiGHS as they are; it drops entries of 1e-9 and refuses those of 1e15."""


@dataclass(frozen=True, eq=False)
class CompiledModel:
    """Optimise ``offset + cost x`` subject to ``rows`` and ``lower <= x <= upper``, some columns integer.

    Attributes
    ----------
    sense
        Whether the objective is minimised or maximised.
    offset
        Constant part of the objective.
    cost, lower, upper
        Per column [C]; columns start with the variables that the view listed, in their order. Bounds may be infinite.
    integer
        Which columns are integer [C].
    rows
        The constraints [R].
    """

    sense: Sense
    offset: float
    cost: Array
    lower: Array
    upper: Array
    integer: Array
    rows: Rows

    @property
    def size(self) -> int:
        """Number of columns."""
        return len(self.cost)

    def objective(self, values: Array) -> float:
        """Return the objective at column values [C]."""
        return self.offset + float(self.cost @ values)

    def integral(self, values: Array) -> Array:
        """Return a copy of column values [C] inside the bounds, integer columns rounded."""
        return np.clip(np.where(self.integer, np.rint(values), values), self.lower, self.upper)

    @cached_property
    def step(self) -> float:
        """The objective takes only values ``offset + k * step`` with whole k; 0 where no such step is known."""
        used = self.cost != 0
        costs = np.abs(self.cost[used])
        if not used.any() or not self.integer[used].all() or not (costs == np.rint(costs)).all() or costs.max() > 2**53:
            return 0.0
        return float(np.gcd.reduce(costs.astype(np.int64)))

    def round_bound(self, bound: float) -> float:
        """Return a bound moved to the next value that the objective can take, or, without steps, eased by rounding.

        Bounds come from floating-point solvers; one within a millionth of a step of a value counts as that value. None is
        weaker than what the bounds of the columns say.
        """
        if not self.cost.any():
            return self.offset
        share = SAME if usable_step(self.step, abs(bound)) else ROUNDING
        moved = eased(bound - self.offset, self.sense, step=self.step, magnitude=abs(bound), share=share) + self.offset
        return max(moved, self.box_bound) if self.sense is Sense.MIN else min(moved, self.box_bound)

    @cached_property
    def box_bound(self) -> float:
        """The bound without any row: each column at its better end."""
        used = self.cost != 0
        upward = (self.cost > 0) == (self.sense is Sense.MAX)
        return self.offset + float((self.cost[used] * np.where(upward, self.upper, self.lower)[used]).sum())

    def magnitude(self, values: Array) -> float:
        """Return the sum of the magnitudes that the objective at column values [C] is made of."""
        return abs(self.offset) + float(np.abs(self.cost) @ np.abs(values))

    def highs(self, *, threads: int = 1, seed: int = 0, **options: bool | int | float | str) -> Highs:
        """Return a HiGHS object that holds the model, silent, for as many changes and solves as wanted.

        ``options`` are HiGHS's own. Rows of extreme magnitude are scaled, see `scaled_rows`. Values of `cost` may be changed
        in place with ``changeColsCost``.

        Raises
        ------
        OptionError
            Where HiGHS refuses an option.
        ModelError
            Where HiGHS refuses the model.
        """
        import highspy

        made = quiet_highs()
        for name, value in {"threads": min(threads, os.cpu_count() or 1), "random_seed": seed % 2**31, **options}.items():
            if made.setOptionValue(name, value) == highspy.HighsStatus.kError:
                raise OptionError(f"HiGHS takes no {name}={value!r}.")
        rows = scaled_rows(self.rows)[0]
        status = made.passModel(
            self.size,
            len(self.rows.lower),
            len(self.rows.values),
            int(highspy.MatrixFormat.kRowwise),
            int(highspy.ObjSense.kMinimize if self.sense is Sense.MIN else highspy.ObjSense.kMaximize),
            self.offset,
            self.cost,
            self.lower,
            self.upper,
            rows.lower,
            rows.upper,
            rows.starts,
            rows.columns,
            rows.values,
            self.integer.astype(np.int32),
        )
        if status == highspy.HighsStatus.kError:
            raise ModelError(f"HiGHS refuses the model with {self.size} columns and {len(self.rows.lower)} rows.")
        return made


def quiet_highs() -> Highs:
    """Return a HiGHS object of one thread that logs nothing, not even its banner.

    One with more threads than those before it would end their next runs: HiGHS has one scheduler for all of a process, which
    fixes its number of threads at its first run and refuses any other number after. So it is made anew here.
    """
    import highspy

    highspy.Highs.resetGlobalScheduler(True)

    class QuietHighs(highspy.Highs):  # type: ignore[misc]
        """HiGHS with its log off from the first moment: some versions print a banner while they are constructed."""

        def enableCallbacks(self) -> None:
            self.setOptionValue("output_flag", False)
            super().enableCallbacks()

    made = QuietHighs()
    made.setOptionValue("threads", 1)
    return made


def scaled_rows(rows: Rows) -> tuple[Rows, Array]:
    """Return rows fit for HiGHS's absolute tolerances, and the powers of two [R] that they were multiplied by.

    Multiply the duals of the scaled rows by these powers to get those of the rows given.
    """
    scales = np.ones(len(rows.lower))
    owners = np.repeat(np.arange(len(scales)), np.diff(rows.starts))
    largest = np.zeros(len(scales))
    np.maximum.at(largest, owners, np.abs(rows.values))
    for row in np.flatnonzero((largest > 0) & ((largest < PLAIN_ROWS[0]) | (largest > PLAIN_ROWS[1]))):
        scales[row] = unit_scale(float(largest[row]))
    if (scales == 1.0).all():
        return rows, scales
    return Rows(rows.starts, rows.columns, rows.values * scales[owners], rows.lower * scales, rows.upper * scales), scales


def stack_rows(parts: Sequence[Rows]) -> Rows:
    """Return several sets of rows as one, in their order."""
    sizes = np.cumsum([0] + [len(part.values) for part in parts])
    starts = [np.asarray(part.starts[:-1]) + size for part, size in zip(parts, sizes, strict=False)]
    return Rows(
        np.concatenate([*starts, sizes[-1:]]).astype(np.int32),
        np.concatenate([part.columns for part in parts]).astype(np.int32),
        np.concatenate([part.values for part in parts]).astype(np.float64),
        np.concatenate([part.lower for part in parts]).astype(np.float64),
        np.concatenate([part.upper for part in parts]).astype(np.float64),
    )


def dual_bound(model: CompiledModel, rows: Rows, duals: Array) -> tuple[float, Array]:
    """Return the bound that row duals [R] prove for the model with these rows, and the reduced costs [C].

    By weak duality it holds whatever the duals are, so it needs no trust in the solver that gave them; it is eased by what
    its sum can lose to rounding, and infinite where an unbounded column or row has a dual of the wrong sign.
    """
    sign = 1.0 if model.sense is Sense.MIN else -1.0
    price = sign * duals
    reach = np.where(price > 0, rows.lower, rows.upper)
    price = np.where(np.isfinite(reach), price, 0.0)  # a multiplier of the wrong sign is dropped: any others are as valid
    spread = np.repeat(price, np.diff(rows.starts)) * rows.values
    reduced = sign * model.cost - np.bincount(rows.columns, weights=spread, minlength=model.size)
    corner = np.where(reduced > 0, model.lower, model.upper)
    contribution = np.where(np.isfinite(corner), reduced * np.where(np.isfinite(corner), corner, 0.0), -math.inf)
    free = ~np.isfinite(corner)
    contribution[free & (np.abs(reduced) <= FREE_DUAL * np.abs(model.cost).max(initial=0.0))] = 0.0
    fixed = price * np.where(price != 0, reach, 0.0)
    total = float(fixed.sum() + contribution.sum())
    entries = np.abs(model.cost) + np.bincount(rows.columns, weights=np.abs(spread), minlength=model.size)
    lost = LOST * float(np.abs(fixed).sum() + (entries * np.where(free, 0.0, np.abs(corner))).sum() + abs(model.offset))
    return sign * (total - lost) + model.offset, sign * reduced


def compile_model(model: ConcreteModel, variables: Sequence[Any] = ()) -> CompiledModel:
    """Return a Pyomo model as arrays.

    Parameters
    ----------
    model
        Linear, with exactly one active objective. Fixed variables keep a column, bounded to their value.
    variables
        The variables to come first, in this order, whether the model uses them or not.

    Raises
    ------
    ModelError
        Where the model is nonlinear, has no objective or several, or has components that are no linear program.
    """
    from pyomo.common.gc_manager import PauseGC

    with PauseGC():  # the expression trees are garbage only afterwards
        return _Compiler(model, variables).compile()


class _Compiler:
    """One walk over a model."""

    def __init__(self, model: ConcreteModel, variables: Sequence[Any]) -> None:
        self.model = model
        self.columns: list[Any] = []
        self.column_of: dict[int, int] = {}
        for variable in variables:
            self.add(variable)
        if len(self.columns) != len(variables):
            raise ModelError(f"{len(variables) - len(self.columns)} of the {len(variables)} variables listed are repeated.")

    def compile(self) -> CompiledModel:
        """Return the compiled model."""
        import pyomo.environ as pyo

        self.check_components()
        objectives = list(self.model.component_data_objects(pyo.Objective, active=True))
        if len(objectives) != 1:
            names = ", ".join(objective.name for objective in objectives) or "none"
            raise ModelError(f"a model needs exactly one active objective; this one has {len(objectives)}: {names}.")
        for variable in self.model.component_data_objects(pyo.Var):
            self.add(variable)
        offset, columns, coefficients = self.linear(objectives[0].expr, objectives[0])
        rows = self.rows()
        lower, upper, integer = self.bounds()
        cost = np.zeros(len(self.columns))
        cost[columns] = coefficients
        sense = Sense.MIN if objectives[0].sense == pyo.minimize else Sense.MAX
        return CompiledModel(sense, float(offset), cost, lower, upper, integer, rows)

    def check_components(self) -> None:
        """Refuse active components that would be left out in silence, such as SOS constraints and disjunctions."""
        import pyomo.environ as pyo
        from pyomo.repn.util import categorize_valid_components

        known = {pyo.Block, pyo.Objective, pyo.Constraint, pyo.Var, pyo.Param, pyo.Expression, pyo.Suffix}
        known |= {pyo.Set, pyo.RangeSet, pyo.BuildAction, pyo.BuildCheck}
        _, unknown = categorize_valid_components(self.model, active=True, valid=known, targets=set())
        for kind, components in unknown.items():
            if components:
                raise ModelError(f"{kind.__name__} {components[0].name!r} cannot be part of a linear model.")

    def add(self, variable: Any) -> None:
        """Give a variable a column, where it has none yet."""
        if self.column_of.setdefault(id(variable), len(self.columns)) == len(self.columns):
            self.columns.append(variable)

    def linear(self, expression: Any, owner: Any) -> tuple[float, list[int], Sequence[float]]:
        """Return constant, columns and coefficients of an expression; fixed variables become constants."""
        from pyomo.repn import generate_standard_repn

        form = generate_standard_repn(expression, compute_values=True, quadratic=False)
        if form.nonlinear_expr is not None:
            raise ModelError(f"{owner.name!r} is not linear: {owner.expr}.")
        try:
            columns = [self.column_of[id(variable)] for variable in form.linear_vars]
        except KeyError:
            raise ModelError(f"{owner.name!r} uses a variable that is not part of the model: {owner.expr}.") from None
        return form.constant, columns, form.linear_coefs

    def rows(self) -> Rows:
        """Return all active constraints."""
        import pyomo.environ as pyo

        starts, columns, values = [0], list[int](), list[float]()
        lower, upper = list[float](), list[float]()
        for constraint in self.model.component_data_objects(pyo.Constraint, active=True):
            constant, row_columns, row_values = self.linear(constraint.body, constraint)
            low, high = constraint.lb, constraint.ub
            lower.append(-math.inf if low is None else low - constant)
            upper.append(math.inf if high is None else high - constant)
            columns += row_columns
            values += row_values
            starts.append(len(columns))
        return Rows(
            np.array(starts, np.int32),
            np.array(columns, np.int32),
            np.array(values, float),
            np.array(lower, float),
            np.array(upper, float),
        )

    def bounds(self) -> tuple[Array, Array, Array]:
        """Return lower and upper bounds and integrality of the columns."""
        lower, upper = np.empty(len(self.columns)), np.empty(len(self.columns))
        integer = np.empty(len(self.columns), bool)
        kinds: dict[int, bool] = {}
        for column, variable in enumerate(self.columns):
            low, high = (variable.value, variable.value) if variable.fixed else variable.bounds
            lower[column] = -math.inf if low is None else low
            upper[column] = math.inf if high is None else high
            kind = kinds.get(id(variable.domain))
            if kind is None:
                kind = kinds[id(variable.domain)] = _is_integer(variable)
            integer[column] = kind
        tolerance = 1e-9  # a bound of 0.9999999999 on an integer column means 1
        lower[integer], upper[integer] = np.ceil(lower[integer] - tolerance), np.floor(upper[integer] + tolerance)
        return lower, upper, integer


def _is_integer(variable: Any) -> bool:
    if not variable.is_integer() and not variable.is_continuous():
        raise ModelError(f"variable {variable.name!r} has the domain {variable.domain}; only ranges can be linear.")
    return bool(variable.is_integer())
