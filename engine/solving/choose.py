"""What ``solver="auto"`` stands for: the best-suited solver for a problem, a size and a time limit."""

from __future__ import annotations

from redwood.errors import FitError
from redwood.plugins.entries import Entry
from redwood.plugins.host import host
from redwood.plugins.spec import SolverSpec


def choose(problem: str, size: int, seconds: float) -> Entry[SolverSpec]:
    """Return the installed solver whose `Choice` has the highest score for the instance; ties go by name.

    Raises
    ------
    FitError
        Where no solver volunteers.
    """
    willing = volunteers(problem, size, seconds)
    if not willing:
        names = ", ".join(sorted({entry.spec.name for entry in host().fitting(problem)})) or "none"
        raise FitError(
            f"no solver volunteers for problem {problem!r} of size {size}; solvers that fit and can be named: {names}."
        )
    return willing[0]


def volunteers(problem: str, size: int, seconds: float) -> list[Entry[SolverSpec]]:
    """Return the installed solvers with a `Choice` for the instance, the highest score first; of each name the best one."""
    scored = [
        (-choice.score, entry.spec.name, entry)
        for entry in host().fitting(problem)
        for choice in entry.spec.choices
        if choice.holds(problem, size, seconds) and not entry.missing
    ]
    best: dict[str, Entry[SolverSpec]] = {}
    for _, name, entry in sorted(scored, key=lambda row: row[:2]):
        best.setdefault(name, entry)
    return list(best.values())
