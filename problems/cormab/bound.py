"""The view `Bound` of coupled restless bandits: arms priced apart, over the convex hull of the action set."""

from __future__ import annotations

from functools import cache

import numpy as np

from redwood.clock import Clock, Timer
from redwood.planning.bounds.average import solve_average
from redwood.planning.bounds.coupled import coupled_bound
from redwood.planning.bounds.duality import tighten
from redwood.planning.contract import ActionSet, Criterion
from redwood.planning.steps import is_coupled
from redwood.problems.cormab.generators import DRAWS, usual_budget
from redwood.problems.cormab.instance import BanditInstance
from redwood.problems.cormab.planning import BanditPlanning
from redwood.tolerance import ROUNDING, SAME
from redwood.views.bound import Bound, BoundValue

REHEARSED = (4, 10)
"""Arms of the instances that kernels are compiled on."""


class BanditBound(Bound):
    """Upper bounds on the expected reward a step of every policy."""

    def __init__(self, instance: BanditInstance) -> None:
        self._planning = BanditPlanning(instance)
        self._magnitude = instance.magnitude

    def bound(self, clock: Clock, incumbent: float | None = None) -> BoundValue:
        """Return the Lagrangian bound at the best prices that the clock allows; it is valid at any prices."""
        if is_coupled(self._planning):
            found = coupled_bound(self._planning, clock) / self._planning.horizon
        elif self._planning.criterion is Criterion.AVERAGE:
            found = solve_average(self._planning, clock).bound
        else:
            found = tighten(self._planning, clock).bound / self._planning.horizon
        lost = max(SAME * abs(found), ROUNDING * self._magnitude)
        return BoundValue(found + lost, "Lagrangian over the joint actions")

    def warm_up(self) -> None:
        """Compile what `bound` needs, on small instances with an action set of the same kind, where it is a built-in one."""
        self._planning.actions.warm_up()
        _rehearse(type(self._planning.actions), self._planning.criterion)


@cache
def _rehearse(kind: type[ActionSet], criterion: Criterion) -> None:
    """Bound a small instance of every variant whose action set is of a kind."""
    for size in REHEARSED:
        for draw in DRAWS.values():
            arms, actions = draw(size, max(2, usual_budget(size)), np.random.default_rng(0))
            if type(actions) is kind:
                small = BanditInstance(arms=arms, actions=actions, horizon=3, criterion=criterion)
                BanditBound(small).bound(Timer())
