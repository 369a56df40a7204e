"""What operating systems do not all have: locks of files, cores to bind to, user numbers, forks, and peaks of memory.

This is the one module that imports `fcntl` and `resource`, which Windows lacks.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

fcntl: Any
resource: Any
try:
    import fcntl
    import resource
except ImportError:  # Windows
    fcntl = resource = None


def can_fork() -> bool:
    """Return whether this system can run solvers in processes with hard limits."""
    return hasattr(os, "fork") and hasattr(socket, "send_fds")


def can_bind_and_lock() -> bool:
    """Return whether processes can be bound to cores, and can agree on them by locked files."""
    return fcntl is not None and hasattr(os, "sched_setaffinity")


def usable_cores() -> tuple[int, ...]:
    """Return the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def bind_to_cores(cores: Sequence[int]) -> None:
    """Bind this process to cores; nothing happens where there are none, or the system binds no processes."""
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


def lock_at_once(descriptor: int) -> bool:
    """Lock an open file until it is closed, and tell whether nobody else has; see `can_bind_and_lock`."""
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def user_number() -> int | None:
    """Return the number of the user whose process this is, ``None`` where users have none."""
    return os.getuid() if hasattr(os, "getuid") else None


def peak_megabytes() -> float:
    """Return the largest resident memory of this process so far."""
    if resource is None:
        import psutil

        found: Any = psutil.Process().memory_info()
        return float(round(found.peak_wset / 2**20, 1))
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(round(largest / (2**20 if sys.platform == "darwin" else 1024), 1))
