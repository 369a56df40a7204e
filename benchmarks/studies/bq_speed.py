"""Time greedy construction by `bq` on uniform TSPs, one thread: ``python benchmarks/studies/bq_speed.py``.

Shows core-seconds a tour of batches of tours, how they grow with the number of nodes, the peak memory so far, and, with
``--paper``, what one tour of 1,000 nodes costs the published network with random weights, which looks at all that is left:
every 50th of its looks is timed, apart from the features. Compilation never counts.
"""

from __future__ import annotations

import resource
import time
from typing import Any

import click
import numpy as np
import torch
from rich import box
from rich.console import Console
from rich.table import Table

import redwood
from redwood.plugins.host import host
from redwood.solvers.bq.decoding import logits, rollouts, window_size
from redwood.solvers.bq.network import PRESETS, Network
from redwood.solvers.bq.weights import network_for
from redwood.views.stepwise import Stepwise

EVERY = 50
"""Every so many looks of the published network one is timed."""
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
        seconds = looks(published, 1000)
        table.add_row("paper", "1000", "1", f"{seconds:.3f}", f"{seconds:.3f}", _memory())
    console.print(table)
    if paper and single:
        console.print(f"The published network takes {seconds / single:.0f} times as long at 1,000 nodes.")


def looks(network: Network, size: int) -> float:
    """Return the core-seconds that a network takes for the decisions of a tour, from every 50th, without their features."""
    problem = host().problem("tsp")
    view: Any = problem.view(Stepwise, redwood.generate("tsp", size, seed=0))
    batch = view.begin(np.zeros(1, dtype=np.int64))
    spent = 0.0
    for step in range(size - 1):
        if step % EVERY == 0:
            window = view.window(batch, window_size(network, batch))
            began = time.process_time()
            logits(network, window)
            spent += time.process_time() - began
        view.act(batch, view.window(batch, 1), np.array([view.layout.marks]))  # to the nearest
    return spent * EVERY


def timed(network: Network, size: int, count: int) -> float:
    """Return core-seconds a tour for a batch of so many tours."""
    problem = host().problem("tsp")
    view = problem.view(Stepwise, *[redwood.generate("tsp", size, seed=seed) for seed in range(count)])
    began = time.process_time()
    rollouts(network, view, np.arange(count), None, sure=view.sure)
    return (time.process_time() - began) / count


def _memory() -> str:
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}"


if __name__ == "__main__":
    main()
