"""How texts and pictures of a simulation call arms, steps and what is earned: as the log does that the arms come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood.planning.estimation.words import label
from redwood.problem import Instance

TAKEN = frozenset({"action", "episode", "reward", "state", "value"})
"""Columns of frames that are not those of arms and steps."""


@dataclass(frozen=True)
class Wording:
    """Words for the arms, the steps and the reward of an instance.

    Attributes
    ----------
    arm, step
        What one of them is called.
    earned
        What the reward of a step is.
    names
        Of the arms [J]; empty where they have none.
    estimated
        Whether the arms come from a log, which leaves their transitions open.
    columns
        What frames call their columns of arms and of steps.
    """

    arm: str = "arm"
    step: str = "step"
    earned: str = "reward"
    names: tuple[str, ...] = ()
    estimated: bool = False
    columns: tuple[str, str] = ("arm", "step")

    @property
    def steps(self) -> str:
        """What several steps are called."""
        return self.step if self.step.endswith("s") else f"{self.step}s"

    def run(self, steps: int) -> str:
        """Return what an episode of so many steps is, such as one run of 20 weeks."""
        return f"one run of {steps} {self.steps if steps > 1 else self.step}"

    @property
    def unknown(self) -> str:
        """What draws of transitions differ in."""
        return "what the log leaves open" if self.estimated else "the transitions"


PLAIN = Wording()
"""The words where there is no log."""


def wording_of(instance: Instance) -> Wording:
    """Return the words for an instance of planning, those of its log where it comes from one."""
    names, kept = tuple(getattr(instance, "arm_names", None) or ()), getattr(instance, "provenance", None)
    if kept is None:
        return Wording(names=names)
    words = kept.words
    earned = "reward"
    if kept.states and _counts_the_best(instance):
        earned = f"{words.arms} with {words.noun('state')} {label(kept.states[-1])}"
    arm, step = (own if words.of(own) in TAKEN else words.of(own) for own in ("arm", "step"))
    return Wording(words.noun("arm"), words.noun("step"), earned, names, True, (arm, step))


def _counts_the_best(instance: Any) -> bool:
    """Return whether the reward of a step is the number of arms in the last state."""
    rewards = instance.arms.rewards
    best = np.arange(rewards.shape[-1]) == rewards.shape[-1] - 1
    alone = instance.exposure is None and instance.joint is None and instance.discount == 1
    return bool(alone and np.array_equal(rewards, np.broadcast_to(best.astype(float), rewards.shape)))
