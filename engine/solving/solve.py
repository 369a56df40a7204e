"""`solve()`: from an instance and the name of a solver to a checked result, step by step, nothing going back."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from redwood.budget import AnyOf, Budget, Iterations, Seconds, Target, TargetGap
from redwood.errors import OptionError, RedwoodError, SolutionError
from redwood.execution.checking import Checker, conclude
from redwood.execution.messages import error_text
from redwood.execution.supervisor import longest_seconds
from redwood.execution.task import Task
from redwood.plugins.entries import Entry
from redwood.plugins.host import host
from redwood.plugins.spec import SolverSpec
from redwood.problem import Instance, Problem, Solution, instance_of
from redwood.renamed import option_suggestion
from redwood.result import Result
from redwood.settings import check_seed, check_threads, not_negative
from redwood.solver import Incumbent, Solver
from redwood.solving.choose import choose
from redwood.solving.running import announce, find_partner, run_tasks

DEFAULT_TIME_LIMIT = 10.0
"""Seconds, where the caller gives no budget at all."""

LATE, LATE_SHARE = 0.2, 0.1
"""Seconds, and share of the time limit, of which a run may pass it by the larger one before its result says so."""


def solve(
    instance: Instance,
    solver: str | Solver = "auto",
    *,
    time_limit: float | None = None,
    seed: int = 0,
    initial: Any = None,
    on_improvement: Callable[[Incumbent], None] | None = None,
    target: float | None = None,
    target_gap: float | None = None,
    iterations: int | None = None,
    budget: Budget | None = None,
    bound_time_limit: float | None = None,
    threads: int = 1,
    isolate: bool = False,
    **options: Any,
) -> Result:
    """Return the checked answer of a solver to an instance.

    Parameters
    ----------
    instance
        From `read`, `generate` or `instance`.
    solver
        A registered name, ``"auto"``, or a solver object.
    time_limit
        Seconds on the wall clock, not counting compilation; 10 where no budget of any kind is given.
    seed
        The one source of randomness. The same seed and ``iterations`` give the same result.
    initial
        A solution to start from (or its tour, routes or items). An infeasible one is rejected, and the result says why.
    on_improvement
        Called with each `Incumbent` (seconds, objective, solution) as it is found. What it raises ends
        the run and is raised.
    target, target_gap
        Stop at this objective, or at this gap to the solver's own bound.
    iterations
        Stop after so many iterations, as the solver counts them.
    budget
        Any further `Budget`; whichever ends first ends the run.
    bound_time_limit
        Seconds for the problem's own bound afterwards: by default the smaller of 10 and the time limit; 0 for none.
    threads
        How many threads the solver may use.
    isolate
        Run in a process of its own that is killed at the limit; the best solution reported by then is kept.
    **options
        Fields of the solver.

    Raises
    ------
    RedwoodError
        Where a name, an option or the instance is wrong. A solver that fails is a status of the result instead.
    """
    settings = Settings(
        time_limit=time_limit,
        seed=seed,
        initial=initial,
        on_improvement=on_improvement,
        target=target,
        target_gap=target_gap,
        iterations=iterations,
        budget=budget,
        bound_time_limit=bound_time_limit,
        threads=threads,
        isolate=isolate,
    )
    return announce(answer(instance, solver, settings, options))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What `solve` is told besides instance, solver and the solver's options; see there."""

    time_limit: float | None = None
    seed: int = 0
    initial: Any = None
    on_improvement: Callable[[Incumbent], None] | None = None
    target: float | None = None
    target_gap: float | None = None
    iterations: int | None = None
    budget: Budget | None = None
    bound_time_limit: float | None = None
    threads: int = 1
    isolate: bool = False


def answer(instance: Instance, solver: str | Solver, settings: Settings, options: Mapping[str, Any]) -> Result:
    """Return the checked answer of a solver to an instance, of which plugins are not told.

    Parameters
    ----------
    instance
        What is solved.
    solver
        A registered name, ``"auto"``, or a solver object.
    settings
        Limits, seed, threads, start and the like.
    options
        Of the solver, by name.
    """
    started = time.perf_counter()
    problem = host().problem(instance_of(instance).problem)
    limits = make_budget(settings.time_limit, settings.iterations, settings.target, settings.target_gap, settings.budget)
    seconds = bound_seconds(settings.bound_time_limit, settings.time_limit)
    entry, made, note = find_solver(instance, solver, settings.time_limit, options)
    problem.validate(instance)
    start, judged = offer_initial(problem, instance, settings.initial)
    partner, seed, threads = find_partner(made, problem.name), check_seed(settings.seed), check_threads(settings.threads)
    task = Task(problem, instance, made, limits, seed, start, threads, partner, views_of(entry))
    checker = Checker.of(problem, instance, apart=settings.isolate)
    load = time.perf_counter() - started
    told = settings.on_improvement
    listener = None if told is None else lambda _, incumbent: told(incumbent)
    (outcome,) = run_tasks([task], [checker], isolate=settings.isolate, on_improvement=listener)
    outcome.load_seconds += load
    name, version = named(entry, made)
    note = " ".join(
        part for part in (note, _lateness(outcome.solve_seconds, longest_seconds(limits, problem.sense))) if part
    )
    return conclude(
        checker, outcome, solver=name, version=version, seed=seed, bound_time_limit=seconds, initial=judged, note=note
    )


