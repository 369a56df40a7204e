"""`RoundRobin`: arms take turns, whatever their states are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.planning.contract import Planning, Policy, check_finite
from redwood.problem import Instance, Problem, frozen
from redwood.solver import Answer, Run, Solver


@dataclass(frozen=True, eq=False)
class RoundRobinPolicy(Policy):
    """Follow a timetable.

    Attributes
    ----------
    timetable
        Action [H, J] of each arm in each step.
    """

    kind: ClassVar[str] = "round-robin"
    timetable: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "timetable", frozen(self.timetable, np.int64))

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the step's joint action for each episode."""
        return np.repeat(self.timetable[step][None], len(states), axis=0)


@dataclass(frozen=True)
class RoundRobin(Solver):
    """Let arms take turns, as many programmes do: in each step those act whose waiting times sum to the most.

    It looks at no state, so what a policy earns beyond it is what looking at states brings.
    """

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        planning = problem.view(Planning, instance)
        check_finite(planning, "round-robin")
        count, arm_actions, _ = planning.arms.shape
        acting = np.minimum(np.arange(arm_actions), 1)
        queue, waiting = np.arange(count), np.ones(count)
        timetable = np.empty((planning.horizon, count), dtype=np.int64)
        for step in range(planning.horizon):
            ahead = 1.0 - np.argsort(queue) / count  # who joined the queue first among those that wait as long
            timetable[step] = planning.actions.argmax((waiting + ahead)[:, None] * acting).arm_actions
            served = timetable[step, queue] > 0
            queue = np.concatenate([queue[~served], queue[served]])
            waiting = np.where(timetable[step] > 0, 1.0, waiting + 1.0)
        return Answer(RoundRobinPolicy(timetable))
