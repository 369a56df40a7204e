"""What the decomposition by arms needs to know of a planning problem: all of it, or a stretch of its steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from redwood.arrays import Array
from redwood.planning.contract import ActionSet, Arms


class Decoupled(Protocol):
    """Arms, the actions that couple them, and for how many steps; the view `Planning` has them all."""

    @property
    def arms(self) -> Arms:
        """The arms, with their chances of states at the first step."""

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
class Stretch:
    """Some steps of a planning problem.

    Attributes
    ----------
    arms
        The arms; their chances of first states are those of the first step of the stretch.
    actions
        The joint actions.
    horizon
        Number of steps of the stretch.
    discount
        Weight of a step's reward, to the power of the step within the stretch.
    ending
        Worth [J, S] of the states after the last step.
    """

    arms: Arms
    actions: ActionSet
    horizon: int
    discount: float
    ending: Array


def ending_of(planning: Decoupled) -> Array:
    """Return the worth [J, S] of the states after the last step: nothing, but for a stretch that others follow."""
    return planning.ending if isinstance(planning, Stretch) else np.zeros_like(planning.arms.start)
