"""Pictures of simulated episodes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
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
    from redwood.planning.wording import Wording

LABELLED_STATES = 12
"""The most states whose labels are all written."""
LETTERS = 4.5, 7.0
"""Points of the smallest and the largest letters of names beside rows."""
LINE = 1.3
"""Points of a row's height that a point of letters needs, with what a layout takes from the axes."""


def plot_simulation(
    problem: Problem[Any, Any],
    instance: Instance,
    rollouts: Mapping[str, Rollouts],
    policies: Mapping[str, Any],
    path: str | Path,
) -> None:
    """Save one picture of simulated policies: reward over time, arms and actions of the best, gains over draws.

    Parameters
    ----------
    problem
        That of the instance.
    instance
        Of a planning problem.
    rollouts
        Of each policy, by its name, with states and actions.
    policies
        The policies by the same names.
    path
        Where to; the suffix decides the format.
    """
    from matplotlib.figure import Figure

    check_picture(path)
    over_draws = all(one.gain is not None for one in rollouts.values())
    rows, columns, size = (2, 2, (16, 11)) if over_draws else (1, 3, (19, 6))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, columns).ravel().tolist()
    draw_rewards(panels[0], rollouts)
    best = max(rollouts, key=lambda name: rollouts[name].reward()[0])
    who = f"{best}, which earned most" if len(rollouts) > 1 else best
    shown = rollouts[best]
    if shown.states is not None and shown.arm_actions is not None:
        draw_arms(panels[1], shown.states, shown.arm_actions, shown.wording)
        _title(panels[1], f"{who}: mean state, and how often acted on (dots)")
    problem.plot(instance, policies[best], panels[2])
    own = panels[2].get_title()
    _title(panels[2], f"{who}: {own[:1].lower()}{own[1:]}")
    if over_draws:
        draw_gains(panels[3], rollouts)
    with replacing(path) as unfinished:
        figure.savefig(unfinished, dpi=120)


def _title(axes: Axes, text: str) -> None:
    """Write a title in as many lines as it needs above the axes."""
    points = axes.get_window_extent().width * 72 / axes.figure.dpi
    axes.set_title(textwrap.fill(text, int(points / 5.5)), fontsize=10, parse_math=False)


