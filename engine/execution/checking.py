"""What whoever asked for a run makes of it: every answer and report priced and checked anew, on a copy of the instance."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from redwood.budget import Sense, Termination
from redwood.clock import Timer
from redwood.errors import SolutionError
from redwood.execution.messages import error_text, unpack_solution
from redwood.execution.task import Outcome
from redwood.planning.contract import Policy
from redwood.problem import Instance, Problem, Solution
from redwood.result import Result, Status, Timing
from redwood.solver import Answer, Incumbent
from redwood.tolerance import CONFLICT, ROUNDING, contradicts, same
from redwood.views.bound import Bound

logger = logging.getLogger(__name__)

PATIENCE = 1.0
"""Seconds that the bound may take after Ctrl-C."""
CUT_SHORT = "The bound was cut short."
"""Said where more time may give a better bound."""


@dataclass(frozen=True)
class Checker:
    """A problem and an instance as they were before a solver saw them: prices and checks what comes of the run.

    The methods are looked up before the run, so that a solver in this process which replaces them changes nothing.
    """

    problem: Problem[Any, Any]
    instance: Instance
    objective: Callable[[Any, Any], float]
    violations: Callable[[Any, Any], list[str]]

    @classmethod
    def of(cls, problem: Problem[Any, Any], instance: Instance, *, apart: bool) -> Checker:
        """Return the checker of an instance, with a copy of it unless the solver runs ``apart``, on a copy of its own."""
        kept = instance if apart else copy.deepcopy(instance)
        return cls(problem, kept, problem.objective, problem.violations)

    def price(self, solution: Any) -> float:
        """Return the objective of a solution.

        Raises
        ------
        SolutionError
            Where it is infeasible, malformed or of another type, or its objective is no finite number.
        """
        if not isinstance(solution, self.problem.solution_type):
            raise SolutionError(f"it is a {type(solution).__name__} and not a {self.problem.solution_type.__name__}.")
        try:
            violations = self.violations(self.instance, solution)
            value = math.nan if violations else float(self.objective(self.instance, solution))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a policy runs code of its own here
            raise SolutionError(error_text(error)) from error
        if violations:
            raise SolutionError(violations[0])
        if not math.isfinite(value):
            raise SolutionError("its objective is not finite")
        return value

    def incumbent(self, seconds: float, claimed: float, data: bytes) -> Incumbent:
        """Return an improvement that a solver's process has reported, priced and checked here.

        Raises
        ------
        SolutionError
            Where its solution is infeasible or worth something else than was claimed.
        """
        solution = unpack_solution(self.problem, data)
        value = self.price(solution)
        if not _same(value, claimed):
            raise SolutionError(f"it was reported as {claimed:.9g} and is {value:.9g}.")
        return Incumbent(seconds, value, solution)


def conclude(
    checker: Checker,
    outcome: Outcome,
    *,
    solver: str,
    version: str = "",
    seed: int = 0,
    bound_time_limit: float = 0.0,
    initial: str | None = None,
    note: str = "",
) -> Result:
    """Check and price what a run came to, bound it, and return the result.

    Parameters
    ----------
    checker
        Of the instance, made before the run.
    outcome
        What the run came to.
    solver, version, seed
        Name of the solver, version of the plugin that brought it, and the seed used, for the result.
    bound_time_limit
        Seconds for the problem's own bound; 0 for none.
    initial
        What became of the initial solution.
    note
        What the message of the result ends with.
    """
    problem, instance = checker.problem, checker.instance
    answer = outcome.answer or Answer(None)
    solution, objective, complaint, beaten = _best_checked(checker, outcome)
    proven = answer.proven and not complaint and not beaten
    failed = bool(outcome.error or complaint)
    margin = 0.0 if solution is None else problem.margin(instance, solution)
    magnitude = problem.magnitude(instance)
    bound, warning = _best_bound(problem.sense, objective, [outcome.bound, answer.bound], margin, magnitude)
    if proven and objective is not None:
        bound = objective
    bound_taken = 0.0
    if outcome.stopped is Termination.INTERRUPTED:
        bound_time_limit = min(bound_time_limit, PATIENCE)
    if not proven and not failed and bound_time_limit > 0 and problem.offers(Bound):
        own, more_warning, bound_taken = _own_bound(checker, outcome, bound_time_limit, objective)
        bound, refuted = _best_bound(problem.sense, objective, [bound, own], margin, magnitude)
        said = more_warning if more_warning != CUT_SHORT or bound == own else ""  # nobody cares for one that is beaten
        warning = " ".join(part for part in (warning, said, refuted) if part)
    status = _status(objective, bound, proven, failed, magnitude)
    comment = "" if solution is None else problem.comment(instance, solution, objective, bound) or _deciding(solution)
    words = (outcome.error or complaint, beaten, warning, answer.message, note, comment)
    return Result(
        problem=problem.name,
        instance=instance.name,
        size=instance.size,
        solver=solver,
        version=version,
        seed=seed,
        status=status,
        termination=_termination(outcome, status, proven, failed),
        objective=objective,
        bound=bound,
        best_known=instance.best_known,
        seconds=Timing(outcome.load_seconds, outcome.compile_seconds, outcome.solve_seconds, bound_taken),
        trajectory=_whole_trajectory(problem.sense, outcome, objective),
        solution=solution,
        initial=initial,
        message=" ".join(part for part in words if part),
        source=instance,
        authority=problem,
    )


def _best_checked(checker: Checker, outcome: Outcome) -> tuple[Solution | None, float | None, str, str]:
    """Return the better of answer and best report, its objective, a complaint about either, and one about the proof."""
    best, objective, complaint, beaten = None, None, "", ""
    answer = outcome.answer or Answer(None)
    for word, candidate in (("answered with", answer.solution), ("reported", outcome.best)):
        if candidate is None:
            continue
        try:
            value = checker.price(candidate)
        except SolutionError as error:
            complaint = f"the solver {word} an infeasible solution: {error}"
            continue
        if word == "reported" and outcome.trajectory and not _same(value, outcome.trajectory[-1][1]):
            complaint = f"the solver reported {outcome.trajectory[-1][1]:.9g} for a solution that is {value:.9g}"
        if checker.problem.sense.better(value, objective):
            if objective is not None and answer.proven and not _same(value, objective):
                beaten = f"The answer {objective:.9g} was called optimal, and {value:.9g} was reported before."
            best, objective = candidate, value
    return best, objective, complaint, beaten


def _deciding(solution: Solution | None) -> str:
    """Return what decides in a policy, in words; nothing for other solutions."""
    if not isinstance(solution, Policy):
        return ""
    described = solution.describe()
    said = {True: ", each action a proven maximum", False: ", no action proven to be a maximum", None: ""}
    return f"Decides by {described['decides_by']}{said[described['proven']]}."


def _same(first: float, second: float) -> bool:
    return same(first, second, share=CONFLICT)


def _whole_trajectory(sense: Sense, outcome: Outcome, objective: float | None) -> tuple[tuple[float, float], ...]:
    """Return every improvement, with the answer at the end of the run where it is better than all that was reported.

    Improvements beyond what was checked in the end are lies, and left out.
    """
    points = tuple(
        (seconds, value)
        for seconds, value in outcome.trajectory
        if objective is not None and (_same(value, objective) or not sense.better(value, objective))
    )
    if objective is None or not sense.better(objective, points[-1][1] if points else None):
        return points
    if points and same(objective, points[-1][1], share=ROUNDING):
        return (*points[:-1], (points[-1][0], objective))
    return (*points, (outcome.solve_seconds, objective))


def _own_bound(checker: Checker, outcome: Outcome, limit: float, objective: float | None) -> tuple[float | None, str, float]:
    """Return the problem's own bound, a word where it could be better, and its seconds; no solution is lost on the way."""
    began, clock = time.perf_counter(), Timer(limit)
    try:
        view = checker.problem.view(Bound, checker.instance)
        view.warm_up()
        clock = Timer(limit)
        outcome.compile_seconds += time.perf_counter() - began
        found = view.bound(clock, objective)
        return float(found.value), CUT_SHORT if found.cut_short else "", clock.seconds
    except KeyboardInterrupt:
        return None, "The bound was interrupted.", clock.seconds
    except BaseException as failure:
        logger.debug("the bound of problem %s failed", checker.problem.name, exc_info=True)
        return None, f"The bound failed: {error_text(failure)}", clock.seconds


