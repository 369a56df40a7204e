"""What a policy gains over doing nothing, with what is not known about the arms and what differs from episode to episode."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError
from redwood.planning.frames import frame, long_columns
from redwood.planning.wording import PLAIN, Wording

if TYPE_CHECKING:
    from matplotlib.axes import Axes

END_ERROR = 0.68
"""Standard error of a 2.5 or 97.5 % quantile, as a share of the width between both, of a single normal draw."""
NOTHING = "doing nothing"
"""What a policy is compared with unless another one is named."""


@dataclass(frozen=True, eq=False)
class Gain:
    """Reward a step above that of doing nothing, or of another policy, over draws of the arms' transitions.

    Attributes
    ----------
    earned, others
        Mean reward a step [D, E] of the policy and of what it is compared with, in each episode under each draw; both have
        the same random numbers, and every draw has its own.
    curve
        The policy's expected reward [3, H] in each step, and the ends of its 95 % interval over draws.
    policy, other
        What decides in both.
    scenario
        Digest of the draws and of the random numbers.
    wording
        What steps and rewards are called.
    """

    earned: Array
    others: Array
    curve: Array
    policy: str
    scenario: str
    wording: Wording = PLAIN
    other: str = NOTHING

    @property
    def episodes(self) -> Array:
        """Gain [D, E] of each episode under each draw."""
        return np.asarray(self.earned - self.others)

    def above(self, gain: Gain) -> Gain:
        """Return the gain above another policy, given that policy's gain over doing nothing under the same draws and seed.

        Raises
        ------
        OptionError
            Where the two were not simulated under the same draws and with the same random numbers.
        """
        if (self.scenario, self.other) != (gain.scenario, gain.other):
            raise OptionError(
                f"the gains of {self.policy} and {gain.policy} are not of the same episodes; simulate both with the same "
                "draws, episodes and seed, and compare gains over doing nothing."
            )
        return replace(self, others=gain.earned, other=gain.policy)

    @property
    def draws(self) -> Array:
        """Expected gain [D] under each draw, as its episodes estimate it."""
        return np.asarray(self.episodes.mean(axis=1))

    @property
    def run(self) -> str:
        """What an episode is, such as one run of 20 weeks."""
        return self.wording.run(self.curve.shape[1])

    @property
    def mean(self) -> float:
        """Expected gain, over draws and episodes."""
        return float(self.episodes.mean())

    @property
    def model_deviation(self) -> float:
        """Standard deviation of the expected gain over draws, without that of the mean of their episodes."""
        return deviation_over_draws(self.episodes)

    @property
    def interval(self) -> tuple[float, float]:
        """Interval that holds the expected gain with a probability of 95 %: of the model alone, by quantiles over draws."""
        return interval_over_draws(self.episodes)

    @property
    def episode_interval(self) -> tuple[float, float]:
        """Interval that holds the gain of one episode, such as next year's, with a probability of 95 %."""
        low, high = np.quantile(self.episodes, (0.025, 0.975))
        return float(low), float(high)

    def reward(self) -> tuple[float, tuple[float, float]]:
        """Return the policy's own expected reward a step, and the interval that holds it with a probability of 95 %."""
        return float(self.earned.mean()), interval_over_draws(self.earned)

    def to_frame(self) -> Any:
        """Return a pandas frame with the columns draw, episode and gain."""
        draws, episodes = self.episodes.shape
        return frame(long_columns(self.episodes, {"draw": range(draws), "episode": range(episodes)}, "gain"))

    def plot(self, path: str | Path | None = None, axes: Axes | None = None) -> Axes:
        """Draw the expected gain over draws and the gain of single episodes, with both intervals; return the axes."""
        from redwood.picture import drawn
        from redwood.planning.picture import draw_gain

        return drawn(lambda shown: draw_gain(shown, self), path, axes)

    def __repr__(self) -> str:
        (low, high), (least, most) = self.interval, self.episode_interval
        return (
            f"Gain: {self.mean:.4g} a {self.wording.step} above {self.other}, expected in [{low:.4g}, {high:.4g}], "
            f"{self.run} in [{least:.4g}, {most:.4g}] (95 % each, {len(self.episodes)} draws, "
            f"ends known to {100 * end_error(len(self.episodes)):.0f} % of the width), "
            f"above 0 in {100 * (self.draws > 0).mean():.0f} % of the draws"
        )


def deviation_over_draws(values: Array) -> float:
    """Return the standard deviation over draws of the expectation of values [D, E], without that of means of episodes."""
    noise = float((values.var(axis=1, ddof=1) / values.shape[1]).mean())
    return float(np.sqrt(max(0.0, values.mean(axis=1).var(ddof=1) - noise)))


def end_error(draws: int) -> float:
    """Return by which share of its width each end of an interval over so many draws differs from set to set of draws."""
    return END_ERROR / math.sqrt(draws)


def curve_over_draws(rewards: Array) -> Array:
    """Return the expectation in each step, and the ends of its 95 % interval [3, H], of rewards [D, E, H] over draws."""
    ends = [interval_over_draws(rewards[:, :, step]) for step in range(rewards.shape[2])]
    return np.vstack((rewards.mean(axis=(0, 1)), np.transpose(ends)))


def interval_over_draws(values: Array) -> tuple[float, float]:
    """Return the 95 % interval of the expectation of values [D, E], by quantiles over draws."""
    mean, draws = values.mean(), values.mean(axis=1)
    spread = draws.std(ddof=1)
    centred = mean + (draws - mean) * (deviation_over_draws(values) / spread if spread > 0 else 1.0)
    low, high = np.quantile(centred, (0.025, 0.975))
    return float(low), float(high)
