"""The problem's own bound, under a clock of its own."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from redwood.budget import Sense
from redwood.errors import OptionError
from redwood.plugins.host import host
from redwood.problem import Instance
from redwood.views import Bound


class BoundClock:
    """A clock that starts when it is made."""

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


@dataclass(frozen=True)
class BoundReport:
    """A proven bound, how it was proven, and the seconds it took."""

    value: float
    method: str
    seconds: float


def bound(instance: Instance, *, time_limit: float = 10.0, incumbent: float | None = None) -> BoundReport:
    """Return a proven bound on the optimum of an instance: lower for minimisation, upper for maximisation.

    Parameters
    ----------
    instance
        Of a problem that offers the view `Bound`.
    time_limit
        Seconds.
    incumbent
        Objective of a known solution, which steers some methods; it is never trusted as a bound.
    """
    if not time_limit > 0:
        raise OptionError(f"time limit {time_limit} s is not positive; give more than 0 seconds.")
    problem = host().problem(instance.problem)
    problem.validate(instance)
    view = problem.view(Bound, instance)
    view.warm_up()
    clock = BoundClock(time_limit)
    found = view.bound(clock, incumbent)
    return BoundReport(found.value, found.method, clock.seconds)


def contradicts(sense: Sense, objective: float | None, value: float, margin: float = 0.0) -> bool:
    """Return whether a bound claims that a checked solution cannot exist, beyond rounding and the margin of an estimate."""
    if objective is None:
        return False
    slack = 1e-6 * max(1.0, abs(objective)) + margin
    return value > objective + slack if sense is Sense.MIN else value < objective - slack
