"""The runner: every job of a plan once, in a process of its own, its record on disk before the next begins."""

from __future__ import annotations

import json
import uuid
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from redwood.benchmarks.jobs import Done, JobRequest, carry_out, code_of, leave, now
from redwood.benchmarks.planning import Job, Plan, make_plan
from redwood.benchmarks.provenance import provenance
from redwood.benchmarks.records import (
    PLAN,
    RECORDS,
    Append,
    Bound,
    Finished,
    Host,
    KeptPlan,
    Run,
    Session,
    open_ledger,
    read_plan,
    read_records,
    write_plan,
)
from redwood.benchmarks.suite import parse_suite
from redwood.errors import ExecutorError, OptionError
from redwood.execution.executor import Executor
from redwood.execution.executors.local import IN_TURN, Local
from redwood.files import write_text
from redwood.operating_system import usable_cores
from redwood.plugins.host import host
from redwood.result import Status
from redwood.tolerance import same

BUILT_IN = "builtin"
"""The plugin whose problems are known to bear being imported before a fork."""


class ChangedCodeWarning(UserWarning):
    """Records in a folder were made by other code than what would run now."""


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    Attributes
    ----------
    finished, refused
        Jobs with a record, from before or now, and those of them whose solver does not take the instance.
    total
        All jobs.
    record
        The one that was just written.
    """

    finished: int
    refused: int
    total: int
    record: Finished | None


def run_plan(
    plan: Plan,
    out: Path,
    *,
    executor: Executor = IN_TURN,
    fresh: bool = False,
    retry_failed: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> tuple[int, int]:
    """Run the jobs of a plan that have no record in ``out`` yet, and return how many are finished, of how many.

    Parameters
    ----------
    plan
        From `make_plan`.
    out
        Folder of the records; where it holds records of the same suite, they are kept and the rest is run.
    executor
        Where to run them, by default one at a time on this machine. More at a time than there are cores makes timings
        worthless; the records say so.
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
    with open_ledger(out) as append:
        known = known_records(plan, out)
        if not (out / PLAN).exists():
            write_plan(out, KeptPlan(plan.suite.name, _data_folder(plan), plan.suite.text))
        kept = Counter(record.job for record in known if not (retry_failed and _has_failed(record)))
        _warn_of_changed_code(plan, known)
        left = [job for job in plan.jobs if kept[job.id] < len(job.cases)]
        finished = len(plan.jobs) - len(left)
        refused = len({record.job for record in known if _is_refused(record)} & {job.id for job in plan.jobs})
        on_progress(Progress(finished, refused, len(plan.jobs), None))
        if not left:
            return finished, len(plan.jobs)
        runner = _Runner(plan, out, append, executor, fresh)
        with closing(runner.records(left)) as found:
            for records in found:
                finished += 1
                refused += _is_refused(records[0])
                for record in records:
                    on_progress(Progress(finished, refused, len(plan.jobs), record))
    if runner.lost:
        raise ExecutorError(f"{len(runner.lost)} jobs were lost ({runner.lost[0]}); `redwood bench resume` runs them.")
    return finished, len(plan.jobs)


def _has_failed(record: Finished) -> bool:
    """Return whether a job failed: its solver on an instance, or its bound."""
    if isinstance(record, Bound):
        return record.result.bound is None
    return record.result.status is Status.FAILED


def _is_refused(record: Finished) -> bool:
    """Return whether the solver of a job does not take its instance."""
    return isinstance(record, Run) and record.is_refused


def _warn_of_changed_code(plan: Plan, known: Sequence[Finished]) -> None:
    """Warn of records that other sources of solver or problem than today's have made."""
    jobs, session = {job.id: job for job in plan.jobs}, uuid.uuid4().hex
    changed: Counter[str] = Counter()
    for record in known:
        job = jobs.get(record.job)
        if job is None or not record.code.digest:
            continue
        today = code_of(job, session)
        if today.digest != record.code.digest:
            changed[f"{job.label or 'the bound'} for {job.case.problem}"] += 1
    for name, count in changed.items():
        words = f"{count} records of {name} were made by other code than is installed now; the folder mixes both."
        warnings.warn(words, ChangedCodeWarning, stacklevel=3)


def resume_plan(out: Path) -> Plan:
    """Return the plan whose records are in a folder, made anew from the suite that is kept there.

    Raises
    ------
    FormatError
        Where the folder holds no run, or a damaged one.
    """
    kept = read_plan(out)
    return make_plan(parse_suite(kept.suite, kept.text, str(out / PLAN)), None if kept.data is None else Path(kept.data))


