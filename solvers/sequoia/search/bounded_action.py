"""`BoundedAction`: an action, its value and a proven bound on all others'."""

from __future__ import annotations

from dataclasses import dataclass

from redwood.arrays import Array


@dataclass(frozen=True, eq=False)
class BoundedAction:
    """Actions [J], their value by what is maximised, and a proven upper bound on that of every action of the set."""

    arm_actions: Array
    value: float
    bound: float

    def proven(self, tolerance: float = 1e-7, least: float = 1.0) -> bool:
        """Return whether no action is better by more than a tolerance, relative to the value or to the ``least`` one."""
        return self.bound - self.value <= tolerance * max(least, abs(self.value))
