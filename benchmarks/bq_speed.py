"""Time greedy construction by `bq` on uniform TSPs, one thread: ``python -m redwood.benchmarks.bq_speed``.

Shows core-seconds a tour of batches of tours, how they grow with the number of nodes, the peak memory so far, and, with
``--paper``, one tour of 1,000 nodes by the published network with random weights beside the shipped one. Compilation never
counts.
"""

from __future__ import annotations

import resource
import time

import click
import numpy as np
import torch
from rich import box
from rich.console import Console
from rich.table import Table

import redwood
from redwood.plugins.host import host
from redwood.solvers.bq.decoding import rollouts
from redwood.solvers.bq.network import PRESETS, Network
from redwood.solvers.bq.weights import network_for
from redwood.stepwise import Stepwise

console = Console(width=120, highlight=False)


@click.command(help=__doc__)
@click.option("--sizes", default="1000,2000,10000", show_default=True, help="Numbers of nodes.")
@click.option("--batch", default=16, show_default=True, help="Tours at a time; those above 5,000 nodes go alone.")
@click.option("--weights", default="", help="A safetensors file instead of the shipped weights.")
@click.option("--paper/--no-paper", default=False, show_default=True, help="Whether the published network runs as well.")
def main(sizes: str, batch: int, weights: str, paper: bool) -> None:
    """Print a table of core-seconds a tour."""
    torch.set_num_threads(1)
    table = Table("network", "nodes", "batch", "core-s a tour", "ms a decision", "peak MB", box=box.MARKDOWN)
    problem = host().problem("tsp")
    layout = problem.view(Stepwise, redwood.generate("tsp", 10, seed=0)).layout
    shipped = network_for("tsp", layout, weights, "cpu")
    timed(shipped, 60, 2)  # compiles
    single = 0.0
    for size in map(int, sizes.split(",")):
        count = 1 if size > 5000 else batch
        seconds = timed(shipped, size, count)
        single = seconds if size == 1000 else single
        table.add_row("shipped", str(size), str(count), f"{seconds:.3f}", f"{1e3 * seconds / size:.3f}", _memory())
    if paper:
        published = Network(layout, PRESETS["paper"]).eval().requires_grad_(False)
        seconds = timed(published, 1000, 1)
        table.add_row("paper", "1000", "1", f"{seconds:.3f}", f"{seconds:.3f}", _memory())
    console.print(table)
    if paper and single:
        console.print(f"The published network takes {seconds / single:.0f} times as long at 1,000 nodes.")


def timed(network: Network, size: int, count: int) -> float:
    """Return core-seconds a tour for a batch of so many tours."""
    problem = host().problem("tsp")
    view = problem.view(Stepwise, *[redwood.generate("tsp", size, seed=seed) for seed in range(count)])
    began = time.process_time()
    rollouts(network, view, np.arange(count), None)
    return (time.process_time() - began) / count


def _memory() -> str:
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}"


if __name__ == "__main__":
    main()
