"""`Priced arms`: what the Lagrangian relaxation says of each arm, in the form that networks of arms start from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.planning.bounds.duality import Priced, tighten
from redwood.planning.contract import Planning


@dataclass(frozen=True, eq=False)
class Relaxation:
    """The prices of the tightest bound, and the value of states under them.

    Attributes
    ----------
    priced
        What the prices amount to.
    values
        Q-values [H + 1, J, S] of each arm's state before each step, discounted to the first step: what the arm earns beyond
        the prices it pays, and an equal share of all prices that are still to be paid. Over arms they add up to an upper
        bound on the reward to come of every policy.
    """

    priced: Priced
    values: Array

    def bound(self, horizon: int) -> float:
        """Return the upper bound a step, raised by the rounding of sums."""
        found = self.priced.bound / horizon
        return found + 1e-9 * abs(found)


def relax(planning: Planning, clock: Clock) -> Relaxation:
    """Return the relaxation at the best prices that the clock allows."""
    priced = tighten(planning, clock)
    paid = np.array([planning.actions.argmax(prices).bound for prices in priced.prices])
    ahead = np.cumsum(paid[::-1])[::-1] / planning.arms.shape[0]
    values = np.zeros((planning.horizon + 1, *planning.arms.start.shape))
    values[:-1] = (priced.q_values - priced.prices[..., None]).max(axis=2) + ahead[:, None, None]
    return Relaxation(priced, values)
