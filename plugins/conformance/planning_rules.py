"""The promises of the view `Planning`: of its arms, its action set and its simulator."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np

from redwood.planning.contract import Planning
from redwood.planning.policies import RandomPolicy
from redwood.planning.steps import arms_alone
from redwood.plugins.conformance.problem_rules import ProblemCase
from redwood.plugins.conformance.rules import Rule, close
from redwood.tolerance import CONFLICT, beyond

DRAWS = 8
"""Random values and actions a case."""


def _planning(case: ProblemCase) -> Planning:
    return case.problem.view(Planning, case.instance)


def _arms(case: ProblemCase) -> Iterator[str]:
    planning = _planning(case)
    arms, arm_actions, states = planning.arms.shape
    alone = arms_alone(planning)
    if alone.transitions.shape != (arms, arm_actions, states, states) or planning.arms.start.shape != (arms, states):
        yield (
            f"transitions {list(alone.transitions.shape)} and start {list(planning.arms.start.shape)} disagree with "
            f"rewards {[arms, arm_actions, states]}; expected [J, A, S, S] and [J, S]."
        )
        return
    exposed = alone if planning.exposure is None else planning.exposure
    if exposed.transitions.shape[-4:] != alone.transitions.shape:
        yield f"transitions by exposure {list(exposed.transitions.shape)} are not those of arms {list(alone.shape)}."
    for what, rows in (("transitions", exposed.transitions), ("start", planning.arms.start)):
        if (rows < 0).any() or not np.allclose(rows.sum(axis=-1), 1.0):
            yield f"a row of {what} is no distribution."
    if (planning.actions.arms, planning.actions.arm_actions) != (arms, arm_actions):
        have = f"{planning.actions.arms} arms of {planning.actions.arm_actions} actions"
        yield f"the action set has {have}; expected {arms} arms of {arm_actions}."


def _tables(case: ProblemCase, planning: Planning) -> Iterator[Any]:
    rng = np.random.default_rng(case.seed)
    for _ in range(DRAWS):
        yield rng.normal(size=planning.arms.shape[:2])


def _argmax(case: ProblemCase) -> Iterator[str]:
    planning = _planning(case)
    rng = np.random.default_rng(case.seed)
    samples = planning.actions.samples(DRAWS, rng)
    for coefficients in _tables(case, planning):
        choice, model = planning.actions.argmax(coefficients), planning.actions.solve(coefficients)
        magnitude = float(np.abs(coefficients).max(axis=1).sum())
        if not close(choice.value, model.value, magnitude):
            yield f"argmax found {choice.value:.9g}, the declared model {model.value:.9g}."
        if beyond("max", choice.bound, choice.value, magnitude, CONFLICT):
            yield f"argmax claims the bound {choice.bound:.9g} below its own value {choice.value:.9g}."
        best = max(float(coefficients[np.arange(len(arm_actions)), arm_actions].sum()) for arm_actions in samples)
        if best > choice.value and not close(best, choice.value, magnitude):
            yield f"argmax found {choice.value:.9g}, and a sampled action is worth {best:.9g}."
        if not planning.actions.contains(choice.arm_actions):
            yield f"contains() refuses what argmax chose: {choice.arm_actions.tolist()}."


def _samples(case: ProblemCase) -> Iterator[str]:
    planning = _planning(case)
    for arm_actions in planning.actions.samples(DRAWS, np.random.default_rng(case.seed)):
        if not planning.actions.contains(arm_actions):
            yield f"sample() drew an action outside the set: {arm_actions.tolist()}."
            return
    outside = np.full(planning.actions.arms, planning.actions.arm_actions)
    if planning.actions.contains(outside):
        yield f"contains() allows actions that do not exist: {outside.tolist()}."


def _simulator(case: ProblemCase) -> Iterator[str]:
    planning = _planning(case)
    first, again = (planning.rollouts(RandomPolicy(), 4, seed=case.seed) for _ in range(2))
    if first.shape != (4, planning.horizon):
        yield f"rollouts have shape {list(first.shape)}; expected {[4, planning.horizon]}."
    elif not np.array_equal(first, again):
        yield "the same policy and seed gave other rewards."


def _sets_pickle(case: ProblemCase) -> Iterator[str]:
    planning = _planning(case)
    coefficients = np.random.default_rng(case.seed).normal(size=planning.arms.shape[:2])
    copy = pickle.loads(pickle.dumps(planning.actions))
    if not close(
        copy.argmax(coefficients).value, planning.actions.argmax(coefficients).value, float(np.abs(coefficients).sum())
    ):
        yield "a pickled action set has another argmax."


PLANNING_RULES: tuple[Rule[ProblemCase], ...] = (
    Rule("arms", "Arms have agreeing shapes and their rows are distributions.", _arms),
    Rule("argmax", "argmax is exact: the declared model's optimum, in the set, beaten by no sample.", _argmax),
    Rule("samples", "Sampled actions are in the set; actions that do not exist are not.", _samples),
    Rule("simulator", "Rollouts have the shape [E, H] and repeat with the seed.", _simulator),
    Rule("sets-pickle", "Action sets survive pickling.", _sets_pickle),
)
