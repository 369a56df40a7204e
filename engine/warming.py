"""Compiling ahead of time: every kernel that an installed solver, view or bound needs, so that no first solve pays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from redwood.bounding import bound
from redwood.errors import RedwoodError, UnknownNameError, suggestion
from redwood.plugins.host import host
from redwood.plugins.spec import ProblemSpec
from redwood.problem import Instance
from redwood.reading import generate
from redwood.result import Status
from redwood.solving import solve

SMALL, LARGE = 10, 200
"""Sizes of the instances that kernels are compiled on: solvers may take another way for tiny ones."""

LIMIT = 1.0
"""Seconds for each run, after compilation."""

BOUND = "(bound)"
"""What stands for the problem's own bound in the place of a solver's name."""


@dataclass(frozen=True)
class Pair:
    """A problem and what is compiled for it: a solver, or `BOUND`."""

    problem: str
    solver: str


@dataclass(frozen=True)
class Warmth:
    """What compiling for one pair took.

    Attributes
    ----------
    pair
        Problem and solver.
    compile_seconds
        Compiling kernels, or loading them from the disk cache where they were there.
    seconds
        Everything, short runs on tiny instances included.
    message
        What went wrong, or an empty string.
    """

    pair: Pair
    compile_seconds: float
    seconds: float
    message: str = ""


def plan(problem: str | None = None, solver: str | None = None) -> list[Pair]:
    """Return the pairs to compile for: all that are installed and fit, or only those of a problem, a solver, or both.

    Raises
    ------
    UnknownNameError
        Where a name is not registered.
    FitError
        Where the solver does not fit the problem.
    """
    solvers = {entry.spec.name for entry in host().solver_entries}
    if solver is not None and solver not in solvers:
        raise UnknownNameError(f"no solver is named {solver!r}.{suggestion(solver, solvers)}")
    if problem is not None and solver is not None:
        host().solver_entry(solver, problem)
    specs = [host().problem_entry(problem).spec] if problem else [entry.spec for entry in host().problem_entries]
    return [pair for spec in specs for pair in _pairs(spec) if solver in (None, pair.solver)]


def _pairs(spec: ProblemSpec) -> list[Pair]:
    names = sorted({entry.spec.name for entry in host().fitting(spec.name) if not entry.missing})
    return [Pair(spec.name, name) for name in ([BOUND] * ("Bound" in spec.views)) + names]


def warm_up(pair: Pair) -> Warmth:
    """Compile for one pair by solving tiny instances with it."""
    began, compiled, message = time.perf_counter(), 0.0, ""
    for instance, large in _samples(pair.problem):
        took, failure = _bound_once(instance) if pair.solver == BOUND else _solve_once(instance, pair.solver)
        compiled += took
        message = message or ("" if large else failure)  # what is too large for a solver is no failure of it
    return Warmth(pair, compiled, time.perf_counter() - began, message)


def _samples(problem: str) -> Iterator[tuple[Instance, bool]]:
    """Yield a small instance of every variant of the generator, and one large instance; the flag tells them apart."""
    for variant in host().problem(problem).variants or ("",):
        yield generate(f"{problem}/{variant}" if variant else problem, SMALL), False
    yield generate(problem, LARGE), True


def _solve_once(instance: Instance, solver: str) -> tuple[float, str]:
    try:
        result = solve(instance, solver, time_limit=LIMIT, iterations=1, bound_time_limit=0.0)
    except RedwoodError as error:
        return 0.0, str(error)
    return result.seconds.compile, result.message if result.status is Status.FAILED else ""


def _bound_once(instance: Instance) -> tuple[float, str]:
    began = time.perf_counter()
    try:
        report = bound(instance, time_limit=LIMIT)
    except RedwoodError as error:
        return 0.0, str(error)
    return max(0.0, time.perf_counter() - began - report.seconds), ""
