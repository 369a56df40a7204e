"""The view `Bound` of coupled restless bandits: arms priced apart, over the convex hull of the action set."""

from __future__ import annotations

from redwood.clock import Clock
from redwood.planning.bounds.average import settle
from redwood.planning.bounds.duality import tighten
from redwood.planning.contract import Criterion
from redwood.problems.cormab.instance import BanditInstance
from redwood.problems.cormab.planning import BanditPlanning
from redwood.tolerance import ROUNDING, SAME
from redwood.views.bound import Bound, BoundValue


class BanditBound(Bound):
    """Upper bounds on the expected reward a step of every policy."""

    def __init__(self, instance: BanditInstance) -> None:
        self._planning = BanditPlanning(instance)
        self._magnitude = instance.magnitude

    def bound(self, clock: Clock, incumbent: float | None = None) -> BoundValue:
        """Return the Lagrangian bound at the best prices that the clock allows; it is valid at any prices."""
        if self._planning.criterion is Criterion.AVERAGE:
            found = settle(self._planning, clock).bound
        else:
            found = tighten(self._planning, clock).bound / self._planning.horizon
        lost = max(SAME * abs(found), ROUNDING * self._magnitude)
        return BoundValue(found + lost, "Lagrangian over the joint actions")
