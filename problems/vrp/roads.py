"""Distances and durations between places: by coordinates or by matrices, in one or several profiles."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from redwood.arrays import Array

EARTH_RADIUS = 6371.0088
"""Mean radius of the earth in km."""


class Metric(StrEnum):
    """Where distances come from."""

    EUCLIDEAN = "euclidean"
    """Straight lines between coordinates x, y."""
    GREAT_CIRCLE = "great-circle"
    """Kilometres on the sphere between longitudes and latitudes in decimal degrees."""
    MATRIX = "matrix"
    """Given by a matrix."""


class Rounding(StrEnum):
    """What becomes of a computed distance after its multiplication by the scale."""

    NONE = "none"
    NEAREST = "nearest"
    """The nearest whole number, halves up."""
    DOWN = "down"
    """The whole part."""
    ONE_DECIMAL = "one-decimal"
    """Truncated after the first decimal, as in the DIMACS challenge."""


@dataclass(frozen=True, eq=False)
class Roads:
    """Distances and durations of P places in F profiles, such as van and bike.

    Attributes
    ----------
    metric
        Whether coordinates or matrices count.
    coords
        Coordinates [P, 2] (x, y or longitude, latitude), or ``None``. With matrices they serve pictures only.
    geographic
        Whether the coordinates are longitudes and latitudes.
    scale, rounding
        What becomes of a distance by coordinates: it is multiplied and rounded.
    profiles
        Names of the profiles.
    speeds
        Distance in a unit of time, for each profile without a matrix of durations.
    distances, durations
        Matrices [F, P, P] or ``None``; infinite entries mean that there is no way.
    """

    metric: Metric
    coords: Array | None
    geographic: bool
    scale: float
    rounding: Rounding
    profiles: tuple[str, ...]
    speeds: tuple[float, ...]
    distances: Array | None = None
    durations: Array | None = None

    @property
    def size(self) -> int:
        """Number of places."""
        data = self.coords if self.distances is None else self.distances[0]
        return 0 if data is None else len(data)

    def longest_leg(self, profile: int) -> tuple[float, float]:
        """Return an upper bound on finite distances and durations between two places."""
        if self.distances is not None:
            matrix = self.distances[profile if len(self.distances) > 1 else 0]
            longest = float(np.max(matrix, initial=0.0, where=np.isfinite(matrix)))
        else:
            span = np.ptp(np.asarray(self.coords), axis=0)
            longest = self.scale * float(np.hypot(*span)) + 1.0 if self.metric == "euclidean" else self.scale * 20038.0
        if self.durations is None:
            return longest, longest / self.speeds[profile]
        times = self.durations[profile if len(self.durations) > 1 else 0]
        return longest, float(np.max(times, initial=0.0, where=np.isfinite(times)))

    def distance(self, profile: int, tails: Array, heads: Array) -> Array:
        """Return the distances from ``tails`` to ``heads``, arrays of place numbers that broadcast together."""
        if self.distances is not None:
            return np.asarray(self.distances[profile if len(self.distances) > 1 else 0][tails, heads])
        points, factor = self.points_and_factor
        square = ((points[tails] - points[heads]) ** 2).sum(axis=-1)
        length = np.sqrt(square)
        if self.metric is Metric.GREAT_CIRCLE:
            length = np.arcsin(np.minimum(1.0, 0.5 * length))
        length = factor * length
        if self.rounding is Rounding.NEAREST:
            return np.asarray(np.floor(length + 0.5))
        if self.rounding is Rounding.DOWN:
            return np.asarray(np.floor(length))
        return np.asarray(np.floor(10.0 * length) / 10.0 if self.rounding is Rounding.ONE_DECIMAL else length)

    def duration(self, profile: int, tails: Array, heads: Array) -> Array:
        """Return the travel times from ``tails`` to ``heads``."""
        if self.durations is not None:
            return np.asarray(self.durations[profile if len(self.durations) > 1 else 0][tails, heads])
        return self.distance(profile, tails, heads) / self.speeds[profile]

    @cached_property
    def points_and_factor(self) -> tuple[Array, float]:
        """Return points whose straight distances, times the factor, are the distances (for great circles: the chords)."""
        coords = np.asarray(self.coords, dtype=np.float64)
        if self.metric is not Metric.GREAT_CIRCLE:
            return coords, self.scale
        longitude, latitude = np.radians(coords).T
        level = np.cos(latitude)
        points = np.stack([level * np.cos(longitude), level * np.sin(longitude), np.sin(latitude)], axis=1)
        return np.ascontiguousarray(points), 2.0 * EARTH_RADIUS * self.scale
