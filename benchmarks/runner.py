"""The runner: every job of a plan once, in a process of its own, its record on disk before the next begins."""

from __future__ import annotations

import json
import math
import os
import pickle
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from redwood.benchmarks.planning import Job, Plan, make_plan
from redwood.benchmarks.process import Watched, run_job
from redwood.benchmarks.provenance import load_average, provenance
from redwood.benchmarks.records import Ledger, open_ledger, read_records
from redwood.benchmarks.suite import parse_suite
from redwood.errors import FormatError, OptionError

PLAN = "plan.json"
SOLUTIONS = "solutions"


@dataclass(frozen=True)
class Progress:
    """How far a run has come: jobs finished before and now, all jobs, and the record that was just written."""

    finished: int
    total: int
    record: dict[str, Any] | None


def run_plan(
    plan: Plan, out: Path, *, jobs: int = 1, on_progress: Callable[[Progress], None] | None = None
) -> tuple[int, int]:
    """Run the jobs of a plan that have no record in ``out`` yet, and return how many are finished, of how many.

    Parameters
    ----------
    plan
        From `make_plan`.
    out
        Folder of the records; where it holds records of the same suite, they are kept and the rest is run.
    jobs
        How many jobs to run at a time. More than one on a busy machine makes timings worthless; the records say so.
    on_progress
        Called in the main thread after each job.

    Raises
    ------
    OptionError
        Where ``out`` belongs to another suite, or another process is writing there.
    """
    if jobs < 1:
        raise OptionError(f"jobs {jobs} is below 1.")
    with open_ledger(out) as ledger:
        _claim(plan, out)
        done = {record["job"] for record in read_records(out) if record["kind"] != "session"}
        left = [job for job in plan.jobs if job.id not in done]
        finished = len(plan.jobs) - len(left)
        if on_progress is not None:
            on_progress(Progress(finished, len(plan.jobs), None))
        if not left:
            return finished, len(plan.jobs)
        session = uuid.uuid4().hex[:8]
        ledger.append(
            {"kind": "session", "session": session, "started": _now(), "jobs": jobs} | _crowd(plan, jobs) | provenance()
        )
        runner = _Runner(plan, out, ledger, session)
        for record in runner.records(left, jobs):
            finished += 1
            if on_progress is not None:
                on_progress(Progress(finished, len(plan.jobs), record))
    return finished, len(plan.jobs)


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
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps(mine, indent=1), encoding="utf-8")
        os.replace(fresh, file)
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
        old, new = self.before["result"], self.after["result"]
        if old["status"] != new["status"] or (old["objective"] is None) != (new["objective"] is None):
            return False
        return old["objective"] is None or math.isclose(old["objective"], new["objective"], rel_tol=1e-9, abs_tol=1e-9)


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
    found = [record for record in read_records(out) if record["kind"] == "run" and record["job"].startswith(word)]
    if len(found) != 1:
        raise OptionError(f"{len(found)} finished jobs in {out} begin with {word!r}; see `redwood bench report --json`.")
    plan = resume_plan(out)
    job = next((job for job in plan.jobs if job.id == found[0]["job"]), None)
    if job is None:
        raise OptionError(f"job {found[0]['job']} is not planned here: its instance or its solver is another.")
    watched = run_job(job, plan.data, threading.Event(), cores=share_cores(1, job.threads)[0])
    if watched is None:
        raise OptionError(f"job {job.id} was stopped.")
    return Replay(found[0], _record(job, watched))


def share_cores(workers: int, threads: int) -> list[frozenset[int]]:
    """Return the cores of each worker, none in common; empty sets where there are too few, or the system cannot bind."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if workers * threads > len(usable):
        return [frozenset()] * workers
    return [frozenset(usable[index * threads : (index + 1) * threads]) for index in range(workers)]


def _crowd(plan: Plan, jobs: int) -> dict[str, Any]:
    """Return how many cores there are to run on, and whether the run asks for more."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"usable_cores": usable, "oversubscribed": jobs * plan.suite.threads > usable}


