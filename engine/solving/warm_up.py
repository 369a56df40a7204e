"""Compiling ahead of time: every kernel that an installed solver, view or bound needs, so that no first solve pays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from redwood.errors import RedwoodError, UnknownNameError, suggestion
from redwood.plugins.host import host
from redwood.plugins.spec import ProblemSpec
from redwood.problem import Instance
from redwood.result import Status
from redwood.solving.bound import bound
from redwood.solving.read import generate
from redwood.solving.solve import solve

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
        Why the solver refused the small instances, or how it failed on them; empty where all went well.
    failed
        Whether it failed, and did not just refuse them, as one does that has no weights for the problem.
    """

    pair: Pair
    compile_seconds: float
    seconds: float
    message: str = ""
    failed: bool = False


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
    began, compiled, message, failed = time.perf_counter(), 0.0, "", False
    for instance, large in _samples(pair.problem):
        tried = _bound_once(instance) if pair.solver == BOUND else _solve_once(instance, pair.solver)
        compiled += tried.compile_seconds
        if not large and not message:  # what is too large for a solver is no failure of it
            message, failed = tried.message, tried.failed
    return Warmth(pair, compiled, time.perf_counter() - began, message, failed)


@dataclass(frozen=True)
class _Trial:
    compile_seconds: float
    message: str = ""
    failed: bool = False


def _samples(problem: str) -> Iterator[tuple[Instance, bool]]:
    """Yield a small instance of every variant of the generator, and one large instance; the flag tells them apart."""
    for variant in host().problem(problem).variants or ("",):
        yield generate(f"{problem}/{variant}" if variant else problem, SMALL), False
    yield generate(problem, LARGE), True


def _solve_once(instance: Instance, solver: str) -> _Trial:
    try:
        result = solve(instance, solver, time_limit=LIMIT, iterations=1, bound_time_limit=0.0)
    except RedwoodError as error:
        return _Trial(0.0, str(error))
    failed = result.status is Status.FAILED
    return _Trial(result.seconds.compile, result.message if failed else "", failed)


def _bound_once(instance: Instance) -> _Trial:
    began = time.perf_counter()
    try:
        report = bound(instance, time_limit=LIMIT)
    except RedwoodError as error:
        return _Trial(0.0, str(error), failed=True)
    return _Trial(max(0.0, time.perf_counter() - began - report.seconds))
