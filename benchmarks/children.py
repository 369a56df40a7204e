"""The process of one job as its runner sees it: forked from a nursery, or a fresh interpreter."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence

from redwood.benchmarks.nursery import NUMBER
from redwood.errors import ExecutorError
from redwood.execution.channel import Ear

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

LAST_WORD = 15.0
"""Seconds that a keeper may take to end a job."""

FIRST_WORD = 300.0
"""Seconds that a nursery may take to import everything and fork its first job."""


class Child(ABC):
    """A job's process.

    Attributes
    ----------
    group
        Its process id, which is its process group's too.
    keeper
        The process that inherits what it starts from those of its processes that die; 0 where there is none.
    ear
        What it says.
    """

    group: int
    keeper: int = 0
    ear: Ear

    @abstractmethod
    def has_ended(self) -> bool:
        """Return whether it is dead."""

    @abstractmethod
    def end(self) -> int:
        """Kill it and what it has started, and return its exit code, negative for a signal."""


class Children(ABC):
    """Where the processes of jobs come from."""

    @abstractmethod
    def start(self, order: bytes) -> Child:
        """Return a new process that carries an order out."""

    @abstractmethod
    def close(self) -> None:
        """Start no more; those under way are not touched."""


class FreshChild(Child):
    """A new interpreter, killed with its process group."""

    def __init__(self, order: bytes, threads: int) -> None:
        reading, writing = os.pipe()
        standard_input, self._mouth = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from redwood.benchmarks.job import serve; serve()", str(writing)],
            stdin=standard_input,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(writing,),
            start_new_session=True,
            env=environment(threads),
        )
        os.close(writing)
        os.close(standard_input)
        self.group, self.ear = self._process.pid, Ear(reading)
        _tell(self._mouth, order)

    def has_ended(self) -> bool:
        """Return whether it is dead."""
        return self._process.poll() is not None

    def end(self) -> int:
        """Kill the process group, and return the exit code."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)
        code = self._process.wait()
        self.ear.close()
        os.close(self._mouth)
        return code


class FreshInterpreters(Children):
    """An interpreter a job: slow to start, and safe with libraries that do not survive a fork."""

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def start(self, order: bytes) -> Child:
        """Return a new process that carries an order out."""
        return FreshChild(order, self._threads)

    def close(self) -> None:
        """Do nothing: nothing is kept."""


class ForkedChild(Child):
    """A fork of a nursery, killed at once, and by its keeper with all of its descendants."""

    def __init__(self, ear: Ear, mouth: int, verdict: int, order: bytes) -> None:
        self.ear = ear
        self._mouth = mouth
        self._verdict = verdict
        self.keeper = self._number(FIRST_WORD) or 0
        self.group = self._number(FIRST_WORD) or 0  # 0 where the nursery has died over it
        self._handle = _handle(self.group)  # it cannot be another's: the job waits for its order, and its keeper for it
        _tell(mouth, order)

    def has_ended(self) -> bool:
        """Return whether its keeper has spoken its last word, or is dead."""
        return _readable(self._verdict, 0.0)

    def end(self) -> int:
        """Kill it, let the keeper kill the rest, and return the exit code."""
        if self._handle is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            os.close(self._handle)
        os.close(self._mouth)
        code = self._number(LAST_WORD)
        self.ear.close()
        os.close(self._verdict)
        if code is None and self.group:  # without its keeper, the group at least
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.group, signal.SIGKILL)
        return -int(signal.SIGKILL) if code is None else code

    def _number(self, patience: float) -> int | None:
        """Return the next number that the keeper tells, or ``None`` where it is dead or silent."""
        if not _readable(self._verdict, patience):
            return None
        data = os.read(self._verdict, NUMBER.size)
        return int(NUMBER.unpack(data)[0]) if len(data) == NUMBER.size else None


class Nursery(Children):
    """Forks of one process that has the libraries imported; started at first use, and anew where it has died."""

    def __init__(self, threads: int, preload: Sequence[str] = ()) -> None:
        self._threads = threads
        self._preload = tuple(preload)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._door: socket.socket | None = None

    def start(self, order: bytes) -> Child:
        """Return a new process that carries an order out.

        Raises
        ------
        ExecutorError
            Where two nurseries in a row die before they fork.
        """
        for _ in range(2):
            child = self._fork(order)
            if child.group:
                return child
            child.end()
            self._bury()
        raise ExecutorError("the process that jobs are forked from has died twice; try fresh interpreters (--fresh).")

    def close(self) -> None:
        """Let the nursery end."""
        with self._lock:
            if self._door is not None and self._process is not None:
                self._door.close()
                self._process.wait()
            self._door = self._process = None

    def _bury(self) -> None:
        """Forget a nursery that is dead, so that the next job starts another."""
        with self._lock:
            if self._door is not None and self._process is not None and self._process.poll() is not None:
                self._door.close()
                self._door = self._process = None

    def _fork(self, order: bytes) -> ForkedChild:
        reading, voice = os.pipe()
        ear, mouth = os.pipe()
        listening, verdict = os.pipe()
        try:
            with self._lock, contextlib.suppress(OSError):
                socket.send_fds(self._open_door(), [b"!"], [ear, voice, verdict])
        finally:
            for descriptor in (ear, voice, verdict):
                os.close(descriptor)
        return ForkedChild(Ear(reading), mouth, listening, order)

    def _open_door(self) -> socket.socket:
        if self._door is None:
            self._door, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                code = "from redwood.benchmarks.nursery import serve; serve()"
                self._process = subprocess.Popen(
                    [sys.executable, "-c", code, str(theirs.fileno()), *self._preload],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                    env=environment(self._threads),
                )
        return self._door


def children_for(threads: int, fresh: bool, preload: Sequence[str] = ()) -> Children:
    """Return where jobs come from: a nursery where the system can do that and nobody wants otherwise."""
    can_fork = sys.platform == "linux" and hasattr(os, "pidfd_open")
    return Nursery(threads, preload) if can_fork and not fresh else FreshInterpreters(threads)


def environment(threads: int) -> dict[str, str]:
    """Return the environment of a job with a number of threads."""
    return dict(os.environ) | dict.fromkeys(THREAD_VARIABLES, str(threads))


def _handle(process: int) -> int | None:
    """Return a descriptor of a process, by which nobody else is hit once it is gone; ``None`` where it is gone or 0."""
    try:
        return os.pidfd_open(process) if process else None
    except ProcessLookupError:
        return None


def _tell(mouth: int, order: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):  # one that died at once is found dead by the watch
        os.write(mouth, order)


def _readable(descriptor: int, seconds: float) -> bool:
    watch = select.poll()  # select() knows no descriptor above 1,023
    watch.register(descriptor, select.POLLIN)
    return bool(watch.poll(1000 * seconds))
