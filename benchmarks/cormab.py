"""Per cent of the bound that planning solvers earn in each domain: ``python -m redwood.benchmarks.cormab``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from redwood.bounding import bound
from redwood.problem import Instance
from redwood.reading import generate
from redwood.simulation import Latency, latency, simulate
from redwood.solving import solve

SOLVERS = ("null", "random", "sampling", "greedy", "myopic", "lookahead", "whittle", "rollout", "lagrangian", "lp-update")


@dataclass(frozen=True)
class Row:
    """What one solver came to on one instance: per cent of the bound, and seconds of single decisions."""

    solver: str
    percent: float
    seconds: Latency


def measure(instance: Instance, solver: str, value: float, episodes: int) -> Row:
    """Return what the policy of a solver earns in episodes with the seed 0, and how long its decisions take."""
    policy = solve(instance, solver, bound_time_limit=0).solution
    rollouts = simulate(instance, policy, episodes=episodes, bound_time_limit=0)
    return Row(solver, 100.0 * rollouts.mean / value, latency(instance, policy))


def table(domain: str, size: int, seeds: int, episodes: int, limit: float, solvers: Sequence[str]) -> str:
    """Return a line a solver: mean per cent of the bound over instances with its 95 % interval, and latencies."""
    rows: dict[str, list[Row]] = {solver: [] for solver in solvers}
    took = []
    for seed in range(seeds):
        instance = generate(f"cormab/{domain}", size=size, seed=seed)
        report = bound(instance, time_limit=limit)
        took.append(report.seconds)
        for solver in solvers:
            if solver in ("null", "whittle") and domain in ("interventions", "overlapping"):
                continue  # doing nothing is not allowed there, and arms have more than two levels
            rows[solver].append(measure(instance, solver, report.value, episodes))
    lines = [f"{domain} {size}: {seeds} instances x {episodes} episodes, bound in {np.mean(took):.2f} s"]
    return "\n".join(lines + [_line(solver, found) for solver, found in rows.items() if found])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--domains", nargs="+", default=["capacity", "schedule", "path", "interventions", "budget"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[20, 40])
    parser.add_argument("--seeds", type=int, default=30, help="instances")
    parser.add_argument("--episodes", type=int, default=50)
    parser.add_argument("--bound-seconds", type=float, default=60.0)
    parser.add_argument("--solvers", nargs="+", default=list(SOLVERS))
    given = parser.parse_args(arguments)
    for domain in given.domains:
        for size in given.sizes:
            found = table(domain, size, given.seeds, given.episodes, given.bound_seconds, given.solvers)
            sys.stdout.write(found + "\n")
            sys.stdout.flush()


def _line(solver: str, rows: Sequence[Row]) -> str:
    percents = np.array([row.percent for row in rows])
    half = 1.96 * percents.std(ddof=1) / np.sqrt(len(percents)) if len(percents) > 1 else np.inf
    median, worst = (1e3 * np.mean([getattr(row.seconds, name) for row in rows]) for name in ("median", "p99"))
    return (
        f"  {solver:12s} {percents.mean():7.2f} +- {half:.2f} % of the bound; {median:.3f} ms a decision, p99 {worst:.3f} ms"
    )


if __name__ == "__main__":
    main()