def draw_rewards(axes: Axes, rollouts: Mapping[str, Rollouts]) -> None:
    """Draw the expected reward of each step with its 95 % interval, for each policy by its name."""
    from matplotlib.patches import Patch

    wording = next(iter(rollouts.values())).wording
    for name, one in rollouts.items():
        mean, low, high = one.curve
        steps = np.arange(len(mean))
        (line,) = axes.plot(steps, mean, label=name or None)
        axes.fill_between(steps, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    bounds = [one.bound for one in rollouts.values() if one.bound is not None]
    if bounds:  # it bounds the mean over steps and no single step, so it stands beside the curves, over their means
        steps = max(one.rewards.shape[1] for one in rollouts.values())
        for number, one in enumerate(rollouts.values()):
            axes.plot([1.04 * steps], [one.reward()[0]], "o", color=f"C{number}", markersize=5)
        axes.plot([1.01 * steps, 1.07 * steps], [min(bounds)] * 2, color="0.2", linewidth=2, label=_bound_words(rollouts))
    axes.set_xlabel(f"{wording.steps} done")
    axes.set_ylabel(f"{wording.earned}, expected", parse_math=False)
    axes.locator_params(axis="x", integer=True)
    axes.set_title("Reward over time")
    handles = axes.get_legend_handles_labels()[0]
    handles += [Patch(color="0.8", label=words) for words in _interval_words("bands", rollouts)]
    axes.legend(handles=handles, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)


def _interval_words(what: str, rollouts: Mapping[str, Rollouts]) -> list[str]:
    """Return what bands or lines hold, a text for each way in which the policies were simulated."""
    said = []
    for one in rollouts.values():
        open_ones = one.wording.unknown
        if one.gain is not None:
            said.append(f"{what}: 95 % of what is expected,\nover {len(one.gain.draws)} draws of {open_ones}")
        else:
            without = f",\nwithout {open_ones}" if one.wording.estimated else ""
            said.append(f"{what}: 95 % interval of the mean of {len(one.rewards)} runs{without}")
    return list(dict.fromkeys(said))


def _bound_words(rollouts: Mapping[str, Rollouts]) -> str:
    known = any(one.gain is not None for one in rollouts.values())
    return "bound on the means (dots)" + (",\nwere transitions as estimated" if known else "")


def draw_arms(axes: Axes, states: Array, arm_actions: Array, wording: Wording) -> None:
    """Draw the mean state of each arm over time, and dots as large as the share of episodes that acted on it there.

    Parameters
    ----------
    axes
        Where to draw.
    states, arm_actions
        States and actions [E, H, J] of the arms.
    wording
        What arms and steps are called, and the arms' names.
    """
    steps, arms = states.shape[1:]
    shown = axes.imshow(states.mean(axis=0).T, aspect="auto", cmap="viridis", origin="lower", vmin=0)
    shares = (arm_actions > 0).mean(axis=0)
    step, arm = np.indices((steps, arms)).reshape(2, -1)
    axes.scatter(step, arm, s=30 * shares.ravel() ** 2, color="white", edgecolors="black", linewidths=0.3)
    axes.set_xlabel(f"{wording.steps} done{_last_step(arm_actions, wording)}")
    axes.locator_params(integer=True)
    axes.set_ylabel(wording.arm)
    if wording.names:
        name_rows(axes, wording.names, wording.arm)
    axes.figure.colorbar(shown, ax=axes, label="mean state", shrink=0.8)


def _last_step(arm_actions: Array, wording: Wording) -> str:
    """Return why there is no action in the last step, where there is none in [E, H, J] but before."""
    if arm_actions[:, -1].any() or not arm_actions.any():
        return ""
    return f"\n(none is acted on in the last {wording.step}: its effect would come after the plan's end)"


def plot_against_bound(rollouts: Mapping[str, Rollouts], path: str | Path | None = None, axes: Axes | None = None) -> Axes:
    """Draw the mean reward of policies by name, with 95 % intervals, beside the least bound on all where there is one.

    The intervals are over draws of the transitions where the policies were simulated under some.

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
            mean, (low, high) = one.reward()
            shown.plot([low, high], [place, place], color=f"C{number}", linewidth=3)
            shown.plot([mean], [place], "o", color=f"C{number}")
        for words in _interval_words("lines", rollouts):
            shown.plot([], [], color="0.6", linewidth=3, label=words)
        bounds = [one.bound for one in rollouts.values() if one.bound is not None]
        if bounds:
            shown.axvline(min(bounds), color="0.2", linestyle="--", linewidth=1, label=_bound_words(rollouts))
        shown.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)
        shown.set_yticks(places, list(rollouts), parse_math=False)
        shown.set_ylim(-0.5, len(rollouts) - 0.5)
        wording = next(iter(rollouts.values())).wording
        shown.set_xlabel(f"{wording.earned} a {wording.step}", parse_math=False)
        shown.set_title("Policies and the bound" if bounds else "Policies; no bound was asked for")

    return drawn(draw, path, axes)


def draw_indices(axes: Axes, gains: Array, names: Sequence[Any], states: Sequence[str] = (), arm: str = "arm") -> None:
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
    arm
        What a row is.
    """
    order = np.argsort(-gains.max(axis=1), kind="stable")
    shown = axes.imshow(gains[order], aspect="auto", interpolation="nearest", **colours_of(gains))
    name_states(axes, gains.shape[1], states)
    name_rows(axes, [names[row] for row in order], arm)
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


def draw_gain(axes: Axes, gain: Gain) -> None:
    """Draw histograms of the expected gain under each draw and of single episodes, with their 95 % intervals."""
    edges = np.histogram_bin_edges(gain.episodes, bins=30).tolist()
    for values, interval, colour, label in (
        (gain.episodes.ravel(), gain.episode_interval, "0.7", gain.run),
        (gain.draws, gain.interval, "C0", f"expected, by draw of {gain.wording.unknown}"),
    ):
        ends = f"95 % in {interval[0]:.3g} to {interval[1]:.3g}"
        axes.hist(values, edges, density=True, alpha=0.5, color=colour, label=f"{label}: {ends}")
    axes.axvline(0.0, color="0.4", linewidth=0.8)
    axes.axvline(gain.mean, color="C0", linewidth=1.5)
    _name_gain(axes, gain)
    axes.set_yticks([])


def draw_gains(axes: Axes, rollouts: Mapping[str, Rollouts]) -> None:
    """Draw by how much policies are above the first one, over draws, or the one policy above doing nothing."""
    gains = {name: one.gain for name, one in rollouts.items() if one.gain is not None}
    (reference, least), *others = gains.items()
    above = {name: replace(gain.above(least), other=reference) for name, gain in others} or {reference: least}
    (only, gain), *more = above.items()
    if not more:
        draw_gain(axes, gain)
        _title(axes, f"{only} above {gain.other}")
        return
    for place, gain in enumerate(above.values()):
        colour = f"C{place + 1}"
        axes.plot(gain.episode_interval, [place, place], color=colour, linewidth=1.5, alpha=0.5)
        axes.plot(gain.interval, [place, place], color=colour, linewidth=5)
        axes.plot([gain.mean], [place], "o", color="black", markersize=5, zorder=3)
        axes.annotate(f"{gain.mean:+.3g}", (gain.mean, place), (0, 8), textcoords="offset points", ha="center")
    axes.plot([], [], color="0.4", linewidth=5, label=f"expected, 95 % over draws of {gain.wording.unknown}")
    axes.plot([], [], color="0.4", linewidth=1.5, alpha=0.5, label=f"{gain.run}, 95 %")
    axes.axvline(0.0, color="0.4", linewidth=0.8)
    axes.set_yticks(range(len(above)), list(above), parse_math=False)
    axes.set_ylim(len(above) - 0.5, -0.5)
    _name_gain(axes, gain)
    _title(axes, f"Above {reference}")


def _name_gain(axes: Axes, gain: Gain) -> None:
    """Say what is gained below the axis, and below that the legend."""
    wording = gain.wording
    axes.set_xlabel(f"more {wording.earned} a {wording.step} than by {gain.other}", parse_math=False)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.12))


