"""Pictures of simulated episodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.files import replacing
from redwood.picture import check_picture
from redwood.problem import Instance, Problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from redwood.arrays import Array
    from redwood.planning.gain import Gain
    from redwood.planning.simulation import Rollouts

LABELLED = 120
"""The most arms whose names are written beside a picture."""
LABELLED_STATES = 12
"""The most states whose labels are all written."""
LETTERS = 7.0, 250.0
"""Points of the largest letters of names, and of all names together."""


def plot_simulation(
    problem: Problem[Any, Any],
    instance: Instance,
    rollouts: Mapping[str, Rollouts],
    policies: Mapping[str, Any],
    path: str | Path,
) -> None:
    """Save one picture of simulated policies: reward over time, and the arms and actions of the one that kept them.

    Parameters
    ----------
    problem
        That of the instance.
    instance
        Of a planning problem.
    rollouts
        Of each policy, by its name; those of one of them with states and actions.
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
    shown = next((name for name, one in rollouts.items() if one.states is not None), next(iter(rollouts)))
    states, arm_actions = rollouts[shown].states, rollouts[shown].arm_actions
    if states is not None and arm_actions is not None:
        draw_arms(middle, states, arm_actions)
        kept = getattr(instance, "provenance", None)
        middle.set_ylabel("arm" if kept is None else kept.word("arm"))
    middle.set_title(f"{shown}: mean state, and how often acted on")
    problem.plot(instance, policies[shown], right)
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
    if bounds:  # it bounds the mean over steps and no single step, so it stands beside the curves, over their means
        steps = max(one.rewards.shape[1] for one in rollouts.values())
        for number, one in enumerate(rollouts.values()):
            axes.plot([1.04 * steps], [one.mean], "o", color=f"C{number}", markersize=5)
        axes.plot(
            [1.01 * steps, 1.07 * steps], [min(bounds)] * 2, color="0.2", linewidth=2, label="bound on the means (dots)"
        )
    axes.set_xlabel("steps done")
    axes.set_ylabel("expected reward")
    axes.locator_params(axis="x", integer=True)
    axes.set_title("Reward over time")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)


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


def plot_against_bound(rollouts: Mapping[str, Rollouts], path: str | Path | None = None, axes: Axes | None = None) -> Axes:
    """Draw the mean reward of policies by name, with 95 % intervals, beside the least bound on all of them.

    Raises
    ------
    OptionError
        Where there is no policy.
    """
    from redwood.errors import OptionError
    from redwood.picture import drawn

    if not rollouts:
        raise OptionError("there is no policy to draw; give rollouts by name.")

    def draw(shown: Axes) -> None:
        places = np.arange(len(rollouts))[::-1]
        for number, (place, one) in enumerate(zip(places, rollouts.values(), strict=True)):
            low, high = one.interval
            shown.plot([low, high], [place, place], color=f"C{number}", linewidth=3)
            shown.plot([one.mean], [place], "o", color=f"C{number}")
        bounds = [one.bound for one in rollouts.values() if one.bound is not None]
        if bounds:
            shown.axvline(min(bounds), color="0.2", linestyle="--", linewidth=1, label="bound on every policy")
            shown.legend(frameon=False)
        shown.set_yticks(places, list(rollouts), parse_math=False)
        shown.set_ylim(-0.5, len(rollouts) - 0.5)
        shown.set_xlabel("mean reward a step")

    return drawn(draw, path, axes)


def draw_indices(axes: Axes, gains: Array, names: Sequence[Any], states: Sequence[str] = ()) -> None:
    """Draw by how much an action is above leaving alone [J, S] as a heat map, arms by their greatest value.

    Parameters
    ----------
    axes
        Where to draw.
    gains
        The values [J, S].
    names
        Of the arms [J].
    states
        Labels [S] of the states, by default their numbers.
    """
    order = np.argsort(-gains.max(axis=1), kind="stable")
    shown = axes.imshow(gains[order], aspect="auto", interpolation="nearest", **colours_of(gains))
    name_states(axes, gains.shape[1], states)
    _name_arms(axes, [names[arm] for arm in order])
    axes.figure.colorbar(shown, ax=axes, label="value of an action over leaving alone", shrink=0.8)


def colours_of(gains: Array) -> dict[str, Any]:
    """Return the colours and limits of a heat map: from 0 on where no gain is below, else even on both sides of 0."""
    most = float(np.abs(gains).max()) or 1.0
    if gains.min() >= -1e-9 * most:
        return {"cmap": "Reds", "vmin": 0.0, "vmax": most}
    return {"cmap": "RdBu_r", "vmin": -most, "vmax": most}


def name_states(axes: Axes, count: int, states: Sequence[str]) -> None:
    """Write the states' labels, or their numbers, below a heat map with a column each."""
    if count <= LABELLED_STATES:
        axes.set_xticks(range(count), [str(state) for state in states or range(count)], parse_math=False)
    else:
        from matplotlib.ticker import MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("state")


def letters(rows: int) -> float:
    """Return the size of letters by which so many names beside a picture do not overlap."""
    return min(LETTERS[0], LETTERS[1] / max(1, rows))


def draw_gain(axes: Axes, gain: Gain) -> None:
    """Draw histograms of the expected gain under each draw and of single episodes, with their 95 % intervals."""
    edges = np.histogram_bin_edges(gain.episodes, bins=30).tolist()
    for values, interval, colour, label in (
        (gain.episodes.ravel(), gain.episode_interval, "0.7", "one episode"),
        (gain.draws, gain.interval, "C0", "expected, by draw"),
    ):
        axes.hist(
            values, edges, density=True, alpha=0.5, color=colour, label=f"{label}: {interval[0]:.3g} to {interval[1]:.3g}"
        )
    axes.axvline(0.0, color="0.4", linewidth=0.8)
    axes.axvline(gain.mean, color="C0", linewidth=1.5)
    axes.set_xlabel(f"gain a step above {gain.other}", parse_math=False)
    axes.set_yticks([])
    axes.legend(frameon=False, title="95 % intervals")


def draw_calls(axes: Axes, arm_actions: Array, names: Sequence[Any]) -> None:
    """Draw the mean number of pulls of each arm in an episode, from actions [E, H, J], most often pulled arms first."""
    calls = (arm_actions > 0).sum(axis=1).mean(axis=0)
    order = np.argsort(-calls, kind="stable")
    axes.barh(np.arange(len(order)), calls[order], height=0.8, color="C0")
    axes.invert_yaxis()
    _name_arms(axes, [names[arm] for arm in order])
    axes.set_xlabel(f"actions in {arm_actions.shape[1]} steps")


def _name_arms(axes: Axes, names: Sequence[Any]) -> None:
    """Write the names of the arms in turn beside a vertical axis, where there is room for all."""
    axes.set_ylabel("arm")
    if len(names) <= LABELLED:
        axes.set_yticks(range(len(names)), [str(name) for name in names], fontsize=letters(len(names)), parse_math=False)
    else:
        axes.set_yticks([])
