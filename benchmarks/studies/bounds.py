"""Measure bounds on the instances of a folder: how far below the value known, in how many seconds.

Run as ``python benchmarks/studies/bounds.py tsplib --seconds 30``; the environment variable REDWOOD_DATA names the folder of
instances, and ``best_known.csv`` in it the values. With ``--solver highs`` the problem's own bound gives way to a solver,
and the table says what it has proven. It ends with code 1 where a bound is above a known value.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

import redwood
from redwood.clock import Timer
from redwood.plugins.host import host
from redwood.problem import Instance
from redwood.tolerance import beyond
from redwood.views.bound import Bound

HEAD = f"{'instance':14} {'nodes':>6} {'known':>10} {'bound':>10} {'below %':>8} {'seconds':>8}  remark\n"


@click.command()
@click.argument("folder", default="tsplib")
@click.option("--match", default="", help="Only files whose name begins so; several are separated by commas.")
@click.option("--smallest", default=0, show_default=True, help="Fewest nodes of an instance.")
@click.option("--largest", default=1000, show_default=True, help="Most nodes of an instance.")
@click.option("--seconds", default=30.0, show_default=True, help="Time limit of each bound.")
@click.option("--solver", default="", help="Let this solver prove instead of the problem's own bound.")
def main(folder: str, match: str, smallest: int, largest: int, seconds: float, solver: str) -> None:
    """Print a table of the instances of a folder such as tsplib, atsp or cvrp/A, and their mean."""
    gaps, taken, proven, wrong = list[float](), list[float](), 0, 0
    sys.stdout.write(HEAD)
    for instance, known in _instances(folder, tuple(match.split(",")), smallest, largest):
        value, used, remark = _solved(instance, solver, seconds) if solver else _bounded(instance, seconds)
        problem = host().problem(instance.problem)
        wrong += beyond(problem.sense, value, known)
        proven += not beyond(problem.sense, known, value)
        gaps.append(100.0 * (known - value) / known)
        taken.append(used)
        row = f"{instance.name:14} {instance.size:6} {known:10.0f} {value:10.0f} {gaps[-1]:8.3f} {used:8.2f}  {remark}\n"
        sys.stdout.write(row)
        sys.stdout.flush()
    count = max(1, len(gaps))
    mean, most = sum(gaps) / count, max(gaps, default=0.0)
    sys.stdout.write(f"{len(gaps)} instances: below the known value by {mean:.3f} % on average, {most:.3f} % at most; ")
    sys.stdout.write(f"{sum(taken) / count:.2f} s on average; {proven} bounds meet the known value, {wrong} are above it\n")
    sys.exit(1 if wrong else 0)


def _instances(folder: str, beginnings: tuple[str, ...], smallest: int, largest: int) -> Iterator[tuple[Instance, float]]:
    """Yield the instances of a folder with their known values."""
    data = Path(os.environ["REDWOOD_DATA"])
    with (data / "best_known.csv").open() as table:
        rows = [row for row in csv.DictReader(table) if row["file"].startswith(f"{folder}/") and row["value"]]
    for row in sorted(rows, key=lambda row: row["file"]):
        if Path(row["file"]).name.startswith(beginnings):
            instance = redwood.read(data / row["file"], row["problem"])
            if smallest <= instance.size <= largest:
                yield instance, float(row["value"])


def _bounded(instance: Instance, seconds: float) -> tuple[float, float, str]:
    view = host().problem(instance.problem).view(Bound, instance)
    view.warm_up()
    clock = Timer(seconds)
    found = view.bound(clock)
    return found.value, clock.seconds, found.method + (", cut short" if found.cut_short else "")


def _solved(instance: Instance, solver: str, seconds: float) -> tuple[float, float, str]:
    result = redwood.solve(instance, solver, time_limit=seconds, bound_time_limit=0.0)
    value = result.bound if result.bound is not None else 0.0
    return value, result.seconds.solve, f"{result.status}, {result.objective}"


if __name__ == "__main__":
    main()
