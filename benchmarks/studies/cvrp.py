"""Solvers of the CVRP side by side on the public files: ``python benchmarks/studies/cvrp.py --match X-n1``.

The files are those of ``cvrp/`` below the folder that the environment variable ``REDWOOD_DATA`` names. On each file the
solvers run one after the other, one thread each, for the same seconds; compilation does not count. The table shows
gaps to the known values in per cent; with ``--bound`` it shows how far the bound is below them.
"""

from __future__ import annotations

import csv
import os
import random
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Table

import redwood
from redwood.errors import OptionError
from redwood.problem import Instance

Measured = list[tuple[float | None, str]]
"""A gap in per cent (``None`` without a solution), and how it is shown."""


@click.command()
@click.option("--solvers", default="local-search,pyvrp,hgs", show_default=True, help="Registered names, by commas.")
@click.option("--time-limit", default=20.0, show_default=True, help="Seconds a file and solver.")
@click.option("--match", default="X-n", show_default=True, help="Only files whose name starts with one of these, by commas.")
@click.option("--largest", default=100_000, show_default=True, help="Only files with at most so many customers.")
@click.option("--sample", default=0, show_default=True, help="A random sample (seed 0) of so many files; 0 for all.")
@click.option("--seed", default=0, show_default=True, help="Seed of the solvers.")
@click.option("--bound", is_flag=True, help="Measure the bound instead of the solvers.")
def main(solvers: str, time_limit: float, match: str, largest: int, sample: int, seed: int, bound: bool) -> None:
    """Print the gaps of the solvers on each file, and their means."""
    names = ["bound"] if bound else solvers.split(",")
    console = Console(width=140)
    table = Table("file", "known", *names, box=box.SIMPLE, title=f"gap in per cent, {time_limit:g} s each")
    rows: list[Measured] = []
    for path, known in files(match, largest, sample):
        instance = redwood.read(path)
        if bound:
            row = [measure_bound(instance, known, time_limit)]
        else:
            row = [measure(instance, known, name, time_limit, seed) for name in names]
        rows.append(row)
        table.add_row(path.stem, f"{known:g}", *(shown for _, shown in row))
        console.print(path.stem, *(shown for _, shown in row))
    table.add_section()
    table.add_row(f"mean of {len(rows)}", "", *(mean([row[place][0] for row in rows]) for place in range(len(names))))
    console.print(table)


def measure(instance: Instance, known: float, solver: str, seconds: float, seed: int) -> tuple[float | None, str]:
    """Return the gap of a solver's solution to the known value."""
    result = redwood.solve(instance, solver, time_limit=seconds, bound_time_limit=0, seed=seed)
    if result.objective is None:
        return None, f"none: {result.message}"
    gap = 100.0 * (result.objective / known - 1.0)
    return gap, f"{gap:.2f}"


def measure_bound(instance: Instance, known: float, seconds: float) -> tuple[float | None, str]:
    """Return how far the bound is below the known value, which it must not exceed."""
    found = redwood.bound(instance, time_limit=seconds)
    if found.value > known:
        raise OptionError(f"the bound {found.value:g} of {instance.name} exceeds the known value {known:g}.")
    gap = 100.0 * (1.0 - found.value / known)
    return gap, f"{gap:.2f} ({found.seconds:.1f} s)"


def mean(gaps: list[float | None]) -> str:
    """Return the mean of the gaps, and how many files have none."""
    found = [gap for gap in gaps if gap is not None]
    missing = len(gaps) - len(found)
    return (f"{sum(found) / len(found):.3f}" if found else "-") + (f", {missing} unsolved" if missing else "")


def files(match: str, largest: int, sample: int) -> list[tuple[Path, float]]:
    """Return the files and their known values.

    Raises
    ------
    OptionError
        Where ``REDWOOD_DATA`` does not name the folder of the instances, or no file matches.
    """
    folder = Path(os.environ.get("REDWOOD_DATA", ""))
    values = folder / "best_known.csv"
    if not values.is_file():
        raise OptionError("REDWOOD_DATA does not name the folder of the instances (the one that holds best_known.csv).")
    with values.open() as file:
        known = {
            row["file"]: float(row["value"]) for row in csv.DictReader(file) if row["problem"] == "cvrp" and row["value"]
        }
    starts = tuple(match.split(","))
    found = [(folder / name, value) for name, value in known.items() if Path(name).name.startswith(starts)]
    found = [(path, value) for path, value in found if redwood.read(path).size <= largest]
    if not found:
        raise OptionError(f"no CVRP file starts with one of {match!r} and has at most {largest} customers.")
    return sorted(random.Random(0).sample(found, sample)) if 0 < sample < len(found) else sorted(found)


if __name__ == "__main__":
    main()
