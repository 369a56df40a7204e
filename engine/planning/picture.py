"""Pictures of simulated episodes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.files import replacing
from redwood.picture import check_picture
from redwood.problem import Instance, Problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from redwood.arrays import Array
    from redwood.planning.simulation import Rollouts


def plot_simulation(
    problem: Problem[Any, Any],
    instance: Instance,
    rollouts: Mapping[str, Rollouts],
    policies: Mapping[str, Any],
    path: str | Path,
) -> None:
    """Save one picture of simulated policies: reward over time, and the first policy's arms and actions.

    Parameters
    ----------
    problem
        That of the instance.
    instance
        Of a planning problem.
    rollouts
        Of each policy, by its name; those of the first one with states and actions.
    policies
        The policies by the same names.
    path
        Where to; the suffix decides the format.
    """
    from matplotlib.figure import Figure

    check_picture(path)
    figure = Figure(figsize=(16, 5), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    draw_rewards(left, rollouts)
    first = next(iter(rollouts))
    states, arm_actions = rollouts[first].states, rollouts[first].arm_actions
    if states is not None and arm_actions is not None:
        draw_arms(middle, states, arm_actions)
    middle.set_title(f"{first}: mean state, and how often pulled")
    problem.plot(instance, policies[first], right)
    with replacing(path) as unfinished:
        figure.savefig(unfinished, dpi=120)


def draw_rewards(axes: Axes, rollouts: Mapping[str, Rollouts]) -> None:
    """Draw the mean reward of each step with a band of two standard errors, for each policy by its name."""
    for name, one in rollouts.items():
        steps = np.arange(one.rewards.shape[1])
        mean = one.rewards.mean(axis=0)
        error = one.rewards.std(axis=0) / np.sqrt(len(one.rewards))
        (line,) = axes.plot(steps, mean, label=name or None)
        axes.fill_between(steps, mean - 2 * error, mean + 2 * error, color=line.get_color(), alpha=0.2, linewidth=0)
    bounds = [one.bound for one in rollouts.values() if one.bound is not None]
    if bounds:
        axes.axhline(min(bounds), color="0.4", linestyle="--", linewidth=1, label="bound on the mean")
    axes.set_xlabel("steps done")
    axes.set_ylabel("expected reward")
    axes.locator_params(axis="x", integer=True)
    axes.set_title("Reward over time")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)


def draw_arms(axes: Axes, states: Array, arm_actions: Array) -> None:
    """Draw the mean state of each arm over time, and dots as large as the share of episodes that pulled it there.

    ``states`` and ``arm_actions`` are [E, H, J].
    """
    steps, arms = states.shape[1:]
    shown = axes.imshow(states.mean(axis=0).T, aspect="auto", cmap="viridis", origin="lower", vmin=0)
    shares = (arm_actions > 0).mean(axis=0)
    step, arm = np.indices((steps, arms)).reshape(2, -1)
    axes.scatter(step, arm, s=30 * shares.ravel() ** 2, color="white", edgecolors="black", linewidths=0.3)
    axes.set_xlabel("steps done")
    axes.set_ylabel("arm")
    axes.locator_params(integer=True)
    axes.figure.colorbar(shown, ax=axes, label="mean state", shrink=0.8)
