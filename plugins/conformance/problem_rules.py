"""The promises of a problem and of its views."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from redwood.budget import Sense
from redwood.errors import FormatError
from redwood.plugins.conformance.rules import Rule, close
from redwood.problem import Instance, Problem, Solution
from redwood.result import Status
from redwood.solving.bound import bound
from redwood.solving.read import generate
from redwood.solving.solve import solve
from redwood.tolerance import contradicts
from redwood.views.bound import Bound
from redwood.views.linear import Linear
from redwood.views.local import Local
from redwood.views.stepwise import Stepwise

ROLLOUTS = 16
"""Random constructions a case."""
PACKING = 1e-4
"""Relative change of an objective that packing labels may cost."""


@dataclass(frozen=True)
class ProblemCase:
    """A problem and one of its random instances."""

    problem: Problem[Any, Any]
    label: str
    size: int
    seed: int

    @cached_property
    def instance(self) -> Instance:
        """The instance."""
        return generate(self.label, size=self.size, seed=self.seed)

    @cached_property
    def solutions(self) -> list[Solution]:
        """Solutions by the problem's own views: random and greedy states, random constructions."""
        rng, found = np.random.default_rng(self.seed), []
        if self.problem.offers(Local):
            view = self.problem.view(Local, self.instance)
            found += [view.solution(make(rng)) for make in (view.initial, view.construct)]
        if self.problem.offers(Stepwise):
            found += constructed(self.problem.view(Stepwise, self.instance), rng)
        return found


def constructed(view: Stepwise[Any], rng: np.random.Generator) -> list[Solution]:
    """Return solutions that random allowed actions construct."""
    batch = view.begin(np.zeros(ROLLOUTS, np.int64), rng if view.symmetric else None)
    for _ in range(10_000):
        if not batch.left.any():
            return view.solutions(batch)
        window = view.window(batch, int(batch.left.max()))
        mask = window.mask.reshape(len(batch.rows), -1)
        open_rows = batch.left > 0
        if not mask[open_rows].any(axis=1).all():
            raise ValueError("an unfinished row has no allowed action.")
        view.act(batch, window, np.argmax(np.where(mask, rng.random(mask.shape), -1.0), axis=1))
    raise ValueError("a row is still unfinished after 10,000 actions.")


def _generator(case: ProblemCase) -> Iterator[str]:
    if generate(case.label, size=case.size, seed=case.seed).fingerprint() != case.instance.fingerprint():
        yield "the same seed gave another instance."
    if case.instance.size != case.size:
        yield f"an instance of size {case.instance.size} came back for size {case.size}."


def _pickles(case: ProblemCase) -> Iterator[str]:
    if pickle.loads(pickle.dumps(case.instance)).fingerprint() != case.instance.fingerprint():
        yield "pickling changed the instance."
    for solution in case.solutions[:1]:
        pickle.loads(pickle.dumps(solution))


def _files(case: ProblemCase) -> Iterator[str]:
    try:
        text = case.problem.format(case.instance)
    except FormatError:
        return  # a problem need not have files
    if case.problem.parse(text, case.instance.name).fingerprint() != case.instance.fingerprint():
        yield "writing and reading changed the instance."


def _pricing(case: ProblemCase) -> Iterator[str]:
    before = case.instance.fingerprint()
    for solution in case.solutions:
        value, words = case.problem.objective(case.instance, solution), case.problem.violations(case.instance, solution)
        if not isinstance(value, (int, float, np.number)) or not np.isfinite(value):
            yield f"the objective of {solution} is {value!r}, and a finite number was expected."
            return
        if words:
            yield f"its own view made an infeasible solution: {words[0]}"
            return
        again = case.problem.solution(solution.to_dict())
        if not close(case.problem.objective(case.instance, again), value):
            yield f"a solution of {value:.9g} written as JSON and read back is priced otherwise."
    if case.instance.fingerprint() != before:
        yield "pricing or a view changed the instance."


def _local(case: ProblemCase) -> Iterator[str]:
    if not case.problem.offers(Local):
        return
    problem, instance = case.problem, case.instance
    view, rng = problem.view(Local, instance), np.random.default_rng(0)
    makers: tuple[Callable[[np.random.Generator], Any], ...] = (view.initial, view.construct)
    for make in makers:
        state = make(rng)
        yield from _agrees(case, view, state, f"at {make.__name__}")
        for step in range(30):
            before = view.objective(state)
            proposed = view.propose(state, rng)
            if proposed is None:
                break
            move, delta = proposed
            view.apply(state, move)
            yield from _agrees(case, view, state, f"after move {step} from {make.__name__}")
            if not close(view.objective(state) - before, delta, max(abs(before), abs(view.objective(state)))):
                yield f"a move announced {delta:.9g} and changed the objective by {view.objective(state) - before:.9g}."
                return  # a descent that trusts it may never end
        kept, held = view.copy(state), view.solution(state).to_dict()
        before = view.objective(state)
        view.descend(state)
        yield from _agrees(case, view, state, "after a descent")
        if problem.sense.better(before, view.objective(state)) and not close(before, view.objective(state)):
            yield f"a descent worsened the objective from {before:.9g} to {view.objective(state):.9g}."
        view.perturb(state, rng)
        yield from _agrees(case, view, state, "after a perturbation")
        if view.solution(kept).to_dict() != held:
            yield "a copy of a state changed with the state it was made of."
        yield from _agrees(case, view, view.state(view.solution(state)), "made of its own solution")


