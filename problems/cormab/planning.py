"""The view `Planning` of coupled restless bandits."""

from __future__ import annotations

from functools import cache

import numpy as np

from redwood.planning.action_set import ActionSet
from redwood.planning.policies import NullPolicy, RandomPolicy
from redwood.planning.simulated import SimulatedPlanning
from redwood.planning.wording import wording_of
from redwood.problems.cormab.generators import DRAWS, usual_budget
from redwood.problems.cormab.instance import BanditInstance

REHEARSED = 4
"""Arms of the small instances on which kernels are loaded."""


class BanditPlanning(SimulatedPlanning):
    """Arms, actions and horizon of an instance, and its simulation in batches of episodes."""

    def __init__(self, instance: BanditInstance) -> None:
        super().__init__(
            instance.arms,
            instance.actions,
            instance.horizon,
            discount=instance.discount,
            criterion=instance.criterion,
            exposure=instance.exposure,
            joint=instance.joint,
        )
        self.arm_names = instance.arm_names
        self.wording = wording_of(instance)
        if instance.provenance is not None and not instance.provenance.numbered:
            self.state_names = instance.provenance.states

    def warm_up(self) -> None:
        """Load the kernels of the action set and of the simulator, on a small instance with a set of the same kind."""
        super().warm_up()
        _rehearse(type(self.actions))


@cache
def _rehearse(kind: type[ActionSet]) -> None:
    """Simulate a step of a small instance of every domain whose action set is of a kind."""
    for draw in DRAWS.values():
        arms, actions = draw(REHEARSED, max(2, usual_budget(REHEARSED)), np.random.default_rng(0))
        if type(actions) is kind:
            small = BanditPlanning(BanditInstance(arms=arms, actions=actions, horizon=1, name="rehearsal"))
            small.rollouts(NullPolicy() if actions.contains(np.zeros(actions.arms, np.int64)) else RandomPolicy(), 2, 0)
            actions.argmax(np.ones((actions.arms, actions.arm_actions)))
