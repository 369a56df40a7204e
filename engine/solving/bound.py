"""`bound()`: the problem's own bound on the optimum of an instance."""

from __future__ import annotations

from dataclasses import dataclass

from redwood.clock import Timer
from redwood.plugins.host import host
from redwood.problem import Instance, instance_of
from redwood.settings import positive
from redwood.views.bound import Bound


@dataclass(frozen=True)
class BoundReport:
    """A proven bound, how it was proven, the seconds it took, and whether its time ended before the method did."""

    value: float
    method: str
    seconds: float
    cut_short: bool = False


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
    positive("time limit", time_limit, " s", "give more than 0 seconds")
    problem = host().problem(instance_of(instance).problem)
    problem.validate(instance)
    view = problem.view(Bound, instance)
    view.warm_up()
    clock = Timer(time_limit)
    found = view.bound(clock, incumbent)
    return BoundReport(found.value, found.method, clock.seconds, found.cut_short)
