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
        levels = [
            climb(actions, lambda tried, conditioned=conditioned: conditioned.values(indicators(tried, actions.levels)))  # type: ignore[misc]
            for conditioned in self.conditioned(actions, distinct, step)
        ]
        return np.array(levels)[rows.ravel()]


@singledispatch
def climb(actions: ActionSet, value: Value) -> Array:
    """Return levels [J] reached by raising one arm at a time, each time to the allowed action of the greatest value.

    It ends where no raise is worth more. A raise that is refused once is not tried again.

    Raises
    ------
    ModelError
        Where the set does not allow level 0 for every arm, and nobody registered a climb for it.
    """
    levels = np.zeros(actions.arms, np.int64)
    if not actions.contains(levels):
        raise ModelError(f"{type(actions).__name__} does not allow level 0 for every arm, where climbing would start.")
    q_values, refused = float(value(levels[None])[0]), np.zeros((actions.arms, actions.levels), bool)
    while True:
        higher = np.arange(actions.levels) > levels[:, None]
        arms, pulled = np.nonzero(higher & ~refused)
        tried = np.repeat(levels[None], len(arms), axis=0)
        tried[np.arange(len(arms)), arms] = pulled
        values = value(tried)
        for row in np.argsort(-values, kind="stable"):
            if values[row] <= q_values:
                return levels
            if actions.contains(tried[row]):
                levels, q_values = tried[row], float(values[row])
                break
            refused[arms[row], pulled[row]] = True
        else:
            return levels


@climb.register
def _(actions: InterventionsSet, value: Value) -> Array:
    """Choose interventions one at a time until there are as many as must be, whether or not Q grows."""
    load = np.zeros(actions.arms, np.int64)
    rest = list(range(len(actions.weights)))
    for _ in range(actions.budget):
        tried = (actions.loads[None] == (load + actions.weights[rest])[:, :, None]).argmax(axis=2)
        chosen = rest.pop(int(np.argmax(value(tried))))
        load = load + actions.weights[chosen]
    levels: Array = (actions.loads == load[:, None]).argmax(axis=1)
    return levels
