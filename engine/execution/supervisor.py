"""The one way to run a solver in a process of its own: a request goes in, outcomes come out, and nothing is left behind."""

from __future__ import annotations

import math
import pickle
import secrets
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cloudpickle

from redwood.budget import Budget, Progress, Sense, Termination
from redwood.errors import ExecutorError, SolutionError, SolverError
from redwood.execution.checking import Checker
from redwood.execution.child import Order, Work
from redwood.execution.messages import (
    Bounded,
    Ending,
    Finished,
    Improved,
    Message,
    Ready,
    Refused,
    Searched,
    decode,
    unpack_solution,
)
from redwood.execution.processes import STARTUP_LIMIT, Child, ForkServer
from redwood.execution.task import USAGE_ERRORS, Listener, Outcome
from redwood.operating_system import can_fork
from redwood.solver import Answer

GRACE = 0.3
"""Seconds past its time limit after which a run is killed; what it has reported by then counts."""

CLOSING_LIMIT = 60.0
"""Seconds that a process may take, after the search, to send the answer."""

DRAINING_LIMIT = 2.0
"""Seconds that reading takes at most of what is still in the pipe of a process that was killed."""

MEMORY_INTERVAL = 0.05
"""Seconds between two looks at the memory of a run that has a limit."""

LONGEST_TRAJECTORY = 100_000
"""Improvements of which seconds and objective are kept; after them only the last one is."""


@dataclass(frozen=True)
class Request:
    """What is to be run in a process of its own.

    Attributes
    ----------
    work
        Called in that process; it, and `set_up` which is called before it is unpickled, must be fit to be pickled.
    checkers
        Of the instances, on the side of whoever asks.
    time_limit
        Seconds of searching, from when the solver is ready; may be infinite.
    memory_gb
        Resident memory that the processes of the run may hold before they are killed, by default any.
    cores
        The cores that the process is bound to; empty for any.
    """

    work: Work
    checkers: Sequence[Checker]
    time_limit: float
    set_up: Callable[[], None] | None = None
    memory_gb: float | None = None
    cores: tuple[int, ...] = ()


def run_apart(
    request: Request,
    server: ForkServer,
    *,
    on_improvement: Listener | None = None,
    stop: threading.Event | None = None,
) -> list[Outcome] | None:
    """Carry a request out in a process that is gone, with all that it has started, when this returns.

    Parameters
    ----------
    request
        What to run.
    server
        Where the process is forked from.
    on_improvement
        Called here with each improvement, priced and checked here.
    stop
        Ends the run, for which ``None`` is returned then, when somebody sets it.

    Raises
    ------
    RedwoodError
        What the solver raised because it was called wrongly.
    ExecutorError
        Where no process can be had.
    BaseException
        What ``on_improvement`` raised, but for KeyboardInterrupt, which ends the run.
    """
    if not can_fork():
        raise ExecutorError(f"runs in processes of their own need os.fork, which {sys.platform} does not have.")
    began = time.perf_counter()
    token, secret = f"rw-{secrets.token_hex(6)}", secrets.token_bytes(32)
    data = pickle.dumps(
        Order(
            tuple(sys.path),
            secret,
            token,
            request.cores,
            b"" if request.set_up is None else cloudpickle.dumps(request.set_up),
            cloudpickle.dumps(request.work),
        )
    )
    child = server.start(token, secret, stop)
    if child is None:
        return None
    try:
        return _supervised(child, data, _Run(request, on_improvement, began), stop)
    finally:
        child.close()


def _supervised(child: Child, data: bytes, run: _Run, stop: threading.Event | None) -> list[Outcome] | None:
    finished = False
    try:
        child.order(data)
        finished = run.follow(child, stop)
    except KeyboardInterrupt:
        finished, run.stopped = True, Termination.INTERRUPTED
    finally:
        code = child.end()
    if not finished:
        return None
    run.drain(child)
    return run.outcomes(code)


@dataclass
class _Reported:
    """What a process has reported of one instance."""

    trajectory: list[tuple[float, float]] = field(default_factory=list)
    solution: bytes | None = None


