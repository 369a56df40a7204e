"""The promises of a solver, each tried on one random instance of one problem."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import cloudpickle
import numpy as np

from redwood.errors import OptionError, RedwoodError
from redwood.plugins.conformance.rules import Rule
from redwood.plugins.host import host
from redwood.plugins.spec import Determinism
from redwood.problem import Instance
from redwood.result import Result, Status
from redwood.solving.read import generate
from redwood.solving.solve import make_solver, solve

LIMIT = 0.5
"""Seconds of the time limit that is tried."""
SLACK = 1.5
"""Seconds that a loaded machine may add."""


@dataclass(frozen=True)
class SolverCase:
    """A solver, and one instance for it. The rules share two runs: `first`, and `again`, its repetition."""

    solver: str
    problem: str
    size: int
    seed: int
    iterations: int = 20
    options: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def instance(self) -> Instance:
        """The instance."""
        return self.drawn()

    def drawn(self) -> Instance:
        """Return the instance, drawn anew under the settings of the generator that the solver's spec asks for."""
        entry = host().solver_entry(self.solver, self.problem.partition("/")[0])
        return generate(self.problem, size=self.size, seed=self.seed, **entry.spec.takes)

    @property
    def name(self) -> str:
        """Name of the instance's problem, without the variant."""
        return self.instance.problem

    @cached_property
    def first(self) -> Result:
        """What the solver comes to with seed 0."""
        return self.solve()

    @cached_property
    def again(self) -> tuple[Result, bool]:
        """What it comes to a second time (with seed 1 where it claims to need none), and whether it drew from elsewhere."""
        seed = 1 if self.first and self.determinism is Determinism.DETERMINISTIC else 0
        before = _global_state()
        result = self.solve(seed)
        return result, _global_state() != before

    @property
    def determinism(self) -> Determinism:
        """What the solver declares."""
        return host().solver_entry(self.solver, self.name).spec.determinism

    def solve(self, seed: int = 0, **settings: Any) -> Result:
        """Return what the solver comes to in a few iterations."""
        settings = {"iterations": self.iterations, "time_limit": 20, "bound_time_limit": 0, **settings}
        return solve(self.instance, self.solver, seed=seed, **settings, **self.options)


def _budget(case: SolverCase) -> Iterator[str]:
    began = time.perf_counter()
    result = case.solve(iterations=None, time_limit=LIMIT, isolate=True)
    if result.termination == "killed":
        yield f"it went on after its time limit of {LIMIT} s and had to be killed; ask run.stops() every few milliseconds."
    elif result.seconds.solve > LIMIT + SLACK:
        taken = time.perf_counter() - began
        yield f"a time limit of {LIMIT} s took {result.seconds.solve:.1f} s of solving ({taken:.1f} s in all)."


def _picklable(case: SolverCase) -> Iterator[str]:
    made = make_solver(host().solver_entry(case.solver, case.name), case.options)
    if cloudpickle.loads(cloudpickle.dumps(made)) != made:
        yield "pickling the solver changed its options."


def _feasible(case: SolverCase) -> Iterator[str]:
    result = case.first
    if result.status not in (Status.FEASIBLE, Status.OPTIMAL):
        yield f"status {result.status}: {result.message or 'it came to no solution'}"
    if "contradicts" in result.message:
        yield result.message


def _repeatable(case: SolverCase) -> Iterator[str]:
    if case.determinism is Determinism.NONE:
        return
    first, (again, _) = case.first, case.again
    if first.objective != again.objective:
        yield f"declared {case.determinism}, and gave {first.objective} and then {again.objective}."
    elif first.solution is not None and first.solution.to_dict() != again.solution.to_dict():
        yield f"declared {case.determinism}, and gave two solutions, both of {first.objective}."


def _own_randomness(case: SolverCase) -> Iterator[str]:
    _, drew = case.again  # not the first run, in which imports may draw, once
    if drew:
        yield "it drew from NumPy's or Python's global generator; draw from run.rng."


def _start_kept(case: SolverCase) -> Iterator[str]:
    start = case.first
    result = case.solve(seed=1, initial=start.solution)
    if start.solution is not None and result.initial != "accepted":
        yield f"its own solution was {result.initial} as a start."
    sense = host().problem(case.name).sense
    if start.objective is not None and (result.objective is None or sense.better(start.objective, result.objective)):
        yield f"from a start of {start.objective} it came to {result.objective}."


def _instance_kept(case: SolverCase) -> Iterator[str]:
    if case.first and case.instance.fingerprint() != case.drawn().fingerprint():
        yield "it changed the instance."


def _unknown_option(case: SolverCase) -> Iterator[str]:
    try:
        solve(case.instance, case.solver, iterations=1, no_such_option=1)
    except OptionError:
        return
    except RedwoodError as error:
        yield f"an unknown option raised {type(error).__name__}: {error}"
    else:
        yield "an unknown option was taken."


def _global_state() -> tuple[Any, ...]:
    import random

    name, keys, *rest = np.random.get_state()
    return (name, np.asarray(keys).tobytes(), *rest, random.getstate())


SOLVER_RULES: tuple[Rule[SolverCase], ...] = (
    Rule("picklable", "The solver survives pickling, which takes it to workers.", _picklable),
    Rule("budget-kept", "The solver ends at its time limit.", _budget, once=True),
    Rule("feasible", "The answer is feasible, and no claimed bound contradicts it.", _feasible),
    Rule("instance-kept", "The solver leaves the instance as it was.", _instance_kept),
    Rule("repeatable", "Seed and iterations decide the solution, as declared.", _repeatable),
    Rule("own-randomness", "Randomness comes from run.rng alone.", _own_randomness),
    Rule("start-kept", "A solver accepts its own solution as a start and never returns worse.", _start_kept),
    Rule("unknown-option", "An unknown option is refused.", _unknown_option),
)
"""Rules in the order in which they are tried; the first two keep a hanging solver from hanging the kit."""
