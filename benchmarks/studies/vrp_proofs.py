"""How many of Solomon's instances HiGHS proves: ``python benchmarks/studies/vrp_proofs.py --customers 25 --time-limit 120``.

The files are those of ``vrp/solomon`` below the folder that the environment variable ``REDWOOD_DATA`` names; of each the
first customers are kept. The objective is the distance, unrounded.
"""

from __future__ import annotations

import os
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Table

import redwood
from redwood.errors import OptionError
from redwood.problems.vrp import solomon


@click.command()
@click.option("--customers", default=25, show_default=True, help="So many first customers of each file.")
@click.option("--time-limit", default=120.0, show_default=True, help="Seconds a file.")
@click.option("--files", default="", help="Only files whose names begin with one of these, by commas.")
def main(customers: int, time_limit: float, files: str) -> None:
    """Print what is proved of each file, and of how many."""
    folder = os.environ.get("REDWOOD_DATA")
    if folder is None:
        raise OptionError("REDWOOD_DATA names no folder; let it name the one with the benchmark instances.")
    console = Console(width=120)
    table = Table("file", "status", "cost", "bound", "seconds", box=box.SIMPLE)
    proven = count = 0
    for path in sorted((Path(folder) / "vrp" / "solomon").glob("*.txt")):
        if not path.stem.startswith(tuple(files.split(","))):
            continue
        data = solomon.parse(path.read_text(), path.stem)
        instance = redwood.instance("vrp", **(data | {"customers": data["customers"][:customers]}))
        result = redwood.solve(instance, "highs", time_limit=time_limit, bound_time_limit=0)
        count, proven = count + 1, proven + (result.status == "optimal")
        row = (path.stem, str(result.status), f"{result.objective}", f"{result.bound}", f"{result.seconds.solve:.1f}")
        table.add_row(*row)
        console.print(*row)
    console.print(table)
    console.print(f"proven: {proven} of {count}")


if __name__ == "__main__":
    main()
