"""Carrying a job out where an executor has sent it: on a core of its own, from a fork server that serves the whole run."""

from __future__ import annotations

import platform
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from redwood.benchmarks.planning import Case, Job
from redwood.benchmarks.provenance import code_digest, load_average, provenance
from redwood.budget import Termination
from redwood.errors import RedwoodError
from redwood.execution.checking import Checker, conclude
from redwood.execution.child import BoundTask
from redwood.execution.cores import lend_cores
from redwood.execution.messages import error_text
from redwood.execution.processes import PRELOADED, ForkServer
from redwood.execution.supervisor import Request, run_apart
from redwood.execution.task import Outcome, Task
from redwood.plugins.host import host
from redwood.problem import Instance
from redwood.solving.choose import choose
from redwood.solving.running import PluginFiles, announce, find_partner
from redwood.solving.solve import find_solver, make_budget, views_of

RESULT_KEYS = (
    "solver",
    "version",
    "status",
    "termination",
    "objective",
    "bound",
    "seconds",
    "trajectory",
    "solution",
    "message",
)
"""What of a result goes into the record; the rest is in the record already, or follows from it."""

KEPT_INSTANCES = 4
"""Instances that a process keeps, since the jobs of one come one after the other."""


@dataclass(frozen=True)
class JobRequest:
    """A job with what its process has to know, fit to be sent to another machine that sees the same files.

    Attributes
    ----------
    session
        The run of the runner that it belongs to.
    data
        Folder of the instance files.
    plugins
        Single-file plugins to load.
    fresh
        Whether it asks for a fresh interpreter instead of a fork.
    preload
        Modules that the process that it is forked from is to have imported.
    """

    session: str
    job: Job
    data: str | None
    plugins: tuple[str, ...] = ()
    fresh: bool = False
    preload: tuple[str, ...] = ()


@dataclass(frozen=True)
class Done:
    """A job that is through: what it came to, when it began, and on what machine.

    Attributes
    ----------
    results
        Of each instance, ready for JSON.
    seconds
        Of the whole process.
    processor_share
        Processor seconds a second of the search; ``None`` where that is not known or too short to tell.
    code
        Plugin, version and digest of the sources of solver and problem.
    started
        Time of day, UTC, ISO 8601.
    load
        The machine's load average when it began.
    cores
        Those that it was bound to.
    host
        Name of the machine.
    machine
        Its `provenance`.
    """

    results: tuple[dict[str, Any], ...]
    seconds: float
    processor_share: float | None
    peak_mb: float | None
    code: dict[str, str]
    started: str
    load: float | None
    cores: tuple[int, ...]
    host: str
    machine: dict[str, Any]


def carry_out(request: JobRequest) -> Done | None:
    """Carry out a job on this machine, check what came of it, and return that; ``None`` where `leave` has stopped it."""
    job = request.job
    if request.session in _left:
        return None
    plugins = PluginFiles(tuple(map(Path, request.plugins)))
    plugins()
    with _workshop(request) as (server, stop), lend_cores(job.threads) as cores:
        started, load, began = now(), load_average(), time.perf_counter()
        checkers: list[Checker] = []
        try:
            checkers = [_checker(case, request.data) for case in job.cases]
            asked = Request(_work(job, checkers), checkers, job.time_limit, plugins, job.memory_gb, cores=cores)
            outcomes = run_apart(asked, server, stop=stop)
        except Exception as error:  # whatever fails is recorded as what it is
            outcomes = [Outcome(stopped=Termination.ERROR, error=error_text(error)) for _ in job.cases]
        seconds = time.perf_counter() - began
    if outcomes is None:
        return None
    results = tuple(_results(job, checkers, outcomes))
    code, peak = code_of(job.solver, job.case.problem, job.case.size, job.time_limit, request.session), outcomes[0].peak_mb
    share, machine = _processor_share(outcomes), _machine()
    return Done(results, seconds, share, peak, code, started, load, cores, platform.node(), machine)


def make_tasks(
    instances: Sequence[Instance],
    solver: str,
    *,
    options: Mapping[str, Any],
    seed: int,
    time_limit: float,
    iterations: int | None,
    threads: int,
) -> list[Task]:
    """Return the tasks of a job, whose solver is found and made in the process that runs it.

    Parameters
    ----------
    instances
        All of the job's.
    solver, options
        Registered name, and the fields of the solver.
    seed
        Of the first instance; instance i has ``seed + i``, as in `solve_many`.
    time_limit, iterations
        For all instances together, and for each.
    threads
        How many threads the solver may use.
    """
    problem = host().problem(instances[0].problem)
    entry, made, _ = find_solver(instances[0], solver, time_limit, options)
    budget, partner = make_budget(time_limit, iterations, None, None, None), find_partner(made, problem.name)
    return [
        Task(problem, instance, made, budget, seed + position, None, threads, partner, views_of(entry))
        for position, instance in enumerate(instances)
    ]


def code_of(solver: str, problem: str, size: int, seconds: float, session: str) -> dict[str, str]:
    """Return plugin, version and digest of the sources of a solver and its problem, as they are in this session.

    Parameters
    ----------
    solver
        Name of a solver, or ``auto``; empty for a bound, which is the problem's own.
    problem
        Name of the problem.
    size, seconds
        Instance size and time limit by which ``auto`` chooses.
    session
        Name of the session; sources are read once in each.
    """
    targets = [host().problem_entry(problem).spec.target]
    if not solver:
        return {"digest": code_digest(tuple(targets), session)}
    try:
        entry = choose(problem, size, seconds) if solver == "auto" else host().solver_entry(solver, problem)
    except RedwoodError:
        return {"digest": ""}
    targets.append(entry.spec.target)
    version = host().version(entry.plugin)
    return {"plugin": entry.plugin, "version": version, "digest": code_digest(tuple(targets), session)}


