"""Solve degenerate instances with every solver that fits: ``python benchmarks/studies/degenerate.py``.

Instances without a choice (one node, no customer, no item), without lengths (all nodes at one place), without room (a
budget or capacity of 0), and with lengths far from 1 (a forbidden edge, metres of a map, picometres). A solver may say that
it does not take an instance; it must neither raise, nor be wrong, nor go on beyond its limit. Solvers run in this process,
one thread each.
"""

from __future__ import annotations

import faulthandler
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from degenerate_vrp import rich_routes
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

import redwood
from redwood.budget import Sense
from redwood.errors import FitError, InstanceError, RedwoodError
from redwood.plugins.host import host
from redwood.problem import Instance

PROBLEMS = ("tsp", "atsp", "cvrp", "knapsack", "orienteering", "vrp")
LATE = 2.0
"""Seconds beyond the limit from which on a run counts as late; compilation does not count."""
HANGS = 120.0
"""Seconds after which a run counts as endless: the process then ends and shows where it was."""
SCALES = (1.0, 1e-12, 1e-6, 1e7, 1e12)


@dataclass(frozen=True)
class Case:
    """A degenerate instance.

    Attributes
    ----------
    name
        What is degenerate about it.
    instance
        The instance.
    best
        The best objective, where it is known by construction; infinite where there is no solution.
    """

    name: str
    instance: Instance
    best: float | None = None


@dataclass(frozen=True)
class Fault:
    """A solver's run that went wrong on a case."""

    problem: str
    case: str
    solver: str
    what: str


@click.command()
@click.option("--problems", default=",".join(PROBLEMS), show_default=True, help="Names, by commas.")
@click.option("--solvers", default="", help="Names, by commas; by default all that fit.")
@click.option("--without", default="", help="Names of solvers to leave out, by commas.")
@click.option("--time-limit", default=0.2, show_default=True, help="Seconds a run.")
@click.option("--seed", default=0, show_default=True, help="Seed of the instances and of the solvers.")
def main(problems: str, solvers: str, without: str, time_limit: float, seed: int) -> None:
    """Print every run that went wrong; end with code 1 where there was one."""
    faults: list[Fault] = []
    runs = 0
    for problem in problems.split(","):
        names = [name for name in solvers.split(",") if name] or fitting_solvers(problem)
        cases = list(degenerate_cases(problem, seed))
        for name in [name for name in names if name not in without.split(",")]:
            for case in track(cases, description=f"{problem} {name}", console=Console(stderr=True)):
                runs += 1
                what = try_solver(case, name, time_limit, seed)
                if what:
                    faults.append(Fault(problem, case.name, name, what))
    table = Table("problem", "case", "solver", "what went wrong", box=box.SIMPLE, title=f"{len(faults)} of {runs} runs")
    for fault in faults:
        table.add_row(fault.problem, fault.case, fault.solver, fault.what)
    Console(width=160).print(table)
    raise SystemExit(bool(faults))


def fitting_solvers(problem: str) -> list[str]:
    """Return the names of the solvers that fit a problem and whose packages are installed."""
    spec = next(entry.spec for entry in host().problem_entries if entry.spec.name == problem)
    names = dict.fromkeys(entry.spec.name for entry in host().solver_entries if entry.spec.fits(spec))
    return [name for name in names if _is_installed(name, problem)]


def try_solver(case: Case, solver: str, time_limit: float, seed: int = 0) -> str:
    """Return what went wrong where a solver meets a case, empty where nothing did."""
    faulthandler.dump_traceback_later(HANGS, exit=True)
    began = time.perf_counter()
    try:
        result = redwood.solve(case.instance, solver, time_limit=time_limit, seed=seed)
    except FitError:
        return ""  # the solver says that it does not take such instances
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"
    finally:
        faulthandler.cancel_dump_traceback_later()
    late = time.perf_counter() - began - result.seconds.load - result.seconds.compile - 2.0 * time_limit
    if result.status == "failed":
        return f"failed: {result.message}"
    if late > LATE:
        return f"{late:.1f} s late"
    return _wrong(result, case)


def _wrong(result: Any, case: Case) -> str:
    """Return how a result contradicts the best objective of its case, empty where it does not."""
    if case.best is not None and math.isfinite(case.best) and result.status == "infeasible":
        return f"called infeasible, and {case.best:g} is the best"
    if case.best is None or result.objective is None:
        return ""
    if math.isinf(case.best):
        return f"{result.objective:g} for an instance without a solution"
    slack = 1e-6 * abs(case.best)
    if result.status == "optimal" and abs(result.objective - case.best) > slack:
        return f"{result.objective:g} is called optimal, {case.best:g} is"
    sign = 1.0 if host().problem(case.instance.problem).sense is Sense.MIN else -1.0
    if sign * (case.best - result.objective) > slack:
        return f"{result.objective:g} is better than the best, {case.best:g}"
    if result.bound is not None and sign * (result.bound - case.best) > slack:
        return f"the bound {result.bound:g} cuts off the best, {case.best:g}"
    return ""


def _is_installed(solver: str, problem: str) -> bool:
    try:
        host().solver_entry(solver, problem).load()
    except RedwoodError:
        return False
    return True


def degenerate_cases(problem: str, seed: int = 0) -> Iterator[Case]:
    """Yield the degenerate instances of a problem; what the problem refuses to make is left out."""
    rng = np.random.default_rng(seed)
    made = {
        "tsp": _tours,
        "atsp": _directed_tours,
        "cvrp": _routes,
        "knapsack": _packings,
        "orienteering": _paths,
        "vrp": rich_routes,
    }
    for name, data, best in made[problem](rng):
        try:
            instance = redwood.instance(problem, name=name, **data)
        except InstanceError:
            continue
        yield Case(name, instance, best)


