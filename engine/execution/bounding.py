"""When a bound and a checked objective cannot both be right."""

from __future__ import annotations

from redwood.budget import Sense


def contradicts(sense: Sense, objective: float | None, value: float, margin: float = 0.0) -> bool:
    """Return whether a bound claims that a checked solution cannot exist, beyond rounding and the margin of an estimate."""
    if objective is None:
        return False
    slack = 1e-6 * max(1.0, abs(objective)) + margin
    return value > objective + slack if sense is Sense.MIN else value < objective - slack
