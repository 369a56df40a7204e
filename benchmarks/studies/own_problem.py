"""What a policy adds to a problem without a search of its own: the solvers that fit any problem, for the same seconds.

``python benchmarks/studies/own_problem.py linear-ordering --plugin docs/examples/linear_ordering.py --hours 0.167`` trains a
policy first (a folder that holds a training goes on with it), and then solves instances that none has seen. The table shows
the mean of the per cent by which each row is behind the best that any row found, and the seconds an instance.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table

import redwood
from redwood.plugins.host import host

FIRST_SEED = 1000


@click.command()
@click.argument("problem")
@click.option("--plugin", type=click.Path(path_type=Path), help="Python file of the problem; else it has to be installed.")
@click.option("--hours", default=0.167, show_default=True, help="Hours of training in all.")
@click.option("--preset", default="tiny", show_default=True, help="Size of the network.")
@click.option("--out", default="", help="Folder of the training, by default runs/PROBLEM.")
@click.option("--size", default=20, show_default=True, help="Size of the instances.")
@click.option("--count", default=20, show_default=True, help="How many instances.")
@click.option("--seconds", default=1.0, show_default=True, help="Time limit of every row.")
def main(
    problem: str, plugin: Path | None, hours: float, preset: str, out: str, size: int, count: int, seconds: float
) -> None:
    """Train a policy for PROBLEM and print what it finds beside the others."""
    if plugin is not None:
        host().load_file(plugin)
    weights = redwood.train("bq", problem, out or f"runs/{problem}", hours=hours, preset=preset, test_instances=8)
    instances = [redwood.generate(problem, size=size, seed=FIRST_SEED + number) for number in range(count)]
    policy: dict[str, Any] = {"solver": "bq", "weights": str(weights)}
    rows: dict[str, dict[str, Any]] = {
        "local-search": {"solver": "local-search"},
        "highs": {"solver": "highs"},
        "bq, greedy": policy | {"search": "none"},
        "bq, beam of 16": policy | {"search": "none", "decoding": "beam"},
        "bq with its search": policy,
        "auto": {"solver": "auto"},
    }
    found: dict[str, list[float]] = {}
    taken: dict[str, float] = {}
    chosen: set[str] = set()
    for name, settings in rows.items():
        began = time.perf_counter()
        results = [redwood.solve(each, time_limit=seconds, bound_time_limit=0, **settings) for each in instances]
        found[name] = [float("nan") if result.objective is None else result.objective for result in results]
        taken[name] = (time.perf_counter() - began) / count
        chosen |= {result.solver for result in results if name == "auto"}
    least = host().problem(problem).sense is redwood.Sense.MIN
    best = [
        (min if least else max)(value for value in column if value == value) for column in zip(*found.values(), strict=True)
    ]
    table = Table("", "behind, %", "found", "s", box=box.SIMPLE, title=f"{problem}, {count} of size {size}")
    for name, values in found.items():
        gaps = [100.0 * abs(value - top) / abs(top) for value, top in zip(values, best, strict=True) if value == value]
        shown = f"{sum(gaps) / len(gaps):.2f}" if gaps else "-"
        table.add_row(name, shown, f"{len(gaps)} of {count}", f"{taken[name]:.2f}")
    console = Console(width=100)
    console.print(table)
    console.print(f"auto chose {', '.join(sorted(chosen))}")


if __name__ == "__main__":
    main()
