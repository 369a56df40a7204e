"""`Lookahead`: the joint action that begins the best plan of the next steps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError, SolutionError
from redwood.planning.contract import Planning, Policy
from redwood.problem import Instance, Problem
from redwood.solver import Answer, Run, Solver

LARGEST = 4096
"""The most plans of one arm, actions to the power of steps."""


@dataclass(frozen=True, eq=False)
class LookaheadPolicy(Policy):
    """Plan the actions of the next steps from the present states, and take the first joint action of the plan.

    A plan does not wait for what happens. What an arm expects from it depends on the arm's own actions alone, so that,
    all steps but one being held, the best joint action of that step is one call of the action set's oracle; the steps
    take turns until none of them gains. From several beginnings the best plan is kept.

    Attributes
    ----------
    steps
        How many steps a plan has, from 1 (myopic) on.
    """

    kind: ClassVar[str] = "lookahead"
    steps: int = 2

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise SolutionError(f"steps {self.steps} is below 1; a plan has at least one.")

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the first action of the best plan found in each episode's states."""
        steps = min(self.steps, planning.horizon - step)
        table = planned(planning, steps)
        rows, which = np.unique(states, axis=0, return_inverse=True)
        arms = np.arange(states.shape[1])
        chosen = np.array([best_plan(planning, table[..., arms, row])[0] for row in rows])
        found: Array = chosen[which.ravel()]
        return found


@dataclass(frozen=True)
class Lookahead(Solver):
    """Look some steps ahead: plan the next joint actions for the greatest expected reward, and take the first.

    Attributes
    ----------
    steps
        How many steps a plan has, from 1 (myopic) on.
    """

    steps: int = 2

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise OptionError(f"steps {self.steps} is below 1; a plan has at least one.")

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        planning = problem.view(Planning, instance)
        arm_actions = planning.arms.shape[1]
        planned(planning, 1)  # refuses arms that are coupled beyond the action set
        if arm_actions**self.steps > LARGEST:
            raise OptionError(
                f"steps {self.steps} of {arm_actions} actions make more than {LARGEST} plans of an arm; give fewer."
            )
        return Answer(LookaheadPolicy(self.steps))


def planned(planning: Planning, steps: int) -> Array:
    """Return the expected reward [A, ..., A, J, S] of each arm in each state from each plan of actions, discounted."""
    arms = planning.arms
    count, arm_actions, states = arms.shape
    table = np.zeros((arm_actions,) * steps + (count, states))
    for plan in product(range(arm_actions), repeat=steps):
        ahead = np.zeros((count, states))
        for arm_action in reversed(plan):
            moved = np.matmul(arms.transitions[:, arm_action], ahead[:, :, None])[..., 0]
            ahead = arms.rewards[:, arm_action] + planning.discount * moved
        table[plan] = ahead
    return table


def best_plan(planning: Planning, table: Array) -> Array:
    """Return the joint actions [T, J] of a plan that no change of one step improves, given rewards [A, ..., A, J]."""
    steps, arms = table.ndim - 1, np.arange(table.shape[-1])
    arm_actions = table.shape[0]

    def slice_of(plan: Array, step: int) -> Array:
        index = [np.broadcast_to(row[:, None], (len(arms), arm_actions)) for row in plan]
        index[step] = np.broadcast_to(np.arange(arm_actions), (len(arms), arm_actions))
        sliced: Array = table[(*index, arms[:, None])]
        return sliced

    def climbed(plan: Array) -> tuple[float, Array]:
        q_values, stale, step = -np.inf, 0, 0
        while stale < steps:
            choice = planning.actions.argmax(slice_of(plan, step))
            if choice.value > q_values + 1e-12:
                q_values, stale = choice.value, 1
                plan = plan.copy()
                plan[step] = choice.arm_actions
            else:
                stale += 1
            step = (step + 1) % steps
        return q_values, plan

    return max((climbed(plan) for plan in _beginnings(planning, table)), key=lambda found: found[0])[1]


def _beginnings(planning: Planning, table: Array) -> list[Array]:
    """Return plans to begin with: one action in all steps, the best that arms keep, and rest where allowed."""
    steps = table.ndim - 1
    arm_actions = np.arange(table.shape[0])
    same = planning.actions.argmax(table[(arm_actions,) * steps].T).arm_actions
    begun = [np.repeat(same[None], steps, axis=0)]
    if planning.actions.contains(np.zeros_like(same)):
        begun.append(np.zeros_like(begun[0]))
    return begun
