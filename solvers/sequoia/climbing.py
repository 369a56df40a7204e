"""`ClimbingPolicy`: the Q-network's action, built by raising one arm after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.planning.contract import Planning
from redwood.solvers.sequoia.networks.conditioned import indicators
from redwood.solvers.sequoia.policy import QPolicy


@dataclass(frozen=True, eq=False)
class ClimbingPolicy(QPolicy):
    """Build the action one raise at a time, each for the greatest Q, as long as Q grows; the fields are `QPolicy`'s."""

    kind: ClassVar[str] = "iterative-q-network"

    def describe(self) -> dict[str, Any]:
        """Return that a Q-network decides, and that no action is proven to be its maximum."""
        return {"decides_by": "q-network", "proven": False}

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the action that was climbed to in each episode's states; equal states are decided once."""
        actions = planning.actions
        distinct, rows = np.unique(states, axis=0, return_inverse=True)
        arm_actions = [
            actions.climb(lambda tried, conditioned=conditioned: conditioned.values(indicators(tried, actions.arm_actions)))  # type: ignore[misc]
            for conditioned in self.conditioned(actions, distinct, step)
        ]
        return np.array(arm_actions)[rows.ravel()]
