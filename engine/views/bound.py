"""The view `Bound`: the best cheap bound of an instance."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from redwood.clock import Clock
from redwood.views.view import View


@dataclass(frozen=True)
class BoundValue:
    """A proven bound on the objective of every feasible solution: lower for minimisation, upper for maximisation.

    Attributes
    ----------
    value
        The bound.
    method
        How it was proven.
    cut_short
        Whether the clock ended the method before it was through, so that more time may give a better bound.
    """

    value: float
    method: str
    cut_short: bool = False


class Bound(View, ABC):
    """The best cheap bound of an instance."""

    @abstractmethod
    def bound(self, clock: Clock, incumbent: float | None = None) -> BoundValue:
        """Return a valid bound, as good as the clock allows. ``incumbent`` (an objective) may steer the ascent."""
