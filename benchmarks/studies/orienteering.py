"""Solvers of orienteering side by side on the public files: ``python benchmarks/studies/orienteering.py``.

The files are those of ``op/`` below the folder that the environment variable ``REDWOOD_DATA`` names; ``--generated`` adds
generated ones of that size. On each, the solvers run one after the other, one thread each, for the same seconds; compilation
does not count. The table shows prizes, ``*`` where the solver proved optimality, and the bound.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Table

import redwood
from redwood.errors import OptionError
from redwood.problem import Instance
from redwood.problems.orienteering.generators import VARIANTS
from redwood.tolerance import same


@click.command()
@click.option("--solvers", default="local-search,pyvrp,ortools-routing", show_default=True, help="Names, by commas.")
@click.option("--time-limit", default=10.0, show_default=True, help="Seconds a file and solver.")
@click.option("--match", default="", help="Only files whose name contains this.")
@click.option("--every", default=1, show_default=True, help="Only every so many files, in the order of their names.")
@click.option(
    "--generated", default=0, show_default=True, help="Size of generated instances to add, one a variant; 0 for none."
)
@click.option("--seed", default=0, show_default=True, help="Seed of the solvers.")
def main(solvers: str, time_limit: float, match: str, every: int, generated: int, seed: int) -> None:
    """Print the prizes of the solvers on each instance, and how often each one is best."""
    names = solvers.split(",")
    console = Console(width=140)
    table = Table("instance", *names, "bound", box=box.SIMPLE, title=f"prize, {time_limit:g} s each")
    best, closed, total = dict.fromkeys(names, 0), 0, 0
    for instance in instances(match, every, generated):
        results = [redwood.solve(instance, n, time_limit=time_limit, bound_time_limit=0, seed=seed) for n in names]
        bound = redwood.bound(instance, time_limit=time_limit).value
        prizes = [-1.0 if result.objective is None else result.objective for result in results]
        for name, prize in zip(names, prizes, strict=True):
            best[name] += same(prize, max(prizes))
        closed += same(max(prizes), bound) or any(result.status == "optimal" for result in results)
        total += 1
        marks = ["*" if result.status == "optimal" else "" for result in results]
        cells = [f"{prize:g}{mark}" for prize, mark in zip(prizes, marks, strict=True)]
        table.add_row(instance.name, *cells, f"{bound:g}")
        console.print(instance.name, *cells, f"{bound:g}")
    table.add_section()
    table.add_row(f"best of {total}", *(str(best[name]) for name in names), f"{closed} proven")
    console.print(table)


def instances(match: str, every: int, generated: int) -> Iterator[Instance]:
    """Return the instances of the files and the generated ones.

    Raises
    ------
    OptionError
        Where ``REDWOOD_DATA`` does not name the folder of the instances.
    """
    folder = Path(os.environ.get("REDWOOD_DATA", ""), "op")
    if not folder.is_dir():
        raise OptionError("REDWOOD_DATA does not name the folder of the instances (the one that holds op/).")
    for path in [path for path in sorted(folder.glob("*/*.txt")) if match in path.name][::every]:
        yield redwood.read(path)
    for variant in VARIANTS if generated else ():
        yield redwood.generate(f"orienteering/{variant}", size=generated, seed=0)


if __name__ == "__main__":
    main()
