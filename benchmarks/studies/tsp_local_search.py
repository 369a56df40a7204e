"""The TSP local search beside fast-tsp, on TSPLIB and on large instances: ``python benchmarks/studies/tsp_local_search.py``.

``uniform 1000 --time-limit 5`` solves random instances by both, one after the other, one thread each, for the same seconds;
``files`` shows gaps to the known values of ``tsplib/`` below the folder that ``REDWOOD_DATA`` names; ``large 100000`` shows
how far a tour is above 0.7124 * sqrt(N A), the length that random uniform tours tend to (Johnson, McGeoch 1997), and the
memory it took. Compilation never counts.
"""

from __future__ import annotations

import csv
import math
import os
import resource
import time
from pathlib import Path

import click
import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

import redwood
from redwood.errors import OptionError
from redwood.problem import Instance
from redwood.problems.tsp.instance import TSPInstance

SIDE = 20_000.0
"""Side of the square of `uniform`: fast-tsp takes whole distances below 65,536."""

console = Console(width=120, highlight=False)


@click.group()
def main() -> None:
    """Measure the TSP local search."""


@main.command()
@click.argument("size", type=int)
@click.option("--time-limit", default=1.0, show_default=True, help="Seconds an instance and solver.")
@click.option("--seeds", default=5, show_default=True, help="Number of instances.")
def uniform(size: int, time_limit: float, seeds: int) -> None:
    """Compare with fast-tsp on random uniform instances of SIZE nodes, distances rounded."""
    table = Table("seed", "local-search", "fast-tsp", "ratio", box=box.SIMPLE, title=f"{size} nodes, {time_limit:g} s")
    lengths = []
    for seed in range(seeds):
        instance = redwood.generate("tsp", size, seed=seed, metric="EUC_2D", side=SIDE)
        result = redwood.solve(instance, "local-search", time_limit=time_limit, bound_time_limit=0, seed=seed)
        pair = (float(result.objective or math.inf), fast_tsp_length(instance, time_limit))
        lengths.append(pair)
        table.add_row(str(seed), f"{pair[0]:.0f}", f"{pair[1]:.0f}", f"{pair[0] / pair[1]:.5f}")
    ours, theirs = np.mean(lengths, axis=0)
    table.add_section()
    table.add_row("mean", f"{ours:.1f}", f"{theirs:.1f}", f"{ours / theirs:.5f}")
    console.print(table)


@main.command()
@click.option("--time-limit", default=10.0, show_default=True, help="Seconds a file.")
@click.option("--smallest", default=0, show_default=True, help="Only files with at least so many nodes.")
@click.option("--largest", default=2500, show_default=True, help="Only files with at most so many nodes.")
@click.option("--match", default="", help="Only files whose name starts with one of these, by commas.")
@click.option("--solver", default="local-search", show_default=True)
@click.option("--seed", default=0, show_default=True)
def files(time_limit: float, smallest: int, largest: int, match: str, solver: str, seed: int) -> None:
    """Show the gaps to the known values of the TSPLIB files."""
    table = Table("file", "nodes", "known", "length", "gap %", box=box.SIMPLE, title=f"{solver}, {time_limit:g} s each")
    gaps = []
    for path, known in known_files():
        instance = redwood.read(path, "tsp")
        if not smallest <= instance.size <= largest or not path.name.startswith(tuple(match.split(","))):
            continue
        result = redwood.solve(instance, solver, time_limit=time_limit, bound_time_limit=0, seed=seed)
        gaps.append(100.0 * (float(result.objective or math.inf) / known - 1.0))
        table.add_row(path.stem, str(instance.size), f"{known:.0f}", f"{result.objective:.0f}", f"{gaps[-1]:.3f}")
        console.print(path.stem, f"{gaps[-1]:.3f}")
    table.add_section()
    table.add_row("mean", str(len(gaps)), "", "", f"{np.mean(gaps):.3f}")
    console.print(table)


@main.command()
@click.argument("size", type=int)
@click.option("--time-limit", default=120.0, show_default=True, help="Seconds.")
@click.option("--seed", default=0, show_default=True)
def large(size: int, time_limit: float, seed: int) -> None:
    """Show how far above 0.7124 * sqrt(N A) the tour of a random uniform instance of SIZE nodes comes, and the memory."""
    instance = redwood.generate("tsp", size, seed=seed)
    limit = 0.7124 * math.sqrt(size)
    began = time.perf_counter()
    result = redwood.solve(instance, "local-search", time_limit=time_limit, bound_time_limit=0, seed=seed)
    seconds = time.perf_counter() - began
    for moment, length in result.trajectory[:: max(1, len(result.trajectory) // 12)]:
        console.print(f"{moment:8.1f} s {100 * (length / limit - 1):7.2f} % above 0.7124 sqrt(N A)")
    above = 100 * (float(result.objective or math.inf) / limit - 1)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    console.print(f"{size} nodes: {above:.2f} % above in {seconds:.1f} s ({result.termination}), {memory:.2f} GB at most")


def fast_tsp_length(instance: Instance, seconds: float) -> float:
    """Return the length of fast-tsp's tour, its distance matrix being made before its clock starts."""
    import fast_tsp

    if not isinstance(instance, TSPInstance):
        raise OptionError(f"fast-tsp is compared on TSP instances, not on {type(instance).__name__}.")
    matrix = instance.travel.full().astype(np.uint16)
    tour = np.array(fast_tsp.find_tour(matrix, duration_seconds=seconds))
    return float(instance.travel.between(tour, np.roll(tour, -1)).sum())


def known_files() -> list[tuple[Path, float]]:
    """Return the TSPLIB files and their known values; raises `OptionError` where ``REDWOOD_DATA`` does not name them."""
    folder = Path(os.environ.get("REDWOOD_DATA", ""))
    values = folder / "best_known.csv"
    if not values.is_file():
        raise OptionError("REDWOOD_DATA does not name the folder of the instances (the one that holds best_known.csv).")
    with values.open() as file:
        rows = [row for row in csv.DictReader(file) if row["problem"] == "tsp"]
    return sorted((folder / row["file"], float(row["value"])) for row in rows)


if __name__ == "__main__":
    main()
