"""When two objectives or bounds are the same: one rule, relative to their magnitude and to nothing absolute."""

from __future__ import annotations

import math

SAME = 1e-9
"""Values that differ by this share of the larger one are the same."""
ROUNDING = 1e-12
"""Share of the sum of its terms' magnitudes that a sum of floats can lose, with room to spare."""
CONFLICT = 1e-6
"""Share by which a bound must go beyond a checked objective to contradict it: bounds of peers are no more exact."""
STEP = 1e-6
"""Share of a step within which a computed value counts as a multiple of the step."""
HIGHS_LOSS = 2e-6
"""What HiGHS's bound on a mixed-integer program can be off by, absolutely: its feasibility tolerance, twice."""
UNIT = 2.0**20
"""Magnitude that `unit_scale` brings a number to."""


def same(first: float, second: float, magnitude: float = 0.0, share: float = SAME) -> bool:
    """Return whether two values differ by at most a share of the largest of both and ``magnitude``.

    ``magnitude`` is that of the terms that the values are sums of, where these can cancel out.

    Parameters
    ----------
    first, second
        The values.
    magnitude
        Sum of the magnitudes of the terms that they were computed from, where these can cancel out; else 0.
    share
        By what share of the largest of the three they may differ.
    """
    if first == second:
        return True
    return abs(first - second) <= share * max(abs(first), abs(second), magnitude)


def beyond(sense: str, bound: float, objective: float, magnitude: float = 0.0, share: float = SAME) -> bool:
    """Return whether a bound claims that an objective is impossible: better than the bound, and not the same.

    Parameters
    ----------
    sense
        ``"min"`` where the bound is a lower one, ``"max"`` where it is an upper one.
    bound, objective
        The bound, and an objective that was reached.
    magnitude, share
        As in `same`.
    """
    wrong = bound > objective if sense == "min" else bound < objective
    return wrong and not same(bound, objective, magnitude, share)


def contradicts(sense: str, objective: float | None, bound: float, margin: float = 0.0, magnitude: float = 0.0) -> bool:
    """Return whether a bound claims that a checked solution cannot exist.

    Parameters
    ----------
    sense
        Of the problem.
    objective
        Of the checked solution; nothing contradicts ``None``.
    bound
        What is claimed.
    margin
        Error of an objective that is an estimate.
    magnitude
        Magnitude of the objective's terms, where these can cancel out.
    """
    if objective is None:
        return False
    return beyond(sense, bound, objective + margin if sense == "min" else objective - margin, magnitude, CONFLICT)


def relative_gap(objective: float | None, bound: float | None, sense: str) -> float | None:
    """Return the signed difference over the larger magnitude of both, or ``None`` without both.

    An open gap is positive; one that is negative means that the bound is beyond the objective. It is 0 where they are equal.
    """
    if objective is None or bound is None:
        return None
    if objective == bound:
        return 0.0
    difference = objective - bound if sense == "min" else bound - objective
    return difference / max(abs(objective), abs(bound))


def gap_to(objective: float, reference: float, sense: str) -> float:
    """Return how much worse an objective is than a reference, as a share of the reference; negative where better.

    Nothing is a share of 0: against that reference the difference counts as a share of the objective, so -1, 0 or 1.
    """
    difference = objective - reference if sense == "min" else reference - objective
    return difference / abs(reference or objective) if difference else 0.0


def usable_step(step: float, magnitude: float, share: float = SAME) -> float:
    """Return the step of an objective's values, or 0 where values of such a magnitude are not known as exactly as that."""
    return step if share * magnitude <= 0.1 * step else 0.0


def eased(bound: float, sense: str, *, step: float = 0.0, magnitude: float = 0.0, share: float = ROUNDING) -> float:
    """Return a computed bound that rounding cannot have made wrong, moved to the next value that objectives can take.

    Parameters
    ----------
    bound
        As computed.
    sense
        ``"min"`` for a lower bound, ``"max"`` for an upper one.
    step
        The objective takes multiples of this only; 0 where nothing is known.
    magnitude
        Sum of the magnitudes of the terms that ``bound`` was computed from, where these can cancel out.
    share
        What the computation may have lost, as a share of the larger of ``magnitude`` and the bound.
    """
    if not math.isfinite(bound):
        return bound
    size = max(abs(bound), magnitude)
    loss = share * size
    if step > 0.0 and usable_step(step, size, share):
        steps, loss = bound / step, max(STEP, loss / step)
        return step * (math.ceil(steps - loss) if sense == "min" else math.floor(steps + loss))
    return bound - loss if sense == "min" else bound + loss


def to_beat(incumbent: float, sense: str, step: float = 0.0, magnitude: float = 0.0) -> float:
    """Return what every objective better than an incumbent is at least as good as, so computed that nothing is missed.

    Parameters
    ----------
    incumbent
        The objective to beat.
    sense
        ``"min"`` or ``"max"``.
    step
        The objective takes multiples of this only; 0 where nothing is known.
    magnitude
        Sum of the magnitudes of the terms that the objective was computed from, where these can cancel out; else 0.
    """
    size = max(abs(incumbent), magnitude)
    forward = SAME * size - (1.0 - STEP) * usable_step(step, size)
    return incumbent + forward if sense == "min" else incumbent - forward


def unit_scale(magnitude: float, least: float = UNIT, most: float = UNIT) -> float:
    """Return the power of two that brings a magnitude near `UNIT`: scaling by it loses nothing.

    1 for a magnitude from ``least`` to ``most`` already, and for none at all.
    """
    if not 0.0 < magnitude < math.inf or least <= magnitude <= most:
        return 1.0
    return 2.0 ** max(-900, min(900, round(math.log2(UNIT) - math.log2(magnitude))))
