"""Pictures of asymmetric instances and tours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from redwood.arrays import Array
from redwood.problems.atsp.instance import ATSPInstance, Tour

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(instance: ATSPInstance, tour: Tour | None, length: float | None, axes: Axes) -> None:
    """Draw the nodes and the tour as arrows; without coordinates, the matrix with rows and columns in the tour's order.

    Parameters
    ----------
    instance
        The instance; its coordinates are used where it has any.
    tour
        The tour to draw, or ``None`` for the instance alone.
    length
        Length of the tour for the caption, or ``None``.
    axes
        Where to draw.
    """
    if instance.travel.coords is None:
        _draw_matrix(instance, tour, axes)
    else:
        _draw_arrows(instance.travel.coords, tour, axes)
    nodes = f"{instance.size:,} node{'' if instance.size == 1 else 's'}"
    digits = ",.0f" if length == round(length or 0.0) else ",.6g"
    caption = nodes if length is None else f"{nodes}, tour length {length:{digits}}"
    axes.set_xlabel(caption)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(instance.name)


def _draw_arrows(coords: Array, tour: Tour | None, axes: Axes) -> None:
    x, y = coords.T
    axes.scatter(x, y, s=12, color="black", linewidths=0, zorder=2)
    axes.set_aspect("equal")
    if tour is not None:
        here, there = coords[tour.tour], coords[np.roll(tour.tour, -1)]
        steps = there - here
        axes.quiver(*here.T, *steps.T, angles="xy", scale_units="xy", scale=1.0, width=0.003, color="tab:blue", zorder=1)


def _draw_matrix(instance: ATSPInstance, tour: Tour | None, axes: Axes) -> None:
    """Show distances as shades: on the way along the tour, the tour is the line beside the diagonal."""
    order = np.arange(instance.size) if tour is None else tour.tour
    shown = np.where(np.eye(instance.size, dtype=bool), np.nan, instance.matrix)[np.ix_(order, order)]
    image = axes.imshow(shown, cmap="viridis_r", interpolation="nearest")
    axes.figure.colorbar(image, ax=axes, label="distance", shrink=0.8)
    axes.set_ylabel("from" if tour is None else "from, in the order of the tour")