class _Runner:
    def __init__(self, plan: Plan, out: Path, ledger: Ledger, session: str) -> None:
        self._plan = plan
        self._out = out
        self._ledger = ledger
        self._session = session
        self._stop = threading.Event()
        self._cores: SimpleQueue[frozenset[int]] = SimpleQueue()

    def records(self, jobs: list[Job], workers: int) -> Any:
        """Yield the records as jobs finish. Ctrl-C stops those under way, and they have no record."""
        queue, running = iter(jobs), set[Future[dict[str, Any] | None]]()
        for cores in share_cores(workers, self._plan.suite.threads):
            self._cores.put(cores)
        with ThreadPoolExecutor(workers) as pool:
            try:
                while True:
                    while len(running) < workers and (job := next(queue, None)) is not None:
                        running.add(pool.submit(self._carry_out, job))
                    if not running:
                        return
                    ended, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (record for future in ended if (record := future.result()) is not None)
            finally:
                self._stop.set()

    def _carry_out(self, job: Job) -> dict[str, Any] | None:
        started, load, cores = _now(), load_average(), self._cores.get()
        try:
            watched = run_job(job, self._plan.data, self._stop, cores=cores)
        finally:
            self._cores.put(cores)
        if watched is None:
            return None
        record = _record(job, watched) | {"suite": self._plan.suite.name, "session": self._session, "started": started}
        record["process"] |= {"load_average": load, "cores": sorted(cores)}
        self._keep_solution(record)
        self._ledger.append(record)
        return record

    def _keep_solution(self, record: dict[str, Any]) -> None:
        """Move the solution from the record to a file of its own, which the record names."""
        solution = record["result"].pop("solution", None)
        record["solution"] = None
        if solution is not None:
            record["solution"] = f"{SOLUTIONS}/{record['job']}.json"
            file = self._out / record["solution"]
            file.parent.mkdir(exist_ok=True)
            fresh = file.with_suffix(".new")
            fresh.write_text(json.dumps({"solution": solution}), encoding="utf-8")
            os.replace(fresh, file)


def _record(job: Job, watched: Watched) -> dict[str, Any]:
    """Return the record of a finished job, whatever became of it."""
    result = dict(watched.result) if watched.result is not None else _result_of_lost(job, watched)
    share = None
    if watched.processor_seconds is not None and watched.solve_seconds > 0.2:  # below that the kernel's ticks are too coarse
        share = round(watched.processor_seconds / watched.solve_seconds, 3)
    process = {"seconds": round(watched.seconds, 3), "cpu_share": share, "peak_mb": result.pop("peak_mb", None)}
    head: dict[str, Any] = {"kind": "run" if job.solver else "bound", "job": job.id, "case": job.case.to_dict()}
    limits = {"time_limit": job.time_limit, "threads": job.threads, "memory_gb": job.memory_gb}
    if job.solver:
        head |= {"solver": job.solver, "label": job.label, "options": dict(job.options), "seed": job.seed}
        limits |= {"iterations": job.iterations}
    return head | limits | {"result": result, "process": process}


def _result_of_lost(job: Job, watched: Watched) -> dict[str, Any]:
    """Return the result of a job that was killed, died or refused: what it had reported counts."""
    seconds = {"compile": round(watched.compile_seconds, 6), "solve": round(watched.solve_seconds, 6)}
    if not job.solver:
        return {"bound": None, "method": "", "seconds": seconds, "message": watched.failure or "killed at its limit."}
    objective = watched.trajectory[-1][1] if watched.trajectory else None
    status = "failed" if watched.failure else "none" if objective is None else "feasible"
    return {
        "solver": job.solver,
        "version": "",
        "status": status,
        "termination": "killed" if watched.killed else "error",
        "objective": objective,
        "bound": None,
        "seconds": seconds,
        "trajectory": watched.trajectory,
        "solution": None if watched.solution is None else pickle.loads(watched.solution).to_dict(),
        "message": watched.failure,
    }


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")
