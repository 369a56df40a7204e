"""What action sets share whose best actions and samples are found for many rows at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.arrays import Array
from redwood.planning.action_set import ActionSet, Choice, value_of

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel


class BatchedSet(ActionSet):
    """An action set whose `choose` is exact and whose `samples` are quick."""

    def indicators(self, model: ConcreteModel) -> list[Any]:
        """Return the variables ``pulled`` of the arms."""
        return list(model.pulled.values())

    def argmax(self, coefficients: Array) -> Choice:
        """Return what `choose` returns, a proven maximum."""
        arm_actions = self.choose(coefficients[None])[0]
        value = value_of(coefficients, arm_actions)
        return Choice(arm_actions, value, value, self)

    def sample(self, rng: np.random.Generator) -> Array:
        """Return one of `samples`."""
        return np.asarray(self.samples(1, rng)[0])