def _agrees(case: ProblemCase, view: Local, state: Any, when: str) -> Iterator[str]:
    solution = view.solution(state)
    violations = case.problem.violations(case.instance, solution)
    if violations:
        yield f"{when} the state is infeasible: {violations[0]}"
        return
    told, true = view.objective(state), case.problem.objective(case.instance, solution)
    if not close(told, true):
        yield f"{when} the state says {told:.9g}, the problem {true:.9g}."


def _stepwise(case: ProblemCase) -> Iterator[str]:
    if not case.problem.offers(Stepwise):
        return
    rng = np.random.default_rng(case.seed)
    view = case.problem.view(Stepwise, case.instance)
    window = view.window(view.begin(np.zeros(2, np.int64)), case.size)
    tokens, layout = window.nodes.shape[1], view.layout
    for name, got, expected in (
        ("features", window.features.shape, (2, tokens, layout.features)),
        ("mask", window.mask.shape, (2, tokens, layout.scores)),
        ("present", window.present.shape, (2, tokens)),
    ):
        if got != expected:
            yield f"window.{name} has shape {list(got)}; expected {list(expected)}."
            return
    if not np.isfinite(window.features).all():
        yield "window.features holds numbers that are not finite."
    if window.features.dtype != np.float32:
        yield f"window.features has type {window.features.dtype}; expected float32."
    for solution in constructed(view, rng):
        words = case.problem.violations(case.instance, solution)
        if words:
            yield f"random allowed actions made an infeasible solution: {words[0]}"
            return
    if view.curriculum:
        yield from _stages(case, type(view), rng)


def _stages(case: ProblemCase, kind: Any, rng: np.random.Generator) -> Iterator[str]:
    """Yield what is wrong with labels: packing loses nothing, and following them leads to an allowed action."""
    example = kind.example(case.size, rng)
    case.problem.validate(example)
    best = min if case.problem.sense is Sense.MIN else max
    label = best(constructed(kind(example), rng), key=lambda made: case.problem.objective(example, made))
    (back,), (label_back,) = kind.unpack(kind.pack([example], [label]))
    before, after = case.problem.objective(example, label), case.problem.objective(back, label_back)
    if abs(before - after) > PACKING * max(1.0, abs(before)):  # labels may be kept in single precision
        yield "packing and unpacking labels changed them."
    view = kind(example)
    view.set_labels([label])
    batch = view.sample(8, rng)
    window = view.window(batch, case.size)
    choice = view.target(batch, window).choice
    if kind.layout.sets:
        wrong = bool((choice & ~window.mask).any())
    else:
        flat, told = window.mask.reshape(8, -1), (choice >= 0) & (batch.left > 0)
        wrong = bool((~flat[np.flatnonzero(told), choice[told]]).any())
    if wrong:
        yield "the labels point at an action that the mask forbids."


def _linear(case: ProblemCase) -> Iterator[str]:
    if not case.problem.offers(Linear):
        return
    result = solve(case.instance, "highs", time_limit=10, bound_time_limit=0)
    if result.status is Status.FAILED or "contradicts" in result.message:
        yield result.message
        return
    if result.solution is None:
        yield f"the model has no solution ({result.status}), and its instances do." if case.solutions else result.message
        return
    view = case.problem.view(Linear, case.instance)
    values = view.start(result.solution)
    if values is not None and not np.isnan(values).any():
        there = case.problem.objective(case.instance, view.solution(values))
        if result.objective is not None and not close(there, result.objective):
            yield f"a solution of {result.objective:.9g} turned into variables and back is worth {there:.9g}."
    if result.status is not Status.OPTIMAL and result.termination != "time":
        yield f"HiGHS ended without the optimum ({result.termination}): {result.message}"
    elif result.status is Status.OPTIMAL:
        yield from _unbeaten(case, result.objective, "the optimum of the model")


def _bound(case: ProblemCase) -> Iterator[str]:
    if case.problem.offers(Bound) and case.solutions:
        value = bound(case.instance, time_limit=5).value
        for solution in case.solutions:
            objective = case.problem.objective(case.instance, solution)
            error = case.problem.margin(case.instance, solution), case.problem.magnitude(case.instance)
            if contradicts(case.problem.sense, objective, value, *error):
                yield f"the view Bound says {value:.9g}, and a solution of {objective:.9g} exists."
                return


def _unbeaten(case: ProblemCase, best: float | None, what: str) -> Iterator[str]:
    for solution in case.solutions:
        value = case.problem.objective(case.instance, solution)
        if best is not None and case.problem.sense.better(value, best) and not close(value, best):
            yield f"{what} is {best:.9g}, and a solution of {value:.9g} exists: is the sense, or a row, wrong?"
            return


PROBLEM_RULES: tuple[Rule[ProblemCase], ...] = (
    Rule("generator", "The same seed gives the same instance, of the size asked for.", _generator),
    Rule("pickles", "Instances and solutions survive pickling, which takes them to workers.", _pickles),
    Rule("round-trip", "A written instance is read back the same.", _files),
    Rule("pricing", "Objectives are finite numbers; pricing changes nothing and survives JSON.", _pricing),
    Rule("local-view", "The view Local stays feasible, and its objectives are the problem's.", _local),
    Rule("stepwise-view", "Every allowed action leads to a feasible solution; labels can be followed.", _stepwise),
    Rule("linear-view", "The model's optimum is feasible, and no solution of another view beats it.", _linear, once=True),
    Rule("bound-valid", "No solution beats the view Bound.", _bound),
)
"""Rules of each instance; `views-as-declared` is asked once of the class."""
