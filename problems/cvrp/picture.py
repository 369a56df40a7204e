"""Pictures of instances and routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from redwood.errors import FitError
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.problems.routing.route_colours import colours_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEGEND_ROUTES = 24
"""Up to so many routes the legend names."""


def draw(instance: CVRPInstance, solution: Routes | None, axes: Axes) -> None:
    """Draw customers (area by demand), the depot as a square, and each route in a colour of its own."""
    if instance.travel.coords is None:
        raise FitError("the instance has a matrix and no coordinates, so there is nothing to draw.")
    places = np.asarray(instance.travel.coords)
    if solution is not None:
        _draw_routes(instance, solution, axes)
    share = np.asarray(instance.demands[1:], dtype=np.float64) / max(1e-12, float(instance.demands.max()))
    axes.scatter(places[1:, 0], places[1:, 1], s=4 + 16 * share, color="0.25", zorder=3)
    axes.scatter(places[:1, 0], places[:1, 1], s=60, marker="s", color="black", zorder=4, label="depot")
    axes.set_aspect("equal")
    axes.set_title(instance.name)
    shown = 1 + (0 if solution is None else min(len(solution.routes), LEGEND_ROUTES))
    axes.legend(
        loc="center left", bbox_to_anchor=(1.02, 0.5), fontsize="small", frameon=False, ncols=1 if shown <= 13 else 2
    )


def _draw_routes(instance: CVRPInstance, solution: Routes, axes: Axes) -> None:
    places = np.asarray(instance.travel.coords)
    colours = colours_of([np.mean(places[route], axis=0) - places[0] for route in solution.routes])
    for number, (route, colour) in enumerate(zip(solution.routes, colours, strict=True), 1):
        walk = places[[0, *route, 0]]
        load = instance.demands[route].sum()
        label = f"route {number}: {load:g} of {instance.capacity:g}" if number <= LEGEND_ROUTES else None
        axes.plot(walk[1:-1, 0], walk[1:-1, 1], color=colour, linewidth=1.6, zorder=2, label=label)
        axes.plot(walk[:2, 0], walk[:2, 1], color=colour, linewidth=0.6, alpha=0.5, zorder=1)
        axes.plot(walk[-2:, 0], walk[-2:, 1], color=colour, linewidth=0.6, alpha=0.5, zorder=1)
    if len(solution.routes) > LEGEND_ROUTES:
        axes.plot([], [], color="none", label=f"and {len(solution.routes) - LEGEND_ROUTES} more routes")