class _Run:
    """What is known here of a run."""

    def __init__(self, request: Request, on_improvement: Listener | None, began: float) -> None:
        self.stopped: Termination | None = None
        self._request = request
        self._on_improvement = on_improvement
        self._reported = [_Reported() for _ in request.checkers]
        self._began = began
        self._ready: Ready | None = None
        self._ready_at = self._ended_at = 0.0
        self._searched: Searched | None = None
        self._last: Finished | Bounded | Refused | None = None
        self._complaint = ""
        self._unread: deque[bytes] = deque()
        self._weighed_at = 0.0
        self._memory_interval = MEMORY_INTERVAL

    def follow(self, child: Child, stop: threading.Event | None) -> bool:
        """Read messages until the process is through, dead, or past a limit; returns whether nobody stopped it before."""
        longest = 0.2 if self._request.memory_gb is None else MEMORY_INTERVAL
        while (left := self._seconds_left()) > 0:
            if stop is not None and stop.is_set():
                return False
            if self._is_too_large(child):
                self.stopped = Termination.KILLED
                self._complaint = f"it held more than {self._request.memory_gb:g} GB of memory, and was killed."
                break
            try:
                self._unread.extend(messages := child.receiver.receive(min(left, longest)))
                if self._read():
                    break
            except EOFError:
                break
            except SolverError as error:
                self._complaint = str(error)
                break
            if not messages and child.has_ended() and not child.receiver.has_more():
                break
        else:
            self.stopped = Termination.KILLED
        self._ended_at = time.perf_counter()
        return True

    def drain(self, child: Child) -> None:
        """Read the improvements that were still in the pipe when the process was killed."""
        until = time.perf_counter() + DRAINING_LIMIT
        while self._last is None and not self._complaint and time.perf_counter() < until:
            try:
                while self._unread:
                    if isinstance(decoded := decode(self._unread.popleft()), Improved):
                        self._take(decoded)
                if not child.receiver.has_more():
                    return
                self._unread.extend(child.receiver.receive(0.0))
            except (EOFError, SolverError):  # it was killed in the midst of a message
                return

    def _read(self) -> bool:
        """Take in what has come; returns whether the last message was among it."""
        while self._unread:
            if self._take(decode(self._unread.popleft())):
                return True
        return False

    def outcomes(self, code: int) -> list[Outcome]:
        """Return what the run came to, from the last word of the process or from what it had reported."""
        last, count = self._last, len(self._reported)
        if isinstance(last, Refused) and last.usage:
            raise next(kind for kind in USAGE_ERRORS if kind.__name__ == last.usage)(last.message)
        if isinstance(last, Finished) and len(last.endings) != count:
            self._complaint, last = f"{len(last.endings)} answers came for {count} instances.", None
        solved = self._solve_seconds() / count
        outcomes = [self._outcome(position, code, last) for position in range(count)]
        for outcome in outcomes:
            outcome.solve_seconds = solved
            if self._ready is not None:
                outcome.compile_seconds = self._ready.compile_seconds
                outcome.load_seconds = max(0.0, self._ready_at - self._began - outcome.compile_seconds) / count
            outcome.processor_seconds = None if self._searched is None else self._searched.processor_seconds
            outcome.peak_mb = None if last is None or isinstance(last, Refused) else last.peak_mb
        return outcomes

    def _outcome(self, position: int, code: int, last: Finished | Bounded | Refused | None) -> Outcome:
        reported, checker = self._reported[position], self._request.checkers[position]
        outcome = Outcome(trajectory=reported.trajectory, stopped=self.stopped)
        try:
            if reported.solution is not None:
                outcome.best = unpack_solution(checker.problem, reported.solution)
            if isinstance(last, Finished):
                _end(outcome, last.endings[position], checker)
        except (SolutionError, ValueError) as error:
            outcome.stopped, outcome.error = Termination.ERROR, str(error)
        if isinstance(last, Bounded):
            outcome.bound, outcome.method = last.value, last.method
        elif not isinstance(last, Finished):
            outcome.error = last.message if isinstance(last, Refused) else self._failure(code)
            outcome.stopped = self.stopped or Termination.ERROR
        return outcome

    def _take(self, message: Message) -> bool:
        """Take in one message; returns whether it was the last one."""
        now = time.perf_counter()
        if isinstance(message, Ready) and self._ready is None:
            self._ready, self._ready_at = message, now
        elif isinstance(message, Improved) and self._ready is not None:
            self._take_improvement(message)
        elif isinstance(message, Searched) and self._searched is None:
            self._searched = message
            self._ended_at = now
        elif isinstance(message, (Finished, Bounded, Refused)):
            self._last = message
            return True
        return bool(self._complaint)

    def _take_improvement(self, message: Improved) -> None:
        if not 0 <= message.position < len(self._reported):
            self._complaint = f"an improvement came for instance {message.position} of {len(self._reported)}."
            return
        reported, checker = self._reported[message.position], self._request.checkers[message.position]
        if not math.isfinite(message.objective):
            self._complaint = f"an improvement of {message.objective} came after {message.seconds} s."
            return
        if not checker.problem.sense.better(message.objective, reported.trajectory[-1][1] if reported.trajectory else None):
            return
        listener, found = self._on_improvement, (message.seconds, message.objective, message.solution)
        try:
            incumbent = None if listener is None else checker.incumbent(*found)
        except SolutionError as error:
            self._complaint = f"the solver's process reported a wrong solution: {error}"
            return
        if len(reported.trajectory) >= LONGEST_TRAJECTORY:
            reported.trajectory.pop()
        reported.trajectory.append((message.seconds, message.objective))
        reported.solution = message.solution
        if listener is not None and incumbent is not None:
            listener(message.position, incumbent)

    def _is_too_large(self, child: Child) -> bool:
        """Return whether the processes of the run hold more memory than they may, looking now and then."""
        now, limit = time.perf_counter(), self._request.memory_gb
        if limit is None or now - self._weighed_at < self._memory_interval:
            return False
        too_large = child.resident_bytes() > limit * 2**30
        self._weighed_at = time.perf_counter()
        self._memory_interval = max(MEMORY_INTERVAL, 20 * (self._weighed_at - now))  # at most 5 % of a core
        return too_large

    def _seconds_left(self) -> float:
        if self._ready is None:
            until = self._began + STARTUP_LIMIT
        elif self._searched is None:
            until = self._ready_at + self._request.time_limit + GRACE
        else:
            until = self._ended_at + CLOSING_LIMIT
        return until - time.perf_counter()

    def _solve_seconds(self) -> float:
        ended = self._ended_at or time.perf_counter()
        passed = max(0.0, ended - self._ready_at) if self._ready is not None else 0.0
        if self._searched is not None and isinstance(self._last, (Finished, Bounded)):
            return min(max(0.0, self._searched.seconds), passed)
        return passed

    def _failure(self, code: int) -> str:
        if self._complaint or self.stopped is Termination.INTERRUPTED:
            return self._complaint
        if self.stopped is Termination.KILLED:
            if self._ready is None:
                return f"the solver was not ready after {STARTUP_LIMIT:g} s, and was killed."
            late = f"sending the answer took more than {CLOSING_LIMIT:g} s, and the process was killed."
            return "" if self._searched is None else late
        if code < 0:
            return f"the solver's process died of signal {signal.Signals(-code).name}."
        return f"the solver's process ended with exit code {code} without an answer."


def _end(outcome: Outcome, ending: Ending, checker: Checker) -> None:
    """Write into an outcome what its process said at the end."""
    outcome.bound, outcome.error = ending.bound, ending.error
    outcome.stopped = None if ending.stopped is None else Termination(ending.stopped)
    if ending.answered:
        solution = None if ending.solution is None else unpack_solution(checker.problem, ending.solution)
        outcome.answer = Answer(solution, ending.answer_bound, ending.proven, ending.message)


def longest_seconds(budget: Budget, sense: Sense) -> float:
    """Return how long a budget lets a run search at most; may be infinite."""
    return budget.seconds_left(Progress(0.0, 0, None, None, sense))
