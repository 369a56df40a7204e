"""Per cent of the bound that planning solvers earn in each domain: ``python benchmarks/studies/cormab.py``.

With ``--out`` every instance and solver becomes a line of a file as soon as it is done, and a second call goes on from
there, so that long tables may be made piece by piece. What a policy earns is the objective of its result: the mean of 100
episodes, in which all policies of an instance face the same noise, a control variate taken off. The tables tell per cent of
the bound; of the gain over doing nothing that the bound allows; and the paired difference of the former from `lagrangian`:
means over instances with 95 % t intervals. Where doing nothing is not allowed, the best constant action is the zero.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from redwood.errors import OptionError
from redwood.planning.evaluation import half_width
from redwood.problem import Instance
from redwood.solving.read import generate
from redwood.solving.solve import solve

SIMPLE = ("null", "random", "constant", "sampling", "greedy", "myopic", "lookahead")
SOLVERS = (*SIMPLE, "whittle", "rollout", "lagrangian", "quadratic", "lp-update", "published")
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {"published": ("sequoia", {"mode": "published"})}
"""Solvers with options, by the names that tables give them: the paper's method and hyper-parameters."""
BASE = "lagrangian"
"""The solver whose bound is taken, and that the others are compared with instance by instance."""
NETWORKS = "cormab/tube_graphs.json"
"""Networks of the domain ``tube``, below the data folder: 20, 40 and 100 stations of the London tube."""


@dataclass(frozen=True)
class Row:
    """What one solver came to on one instance: mean reward a step, the bound on it, processor seconds with the episodes."""

    domain: str
    size: int
    seed: int
    solver: str
    mean: float
    bound: float
    seconds: float

    @property
    def percent(self) -> float:
        """The mean as per cent of the bound."""
        return 100.0 * self.mean / self.bound


def make(domain: str, size: int, seed: int) -> Instance:
    """Return an instance of a variant; ``tube`` stands for strict paths on the networks of the data folder."""
    if domain != "tube":
        return generate(f"cormab/{domain}", size=size, seed=seed)
    if "REDWOOD_DATA" not in os.environ:
        raise OptionError("REDWOOD_DATA does not name the folder of the instances, where the tube's networks are.")
    return generate("cormab/path", size=size, seed=seed, network=Path(os.environ["REDWOOD_DATA"]) / NETWORKS)


def measured(
    domain: str, size: int, seeds: range, limit: float, solvers: Sequence[str], done: Sequence[Row]
) -> Iterator[Row]:
    """Yield what solvers come to on instances, one after the other, where it is not among the rows that are there."""
    for seed in seeds:
        key = (domain, size, seed)
        known = {row.solver: row for row in done if (row.domain, row.size, row.seed) == key}
        missing = [solver for solver in solvers if solver not in known and fits(solver, domain)]
        if not missing:
            continue
        instance = make(domain, size, seed)
        base = known.get(BASE) or earned(key, instance, BASE, limit, None)
        if BASE not in known:
            yield base
        for solver in missing:
            if solver != BASE:
                yield earned(key, instance, solver, limit, base.bound)


def fits(solver: str, domain: str) -> bool:
    """Return whether a solver takes a domain: interventions cannot be left out, and have more than two actions."""
    return not (solver in ("null", "whittle") and domain in ("interventions", "overlapping"))


def earned(key: tuple[str, int, int], instance: Instance, solver: str, limit: float, bound: float | None) -> Row:
    """Return what the policy of a solver earns."""
    began = time.process_time()
    name, options = VARIANTS.get(solver, (solver, {}))
    result = solve(instance, name, time_limit=limit, bound_time_limit=0, **options)
    seconds = time.process_time() - began
    limit_of_all = result.bound if bound is None else bound
    assert result.objective is not None
    assert limit_of_all is not None
    return Row(*key, solver, result.objective, limit_of_all, seconds)


def table(rows: Sequence[Row]) -> str:
    """Return a table of a domain and size, a line a solver."""
    base = {row.seed: row for row in rows if row.solver == BASE}
    zero = next(name for name in ("null", "constant", BASE) if any(row.solver == name for row in rows))
    least = {row.seed: row.mean for row in rows if row.solver == zero}
    first = rows[0]
    took = np.mean([row.seconds for row in base.values()])
    lines = [
        f"{first.domain}, {first.size} arms, {len(base)} instances x 100 episodes, {BASE} in {took:.1f} s of the processor",
        "",
        f"| solver (instances) | % of the bound | % of the gain over `{zero}` that it allows | points beside `{BASE}` |",
        "|---|---:|---:|---:|",
    ]
    for solver in SOLVERS:
        found = [row for row in rows if row.solver == solver]
        if found:
            gains = [
                100 * (row.mean - least[row.seed]) / (row.bound - least[row.seed]) for row in found if row.seed in least
            ]
            beside = [row.percent - base[row.seed].percent for row in found]
            cells = [told([row.percent for row in found]), told(gains), "" if solver == BASE else told(beside, "+")]
            lines.append(f"| `{solver}` ({len(found)}) | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def told(values: Sequence[float], sign: str = "") -> str:
    """Return a mean and the half width of its interval as text."""
    mean, half = interval(values)
    return f"{mean:{sign}.2f} ± {half:.2f}"


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the half width of its 95 % interval."""
    return float(np.mean(values)), half_width(np.asarray(values, float))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--domains", nargs="+", default=["capacity", "schedule", "path", "interventions", "budget"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[20, 40])
    parser.add_argument("--seeds", type=int, default=30, help="instances")
    parser.add_argument("--first", type=int, default=1000, help="seed of the first instance")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of solving")
    parser.add_argument("--solvers", nargs="+", default=list(SOLVERS))
    parser.add_argument("--out", type=Path, help="file of results, which a second call adds to")
    given = parser.parse_args(arguments)
    rows, seeds = _kept(given.out), range(given.first, given.first + given.seeds)
    for size in given.sizes:
        for domain in given.domains:
            for row in measured(domain, size, seeds, given.limit, given.solvers, rows.copy()):
                rows.append(row)
                if given.out:
                    with given.out.open("a") as file:
                        file.write(json.dumps(asdict(row)) + "\n")
            shown = [row for row in rows if (row.domain, row.size) == (domain, size)]
            sys.stdout.write(table([row for row in shown if row.seed in seeds]) + "\n")
            sys.stdout.flush()


def _kept(path: Path | None) -> list[Row]:
    """Return the rows of a file of results; none where it does not exist yet."""
    if path is None or not path.exists():
        return []
    return [Row(**json.loads(line)) for line in path.read_text().splitlines()]


if __name__ == "__main__":
    main()
