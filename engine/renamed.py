"""Options that have had other names: a table, and the errors that say the new ones. No old name is taken."""

from __future__ import annotations

from collections.abc import Iterable

from redwood.errors import OptionError, suggestion

OPTIONS = {
    "symmetries": "augmentations",
    "views": "augmentations",
    "teacher": "expert",
    "teacher_time_limit": "expert_time_limit",
}
"""Options of solvers and trainings before 0.2, and their names."""

SOLVERS = {"foresight": "rollout", "congestion": "quadratic"}
"""Options of `sequoia` before 0.2 that are solvers of their own, by their names."""

GONE = {
    "bq": {"averaging", "destroy", "sure", "temperature"},
    "cp-sat": {"slice_seconds"},
    "exact": {"most_actions"},
    "fast-tsp": {"slice_seconds"},
    "highs": {"cut_rounds", "local_steps", "mip_heuristic_effort"},
    "iterative-dqn": {"episodes", "hidden", "network", "preset", "rate"},
    "lagrangian": {"rounds"},
    "local-search": {
        *("blink", "breadth", "cold", "cycle", "cycles", "depth", "fleet_share", "heat", "hot", "longest", "memory"),
        *("penalty", "removals", "split", "window"),
    },
    "lp-update": {"rounding", "rounds"},
    "portfolio": {"episodes"},
    "quadratic": {"rounds"},
    "rollout": {"draws", "episodes", "futures"},
}
"""Options of solvers before 0.2 that are constants now."""

GONE_SOLVERS = {"deep-q": "sequoia, with the option mode='published'"}
"""Solvers before 0.2 that are gone, and what does their work."""

FLAGS = {"train": {"--teacher": "--expert", "--teacher-time-limit": "--expert-time-limit"}}
"""Flags of the commands before 0.2, and their names."""

VALUES = {("search", "views"): "augmentations"}
"""Values of options before 0.2, and their names."""


def option_suggestion(name: str, known: Iterable[str], solver: str = "") -> str:
    """Return the end of a message on an unknown option: its new name, that it is gone, or the closest known one."""
    names = list(known)
    if OPTIONS.get(name) in names:
        return f" Its name is {OPTIONS[name]!r} since version 0.2."
    if name in SOLVERS:
        return f" Since version 0.2 it is the solver {SOLVERS[name]!r}."
    if name in GONE.get(solver, ()):
        return " It is gone since version 0.2: its value is a constant of the solver."
    return suggestion(name, names)


def solver_suggestion(name: str, known: Iterable[str]) -> str:
    """Return the end of a message on an unknown solver: what does its work where it is gone, else the closest known one."""
    if name in GONE_SOLVERS:
        return f" It is gone since version 0.2; use {GONE_SOLVERS[name]}."
    return suggestion(name, known)


def value_suggestion(option: str, value: object) -> str:
    """Return the end of a message on an unknown value of an option; nothing where it never was one."""
    new = VALUES.get((option, str(value)))
    return "" if new is None else f" {value!r} is named {new!r} since version 0.2."


def refuse_renamed(given: Iterable[str], known: Iterable[str], what: str) -> None:
    """Raise `OptionError` where an option is given by its old name."""
    names = list(known)
    for name in given:
        if OPTIONS.get(name) in names:
            raise OptionError(f"{what} takes no {name!r}.{option_suggestion(name, names)}")
