"""What an instance of coupled restless bandits is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from redwood.planning.contract import ActionSet, Arms
from redwood.problem import Instance


@dataclass(frozen=True, eq=False, kw_only=True)
class BanditInstance(Instance):
    """Arms, the joint actions allowed in every step, and for how long.

    Attributes
    ----------
    arms
        The Markov chains: transitions [J, A, S, S], expected rewards [J, A, S] and start distribution [J, S].
    actions
        The set of joint actions; it has as many arms as ``arms``, and at most as many actions.
    horizon
        Number of steps H.
    discount
        The reward of step t counts ``discount ** t``; 1 for the plain mean.
    criterion
        ``finite`` for the horizon's steps, ``average`` for the average reward a step, estimated over as many.
    arm_names
        Name [J] of each arm, or none.
    """

    problem: ClassVar[str] = "cormab"
    arms: Arms
    actions: ActionSet
    horizon: int = 20
    discount: float = 1.0
    criterion: str = "finite"
    arm_names: tuple[str, ...] = field(default=(), metadata={"label": True})

    @property
    def size(self) -> int:
        """Number of arms J."""
        return len(self.arms.rewards)

    @property
    def magnitude(self) -> float:
        """The most that rewards of a step can sum to, of either sign."""
        return float(np.abs(self.arms.rewards).max(axis=(1, 2)).sum())
