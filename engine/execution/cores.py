"""Cores of this machine for one job alone, agreed upon between processes through locked files."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def lend_cores(count: int) -> Iterator[tuple[int, ...]]:
    """Lend ``count`` of the cores that this process may run on, none of them lent to anybody else meanwhile.

    Runners, and workers of a cluster that share a machine, agree through locks that end with the process that holds
    them. Nothing is lent where too few cores are free, or the system cannot bind processes.
    """
    with ExitStack() as held:
        lent: list[int] = []
        for core in sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else ():
            if len(lent) < count and held.enter_context(_locked(core)):
                lent.append(core)
        if len(lent) < count:
            held.close()
            lent = []
        yield tuple(lent)


@contextmanager
def _locked(core: int) -> Iterator[bool]:
    """Hold the lock of a core, and tell whether it could be had."""
    folder = Path(tempfile.gettempdir()) / f"redwood-cores-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder / str(core), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = True
        except OSError:
            held = False
        yield held
    finally:
        os.close(descriptor)
