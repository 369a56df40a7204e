"""Pictures of an estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from redwood.planning.estimation.estimate import Estimate

SHOWN = 60
"""The most arms drawn; others are left out evenly."""
DRAWS = 400
"""Draws that intervals are quantiles of."""


def draw_effects(estimate: Estimate, axes: Axes) -> None:
    """Draw by how much a contact raises each arm's expected next state, over the states, with its 90 % interval.

    Arms are sorted by the posterior mean.
    """
    drawn = estimate.sample(DRAWS, 1)
    values = np.arange(drawn.shape[-1])
    effect = (drawn[:, :, -1] - drawn[:, :, 0]) @ values  # [D, J, S]
    middle = effect.mean(axis=2)
    order = np.argsort(middle.mean(axis=0))
    order = order[np.unique(np.linspace(0, len(order) - 1, min(SHOWN, len(order))).round().astype(int))]
    low, high = np.quantile(middle[:, order], (0.05, 0.95), axis=0)
    place, mean = np.arange(len(order)), middle[:, order].mean(axis=0)
    contacts = estimate.cohort.contacts[order]
    axes.vlines(place, low, high, color="0.75", linewidth=2)
    points = axes.scatter(place, mean, c=contacts, cmap="viridis", s=18, zorder=3)
    axes.axhline(0.0, color="0.4", linewidth=0.8)
    axes.figure.colorbar(points, ax=axes, label="contacts in the log", shrink=0.8)
    axes.set_xlabel("arms, by estimated effect")
    axes.set_ylabel("rise of the next state")
    axes.set_title("What a contact does, with 90 % intervals")
