"""Two threads beside one core in equal seconds: ``python benchmarks/studies/threads.py cvrp --seconds 4``.

On each generated instance one thread runs for T seconds, which says how many iterations a core makes. Then one thread makes
1.7 times as many, and two threads make twice as many in all, which they do in T seconds where two cores are free and do not
disturb each other. So what is compared does not depend on what else the machine does. Printed is by how many per cent the
answer of two threads is better than that of one core after 1.7 T.
"""

from __future__ import annotations

import statistics

import click

import redwood
from redwood.budget import Seconds
from redwood.plugins.host import host
from redwood.problem import Instance
from redwood.solver import Run

LONGER = 1.7
"""Times as long as two threads a single one runs."""
SIZES = {"tsp": (1000, 2000, 4000), "cvrp": (150, 300, 700), "orienteering": (100, 200, 400), "vrp": (100, 200, 400)}
"""Sizes of the instances of each problem, in turn."""


@click.command()
@click.argument("problem", type=click.Choice(list(SIZES)))
@click.option("--instances", default=7, show_default=True, help="How many.")
@click.option("--seconds", default=4.0, show_default=True, help="T: what two threads would have.")
def main(problem: str, instances: int, seconds: float) -> None:
    """Print how much better two threads are, instance by instance, and the mean."""
    gains = []
    for seed in range(instances):
        size = SIZES[problem][seed % len(SIZES[problem])]
        gains.append(gain(redwood.generate(problem, size=size, seed=seed), seconds))
        click.echo(f"{problem} {size} {seed}: {gains[-1]:+.3f} %")
    click.echo(f"mean: {statistics.fmean(gains):+.3f} % ({len(gains)})")


def gain(instance: Instance, seconds: float) -> float:
    """Return by how many per cent two threads are better than one after `LONGER` times as long."""
    made, found = iterations(instance, seconds), []
    for threads, share in ((1, LONGER), (2, 2.0)):
        result = redwood.solve(
            instance, "local-search", iterations=int(share * made), threads=threads, bound_time_limit=0, seed=1
        )
        assert result.objective is not None
        found.append(result.objective)
    change = 100.0 * (found[1] - found[0]) / found[0]
    return change if instance.problem == "orienteering" else -change


def iterations(instance: Instance, seconds: float) -> int:
    """Return how many iterations one thread makes in so many seconds."""
    problem = host().problem(instance.problem)
    solver = host().solver_entry("local-search", instance.problem).load()()
    solver.prepare(problem, instance)
    run = Run(problem, instance, budget=Seconds(seconds))
    run.start_clock()
    solver.run(problem, instance, run)
    return run.iterations


if __name__ == "__main__":
    main()
