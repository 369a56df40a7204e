"""Pictures of places and routes, with the windows kept and the loads carried where there are any."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError
from redwood.problems.vrp.checks import NumberedRoute, numbered
from redwood.problems.vrp.instance import VRPInstance
from redwood.problems.vrp.route_names import route_colours, vehicle_names
from redwood.problems.vrp.routes import Routes
from redwood.problems.vrp.schedule import loads_on, places_of, schedule
from redwood.problems.vrp.times import moment

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEGEND_ROUTES = 24
"""Up to so many routes the legend names."""
NAMED = 30
"""Up to so many customers have their names beside them."""


def draw(instance: VRPInstance, solution: Routes | None, axes: Axes) -> None:
    """Draw depots as squares, customers (by load; those left out hollow), and each route in a colour of its own."""
    if instance.roads.coords is None:
        raise FitError("the instance has matrices and no coordinates, so there is nothing to draw.")
    points, homes = np.asarray(instance.roads.coords), len(instance.depots)
    routes = [] if solution is None else numbered(instance, solution)
    axes.scatter(points[:homes, 0], points[:homes, 1], s=60, marker="s", color="black", zorder=4, label="depot")
    told = zip(routes, route_colours(instance, routes), vehicle_names(instance, routes), strict=True)
    for number, (route, colour, vehicle) in enumerate(told, 1):
        label = f"Route {number}: {vehicle}{_told(instance, route)}" if number <= LEGEND_ROUTES else None
        _draw_route(instance, route, axes, colour, label)
    if len(routes) > LEGEND_ROUTES:
        axes.plot([], [], color="none", label=f"and {len(routes) - LEGEND_ROUTES} more routes")
    _draw_customers(instance, routes, axes, solution is not None)
    if instance.roads.geographic:
        axes.set_xlabel("longitude")
        axes.set_ylabel("latitude")
        axes.set_aspect(1.0 / max(0.05, math.cos(math.radians(float(points[:, 1].mean())))))
    else:
        axes.set_aspect("equal")
    axes.set_title(instance.name)
    shown = 1 + min(len(routes), LEGEND_ROUTES)
    axes.legend(
        loc="center left",
        bbox_to_anchor=(1.02, 0.5),
        fontsize="small",
        frameon=False,
        ncols=1 if shown <= 13 else 2,
        title="from the depot thin, back dashed" if routes else None,
        title_fontsize="x-small",
    )


def _draw_customers(instance: VRPInstance, routes: list[NumberedRoute], axes: Axes, solved: bool) -> None:
    points = np.asarray(instance.roads.coords)[len(instance.depots) :]
    served = np.full(instance.size, not solved)
    for route in routes:
        served[route.customers] = True
    load = np.maximum(instance.delivery, instance.pickup).sum(axis=1) + np.abs(instance.shipped).sum(axis=1)
    sizes = 5 + 18 * load / max(1e-12, float(load.max()))
    axes.scatter(points[served, 0], points[served, 1], s=sizes[served], color="0.25", zorder=3)
    if not served.all():
        out = ~served
        axes.scatter(points[out, 0], points[out, 1], s=24, facecolors="white", edgecolors="0.4", zorder=3, label="left out")
    if instance.size <= NAMED:
        for name, point in zip(instance.customers, points, strict=True):
            axes.annotate(name, tuple(point), textcoords="offset points", xytext=(4, 4), fontsize=7, color="0.3")


def _draw_route(instance: VRPInstance, route: NumberedRoute, axes: Axes, colour: str, label: str | None) -> None:
    vehicle = instance.vehicles[route.kind]
    walk = np.asarray(instance.roads.coords)[places_of(instance, vehicle, route.stops)]
    last = len(walk) if vehicle.end is None else len(walk) - 1
    axes.plot(walk[1:last, 0], walk[1:last, 1], color=colour, linewidth=1.6, zorder=2, label=label)
    axes.plot(walk[:2, 0], walk[:2, 1], color=colour, linewidth=0.7, alpha=0.6, zorder=1)
    if vehicle.end is not None:
        axes.plot(walk[-2:, 0], walk[-2:, 1], color=colour, linewidth=0.7, alpha=0.6, linestyle="--", zorder=1)


def _told(instance: VRPInstance, route: NumberedRoute) -> str:
    """Return the words of the legend after a route's name: its trips, its largest load, and when it drives."""
    vehicle = instance.vehicles[route.kind]
    parts = [_load(most, capacity) for most, capacity in zip(_most(instance, route.stops), vehicle.capacity, strict=True)]
    trips = len(route.stops) - len(route.customers) + 1
    words = f", {trips} trips" if trips > 1 else ""
    if any(parts):
        words += ", " + " + ".join(part for part in parts if part)
    if instance.timed:
        found = schedule(instance, vehicle, route.stops)
        begin, end = (moment(instance.time_unit, round(time, 3)) for time in (found.start, found.end))
        words += f", {begin} to {end}"
    return words


def _most(instance: VRPInstance, stops: Array) -> list[float]:
    return [float(value) for value in loads_on(instance, stops).max(axis=0)]


def _load(most: float, capacity: float) -> str:
    return f"{most:g} of {capacity:g}" if math.isfinite(capacity) else f"{most:g}" if most > 0 else ""
