"""Clocks: what work that may take long asks of whoever gave it its time."""

from __future__ import annotations

import math
import time
from typing import Protocol


class Clock(Protocol):
    """What a view may ask of the run that uses it."""

    @property
    def seconds_left(self) -> float:
        """Seconds until the limit; infinite without one."""

    def stops(self) -> bool:
        """Return whether the work must end now."""


class Timer:
    """A clock on the wall that starts when it is made, and stops after ``limit`` seconds: never, unless one is given."""

    def __init__(self, limit: float = math.inf) -> None:
        self.limit = limit
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds since the clock was made."""
        return time.perf_counter() - self._began

    @property
    def seconds_left(self) -> float:
        """Seconds until the limit."""
        return max(0.0, self.limit - self.seconds)

    def stops(self) -> bool:
        """Return whether the limit is reached."""
        return self.seconds >= self.limit
