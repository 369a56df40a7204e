"""Where the processes of solvers come from: a fork server, kept for many runs or made for one."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Self

import psutil

from redwood.errors import ExecutorError
from redwood.execution.channel import Receiver, is_readable
from redwood.execution.child import TOKEN
from redwood.execution.fork_server import NUMBER, READY

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

PRELOADED = (
    "redwood.execution.child",
    "redwood.views.compiled",
    "redwood.kernels",
    "numba.typed",
    "scipy.spatial",
    "scipy.sparse",
    "highspy",
    "redwood.execution.fork_server:wake_compiler",
)
"""What most runs need. None of it starts a thread when it is imported with one thread asked for."""

STARTUP_LIMIT = 600.0
"""Seconds that a server may take to import everything."""

FORK_LIMIT = 20.0
"""Seconds that a server may take to fork."""

LAST_WORD = 12.0
"""Seconds that a supervisor may take to end a run: two more than it tries."""


class Child:
    """The process of one run, with its supervisor."""

    def __init__(self, descriptors: tuple[int, int, int], token: str, secret: bytes) -> None:
        self._input, reports, self._outcome = descriptors
        self.receiver = Receiver(reports, secret)
        self.supervisor: psutil.Process | None = None
        self._worker: psutil.Process | None = None
        self._token = token

    def meet(self, server: subprocess.Popen[bytes]) -> bool:
        """Take in the process ids of supervisor and solver; returns whether they came."""
        until = time.monotonic() + FORK_LIMIT
        while not is_readable(self._outcome, 0.2):
            if time.monotonic() > until or _is_stuck(server):
                return False
        supervisor, worker = self._number(0.0), self._number(1.0)
        if supervisor is None or worker is None:
            return False
        with contextlib.suppress(psutil.Error):
            self.supervisor = psutil.Process(supervisor)
            self._worker = psutil.Process(worker)
        return True

    def order(self, data: bytes) -> None:
        """Send the request; a process that dies over it is found dead by the supervisor."""
        left = memoryview(len(data).to_bytes(8, "big") + data)
        os.set_blocking(self._input, False)
        watch = select.poll()
        watch.register(self._input, select.POLLOUT)
        with contextlib.suppress(BrokenPipeError):
            while left and not self.has_ended():
                if watch.poll(200):
                    left = left[os.write(self._input, left[: 2**16]) :]

    def has_ended(self) -> bool:
        """Return whether its supervisor has spoken its last word, or is dead."""
        return is_readable(self._outcome, 0.0)

    def resident_bytes(self) -> int:
        """Return the resident memory of all processes of the run, shared pages counted in each."""
        total = 0
        with contextlib.suppress(psutil.Error):
            for process in [] if self.supervisor is None else self.supervisor.children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    total += process.memory_info().rss
        return total

    def end(self) -> int:
        """Kill it and all that it has started; return the exit code, negative for a signal. Reports can still be read."""
        if self._worker is not None:
            with contextlib.suppress(psutil.Error):
                self._worker.kill()
        os.close(self._input)  # by which the supervisor knows
        code, until = None, time.monotonic() + LAST_WORD
        while code is None and time.monotonic() < until:
            code = self._number(0.2)
            if code is None and (self.has_ended() or _is_stopped(self.supervisor)):
                break
        if code is None:
            self._end_without_supervisor()
        return -int(signal.SIGKILL) if code is None else code

    def close(self) -> None:
        """Close what is left open after the end."""
        self.receiver.close()
        os.close(self._outcome)

    def _end_without_supervisor(self) -> None:
        """Kill what a dead or stopped supervisor has left: the tree of processes, and all with the token of the run."""
        for root in (self.supervisor, self._worker):
            for process in _tree(root):
                with contextlib.suppress(psutil.Error):
                    process.kill()
        if self._worker is not None:
            psutil.wait_procs([self._worker], timeout=1.0)
        until, quiet_looks = time.monotonic() + LAST_WORD, 0
        while time.monotonic() < until and quiet_looks < 2:  # somebody may be forked during a look
            left = [process for process in psutil.process_iter() if self._is_marked(process)]
            quiet_looks = 0 if left else quiet_looks + 1
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            time.sleep(0.01)

    def _is_marked(self, process: psutil.Process) -> bool:
        """Return whether a process belongs to the run, by its name or its environment, and is alive."""
        with contextlib.suppress(psutil.Error, OSError):
            marked = process.name() == self._token or process.environ().get(TOKEN) == self._token
            return marked and process.status() != psutil.STATUS_ZOMBIE
        return False

    def _number(self, patience: float) -> int | None:
        """Return the next number that the supervisor tells, or ``None`` where it is dead or silent."""
        if not is_readable(self._outcome, patience):
            return None
        data = os.read(self._outcome, NUMBER.size)
        return int(NUMBER.unpack(data)[0]) if len(data) == NUMBER.size else None


class ForkServer:
    """A process that forks the processes of runs; started at first use, and anew where it is dead or stopped.

    Parameters
    ----------
    threads
        How many threads libraries may use in its forks.
    preload
        What it imports (``module``) and calls (``module:function``) once for all forks.
    quiet
        Whether what solvers print is dropped; it goes to standard error otherwise.
    """

    def __init__(self, threads: int, preload: Sequence[str] = (), *, quiet: bool = True) -> None:
        self._environment = dict.fromkeys(THREAD_VARIABLES, str(threads))
        self._preload = tuple(preload)
        self._quiet = quiet
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._door: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def start(self, token: str, secret: bytes, stop: threading.Event | None = None) -> Child | None:
        """Return a new process, or ``None`` where ``stop`` was set before there was one.

        Raises
        ------
        ExecutorError
            Where two servers in a row do not fork.
        """
        for _ in range(2):
            with self._lock:
                if not self._open(stop):
                    return None
                child = self._fork(token, secret)
                if child is not None:
                    return child
                self._drop()
        raise ExecutorError("the process that runs are forked from has died or stopped twice.")

    def close(self) -> None:
        """End the server; runs under way are not touched."""
        with self._lock:
            self._drop()

    def _open(self, stop: threading.Event | None) -> bool:
        """See to a server that is ready; returns whether nobody stopped that."""
        if self._process is not None and not _is_stuck(self._process):
            return True
        self._drop()
        self._door, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            code = f"import sys; sys.path[:] = {sys.path!r}; from redwood.execution.fork_server import serve; serve()"
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", code, str(theirs.fileno()), *self._preload],
                stdin=subprocess.DEVNULL,
                stdout=_stderr_or_nothing(self._quiet),
                stderr=subprocess.DEVNULL if self._quiet else None,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                env=dict(os.environ) | self._environment,
            )
        until = time.monotonic() + STARTUP_LIMIT
        while not is_readable(self._door.fileno(), 0.1):
            if stop is not None and stop.is_set():
                self._drop()
                return False
            if time.monotonic() > until or _is_stuck(self._process):
                break
        with contextlib.suppress(OSError):
            self._door.setblocking(False)
            if self._door.recv(len(READY)) == READY:
                self._door.setblocking(True)
        return True

    def _fork(self, token: str, secret: bytes) -> Child | None:
        """Return a fork of the server, or ``None`` where it does not fork."""
        if self._door is None or self._process is None:
            return None
        standard_input, ours = os.pipe()
        reading, reports = os.pipe()
        listening, outcome = os.pipe()
        try:
            self._door.settimeout(FORK_LIMIT)
            with contextlib.suppress(OSError):
                socket.send_fds(self._door, [b"!"], [standard_input, reports, outcome])
        finally:
            for descriptor in (standard_input, reports, outcome):
                os.close(descriptor)
        child = Child((ours, reading, listening), token, secret)
        if child.meet(self._process):
            return child
        child.end()
        child.close()
        return None

    def _drop(self) -> None:
        if self._door is not None:
            self._door.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._door = self._process = None


def _stderr_or_nothing(quiet: bool) -> int:
    try:
        return subprocess.DEVNULL if quiet else sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return subprocess.DEVNULL


def _is_stuck(server: subprocess.Popen[bytes]) -> bool:
    """Return whether a server is dead, or somebody has stopped it."""
    return server.poll() is not None or _is_stopped(psutil.Process(server.pid))


def _is_stopped(process: psutil.Process | None) -> bool:
    try:
        return process is None or process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    except psutil.Error:
        return True


def _tree(root: psutil.Process | None) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return [] if root is None else [root, *root.children(recursive=True)]
    return []
