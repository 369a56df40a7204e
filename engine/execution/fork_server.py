"""A process that forks itself for each request, so that a solver's process need not import the libraries again.

Between it and each solver's process stands a supervisor, a process that does nothing but wait. On Linux whatever the solver
starts, even in sessions of its own, becomes the supervisor's child once its parent is gone (`man 2 prctl`,
PR_SET_CHILD_SUBREAPER). The supervisor kills all of it when the solver's process ends, when it is told to, or when whoever
asked for the run dies. Nothing here is imported that a solver's process could not bear to be forked after.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import random
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Sequence

import psutil

from redwood.torch_settings import promise_clean_forks

SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of <linux/prctl.h>."""

NUMBER = struct.Struct("i")
"""How a supervisor tells its own process id, that of the solver's process, and later the exit code."""

PATIENCE = 10.0
"""Seconds after which a supervisor gives up on processes that a kill does not end."""

READY = b"ready"
"""What the server says once everything is imported."""


def serve() -> None:
    """Be the server: for each three descriptors from the socket, fork a supervisor, until the other end closes."""
    door = socket.socket(fileno=int(sys.argv[1]))
    door.set_inheritable(False)
    _prepare(sys.argv[2:])
    promise_clean_forks()
    _inherit_orphans()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # supervisors need nobody to wait for them
    door.send(READY)
    while True:
        word, descriptors, _, _ = socket.recv_fds(door, 1, 3)
        if not word:
            return
        if os.fork() == 0:
            door.close()
            _keep(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _prepare(preload: Sequence[str]) -> None:
    """Import modules, call functions named ``module:function``, and wake the compiler up, once for all runs."""
    for target in preload:
        module, _, function = target.partition(":")
        with contextlib.suppress(Exception):  # whoever needs it will meet the error, and can tell it
            imported = importlib.import_module(module)
            if function:
                getattr(imported, function)()
    if preload:
        gc.collect()
        gc.freeze()  # what is shared with the forks is not to be copied by their collectors


def wake_compiler() -> None:
    """Let Numba compile something, which imports what it needs."""
    import numba

    numba.njit(lambda x: x + 1)(1)


def _inherit_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0)


def _keep(standard_input: int, reports: int, outcome: int) -> None:
    """Be a supervisor: fork the solver's process, wait for its end or for the order, let nothing of it survive, tell its
    code.

    Parameters
    ----------
    standard_input
        Of the solver's process. That its other end closes means that the process is to end.
    reports
        What the solver's process reports through.
    outcome
        What the supervisor speaks through: its process id, the other's, and the exit code (negative: the signal).
    """
    code = -signal.SIGKILL
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        _inherit_orphans()
        worker = os.fork()
        if worker == 0:
            _work(standard_input, reports, outcome)
        os.close(reports)
        os.write(outcome, NUMBER.pack(os.getpid()) + NUMBER.pack(worker))
        _wait(worker, standard_input)
        code = _end(worker)
        os.write(outcome, NUMBER.pack(code))
    finally:
        os._exit(0)


def _work(standard_input: int, reports: int, outcome: int) -> None:
    promise_clean_forks(False)  # a solver may use torch and fork
    code = 1
    try:
        os.setsid()
        os.dup2(standard_input, 0)
        for descriptor in (standard_input, outcome):
            os.close(descriptor)
        random.seed()  # a solver that seeds nothing is not to repeat itself in every run
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed()
        from redwood.execution.child import attend

        attend(reports)
        code = 0
    finally:
        os._exit(code)


def _wait(worker: int, standard_input: int) -> None:
    """Return when the solver's process has ended, or the other end of its standard input is closed."""
    watch = select.poll()
    watch.register(standard_input, 0)  # only that it is hung up
    if hasattr(os, "pidfd_open"):
        ended = os.pidfd_open(worker)
        watch.register(ended, select.POLLIN)
        watch.poll()
        os.close(ended)
        return
    while os.waitid(os.P_PID, worker, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None and not watch.poll(10):
        pass


def _end(worker: int) -> int:
    """Kill and bury the solver's process and all of its descendants; return its exit code."""
    code, until = -int(signal.SIGKILL), time.monotonic() + PATIENCE
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker, signal.SIGKILL)  # nobody has waited for it yet, so the group is its own
    while time.monotonic() < until:
        try:
            gone, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:  # nobody is left
            break
        if gone == worker:
            code = os.waitstatus_to_exitcode(status)
        elif gone == 0:
            time.sleep(0.001)
            if os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:  # a look at all processes is dear
                for process in psutil.Process().children(recursive=True):
                    with contextlib.suppress(psutil.Error):
                        process.kill()
    return code
