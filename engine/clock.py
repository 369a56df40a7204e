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


SMALL = 2000
"""Up to so many nodes, first steps take milliseconds and are done whatever the clock says, so that there is a solution."""


class OutOfTimeError(Exception):
    """Ends work whose clock has stopped before it came to anything."""


def go_on(clock: Clock | None, size: float = math.inf) -> None:
    """Raise `OutOfTimeError` where there is a clock, it has stopped, and the ``size`` of the work is above `SMALL`."""
    if clock is not None and size > SMALL and clock.stops():
        raise OutOfTimeError


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


class Share:
    """A clock that stops after a share of the time that another one has left, and with it.

    Parameters
    ----------
    clock
        The other one.
    share
        From 0 to 1.
    """

    def __init__(self, clock: Clock, share: float) -> None:
        self._clock = clock
        self._timer = Timer(share * clock.seconds_left)

    @property
    def seconds_left(self) -> float:
        """Seconds until the earlier of the two ends."""
        return min(self._clock.seconds_left, self._timer.seconds_left)

    def stops(self) -> bool:
        """Return whether either has ended."""
        return self._clock.stops() or self._timer.stops()
