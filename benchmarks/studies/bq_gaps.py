"""Measure the policy of `bq` on the test sets of the literature: gap in per cent and core-seconds an instance.

``python benchmarks/studies/bq_gaps.py tsp 100 --count 128 --augmentations 8`` writes one JSON object. Tours of 200, 500 and
1,000 nodes are `RandomState(777)` (mean optima known for all 128), those of 100 nodes the first of the 10,000 of seed 1234;
CVRPs of 200, 500 and 1,000 customers are read below the folder that ``REDWOOD_DATA`` names, with an LKH-3 length each; other
problems are drawn by Redwood with seed 1234, and so is ``--variant``, such as ``atsp 100 --variant roads``. Without a known
value, the reference is another solver, given seconds.
`redwood.benchmarks.bq_table` measures many such cells.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import redwood
from redwood.budget import AnyOf, Budget, Iterations, Seconds, Sense
from redwood.errors import OptionError
from redwood.plugins.host import host
from redwood.problem import Instance
from redwood.solver import Run
from redwood.solvers.bq.policy import BQ
from redwood.solving.running import find_partner
from redwood.views.stepwise import Stepwise

OPTIMA = {200: 10.69355, 500: 16.55083, 1000: 23.15606}
"""Mean optimal lengths of the 128 uniform instances of each size."""
KNOWN = 128
FILED = (200, 500, 1000)
"""Sizes of the CVRP sets that come as files."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line names, on one thread."""
    import torch

    torch.set_num_threads(1)
    given = _parser().parse_args(arguments)
    instances = test_set(given.problem, given.size, given.count, given.variant)
    if not given.look_ahead:
        type(host().problem(given.problem).view(Stepwise, instances[0])).trust = 0.0
    solver = BQ(
        augmentations=given.augmentations,
        decoding=given.decoding,
        width=given.width,
        search=given.search,
        polish=given.polish,
        weights=given.weights,
        window=given.window,
    )
    limits: list[Budget] = [Seconds(given.seconds)] if given.seconds else []
    limits += [Iterations(given.iterations)] if given.iterations else []
    if given.search != "none" and not limits:
        sys.exit("a search needs --seconds or --iterations")
    objectives: list[float] = []
    seconds = 0.0
    for batch in [[i] for i in instances] if given.search != "none" else [instances]:  # a search has its budget for itself
        found, spent = measure(solver, batch, AnyOf(tuple(limits)))
        objectives, seconds = objectives + found, seconds + spent
    size = 0 if given.variant else given.size
    references = reference(given.problem, size, instances, given.reference, given.reference_seconds)
    gap = 100.0 * (np.mean(objectives) / np.mean(references) - 1.0)
    if host().problem(given.problem).sense is Sense.MAX:
        gap = -gap
    row = vars(given) | {"mean": float(np.mean(objectives)), "reference_mean": float(np.mean(references))}
    row |= {"gap_percent": round(float(gap), 4), "core_seconds_each": round(seconds / len(instances), 4)}
    sys.stdout.write(json.dumps(row) + "\n")


def test_set(problem: str, size: int, count: int, variant: str) -> list[Instance]:
    """Return the first instances of the test set of a problem and size, or of a variant that Redwood generates."""
    if variant:
        return [redwood.generate(f"{problem}/{variant}", size, seed=1234 + number) for number in range(count)]
    if problem == "tsp" and size in OPTIMA:
        coords = np.random.RandomState(777).random_sample((KNOWN, size, 2))[:count]
        return [redwood.instance("tsp", coords=xy) for xy in coords]
    if problem == "tsp" and size == 100:
        coords = np.random.RandomState(1234).uniform(size=(10_000, size, 2))[:count]
        return [redwood.instance("tsp", coords=xy) for xy in coords]
    if problem == "cvrp" and size in FILED:
        with np.load(filed(size)) as arrays:
            rows = zip(arrays["coords"], arrays["demands"].astype(np.int64), arrays["capacity"].tolist(), strict=True)
            return [redwood.instance("cvrp", coords=c, demands=d, capacity=int(q)) for c, d, q in list(rows)[:count]]
    rng = np.random.default_rng(1234)
    kind = host().problem(problem)
    return [kind.generate(size, rng, variant=kind.variants[0]) for _ in range(count)]


def filed(size: int) -> Path:
    """Return the file of a CVRP set; raises `OptionError` where ``REDWOOD_DATA`` does not lead to it."""
    path = data_folder() / "cvrp" / "uniform" / f"cvrp{size}_64.npz"
    if not path.exists():
        raise OptionError(f"{path} does not exist; set REDWOOD_DATA to the folder that holds cvrp/uniform.")
    return path


def data_folder() -> Path:
    """Return the folder that ``REDWOOD_DATA`` names, or the present one."""
    return Path(os.environ.get("REDWOOD_DATA", "."))


def measure(solver: BQ, instances: Sequence[Instance], budget: Budget) -> tuple[list[float], float]:
    """Return the objectives of a batch and the core-seconds that it took, compilation apart."""
    problem: Any = host().problem(instances[0].problem)
    partner = find_partner(solver, problem.name)
    solver.prepare(problem, instances[0])
    if partner is not None:
        partner.prepare(problem, instances[0])
    runs = [Run(problem, instance, budget=budget, partner=partner) for instance in instances]
    began = time.process_time()
    solver.run_many(problem, instances, runs)
    seconds = time.process_time() - began
    return [float(run.objective) for run in runs if run.objective is not None], seconds


def reference(problem: str, size: int, instances: Sequence[Instance], solver: str, seconds: float) -> list[float]:
    """Return the objectives to compare with: the known mean of a whole test set, or another solver's."""
    if problem == "tsp" and size in OPTIMA and len(instances) == KNOWN:
        return [OPTIMA[size]]
    if problem == "cvrp" and size in FILED:
        with np.load(filed(size)) as arrays:
            lengths: list[float] = arrays["reference"][: len(instances)].tolist()
        return lengths
    results = [redwood.solve(i, solver=solver, time_limit=seconds, bound_time_limit=0) for i in instances]
    return [float(result.objective) for result in results if result.objective is not None]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problem")
    parser.add_argument("size", type=int)
    parser.add_argument("--variant", default="")
    parser.add_argument("--count", type=int, default=KNOWN)
    parser.add_argument("--augmentations", type=int, default=1)
    parser.add_argument("--decoding", default="greedy")
    parser.add_argument("--search", default="none")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--polish", action="store_true")
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--iterations", type=int, default=0)
    parser.add_argument("--weights", default="")
    parser.add_argument("--window", type=int, default=0)
    parser.add_argument("--look-ahead", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--reference", default="auto")
    parser.add_argument("--reference-seconds", type=float, default=1.0)
    return parser


if __name__ == "__main__":
    main()