def draw_calls(axes: Axes, arm_actions: Array, names: Sequence[Any], wording: Wording) -> None:
    """Draw how often each arm is acted on in an episode on average, most often acted on first.

    Parameters
    ----------
    axes
        Where to draw.
    arm_actions
        Actions [E, H, J].
    names
        Of the arms [J].
    wording
        What arms and steps are called.
    """
    calls = (arm_actions > 0).sum(axis=1).mean(axis=0)
    order = np.argsort(-calls, kind="stable")
    axes.barh(np.arange(len(order)), calls[order], height=0.8, color="C0")
    axes.invert_yaxis()
    name_rows(axes, [names[arm] for arm in order], wording.arm)
    axes.set_xlabel(f"actions in {wording.run(arm_actions.shape[1])}, on average{_last_step(arm_actions, wording)}")


def name_rows(axes: Axes, names: Sequence[Any], arm: str = "arm", wanted: Sequence[int] | None = None) -> None:
    """Write names beside the rows of a heat map or of bars, as many as have room.

    Parameters
    ----------
    axes
        With a row at each whole number.
    names
        Of all rows, from row 0 on.
    arm
        What a row is.
    wanted
        Which rows shall have their names, in order; by default all.
    """
    height = axes.get_window_extent().height * 72 / axes.figure.dpi / max(1, len(names))
    apart = max(1, math.ceil(LINE * LETTERS[0] / height))
    rows: list[int] = []
    asked = range(len(names)) if wanted is None else wanted
    for row in asked:
        if not rows or row - rows[-1] >= apart:
            rows.append(row)
    size = min(LETTERS[1], apart * height / LINE)
    axes.set_yticks(rows, [str(names[row]) for row in rows], fontsize=size, parse_math=False)
    axes.set_ylabel(arm if len(rows) == len(asked) else f"{arm} ({len(rows)} of {len(asked)} named)")
