"""What `solve` gives back: the answer as the problem itself has checked and priced it."""

from __future__ import annotations

import dataclasses
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redwood.budget import Termination
from redwood.errors import FitError, FormatError, OptionError
from redwood.files import write_text
from redwood.problem import Instance, Problem, Solution
from redwood.tolerance import relative_gap

if TYPE_CHECKING:
    from matplotlib.axes import Axes


LEFT = "text-align: left"
"""Notebooks put the text of tables to the right."""


class Status(StrEnum):
    """What is known about the instance after a run."""

    NONE = "none"
    """No solution was found."""
    INFEASIBLE = "infeasible"
    """No solution exists, as the solver has proven."""
    FEASIBLE = "feasible"
    """A solution was found and checked."""
    OPTIMAL = "optimal"
    """A solution was found, and a proof or a bound shows that none is better."""
    FAILED = "failed"
    """The solver failed; ``message`` says how. A solution reported before that is kept."""
    REFUSED = "refused"
    """The solver does not take the instance, and ``message`` says why: in benchmarks, where `solve` raises `FitError`."""


@dataclass(frozen=True)
class Timing:
    """Seconds on the wall clock: loading, compiling, solving, and computing the bound afterwards."""

    load: float = 0.0
    compile: float = 0.0
    solve: float = 0.0
    bound: float = 0.0