def known_records(plan: Plan, out: Path) -> list[Finished]:
    """Return what a folder, if it is there, holds already of a plan.

    Raises
    ------
    OptionError
        Where it holds records of another suite, or is no folder.
    FormatError
        Where the records are of another version of Redwood, or damaged.
    """
    if out.exists() and not out.is_dir():
        raise OptionError(f"{out} is a file and not a folder; give another --out.")
    if (out / PLAN).exists():
        kept = read_plan(out)
        if (kept.suite, kept.text) != (plan.suite.name, plan.suite.text):
            raise OptionError(f"{out} holds the records of suite {kept.suite!r} as it was then; give another --out.")
    if not (out / RECORDS).exists():
        return []
    return [record for record in read_records(out) if isinstance(record, Finished)]


def _data_folder(plan: Plan) -> str | None:
    return None if plan.data is None else str(plan.data.resolve())


@dataclass(frozen=True)
class Replay:
    """A job that was run once more: its records, the new ones, and whether they agree.

    They agree where status and objective are the same; a search under a time limit may honestly find something else,
    one under ``iterations`` may not.
    """

    before: tuple[Run, ...]
    after: tuple[Run, ...]

    @property
    def agrees(self) -> bool:
        """Whether the answers are the same."""
        return len(self.before) == len(self.after) and all(map(_agree, self.before, self.after))


def _agree(before: Run, after: Run) -> bool:
    old, new = before.result, after.result
    if old.objective is None or new.objective is None:
        return (old.status, old.objective) == (new.status, new.objective)
    return old.status is new.status and same(old.objective, new.objective)


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
    found = tuple(record for record in read_records(out) if isinstance(record, Run) and record.job.startswith(word))
    names = {record.job for record in found}
    if len(names) != 1:
        raise OptionError(f"{len(names)} finished jobs in {out} begin with {word!r}; see `redwood bench report --json`.")
    plan = resume_plan(out)
    job = next((job for job in plan.jobs if job.id in names), None)
    if job is None:
        raise OptionError(f"job {names.pop()} is not planned here: its instance or its solver is another.")
    session = uuid.uuid4().hex[:8]
    try:
        done = carry_out(_requests(plan, session, [job], fresh=False)[0])
    finally:
        leave(session)
    if done is None:
        raise OptionError(f"job {job.id} was stopped.")
    return Replay(found, tuple(record for record in done.records if isinstance(record, Run)))


def _requests(plan: Plan, session: str, jobs: Sequence[Job], fresh: bool) -> list[JobRequest]:
    files = tuple(str(file) for file in host().files)
    solvers = {(job.solver, job.case.problem) for job in jobs if job.solver not in ("", "auto")}
    preload = {module for names in solvers for module in host().solver_entry(*names).spec.preload}
    problems = [host().problem_entry(name) for name in {job.case.problem for job in jobs}]
    preload |= {entry.spec.target.partition(":")[0] for entry in problems if entry.plugin == BUILT_IN}
    return [
        JobRequest(session, plan.suite.label, job, _data_folder(plan), files, fresh, tuple(sorted(preload))) for job in jobs
    ]


class _Runner:
    def __init__(self, plan: Plan, out: Path, append: Append, executor: Executor, fresh: bool) -> None:
        self.lost: list[str] = []
        self._plan = plan
        self._out = out
        self._append = append
        self._executor = executor
        self._fresh = fresh
        self._session = uuid.uuid4().hex[:8]
        self._hosts: set[str] = set()

    def records(self, jobs: Sequence[Job]) -> Generator[tuple[Finished, ...]]:
        """Yield the records as jobs finish. Ctrl-C stops those under way, and they have no record."""
        self._append(self._head())
        requests = _requests(self._plan, self._session, jobs, self._fresh)
        through = self._executor.run(carry_out, requests, waits=True, leave=partial(leave, self._session))
        try:
            for returned in through:
                if returned.lost:
                    self.lost.append(f"{jobs[returned.position].id}: {returned.lost}")
                elif returned.value is not None:
                    yield self._write(returned.value)
        finally:
            through.close()

    def _head(self) -> Session:
        """Return the record of this session: how many jobs at a time and, where that is here, on how many cores."""
        slots, usable = self._executor.slots, None
        if isinstance(self._executor, Local):
            usable = len(usable_cores())
        return Session(
            session=self._session,
            started=now(),
            executor=type(self._executor).__name__,
            jobs=slots,
            machine=provenance(),
            usable_cores=usable,
            oversubscribed=usable is not None and slots * self._plan.suite.threads > usable,
        )

    def _write(self, done: Done) -> tuple[Finished, ...]:
        """Put the records of a job on the disk, after its solutions, and its machine where that is a new one."""
        if (name := done.records[0].process.host) not in self._hosts:
            self._hosts.add(name)
            self._append(Host(session=self._session, host=name, machine=done.machine))
        for file, solution in done.solutions.items():
            (self._out / file).parent.mkdir(exist_ok=True)
            write_text(self._out / file, json.dumps({"solution": solution}))
        self._append(*done.records)
        return done.records
