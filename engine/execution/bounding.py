"""When a bound and a checked objective cannot both be right."""

from __future__ import annotations

from redwood.budget import Sense
from redwood.tolerance import CONFLICT, beyond


def contradicts(sense: Sense, objective: float | None, value: float, margin: float = 0.0, magnitude: float = 0.0) -> bool:
    """Return whether a bound claims that a checked solution cannot exist.

    Parameters
    ----------
    sense
        Of the problem.
    objective
        Of the checked solution; nothing contradicts ``None``.
    value
        The bound.
    margin
        Error of an objective that is an estimate.
    magnitude
        Magnitude of the objective's terms, where these can cancel out.
    """
    if objective is None:
        return False
    most = objective + margin if sense is Sense.MIN else objective - margin
    return beyond(sense, value, most, magnitude, CONFLICT)
