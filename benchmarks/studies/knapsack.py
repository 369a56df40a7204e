"""Solve the 52 knapsack files of Pisinger's classes to proven optimality: ``python benchmarks/studies/knapsack.py``.

The files are those of ``kp/`` below the folder that the environment variable ``REDWOOD_DATA`` names. The table shows the
value found against the known one, the seconds of the search, and how far three bounds are above the known value.
Compilation is quoted apart, below.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Table

import redwood
from redwood.clock import Timer
from redwood.errors import OptionError
from redwood.problems.knapsack.bound import KnapsackBound
from redwood.problems.knapsack.instance import KnapsackInstance
from redwood.result import Result


@dataclass(frozen=True)
class Row:
    """One file: the known value, the result, and three bounds in per cent above the known value."""

    file: str
    known: float
    result: Result
    relaxation: float
    martello_toth: float
    core: float


@click.command()
@click.option("--solver", default="exact", show_default=True, help="Registered name of the solver.")
@click.option("--time-limit", default=60.0, show_default=True, help="Seconds a file.")
@click.option("--match", default="", help="Only files whose name contains this text.")
def main(solver: str, time_limit: float, match: str) -> None:
    """Print the table of all files and what they took."""
    rows = [measure(path, known, solver, time_limit) for path, known in files(match)]
    console = Console(width=140)
    console.print(table(rows))
    right = sum(row.result.objective == row.known for row in rows)
    proven = sum(row.result.status == redwood.Status.OPTIMAL for row in rows)
    seconds = [row.result.seconds.solve for row in rows]
    compilation = sum(row.result.seconds.compile for row in rows)
    console.print(
        f"{len(rows)} files: {right} at the known value, {proven} proven; {sum(seconds):.2f} s in all, "
        f"{max(seconds):.2f} s at most; compiling took {compilation:.2f} s apart from that."
    )


def files(match: str) -> list[tuple[Path, float]]:
    """Return the knapsack files and their known values.

    Raises
    ------
    OptionError
        Where ``REDWOOD_DATA`` does not name the folder of the instances, or no file matches.
    """
    folder = Path(os.environ.get("REDWOOD_DATA", ""))
    values = folder / "best_known.csv"
    if not values.is_file():
        raise OptionError("REDWOOD_DATA does not name the folder of the instances (the one that holds best_known.csv).")
    with values.open(newline="") as lines:
        known = [(folder / row["file"], float(row["value"])) for row in csv.DictReader(lines) if row["problem"] == "kp"]
    found = [(path, value) for path, value in known if match in path.name]
    if not found:
        raise OptionError(f"none of the {len(known)} knapsack files has {match!r} in its name.")
    return found


def measure(path: Path, known: float, solver: str, time_limit: float) -> Row:
    """Return what a file took, and its bounds as they are without an incumbent."""
    instance = redwood.read(path)
    if not isinstance(instance, KnapsackInstance):
        raise OptionError(f"{path} holds an instance of {instance.problem!r}, not of the knapsack problem.")
    result = redwood.solve(instance, solver=solver, time_limit=time_limit, bound_time_limit=0)
    view = KnapsackBound(instance)
    bounds = (view.relaxation(), view.martello_toth(), view.bound(Timer()).value)
    relaxation, martello_toth, core = (100 * (bound / known - 1) for bound in bounds)
    return Row(path.stem, known, result, relaxation, martello_toth, core)


def table(rows: list[Row]) -> Table:
    """Return the rows as a table."""
    made = Table(title="0-1 knapsack", box=box.SIMPLE)
    for column in ("file", "n", "known", "found", "status", "seconds", "LP + %", "M.-Toth + %", "core + %"):
        made.add_column(column, justify="left" if column in ("file", "status") else "right", no_wrap=True)
    for row in rows:
        result = row.result
        found = "-" if result.objective is None else f"{result.objective:.0f}"
        bounds = [f"{bound:.4f}" for bound in (row.relaxation, row.martello_toth, row.core)]
        made.add_row(
            row.file, str(result.size), f"{row.known:.0f}", found, str(result.status), f"{result.seconds.solve:.3f}", *bounds
        )
    return made


if __name__ == "__main__":
    main()
