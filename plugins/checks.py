"""Conformance: the promises that every problem and solver makes, tried on small random instances.

Each check returns `Finding`s, an empty list where all is well, so that a plugin's own tests can say
``assert check_solver("mine", "tsp") == []``.
"""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood.bounding import bound
from redwood.budget import Sense
from redwood.errors import FitError, FormatError, OptionError, RedwoodError
from redwood.plugins.host import host
from redwood.plugins.spec import Determinism
from redwood.problem import Instance, Problem
from redwood.reading import generate
from redwood.result import Result, Status
from redwood.solving import solve
from redwood.views import Bound, Local

TOLERANCE = 1e-6
"""Relative difference of objectives that counts as rounding."""


@dataclass(frozen=True)
class Finding:
    """A broken promise: the rule, what broke it, and the counter-example in words."""

    rule: str
    subject: str
    message: str


def check_problem(name: str, *, size: int = 8, seeds: Iterable[int] = (0, 1, 2)) -> list[Finding]:
    """Return the promises that a problem breaks on random instances of a size, every variant of its generator."""
    problem = host().problem(name)
    findings = list(_views_as_declared(problem))
    for variant in problem.variants or ("",):
        for seed in seeds:
            label = f"{name}/{variant}" if variant else name
            instance = generate(label, size=size, seed=seed)
            subject = f"{label} of size {size}, seed {seed}"
            for rule in (_repeatable_generator, _pickles, _round_trip, _local_view):
                findings += _guard(rule.__name__[1:], subject, rule, problem, instance, label, size, seed)
    return findings


def check_solver(
    name: str, problem: str, *, size: int = 8, seeds: Iterable[int] = (0, 1), iterations: int = 20, **options: Any
) -> list[Finding]:
    """Return the promises that a solver breaks on random instances of a problem.

    Raises
    ------
    FitError
        Where the solver refuses the problem, such as a policy for which there are no weights.
    """
    findings = []
    for seed in seeds:
        instance = generate(problem, size=size, seed=seed)
        subject = f"{name} on {problem} of size {size}, seed {seed}"
        for rule in (_feasible, _repeatable, _start_kept, _instance_kept, _unknown_option):
            findings += _guard(rule.__name__[1:], subject, rule, name, instance, iterations, options)
    return findings


def check_bounds(problem: str, *, size: int = 8, seeds: Iterable[int] = (0, 1), iterations: int = 20) -> list[Finding]:
    """Return the bounds of any solver, or of the problem's own view, that the best solution of all solvers contradicts."""
    findings = []
    for seed in seeds:
        instance = generate(problem, size=size, seed=seed)
        results = list(_results_of_all(instance, iterations))
        claims = [(result.solver, result.bound) for result in results if result.bound is not None]
        if host().problem(problem).offers(Bound):
            claims.append(("the view Bound", bound(instance, time_limit=5).value))
        found = host().problem(problem)
        priced = [(result.objective, result.solution) for result in results if result.objective is not None]
        best, solution = (min if found.sense is Sense.MIN else max)(priced, key=lambda pair: pair[0])
        margin = found.margin(instance, solution)
        for claimer, value in claims:
            if found.sense.better(best, value) and not _close(best, value) and abs(best - value) > margin:
                message = f"{claimer} claims the bound {value:.9g}, and a solution of {best:.9g} exists."
                findings.append(Finding("bound-valid", f"{problem} of size {size}, seed {seed}", message))
    return findings


def _results_of_all(instance: Instance, iterations: int) -> Iterator[Result]:
    """Yield what every installed solver that takes the instance comes to."""
    for name in sorted({entry.spec.name for entry in host().fitting(instance.problem) if not entry.missing}):
        with contextlib.suppress(FitError):  # such as a policy without weights for this problem
            yield _solve(name, instance, iterations, {})


def _guard(rule: str, subject: str, check: Callable[..., Iterator[str]], *arguments: Any) -> list[Finding]:
    try:
        return [Finding(rule.replace("_", "-"), subject, message) for message in check(*arguments)]
    except FitError:
        raise
    except Exception as error:
        return [Finding(rule.replace("_", "-"), subject, f"raised {type(error).__name__}: {error}")]


def _views_as_declared(problem: Problem[Any, Any]) -> Iterator[Finding]:
    declared = host().problem_entry(problem.name).spec.views
    offered = {view.__name__ for view in problem.views}
    if declared != offered:
        message = f"the spec declares {sorted(declared)}, and the class offers {sorted(offered)}."
        yield Finding("views-as-declared", problem.name, message)


def _repeatable_generator(problem: Problem[Any, Any], instance: Instance, label: str, size: int, seed: int) -> Iterator[str]:
    if generate(label, size=size, seed=seed).fingerprint() != instance.fingerprint():
        yield "the same seed gave another instance."
    if instance.size != size:
        yield f"an instance of size {instance.size} came back."


