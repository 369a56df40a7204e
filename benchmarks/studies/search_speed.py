"""Iterations of searches in equal seconds, here and elsewhere: ``python benchmarks/studies/search_speed.py OTHER``.

OTHER is the Python of an environment in which the other version of Redwood is installed. Runs alternate, so that what else
the machine does falls on both; a pair is two runs of the same search one after the other, and its ratio counts.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

import click
from rich import box
from rich.console import Console
from rich.table import Table

SEARCHES = {
    "tsp": ("tsp", 1000, "local-search"),
    "cvrp": ("cvrp", 200, "local-search"),
    "orienteering": ("orienteering", 200, "local-search"),
    "knapsack": ("knapsack", 1000, "local-search"),
}
"""Problem, size and solver."""
CHILD = """
import json, sys
import redwood
from redwood.budget import Seconds
from redwood.plugins.host import host
from redwood.solver import Run

problem, size, name, seconds = sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
instance = redwood.generate(problem, size=size, seed=1)
typed, solver = host().problem(problem), host().solver_entry(name, problem).load()()
solver.prepare(typed, instance)
for kind in typed.views:
    if kind.__name__ == "Local":
        typed.view(kind, instance).warm_up()
for limit in (0.2, seconds):
    run = Run(typed, instance, budget=Seconds(limit), seed=1)
    run.start_clock()
    solver.run(typed, instance, run)
print(json.dumps(run.iterations))
"""


@click.command()
@click.argument("other")
@click.option("--pairs", default=7, show_default=True, help="Of runs, for each search.")
@click.option("--seconds", default=4.0, show_default=True, help="Of each run.")
@click.option("--search", "searches", multiple=True, type=click.Choice(list(SEARCHES)), help="Only these searches.")
def main(other: str, pairs: int, seconds: float, searches: tuple[str, ...]) -> None:
    """Print the iterations of both versions and the median of the pairs' ratios, with the middle half of them."""
    table = Table("search", "iterations here", "there", "median ratio", "middle half", box=box.SIMPLE)
    for name in searches or tuple(SEARCHES):
        here, there = list[int](), list[int]()
        for pair in range(pairs):
            for python in (sys.executable, other) if pair % 2 else (other, sys.executable):
                (here if python == sys.executable else there).append(iterations(python, name, seconds))
        ratios = sorted(mine / theirs for mine, theirs in zip(here, there, strict=True))
        low, middle, high = statistics.quantiles(ratios, n=4)
        both = (f"{statistics.median(here):.0f}", f"{statistics.median(there):.0f}")
        table.add_row(name, *both, f"{middle:.4f}", f"{low:.4f} to {high:.4f}")
    Console(width=120).print(table)


def iterations(python: str, search: str, seconds: float) -> int:
    """Return how many iterations a search does in so many seconds, in a process of a given Python."""
    problem, size, solver = SEARCHES[search]
    command = [python, "-c", CHILD, problem, str(size), solver, str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
