"""`Replay`: transitions kept for learning, drawn by the size of their last error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redwood.arrays import Array

FLOOR = 1e-3
"""Added to every error, so that no transition is never drawn."""
CORRECTION = 0.4
"""Power of the weights by which the draw's bias is corrected."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Transitions drawn: their rows, and weights [B] of at most 1 for their losses."""

    rows: Array
    weights: Array


class Replay:
    """A ring of transitions.

    A transition has the states [J] after so many steps, the action taken, its expected reward, the states [J] that it led
    to, their step, and the discount to it: 0 at the end.

    References
    ----------
    Schaul, Quan, Antonoglou, Silver (2016), Prioritized experience replay, arXiv:1511.05952, section 3.3.
    """

    def __init__(self, capacity: int, arms: int, power: float) -> None:
        self.power = power
        self.added = 0
        self.arrays = {
            "states": np.zeros((capacity, arms), np.int64),
            "steps": np.zeros(capacity, np.int64),
            "actions": np.zeros((capacity, arms), np.int64),
            "rewards": np.zeros(capacity),
            "after": np.zeros((capacity, arms), np.int64),
            "later": np.zeros(capacity, np.int64),
            "factors": np.zeros(capacity),
            "priorities": np.zeros(capacity),
        }

    def __len__(self) -> int:
        return min(self.added, len(self.arrays["steps"]))

    def add(self, **transition: Array | int | float) -> None:
        """Keep a transition, in place of the oldest one where the ring is full; it is as urgent as the most urgent."""
        row = self.added % len(self.arrays["steps"])
        for name, value in transition.items():
            self.arrays[name][row] = value
        self.arrays["priorities"][row] = max(1.0, float(self.arrays["priorities"].max()))
        self.added += 1

    def draw(self, size: int, rng: np.random.Generator) -> Batch:
        """Return transitions drawn with probabilities by priority, with the weights that make up for it."""
        urgency = self.arrays["priorities"][: len(self)] ** self.power
        probabilities = urgency / urgency.sum()
        rows = rng.choice(len(self), size, p=probabilities)
        weights = (len(self) * probabilities[rows]) ** -CORRECTION
        return Batch(rows, weights / weights.max())

    def update(self, rows: Array, errors: Array) -> None:
        """Set the priorities of transitions to their new absolute errors."""
        self.arrays["priorities"][rows] = np.abs(errors) + FLOOR
