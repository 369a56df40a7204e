"""Starting one job in a process group of its own, watching it, and killing it at its limit."""

from __future__ import annotations

import json
import pickle
import resource
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redwood.benchmarks.children import Child, Children
from redwood.benchmarks.planning import Job
from redwood.errors import SolverError

GRACE = 0.2
"""Seconds past its time limit after which a job is killed; what it has reported by then counts."""

STARTUP_LIMIT = 600.0
"""Seconds that a job may take to import, load and compile."""

CLOSING_LIMIT = 60.0
"""Seconds that a job may take, after its search, to check and price what it found."""

MEMORY_INTERVAL = 0.05
"""Seconds between two looks at the memory of a job that has a limit."""


@dataclass
class Found:
    """What a job has reported of one instance: seconds and objective of each improvement, and the last solution."""

    trajectory: list[list[float]] = field(default_factory=list)
    solution: bytes | None = None


@dataclass
class Watched:
    """What the parent knows of a job: its own words, and how it ended.

    Attributes
    ----------
    found
        What it has reported, by the position of the instance among the job's.
    """

    compile_seconds: float = 0.0
    solve_seconds: float = 0.0
    processor_seconds: float | None = None
    found: dict[int, Found] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    failure: str = ""
    killed: bool = False
    seconds: float = 0.0


def run_job(order: Order, source: Children, stop: threading.Event, grace: float = GRACE) -> Watched | None:
    """Carry out an order in a child process, which is gone with all that it has started when this returns.

    Returns ``None`` where ``stop`` was set before the job was through.
    """
    child = source.start(order.line())
    watch = _Watch(order.job, grace, stop)
    finished = False
    try:
        finished = watch.follow(child)
    finally:
        code = child.end()
    return watch.close(code) if finished else None


@dataclass(frozen=True)
class Order:
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
    cores
        The cores that the process is bound to; empty for any.
    """

    session: str
    job: Job
    data: str | None
    plugins: tuple[str, ...] = ()
    fresh: bool = False
    preload: tuple[str, ...] = ()
    cores: tuple[int, ...] = ()

    def line(self) -> bytes:
        """Return what the job's process reads: one line of JSON."""
        job = self.job
        words = {
            "path": sys.path,
            "files": self.plugins,
            "data": self.data,
            "instances": [(case.source.to_dict(), case.fingerprint) for case in job.cases],
            "solver": job.solver,
            "options": dict(job.options),
            "seed": job.seed,
            "time_limit": job.time_limit,
            "iterations": job.iterations,
            "threads": job.threads,
            "cores": self.cores,
        }
        return json.dumps(words).encode() + b"\n"


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
        self._memory_interval = MEMORY_INTERVAL
        self._too_large = False

    def follow(self, child: Child) -> bool:
        """Listen until the job is through, dead, or past its limit; returns whether nobody stopped it before."""
        while (left := self._seconds_left()) > 0:
            if self._stop.is_set():
                return False
            if self._is_too_large(child):
                self.known.killed = self._too_large = True
                break
            try:
                messages = child.ear.hear(min(left, 0.2 if self._job.memory_gb is None else self._memory_interval))
            except EOFError:
                break
            except SolverError as error:
                self.known.failure = str(error)
                break
            if any(self._take(*pickle.loads(message)) for message in messages):
                return True
            if not messages and child.has_ended() and not child.ear.has_more():
                break
        else:
            self.known.killed = True
        return True

    def close(self, code: int) -> Watched:
        """Return what is known once the child is gone."""
        now, known = time.perf_counter(), self.known
        known.seconds = now - self._began
        if known.result is None:
            known.solve_seconds = (self._done_at or now) - (self._ready_at or now)
            known.failure = known.failure or self._reason(code)
        return known

    def _take(self, word: str, facts: dict[str, Any]) -> bool:
        """Take in a word of the child; returns whether it was the last."""
        known = self.known
        if word == "ready":
            self._ready_at, known.compile_seconds = time.perf_counter(), facts["compile"]
        elif word == "improved":
            found = known.found.setdefault(facts["position"], Found())
            found.trajectory.append([facts["seconds"], facts["objective"]])
            found.solution = facts["solution"]
        elif word == "done":
            self._done_at = time.perf_counter()
            known.processor_seconds, known.solve_seconds = facts["processor_seconds"], facts["seconds"]
        elif word == "result":
            known.result = facts
        elif word == "refused":
            known.failure = facts["message"]
        return word in ("result", "refused")

    def _is_too_large(self, child: Child) -> bool:
        """Return whether the processes of the job hold more memory than it may, looking now and then."""
        now, limit = time.perf_counter(), self._job.memory_gb
        if limit is None or now - self._weighed_at < self._memory_interval:
            return False
        too_large = resident_bytes(child.group, child.keeper) > limit * 2**30
        self._weighed_at = time.perf_counter()
        self._memory_interval = max(MEMORY_INTERVAL, 20 * (self._weighed_at - now))  # at most 5 % of a core
        return too_large

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


def resident_bytes(root: int, keeper: int = 0) -> int:
    """Return the resident memory of a process and its descendants, shared pages counted in each; 0 where it is hidden.

    With a ``keeper`` those count that it has inherited, but not the keeper itself.
    """
    pages, parents = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        parents[int(entry.name)], pages[int(entry.name)] = int(fields[1]), int(fields[21])
    return resource.getpagesize() * sum(pages[member] for member in _descendants(keeper or root, parents) - {keeper})


def _descendants(root: int, parents: Mapping[int, int]) -> set[int]:
    children: dict[int, list[int]] = {}
    for child, parent in parents.items():
        children.setdefault(parent, []).append(child)
    found, left = set(), [root] if root in parents else []
    while left:
        found.add(member := left.pop())
        left += children.get(member, [])
    return found
