"""`ActionOracle`: the best actions of a frozen network in many states, each asked for once."""

from __future__ import annotations

import copy

import numpy as np

from redwood.arrays import Array
from redwood.planning.action_set import ActionSet
from redwood.solvers.sequoia.networks.network import QNetwork
from redwood.solvers.sequoia.search.embedding import Embedding


class ActionOracle:
    """A copy of a network, with a cache of its best actions; where these are searched for, in the quickest way.

    Attributes
    ----------
    programs, searches
        How many mixed-integer programs were solved, and how many states were maximised at all.
    """

    def __init__(self, network: QNetwork, actions: ActionSet) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.embedding = Embedding(actions, self.network.matrices(), starts=0)
        self.programs = self.searches = 0
        self._known: dict[bytes, Array] = {}

    def best(self, states: Array, steps: Array) -> Array:
        """Return the best action [B, J] in the states [B, J] at steps [B]; within 1e-7 of episodes' rewards."""
        keys = [row.tobytes() for row in np.column_stack([states, steps])]
        new = {key: row for row, key in enumerate(keys) if key not in self._known}
        rows = list(new.values())
        if rows:
            for key, conditioned in zip(new, self.network.condition(states[rows], steps[rows]), strict=True):
                decision = self.embedding.decide(conditioned, least=self.network.shape.unit)
                self.searches += 1
                self.programs += decision.program
                self._known[key] = decision.arm_actions
        return np.array([self._known[key] for key in keys])
