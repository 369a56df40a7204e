"""`explain()`: what is wrong with an instance or a solution, which part of it breaks which rule, and what to change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redwood.errors import FormatError, InstanceError, RedwoodError, SolutionError
from redwood.files import read_text
from redwood.plugins.host import host
from redwood.problem import Instance
from redwood.result import format_value
from redwood.solving.read import load_solution, read

SHOWN_LINE = 120
"""Characters of a file's line that are shown."""


@dataclass(frozen=True)
class Explanation:
    """What a problem says of an instance or of a solution.

    Attributes
    ----------
    subject
        What was looked at.
    faults
        Each broken rule in words; empty where there is none.
    repair_suggestions
        What to change, where the problem knows.
    objective
        Value of a feasible solution, else ``None``.
    remarks
        What breaks no rule of an instance and yet stands in the way of a solution, in words.
    """

    subject: str
    faults: tuple[str, ...] = ()
    repair_suggestions: tuple[str, ...] = ()
    objective: float | None = None
    remarks: tuple[str, ...] = ()

    @property
    def feasible(self) -> bool:
        """Whether no rule is broken."""
        return not self.faults

    def __str__(self) -> str:
        if self.feasible:
            told = "" if self.objective is None else f", objective {format_value(self.objective)}"
            about = f"{self.subject}: {'no rule is broken' if self.remarks else 'nothing is wrong'}{told}."
            return "\n".join([about, *(f"  but     {remark}" for remark in self.remarks)])
        lines = [f"{self.subject}: {len(self.faults)} {'rule is' if len(self.faults) == 1 else 'rules are'} broken."]
        lines += [f"  wrong   {fault}" for fault in self.faults]
        return "\n".join(lines + [f"  change  {repair_suggestion}" for repair_suggestion in self.repair_suggestions])


def explain(instance: Instance | str | Path, solution: Any = None, *, problem: str | None = None) -> Explanation:
    """Return what is wrong with an instance or, where one is given, with a solution of it.

    Parameters
    ----------
    instance
        An instance, or the path of its file.
    solution
        A solution (or its tour, routes or items), or the path of its file.
    problem
        Name of the problem, where the file should not be guessed at.

    Raises
    ------
    FormatError
        Where a file cannot be opened at all.
    """
    subject = (instance.name or instance.problem) if isinstance(instance, Instance) else str(instance)
    try:
        known = instance if isinstance(instance, Instance) else read(instance, problem)
        found = host().problem(known.problem)
        found.validate(known)
    except (FormatError, InstanceError) as error:
        return Explanation(f"instance {subject}", (_words(error),), _place(instance, error))
    if solution is None:
        about = f"instance {subject} ({known.problem}, size {known.size})"
        return Explanation(about, remarks=tuple(found.remarks(known)))
    about = f"solution {solution if isinstance(solution, (str, Path)) else 'given'} of {subject}"
    try:
        made = load_solution(Path(solution), known) if isinstance(solution, (str, Path)) else found.solution(solution)
    except (FormatError, SolutionError) as error:
        return Explanation(about, (_words(error),), _place(solution, error))
    faults = tuple(found.violations(known, made))
    if faults:
        return Explanation(about, faults, tuple(found.repair_suggestions(known, made)))
    return Explanation(about, objective=float(found.objective(known, made)))


def _words(error: RedwoodError) -> str:
    return " ".join(str(error).split())


def _place(source: Any, error: RedwoodError) -> tuple[str, ...]:
    """Return the line of a file that an error names, as it stands there."""
    number = error.line if isinstance(error, FormatError) else None
    if not isinstance(source, (str, Path)) or number is None:
        return ()
    lines = read_text(Path(source)).splitlines()
    if not 1 <= number <= len(lines):
        return ()
    text = lines[number - 1].strip()
    return (f"line {number} of {source}: {text[:SHOWN_LINE]}{'...' if len(text) > SHOWN_LINE else ''}",)