def _pickles(problem: Problem[Any, Any], instance: Instance, *_: Any) -> Iterator[str]:
    if pickle.loads(pickle.dumps(instance)).fingerprint() != instance.fingerprint():
        yield "pickling changed the instance."


def _round_trip(problem: Problem[Any, Any], instance: Instance, *_: Any) -> Iterator[str]:
    try:
        text = problem.format(instance)
    except FormatError:
        return  # a problem need not have files
    if problem.parse(text, instance.name).fingerprint() != instance.fingerprint():
        yield "writing and reading changed the instance."


def _local_view(problem: Problem[Any, Any], instance: Instance, *_: Any) -> Iterator[str]:
    if not problem.offers(Local):
        return
    view, rng = problem.view(Local, instance), np.random.default_rng(0)
    for make in (view.initial, view.construct):
        state = make(rng)
        for step in range(30):
            before = view.objective(state)
            proposed = view.propose(state, rng)
            if proposed is None:
                break
            move, delta = proposed
            view.apply(state, move)
            yield from _state_agrees(problem, instance, view, state, f"after move {step} from {make.__name__}")
            if not _close(view.objective(state) - before, delta, max(1.0, abs(before))):
                yield f"a move announced {delta:.9g} and changed the objective by {view.objective(state) - before:.9g}."
        kept = view.copy(state)
        before = view.objective(state)
        view.descend(state)
        yield from _state_agrees(problem, instance, view, state, "after a descent")
        if problem.sense.better(before, view.objective(state)) and not _close(before, view.objective(state)):
            yield f"a descent worsened the objective from {before:.9g} to {view.objective(state):.9g}."
        view.perturb(state, rng)
        yield from _state_agrees(problem, instance, view, state, "after a perturbation")
        yield from _state_agrees(problem, instance, view, kept, "in a copy of the state")


def _state_agrees(problem: Problem[Any, Any], instance: Instance, view: Local, state: Any, when: str) -> Iterator[str]:
    solution = view.solution(state)
    violations = problem.violations(instance, solution)
    if violations:
        yield f"{when} the state is infeasible: {violations[0]}"
    elif not _close(view.objective(state), problem.objective(instance, solution)):
        yield f"{when} the state says {view.objective(state):.9g}, the problem {problem.objective(instance, solution):.9g}."


def _feasible(name: str, instance: Instance, iterations: int, options: dict[str, Any]) -> Iterator[str]:
    result = _solve(name, instance, iterations, options)
    if result.status not in (Status.FEASIBLE, Status.OPTIMAL):
        yield f"status {result.status}: {result.message}"
    if "contradicts" in result.message:
        yield result.message


def _repeatable(name: str, instance: Instance, iterations: int, options: dict[str, Any]) -> Iterator[str]:
    determinism = host().solver_entry(name, instance.problem).spec.determinism
    if determinism is Determinism.NONE:
        return
    first = _solve(name, instance, iterations, options)
    again = _solve(name, instance, iterations, options, seed=0 if determinism is Determinism.SEEDED else 1)
    if first.objective != again.objective:
        yield f"declared {determinism}, and gave {first.objective} and then {again.objective}."


def _start_kept(name: str, instance: Instance, iterations: int, options: dict[str, Any]) -> Iterator[str]:
    start = _solve(name, instance, 1, options)
    result = solve(instance, name, seed=1, iterations=iterations, time_limit=20, initial=start.solution, **options)
    if result.initial != "accepted":
        yield f"its own solution was {result.initial} as a start."
    sense = host().problem(instance.problem).sense
    if start.objective is None or result.objective is None or sense.better(start.objective, result.objective):
        yield f"from a start of {start.objective} it came to {result.objective}."


def _instance_kept(name: str, instance: Instance, iterations: int, options: dict[str, Any]) -> Iterator[str]:
    before = instance.fingerprint()
    _solve(name, instance, iterations, options)
    if instance.fingerprint() != before:
        yield "it changed the instance."


def _unknown_option(name: str, instance: Instance, *_: Any) -> Iterator[str]:
    try:
        solve(instance, name, iterations=1, no_such_option=1)
    except OptionError:
        return
    except RedwoodError as error:
        yield f"an unknown option raised {type(error).__name__}: {error}"
    else:
        yield "an unknown option was taken."


def _solve(name: str, instance: Instance, iterations: int, options: dict[str, Any], seed: int = 0) -> Result:
    return solve(instance, name, seed=seed, iterations=iterations, time_limit=20, bound_time_limit=0, **options)


def _close(a: float, b: float, scale: float = 1.0) -> bool:
    return abs(a - b) <= TOLERANCE * max(scale, abs(a), abs(b))
