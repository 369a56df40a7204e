"""What a policy gains over doing nothing, with what is not known about the arms and what differs from episode to episode."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.arrays import Array
from redwood.planning.frames import frame, long_columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class Gain:
    """Reward a step above that of doing nothing, over draws of the arms' transitions.

    Attributes
    ----------
    episodes
        Gain [D, E] of each episode under each draw; every draw has random numbers of its own.
    """

    episodes: Array

    @property
    def draws(self) -> Array:
        """Expected gain [D] under each draw, as its episodes estimate it."""
        return np.asarray(self.episodes.mean(axis=1))

    @property
    def mean(self) -> float:
        """Expected gain, over draws and episodes."""
        return float(self.episodes.mean())

    @property
    def model_deviation(self) -> float:
        """Standard deviation of the expected gain over draws, without that of the mean of their episodes."""
        noise = float((self.episodes.var(axis=1, ddof=1) / self.episodes.shape[1]).mean())
        return float(np.sqrt(max(0.0, self.draws.var(ddof=1) - noise)))

    @property
    def episode_deviation(self) -> float:
        """Standard deviation of one episode's gain under a draw."""
        return float(np.sqrt(self.episodes.var(axis=1, ddof=1).mean()))

    @property
    def interval(self) -> tuple[float, float]:
        """Interval that holds the expected gain with a probability of 95 %: of the model alone, by quantiles over draws."""
        noise = self.draws.std(ddof=1)
        centred = self.mean + (self.draws - self.mean) * (self.model_deviation / noise if noise > 0 else 1.0)
        low, high = np.quantile(centred, (0.025, 0.975))
        return float(low), float(high)

    @property
    def episode_interval(self) -> tuple[float, float]:
        """Interval that holds the gain of one episode, such as next year's, with a probability of 95 %."""
        low, high = np.quantile(self.episodes, (0.025, 0.975))
        return float(low), float(high)

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
            f"Gain: {self.mean:.6g} a step above doing nothing, expected in [{low:.6g}, {high:.6g}], "
            f"one episode in [{least:.6g}, {most:.6g}] (95 % each, {len(self.episodes)} draws)"
        )
