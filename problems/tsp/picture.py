"""Pictures of nodes and tours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from redwood.arrays import Array
from redwood.problems.routing.travel import Metric
from redwood.problems.tsp.instance import Tour, TSPInstance

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(instance: TSPInstance, tour: Tour | None, length: float | None, axes: Axes) -> None:
    """Draw the nodes as dots whose size fits their number, and the tour as one closed line below them.

    Parameters
    ----------
    instance
        The nodes, with coordinates.
    tour
        The tour to draw, or ``None`` for the nodes alone.
    length
        Length of the tour for the caption, or ``None``.
    axes
        Where to draw.
    """
    places = _places(instance)
    crowding = math.sqrt(max(1.0, instance.size / 100.0))
    if tour is not None:
        walk = places[np.append(tour.tour, tour.tour[:1])]
        axes.plot(*walk.T, color="tab:blue", linewidth=max(0.3, 1.5 / crowding), solid_joinstyle="round", zorder=1)
    x, y = places.T
    axes.scatter(
        x, y, s=max(0.2, 16.0 / crowding**2), color="black", linewidths=0, zorder=2, rasterized=instance.size > 5000
    )
    axes.set_xlabel(_caption(instance.size, length))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect(_aspect(instance))
    axes.set_title(instance.name)


def _caption(size: int, length: float | None) -> str:
    nodes = f"{size:,} node{'' if size == 1 else 's'}"
    if length is None:
        return nodes
    return f"{nodes}, tour length {length:,.0f}" if length == int(length) else f"{nodes}, tour length {length:,.6g}"


def _places(instance: TSPInstance) -> Array:
    """Return x and y [N, 2]: for GEO, whose coordinates are latitude and longitude, longitude is x."""
    coords = np.asarray(instance.travel.coords)
    return coords[:, ::-1] if instance.travel.metric is Metric.GEO else coords


def _aspect(instance: TSPInstance) -> float:
    """Return how much longer a unit of y is drawn than one of x: more than 1 for degrees far from the equator."""
    if instance.travel.metric is not Metric.GEO:
        return 1.0
    latitude = float(np.clip(np.mean(np.asarray(instance.travel.coords)[:, 0]), -80.0, 80.0))
    return 1.0 / math.cos(math.radians(latitude))
