"""`simulate()`: what a policy earns in episodes, with its interval and its share of the bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError
from redwood.planning.evaluation import adjusted, interval_half_width
from redwood.planning.frames import arm_labels, frame, long_columns
from redwood.planning.gain import Gain
from redwood.planning.wording import PLAIN, Wording

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class Rollouts:
    """What a policy earned.

    Attributes
    ----------
    rewards
        Expected one-step reward [E, H] in each episode and step, discounted.
    bound
        Upper bound on the mean reward a step of every policy, or ``None``.
    states, arm_actions
        State and action [E, H, J] of each arm before each step, where they were kept.
    control
        Control variate [E], of expectation 0, that is taken off an episode's mean reward a step; ``None`` for fewer than
        eight episodes.
    gain
        What the policy gains over doing nothing over draws of the arms, where ``draws`` were given.
    wording
        What arms, steps and rewards are called, with the arms' names.
    """

    rewards: Array
    bound: float | None = None
    states: Array | None = None
    arm_actions: Array | None = None
    control: Array | None = None
    gain: Gain | None = None
    wording: Wording = PLAIN

    @property
    def adjusted(self) -> Array:
        """Mean reward a step [E] of each episode, less the control variate."""
        return adjusted(self.rewards, self.control)

    @property
    def mean(self) -> float:
        """Mean reward a step."""
        return float(self.adjusted.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """Interval of Student's t that holds the expected mean reward with 95 % confidence; infinite for one episode."""
        half = interval_half_width(self.rewards, self.control)
        return self.mean - half, self.mean + half

    def reward(self) -> tuple[float, tuple[float, float]]:
        """Return the mean reward a step and its 95 % interval, over draws of the arms where there are some."""
        return (self.mean, self.interval) if self.gain is None else self.gain.reward()

    @property
    def curve(self) -> Array:
        """Mean reward [3, H] of each step and the ends of its 95 % interval, over draws of the arms where there are some."""
        if self.gain is not None:
            return self.gain.curve
        mean = self.rewards.mean(axis=0)
        half = np.array([interval_half_width(step[:, None], None) for step in self.rewards.T])
        half[~np.isfinite(half)] = 0.0  # of one episode there is no band
        return np.array([mean, mean - half, mean + half])

    @property
    def percent_of_bound(self) -> float | None:
        """The mean as per cent of the bound; ``None`` without a positive bound."""
        return None if self.bound is None or self.bound <= 0 else 100.0 * self.mean / self.bound

    def minus(self, other: Rollouts) -> tuple[float, tuple[float, float]]:
        """Return by how much the mean is above another policy's in the same episodes, with its 95 % interval.

        Both must have been simulated with the same seed: random numbers are then common, and episodes are compared in pairs.

        Raises
        ------
        OptionError
            Where the numbers of episodes differ.
        """
        if len(self.rewards) != len(other.rewards):
            raise OptionError(f"{len(self.rewards)} and {len(other.rewards)} episodes cannot be compared in pairs.")
        difference = self.adjusted - other.adjusted
        both = [each.control for each in (self, other) if each.control is not None]
        control = None if len(both) < 2 else both[0] - both[1]
        rest = self.rewards - other.rewards if control is not None else difference[:, None]
        mean, half = float(difference.mean()), interval_half_width(rest, control)
        return mean, (mean - half, mean + half)

    def plot(self, path: str | Path | None = None, axes: Axes | None = None) -> Axes:
        """Draw what was kept as a heat map of states and actions, or else the reward over time, and return the axes."""
        from redwood.picture import drawn
        from redwood.planning.picture import draw_arms, draw_rewards

        if self.states is None or self.arm_actions is None:
            return drawn(lambda shown: draw_rewards(shown, {"": self}), path, axes)
        states, arm_actions = self.states, self.arm_actions
        return drawn(lambda shown: draw_arms(shown, states, arm_actions, self.wording), path, axes)

    def to_frame(self, names: Sequence[str] | None = None) -> Any:
        """Return a pandas frame: a row for each episode, step and arm where states were kept, else one for each reward.

        Its columns are episode, step, arm, state and action, or episode, step and reward, with the log's words for step
        and arm where the arms come from one; ``names`` are those of the arms, by default the instance's.
        """
        episodes, steps = self.rewards.shape
        arm, step = self.wording.columns
        axes: dict[str, Sequence[Any]] = {"episode": range(episodes), step: range(steps)}
        if self.states is None or self.arm_actions is None:
            return frame(long_columns(self.rewards, axes, "reward"))
        axes[arm] = arm_labels(names or self.wording.names, self.states.shape[2])
        return frame({**long_columns(self.states, axes, "state"), "action": self.arm_actions.ravel()})

    def plot_calls(
        self, path: str | Path | None = None, axes: Axes | None = None, *, names: Sequence[str] | None = None
    ) -> Axes:
        """Draw how often each arm is acted on in an episode on average, and return the axes.

        ``names`` are those of the arms, by default the instance's.

        Raises
        ------
        OptionError
            Where actions were not kept.
        """
        from redwood.picture import drawn
        from redwood.planning.picture import draw_calls

        kept = self.arm_actions
        if kept is None:
            raise OptionError("actions were not kept; simulate with keep=True to draw calls per arm.")
        labels = arm_labels(names or self.wording.names, kept.shape[2])
        return drawn(lambda shown: draw_calls(shown, kept, labels, self.wording), path, axes)

    def __repr__(self) -> str:
        low, high = self.interval
        share = "" if self.percent_of_bound is None else f", {self.percent_of_bound:.2f} % of the bound {self.bound:.6g}"
        return f"Rollouts: {len(self.rewards)} episodes, {self.mean:.6g} a step, 95 % in [{low:.6g}, {high:.6g}]{share}"
