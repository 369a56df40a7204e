"""Measure the 1-tree bound on TSPLIB: how far below the known optimum, in how many seconds.

Run as ``python benchmarks/studies/tsp_bound.py``; the environment variable REDWOOD_DATA names the folder of instances.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from pathlib import Path

import redwood
from redwood.clock import Timer
from redwood.plugins.host import host
from redwood.views.bound import Bound


def main() -> None:
    """Print a table of the instances and their mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=2500, help="most nodes of an instance (default 2500)")
    parser.add_argument("--seconds", type=float, default=10.0, help="time limit of each bound (default 10)")
    options = parser.parse_args()
    folder = Path(os.environ["REDWOOD_DATA"])
    write = sys.stdout.write
    with (folder / "best_known.csv").open() as table:
        known = {row["file"]: float(row["value"]) for row in csv.DictReader(table) if row["file"].startswith("tsplib/")}
    problem = host().problem("tsp")
    problem.view(Bound, redwood.generate("tsp", 50, metric="EUC_2D")).bound(Timer())  # compiles
    write(f"{'instance':12} {'nodes':>6} {'optimum':>10} {'bound':>10} {'below %':>8} {'seconds':>8}\n")
    gaps, seconds = [], []
    for file, optimum in sorted(known.items()):
        instance = redwood.read(folder / file, "tsp")
        if instance.size > options.largest:
            continue
        clock = Timer(options.seconds)
        value = problem.view(Bound, instance).bound(clock).value
        gaps.append(100.0 * (optimum - value) / optimum)
        seconds.append(clock.seconds)
        write(f"{instance.name:12} {instance.size:6} {optimum:10.0f} {value:10.0f} {gaps[-1]:8.3f} {seconds[-1]:8.2f}\n")
        sys.stdout.flush()
    write(
        f"{len(gaps)} instances: below the optimum by {sum(gaps) / len(gaps):.3f} % on average, {max(gaps):.3f} % at most; "
    )
    write(f"{sum(seconds) / len(seconds):.2f} s on average, {max(seconds):.2f} s at most\n")


if __name__ == "__main__":
    main()
