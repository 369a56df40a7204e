"""Starting one job in a process group of its own, watching it, and killing it at its limit."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from redwood.benchmarks.planning import Job
from redwood.plugins.host import host

GRACE = 0.3
"""Seconds past its time limit after which a job is killed; what it has reported by then counts."""

STARTUP_LIMIT = 600.0
"""Seconds that a job may take to import, load and compile."""

CLOSING_LIMIT = 60.0
"""Seconds that a job may take, after its search, to check and price what it found."""

MEMORY_INTERVAL = 0.05
"""Seconds between two looks at the memory of a job that has a limit."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass
class Watched:
    """What the parent knows of a job: its own words, and how it ended."""

    compile_seconds: float = 0.0
    solve_seconds: float = 0.0
    processor_seconds: float | None = None
    trajectory: list[list[float]] = field(default_factory=list)
    solution: bytes | None = None
    result: dict[str, Any] | None = None
    failure: str = ""
    killed: bool = False
    seconds: float = 0.0


def run_job(
    job: Job, data: Path | None, stop: threading.Event, grace: float = GRACE, cores: Collection[int] = ()
) -> Watched | None:
    """Carry out a job in a child process, which is gone when this returns.

    Returns ``None`` where ``stop`` was set before the job was through. The job is bound to ``cores``, where any are named.
    """
    child, channel, mouth = _start(job, data, cores)
    watch = _Watch(job, grace, stop)
    try:
        finished = watch.follow(child, channel)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        code = child.wait()
        channel.close()
        os.close(mouth)
    return watch.close(code) if finished else None


class _Watch:
    def __init__(self, job: Job, grace: float, stop: threading.Event) -> None:
        self.known = Watched()
        self._job = job
        self._grace = grace
        self._stop = stop
        self._began = time.perf_counter()
        self._ready_at: float | None = None
        self._done_at: float | None = None
        self._weighed_at = 0.0
        self._too_large = False

    def follow(self, child: subprocess.Popen[bytes], channel: Connection) -> bool:
        """Listen until the job is through, dead, or past its limit; returns whether nobody stopped it before."""
        while (left := self._seconds_left()) > 0:
            if self._stop.is_set():
                return False
            if self._is_too_large(child.pid):
                self.known.killed = self._too_large = True
                break
            try:
                if channel.poll(min(left, 0.2 if self._job.memory_gb is None else MEMORY_INTERVAL)):
                    if self._take(*pickle.loads(channel.recv_bytes())):
                        return True
                elif child.poll() is not None and not channel.poll(0):
                    break
            except (EOFError, OSError):
                break
        else:
            self.known.killed = True
        return True

    def close(self, code: int) -> Watched:
        """Return what is known once the child is gone."""
        now, known = time.perf_counter(), self.known
        known.seconds = now - self._began
        if known.result is None and not known.failure:
            known.solve_seconds = (self._done_at or now) - (self._ready_at or now)
            known.failure = self._reason(code)
        return known

    def _take(self, word: str, facts: dict[str, Any]) -> bool:
        """Take in a word of the child; returns whether it was the last."""
        known = self.known
        if word == "ready":
            self._ready_at, known.compile_seconds = time.perf_counter(), facts["compile"]
        elif word == "improved":
            known.trajectory.append([facts["seconds"], facts["objective"]])
            known.solution = facts["solution"]
        elif word == "done":
            self._done_at = time.perf_counter()
            known.processor_seconds, known.solve_seconds = facts["processor_seconds"], facts["seconds"]
        elif word == "result":
            known.result = facts
        elif word == "refused":
            known.failure = facts["message"]
        return word in ("result", "refused")

    def _is_too_large(self, group: int) -> bool:
        """Return whether the processes of the job hold more memory than it may, looking now and then."""
        now, limit = time.perf_counter(), self._job.memory_gb
        if limit is None or now - self._weighed_at < MEMORY_INTERVAL:
            return False
        self._weighed_at = now
        return resident_bytes(group) > limit * 2**30

    def _seconds_left(self) -> float:
        if self._ready_at is None:
            until = self._began + STARTUP_LIMIT
        elif self._done_at is None:
            until = self._ready_at + self._job.time_limit + self._grace
        else:
            until = self._done_at + CLOSING_LIMIT
        return until - time.perf_counter()

    def _reason(self, code: int) -> str:
        if self._too_large:
            return f"it held more than {self._job.memory_gb:g} GB of memory, and was killed."
        if self.known.killed:
            if self._ready_at is None:
                return f"not ready after {STARTUP_LIMIT:g} s, and killed."
            if self._done_at is not None:
                return f"checking the answer took more than {CLOSING_LIMIT:g} s, and was killed."
            return ""
        return f"the job's process died of {signal.Signals(-code).name}." if code < 0 else f"it ended with exit code {code}."


def resident_bytes(group: int) -> int:
    """Return the resident memory of all processes of a group, shared pages counted in each; 0 where the system hides it."""
    total = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(entry.name)) == group:
                total += int((entry / "statm").read_text().split()[1]) * resource.getpagesize()
        except (OSError, IndexError):  # it has just ended
            continue
    return total


def _start(job: Job, data: Path | None, cores: Collection[int]) -> tuple[subprocess.Popen[bytes], Connection, int]:
    """Return the child, the pipe that it speaks through, and the descriptor that keeps it alive while it is open."""
    reading, writing = os.pipe()
    ear, mouth = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-c", "from redwood.benchmarks.job import serve; serve()", str(writing)],
        stdin=ear,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(writing,),
        start_new_session=True,
        env=os.environ | dict.fromkeys(THREAD_VARIABLES, str(job.threads)),
    )
    os.close(writing)
    os.close(ear)
    with contextlib.suppress(BrokenPipeError):  # one that died at once is found dead by the watch
        os.write(mouth, json.dumps(_order(job, data) | {"cores": sorted(cores)}).encode() + b"\n")
    return child, Connection(reading, writable=False), mouth


def _order(job: Job, data: Path | None) -> dict[str, Any]:
    return {
        "path": sys.path,
        "files": [str(file) for file in host().files],
        "data": None if data is None else str(data.resolve()),
        "source": job.case.source.to_dict(),
        "fingerprint": job.case.fingerprint,
        "solver": job.solver,
        "options": dict(job.options),
        "seed": job.seed,
        "time_limit": job.time_limit,
        "iterations": job.iterations,
        "threads": job.threads,
    }
