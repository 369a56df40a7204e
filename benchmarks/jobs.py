"""Carrying a job out where an executor has sent it: on a core of its own, from a fork server that serves the whole run."""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import msgspec

from redwood.benchmarks.planning import Case, Job
from redwood.benchmarks.provenance import Machine, code_digest, load_average, provenance
from redwood.benchmarks.records import SOLUTIONS, Bound, BoundResult, Code, Finished, Process, Run, RunResult, Times
from redwood.benchmarks.typed import LARGEST
from redwood.budget import Termination
from redwood.errors import FitError, RedwoodError
from redwood.execution.checking import Checker, conclude
from redwood.execution.child import BoundTask
from redwood.execution.cores import lend_cores
from redwood.execution.messages import error_text
from redwood.execution.processes import PRELOADED, ForkServer
from redwood.execution.supervisor import Request, run_apart
from redwood.execution.task import Outcome, Task
from redwood.plugins.host import host
from redwood.problem import Instance
from redwood.result import Status
from redwood.solving.choose import choose
from redwood.solving.running import PluginFiles, announce, find_partner
from redwood.solving.solve import find_solver, make_budget, views_of


@dataclass(frozen=True)
class JobRequest:
    """A job with what its process has to know, fit to be sent to another machine that sees the same files.

    Attributes
    ----------
    session, suite
        The run of the runner that it belongs to, and what the records call its suite.
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
    suite: str
    job: Job
    data: str | None
    plugins: tuple[str, ...] = ()
    fresh: bool = False
    preload: tuple[str, ...] = ()


@dataclass(frozen=True)
class Done:
    """A job that is through: a record for each instance, the solutions that they name, and the machine that it ran on."""

    records: tuple[Finished, ...]
    solutions: dict[str, Any]
    machine: Machine


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
        except FitError as refusal:
            outcomes = [Outcome(stopped=Termination.ERROR, error=str(refusal), refused=True) for _ in job.cases]
        except Exception as error:  # whatever fails is recorded as what it is
            outcomes = [Outcome(stopped=Termination.ERROR, error=error_text(error)) for _ in job.cases]
        seconds = time.perf_counter() - began
    if outcomes is None:
        return None
    share, peak = _processor_share(outcomes), outcomes[0].peak_mb
    process = Process(round(seconds, 4), share, peak, load, cores, platform.node())
    return _recorded(request, started, process, checkers, outcomes)


def _recorded(
    request: JobRequest, started: str, process: Process, checkers: Sequence[Checker], outcomes: Sequence[Outcome]
) -> Done:
    """Return the records of a job, each result checked, and the solutions that they name."""
    job = request.job
    shared: dict[str, Any] = {"job": job.id, "suite": request.suite, "session": request.session, "started": started}
    shared |= {"threads": job.threads, "memory_gb": job.memory_gb, "time_limit": job.time_limit / len(job.cases)}
    shared |= {"process": process, "code": code_of(job, request.session)}
    if not job.solver:
        return Done((Bound(**shared, case=job.case, result=_bound_result(outcomes[0])),), {}, _machine())
    shared |= {"batch": len(job.cases)} | {name: getattr(job, name) for name in ("solver", "label", "options", "iterations")}
    found = [_result(job, position, checkers, outcome) for position, outcome in enumerate(outcomes)]
    records = tuple(
        Run(**shared, case=case, seed=job.seed + position, result=result)
        for position, (case, (result, _)) in enumerate(zip(job.cases, found, strict=True))
    )
    return Done(records, {result.solution: data for result, data in found if result.solution is not None}, _machine())


def make_tasks(job: Job, instances: Sequence[Instance]) -> list[Task]:
    """Return the tasks of a job, whose solver is found and made in the process that runs it."""
    problem = host().problem(job.case.problem)
    entry, made, _ = find_solver(instances[0], _name(job), job.time_limit, job.options)
    budget, partner = make_budget(job.time_limit, job.iterations, None, None, None), find_partner(made, problem.name)
    return [
        Task(problem, instance, made, budget, job.seed + position, None, job.threads, partner, views_of(entry))
        for position, instance in enumerate(instances)
    ]


def code_of(job: Job, session: str) -> Code:
    """Return plugin, version and digest of the sources of a job's solver and problem, as they are in this session."""
    problem = job.case.problem
    targets = [host().problem_entry(problem).spec.target]
    if not job.solver:
        return Code(code_digest(tuple(targets), session))
    try:
        entry = host().solver_entry(_name(job), problem)
    except RedwoodError:
        return Code()
    targets.append(entry.spec.target)
    return Code(code_digest(tuple(targets), session), entry.plugin, host().version(entry.plugin))


