"""One run of one solver in this process: what it is given, and what it came to before anybody has checked it."""

from __future__ import annotations

import logging
import math
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from redwood.budget import Budget, Termination
from redwood.clock import OutOfTimeError
from redwood.errors import (
    FitError,
    InstanceError,
    MissingDependencyError,
    NoSolutionError,
    OptionError,
    RedwoodError,
    SolverError,
)
from redwood.execution.messages import LONGEST_TEXT, error_text
from redwood.problem import Instance, Problem, Solution
from redwood.solver import Answer, Incumbent, Run, Solver

logger = logging.getLogger(__name__)

USAGE_ERRORS = (OptionError, FitError, MissingDependencyError, InstanceError)
"""What a solver may raise to say that it was called wrongly: passed on to the caller instead of becoming a status."""

NO_TIME = "The time limit ended the work before there was a first solution."
"""What is said of a run whose time was over while its first solution was being made."""

Listener = Callable[[int, Incumbent], None]
"""Told of each improvement and the position of its instance among the tasks."""


@dataclass(frozen=True)
class Task:
    """One instance to be solved: everything that a run needs, fit to be sent to another process.

    The views of the problem that the solver needs are warmed up before its clock starts.
    """

    problem: Problem[Any, Any]
    instance: Instance
    solver: Solver
    budget: Budget
    seed: int = 0
    initial: Solution | None = None
    threads: int = 1
    partner: Solver | None = None
    views: frozenset[str] = frozenset()

    def load(self) -> None:
        """Warm up the views and let the solver prepare: what the clock does not count.

        Raises
        ------
        FitError
            Where the instance asks for what the solver does not keep.
        """
        if lacking := sorted(self.instance.asks - self.solver.keeps):
            raise FitError(
                f"{type(self.solver).__name__} does not keep {' and '.join(lacking)}, which the instance asks for."
            )
        for kind in self.problem.views:
            if kind.__name__ in self.views:
                with suppress(NoSolutionError):  # the solver comes to the same, and says so
                    self.problem.view(kind, self.instance).warm_up()
        self.solver.prepare(self.problem, self.instance)
        if self.partner is not None:
            self.partner.prepare(self.problem, self.instance)

    def run(self, on_improvement: Callable[[Incumbent], None] | None = None) -> Run:
        """Return a fresh run for the task."""
        return Run(
            self.problem,
            self.instance,
            budget=self.budget,
            seed=self.seed,
            initial=self.initial,
            threads=self.threads,
            on_improvement=on_improvement,
            partner=self.partner,
        )


@dataclass
class Outcome:
    """What became of one run, in whatever process.

    Attributes
    ----------
    answer, best
        What the solver claims, and the best solution that it has reported, neither checked by whoever asked.
    trajectory
        Seconds and objective of each improvement.
    bound
        The best bound that it has reported.
    stopped
        Why the run ended, or ``None`` where the solver had nothing left to do.
    processor_seconds, peak_mb
        Processor time of the search and the largest resident memory, known of other processes only.
    method
        How a bound was proven, where only that was asked for.
    error
        What went wrong, in words; empty where nothing did.
    refused
        Whether that is the solver's own word that it does not take the instance.
    """

    answer: Answer | None = None
    best: Solution | None = None
    trajectory: list[tuple[float, float]] = field(default_factory=list)
    bound: float | None = None
    stopped: Termination | None = None
    compile_seconds: float = 0.0
    solve_seconds: float = 0.0
    load_seconds: float = 0.0
    processor_seconds: float | None = None
    peak_mb: float | None = None
    method: str = ""
    error: str = ""
    refused: bool = False


class _CallbackFailedError(BaseException):
    """Ends a run whose caller's function raised: no solver takes it for a failure of its own."""


class _Callback:
    """Calls the caller's function and remembers what it raised, for some libraries swallow what comes out of a callback."""

    def __init__(self, function: Listener) -> None:
        self.error: BaseException | None = None
        self._function = function

    def __call__(self, position: int, incumbent: Incumbent) -> None:
        if self.error is not None:
            raise _CallbackFailedError
        try:
            self._function(position, incumbent)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.error = error
            raise _CallbackFailedError from error


