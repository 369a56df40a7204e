"""Solvers of rich routing side by side on the public sets: ``python benchmarks/studies/vrp.py --sets solomon,pdptw``.

The files are those of ``vrp/`` below the folder that the environment variable ``REDWOOD_DATA`` names. On each file the
solvers run one after the other, one thread each, for the same seconds; compilation does not count. The table shows gaps to
the known values in per cent, file by file and as means of each set, with the number of files and the vehicles too many.
"""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Table

import redwood
from redwood.errors import OptionError
from redwood.problems.vrp.instance import VRPInstance
from redwood.tolerance import gap_to

SETS = ("solomon", "solomon-vehicles", "homberger", "mdvrp", "pdptw", "vrptw", "mdvrptw", "pcvrptw", "hfvrp")
ROUNDINGS = {"vrptw": "dimacs", "pcvrptw": "dimacs", "mdvrptw": "exact", "hfvrp": "exact"}
"""What becomes of the numbers of the sets in PyVRP's dialect."""
VEHICLES_FIRST = ("homberger", "pdptw", "solomon-vehicles")
"""Sets whose known values are of the fewest vehicles, and then of the distance; the last one has the files of Solomon."""


@click.command()
@click.option("--solvers", default="local-search,pyvrp,ortools-routing", show_default=True, help="Names, by commas.")
@click.option("--sets", default=",".join(SETS), show_default=True, help="Sets, by commas.")
@click.option("--time-limit", default=30.0, show_default=True, help="Seconds a file and solver.")
@click.option("--each", default=0, show_default=True, help="So many files of each set, spread evenly; 0 for all.")
@click.option("--seed", default=0, show_default=True, help="Seed of the solvers.")
@click.option("--largest", default=100_000, show_default=True, help="Only files with at most so many customers.")
def main(solvers: str, sets: str, time_limit: float, each: int, seed: int, largest: int) -> None:
    """Print the gaps of the solvers on each file, and the means of each set."""
    names, console = solvers.split(","), Console(width=140)
    table = Table("file", "known", *names, box=box.SIMPLE, title=f"gap in per cent, {time_limit:g} s each")
    for group in sets.split(","):
        found: dict[str, list[float]] = defaultdict(list)
        excess: dict[str, int] = defaultdict(int)
        for path, known, fleet in files(group, each):
            options = {"rounding": ROUNDINGS[group]} if group in ROUNDINGS else {}
            if group in VEHICLES_FIRST:
                options["objective"] = "fewest-vehicles"
            instance = redwood.read(path, **options)
            assert isinstance(instance, VRPInstance)
            if instance.size > largest:
                continue
            shown = []
            for name in names:
                result = redwood.solve(instance, name, time_limit=time_limit, bound_time_limit=0, seed=seed)
                if result.objective is None:
                    shown.append("none")
                    continue
                more = len(result.solution.routes) - fleet if group in VEHICLES_FIRST else 0
                cost = result.objective - instance.vehicle_price * len(result.solution.routes)
                excess[name] += more
                if not more:  # distances are compared where the fleets are equal
                    found[name].append(100.0 * gap_to(cost, known, "min"))
                shown.append(f"{more:+d} vehicles" if more else f"{found[name][-1]:.2f}")
            table.add_row(f"{group}/{path.stem}", f"{known:g}", *shown)
            console.print(group, path.stem, *shown)
        means = [f"{sum(found[n]) / len(found[n]):.2f} ({len(found[n])}) {excess[n]:+d}" if found[n] else "-" for n in names]
        table.add_row(f"mean of {group}", "", *means, end_section=True)
    console.print(table)


def files(group: str, each: int) -> list[tuple[Path, float, int]]:
    """Return the files of a set with their known distances or costs and vehicles, all or an even choice."""
    folder = os.environ.get("REDWOOD_DATA")
    if folder is None:
        raise OptionError("REDWOOD_DATA names no folder; let it name the one with the benchmark instances.")
    with (Path(folder) / "vrp" / "best_known.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["file"].split("/")[0] == group.split("-")[0]]
    rows = [row for row in rows if (row["objective"] == "vehicles-then-distance") == (group in VEHICLES_FIRST)]
    chosen = rows if not each else rows[:: max(1, len(rows) // each)][:each]
    return [(Path(folder) / "vrp" / row["file"], float(row["value"]), int(row["vehicles"] or 0)) for row in chosen]


if __name__ == "__main__":
    main()
