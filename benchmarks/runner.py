"""The runner: every job of a plan once, in a process of its own, its record on disk before the next begins."""

from __future__ import annotations

import json
import os
import uuid
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from redwood.benchmarks.jobs import Done, JobRequest, carry_out, code_of, leave, now
from redwood.benchmarks.planning import Job, Plan, make_plan
from redwood.benchmarks.provenance import provenance
from redwood.benchmarks.records import JOB_KINDS, Ledger, expanded, open_ledger, read_records
from redwood.benchmarks.suite import parse_suite
from redwood.errors import ExecutorError, FormatError, OptionError
from redwood.execution.executor import Executor
from redwood.execution.executors.local import Local
from redwood.files import write_text
from redwood.plugins.host import host
from redwood.tolerance import same

PLAN = "plan.json"
SOLUTIONS = "solutions"
BUILT_IN = "builtin"
"""The plugin whose problems are known to bear being imported before a fork."""


class ChangedCodeWarning(UserWarning):
    """Records in a folder were made by other code than what would run now."""


@dataclass(frozen=True)
class Progress:
    """How far a run has come: jobs finished before and now, all jobs, and the record that was just written."""

    finished: int
    total: int
    record: dict[str, Any] | None


def run_plan(
    plan: Plan,
    out: Path,
    *,
    jobs: int = 1,
    executor: Executor | None = None,
    fresh: bool = False,
    retry_failed: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[int, int]:
    """Run the jobs of a plan that have no record in ``out`` yet, and return how many are finished, of how many.

    Parameters
    ----------
    plan
        From `make_plan`.
    out
        Folder of the records; where it holds records of the same suite, they are kept and the rest is run.
    jobs
        How many jobs to run at a time on this machine. More than there are cores makes timings worthless; the records
        say so.
    executor
        Where to run them instead.
    fresh
        Start an interpreter for each job instead of forking one that has the libraries imported.
    retry_failed
        Run the jobs whose records say that they failed once more; the new records count.
    on_progress
        Called in the main thread after each job.

    Raises
    ------
    OptionError
        Where ``out`` belongs to another suite, or another process is writing there.
    ExecutorError
        Where jobs were lost with the machines that ran them; the others have their records, and resuming runs the rest.
    """
    executor = Local(jobs) if executor is None else executor
    with open_ledger(out) as ledger:
        _claim(plan, out)
        known = [record for record in read_records(out) if record["kind"] in JOB_KINDS]
        done = {record["job"] for record in known if not (retry_failed and _has_failed(record))}
        _warn_of_changed_code(plan, known)
        left = [job for job in plan.jobs if job.id not in done]
        finished = len(plan.jobs) - len(left)
        if on_progress is not None:
            on_progress(Progress(finished, len(plan.jobs), None))
        if not left:
            return finished, len(plan.jobs)
        runner = _Runner(plan, out, ledger, executor, fresh)
        with closing(runner.records(left)) as records:
            for record in records:
                finished += 1
                if on_progress is not None:
                    on_progress(Progress(finished, len(plan.jobs), record))
    if runner.lost:
        raise ExecutorError(f"{len(runner.lost)} jobs were lost ({runner.lost[0]}); `redwood bench resume` runs them.")
    return finished, len(plan.jobs)


def _has_failed(record: dict[str, Any]) -> bool:
    """Return whether a job failed: its solver on an instance, or its bound."""
    if record["kind"] == "bound":
        return record["result"]["bound"] is None
    return any(part["result"]["status"] == "failed" for part in expanded([record]))


def _warn_of_changed_code(plan: Plan, known: Sequence[dict[str, Any]]) -> None:
    """Warn of records that other sources of solver or problem than today's have made."""
    jobs, session = {job.id: job for job in plan.jobs}, uuid.uuid4().hex
    changed: dict[str, int] = {}
    for record in known:
        job = jobs.get(record["job"])
        if job is None or not record.get("code", {}).get("digest"):
            continue
        today = code_of(job.solver, job.case.problem, job.case.size, job.time_limit, session)
        if today["digest"] != record["code"]["digest"]:
            name = f"{job.label or 'the bound'} for {job.case.problem}"
            changed[name] = changed.get(name, 0) + 1
    for name, count in changed.items():
        words = f"{count} records of {name} were made by other code than is installed now; the folder mixes both."
        warnings.warn(words, ChangedCodeWarning, stacklevel=3)


def resume_plan(out: Path) -> Plan:
    """Return the plan whose records are in a folder, made anew from the suite that is kept there.

    Raises
    ------
    FormatError
        Where the folder holds no run.
    """
    try:
        kept = json.loads((out / PLAN).read_text(encoding="utf-8"))
        suite, data = parse_suite(kept["suite"], kept["text"]), kept["data"]
    except (OSError, KeyError, json.JSONDecodeError) as error:
        raise FormatError(f"{out}: holds no benchmark run that could be resumed ({PLAN}).") from error
    return make_plan(suite, None if data is None else Path(data))


def data_folder(out: Path) -> Path | None:
    """Return the folder that the instance files of a run are relative to, or ``None`` where it has none or is no run."""
    try:
        kept = json.loads((out / PLAN).read_text(encoding="utf-8"))["data"]
    except (OSError, KeyError, json.JSONDecodeError):
        return None
    return None if kept is None else Path(kept)


def _claim(plan: Plan, out: Path) -> None:
    """Write down whose records the folder holds, or refuse where they are another suite's."""
    data = None if plan.data is None else str(plan.data.resolve())
    mine = {"suite": plan.suite.name, "data": data, "text": plan.suite.text}
    file = out / PLAN
    if not file.exists():
        write_text(file, json.dumps(mine, indent=1))
        return
    kept = json.loads(file.read_text(encoding="utf-8"))
    if (kept["suite"], kept["text"]) != (mine["suite"], mine["text"]):
        raise OptionError(f"{out} holds the records of suite {kept['suite']!r} as it was then; give another --out.")


@dataclass(frozen=True)
class Replay:
    """A job that was run once more: its record, the new one, and whether they agree.

    They agree where status and objective are the same; a search under a time limit may honestly find something else,
    one under ``iterations`` may not.
    """

    before: dict[str, Any]
    after: dict[str, Any]

    @property
    def agrees(self) -> bool:
        """Whether the answer is the same."""
        return all(
            _agree(old["result"], new["result"])
            for old, new in zip(expanded([self.before]), expanded([self.after]), strict=True)
        )


def _agree(old: dict[str, Any], new: dict[str, Any]) -> bool:
    if old["status"] != new["status"] or (old["objective"] is None) != (new["objective"] is None):
        return False
    return old["objective"] is None or same(old["objective"], new["objective"])


def replay(out: Path, word: str) -> Replay:
    """Run one job of a folder once more, leaving its records as they are.

    Parameters
    ----------
    out
        Folder of the records.
    word
        The job's identity, or as many of its first letters as tell it from others.

    Raises
    ------
    OptionError
        Where no job or several begin like that, or the suite does not come to that job here.
    """
    found = [record for record in read_records(out) if record["kind"] in ("run", "batch") and record["job"].startswith(word)]
    if len(found) != 1:
        raise OptionError(f"{len(found)} finished jobs in {out} begin with {word!r}; see `redwood bench report --json`.")
    plan = resume_plan(out)
    job = next((job for job in plan.jobs if job.id == found[0]["job"]), None)
    if job is None:
        raise OptionError(f"job {found[0]['job']} is not planned here: its instance or its solver is another.")
    session = uuid.uuid4().hex[:8]
    try:
        done = carry_out(_requests(plan, session, [job], fresh=False)[0])
    finally:
        leave(session)
    if done is None:
        raise OptionError(f"job {job.id} was stopped.")
    return Replay(found[0], _record(job, done))


def _requests(plan: Plan, session: str, jobs: Sequence[Job], fresh: bool) -> list[JobRequest]:
    data = None if plan.data is None else str(plan.data.resolve())
    files = tuple(str(file) for file in host().files)
    solvers = {(job.solver, job.case.problem) for job in jobs if job.solver not in ("", "auto")}
    preload = {module for names in solvers for module in host().solver_entry(*names).spec.preload}
    problems = [host().problem_entry(name) for name in {job.case.problem for job in jobs}]
    preload |= {entry.spec.target.partition(":")[0] for entry in problems if entry.plugin == BUILT_IN}
    return [JobRequest(session, job, data, files, fresh, tuple(sorted(preload))) for job in jobs]


def _crowd(plan: Plan, executor: Executor) -> dict[str, Any]:
    """Return how many jobs run at a time and, where that is here, on how many cores and whether those are too few."""
    slots = executor.slots
    if not isinstance(executor, Local):
        return {"jobs": slots}
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"jobs": slots, "usable_cores": usable, "oversubscribed": slots * plan.suite.threads > usable}


