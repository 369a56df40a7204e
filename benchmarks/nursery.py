"""A process with the libraries imported that forks itself for each job, so that no job has to import them again.

Between it and each job stands a keeper, a process that does nothing but wait. Whatever the job starts, even in sessions of
its own, becomes the keeper's child once its parent is gone (`man 2 prctl`, PR_SET_CHILD_SUBREAPER), and is killed when the
job ends, when the runner says so, or when the runner dies. Linux only.
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
from pathlib import Path

PRELOADED = (
    "redwood.benchmarks.job",
    "redwood.views.compiled",
    "redwood.kernels",
    "numba.typed",
    "scipy.spatial",
    "scipy.sparse",
    "highspy",
)
"""Modules that most jobs need. None of them starts a thread when it is imported with one thread asked for."""

SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of <linux/prctl.h>."""

NUMBER = struct.Struct("i")
"""How a keeper tells its own process id, the job's, and later the exit code."""

PATIENCE = 10.0
"""Seconds after which a keeper gives up on processes that a kill does not end."""


def serve() -> None:
    """Be the nursery: for each three descriptors that come through the door, fork a keeper, until the runner is gone."""
    door = socket.socket(fileno=int(sys.argv[1]))
    _prepare(sys.argv[2:])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers need nobody to wait for them
    while True:
        word, descriptors, _, _ = socket.recv_fds(door, 1, 3)
        if not word:
            return
        if os.fork() == 0:
            door.close()
            _keep(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _prepare(more: Sequence[str]) -> None:
    """Import, find the plugins and wake the compiler up, once for all jobs."""
    for module in (*PRELOADED, *more):
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    from redwood.plugins.host import host

    host()
    import numba

    numba.njit(lambda x: x + 1)(1)
    gc.collect()
    gc.freeze()  # what is shared with the jobs is not to be copied by their collectors


def _keep(ear: int, voice: int, verdict: int) -> None:
    """Be a keeper: fork the job, wait for its end or for the runner's, let nothing of it survive, and tell its code.

    Parameters
    ----------
    ear
        Standard input of the job. That its other end closes means that the job is to end.
    voice
        What the job speaks through.
    verdict
        What the keeper speaks through: its process id, the job's, and its exit code (negative: the signal).
    """
    code = -signal.SIGKILL
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0)
        job = os.fork()
        if job == 0:
            _be_the_job(ear, voice, verdict)
        os.close(voice)
        os.write(verdict, NUMBER.pack(os.getpid()) + NUMBER.pack(job))
        _wait(job, ear)
        code = _end(job)
        os.write(verdict, NUMBER.pack(code))
    finally:
        os._exit(0)


def _be_the_job(ear: int, voice: int, verdict: int) -> None:
    code = 1
    try:
        os.setsid()
        os.dup2(ear, 0)
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        for descriptor in (ear, verdict, nothing):
            os.close(descriptor)
        _part_ways()
        from redwood.benchmarks.job import attend

        attend(voice)
        code = 0
    finally:
        os._exit(code)


def _part_ways() -> None:
    """Give the job random states of its own: a solver that seeds nothing is not to repeat itself in every job."""
    import numpy as np

    random.seed()
    np.random.seed()


def _wait(job: int, ear: int) -> None:
    """Return when the job has ended, or the other end of its standard input is closed."""
    ended, watch = os.pidfd_open(job), select.poll()
    watch.register(ended, select.POLLIN)
    watch.register(ear, 0)  # only that it is hung up
    watch.poll()
    os.close(ended)


def _end(job: int) -> int:
    """Kill and bury the job and all of its descendants; return its exit code."""
    code, until = -int(signal.SIGKILL), time.monotonic() + PATIENCE
    with contextlib.suppress(ProcessLookupError):
        os.killpg(job, signal.SIGKILL)  # nobody has waited for the job yet, so the group is its own
    while time.monotonic() < until:
        try:
            gone, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:  # nobody is left
            break
        if gone == job:
            code = os.waitstatus_to_exitcode(status)
        elif gone == 0:
            for child in _children():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(child, signal.SIGKILL)
            time.sleep(0.001)
    return code


def _children() -> list[int]:
    """Return the children of this process, those among them that it has inherited from the dead."""
    with contextlib.suppress(OSError):  # needs CONFIG_PROC_CHILDREN
        return [int(word) for word in Path("/proc/thread-self/children").read_text(encoding="ascii").split()]
    mine, found = str(os.getpid()), []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1] == mine:
                found.append(int(entry.name))
    return found
