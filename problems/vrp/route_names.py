"""What routes are called and which colours they have, in sheets, maps and pictures alike."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from redwood.problems.vrp.checks import NumberedRoute
from redwood.problems.vrp.instance import VRPInstance

PALETTE = (
    *("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#e377c2", "#17becf", "#bcbd22", "#7f7f7f"),
    *("#aec7e8", "#ff9896", "#98df8a", "#c5b0d5", "#ffbb78", "#c49c94", "#f7b6d2", "#9edae5", "#dbdb8d", "#c7c7c7"),
)
"""Ten strong colours, and the same ten pale."""


def vehicle_names(instance: VRPInstance, routes: Sequence[NumberedRoute]) -> list[str]:
    """Return the name of each route's vehicle, numbered where a type drives several routes."""
    driven, met = Counter(route.kind for route in routes), Counter[int]()
    found = []
    for route in routes:
        met[route.kind] += 1
        name = instance.vehicles[route.kind].name
        found.append(f"{name} {met[route.kind]}" if driven[route.kind] > 1 else name)
    return found


def route_colours(instance: VRPInstance, routes: Sequence[NumberedRoute]) -> list[str]:
    """Return a colour for each route such that neighbours by direction differ; strong ones alone for up to ten routes."""
    points, homes = np.asarray(instance.roads.coords), len(instance.depots)
    ways = [points[homes + r.customers].mean(axis=0) - points[instance.vehicles[r.kind].start] for r in routes]
    ranks = np.argsort(np.argsort([math.atan2(y, x) for x, y in ways], kind="stable"))
    count = 10 if len(routes) <= 10 else 20
    return [PALETTE[(int(rank) * 7) % count] for rank in ranks]
