"""Compare sequential search with parallel best-of-n at equal compute: ``python benchmarks/studies/bq_decoding.py tsp 100``.

Each row decodes the same instances with about ``--rollouts`` times the work of one greedy solution, by the number of forward
passes; core-seconds are shown as well. The last rows give the core-seconds of best-of-n to re-construction.
"""

from __future__ import annotations

import click
import numpy as np
from bq_gaps import measure, reference, test_set
from rich import box
from rich.console import Console
from rich.table import Table

from redwood.budget import Budget, Iterations, Seconds
from redwood.solvers.bq.policy import BQ

console = Console(width=120, highlight=False)


@click.command(help=__doc__)
@click.argument("problem")
@click.argument("size", type=int)
@click.option("--count", default=32, show_default=True, help="Instances of the test set.")
@click.option("--rollouts", default=16, show_default=True, help="Work, in greedy solutions.")
@click.option("--reference-seconds", default=1.0, show_default=True, help="Of the solver that sets unknown references.")
@click.option("--weights", default="", help="A safetensors file instead of the shipped weights.")
def main(problem: str, size: int, count: int, rollouts: int, reference_seconds: float, weights: str) -> None:
    """Print a table of gaps and core-seconds."""
    import torch

    torch.set_num_threads(1)
    instances = test_set(problem, size, count, "")
    known = float(np.mean(reference(problem, size, instances, "auto", reference_seconds)))
    table = Table("decoding", "gap %", "core-s each", box=box.MARKDOWN)
    rows: list[tuple[str, BQ, Budget]] = [
        ("greedy", BQ(weights=weights, search="none"), Iterations(1)),
        *[(name, solver, Iterations(rollouts)) for name, solver in _equals(rollouts, weights)],
    ]
    spent = 0.0
    for name, solver, budget in rows:
        objectives, seconds = measure(solver, instances, budget)
        spent = seconds if name.startswith("best of") else spent
        table.add_row(name, f"{100 * abs(np.mean(objectives) / known - 1):.2f}", f"{seconds / len(instances):.3f}")
    objectives, seconds = measure(BQ(weights=weights, search="rebuild"), instances, Seconds(spent))
    gap = 100 * abs(np.mean(objectives) / known - 1)
    table.add_row("greedy, then rebuilt", f"{gap:.2f}", f"{seconds / len(instances):.3f}")
    console.print(table)


def _equals(n: int, weights: str) -> list[tuple[str, BQ]]:
    """Return decodings that cost about ``n`` greedy solutions."""
    return [
        (f"best of {n} views", BQ(weights=weights, search="none", augmentations=n)),
        (f"{n} sampled", BQ(weights=weights, search="none", augmentations=n, decoding="sample")),
        (f"beam of {n}", BQ(weights=weights, search="none", decoding="beam", width=n)),
    ]


if __name__ == "__main__":
    main()
