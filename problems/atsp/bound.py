"""Lower bounds of the ATSP: the assignment problem at once, then the subtour relaxation while the clock allows."""

from __future__ import annotations

import math

import numpy as np

from redwood.clock import Clock
from redwood.problems.atsp.instance import ATSPInstance
from redwood.views.bound import Bound, BoundValue

LARGEST = 2000
"""Up to this many nodes the linear program is tried."""
NEIGHBOURS = 8
"""Arcs to and from so many nearest nodes are in the linear program from the start; others are priced in."""


class ATSPBound(Bound):
    """The assignment bound, raised by subtour rows to the bound of Held and Karp.

    References
    ----------
    Balas, Toth (1985), Branch and bound methods, in: The Traveling Salesman Problem (Lawler et al., eds.), chapter 10, for
    the assignment bound; Held, Karp (1970), doi:10.1287/opre.18.6.1138, for the value of the subtour relaxation.
    """

    def __init__(self, instance: ATSPInstance) -> None:
        self._instance = instance

    def bound(self, clock: Clock, incumbent: float | None = None) -> BoundValue:
        """Return the best bound that the clock allows; it ends early where it proves ``incumbent`` optimal."""
        size = self._instance.size
        if size < 3:
            matrix = self._instance.matrix
            return BoundValue(float(matrix[0, 1] + matrix[1, 0]) if size == 2 else 0.0, "exact")
        best = BoundValue(self._rounded(self._assignment()), "assignment")
        goal = math.inf if incumbent is None else incumbent
        if size > LARGEST or clock.stops() or best.value >= goal:
            return best
        from redwood.problems.atsp.relaxation import Relaxation

        goal -= self._step * (1.0 - 1e-6)
        value = self._rounded(Relaxation(self._instance.matrix, NEIGHBOURS).tighten(clock, goal))
        return BoundValue(value, "linear program with subtour rows") if value > best.value else best

    @property
    def _step(self) -> float:
        return 1.0 if self._instance.travel.integral else 0.0

    def _assignment(self) -> float:
        from scipy.optimize import linear_sum_assignment

        cost = np.array(self._instance.matrix, dtype=np.float64)
        np.fill_diagonal(cost, 1.0 + cost.sum(axis=1).max())
        chosen = linear_sum_assignment(cost)
        return float(cost[chosen].sum())

    def _rounded(self, value: float) -> float:
        """Return the bound rounded up where all distances are whole, and lowered by what floats can lose."""
        eased = value - 1e-9 * max(1.0, abs(value))
        return float(max(0.0, math.ceil(eased - 1e-6) if self._instance.travel.integral else eased))
