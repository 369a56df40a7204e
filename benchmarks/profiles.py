"""Performance and data profiles: which share of instances a solver settles, within a factor of the best or within a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from redwood.tolerance import SAME

Steps = list[tuple[float, float]]
"""A step function as its jumps: (argument, value from there on), arguments increasing."""


def time_to_gap(trajectory: Sequence[Sequence[float]], gaps: Sequence[float], target: float) -> float:
    """Return the seconds after which an incumbent is within a gap of the reference; infinite where none ever is.

    Parameters
    ----------
    trajectory
        Improvements as (seconds, objective), in order.
    gaps
        The gap of each improvement, as shares of the reference.
    target
        The gap that is asked for, a share.
    """
    reached = (point[0] for point, gap in zip(trajectory, gaps, strict=True) if gap <= target + SAME)
    return min(reached, default=math.inf)


def performance_profile(costs: Mapping[str, Sequence[float]]) -> dict[str, Steps]:
    """Return for each solver the share of instances on which its cost is at most ``x`` times the least of all solvers.

    Parameters
    ----------
    costs
        For each solver one cost an instance, in the same order; infinite where it failed, NaN where it was not run:
        its shares are then of the others. An instance that every solver failed on counts as failed by all.

    References
    ----------
    Dolan and More, "Benchmarking optimization software with performance profiles", Math. Program. 91 (2002), eq. 1.1,
    doi:10.1007/s101070100263.
    """
    columns = list(zip(*costs.values(), strict=True))
    least = [max(min(cost for cost in column if not math.isnan(cost)), 1e-9) for column in columns]
    ratios = {
        solver: [
            max(cost, 1e-9) / best if math.isfinite(cost) else math.inf
            for cost, best in zip(row, least, strict=True)
            if not math.isnan(cost)
        ]
        for solver, row in costs.items()
    }
    return {solver: distribution(row) for solver, row in ratios.items()}


def distribution(values: Sequence[float]) -> Steps:
    """Return the share of values that are at most ``x``, as a step function; infinite values are never reached.

    Of costs, such as seconds to a gap, that is the data profile.

    References
    ----------
    More and Wild, "Benchmarking derivative-free optimization algorithms", SIAM J. Optim. 20 (2009), section 2.2,
    doi:10.1137/080724083; the cost here is seconds instead of evaluations.
    """
    finite = sorted(value for value in values if math.isfinite(value))
    steps: dict[float, float] = {}
    for count, value in enumerate(finite, start=1):
        steps[value] = count / len(values)
    return list(steps.items())
