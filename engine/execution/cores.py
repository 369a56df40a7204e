"""Cores of this machine for one job alone, agreed upon between processes through locked files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from redwood.operating_system import can_bind_and_lock, lock_at_once, usable_cores, user_number


@contextmanager
def lend_cores(count: int) -> Iterator[tuple[int, ...]]:
    """Lend ``count`` of the cores that this process may run on, none of them lent to anybody else meanwhile.

    Runners, and workers of a cluster that share a machine, agree through locks that end with the process that holds
    them. Nothing is lent where too few cores are free, or the system cannot bind processes.
    """
    with ExitStack() as held:
        lent: list[int] = []
        for core in usable_cores() if can_bind_and_lock() else ():
            if len(lent) < count and _lock(core, held):
                lent.append(core)
        if len(lent) < count:
            held.close()
            lent = []
        yield tuple(lent)


def _lock(core: int, held: ExitStack) -> bool:
    """Lock a core until a stack is closed, and tell whether it could be had. (FileLock takes eight times as long.)"""
    folder = Path(tempfile.gettempdir()) / f"redwood-cores-{user_number()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    held.callback(os.close, descriptor := os.open(folder / str(core), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return lock_at_once(descriptor)
