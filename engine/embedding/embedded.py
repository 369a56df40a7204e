"""`Embedded`: a predictor in a model: its outputs, what it cost, and the check after a solve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.budget import Sense
from redwood.embedding.formulation import Formulation
from redwood.embedding.predictor import Predictor
from redwood.embedding.target import Target
from redwood.errors import OptionError, SolutionError, SolverError


@dataclass(frozen=True)
class EmbeddingReport:
    """What a predictor costs a model.

    Attributes
    ----------
    kind
        The predictor's class.
    columns, rows, binaries
        Those added; outputs of compiled models and the rows that keep the inputs within their bounds not counted.
    relus, undecided
        ReLUs, and those that the limits leave undecided; 0 for trees.
    leaves
        Leaves that can be reached; 0 for networks.
    limits
        How limits of ReLUs were found.
    greatest_limit
        The largest big-M constant.
    seconds
        Time of reading, limits and rows.
    single_precision_error
        The most by which the predictor's own precision differed from double at random points; 0 where it is double.
    """

    kind: str
    columns: int
    rows: int
    binaries: int
    relus: int
    undecided: int
    leaves: int
    limits: str
    greatest_limit: float
    seconds: float
    single_precision_error: float

    def __str__(self) -> str:
        what = (
            f"{self.leaves} leaves"
            if self.leaves
            else f"{self.undecided} of {self.relus} ReLUs undecided by {self.limits} limits"
        )
        text = (
            f"{self.kind}: {self.columns} columns, {self.rows} rows, {self.binaries} binaries; {what}; {self.seconds:.2f} s"
        )
        error = self.single_precision_error
        return text + (f"; single precision differs by up to {error:.1g}" if error else "")


@dataclass(frozen=True, eq=False)
class EmbeddingCheck:
    """What the predictor itself says of a solution.

    Attributes
    ----------
    inputs
        The point [inputs]: integer inputs rounded, those of trees moved into the cell that the binaries say.
    predicted, claimed
        The outputs [n] by the predictor there, in double precision, and by the program.
    deviation
        The most by which they differ, relative to the predicted value from 1 on.
    moved
        The most by which an input was moved.
    single_precision_error
        The most by which the predictor in its own precision differs there from double precision; 0 where it is double.
    label
        The class chosen, with ``classes=True``.
    bound
        The solver's dual bound on the objective, where it was given.
    """

    inputs: Array
    predicted: Array
    claimed: Array
    deviation: float
    moved: float
    single_precision_error: float
    label: Any = None
    bound: float | None = None


class Embedded:
    """A predictor in a model.

    Attributes
    ----------
    outputs
        Pyomo expressions, or the columns' numbers in a compiled model.
    model
        The Pyomo block, or the new compiled model.
    chosen, labels
        With ``classes=True`` a binary for each class, and the classes.
    formulation
        The columns and rows as arrays.
    """

    def __init__(
        self,
        predictor: Predictor,
        target: Target,
        formulation: Formulation,
        report: EmbeddingReport,
        first_class: int | None,
        tolerance: float,
    ) -> None:
        self._predictor, self._target, self._report = predictor, target, report
        self._first_class, self._tolerance = first_class, tolerance
        self.formulation = formulation
        self.model, self.outputs, self.chosen = target.write(formulation, first_class)
        count = len(self.chosen)
        self.labels: tuple[Any, ...] = predictor.labels or tuple(range(count)) if count else ()

    def report(self) -> EmbeddingReport:
        """Return what the predictor costs the model."""
        return self._report

    def highs_options(self) -> dict[str, Any]:
        """Return options of HiGHS that were measured to be best for what was embedded, alone over a box.

        Trees' relaxations are tight, so that presolve, which looks at each of their many binaries, takes most of the time.
        Before ReLUs it finds little, and the restarts that it allows solve the root again; of the heuristics by smaller
        programs one finds what three look for.
        """
        options: dict[str, Any] = {"presolve": "off"}
        if self._report.undecided:
            options |= {"mip_heuristic_run_rins": False, "mip_heuristic_run_root_reduced_cost": False}
        return options

    def start(self, point: Any) -> Any:
        """Give all variables of the embedding the values that belong to a point [inputs], for a solver that warm-starts.

        Returns
        -------
        values
            ``None`` for Pyomo, whose variables then hold them; for a compiled model its column values, NaN for others'.
        """
        given = np.asarray(point, float)
        if given.shape != self._target.low.shape:
            raise SolutionError(
                f"a point of shape {list(given.shape)} is given; the predictor has {len(self._target.low)} inputs."
            )
        if not ((self._target.low <= given) & (given <= self._target.high)).all():
            raise SolutionError("the point to begin from lies outside the bounds of the inputs.")
        return self._target.start(self.formulation.complete(given))

    def check(self, solution: Any = None, *, results: Any = None, tolerance: float | None = None) -> EmbeddingCheck:
        """Return what the predictor itself says of a solution.

        Parameters
        ----------
        solution
            Column values of a compiled model; a Pyomo model holds its solution itself.
        results
            What Pyomo's solver returned, or the dual bound as a number: it is held against the objective reached.
        tolerance
            The greatest deviation allowed, relative to the predicted value from 1 on; by default the embedding's.

        Raises
        ------
        SolverError
            Where the program's outputs, the class or the bound are not what the predictor says.
        SolutionError
            Where there is no solution.
        """
        allowed = self._tolerance if tolerance is None else tolerance
        if not allowed > 0:
            raise OptionError(f"tolerance {allowed} must be above 0.")
        values = self._target.values(solution)
        count = self.formulation.inputs
        point = np.clip(self.formulation.snap(values), self._target.low, self._target.high)
        point = np.where(self._target.integer, np.rint(point) + 0.0, point)  # 0.0 in place of -0.0
        claimed = self.formulation.outputs @ values + self.formulation.offset
        predicted = self._predictor.evaluate(point[None])[0]
        moved = np.abs(point - values[:count]) / np.maximum(1.0, np.abs(point))
        deviation = np.abs(claimed - predicted) / np.maximum(1.0, np.abs(predicted))
        single = np.zeros(1) if self._predictor.as_is is None else np.abs(self._predictor.as_is(point[None])[0] - predicted)
        self._agree(claimed, predicted, deviation, moved, allowed)
        bound = self._bound(results, solution, allowed)
        label = self._label(values, predicted)
        worst, far, rounding = (float(numbers.max(initial=0.0)) for numbers in (deviation, moved, single))
        return EmbeddingCheck(point, predicted, claimed, worst, far, rounding, label, bound)

    def _agree(self, claimed: Array, predicted: Array, deviation: Array, moved: Array, allowed: float) -> None:
        if not (deviation <= allowed).all():
            worst = int(np.argmax(np.where(np.isnan(deviation), np.inf, deviation)))
            raise SolverError(
                f"the program claims {claimed[worst]:.9g} for output {worst}, the predictor says {predicted[worst]:.9g}: "
                f"a deviation of {deviation[worst]:.2g}, above the tolerance {allowed:.2g}. Tighten the solver's tolerances "
                "or the inputs' bounds; with sense= make sure that the outputs are optimised that way."
            )
        if not (moved <= max(allowed, 1e-5)).all():
            worst = int(np.argmax(moved))
            raise SolverError(
                f"input {worst} lies {moved[worst]:.2g} off the nearest point that the program's binaries allow."
            )

    def _label(self, values: Array, predicted: Array) -> Any:
        """Return the class that both the program and the predictor choose."""
        if self._first_class is None:
            return None
        scores = np.concatenate([[0.0], predicted]) if len(predicted) == 1 else predicted
        program, own = int(values[self._first_class :].argmax()), int(scores.argmax())
        if program != own:
            raise SolverError(f"the program chooses class {self.labels[program]!r}, and the predictor {self.labels[own]!r}.")
        return self.labels[own]

    def _bound(self, results: Any, solution: Any, allowed: float) -> float | None:
        """Return the dual bound, held against the objective."""
        if results is None:
            return None
        objective = self._target.objective(solution)
        if isinstance(results, (int, float, np.number)):
            bound = float(results)
        elif objective is None:
            raise OptionError("results are given for a model without one active objective; give the bound as a number.")
        else:
            problem = results.problem[0] if hasattr(results.problem, "__getitem__") else results.problem
            bound = float(problem.lower_bound if objective[0] is Sense.MIN else problem.upper_bound)
        if objective is not None:
            sense, value = objective
            past = bound - value if sense is Sense.MIN else value - bound
            if not past <= allowed * max(1.0, abs(value)):
                raise SolverError(
                    f"the solver's bound {bound:.9g} excludes the objective {value:.9g} that its solution reaches."
                )
        return bound