class _Runner:
    def __init__(self, plan: Plan, out: Path, ledger: Ledger, executor: Executor, fresh: bool) -> None:
        self.lost: list[str] = []
        self._plan = plan
        self._out = out
        self._ledger = ledger
        self._executor = executor
        self._fresh = fresh
        self._session = uuid.uuid4().hex[:8]
        self._machines: dict[str, dict[str, Any]] = {}

    def records(self, jobs: Sequence[Job]) -> Generator[dict[str, Any]]:
        """Yield the records as jobs finish. Ctrl-C stops those under way, and they have no record."""
        head = {"kind": "session", "session": self._session, "started": now(), "executor": type(self._executor).__name__}
        self._ledger.append(head | _crowd(self._plan, self._executor) | provenance())
        requests = _requests(self._plan, self._session, jobs, self._fresh)
        through = self._executor.run(carry_out, requests, waits=True, leave=partial(leave, self._session))
        try:
            for returned in through:
                if returned.lost:
                    self.lost.append(f"{jobs[returned.position].id}: {returned.lost}")
                elif returned.value is not None:
                    yield self._write(jobs[returned.position], returned.value)
        finally:
            through.close()

    def _write(self, job: Job, done: Done) -> dict[str, Any]:
        """Put the record of a job on the disk, after its machine's where that is a new one."""
        if done.host not in self._machines:
            self._machines[done.host] = done.machine
            self._ledger.append({"kind": "machine", "session": self._session, "host": done.host} | done.machine)
        record = _record(job, done) | {
            "suite": self._plan.suite.name,
            "session": self._session,
            "started": done.started,
        }
        if job.more:
            for position, result in enumerate(record["results"]):
                result["solution"] = self._kept(result.get("solution"), f"{job.id}-{position}")
        else:
            record["solution"] = self._kept(record["result"].pop("solution", None), job.id)
        self._ledger.append(record)
        return record

    def _kept(self, solution: Any, name: str) -> str | None:
        """Put a solution into a file of its own, and return the file's name below the folder."""
        if solution is None:
            return None
        file = self._out / SOLUTIONS / f"{name}.json"
        file.parent.mkdir(exist_ok=True)
        write_text(file, json.dumps({"solution": solution}))
        return f"{SOLUTIONS}/{name}.json"


def _record(job: Job, done: Done) -> dict[str, Any]:
    """Return the record of a finished job, whatever became of it."""
    process: dict[str, Any] = {"seconds": round(done.seconds, 4), "cpu_share": done.processor_share, "peak_mb": done.peak_mb}
    process |= {"load_average": done.load, "cores": list(done.cores), "host": done.host}
    head: dict[str, Any] = {"kind": "batch" if job.more else "run" if job.solver else "bound", "job": job.id}
    head |= {"cases": [case.to_dict() for case in job.cases]} if job.more else {"case": job.case.to_dict()}
    limits = {"time_limit": job.time_limit, "threads": job.threads, "memory_gb": job.memory_gb}
    if job.solver:
        head |= {"solver": job.solver, "label": job.label, "options": dict(job.options), "seed": job.seed}
        limits |= {"iterations": job.iterations}
    results: dict[str, Any] = {"results": list(done.results)} if job.more else {"result": done.results[0]}
    return head | limits | results | {"process": process, "code": done.code}