Made = Iterator[tuple[str, dict[str, Any], float | None]]


def _places(rng: np.random.Generator, size: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield degenerate places of ``size`` nodes, and what is remarkable about them."""
    spot, several = np.ones((size, 2)), rng.integers(0, 2, (size, 2)).astype(float)
    yield f"{size} nodes at one place", {"coords": spot}
    yield f"{size} nodes at one place, rounded", {"coords": spot, "metric": "EUC_2D"}
    yield f"{size} nodes without distances", {"matrix": np.zeros((size, size))}
    if size > 2:
        yield f"{size} nodes at a few places", {"coords": several}
        yield f"{size} nodes in a row", {"coords": np.stack([np.arange(size), np.zeros(size)], axis=1)}


def _scaled(rng: np.random.Generator, size: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield places of ``size`` nodes at several scales, and distances of which one is forbidden."""
    coords = rng.random((size, 2))
    for scale in SCALES:
        yield f"{size} nodes within {scale:g}", {"coords": scale * coords}
    matrix = np.sqrt(((coords[:, None] - coords[None]) ** 2).sum(axis=-1))
    for forbidden in (1e7, 1e15):
        barred = matrix.copy()
        barred[0, 1] = barred[1, 0] = forbidden
        yield f"{size} nodes, one edge of {forbidden:g}", {"matrix": barred}
    half = np.where(rng.random(matrix.shape) < 0.5, 1e15, matrix)
    yield f"{size} nodes, half of the edges 1e15", {"matrix": np.maximum(half, half.T)}


def _tours(rng: np.random.Generator) -> Made:
    for size in (1, 2, 3, 4, 5, 9, 13):
        for name, data in _places(rng, size):
            flat = "at one place" in name or "without" in name
            yield name, data, 0.0 if flat else 2.0 * (size - 1) if "row" in name else None
    for size in (9, 20):
        for name, data in _scaled(rng, size):
            yield name, data, None


def _directed_tours(rng: np.random.Generator) -> Made:
    for size in (1, 2, 3, 4, 5, 9, 13):
        yield f"{size} nodes without distances", {"matrix": np.zeros((size, size))}, 0.0
        matrix = np.ones((size, size))
        yield f"{size} nodes, all distances 1", {"matrix": matrix}, float(size) if size > 1 else 0.0
        ring = np.full((size, size), 1e15)
        ring[np.arange(size), (np.arange(size) + 1) % size] = 1.0
        yield f"{size} nodes, one way round", {"matrix": ring}, float(size) if size > 1 else 0.0
    for size in (9, 20):
        for scale in SCALES:
            yield f"{size} nodes within {scale:g}", {"matrix": scale * rng.random((size, size))}, None


def _routes(rng: np.random.Generator) -> Made:
    for size in (1, 2, 3, 6, 13):
        for name, data in _places(rng, size):
            flat = "at one place" in name or "without" in name
            for demand, load in (("no demands", 0), ("full demands", 5), ("demands", 1)):
                demands = np.full(size, load)
                demands[0] = 0
                yield f"{name}, {demand}", {**data, "demands": demands, "capacity": 5}, 0.0 if flat else None
    for size in (9, 20):
        for name, data in _scaled(rng, size):
            yield name, {**data, "demands": np.minimum(np.arange(size), 2), "capacity": 7}, None


def _packings(rng: np.random.Generator) -> Made:
    yield "no items", {"values": [], "weights": [], "capacity": 5}, 0.0
    for size in (1, 2, 5, 30):
        ones, heavy = np.ones(size), np.full(size, 9)
        yield f"{size} items, all too heavy", {"values": ones, "weights": heavy, "capacity": 5}, 0.0
        yield f"{size} items, no capacity", {"values": ones, "weights": ones, "capacity": 0}, 0.0
        yield f"{size} items, no values", {"values": 0 * ones, "weights": ones, "capacity": 2}, 0.0
        yield f"{size} items, no weights", {"values": ones, "weights": 0 * ones, "capacity": 0}, float(size)
        yield f"{size} items, all fit", {"values": ones, "weights": ones, "capacity": size}, float(size)
        yield f"{size} alike", {"values": ones, "weights": ones, "capacity": size // 2}, float(size // 2)
        draws = rng.random((2, size))
        yield f"{size} real items, no capacity", {"values": draws[0], "weights": draws[1] + 0.1, "capacity": 0.0}, 0.0


def _paths(rng: np.random.Generator) -> Made:
    for size in (1, 2, 3, 6, 13):
        for name, data in _places(rng, size):
            for ends in ({"start": 0, "end": 0}, {"start": 0, "end": size - 1}):
                closed = "closed" if ends["end"] == 0 else "open"
                flat = "at one place" in name or "without" in name
                for budget in (0, 1) if flat or closed == "closed" else (2 * size,):
                    best = float(size) if flat else None
                    given = {**data, **ends, "prizes": np.ones(size), "budget": budget}
                    yield f"{name}, {closed}, budget {budget}", given, best
        row = np.stack([np.arange(size), np.zeros(size)], axis=1)
        given = {"coords": row, "metric": "EUC_2D", "budget": 2 * (size - 1), "start": 0, "end": 0}
        yield f"{size} nodes in a row, budget of the tour", {**given, "prizes": np.ones(size)}, float(size)
        yield f"{size} nodes without prizes", {**given, "prizes": np.zeros(size)}, 0.0
        yield (
            f"{size} nodes, budget 1 too short",
            {**given, "prizes": np.ones(size), "budget": 2 * size - 3},
            max(1, size - 1),
        )
    for name, data in _scaled(rng, 9):
        yield name, {**data, "prizes": np.arange(9), "budget": float(np.max(next(iter(data.values())))), "start": 0}, None


if __name__ == "__main__":
    main()
