"""One run of one solver: executing it, and checking, pricing and bounding what it came to."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from redwood.budget import Budget, Sense, Termination
from redwood.clock import Timer
from redwood.errors import FitError, InstanceError, MissingDependencyError, NoSolutionError, OptionError, RedwoodError
from redwood.execution.bounding import contradicts
from redwood.planning.contract import Policy
from redwood.plugins.host import Entry, host
from redwood.plugins.spec import SolverSpec
from redwood.problem import Instance, Problem, Solution
from redwood.result import Result, Status, Timing
from redwood.solver import Answer, Incumbent, Run, Solver
from redwood.tolerance import same
from redwood.views.bound import Bound

logger = logging.getLogger(__name__)

PATIENCE = 1.0
"""Seconds that the bound may take after Ctrl-C."""

USAGE_ERRORS = (OptionError, FitError, MissingDependencyError, InstanceError)
"""What a solver may raise to say that it was called wrongly: passed on to the caller instead of becoming a status."""


@dataclass
class Outcome:
    """What became of one run, in this process or in a worker."""

    answer: Answer | None
    best: Solution | None
    trajectory: list[tuple[float, float]]
    bound: float | None
    stopped: Termination | None
    compile_seconds: float = 0.0
    solve_seconds: float = 0.0
    load_seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class Task:
    """One instance to be solved: everything that a run needs, fit to be sent to another process."""

    problem: Problem[Any, Any]
    instance: Instance
    solver: Solver
    budget: Budget
    seed: int
    initial: Solution | None
    threads: int

    def run(self, on_improvement: Callable[[Incumbent], None] | None = None, partner: Solver | None = None) -> Run:
        """Return a fresh run for the task."""
        return Run(
            self.problem,
            self.instance,
            budget=self.budget,
            seed=self.seed,
            initial=self.initial,
            threads=self.threads,
            on_improvement=on_improvement,
            partner=partner,
        )


def prepare(solver: Solver, problem: Problem[Any, Any], instance: Instance) -> Solver | None:
    """Compile and load what a solver needs, and the partner it names, which is returned.

    Raises
    ------
    FitError
        Where the partner does not fit the problem.
    """
    solver.prepare(problem, instance)
    if not solver.partner:
        return None
    try:
        partner: Solver = host().solver_entry(solver.partner, problem.name).load()()
    except FitError as error:
        raise FitError(f"{type(solver).__name__} would hand its solutions on, but {error}") from None
    partner.prepare(problem, instance)
    return partner


class _CallbackFailedError(BaseException):
    """Ends a run whose caller's function raised: no solver takes it for a failure of its own."""


class _Callback:
    """Calls the caller's function and remembers what it raised, for some libraries swallow what comes out of a callback."""

    def __init__(self, function: Callable[[Incumbent], None]) -> None:
        self._function = function
        self.error: BaseException | None = None

    def __call__(self, incumbent: Incumbent) -> None:
        if self.error is not None:
            raise _CallbackFailedError
        try:
            self._function(incumbent)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.error = error
            raise _CallbackFailedError from error


def execute(
    task: Task, on_improvement: Callable[[Incumbent], None] | None = None, on_ready: Callable[[float], None] | None = None
) -> Outcome:
    """Run a task in this process. Whatever ends the run, the best solution reported survives.

    What ``on_improvement`` raises is raised here.
    """
    began = time.perf_counter()
    answer, error, run = None, "", None
    compiled = 0.0
    callback = None if on_improvement is None else _Callback(on_improvement)
    try:
        partner = prepare(task.solver, task.problem, task.instance)
        compiled = time.perf_counter() - began
        if on_ready is not None:
            on_ready(compiled)
        run = task.run(callback, partner)
        run.start_clock()
        answer = task.solver.run(task.problem, task.instance, run)
    except KeyboardInterrupt:
        run = run or task.run()
        run.stopped = Termination.INTERRUPTED
    except NoSolutionError as none:
        run = run or task.run()
        answer = Answer(run.best, message=str(none))
    except USAGE_ERRORS:
        raise
    except _CallbackFailedError:
        pass  # raised below
    except BaseException as failure:  # a solver that calls sys.exit() has failed, and nobody else
        logger.debug("solver %s failed", type(task.solver).__name__, exc_info=True)
        run = run or task.run()
        run.stopped = Termination.ERROR
        error = f"{type(failure).__name__}: {failure}"
    if callback is not None and callback.error is not None:
        raise callback.error
    outcome = outcome_of(run or task.run(), answer, error)
    outcome.compile_seconds = compiled
    outcome.solve_seconds = max(0.0, time.perf_counter() - began - compiled)
    return outcome


