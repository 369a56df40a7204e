"""`ControlVariate`: what targets of learning can do without, where values of the arms' states are known."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.planning.bounds.segment import Decoupled


class ControlVariate:
    """How much more known values of states promise after a step's outcome than they did on the average before it.

    Its expectation is 0 whatever the values are, so that targets less their noise are right on the average; where the
    values are nearly right, little but what they miss is left to vary. With J arms that is the difference between noise
    that grows with their number and hardly any.

    Parameters
    ----------
    values
        Q-values [H + 1, J, S] of each arm's state before each step, discounted to the first step.

    References
    ----------
    Henderson, Glynn (2002), Approximating martingales for variance reduction in Markov process simulation,
    doi:10.1287/moor.27.2.253.494, section 2.
    """

    def __init__(self, planning: Decoupled, values: Array) -> None:
        self._values = values / planning.discount ** np.arange(len(values))[:, None, None]
        self._expected = np.einsum("jasz,tjz->tjas", planning.arms.transitions, self._values[1:], optimize=True)
        self._arms = np.arange(values.shape[1])

    def of(self, states: Array, arm_actions: Array, step: int, outcomes: Array) -> Array:
        """Return the noise [M] of outcomes [M, J] of a step in states [J] at actions [J], discounted to that step's end.

        Parameters
        ----------
        states, arm_actions
            State and action [J] of each arm before the step.
        step
            Number of the step, from 0.
        outcomes
            States [M, J] after the step, one row for each outcome drawn.
        """
        expected = self._expected[step][self._arms, arm_actions, states].sum()
        found: Array = self._values[step + 1][self._arms, outcomes].sum(axis=1) - expected
        return found
