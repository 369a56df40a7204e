"""What routes are called and which colours they have, in sheets, maps and pictures alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from redwood.problems.routing.route_colours import colours_of
from redwood.problems.vrp.checks import NumberedRoute
from redwood.problems.vrp.instance import VRPInstance


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
    return colours_of(ways)
