"""The view `Planning`: a problem of repeated joint actions, its simulator, action set and arms."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood.views import View

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Choice:
    """What `ActionSet.argmax` found.

    Attributes
    ----------
    action
        Level of each arm, [N] integers.
    value
        Worth of the action under the given coefficients.
    bound
        Proven upper bound on the worth of every action.
    """

    action: Array
    value: float
    bound: float


class Planning(View):
    """A problem whose solution is a policy: arms as small Markov chains, moved by one joint action a step."""

    @abstractmethod
    def argmax(self, worth: Array) -> Choice:
        """Return the best joint action for the worth [J, A] of each arm at each of its action levels."""

    @abstractmethod
    def contains(self, action: Array) -> bool:
        """Return whether a joint action is allowed."""

    @abstractmethod
    def simulate(self, policy: Any, episodes: int, seed: int) -> Array:
        """Return expected one-step rewards [E, H] of a policy."""
