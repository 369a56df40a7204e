"""Results of every repeatable pair of problem and solver on fixed seeds: ``python benchmarks/studies/fixed_results.py``.

A change that is meant to change nothing leaves the table as it is; one that is meant to writes it anew with ``--write``
and names the rows in its commit. `tests/test_fixed_results.py` compares. Solvers that learn by time are left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redwood
from redwood.errors import FitError
from redwood.plugins.host import host
from redwood.plugins.spec import Determinism
from redwood.result import Status

TABLE = Path(__file__).resolve().parents[2] / "tests" / "fixed_results.json"
INSTANCES = (
    ("tsp", 9),
    ("tsp", 40),
    ("atsp", 20),
    ("cvrp", 15),
    ("knapsack", 30),
    ("orienteering", 15),
    ("cormab/budget", 6),
    ("cormab/capacity", 6),
    ("cormab/path", 6),
)
LEFT_OUT = ("sequoia", "iterative-dqn", "quadratic")
ITERATIONS = 20
TO_THE_END = 1_000_000
"""Iterations of solvers that end by themselves."""
SEED = 7


@dataclass(frozen=True)
class Pair:
    """One problem (with its variant), the size of its instance, and one solver."""

    problem: str
    size: int
    solver: str

    @property
    def name(self) -> str:
        """The pair's key in the table."""
        return f"{self.problem} {self.size} {self.solver}"


def pairs() -> Iterator[Pair]:
    """Yield every pair whose solver promises to repeat itself and fits the instance."""
    for problem, size in INSTANCES:
        kind = problem.partition("/")[0]
        for entry in host().solver_entries:
            spec = entry.spec
            if spec.determinism is Determinism.NONE or spec.name in LEFT_OUT:
                continue
            fits = kind in spec.problems or (spec.views and spec.views <= host().problem_entry(kind).spec.views)
            if not fits or entry is not host().solver_entry(spec.name, kind) or (spec.name, size) == ("exact", 40):
                continue
            yield Pair(problem, size, spec.name)


def row(pair: Pair) -> dict[str, Any]:
    """Return what the pair's solver comes to: status, objective, and a digest of the solution where it is discrete."""
    instance = redwood.generate(pair.problem, pair.size, SEED)
    iterations = TO_THE_END if pair.solver in ("exact", "highs") else ITERATIONS
    try:
        result = redwood.solve(instance, pair.solver, iterations=iterations, seed=SEED, bound_time_limit=0)
    except FitError:  # such as a solver for the average reward on a finite horizon
        return {"status": "does not fit", "objective": None, "solution": None}
    open_ended = result.solution is not None and result.status is not Status.OPTIMAL  # of several optima any will do
    discrete = open_ended and not pair.problem.startswith("cormab")
    text = json.dumps(result.solution.to_dict(), sort_keys=True) if discrete else ""
    return {
        "status": str(result.status),
        "objective": result.objective,
        "solution": hashlib.sha256(text.encode()).hexdigest()[:12] if text else None,
    }


def same(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Return whether two rows agree, objectives up to the rounding of sums."""
    one, two = old["objective"], new["objective"]
    close = one == two if one is None or two is None else math.isclose(one, two, rel_tol=1e-9)
    return close and old["status"] == new["status"] and old["solution"] == new["solution"]


def main() -> int:
    """Print the rows that differ from the table, or write it anew; return 1 where some differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the rows")
    write = parser.parse_args().write
    stored = json.loads(TABLE.read_text())
    rows = {pair.name: row(pair) for pair in pairs()}
    if write:
        rows = {
            name: stored[name] if name in stored and same(stored[name], found) else found for name, found in rows.items()
        }
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(found)}" for name, found in rows.items())
        TABLE.write_text(f"{{\n{lines}\n}}\n")
        return 0
    names = [*stored, *(name for name in rows if name not in stored)]
    differing = [name for name in names if name not in stored or name not in rows or not same(stored[name], rows[name])]
    for name in differing:
        sys.stderr.write(f"{name}: {stored.get(name)} -> {rows.get(name)}\n")
    return int(bool(differing))


if __name__ == "__main__":
    sys.exit(main())
