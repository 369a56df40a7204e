"""`Constant`: the best joint action to take in every step, whatever the states are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.planning.contract import Criterion, Planning, Policy
from redwood.problem import Instance, Problem, frozen
from redwood.solver import Answer, Run, Solver

SQUARINGS = 60
"""How often a lazy chain is squared: 2^60 steps are endless."""


@dataclass(frozen=True, eq=False)
class ConstantPolicy(Policy):
    """Take the same joint action in every step.

    Attributes
    ----------
    arm_actions
        Action [J] of each arm.
    """

    kind: ClassVar[str] = "constant"
    arm_actions: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "arm_actions", frozen(self.arm_actions, np.int64))

    def describe(self) -> dict[str, Any]:
        """Return that one joint action decides, the best of all."""
        return {"decides_by": "constant", "proven": True}

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the joint action for each episode."""
        return np.repeat(self.arm_actions[None], len(states), axis=0)


@dataclass(frozen=True)
class Constant(Solver):
    """Find the best joint action to hold throughout: what can be had without looking at the states.

    Where one action is held, arms do not concern each other: what an arm earns for each action is a recursion of its own,
    and one call of the action set's oracle finds the best action, exactly. A policy that looks at states is worth what it
    earns beyond this one.
    """

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        planning = problem.view(Planning, instance)
        choice = planning.actions.argmax(held_values(planning))
        return Answer(
            ConstantPolicy(choice.arm_actions),
            message=f"The expected reward a step of the best constant action is {choice.value:.9g}.",
        )


def held_values(planning: Planning) -> Array:
    """Return the expected mean reward a step [J, A] of each arm that is held under an action."""
    arms = planning.arms
    if planning.criterion is Criterion.AVERAGE:
        chain = (arms.transitions + np.eye(arms.shape[2])) / 2.0  # lazy, so that periodic chains settle as well
        for _ in range(SQUARINGS):
            chain = np.matmul(chain, chain)
            chain /= chain.sum(axis=-1, keepdims=True)
        means: Array = np.einsum("js,jasz,jaz->ja", arms.start, chain, arms.rewards)
        return means
    ahead = np.zeros(arms.rewards.shape)
    for _ in range(planning.horizon):
        ahead = arms.rewards + planning.discount * np.matmul(arms.transitions, ahead[..., None])[..., 0]
    values: Array = np.einsum("js,jas->ja", arms.start, ahead) / planning.horizon
    return values
