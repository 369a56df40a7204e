"""The view `Bound` of coupled restless bandits."""

from __future__ import annotations

from functools import cache

import numpy as np

from redwood.clock import Timer
from redwood.planning.action_set import ActionSet
from redwood.planning.bounds.lagrangian import LagrangianBound
from redwood.planning.contract import Criterion
from redwood.problems.cormab.generators import DRAWS, usual_budget
from redwood.problems.cormab.instance import BanditInstance
from redwood.problems.cormab.planning import BanditPlanning

REHEARSED = (4, 10)
"""Arms of the instances that kernels are compiled on."""


class BanditBound(LagrangianBound):
    """Upper bounds on the expected reward a step of every policy."""

    def __init__(self, instance: BanditInstance) -> None:
        super().__init__(BanditPlanning(instance), instance.magnitude)

    def warm_up(self) -> None:
        """Compile what `bound` needs, on small instances with an action set of the same kind, where it is a built-in one."""
        super().warm_up()
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