@dataclass(frozen=True, eq=False)
class Result:
    """What the engine has checked.

    Attributes
    ----------
    problem, instance, size
        Name of the problem, name of the instance, and its size in the problem's own measure.
    solver, version, seed
        Name of the solver, version of the plugin that brought it, and the seed used.
    status
        What is known now; apart from why the run stopped, which is ``termination``.
    objective
        Value of the solution, recomputed by the problem on the raw instance; ``None`` without a solution.
    bound
        Best proven bound on the optimum, from the solver or from the problem's own bound; ``None`` without one.
    gap
        The difference of objective and bound over the larger magnitude of both, positive where it is open; 0 where they are
        equal, negative where the bound is beyond the objective by noise, ``None`` without a bound.
    best_known
        Best value known for the instance, where its file or the user gave one.
    seconds
        Where the time went. ``seconds.bound`` is not part of the time limit.
    trajectory
        Every improvement as (seconds since the search began, objective).
    initial
        What became of the initial solution: ``"accepted"``, ``"rejected: <reason>"``, or ``None`` where none was given.
    message
        One sentence more, such as the error or what ``auto`` chose.
    """

    problem: str
    instance: str
    size: int
    solver: str
    version: str
    seed: int
    status: Status
    termination: Termination
    objective: float | None
    bound: float | None
    best_known: float | None
    seconds: Timing
    trajectory: tuple[tuple[float, float], ...]
    solution: Any
    initial: str | None = None
    message: str = ""
    source: Instance | None = field(default=None, repr=False)
    authority: Problem[Any, Any] | None = field(default=None, repr=False)

    @property
    def gap(self) -> float | None:
        """Distance of the objective from the bound, relative to the larger of both."""
        return None if self.authority is None else relative_gap(self.objective, self.bound, self.authority.sense)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data with the keys that ``redwood solve --json`` prints, and the trajectory."""
        return {
            "problem": self.problem,
            "instance": self.instance,
            "size": self.size,
            "solver": self.solver,
            "version": self.version,
            "seed": self.seed,
            "status": str(self.status),
            "termination": str(self.termination),
            "objective": self.objective,
            "bound": self.bound,
            "gap": self.gap,
            "best_known": self.best_known,
            "seconds": {key: round(value, 6) for key, value in vars(self.seconds).items()},
            "solution": None if self.solution is None else self.solution.to_dict(),
            "message": self.message,
            "initial": self.initial,
            "trajectory": [list(point) for point in self.trajectory],
        }

    def to_json(self, indent: int | None = None) -> str:
        """Return the result as JSON text, without the instance's data."""
        return json.dumps(self.to_dict(), indent=indent)

    @classmethod
    def from_json(cls, text: str) -> Result:
        """Raise `OptionError`: reading a result needs its problem, which `redwood.read_result` looks up."""
        raise OptionError("Result.from_json is now redwood.read_result(text), which looks the problem up.")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], problem: Problem[Any, Any], *, source: Instance | None = None) -> Result:
        """Return the result that `to_dict` wrote, of an instance of the problem; ``source`` is that instance, where known.

        Raises
        ------
        FormatError
            Where the data are not such a result.
        """
        try:
            return dataclasses.replace(cls._from_dict(data, problem), source=source)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise FormatError(f"the data are not a Redwood result: {type(error).__name__}: {error}") from error

    @classmethod
    def _from_dict(cls, data: Mapping[str, Any], problem: Problem[Any, Any]) -> Result:
        kept = {key: value for key, value in data.items() if key != "gap"}
        solution = kept["solution"]
        kept["solution"] = None if solution is None else problem.solution(solution)
        kept["authority"] = problem
        kept["status"], kept["termination"] = Status(kept["status"]), Termination(kept["termination"])
        kept["seconds"] = Timing(**kept["seconds"])
        kept["trajectory"] = tuple((float(at), float(value)) for at, value in kept.get("trajectory", ()))
        return cls(**kept)

    def plot(self, path: str | Path | None = None, axes: Axes | None = None) -> Axes:
        """Draw the solution on its instance, and save the picture where a path is given.

        Raises
        ------
        FitError
            Where the result was read from JSON and so has no instance, or the problem has no picture.
        """
        if self.source is None or self.authority is None:
            raise FitError(
                "this result has no instance attached (it was read from JSON); use redwood.plot(instance, solution)."
            )
        from redwood.picture import plot_solution

        return plot_solution(self.authority, self.source, self.solution, path=path, axes=axes, title=self._title())

    def save_solution(self, path: str | Path) -> None:
        """Write the solution in the problem's own file format, or as JSON where the name ends in ``.json``."""
        if self.source is None or self.authority is None or self.solution is None:
            raise FitError("there is no solution with its instance to write.")
        if Path(path).suffix == ".json" != self.authority.solution_suffix:
            write_text(path, json.dumps(self.solution.to_dict()) + "\n")
        else:
            write_text(path, self.authority.format_solution(self.source, self.solution))

    def _title(self) -> str:
        gap = "" if self.gap is None else f", gap {format_gap(self.gap)}"
        return f"{self.instance or self.problem}: {format_value(self.objective)}{gap} ({self.solver})"

    def __repr__(self) -> str:
        name = f" {self.instance!r}" if self.instance else ""
        lines = [
            f"Result: {self.problem}{name} (size {self.size}) by {self.solver}, seed {self.seed}",
            f"  status       {self.status} (stopped: {self.termination})",
            f"  objective    {format_value(self.objective)}",
            f"  bound        {format_value(self.bound)}" + ("" if self.gap is None else f"   gap {format_gap(self.gap, 3)}"),
            "  seconds      " + ", ".join(f"{part} {seconds:.2f}" for part, seconds in vars(self.seconds).items()),
        ]
        lines += [f"  initial      {self.initial}"] * (self.initial is not None)
        lines += [f"  message      {self.message}"] * bool(self.message)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return the result as a small table, for notebooks."""
        gap = "" if self.gap is None else f" (gap {format_gap(self.gap, 3)})"
        rows = {
            "status": f"{self.status}, stopped: {self.termination}",
            "objective": format_value(self.objective),
            "bound": format_value(self.bound) + gap,
            "seconds": ", ".join(f"{part} {seconds:.2f}" for part, seconds in vars(self.seconds).items()),
            "start": self.initial or "",
            "message": self.message,
        }
        known = self.instance if self.instance.startswith(self.problem) else f"{self.problem} {self.instance}".strip()
        title = f"{known} (size {self.size}) by {self.solver}, seed {self.seed}"
        cells = ((f"{key}</th>", f"{html.escape(text)}</td>") for key, text in rows.items() if text)
        body = "".join(f'<tr><th style="{LEFT}">{key}<td style="{LEFT}">{text}</tr>' for key, text in cells)
        return f'<table><caption style="{LEFT}"><b>{html.escape(title)}</b></caption>{body}</table>'


def format_value(value: float | None) -> str:
    """Return an objective for people: whole numbers whole, others with six digits, ``-`` for none."""
    if value is None:
        return "-"
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:.6g}"


def format_gap(gap: float | None, digits: int = 2) -> str:
    """Return a gap for people, in per cent; one that is negative, which only noise makes it, as such; empty for none."""
    if gap is None:
        return ""
    return "0, within noise" if gap < 0 else f"{100 * gap:.{digits}f} %"


__all__ = ["Result", "Solution", "Status", "Timing", "format_gap", "format_value"]
