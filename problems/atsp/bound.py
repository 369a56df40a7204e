"""Lower bounds of the ATSP: the assignment problem at once, then the subtour relaxation while the clock allows."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.problems.atsp.instance import ATSPInstance
from redwood.tolerance import STEP, eased, usable_step
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
        best = BoundValue(self._assignment(), "assignment")
        goal = math.inf if incumbent is None else incumbent
        if size > LARGEST or best.value >= goal:
            return best
        if clock.stops():
            return replace(best, cut_short=True)
        from redwood.problems.atsp.relaxation import Relaxation

        goal -= (1.0 - STEP) * usable_step(self._step, abs(best.value))
        relaxation = Relaxation(self._instance.matrix, NEIGHBOURS)
        value = self._rounded(relaxation.tighten(clock, goal), 0.0)
        if value <= best.value:
            return replace(best, cut_short=not relaxation.ended)
        return BoundValue(value, "linear program with subtour rows", not relaxation.ended)

    def warm_up(self) -> None:
        """Import what `bound` needs: nothing is compiled."""
        import scipy.optimize
        import scipy.sparse.csgraph  # noqa: F401

        import redwood.problems.atsp.relaxation  # noqa: F401

    @property
    def _step(self) -> float:
        return 1.0 if self._instance.travel.integral else 0.0

    def _assignment(self) -> float:
        from scipy.optimize import linear_sum_assignment

        cost = np.array(self._instance.matrix, dtype=np.float64)
        most = _tour_length(cost)  # no optimal tour has a longer arc, and huge ones would cost digits
        np.minimum(cost, most, out=cost)
        np.fill_diagonal(cost, 2.0 * most or 1.0)
        return self._rounded(float(cost[linear_sum_assignment(cost)].sum()), most)

    def _rounded(self, value: float, magnitude: float) -> float:
        """Return the bound rounded up where all distances are whole, and lowered by what floats can lose."""
        return max(0.0, eased(value, "min", step=self._step, magnitude=magnitude))


def _tour_length(cost: Array) -> float:
    """Return the length of the tour that goes to the nearest node left, from node 0."""
    left, node, length = np.ones(len(cost), dtype=bool), 0, 0.0
    for _ in range(len(cost) - 1):
        left[node] = False
        following = int(np.where(left, cost[node], np.inf).argmin())
        length += float(cost[node, following])
        node = following
    return length + float(cost[node, 0])
