"""Pictures of orienteering instances and paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError
from redwood.problems.orienteering.instance import OrienteeringInstance, Tour, path
from redwood.problems.routing.travel import path_length

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TAKEN, _LEFT, _FAR = "#1b6ca8", "#d9a441", "#b8b8b8"


def draw(instance: OrienteeringInstance, solution: Tour | None, unreachable: Array, axes: Axes) -> None:
    """Draw nodes with areas by prize (visited, left out, too far away), the path, start and end.

    Parameters
    ----------
    instance
        The instance, with coordinates.
    solution
        The path to draw, or ``None`` for the nodes alone.
    unreachable
        Nodes [U] that no path within the budget can visit.
    axes
        Where to draw.

    Raises
    ------
    FitError
        Where the instance has no coordinates.
    """
    coords = instance.travel.coords
    if coords is None:
        raise FitError("this orienteering instance has distances but no coordinates, so there is nothing to draw.")
    x, y = coords.T
    nodes = np.array([instance.start]) if solution is None else path(instance, solution)
    left = np.setdiff1d(np.arange(len(coords)), [*nodes, *unreachable, instance.start, instance.end])
    areas = 6.0 + 60.0 * instance.prizes / max(float(instance.prizes.max()), 1e-300)
    for chosen, colour, label in ((left, _LEFT, "left out"), (unreachable, _FAR, "too far"), (nodes, _TAKEN, "visited")):
        if len(chosen) and not (label == "visited" and solution is None):
            axes.scatter(x[chosen], y[chosen], s=areas[chosen], color=colour, label=label, zorder=3, linewidths=0)
    if solution is not None:
        axes.plot(x[nodes], y[nodes], color=_TAKEN, linewidth=1.2, zorder=2)
    axes.scatter(x[instance.start], y[instance.start], marker="s", s=60, color="black", label="start", zorder=4)
    if not instance.closed:
        axes.scatter(x[instance.end], y[instance.end], marker="D", s=60, color="#b03030", label="end", zorder=4)
    axes.set_aspect("equal")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8)
    title = f"budget {instance.budget:g}"
    if solution is not None:
        prize = instance.prizes[np.unique(nodes)].sum()
        title += f", length {path_length(instance.travel, nodes):.6g}, prize {prize:g}"
    axes.set_title(title, fontsize=10)
