"""`solve()`: from an instance and the name of a solver to a checked result, step by step, nothing going back."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from redwood.budget import AnyOf, Budget, Iterations, Seconds, Target, TargetGap
from redwood.errors import FitError, OptionError, RedwoodError, SolutionError
from redwood.execution.checking import Checker, conclude
from redwood.execution.messages import error_text
from redwood.execution.task import Task
from redwood.plugins.host import Entry, host
from redwood.plugins.spec import SolverSpec
from redwood.problem import Instance, Problem, Solution
from redwood.renamed import option_suggestion
from redwood.result import Result
from redwood.settings import check_seed, check_threads, not_negative, positive
from redwood.solver import Incumbent, Solver
from redwood.solving.choose import choose
from redwood.solving.running import announce, find_partner, run_tasks

DEFAULT_TIME_LIMIT = 10.0
"""Seconds, where the caller gives no budget at all."""


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
    started = time.perf_counter()
    problem = host().problem(instance.problem)
    limits = make_budget(time_limit, iterations, target, target_gap, budget)
    seconds = bound_seconds(bound_time_limit, time_limit)
    entry, made, note = find_solver(instance, solver, time_limit, options)
    problem.validate(instance)
    start, judged = offer_initial(problem, instance, initial)
    partner = find_partner(made, problem.name)
    task = Task(problem, instance, made, limits, check_seed(seed), start, check_threads(threads), partner, views_of(entry))
    checker = Checker.of(problem, instance, apart=isolate)
    load = time.perf_counter() - started
    listener = None if on_improvement is None else lambda _, incumbent: on_improvement(incumbent)
    (outcome,) = run_tasks([task], [checker], isolate=isolate, on_improvement=listener)
    outcome.load_seconds += load
    name, version = _named(entry, made)
    result = conclude(
        checker,
        outcome,
        solver=name,
        version=version,
        seed=task.seed,
        bound_time_limit=seconds,
        initial=judged,
        note=note,
    )
    return announce(result)


def solve_many(
    instances: Sequence[Instance],
    solver: str | Solver = "auto",
    *,
    time_limit: float | None = None,
    seed: int = 0,
    iterations: int | None = None,
    target_gap: float | None = None,
    bound_time_limit: float | None = None,
    threads: int = 1,
    isolate: bool = False,
    on_result: Callable[[Result], None] | None = None,
    **options: Any,
) -> list[Result]:
    """Return the checked answers to a batch of instances of one problem, in order.

    Solvers that gain from batching (one forward pass for many instances) get the batch whole; others solve one instance
    after another, each with its share of the time that is left. Instance i runs with seed ``seed + i``, so that `solve`
    with ``result.seed`` repeats it.

    Parameters
    ----------
    instances
        Of one problem; none are answered by an empty list.
    solver
        A registered name, ``"auto"``, which looks at the first instance, or a solver object.
    time_limit
        Seconds for the whole batch; by default 10 for each instance, where no other limit is given.
    seed
        Of the first instance; each further one has the next number.
    iterations
        Iterations for each instance, at most, as the solver counts them.
    target_gap
        Stop an instance at this gap to the solver's own bound.
    bound_time_limit
        Seconds for the problem's own bound of each instance: by default the smaller of 10 and its time limit; 0 for none.
    threads
        How many threads the solver may use.
    isolate
        Run each instance in a process of its own that is killed at the limit.
    on_result
        Called with each result as soon as it is known.
    **options
        Fields of the solver.
    """
    if not instances:
        return []
    kinds = sorted({instance.problem for instance in instances})
    if len(kinds) > 1:
        raise FitError(f"solve_many takes instances of one problem, and was given {', '.join(kinds)}.")
    if time_limit is None and iterations is None and target_gap is None:
        time_limit = DEFAULT_TIME_LIMIT * len(instances)
    seed, threads = check_seed(seed), check_threads(threads)
    if time_limit is not None:
        positive("time limit", time_limit, " s", "give more than 0 seconds")
    make_budget(time_limit, iterations, None, target_gap, None)
    bound_seconds(bound_time_limit, time_limit)
    entry, made, note = find_solver(instances[0], solver, time_limit, options)
    if made.batches() and not isolate:
        results = _solve_batch(
            instances, entry, made, note, time_limit, seed, iterations, target_gap, bound_time_limit, threads
        )
        for result in results if on_result is not None else ():
            on_result(result)  # type: ignore[misc]
        return results
    began, results = time.perf_counter(), []
    for index, instance in enumerate(instances):
        share = None
        if time_limit is not None:
            share = max(1e-3, (time_limit - (time.perf_counter() - began)) / (len(instances) - index))
        result = solve(
            instance,
            solver,
            time_limit=share,
            seed=seed + index,
            iterations=iterations,
            target_gap=target_gap,
            bound_time_limit=bound_time_limit,
            threads=threads,
            isolate=isolate,
            **options,
        )
        began += result.seconds.load + result.seconds.compile + result.seconds.bound  # only solving is limited
        results.append(result)
        if on_result is not None:
            on_result(result)
    return results


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
            raise OptionError(f"solver {entry.spec.name!r} has no option {key!r}.{option_suggestion(key, known)}")
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


def _named(entry: Entry[SolverSpec] | None, solver: Solver) -> tuple[str, str]:
    """Return the name of a solver and the version of the plugin that brought it."""
    return (type(solver).__name__, "") if entry is None else (entry.spec.name, host().version(entry.plugin))


def _solve_batch(
    instances: Sequence[Instance],
    entry: Entry[SolverSpec] | None,
    solver: Solver,
    note: str,
    time_limit: float | None,
    seed: int,
    iterations: int | None,
    target_gap: float | None,
    bound_time_limit: float | None,
    threads: int,
) -> list[Result]:
    """Give the batch whole to a solver with `run_many`; seconds of a result are the batch's divided by its size."""
    started = time.perf_counter()
    problem = host().problem(instances[0].problem)
    limits = make_budget(time_limit, iterations, None, target_gap, None)
    for instance in instances:
        problem.validate(instance)
    first, lent, partner = check_seed(seed), check_threads(threads), find_partner(solver, problem.name)
    views = views_of(entry)
    tasks = [
        Task(problem, instance, solver, limits, first + i, None, lent, partner, views)
        for i, instance in enumerate(instances)
    ]
    checkers = [Checker.of(problem, instance, apart=False) for instance in instances]
    loaded = time.perf_counter() - started
    outcomes = run_tasks(tasks, checkers, isolate=False)
    name, version = _named(entry, solver)
    seconds = bound_seconds(bound_time_limit, None if time_limit is None else time_limit / len(instances))
    results = []
    for task, checker, outcome in zip(tasks, checkers, outcomes, strict=True):
        outcome.load_seconds = loaded
        facts: dict[str, Any] = {"solver": name, "version": version, "seed": task.seed, "note": note}
        results.append(announce(conclude(checker, outcome, bound_time_limit=seconds, **facts)))
    return results
