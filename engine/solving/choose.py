"""What ``solver="auto"`` stands for: the best-suited solver for a problem, a size and a time limit."""

from __future__ import annotations

from redwood.errors import FitError
from redwood.plugins.host import Entry, host
from redwood.plugins.spec import SolverSpec


def choose(problem: str, size: int, seconds: float) -> Entry[SolverSpec]:
    """Return the installed solver whose `Choice` has the highest score for the instance; ties go by name.

    Raises
    ------
    FitError
        Where no solver volunteers.
    """
    fitting = host().fitting(problem)
    scored = [
        (choice.score, entry)
        for entry in fitting
        for choice in entry.spec.choices
        if choice.holds(problem, size, seconds) and not entry.missing
    ]
    if not scored:
        names = ", ".join(sorted({entry.spec.name for entry in fitting})) or "none"
        raise FitError(
            f"no solver volunteers for problem {problem!r} of size {size}; solvers that fit and can be named: {names}."
        )
    best = max(score for score, _ in scored)
    return min((entry for score, entry in scored if score == best), key=lambda entry: entry.spec.name)
