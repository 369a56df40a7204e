"""Random tiny instances of odd scales, each solver's claims against enumeration: ``python benchmarks/studies/proofs.py``.

For every instance, solver and claim: is an answer that passes for feasible so, and priced as the definition prices it; is
one that is called optimal the optimum; is no bound beyond the optimum; is nothing called infeasible that is not; does no run
fail or raise; does it keep its limit. The command prints a table and what broke, and ends with code 1 where anything did.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import click
import numpy as np
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table
from tiny import DRAWS, Tiny, draw

from redwood.plugins.host import host
from redwood.result import Result
from redwood.solving.bound import bound
from redwood.solving.solve import solve
from redwood.tolerance import SAME, beyond, same

SOLVERS = {
    "tsp": ("auto", "highs", "exact", "greedy", "local-search"),
    "atsp": ("auto", "highs", "greedy", "local-search"),
    "cvrp": ("auto", "highs", "greedy", "local-search"),
    "knapsack": ("auto", "highs", "exact", "greedy"),
    "orienteering": ("auto", "highs", "greedy", "local-search"),
    "vrp": ("auto", "highs", "local-search"),
    "cormab": (),
}
PEERS = {"cp-sat": ("tsp", "atsp", "knapsack", "orienteering")}
"""Solvers of others that claim proofs, and of what; they are run where they are asked for."""
LATE = 0.5
"""Seconds that a run may take beyond its limit."""
FAULTS = ("optimal", "bound", "price", "rules", "infeasible", "failed", "raised", "late")
"""What can be wrong: each the name of a column."""


@dataclass
class Tally:
    """What became of the runs of one solver on one problem."""

    runs: int = 0
    proven: int = 0
    faults: Counter[str] = field(default_factory=Counter)


@click.command()
@click.option("--count", default=100, show_default=True, help="Instances of each problem.")
@click.option("--seed", default=0, show_default=True, help="Of the first instance; each has a seed of its own.")
@click.option("--problem", "problems", multiple=True, type=click.Choice(sorted(DRAWS)), help="Only these problems.")
@click.option("--solver", "solvers", multiple=True, help="Only these solvers.")
@click.option("--time-limit", default=2.0, show_default=True, help="Seconds of each run, and of each bound.")
@click.option(
    "--iterations", default=200, show_default=True, help="Of each run, so that it may end earlier; 0 for no limit."
)
@click.option("--seconds", default=0.0, help="Stop after so many seconds; 0 for never.")
def main(
    count: int,
    seed: int,
    problems: tuple[str, ...],
    solvers: tuple[str, ...],
    time_limit: float,
    iterations: int,
    seconds: float,
) -> None:
    """Check the claims of solvers on tiny instances, and end with code 1 where one is wrong."""
    began = time.perf_counter()
    tallies: dict[tuple[str, str], Tally] = {}
    told: list[str] = []
    names = problems or tuple(SOLVERS)
    for place in track(range(count), description="checking", console=Console(stderr=True)):
        for problem in names:
            for solver, tally, faults in check(problem, seed + place, solvers, time_limit, iterations or None):
                merge(tallies.setdefault((problem, solver), Tally()), tally)
                told += [f"{problem}, seed {seed + place}, {solver}: {fault}" for fault in faults]
        if seconds and time.perf_counter() - began > seconds:
            break
    _show(tallies, told)
    raise SystemExit(bool(told))


def check(
    problem: str, seed: int, solvers: tuple[str, ...] = (), time_limit: float = 2.0, iterations: int | None = None
) -> Iterator[tuple[str, Tally, list[str]]]:
    """Yield the solver, its tally and its faults in words for each solver of a problem on the instance of a seed.

    Parameters
    ----------
    problem
        One of `SOLVERS`.
    seed
        Of the instance.
    solvers
        Their names; all of the problem's where empty. ``bound`` is the problem's own bound.
    time_limit
        Seconds of each run, and of each bound.
    iterations
        Limit of each run beside the seconds; ``None`` for none.
    """
    try:
        tiny = draw(problem, np.random.default_rng(seed))
    except Exception as error:  # each instance drawn is one that the problem has to take
        yield "instance", Tally(1, 0, Counter(["raised"])), [f"raised: {type(error).__name__}: {error}"]
        return
    for solver in solvers or (*SOLVERS[problem], "bound"):
        if solver in SOLVERS[problem] or solver == "bound" or problem in PEERS.get(solver, ()):
            found = dict(_faults(tiny, solver, time_limit, iterations))
            proven = found.pop("proven", "") != ""
            words = [f"{kind}: {text} ({tiny.shape})" for kind, text in found.items()]
            yield solver, Tally(1, int(proven), Counter(list(found))), words


def merge(tally: Tally, other: Tally) -> None:
    """Add one tally to another."""
    tally.runs, tally.proven = tally.runs + other.runs, tally.proven + other.proven
    tally.faults.update(other.faults)


def _faults(tiny: Tiny, solver: str, time_limit: float, iterations: int | None) -> Iterator[tuple[str, str]]:
    """Yield kind and words of what is wrong with a solver on an instance, and ``proven`` where it has a proof."""
    began = time.perf_counter()
    try:
        if solver == "bound":
            value = bound(tiny.instance, time_limit=time_limit).value
            yield from _wrong_bound(tiny, value)
            return
        result = solve(tiny.instance, solver, time_limit=time_limit, iterations=iterations, bound_time_limit=time_limit)
    except Exception as error:  # whatever a stranger would meet
        yield "raised", f"{type(error).__name__}: {error}"
        return
    if result.seconds.solve > time_limit + LATE:
        yield "late", f"{result.seconds.solve:.1f} s of {time.perf_counter() - began:.1f} s"
    yield from _wrong_answer(tiny, result)


def _wrong_answer(tiny: Tiny, result: Result) -> Iterator[tuple[str, str]]:
    if result.status == "failed":
        yield "failed", result.message
    if result.status == "infeasible" and tiny.optimum is not None:
        yield "infeasible", f"called infeasible, and {tiny.optimum!r} is feasible"
    if result.solution is not None:
        price = tiny.price(result.solution)
        if price is None:
            yield "rules", f"accepted {result.solution}"
        elif result.objective is None or not same(price, result.objective):
            yield "price", f"{result.objective!r} for a solution of {price!r}"
    if result.status == "optimal" and result.objective is not None:
        yield "proven", "yes"
        if tiny.optimum is None or not same(result.objective, tiny.optimum, share=2.0 * SAME):
            yield "optimal", f"{result.objective!r} called optimal, and {tiny.optimum!r} is"
    if result.bound is not None:
        yield from _wrong_bound(tiny, result.bound)


def _wrong_bound(tiny: Tiny, value: float) -> Iterator[tuple[str, str]]:
    sense = host().problem(tiny.instance.problem).sense
    if tiny.optimum is not None and beyond(sense, value, tiny.optimum):
        yield "bound", f"{value!r} is beyond the optimum {tiny.optimum!r}"


def _show(tallies: dict[tuple[str, str], Tally], told: list[str]) -> None:
    console = Console(width=160)
    table = Table("problem", "solver", "runs", "proven", *FAULTS, box=box.SIMPLE)
    for (problem, solver), tally in sorted(tallies.items()):
        counts = [str(tally.faults[kind] or "") for kind in FAULTS]
        table.add_row(problem, solver, str(tally.runs), str(tally.proven), *counts)
    console.print(table)
    for words in told[:50]:
        console.print(words, markup=False, highlight=False)
    if len(told) > 50:
        console.print(f"and {len(told) - 50} more")


if __name__ == "__main__":
    main()
