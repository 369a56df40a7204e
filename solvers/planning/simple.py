"""Policies without foresight: nothing, chance, and the best next step, found exactly, greedily or by sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood.errors import FitError, OptionError
from redwood.planning.contract import Planning
from redwood.planning.policies import GreedyPolicy, IndexPolicy, NullPolicy, RandomPolicy, SamplingPolicy
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


@dataclass(frozen=True)
class Myopic(Solver):
    """Take the action of the greatest expected reward in this step, by the action set's exact oracle."""

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        return Answer(IndexPolicy(problem.view(Planning, instance).arms.rewards[None]))


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