def execute_many(
    tasks: Sequence[Task],
    on_improvement: Callable[[int, Incumbent], None] | None = None,
    on_ready: Callable[[float], None] | None = None,
) -> list[Outcome]:
    """Give tasks of one problem and solver to its `run_many`; an outcome's seconds are the batch's divided by its size.

    Improvements come with the position of their task, timed on the clock of the whole batch.
    """
    began = time.perf_counter()
    solver, problem = tasks[0].solver, tasks[0].problem
    partner = prepare(solver, problem, tasks[0].instance)
    compiled = time.perf_counter() - began
    if on_ready is not None:
        on_ready(compiled)
    runs = [task.run(on_improvement and partial(on_improvement, place), partner) for place, task in enumerate(tasks)]
    answers, error = _run_many(solver, problem, [task.instance for task in tasks], runs)
    solved = max(0.0, time.perf_counter() - began - compiled)
    outcomes = [outcome_of(run, answer, error) for run, answer in zip(runs, answers, strict=True)]
    for outcome in outcomes:
        outcome.compile_seconds, outcome.solve_seconds = compiled, solved / len(tasks)
    return outcomes


def _run_many(
    solver: Solver, problem: Problem[Any, Any], instances: Sequence[Instance], runs: Sequence[Run]
) -> tuple[Sequence[Answer | None], str]:
    try:
        answers = solver.run_many(problem, instances, runs)
    except KeyboardInterrupt:
        stopped, error = Termination.INTERRUPTED, ""
    except USAGE_ERRORS:
        raise
    except NoSolutionError as without:
        return [Answer(run.best, message=str(without)) for run in runs], ""
    except BaseException as failure:
        logger.debug("solver %s failed on a batch", type(solver).__name__, exc_info=True)
        stopped, error = Termination.ERROR, f"{type(failure).__name__}: {failure}"
    else:
        return answers, ""
    for run in runs:
        run.stopped = stopped
    return [None] * len(runs), error


def outcome_of(run: Run, answer: Answer | None, error: str = "") -> Outcome:
    """Return what a run has come to, before it is checked."""
    return Outcome(answer, run.best, run.trajectory, run.bound, run.stopped, error=error)


def conclude(
    task: Task, entry: Entry[SolverSpec] | None, outcome: Outcome, bound_time_limit: float, verdict: str | None, note: str
) -> Result:
    """Check and price what a run came to, bound it, and return the result."""
    problem, instance = task.problem, task.instance
    solution, objective, complaint = _best_checked(problem, instance, outcome)
    answer = outcome.answer or Answer(None)
    proven = answer.proven and not complaint
    failed = bool(outcome.error or complaint)
    margin = 0.0 if solution is None else problem.margin(instance, solution)
    magnitude = problem.magnitude(instance)
    bound, doubt = _best_bound(problem.sense, objective, [outcome.bound, answer.bound], margin, magnitude)
    if proven and objective is not None:
        bound = objective
    bound_taken = 0.0
    if outcome.stopped is Termination.INTERRUPTED:
        bound_time_limit = min(bound_time_limit, PATIENCE)
    if not proven and not failed and bound_time_limit > 0 and problem.offers(Bound):
        own, more_doubt, bound_taken = _own_bound(task, outcome, bound_time_limit, objective)
        bound, refuted = _best_bound(problem.sense, objective, [bound, own], margin, magnitude)
        doubt = " ".join(part for part in (doubt, more_doubt, refuted) if part)
    status = _status(objective, bound, proven, failed, magnitude)
    result = Result(
        problem=problem.name,
        instance=instance.name,
        size=instance.size,
        solver=entry.spec.name if entry is not None else type(task.solver).__name__,
        version=host().version(entry.plugin) if entry is not None else "",
        seed=task.seed,
        status=status,
        termination=_termination(outcome, status, proven, failed),
        objective=objective,
        bound=bound,
        best_known=instance.best_known,
        seconds=Timing(outcome.load_seconds, outcome.compile_seconds, outcome.solve_seconds, bound_taken),
        trajectory=_whole_trajectory(problem.sense, outcome, objective),
        solution=solution,
        initial=verdict,
        message=" ".join(
            part for part in (outcome.error or complaint, doubt, answer.message, note, _deciding(solution)) if part
        ),
        source=instance,
    )
    host().manager.hook.redwood_solved(result=result)
    return result


