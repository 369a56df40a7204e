"""What the decomposition by arms needs to know of a planning problem: all of it, or a horizon segment of its steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from redwood.arrays import Array
from redwood.planning.action_set import ActionSet
from redwood.planning.contract import Arms


class Decoupled(Protocol):
    """Arms, the actions that couple them, and for how many steps; the view `Planning` has them all."""

    @property
    def arms(self) -> Arms:
        """The arms, with their probabilities of states at the first step."""

    @property
    def actions(self) -> ActionSet:
        """The joint actions allowed in every step."""

    @property
    def horizon(self) -> int:
        """Number of steps H."""

    @property
    def discount(self) -> float:
        """Weight of a step's reward, to the power of the step."""


@dataclass(frozen=True, eq=False)
class HorizonSegment:
    """Some steps of a planning problem.

    Attributes
    ----------
    arms
        The arms; their probabilities of first states are those of the first step of the horizon segment.
    actions
        The joint actions.
    horizon
        Number of steps of the horizon segment.
    discount
        Weight of a step's reward, to the power of the step within the horizon segment.
    ending
        Q-values [J, S] of the states after the last step.
    """

    arms: Arms
    actions: ActionSet
    horizon: int
    discount: float
    ending: Array


def ending_of(planning: Decoupled) -> Array:
    """Return the Q-values [J, S] of the states after the last step: 0, but for a horizon segment that others follow."""
    return planning.ending if isinstance(planning, HorizonSegment) else np.zeros_like(planning.arms.start)