def _work(job: Job, checkers: Sequence[Checker]) -> Any:
    instances = [checker.instance for checker in checkers]
    if not job.solver:
        return partial(BoundTask, checkers[0].problem, instances[0], job.time_limit)
    return partial(
        make_tasks,
        instances,
        _name(job),
        options=dict(job.options),
        seed=job.seed,
        time_limit=job.time_limit,
        iterations=job.iterations,
        threads=job.threads,
    )


def _name(job: Job) -> str:
    return choose(job.case.problem, job.case.size, job.time_limit).spec.name if job.solver == "auto" else job.solver


def _results(job: Job, checkers: Sequence[Checker], outcomes: Sequence[Outcome]) -> Iterator[dict[str, Any]]:
    """Yield the checked result of each instance, ready for JSON; of a failure without instance, what is known."""
    for position, outcome in enumerate(outcomes):
        if not job.solver:
            yield _bound_result(outcome)
        elif not checkers:
            yield _result_without_instance(job, outcome)
        else:
            yield _checked(job, checkers[position], outcome, job.seed + position)


def _checked(job: Job, checker: Checker, outcome: Outcome, seed: int) -> dict[str, Any]:
    name = _name(job)
    note = f"auto chose {name}." if job.solver == "auto" else ""
    version = host().version(host().solver_entry(name, job.case.problem).plugin)
    result = announce(conclude(checker, outcome, solver=name, version=version, seed=seed, note=note))
    found = result.to_dict()
    margin = 0.0 if result.solution is None else checker.problem.margin(checker.instance, result.solution)
    return {key: found[key] for key in RESULT_KEYS} | {"margin": margin}


def _bound_result(outcome: Outcome) -> dict[str, Any]:
    seconds = {"compile": round(outcome.compile_seconds, 6), "solve": round(outcome.solve_seconds, 6)}
    words = outcome.error or ("" if outcome.bound is not None else "killed at its limit.")
    return {"bound": outcome.bound, "method": outcome.method, "seconds": seconds, "message": words}


def _result_without_instance(job: Job, outcome: Outcome) -> dict[str, Any]:
    known: dict[str, Any] = {"solver": job.solver, "version": "", "status": "failed", "termination": "error"}
    nothing: dict[str, Any] = {"objective": None, "bound": None, "trajectory": [], "solution": None, "margin": 0.0}
    return known | nothing | {"seconds": {"compile": 0.0, "solve": 0.0}, "message": outcome.error}


def _processor_share(outcomes: Sequence[Outcome]) -> float | None:
    seconds = sum(outcome.solve_seconds for outcome in outcomes)
    busy = outcomes[0].processor_seconds
    return round(busy / seconds, 3) if busy is not None and seconds > 0.2 else None  # the kernel's ticks are coarse


def _checker(case: Case, data: str | None) -> Checker:
    """Return the checker of an instance, read or drawn anew unless this process has just had it."""
    with _instances_lock:
        instance = _instances.pop(case.fingerprint, None)
    if instance is None:
        instance = case.source.load(None if data is None else Path(data))
        if instance.fingerprint() != case.fingerprint:
            raise RedwoodError("the instance is not what it was when the run was planned.")
    with _instances_lock:
        _instances[case.fingerprint] = instance
        while len(_instances) > KEPT_INSTANCES:
            _instances.popitem(last=False)
    return Checker.of(host().problem(case.problem), instance, apart=True)


def leave(session: str) -> None:
    """Stop what this process carries out for a session, now and later, and return when nothing of it is left here."""
    with _changed:
        _left.add(session)
        for key, shop in list(_shops.items()):
            if key[0] == session:
                shop.stop.set()
                while shop.busy:
                    _changed.wait()
                _shops.pop(key, None)
                shop.server.close()


def now() -> str:
    """Return the time of day, UTC, to the second."""
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")


@dataclass
class _Shop:
    """What the jobs of one session share in this process."""

    server: ForkServer
    stop: threading.Event
    busy: int = 0


_shops: dict[tuple[str, int, bool], _Shop] = {}
_left: set[str] = set()
_changed = threading.Condition()
_instances: OrderedDict[str, Instance] = OrderedDict()
_instances_lock = threading.Lock()


def make_server(threads: int, preload: Sequence[str] = ()) -> ForkServer:
    """Return a fork server that has imported what most jobs need."""
    return ForkServer(threads, (*PRELOADED, "redwood.benchmarks.jobs", "redwood.plugins.host:host", *preload))


@contextmanager
def _workshop(request: JobRequest) -> Iterator[tuple[ForkServer, threading.Event]]:
    """Lend the shop of a request, made at the first; shops of other sessions close once they have nothing to do.

    A fresh interpreter is a server of the job alone, that has imported nothing.
    """
    key = (request.session, request.job.threads, request.fresh)
    with _changed:
        for other in [other for other, shop in _shops.items() if other[0] != request.session and not shop.busy]:
            _shops.pop(other).server.close()
        if key not in _shops:
            _shops[key] = _Shop(make_server(request.job.threads, request.preload), threading.Event())
        shop = _shops[key]
        shop.busy += 1
    try:
        with ForkServer(request.job.threads) if request.fresh else nullcontext(shop.server) as server:
            yield server, shop.stop
    finally:
        with _changed:
            shop.busy -= 1
            _changed.notify_all()


@cache
def _machine() -> dict[str, Any]:
    return provenance()
