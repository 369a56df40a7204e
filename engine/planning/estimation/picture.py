"""Pictures of an estimate."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.planning.estimation.groups import constant_of_arm

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from redwood.arrays import Array
    from redwood.planning.estimation.estimate import Estimate

DRAWS = 400
"""Draws that intervals are quantiles of."""
WORDS = 8
"""The most words of a feature that have a colour each."""
NAMED, LONGEST = 10, 24
"""Arms with the largest effects that are named, and the most letters of a name."""
LINE = 70
"""Letters in a line below the axis."""
ROOM = 120.0
"""Points of width that the intervals of all arms share."""


def draw_effects(estimate: Estimate, axes: Axes) -> None:
    """Draw by how much a contact raises each arm's expected next state, over the states, with its 90 % interval.

    Arms are sorted by the posterior mean, those with the largest effects are named, and all are coloured by the first
    column that says who is alike or, without one, by their contacts in the log.
    """
    drawn = estimate.sample(DRAWS, 1)
    values = np.arange(drawn.shape[-1])
    middle = ((drawn[:, :, -1] - drawn[:, :, 0]) @ values).mean(axis=2)  # [D, J]
    order = np.argsort(middle.mean(axis=0))
    low, high = np.quantile(middle[:, order], (0.05, 0.95), axis=0)
    place, mean = np.arange(len(order)), middle[:, order].mean(axis=0)
    width = min(2.0, ROOM / len(order))
    axes.vlines(place, low, high, color="0.75", linewidth=width)
    if estimate.alike_by:
        name = estimate.alike_by[0]
        column = constant_of_arm(estimate.log, name)
        _coloured(axes, place, mean, name, [column[arm] for arm in order])
    else:
        _shaded(axes, place, mean, "contacts in the log", estimate.cohort.contacts[order])
    axes.axhline(0.0, color="0.4", linewidth=0.8)
    best = [f"{estimate.names[order[row]]:.{LONGEST}}\N{NO-BREAK SPACE}{mean[row]:+.2f}" for row in place[::-1][:NAMED]]
    said = textwrap.fill(f"largest: {', '.join(best)}", LINE, break_on_hyphens=False)
    text = f"all {len(order)} {estimate.log.words.arms}, by estimated effect\n{said}"
    axes.set_xlabel(text, parse_math=False)
    axes.set_ylabel("rise of the next state")
    axes.set_title("What a contact does, with 90 % intervals")


def _coloured(axes: Axes, place: Array, mean: Array, name: str, column: Sequence[Any]) -> None:
    """Draw points in the colours of a feature: shades of numbers, and a colour for each of the commonest words."""
    try:
        numbers = np.array([float(value) for value in column])
    except (TypeError, ValueError):
        texts = np.array([str(value).strip() for value in column])
        words, counts = np.unique(texts, return_counts=True)
        common = words[np.argsort(-counts, kind="stable")][:WORDS].tolist()
        for number, word in enumerate(common):
            axes.scatter(
                place[texts == word], mean[texts == word], color=f"C{number}", s=18, zorder=3, label=word.replace("$", r"\$")
            )
        rest = ~np.isin(texts, common)
        if rest.any():
            axes.scatter(place[rest], mean[rest], color="0.4", s=18, zorder=3, label="others")
        axes.legend(title=name, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return
    _shaded(axes, place, mean, name, numbers)


def _shaded(axes: Axes, place: Array, mean: Array, name: str, numbers: Array) -> None:
    points = axes.scatter(place, mean, c=numbers, cmap="viridis", s=18, zorder=3)
    axes.figure.colorbar(points, ax=axes, label=name, shrink=0.8)
