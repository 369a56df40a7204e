"""`Constant`: the best joint action to take in every step, whatever the states are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.planning.contract import Criterion, Planning, Policy
from redwood.planning.joint_maximum import swapped
from redwood.planning.steps import arms_alone, is_coupled
from redwood.problem import Instance, Problem, frozen
from redwood.solver import Answer, Run, Solver

FEW = 500
"""The most constant actions of coupled arms that are all tried."""
TRIALS = 200
"""Episodes in which each is tried."""
SQUARINGS = 60
"""How often a lazy chain is squared: 2^60 steps are endless."""


@dataclass(frozen=True, eq=False)
class ConstantPolicy(Policy):
    """Take the same joint action in every step.

    Attributes
    ----------
    arm_actions
        Action [J] of each arm.
    proven
        Whether it is proven to be the best of all that are held throughout.
    """

    kind: ClassVar[str] = "constant"
    arm_actions: Array
    proven: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "arm_actions", frozen(self.arm_actions, np.int64))

    def describe(self) -> dict[str, Any]:
        """Return that one joint action decides, and whether it is the best of all."""
        return {"decides_by": "constant", "proven": self.proven}

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the joint action for each episode."""
        return np.repeat(self.arm_actions[None], len(states), axis=0)


@dataclass(frozen=True)
class Constant(Solver):
    """Find the best joint action to hold throughout: what can be had without looking at the states.

    Where one action is held, arms do not concern each other: what an arm earns for each action is a recursion of its own,
    and one call of the action set's oracle finds the best action, exactly. A policy that looks at states is worth what it
    earns beyond this one. Where a joint reward or exposure couples the arms, joint actions are compared in simulated
    episodes with common random numbers: all of them where they are few, else those that swaps of two arms lead to.
    """

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        planning = problem.view(Planning, instance)
        if is_coupled(planning):
            arm_actions, tried = searched(planning, run)
            return Answer(
                ConstantPolicy(arm_actions, False), message=f"The best of {tried} constant actions in trial episodes."
            )
        choice = planning.actions.argmax(held_values(planning))
        return Answer(
            ConstantPolicy(choice.arm_actions),
            message=f"The expected reward a step of the best constant action is {choice.value:.9g}.",
        )


def searched(planning: Planning, run: Run) -> tuple[Array, int]:
    """Return the joint action [J] that earned most in trial episodes when held, and how many were tried."""
    seed, known = int(run.rng.integers(2**31)), dict[bytes, float]()

    def earned(arm_actions: Array) -> float:
        key = arm_actions.tobytes()
        if key not in known:
            known[key] = float(planning.rollouts(ConstantPolicy(arm_actions, False), TRIALS, seed).mean())
        return known[key]

    listed = planning.actions.enumerate(FEW)
    if listed is not None:
        return max((arm_actions.astype(np.int64) for arm_actions in listed), key=earned), len(listed)
    rewards = arms_alone(planning).rewards.max(axis=2)
    alone = rewards if planning.joint is None else rewards + planning.joint.envelope().max(axis=2)
    tilted = alone + np.arange(alone.shape[1]) * 1e-9  # so that pulls are not wasted where they bring nothing at once
    best = planning.actions.argmax(tilted).arm_actions
    while not run.stops():
        nearest = max(swapped(planning, best), key=earned)
        if earned(nearest) <= earned(best):
            break
        best = nearest
    return best, len(known)


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