def _best_bound(
    sense: Sense, objective: float | None, bounds: Sequence[float | None], margin: float, magnitude: float
) -> tuple[float | None, str]:
    """Return the tightest bound that the objective does not contradict, and a complaint about those it does."""
    finite = [bound for bound in bounds if bound is not None and math.isfinite(bound)]
    valid = [bound for bound in finite if not contradicts(sense, objective, bound, margin, magnitude)]
    wrong = [bound for bound in finite if contradicts(sense, objective, bound, margin, magnitude)]
    warning = (
        f"A bound of {wrong[0]:.9g} contradicts the checked objective {objective:.9g} and was dropped." if wrong else ""
    )
    if not valid:
        return None, warning
    return (max(valid) if sense is Sense.MIN else min(valid)), warning


def _status(objective: float | None, bound: float | None, proven: bool, failed: bool, magnitude: float) -> Status:
    if failed:
        return Status.FAILED
    if objective is None:
        return Status.INFEASIBLE if proven else Status.NONE
    closed = bound is not None and same(objective, bound, magnitude)
    return Status.OPTIMAL if proven or closed else Status.FEASIBLE


def _termination(outcome: Outcome, status: Status, proven: bool, failed: bool) -> Termination:
    if failed:
        return Termination.KILLED if outcome.stopped is Termination.KILLED else Termination.ERROR
    if proven:
        return Termination.INFEASIBLE if status is Status.INFEASIBLE else Termination.OPTIMAL
    return outcome.stopped or Termination.CONVERGED