def execute(
    tasks: Sequence[Task], on_improvement: Listener | None = None, on_ready: Callable[[float], None] | None = None
) -> list[Outcome]:
    """Run tasks of one problem and solver in this process; whatever ends a run, the best solution reported survives.

    Several are given to the solver's `run_many`, and their seconds are those of the batch divided by its size.

    Parameters
    ----------
    tasks
        Of one problem and one solver.
    on_improvement
        Called with each improvement, timed on the clock of the whole batch.
    on_ready
        Called with the seconds that compiling and loading took, before the clock starts.

    Raises
    ------
    RedwoodError
        What the solver raised because it was called wrongly.
    BaseException
        What ``on_improvement`` raised, but for KeyboardInterrupt, which ends the run.
    """
    first, began = tasks[0], time.perf_counter()
    callback = None if on_improvement is None else _Callback(on_improvement)
    answers: Sequence[Any] = [None] * len(tasks)
    compiled, error, runs = 0.0, "", []
    stopped: Termination | None = None
    try:
        first.load()
        compiled = time.perf_counter() - began
        if on_ready is not None:
            on_ready(compiled)
        runs = [task.run(None if callback is None else partial(callback, i)) for i, task in enumerate(tasks)]
        answers = _answers(tasks, runs)
    except KeyboardInterrupt:
        stopped = Termination.INTERRUPTED
    except NoSolutionError as none:
        answers = [Answer(run.best, message=str(none)) for run in runs]
    except OutOfTimeError:
        answers = [Answer(run.best, message="" if run.best else NO_TIME) for run in runs]
    except USAGE_ERRORS:
        raise
    except _CallbackFailedError:
        pass  # raised below
    except BaseException as failure:  # a solver that calls sys.exit() has failed, and nobody else
        logger.debug("solver %s failed", type(first.solver).__name__, exc_info=True)
        stopped, error = Termination.ERROR, f"{error_text(failure)}{_place_of(failure)}"
    if callback is not None and callback.error is not None:
        raise callback.error
    solved = max(0.0, time.perf_counter() - began - compiled) / len(tasks)
    outcomes = [outcome_of(run) for run in runs or [task.run() for task in tasks]]
    for outcome, answer in zip(outcomes, answers, strict=True):
        outcome.compile_seconds, outcome.solve_seconds = compiled, solved
        if stopped is not None:
            outcome.stopped, outcome.error = stopped, error
        elif not outcome.error:
            _take_answer(outcome, answer, first.problem.solution_type)
    return outcomes


def _place_of(error: BaseException) -> str:
    """Return the file and line in which an error of a solver arose; nothing for errors that say all in words."""
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, RedwoodError) or not frames:
        return ""
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"


def _answers(tasks: Sequence[Task], runs: Sequence[Run]) -> Sequence[Any]:
    """Let the solver answer, on clocks that start now."""
    first = tasks[0]
    for run in runs:
        run.start_clock()
    if len(tasks) == 1:
        return [first.solver.run(first.problem, first.instance, runs[0])]
    answers = first.solver.run_many(first.problem, [task.instance for task in tasks], runs)
    if not isinstance(answers, Sequence) or len(answers) != len(tasks):
        found = f"{len(answers)} answers" if isinstance(answers, Sequence) else f"a {type(answers).__name__}"
        raise SolverError(f"run_many returned {found} for {len(tasks)} instances.")
    return answers


def outcome_of(run: Run) -> Outcome:
    """Return what a run has come to without its answer; a state of a wrong type is an error of the outcome."""
    try:
        trajectory = [(float(seconds), float(objective)) for seconds, objective in run.trajectory]
        stopped = None if run.stopped is None else Termination(run.stopped)
        return Outcome(None, run.best, trajectory, checked_bound(run.bound), stopped)
    except Exception as error:
        return Outcome(stopped=Termination.ERROR, error=f"the solver has damaged its run: {error_text(error)}")


def _take_answer(outcome: Outcome, answer: Any, expected: type[Solution]) -> None:
    try:
        outcome.answer = checked_answer(answer, expected)
    except SolverError as error:
        outcome.stopped, outcome.error = Termination.ERROR, str(error)


def checked_answer(answer: Any, expected: type[Solution]) -> Answer:
    """Return what a solver answered, as an `Answer` whose parts have the types that they should have.

    Raises
    ------
    SolverError
        Where it is no answer, or a part is of a wrong type.
    """
    if not isinstance(answer, Answer):
        raise SolverError(f"the solver returned a {type(answer).__name__} and not an Answer.")
    try:
        solution, bound, proven, message = answer.solution, answer.bound, answer.proven, answer.message
    except Exception as error:
        raise SolverError(f"the answer cannot be read: {error_text(error)}") from error
    if solution is not None and not isinstance(solution, expected):
        raise SolverError(f"the solver answered with a {type(solution).__name__} and not a {expected.__name__}.")
    if not isinstance(message, str):
        raise SolverError(f"the message of the answer is a {type(message).__name__} and not a text.")
    if not isinstance(proven, (bool, np.bool_)):
        raise SolverError(f"proven is a {type(proven).__name__} and not True or False.")
    return Answer(solution, checked_bound(bound), bool(proven), message[:LONGEST_TEXT])


def checked_bound(bound: Any) -> float | None:
    """Return a bound as a float, or ``None`` for none and for what is no number; NumPy's numbers are converted.

    Raises
    ------
    SolverError
        Where it is of a wrong type.
    """
    if bound is None:
        return None
    if isinstance(bound, np.ndarray) and bound.ndim == 0:
        bound = bound.item()
    if isinstance(bound, bool) or not isinstance(bound, Real):
        raise SolverError(f"the bound is {bound!r:.100}, a {type(bound).__name__} and not a number.")
    try:
        value = float(bound)
    except Exception as error:
        raise SolverError(f"the bound cannot be read: {error_text(error)}") from error
    return None if math.isnan(value) else value
