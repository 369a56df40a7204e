"""The solver's process: reads a request from standard input, carries it out, and reports every step.

It reports through a pipe of its own, so that what a solver prints cannot be mistaken for a report, and unpickles nothing but
what whoever asked has sent.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from redwood.clock import Timer
from redwood.execution.channel import Sender
from redwood.execution.messages import (
    Bounded,
    Ending,
    Finished,
    Improved,
    Message,
    Ready,
    Refused,
    Searched,
    encode,
    error_text,
    pack_solution,
)
from redwood.execution.task import USAGE_ERRORS, Outcome, Task, execute
from redwood.operating_system import bind_to_cores, peak_megabytes
from redwood.problem import Instance, Problem
from redwood.solver import Incumbent
from redwood.views.bound import Bound


@dataclass(frozen=True)
class BoundTask:
    """An instance whose problem is to bound it."""

    problem: Problem[Any, Any]
    instance: Instance
    seconds: float


Work = Callable[[], Sequence[Task] | BoundTask]
"""What a request asks for, made in the solver's process: tasks of one problem and solver, or a bound."""


@dataclass(frozen=True)
class Order:
    """The head of a request.

    Attributes
    ----------
    path
        ``sys.path`` of whoever asks.
    secret
        Of the channel.
    token
        What the environment of all processes of the run holds under `TOKEN`.
    cores
        The cores that the process is bound to; empty for any.
    set_up
        Pickled function to be called before the work is unpickled, such as one that loads plugins; empty for none.
    work
        Pickled `Work`.
    """

    path: tuple[str, ...]
    secret: bytes
    token: str
    cores: tuple[int, ...]
    set_up: bytes
    work: bytes


TOKEN = "REDWOOD_RUN"
"""The environment variable by which processes of a run are known whose parents are gone."""

SET_NAME = 15
"""PR_SET_NAME of <linux/prctl.h>; names have up to 15 bytes."""


def attend(descriptor: int) -> None:
    """Carry out the order on standard input, and report through a descriptor."""
    order: Order = pickle.loads(_read(int.from_bytes(_read(8), "big")))
    sys.path[:] = order.path
    _mark(order.token)
    bind_to_cores(order.cores)
    sender = Sender(descriptor, order.secret)
    try:
        last = _carry_out(order, lambda message: sender.send(encode(message)))
    except USAGE_ERRORS as error:
        last = Refused(
            error_text(error).partition(": ")[2], next(kind.__name__ for kind in USAGE_ERRORS if isinstance(error, kind))
        )
    except BaseException as error:  # whatever fails is told as what it is
        last = Refused(error_text(error))
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # the solver has closed or replaced it
            continue
    sender.send(encode(last))


def _mark(token: str) -> None:
    """Let all that this process starts be known by the token: programs by their environment, forks by their name too."""
    os.environ[TOKEN] = token
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_NAME, token.encode(), 0, 0, 0)


def _carry_out(order: Order, report: Callable[[Message], None]) -> Message:
    began = time.perf_counter()
    if order.set_up:
        pickle.loads(order.set_up)()
    work = pickle.loads(order.work)()
    loaded = time.perf_counter() - began
    return _bound(work, loaded, report) if isinstance(work, BoundTask) else _solve(work, loaded, report)


def _solve(tasks: Sequence[Task], loaded: float, report: Callable[[Message], None]) -> Message:
    at_start = 0.0

    def ready(compiled: float) -> None:
        nonlocal at_start
        at_start = processor_seconds()
        report(Ready(loaded, compiled))

    def improved(position: int, found: Incumbent) -> None:
        report(Improved(position, found.seconds, found.objective, pack_solution(found.solution)))

    outcomes = execute(tasks, improved, ready)
    report(Searched(sum(outcome.solve_seconds for outcome in outcomes), processor_seconds() - at_start))
    return Finished([_ending(outcome) for outcome in outcomes], peak_megabytes())


def _ending(outcome: Outcome) -> Ending:
    answer = outcome.answer
    stopped = None if outcome.stopped is None else str(outcome.stopped)
    if answer is None:
        return Ending(bound=outcome.bound, stopped=stopped, error=outcome.error)
    try:
        packed = None if answer.solution is None else pack_solution(answer.solution)
    except Exception as error:
        return Ending(bound=outcome.bound, stopped="error", error=str(error))
    return Ending(packed, True, answer.bound, answer.proven, answer.message, outcome.bound, stopped, outcome.error)


def _bound(task: BoundTask, loaded: float, report: Callable[[Message], None]) -> Message:
    began = time.perf_counter()
    view = task.problem.view(Bound, task.instance)
    view.warm_up()
    report(Ready(loaded, time.perf_counter() - began))
    at_start, clock = processor_seconds(), Timer(task.seconds)
    found = view.bound(clock, None)
    report(Searched(clock.seconds, processor_seconds() - at_start))
    return Bounded(float(found.value), str(found.method), peak_megabytes())


def processor_seconds() -> float:
    """Return the processor time of this process and its finished children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _read(count: int) -> bytes:
    """Return the next bytes of standard input, fewer at its end."""
    data = bytearray()
    while len(data) < count:
        piece = os.read(0, min(count - len(data), 2**20))
        if not piece:
            break
        data += piece
    return bytes(data)
