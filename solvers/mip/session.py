"""One HiGHS object under a run: its rows grow in place, and no exception, Ctrl-C or status gets lost in it."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import highspy
import numpy as np

from redwood.arrays import Array
from redwood.budget import Sense
from redwood.errors import ModelError, SolverError
from redwood.solver import Run
from redwood.tolerance import HIGHS_LOSS, SAME, unit_scale, usable_step
from redwood.views.compiled import CompiledModel, scaled_rows, stack_rows
from redwood.views.linear import Rows

logger = logging.getLogger(__name__)

LARGEST_COST = 2.0**50
"""Costs that HiGHS gets stay below: it takes 1e20 for infinite."""
REAL_COSTS, WHOLE_COSTS = (2.0**14, 2.0**30), (1.0, 2.0**30)
"""Objectives of these magnitudes go to HiGHS as they are, real ones and those of whole numbers."""

POLL_SECONDS = 0.005
"""How often a running HiGHS is asked to stop, at most."""

MOST_NODES = int(highspy.kHighsIInf)
"""What HiGHS takes for no limit on nodes."""

Kind = highspy.cb.HighsCallbackType
ModelStatus = highspy.HighsModelStatus


class NumericalTroubleError(SolverError):
    """HiGHS has given up on a program, as where its coefficients differ by fifteen magnitudes."""


class Ending(Enum):
    """How a solve ended; every other status of HiGHS is a `NumericalTroubleError`."""

    SOLVED = auto()
    INFEASIBLE = auto()
    UNBOUNDED = auto()
    STOPPED = auto()


ENDINGS = {
    ModelStatus.kOptimal: Ending.SOLVED,
    ModelStatus.kModelEmpty: Ending.SOLVED,
    ModelStatus.kInfeasible: Ending.INFEASIBLE,
    ModelStatus.kUnbounded: Ending.UNBOUNDED,
    ModelStatus.kUnboundedOrInfeasible: Ending.UNBOUNDED,
    ModelStatus.kTimeLimit: Ending.STOPPED,
    ModelStatus.kInterrupt: Ending.STOPPED,
    ModelStatus.kSolutionLimit: Ending.STOPPED,
    ModelStatus.kIterationLimit: Ending.STOPPED,
}


@dataclass(frozen=True)
class Solved:
    """What a solve gave.

    Attributes
    ----------
    ending
        How it ended. `Ending.UNBOUNDED` of a linear relaxation may still mean infeasible.
    values
        Column values [C], or ``None`` where there is no feasible point.
    duals
        Row duals [R] of a linear relaxation, or ``None``.
    bound
        HiGHS's own bound on the objective, eased by its tolerances; meaningful after `Session.branch` alone.
    objective
        What HiGHS takes the objective at ``values`` for; they may be integral up to its tolerance only.
    nodes
        Branch-and-bound nodes explored.
    used_up
        Whether it ended because it had no nodes left.
    """

    ending: Ending
    values: Array | None
    duals: Array | None
    bound: float
    objective: float
    nodes: int
    used_up: bool


class Session:
    """One model in HiGHS, solved again and again while rows are added and columns fixed.

    HiGHS's tolerances are absolute, so it gets objective and rows scaled by powers of two, which loses nothing. All that
    comes out is in the model's own units.
    """

    def __init__(self, model: CompiledModel, run: Run, log: bool = False, **options: bool | int | float | str) -> None:
        self.model = model
        self.rows = model.rows
        self._run = run
        self._log = log
        self._highs = model.highs(threads=run.threads, seed=run.seed, log_to_console=False, output_flag=log, **options)
        self._scale, self._row_scales = 1.0, scaled_rows(model.rows)[1]
        self.rescale(None)

    def rescale(self, incumbent: float | None) -> bool:
        """Scale the objective so that HiGHS's tolerances are small beside an incumbent; returns whether that changed it."""
        model = self.model
        costs = np.where((model.lower == 0) & (model.upper == 0), 0.0, model.cost)
        largest = float(np.abs(costs).max(initial=0.0))
        scale = unit_scale(abs(incumbent or 0.0) or largest, *(WHOLE_COSTS if model.step else REAL_COSTS))
        if largest * scale > LARGEST_COST:
            scale = 2.0 ** math.floor(math.log2(LARGEST_COST / largest))
        changed = scale != self._scale
        if changed or scale != 1.0:  # columns may have been fixed since
            self._scale = scale
            self._set_costs(costs * scale, model.offset * scale)
        return changed

    def precise(self, incumbent: float) -> bool:
        """Return whether HiGHS's absolute tolerances are small beside an incumbent, or beside a step of the objective."""
        loss = HIGHS_LOSS / self._scale
        return loss <= 0.5 * SAME * abs(incumbent) or loss <= 0.1 * usable_step(self.model.step, abs(incumbent))

    def _set_costs(self, costs: Array, offset: float) -> None:
        self._highs.changeColsCost(len(costs), np.arange(len(costs), dtype=np.int32), costs)
        self._highs.changeObjectiveOffset(offset)

    def _eased(self, bound: float) -> float:
        """Return a bound of HiGHS in the model's units, less what its tolerances can have added."""
        bound = bound / self._scale
        loss = HIGHS_LOSS / self._scale + 0.25 * SAME * abs(bound)
        return bound - loss if self.model.sense is Sense.MIN else bound + loss

    def add(self, rows: Rows) -> None:
        """Add rows."""
        self.rows = stack_rows([self.rows, rows])
        rows, scales = scaled_rows(rows)
        self._row_scales = np.concatenate([self._row_scales, scales])
        status = self._highs.addRows(
            len(rows.lower),
            np.asarray(rows.lower, np.float64),
            np.asarray(rows.upper, np.float64),
            len(rows.values),
            np.asarray(rows.starts[:-1], np.int32),
            np.asarray(rows.columns, np.int32),
            np.asarray(rows.values, np.float64),
        )
        if status == highspy.HighsStatus.kError:
            raise ModelError(f"HiGHS refuses {len(rows.lower)} separated rows; do they name columns that exist?")

    def fix(self, columns: Array, values: Array) -> None:
        """Fix columns [F] to values [F]."""
        lower, upper = self.model.lower.copy(), self.model.upper.copy()
        lower[columns] = upper[columns] = values
        self.model = dataclasses.replace(self.model, lower=lower, upper=upper)
        self._highs.changeColsBounds(len(columns), columns.astype(np.int32), values, values)

    def forget(self) -> None:
        """Drop the last basis and point, which HiGHS begins with otherwise."""
        self._highs.clearSolver()

    def relax(self) -> Solved:
        """Solve the linear relaxation, from the last basis where there is one."""
        self._highs.setOptionValue("solve_relaxation", True)
        return self._solve([Kind.kCallbackSimplexInterrupt], lambda values: False, lambda bound: False)

    def branch(
        self,
        start: Array | None,
        on_solution: Callable[[Array], bool],
        on_bound: Callable[[float], bool],
    ) -> Solved:
        """Solve the mixed-integer program.

        Parameters
        ----------
        start
            Column values [C] to start from, NaN where unknown.
        on_solution
            Called with the column values [C] of every improving solution, while the search goes on; returns whether to stop.
        on_bound
            Called with the bound, now and then; returns whether it is good enough to stop.

        Raises
        ------
        SolverError
            Where the model is unbounded, or HiGHS fails (`NumericalTroubleError`).
        """
        self._highs.setOptionValue("solve_relaxation", False)
        step = usable_step(self.model.step, abs(self._run.objective or 0.0))
        self._highs.setOptionValue("mip_abs_gap", 0.999 * step * self._scale)  # the objective takes no value in between
        self._highs.setOptionValue("mip_max_nodes", int(min(self._run.iterations_left, MOST_NODES)))
        if start is not None:
            known = np.flatnonzero(~np.isnan(start)).astype(np.int32)
            self._highs.setSolution(len(known), known, start[known])
        kinds = [Kind.kCallbackMipImprovingSolution, Kind.kCallbackMipInterrupt]
        solved = self._solve(kinds, on_solution, on_bound)
        if solved.ending is Ending.UNBOUNDED:
            return self._tell_unbounded(kinds)
        return solved

    def _tell_unbounded(self, kinds: list[Any]) -> Solved:
        """Tell an unbounded model from an infeasible one, which presolve may leave open, by solving it without costs."""
        self._set_costs(np.zeros(self.model.size), 0.0)
        solved = self._solve(kinds, lambda values: False, lambda bound: False)
        self._set_costs(self.model.cost * self._scale, self.model.offset * self._scale)
        if solved.ending is Ending.SOLVED:
            raise SolverError("the model is unbounded: feasible solutions may be as good as one likes.")
        return solved

    def _solve(self, kinds: list[Any], on_solution: Callable[[Array], bool], on_bound: Callable[[float], bool]) -> Solved:
        """Run HiGHS with callbacks; what they raise stops HiGHS and is raised from here."""
        failures: list[BaseException] = []
        enough, polled = False, 0.0

        def listen(kind: Any, message: str, data: Any, answer: Any, _: Any) -> None:
            nonlocal enough, polled
            try:
                if kind == Kind.kCallbackLogging:
                    logger.info(message.rstrip())
                    return
                if kind == Kind.kCallbackMipImprovingSolution:
                    enough = on_solution(np.array(data.mip_solution)) or enough
                    return
                if time.perf_counter() - polled >= POLL_SECONDS:
                    good = kind == Kind.kCallbackMipInterrupt and on_bound(self._eased(data.mip_dual_bound))
                    enough = good or self._run.stops() or enough
                    polled = time.perf_counter()
            except BaseException as failure:  # HiGHS would swallow it
                failures.append(failure)
            answer.user_interrupt = enough or bool(failures) or bool(signals)

        self._highs.setOptionValue("time_limit", self._run.seconds_left)
        kinds = [*kinds, Kind.kCallbackLogging] if self._log else kinds
        self._highs.setCallback(listen, None)
        for kind in kinds:
            self._highs.startCallback(kind)
        with _deferred_interrupt() as signals:
            status = self._highs.run()
        for kind in kinds:
            self._highs.stopCallback(kind)
        if failures:
            raise failures[0]
        return self._solved(status)

    def _solved(self, status: Any) -> Solved:
        model_status, info = self._highs.getModelStatus(), self._highs.getInfo()
        ending = ENDINGS.get(model_status)
        if ending is None or status == highspy.HighsStatus.kError:
            raise NumericalTroubleError(f"HiGHS gave up with status {model_status.name[1:]}.")
        solution = self._highs.getSolution()
        feasible = info.primal_solution_status == 2 or model_status == ModelStatus.kModelEmpty
        values = np.array(solution.col_value) if feasible else None
        duals = np.array(solution.row_dual) * self._row_scales / self._scale if solution.dual_valid else None
        used_up = model_status == ModelStatus.kSolutionLimit
        objective = info.objective_function_value / self._scale
        return Solved(
            ending, values, duals, self._eased(info.mip_dual_bound), objective, max(0, info.mip_node_count), used_up
        )


@contextlib.contextmanager
def _deferred_interrupt() -> Iterator[list[int]]:
    """Note Ctrl-C in the list given, and act on it at the end.

    Python's own way, an exception out of whatever runs, would be raised inside a callback, where HiGHS swallows it.
    """
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    previous = signal.signal(signal.SIGINT, lambda number, frame: noted.append(number))
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, previous)
    if noted and callable(previous):
        previous(signal.SIGINT, None)
