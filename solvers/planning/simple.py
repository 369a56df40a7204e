"""Policies without the rollout policy: nothing, chance, and the best next step, found exactly, greedily or by sampling."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from redwood.errors import FitError, OptionError
from redwood.planning.additive_policy import AdditivePolicy
from redwood.planning.contract import Arms, Planning
from redwood.planning.policies import GreedyPolicy, IndexPolicy, NullPolicy, RandomPolicy, SamplingPolicy
from redwood.planning.steps import arms_alone, is_coupled
from redwood.problem import Instance, Problem
from redwood.solver import Answer, Run, Solver


@dataclass(frozen=True)
class Null(Solver):
    """Never pull an arm: what happens by itself. It fits where that is allowed."""

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        actions = problem.view(Planning, instance).actions
        if not actions.contains(np.zeros(actions.arms, np.int64)):
            raise FitError(f"doing nothing is not an action of {instance.name or problem.name!r}, so it has no null policy.")
        return Answer(NullPolicy())


@dataclass(frozen=True)
class Random(Solver):
    """Draw an action at random in each step, one that wastes nothing."""

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        return Answer(RandomPolicy())


NO_DIFFERENCE = "Rewards do not depend on the action, so none is better than another now; reward='next-state' looks ahead."


class MyopicReward(StrEnum):
    """Which reward `Myopic` looks at."""

    STEP = "step"
    NEXT_STATE = "next-state"


@dataclass(frozen=True)
class Myopic(Solver):
    """Take the action of the greatest expected reward, by the action set's exact oracle, without regard to what follows.

    Attributes
    ----------
    reward
        ``step``: the expected reward of this step. ``next-state``: that of the state that this step leads to, which is what
        the literature on restless bandits calls myopic; it is for rewards that belong to states, whatever is done in them.
    """

    reward: str = MyopicReward.STEP

    def __post_init__(self) -> None:
        if self.reward not in list(MyopicReward):
            raise OptionError(f"reward {self.reward!r} is not one of {', '.join(MyopicReward)}.")

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        planning = problem.view(Planning, instance)
        if is_coupled(planning):
            return self._coupled(planning)
        arms = planning.arms
        of_states = rewards_of_states(arms)
        if self.reward == MyopicReward.STEP:
            hint = NO_DIFFERENCE if of_states else ""
            return Answer(IndexPolicy(arms.rewards[None], "myopic"), message=hint)
        if not of_states:
            raise FitError(
                "reward 'next-state' is for rewards of states alone, and those of the instance depend on the action."
            )
        return Answer(IndexPolicy(np.einsum("jasz,jz->jas", arms.transitions, arms.rewards[:, 0])[None], "myopic"))

    def _coupled(self, planning: Planning) -> Answer:
        """Return the policy of the exact step, joint reward and exposure included."""
        rewards = arms_alone(planning).rewards
        states_alone = planning.joint is None and rewards_of_states(arms_alone(planning))
        if self.reward == MyopicReward.STEP:
            hint = NO_DIFFERENCE if states_alone else ""
            return Answer(AdditivePolicy(np.zeros((1, *planning.arms.start.shape)), "myopic"), message=hint)
        if not states_alone:
            raise FitError(
                "reward 'next-state' is for rewards of states alone, and those of the instance depend on the action."
            )
        return Answer(AdditivePolicy(rewards[None, :, 0], "myopic"))


def rewards_of_states(arms: Arms) -> bool:
    """Return whether the rewards of arms are the same whatever is done in a state."""
    return bool(np.allclose(arms.rewards, arms.rewards[:, :1], rtol=1e-12, atol=1e-15))


@dataclass(frozen=True)
class Greedy(Solver):
    """Raise one arm after another, each time for the greatest expected reward in this step."""

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        return Answer(GreedyPolicy(problem.view(Planning, instance).arms.rewards[None]))


@dataclass(frozen=True)
class Sampling(Solver):
    """Draw actions at random and take the one of the greatest expected reward in this step.

    Attributes
    ----------
    draws
        How many actions are drawn in each step.
    """

    draws: int = 100

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise OptionError(f"draws {self.draws} is below 1; give at least 1.")

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        return Answer(SamplingPolicy(problem.view(Planning, instance).arms.rewards[None], self.draws))
