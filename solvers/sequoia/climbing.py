"""`ClimbingPolicy`: the Q-network's action, built by raising one arm after another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import ModelError
from redwood.planning.contract import ActionSet, Planning
from redwood.problems.cormab.interventions import InterventionsSet
from redwood.solvers.sequoia.networks.conditioned import indicators
from redwood.solvers.sequoia.policy import QPolicy

Value = Callable[[Array], Array]
"""The Q-values [N] of joint actions [N, J]."""


@dataclass(frozen=True, eq=False)
class ClimbingPolicy(QPolicy):
    """Build the action one raise at a time, each for the greatest Q, as long as Q grows; the fields are `QPolicy`'s."""

    kind: ClassVar[str] = "iterative-q-network"

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the action that was climbed to in each episode's states; equal states are decided once."""
        actions = planning.actions
        distinct, rows = np.unique(states, axis=0, return_inverse=True)
        arm_actions = [
            climb(actions, lambda tried, conditioned=conditioned: conditioned.values(indicators(tried, actions.arm_actions)))  # type: ignore[misc]
            for conditioned in self.conditioned(actions, distinct, step)
        ]
        return np.array(arm_actions)[rows.ravel()]


@singledispatch
def climb(actions: ActionSet, value: Value) -> Array:
    """Return actions [J] reached by pulling one arm at a time, each time to the allowed action of the greatest value.

    It ends where no raise is worth more. A raise that is refused once is not tried again.

    Raises
    ------
    ModelError
        Where the set does not allow action 0 for every arm, and nobody registered a climb for it.
    """
    arm_actions = np.zeros(actions.arms, np.int64)
    if not actions.contains(arm_actions):
        raise ModelError(f"{type(actions).__name__} does not allow action 0 for every arm, where climbing would start.")
    q_values, refused = float(value(arm_actions[None])[0]), np.zeros((actions.arms, actions.arm_actions), bool)
    while True:
        higher = np.arange(actions.arm_actions) > arm_actions[:, None]
        arms, pulled = np.nonzero(higher & ~refused)
        tried = np.repeat(arm_actions[None], len(arms), axis=0)
        tried[np.arange(len(arms)), arms] = pulled
        values = value(tried)
        for row in np.argsort(-values, kind="stable"):
            if values[row] <= q_values:
                return arm_actions
            if actions.contains(tried[row]):
                arm_actions, q_values = tried[row], float(values[row])
                break
            refused[arms[row], pulled[row]] = True
        else:
            return arm_actions


@climb.register
def _(actions: InterventionsSet, value: Value) -> Array:
    """Choose interventions one at a time until there are as many as must be, whether or not Q grows."""
    load = np.zeros(actions.arms, np.int64)
    rest = list(range(len(actions.weights)))
    for _ in range(actions.budget):
        tried = (actions.loads[None] == (load + actions.weights[rest])[:, :, None]).argmax(axis=2)
        chosen = rest.pop(int(np.argmax(value(tried))))
        load = load + actions.weights[chosen]
    arm_actions: Array = (actions.loads == load[:, None]).argmax(axis=1)
    return arm_actions