def _deciding(solution: Solution | None) -> str:
    """Return what decides in a policy, in words; nothing for other solutions."""
    if not isinstance(solution, Policy):
        return ""
    described = solution.describe()
    said = {True: ", each action a proven maximum", False: ", no action proven to be a maximum", None: ""}
    return f"Decides by {described['decides_by']}{said[described['proven']]}."


def _whole_trajectory(sense: Sense, outcome: Outcome, objective: float | None) -> tuple[tuple[float, float], ...]:
    """Return every improvement, with the answer at the end of the run where it is better than all that was reported."""
    points = tuple(outcome.trajectory)
    if objective is None or not sense.better(objective, points[-1][1] if points else None):
        return points
    return (*points, (outcome.solve_seconds, objective))


def _own_bound(task: Task, outcome: Outcome, limit: float, objective: float | None) -> tuple[float | None, str, float]:
    """Return the problem's own bound, a word where there is none, and its seconds; no solution is lost on the way."""
    began, clock = time.perf_counter(), Timer(limit)
    try:
        view = task.problem.view(Bound, task.instance)
        view.warm_up()
        clock = Timer(limit)
        outcome.compile_seconds += time.perf_counter() - began
        return view.bound(clock, objective).value, "", clock.seconds
    except KeyboardInterrupt:
        return None, "The bound was interrupted.", clock.seconds
    except BaseException as failure:
        logger.debug("the bound of problem %s failed", task.problem.name, exc_info=True)
        return None, f"The bound failed: {type(failure).__name__}: {failure}", clock.seconds


def _best_checked(
    problem: Problem[Any, Any], instance: Instance, outcome: Outcome
) -> tuple[Solution | None, float | None, str]:
    """Return the better of the answer and the best reported solution, its objective, and a complaint about the other."""
    best, objective, complaint = None, None, ""
    answered = None if outcome.answer is None else outcome.answer.solution
    for candidate in (answered, outcome.best):
        if candidate is None:
            continue
        try:
            violations = problem.violations(instance, candidate)
            value = None if violations else float(problem.objective(instance, candidate))
        except RedwoodError as error:
            violations, value = [str(error)], None
        if value is None or not math.isfinite(value):
            complaint = (
                f"the solver answered with an infeasible solution: {(violations or ['its objective is not finite'])[0]}"
            )
        elif problem.sense.better(value, objective):
            best, objective = candidate, value
    return best, objective, complaint


def _best_bound(
    sense: Sense, objective: float | None, bounds: Sequence[float | None], margin: float, magnitude: float
) -> tuple[float | None, str]:
    """Return the tightest bound that the objective does not contradict, and a complaint about those it does."""
    finite = [bound for bound in bounds if bound is not None and math.isfinite(bound)]
    valid = [bound for bound in finite if not contradicts(sense, objective, bound, margin, magnitude)]
    wrong = [bound for bound in finite if contradicts(sense, objective, bound, margin, magnitude)]
    doubt = f"A bound of {wrong[0]:.9g} contradicts the checked objective {objective:.9g} and was dropped." if wrong else ""
    if not valid:
        return None, doubt
    return (max(valid) if sense is Sense.MIN else min(valid)), doubt


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