def _work(job: Job, checkers: Sequence[Checker]) -> Any:
    instances = [checker.instance for checker in checkers]
    if not job.solver:
        return partial(BoundTask, checkers[0].problem, instances[0], job.time_limit)
    return partial(make_tasks, job, instances)


def _name(job: Job) -> str:
    return choose(job.case.problem, job.case.size, job.time_limit).spec.name if job.solver == "auto" else job.solver


def _bound_result(outcome: Outcome) -> BoundResult:
    words = outcome.error or ("" if outcome.bound is not None else "killed at its limit.")
    seconds = Times(round(outcome.solve_seconds, 6), round(outcome.compile_seconds, 6))
    return BoundResult(_readable(outcome.bound), outcome.method, seconds, words)


def _result(job: Job, position: int, checkers: Sequence[Checker], outcome: Outcome) -> tuple[RunResult, Any]:
    """Return the checked result of an instance and its solution as plain data; without an instance, what is known."""
    if outcome.refused or not checkers:
        status = Status.REFUSED if outcome.refused else Status.FAILED
        return RunResult(job.solver, status, Termination.ERROR, message=outcome.error), None
    checker, name = checkers[position], _name(job)
    note = f"auto chose {name}." if job.solver == "auto" else ""
    version = host().version(host().solver_entry(name, job.case.problem).plugin)
    result = announce(conclude(checker, outcome, solver=name, version=version, seed=job.seed + position, note=note))
    solution, objective, trajectory = result.solution, _readable(result.objective), result.trajectory
    seconds = Times(*(round(value, 6) for value in (result.seconds.solve, result.seconds.compile, result.seconds.load)))
    if len(job.cases) > 1:
        trajectory = () if objective is None else ((seconds.solve, objective),)
    recorded = RunResult(
        name,
        result.status,
        result.termination,
        objective,
        _readable(result.bound),
        0.0 if solution is None else float(checker.problem.margin(checker.instance, solution)),
        seconds,
        tuple(point for point in trajectory if _readable(point[1]) is not None),
        None if solution is None else f"{SOLUTIONS}/{job.id}-{position}.json",
        result.message,
    )
    return recorded, None if solution is None else solution.to_dict()


def _readable(value: float | None) -> float | None:
    """Return a value, or ``None`` for one that is beyond what records may hold."""
    return value if value is not None and abs(value) <= LARGEST else None


def _processor_share(outcomes: Sequence[Outcome]) -> float | None:
    seconds = sum(outcome.solve_seconds for outcome in outcomes)
    busy = outcomes[0].processor_seconds
    return round(busy / seconds, 3) if busy is not None and seconds > 0.2 else None  # the kernel's ticks are coarse


def _checker(case: Case, data: str | None) -> Checker:
    return Checker.of(host().problem(case.problem), _instance(msgspec.json.encode(case), data), apart=True)


@lru_cache(4)  # the jobs of an instance come one after the other
def _instance(encoded: bytes, data: str | None) -> Instance:
    """Return the instance of a case, read or drawn anew unless this process has just had it."""
    case = msgspec.json.decode(encoded, type=Case)
    instance = case.source.load(None if data is None else Path(data))
    if instance.fingerprint() != case.fingerprint:
        raise RedwoodError("the instance is not what it was when the run was planned.")
    return instance


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
def _machine() -> Machine:
    return provenance()
