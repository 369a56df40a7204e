"""Rich routing data in the whole units of a library: openings and durations rounded up, closings and limits down."""

from __future__ import annotations

import math

import numpy as np

from redwood.arrays import Array
from redwood.problems.vrp.instance import VRPInstance

LARGEST = 1e6
"""The longest distance or duration becomes at most so many units where data are not whole."""
LOAD = 1e4
"""Capacities become at least so large, so that PyVRP's penalties, which end at 100,000 a unit, are strong enough."""
NEVER = 1 << 43
"""A time, load or length that is no limit."""


class Units:
    """An instance with its matrices of distances and durations [P, P] for each profile, and how its numbers become whole."""

    def __init__(self, instance: VRPInstance) -> None:
        self.instance = instance
        roads = instance.roads
        nodes = np.arange(roads.size)
        pairs = [(f(k, nodes[:, None], nodes[None, :])) for f in (roads.distance, roads.duration) for k in self._profiles()]
        self.lengths, self.times = pairs[: len(pairs) // 2], pairs[len(pairs) // 2 :]
        self.scale = self._scale(pairs)
        self.price_scale = self._price_scale()
        capacities = np.array([v.capacity for v in instance.vehicles])
        finite = capacities[np.isfinite(capacities)]
        exact = whole(instance.delivery, instance.pickup, instance.amounts, finite)
        largest = float(finite.max(initial=0.0)) or 1.0
        self.load_scale = max(1.0, math.ceil(LOAD / largest)) if exact else 1e6 / largest
        self.offset = min(0.0, float(instance.windows[:, 0].min()), float(instance.depot_windows[:, 0].min()))

    def _profiles(self) -> range:
        return range(len(self.instance.roads.profiles))

    def _scale(self, matrices: list[Array]) -> float:
        """Return 1 where all times and lengths are whole, else the power of ten that makes the longest about `LARGEST`."""
        instance = self.instance
        limits = np.array([x for v in instance.vehicles for x in (*v.shift, v.max_duration, v.max_distance)])
        others = (instance.windows, instance.service, instance.release, instance.depot_windows, instance.prize, limits)
        if whole(*matrices, *others):
            return 1.0
        longest = max(float(np.max(one, initial=0.0, where=np.isfinite(one))) for one in matrices)
        return 10.0 ** math.floor(math.log10(LARGEST / max(longest, 1e-9)))

    def _price_scale(self) -> float:
        """Return by what prices are multiplied besides, so that costs of distance and duration are whole."""
        rates = np.array([x for v in self.instance.vehicles for x in (v.distance_cost, v.duration_cost, v.waiting_cost)])
        return next((scale for scale in (1.0, 10.0, 100.0) if whole(rates * scale)), 1000.0)

    def money(self, value: float) -> int:
        """Return a cost in the library's units."""
        return round(value * self.scale * self.price_scale)

    def early(self, value: float) -> int:
        """Return an opening."""
        return math.ceil((value - self.offset) * self.scale - 1e-6)

    def late(self, value: float) -> int:
        """Return a closing."""
        return NEVER if math.isinf(value) else math.floor((value - self.offset) * self.scale + 1e-6)

    def limit(self, value: float) -> int:
        """Return a greatest duration or distance."""
        return NEVER if math.isinf(value) else math.floor(value * self.scale + 1e-6)

    def span(self, value: float) -> int:
        """Return a duration."""
        return math.ceil(value * self.scale - 1e-6)

    def loads(self, values: Array, *, down: bool = False) -> list[int]:
        """Return loads, or capacities (rounded down)."""
        if down:
            return [NEVER if math.isinf(v) else math.floor(v * self.load_scale + 1e-6) for v in values]
        return [math.ceil(v * self.load_scale - 1e-6) for v in values]


def whole(*arrays: Array) -> bool:
    """Return whether all finite numbers are whole."""
    return all(bool(np.all((one == np.rint(one)) | ~np.isfinite(one))) for one in arrays)


def ceiling(values: Array) -> Array:
    """Return values rounded up, but for what floats can add."""
    return np.asarray(np.ceil(values - 1e-6))