def _lateness(seconds: float, limit: float) -> str:
    """Return in words by how much a run has passed its time limit, where that is more than a little."""
    late = seconds - limit
    return f"The run ended {late:.2f} s after its time limit." if late > max(LATE, LATE_SHARE * limit) else ""


def find_solver(
    instance: Instance, solver: str | Solver, time_limit: float | None, options: Mapping[str, Any]
) -> tuple[Entry[SolverSpec] | None, Solver, str]:
    """Return the solver's entry, the solver made with its options, and a note on how it was chosen.

    Parameters
    ----------
    instance
        Decides which solver of a name fits, and what ``"auto"`` chooses.
    solver
        A registered name, ``"auto"``, or a solver object.
    time_limit
        Seconds that ``"auto"`` reckons with; ``None`` for no limit.
    options
        Fields of the solver; none with a solver object.
    """
    if isinstance(solver, Solver):
        if options:
            raise OptionError(f"options ({', '.join(options)}) go with the name of a solver, not with a solver object.")
        return None, solver, ""
    if solver == "auto":
        entry = choose(instance.problem, instance.size, math.inf if time_limit is None else time_limit)
        note = f"auto chose {entry.spec.name}."
    else:
        entry, note = host().solver_entry(solver, instance.problem), ""
    return entry, make_solver(entry, options), note


def make_solver(entry: Entry[SolverSpec], options: Mapping[str, Any]) -> Solver:
    """Return the solver of an entry with options set, or raise `OptionError` naming the unknown one."""
    cls: Any = entry.load()
    known = {field.name for field in dataclasses.fields(cls) if field.init}
    for key in options:
        if key not in known:
            hint = option_suggestion(key, known, entry.spec.name)
            raise OptionError(f"solver {entry.spec.name!r} has no option {key!r}.{hint}")
    try:
        made: Solver = cls(**options)
    except RedwoodError:
        raise
    except Exception as error:
        raise OptionError(f"solver {entry.spec.name!r} cannot be made with these options: {error_text(error)}") from error
    return made


def make_budget(
    time_limit: float | None, iterations: int | None, target: float | None, target_gap: float | None, budget: Budget | None
) -> Budget:
    """Return the budget that ends when the first of the given limits does; 10 seconds where none is given.

    Parameters
    ----------
    time_limit
        Seconds on the wall clock, or ``None``.
    iterations
        Iterations as the solver counts them, or ``None``.
    target, target_gap
        Objective, or gap to the solver's own bound, at which to stop; ``None`` for neither.
    budget
        Any further budget, or ``None``.
    """
    if budget is not None and not isinstance(budget, Budget):
        raise OptionError(f"budget {str(budget)[:40]!r} is no Budget, such as Seconds(10) | Target(100).")
    parts: list[Budget] = [] if budget is None else [budget]
    if time_limit is None and iterations is None and target is None and target_gap is None and budget is None:
        time_limit = DEFAULT_TIME_LIMIT
    if time_limit is not None:
        parts.append(Seconds(time_limit))
    if iterations is not None:
        parts.append(Iterations(iterations))
    if target is not None:
        parts.append(Target(target))
    if target_gap is not None:
        parts.append(TargetGap(target_gap))
    return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))


def offer_initial(problem: Problem[Any, Any], instance: Instance, initial: Any) -> tuple[Solution | None, str | None]:
    """Return the initial solution where it is feasible, and what was judged of it."""
    if initial is None:
        return None, None
    try:
        solution = problem.solution(initial)
    except SolutionError as error:
        return None, f"rejected: {error}"
    violations = problem.violations(instance, solution)
    return (None, f"rejected: {violations[0]}") if violations else (solution, "accepted")


def bound_seconds(bound_time_limit: float | None, time_limit: float | None) -> float:
    """Return how long the bound may take: the smaller of 10 s and the time limit where nothing is said."""
    if bound_time_limit is None:
        return min(10.0, math.inf if time_limit is None else time_limit)
    return not_negative("bound time limit", bound_time_limit, " s", "give 0 for no bound")


def views_of(entry: Entry[SolverSpec] | None) -> frozenset[str]:
    """Return the names of the views that a registered solver needs."""
    return frozenset() if entry is None else entry.spec.views


def named(entry: Entry[SolverSpec] | None, solver: Solver) -> tuple[str, str]:
    """Return the name of a solver and the version of the plugin that brought it; of a solver object its class."""
    return (type(solver).__name__, "") if entry is None else (entry.spec.name, host().version(entry.plugin))
