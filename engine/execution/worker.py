"""A run in a process of its own, which can be killed at its limit without losing the best reported solution.

The child streams every improvement through a pipe. Imports, loading and compiling happen before it says that it is
ready; only then does the clock of the time limit start. At the limit plus a short grace the child is killed together
with everything that it has started, whether it listens or not.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cloudpickle

from redwood.budget import Progress, Termination
from redwood.errors import SolverError
from redwood.execution.channel import Ear, Mouth
from redwood.execution.running import Outcome, Task, execute
from redwood.plugins.host import host
from redwood.solver import Incumbent

GRACE = 0.3
"""Seconds past the limit after which the child is killed."""

STARTUP_LIMIT = 600.0
"""Seconds that the child may take to import, load and compile."""


@dataclass(frozen=True)
class _Ready:
    compile_seconds: float


@dataclass(frozen=True)
class _Finished:
    outcome: Outcome


@dataclass(frozen=True)
class _Refused:
    error: BaseException


def execute_isolated(
    task: Task,
    on_improvement: Callable[[Incumbent], None] | None = None,
    *,
    grace: float = GRACE,
    startup_limit: float = STARTUP_LIMIT,
) -> Outcome:
    """Run a task in a child process and return what it came to; the child is gone when this returns.

    Raises
    ------
    RedwoodError
        What the solver raised because it was called wrongly.
    """
    began = time.perf_counter()
    child, ear = _start(task)
    watch = _Watch(task, on_improvement, grace, startup_limit)
    try:
        watch.follow(child, ear)
    except KeyboardInterrupt:
        watch.stopped = Termination.INTERRUPTED
    finally:
        _kill(child)
        ear.close()
    return watch.outcome(began, child.returncode)


class _Watch:
    """What the parent knows of a child's run."""

    def __init__(
        self, task: Task, on_improvement: Callable[[Incumbent], None] | None, grace: float, startup_limit: float
    ) -> None:
        self.task = task
        self.on_improvement = on_improvement
        self.grace = grace
        self.startup_limit = startup_limit
        self.began = time.perf_counter()
        self.ready_at: float | None = None
        self.ended_at: float | None = None
        self.compile_seconds = 0.0
        self.incumbents: list[Incumbent] = []
        self.finished: Outcome | None = None
        self.stopped: Termination | None = None
        self.complaint = ""

    def follow(self, child: subprocess.Popen[bytes], ear: Ear) -> None:
        """Read messages until the child is done, dead, or past its limit."""
        while (left := self._seconds_left()) > 0:
            try:
                messages = ear.hear(min(left, 0.5))
            except EOFError:
                break
            except SolverError as error:
                self.complaint = str(error)
                break
            if any(self._take(pickle.loads(message)) for message in messages):
                break
            if not messages and child.poll() is not None and not ear.has_more():
                break
        else:
            self.stopped = Termination.KILLED
        self.ended_at = time.perf_counter()

    def outcome(self, began: float, exit_code: int | None) -> Outcome:
        """Return what the run came to, from the child's last word or from what it had reported."""
        ready = self.ready_at if self.ready_at is not None else time.perf_counter()
        ended = self.ended_at if self.ended_at is not None else time.perf_counter()
        if self.finished is not None:
            outcome = self.finished
        else:
            best = self.incumbents[-1].solution if self.incumbents else None
            points = [(incumbent.seconds, incumbent.objective) for incumbent in self.incumbents]
            outcome = Outcome(None, best, points, None, self._reason())
            outcome.error = self._failure(exit_code)
            outcome.compile_seconds, outcome.solve_seconds = self.compile_seconds, max(0.0, ended - ready)
        outcome.load_seconds += max(0.0, ready - began - outcome.compile_seconds)
        return outcome

    def _take(self, message: Any) -> bool:
        """Take in one message; returns whether it was the last one."""
        if isinstance(message, _Ready):
            self.ready_at, self.compile_seconds = time.perf_counter(), message.compile_seconds
        elif isinstance(message, Incumbent):
            self.incumbents.append(message)
            if self.on_improvement is not None:
                self.on_improvement(message)
        elif isinstance(message, _Refused):
            raise message.error
        elif isinstance(message, _Finished):
            self.finished = message.outcome
            return True
        return False

    def _seconds_left(self) -> float:
        if self.ready_at is None:
            return self.began + self.startup_limit - time.perf_counter()
        fresh = Progress(0.0, 0, None, None, self.task.problem.sense)
        return self.ready_at + self.task.budget.seconds_left(fresh) + self.grace - time.perf_counter()

    def _reason(self) -> Termination:
        return self.stopped or Termination.ERROR

    def _failure(self, exit_code: int | None) -> str:
        if self.stopped is Termination.INTERRUPTED or self.complaint:
            return self.complaint
        if self.stopped is Termination.KILLED:
            return (
                ""
                if self.ready_at is not None
                else f"the solver was not ready after {self.startup_limit:g} s and was killed."
            )
        if exit_code is not None and exit_code < 0:
            return f"the solver's process died of signal {signal.Signals(-exit_code).name}."
        return f"the solver's process ended with exit code {exit_code} without an answer."


def _start(task: Task) -> tuple[subprocess.Popen[bytes], Ear]:
    reading, writing = os.pipe()
    environment = dict(os.environ)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment.setdefault(name, str(task.threads))
    child = subprocess.Popen(
        [sys.executable, "-c", "from redwood.execution.worker import serve; serve()", str(writing)],
        stdin=subprocess.PIPE,
        stdout=sys.stderr.fileno() if _has_descriptor(sys.stderr) else subprocess.DEVNULL,
        pass_fds=(writing,),
        start_new_session=True,
        env=environment,
    )
    os.close(writing)
    header = pickle.dumps({"path": sys.path, "files": [str(path) for path in host().files]})
    body = cloudpickle.dumps(task)
    ear = Ear(reading)
    try:
        if child.stdin is None:
            raise SolverError("the worker process has no standard input.")
        for part in (header, body):
            child.stdin.write(len(part).to_bytes(8, "big") + part)
        child.stdin.flush()  # and left open: that it closes tells the child that we are gone
    except BrokenPipeError:  # it died at once; the watch says so
        pass
    return child, ear


def _kill(child: subprocess.Popen[bytes]) -> None:
    """Kill the child and whatever it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()


def _has_descriptor(stream: Any) -> bool:
    try:
        stream.fileno()
    except (AttributeError, OSError, ValueError):
        return False
    return True


def serve() -> None:
    """Be the child: read a task from standard input, run it, and stream to the pipe named in the arguments."""
    mouth = Mouth(int(sys.argv[1]))

    def send(message: Any) -> None:
        mouth.say(cloudpickle.dumps(message))

    header = pickle.loads(_read_part())
    sys.path[:] = header["path"]
    for file in header["files"]:
        host().load_file(file)
    task: Task = pickle.loads(_read_part())
    threading.Thread(target=die_with_parent, daemon=True).start()
    try:
        outcome = execute(task, on_improvement=send, on_ready=lambda seconds: send(_Ready(seconds)))
    except Exception as error:
        send(_Refused(error))
    else:
        send(_Finished(outcome))


def die_with_parent() -> None:
    """Wait until the parent closes our standard input, which it does by dying, and end the whole process group."""
    while os.read(0, 1024):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _read_part() -> bytes:
    return sys.stdin.buffer.read(int.from_bytes(sys.stdin.buffer.read(8), "big"))


__all__ = ["GRACE", "STARTUP_LIMIT", "die_with_parent", "execute_isolated", "serve"]
