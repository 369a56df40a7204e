"""Solvers of the CVRP side by side on public files: ``python benchmarks/studies/cvrp.py 'X/X-n1*' --time-limit 20``.

Patterns name files below ``cvrp/`` of the folder that the environment variable ``REDWOOD_DATA`` names. On each file the
solvers run one after the other, one thread each unless told, for the same seconds; compilation does not count. Printed are
the gaps to the best known values in per cent, file by file, and their means.
"""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path

import click

import redwood
from redwood.benchmarks.known import BestKnown
from redwood.errors import OptionError
from redwood.problems.cvrp.instance import CVRPInstance
from redwood.tolerance import gap_to


@click.command()
@click.argument("patterns", nargs=-1, required=True)
@click.option("--solvers", default="local-search,hgs,pyvrp", show_default=True, help="Names, by commas.")
@click.option("--time-limit", default=20.0, show_default=True, help="Seconds a file and solver.")
@click.option("--seed", default=0, show_default=True, help="Seed of the solvers.")
@click.option("--threads", default=1, show_default=True, help="Threads of a solver.")
@click.option("--fleet", is_flag=True, help="Allow no more vehicles than the file's name says.")
def main(patterns: tuple[str, ...], solvers: str, time_limit: float, seed: int, threads: int, fleet: bool) -> None:
    """Print the gaps of the solvers on each file, and their means."""
    folder = os.environ.get("REDWOOD_DATA")
    if folder is None:
        raise OptionError("REDWOOD_DATA names no folder; let it name the one with the benchmark instances.")
    known, names = BestKnown.read(Path(folder) / "best_known.csv"), solvers.split(",")
    gaps: dict[str, list[float]] = {name: [] for name in names}
    for path in sorted(path for pattern in patterns for path in Path(folder, "cvrp").glob(f"{pattern}.vrp")):
        value, instance = known.value(path), redwood.read(path)
        assert isinstance(instance, CVRPInstance)
        assert value is not None
        if fleet:
            instance = dataclasses.replace(instance, vehicles=vehicles_of(path.stem))
        shown = []
        for name in names:
            result = redwood.solve(instance, name, time_limit=time_limit, bound_time_limit=0, seed=seed, threads=threads)
            if result.objective is not None:
                gaps[name].append(100.0 * gap_to(result.objective, value, "min"))
            shown.append(f"{name} " + ("none" if result.objective is None else f"{gaps[name][-1]:.3f}"))
        click.echo(f"{path.stem}: " + ", ".join(shown))
    means = (f"{name} {sum(found) / len(found):.3f} ({len(found)})" for name, found in gaps.items() if found)
    click.echo("mean: " + ", ".join(means))


def vehicles_of(stem: str) -> int:
    """Return the number of vehicles that the name of a file gives."""
    found = re.search(r"-k(\d+)$", stem)
    if found is None:
        raise OptionError(f"{stem}: no number of vehicles, as in A-n32-k5.")
    return int(found.group(1))


if __name__ == "__main__":
    main()
