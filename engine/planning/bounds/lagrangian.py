"""`LagrangianBound`: the view `Bound` of any planning problem: arms priced apart, over the convex hull of the action set."""

from __future__ import annotations

from redwood.clock import Clock
from redwood.planning.bounds.average import solve_average
from redwood.planning.bounds.coupled import coupled_bound
from redwood.planning.bounds.duality import tighten
from redwood.planning.contract import Criterion, Planning
from redwood.planning.steps import is_coupled
from redwood.tolerance import ROUNDING, SAME
from redwood.views.bound import Bound, BoundValue


class LagrangianBound(Bound):
    """Upper bounds on the expected reward a step of every policy.

    Parameters
    ----------
    planning
        The instance's view.
    magnitude
        The most that the rewards of a step can sum to, of either sign; rounding is measured by it.
    """

    def __init__(self, planning: Planning, magnitude: float) -> None:
        self._planning = planning
        self._magnitude = magnitude

    def bound(self, clock: Clock, incumbent: float | None = None) -> BoundValue:
        """Return the Lagrangian bound at the best prices that the clock allows; it is valid at any prices."""
        if is_coupled(self._planning):
            found = coupled_bound(self._planning, clock) / self._planning.horizon
        elif self._planning.criterion is Criterion.AVERAGE:
            found = solve_average(self._planning, clock).bound
        else:
            found = tighten(self._planning, clock).bound / self._planning.horizon
        lost = max(SAME * abs(found), ROUNDING * self._magnitude)
        return BoundValue(found + lost, "Lagrangian over the joint actions", clock.stops())

    def warm_up(self) -> None:
        """Load the kernels of the action set."""
        self._planning.actions.warm_up()
