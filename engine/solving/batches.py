"""`solve_many()`: many instances of one problem, one after the other, as one batch, or several at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cloudpickle

from redwood.errors import ExecutorError, FitError, OptionError, SolutionError
from redwood.execution.checking import Checker, conclude
from redwood.execution.executors.local import Local
from redwood.execution.task import Task
from redwood.plugins.entries import Entry
from redwood.plugins.host import host
from redwood.plugins.spec import SolverSpec
from redwood.problem import Instance, instance_of
from redwood.result import Result, Status
from redwood.settings import check_seed, check_threads, whole
from redwood.solver import Solver
from redwood.solving.running import announce, find_partner, plugin_files, run_tasks
from redwood.solving.solve import (
    DEFAULT_TIME_LIMIT,
    Settings,
    answer,
    bound_seconds,
    find_solver,
    make_budget,
    named,
    views_of,
)
from redwood.tolerance import same


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
    jobs: int = 1,
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
    jobs
        How many instances are solved at a time, each in one of so many processes; solvers that gain from batching get
        instances one by one then. Each has the same share of the time limit.
    on_result
        Called with each result as soon as it is known.
    **options
        Fields of the solver.
    """
    instances = _of_one_problem(instances)
    if not instances:
        return []
    if time_limit is None and iterations is None and target_gap is None:
        time_limit = DEFAULT_TIME_LIMIT * len(instances)
    seed, threads = check_seed(seed), check_threads(threads)
    make_budget(time_limit, iterations, None, target_gap, None)
    bound_seconds(bound_time_limit, time_limit)
    jobs = whole("jobs", jobs, 1)
    entry, made, note = find_solver(instances[0], solver, time_limit, options)
    settings = Settings(
        time_limit=time_limit,
        seed=seed,
        iterations=iterations,
        target_gap=target_gap,
        bound_time_limit=bound_time_limit,
        threads=threads,
        isolate=isolate,
    )
    told = on_result or (lambda result: None)
    if jobs > 1:
        return _solve_at_once(instances, solver, settings, options, jobs, told)
    if not made.batches() or isolate:
        return _solve_in_turn(instances, solver, settings, options, told)
    results = _solve_batch(instances, entry, made, note, settings)
    for result in results:
        told(result)
    return results


def _of_one_problem(instances: Any) -> list[Instance]:
    """Return what was given as a list, where it holds instances of one problem."""
    if isinstance(instances, (Instance, str)) or not isinstance(instances, Iterable):
        raise OptionError(f"solve_many takes a list of instances, and was given a {type(instances).__name__}.")
    found = [instance_of(instance) for instance in instances]
    kinds = sorted({instance.problem for instance in found})
    if len(kinds) > 1:
        raise FitError(f"solve_many takes instances of one problem, and was given {', '.join(kinds)}.")
    return found


def _solve_in_turn(
    instances: Sequence[Instance],
    solver: str | Solver,
    settings: Settings,
    options: Mapping[str, Any],
    told: Callable[[Result], None],
) -> list[Result]:
    """Return the answers to instances that are solved one after another, each in its share of the time that is left."""
    began, limit, results = time.perf_counter(), settings.time_limit, []
    for index, instance in enumerate(instances):
        share = None
        if limit is not None:
            share = max(1e-3, (limit - (time.perf_counter() - began)) / (len(instances) - index))
        own = replace(settings, time_limit=share, seed=settings.seed + index)
        result = announce(answer(instance, solver, own, options))
        began += result.seconds.load + result.seconds.compile + result.seconds.bound  # only solving is limited
        results.append(result)
        told(result)
    return results


def _solve_batch(
    instances: Sequence[Instance],
    entry: Entry[SolverSpec] | None,
    solver: Solver,
    note: str,
    settings: Settings,
) -> list[Result]:
    """Give the batch whole to a solver with `run_many`; seconds of a result are the batch's divided by its size.

    Parameters
    ----------
    instances
        Of one problem.
    entry, solver, note
        As of `find_solver`.
    settings
        Of the batch: the time limit is for all of it, and the seed that of the first instance.
    """
    started = time.perf_counter()
    problem = host().problem(instances[0].problem)
    time_limit = settings.time_limit
    limits = make_budget(time_limit, settings.iterations, None, settings.target_gap, None)
    for instance in instances:
        problem.validate(instance)
    partner, views = find_partner(solver, problem.name), views_of(entry)
    tasks = [
        Task(problem, instance, solver, limits, settings.seed + i, None, settings.threads, partner, views)
        for i, instance in enumerate(instances)
    ]
    checkers = [Checker.of(problem, instance, apart=False) for instance in instances]
    loaded = time.perf_counter() - started
    outcomes = run_tasks(tasks, checkers, isolate=False)
    name, version = named(entry, solver)
    seconds = bound_seconds(settings.bound_time_limit, None if time_limit is None else time_limit / len(instances))
    results = []
    for task, checker, outcome in zip(tasks, checkers, outcomes, strict=True):
        outcome.load_seconds = loaded
        found = conclude(checker, outcome, solver=name, version=version, seed=task.seed, bound_time_limit=seconds, note=note)
        results.append(announce(found))
    return results


@dataclass(frozen=True)
class _Request:
    """An instance to be solved in another process.

    Attributes
    ----------
    set_up
        Loads the plugins that are files, pickled; called before the rest is unpickled.
    call
        The arguments of `answer`, pickled.
    """

    set_up: bytes
    call: bytes


def _solve_at_once(
    instances: Sequence[Instance],
    solver: str | Solver,
    settings: Settings,
    options: Mapping[str, Any],
    jobs: int,
    told: Callable[[Result], None],
) -> list[Result]:
    """Return the results of several calls of `answer`, by so many processes, in order."""
    problem, limit = host().problem(instances[0].problem), settings.time_limit
    share = None if limit is None else limit * min(jobs, len(instances)) / len(instances)
    set_up = plugin_files()
    loading = b"" if set_up is None else cloudpickle.dumps(set_up)
    requests = []
    for index, instance in enumerate(instances):
        own = replace(settings, time_limit=share, seed=settings.seed + index)
        requests.append(_Request(loading, cloudpickle.dumps((instance, solver, own, options))))
    results: dict[int, Result] = {}
    for returned in Local(jobs).run(_solved, requests):
        if returned.value is None:
            why = returned.lost.removesuffix(".")
            raise ExecutorError(f"instance {returned.position + 1} of {len(instances)} was lost: {why}.")
        instance = instances[returned.position]
        found = Result.from_dict(returned.value, problem, source=instance)
        result = announce(checked_again(found, Checker.of(problem, instance, apart=True)))
        results[returned.position] = result
        told(result)
    return [results[position] for position in range(len(instances))]


def checked_again(result: Result, checker: Checker) -> Result:
    """Return a result that another process has written, or a failed one where its solution is not worth what it says."""
    if result.solution is None or result.objective is None:
        return result
    try:
        value = checker.price(result.solution)
    except SolutionError as error:
        told = str(error)
    else:
        if same(value, result.objective):
            return result
        told = f"it was reported as {result.objective:.9g} and is {value:.9g}"
    message = f"The solution that came back was refused: {told}."
    return replace(result, status=Status.FAILED, solution=None, objective=None, message=message)


def _solved(request: _Request) -> dict[str, Any]:
    """Return the result of a request as plain data."""
    if request.set_up:
        cloudpickle.loads(request.set_up)()
    instance, solver, settings, options = cloudpickle.loads(request.call)
    return answer(instance, solver, settings, options).to_dict()
