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
"""Random worths and actions a case."""


def _planning(case: ProblemCase) -> Planning:
    return case.problem.view(Planning, case.instance)


def _arms(case: ProblemCase) -> Iterator[str]:
    planning = _planning(case)
    arms, levels, states = planning.arms.shape
    alone = arms_alone(planning)
    if alone.transitions.shape != (arms, levels, states, states) or planning.arms.start.shape != (arms, states):
        yield (
            f"transitions {list(alone.transitions.shape)} and start {list(planning.arms.start.shape)} disagree with "
            f"rewards {[arms, levels, states]}; expected [J, A, S, S] and [J, S]."
        )
        return
    exposed = alone if planning.exposure is None else planning.exposure
    if exposed.transitions.shape[-4:] != alone.transitions.shape:
        yield f"transitions by exposure {list(exposed.transitions.shape)} are not those of arms {list(alone.shape)}."
    for what, rows in (("transitions", exposed.transitions), ("start", planning.arms.start)):
        if (rows < 0).any() or not np.allclose(rows.sum(axis=-1), 1.0):
            yield f"a row of {what} is no distribution."
    if (planning.actions.arms, planning.actions.levels) != (arms, levels):
        have = f"{planning.actions.arms} arms at {planning.actions.levels} levels"
        yield f"the action set has {have}; expected {arms} arms at {levels}."


def _worths(case: ProblemCase, planning: Planning) -> Iterator[Any]:
    rng = np.random.default_rng(case.seed)
    for _ in range(DRAWS):
        yield rng.normal(size=planning.arms.shape[:2])


def _argmax(case: ProblemCase) -> Iterator[str]:
    planning = _planning(case)
    rng = np.random.default_rng(case.seed)
    samples = planning.actions.samples(DRAWS, rng)
    for worth in _worths(case, planning):
        choice, model = planning.actions.argmax(worth), planning.actions.solve(worth)
        magnitude = float(np.abs(worth).max(axis=1).sum())
        if not close(choice.value, model.value, magnitude):
            yield f"argmax found {choice.value:.9g}, the declared model {model.value:.9g}."
        if beyond("max", choice.bound, choice.value, magnitude, CONFLICT):
            yield f"argmax claims the bound {choice.bound:.9g} below its own value {choice.value:.9g}."
        best = max(float(worth[np.arange(len(levels)), levels].sum()) for levels in samples)
        if best > choice.value and not close(best, choice.value, magnitude):
            yield f"argmax found {choice.value:.9g}, and a sampled action is worth {best:.9g}."
        if not planning.actions.contains(choice.levels):
            yield f"contains() refuses what argmax chose: {choice.levels.tolist()}."


def _samples(case: ProblemCase) -> Iterator[str]:
    planning = _planning(case)
    for levels in planning.actions.samples(DRAWS, np.random.default_rng(case.seed)):
        if not planning.actions.contains(levels):
            yield f"sample() drew an action outside the set: {levels.tolist()}."
            return
    outside = np.full(planning.actions.arms, planning.actions.levels)
    if planning.actions.contains(outside):
        yield f"contains() allows levels that do not exist: {outside.tolist()}."


def _simulator(case: ProblemCase) -> Iterator[str]:
    planning = _planning(case)
    first, again = (planning.rollouts(RandomPolicy(), 4, seed=case.seed) for _ in range(2))
    if first.shape != (4, planning.horizon):
        yield f"rollouts have shape {list(first.shape)}; expected {[4, planning.horizon]}."
    elif not np.array_equal(first, again):
        yield "the same policy and seed gave other rewards."


def _sets_pickle(case: ProblemCase) -> Iterator[str]:
    planning = _planning(case)
    worth = np.random.default_rng(case.seed).normal(size=planning.arms.shape[:2])
    copy = pickle.loads(pickle.dumps(planning.actions))
    if not close(copy.argmax(worth).value, planning.actions.argmax(worth).value, float(np.abs(worth).sum())):
        yield "a pickled action set has another argmax."


PLANNING_RULES: tuple[Rule[ProblemCase], ...] = (
    Rule("arms", "Arms have agreeing shapes and their rows are distributions.", _arms),
    Rule("argmax", "argmax is exact: the declared model's optimum, in the set, beaten by no sample.", _argmax),
    Rule("samples", "Sampled actions are in the set; levels that do not exist are not.", _samples),
    Rule("simulator", "Rollouts have the shape [E, H] and repeat with the seed.", _simulator),
    Rule("sets-pickle", "Action sets survive pickling.", _sets_pickle),
)
