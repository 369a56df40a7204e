"""Solvers of the ATSP side by side on the public files: ``python benchmarks/studies/atsp.py``.

The files are those of ``atsp/`` below the folder that the environment variable ``REDWOOD_DATA`` names. On each file the
solvers run one after the other, one thread each, for the same seconds; compilation does not count. The table shows gaps to
the known values in per cent and when the last improvement came; ``proven`` marks optimality that the solver proved.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Table

import redwood
from redwood.errors import OptionError
from redwood.problem import Instance


@click.command()
@click.option(
    "--solvers", default="local-search,lkh,ortools-routing", show_default=True, help="Registered names, by commas."
)
@click.option("--time-limit", default=10.0, show_default=True, help="Seconds a file and solver.")
@click.option("--largest", default=1000, show_default=True, help="Only files with at most so many nodes.")
@click.option("--seed", default=0, show_default=True, help="Seed of the solvers.")
def main(solvers: str, time_limit: float, largest: int, seed: int) -> None:
    """Print the gaps of the solvers and of the bound on each file, and their means."""
    names = solvers.split(",")
    console = Console(width=140)
    table = Table("file", "known", *names, "bound", box=box.SIMPLE, title=f"gap in per cent, {time_limit:g} s each")
    rows: list[list[float | None]] = []
    for path, known in files():
        instance = redwood.read(path)
        if instance.size > largest:
            continue
        shown = [measure(instance, known, name, time_limit, seed) for name in names]
        found = redwood.bound(instance, time_limit=time_limit)
        below = 100.0 * (1.0 - found.value / known)
        rows.append([*(gap for gap, _ in shown), below])
        cells = [*(text for _, text in shown), f"{below:.2f} ({found.seconds:.1f} s)"]
        table.add_row(path.stem, f"{known:g}", *cells)
        console.print(path.stem, *cells)
    table.add_section()
    table.add_row(f"mean of {len(rows)}", "", *(mean(list(column)) for column in zip(*rows, strict=True)))
    console.print(table)


def measure(instance: Instance, known: float, solver: str, seconds: float, seed: int) -> tuple[float | None, str]:
    """Return the gap of a solver's solution to the known value, and how it is shown."""
    result = redwood.solve(instance, solver, time_limit=seconds, bound_time_limit=0, seed=seed)
    if result.objective is None:
        return None, f"none: {result.message}"
    gap = 100.0 * (result.objective / known - 1.0)
    proven = f"proven {result.seconds.solve:.1f} s" if result.status == "optimal" else f"{result.trajectory[-1][0]:.1f} s"
    return gap, f"{gap:.2f} ({proven})"


def mean(gaps: list[float | None]) -> str:
    """Return the mean of the gaps, and how many files have none."""
    found = [gap for gap in gaps if gap is not None]
    missing = len(gaps) - len(found)
    return (f"{sum(found) / len(found):.3f}" if found else "-") + (f", {missing} unsolved" if missing else "")


def files() -> list[tuple[Path, float]]:
    """Return the files and their known values.

    Raises
    ------
    OptionError
        Where ``REDWOOD_DATA`` does not name the folder of the instances.
    """
    folder = Path(os.environ.get("REDWOOD_DATA", ""))
    values = folder / "best_known.csv"
    if not values.is_file():
        raise OptionError("REDWOOD_DATA does not name the folder of the instances (the one that holds best_known.csv).")
    with values.open() as file:
        rows = [row for row in csv.DictReader(file) if row["problem"] == "atsp"]
    return sorted((folder / row["file"], float(row["value"])) for row in rows)


if __name__ == "__main__":
    main()
