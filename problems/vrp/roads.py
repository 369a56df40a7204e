"""Distances and durations between places: by coordinates or by matrices, in one or several profiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernel_fields import by_reference
from redwood.kernels import kernel

EARTH_RADIUS = 6371.0088
"""Mean radius of the earth in km."""
MATRIX_NODES = 3000
"""Up to so many places kernels look distances up in a matrix (72 MB); beyond it they compute them."""


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


CODES = {kind: code for code, kind in enumerate(Rounding)}
_NEAREST, _DOWN, _ONE_DECIMAL = CODES[Rounding.NEAREST], CODES[Rounding.DOWN], CODES[Rounding.ONE_DECIMAL]


@by_reference
class RoadArrays(NamedTuple):
    """What kernels take of `Roads`.

    Attributes
    ----------
    points
        Coordinates [P, 2], or unit vectors [P, 3] for great circles; empty where matrices are given.
    factor
        Scale, times twice the earth's radius for great circles.
    rounding
        Code of the rounding.
    speeds
        Distance in a unit of time [F]; durations without a matrix are distances over speeds.
    distances, durations
        Matrices [F, P, P] (F is 1 where the profiles share one), or empty.
    distances_back, durations_back
        The same transposed, so that the ways to one place lie side by side; where they are symmetric, the same arrays.
    """

    points: Array
    factor: float
    rounding: int
    speeds: Array
    distances: Array
    durations: Array
    distances_back: Array
    durations_back: Array


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
        points, factor = self._points
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
    def _points(self) -> tuple[Array, float]:
        """Return points whose straight distances, times the factor, are the distances (for great circles: the chords)."""
        coords = np.asarray(self.coords, dtype=np.float64)
        if self.metric is not Metric.GREAT_CIRCLE:
            return coords, self.scale
        longitude, latitude = np.radians(coords).T
        level = np.cos(latitude)
        points = np.stack([level * np.cos(longitude), level * np.sin(longitude), np.sin(latitude)], axis=1)
        return np.ascontiguousarray(points), 2.0 * EARTH_RADIUS * self.scale

    @cached_property
    def arrays(self) -> RoadArrays:
        """Return what kernels take; up to `MATRIX_NODES` places the distances are written down."""
        speeds = np.array(self.speeds)
        empty = np.empty((0, 0, 0))
        if self.distances is not None:
            durations = self.distances if self.durations is None and self._unit_speed else self.durations
            given = empty if durations is None else np.array(durations)
            return _with_back(RoadArrays(np.empty((0, 3)), 1.0, 0, speeds, np.array(self.distances), given, empty, empty))
        points, factor = self._points
        flat = self.metric is not Metric.GREAT_CIRCLE
        padded = np.column_stack([points, np.zeros(len(points))]) if flat else points
        durations = empty if self.durations is None else np.array(self.durations)
        if self.size > MATRIX_NODES:
            padded = np.ascontiguousarray(padded)
            return _with_back(RoadArrays(padded, factor, _code(self), speeds, empty, durations, empty, empty))
        nodes = np.arange(self.size)
        matrix = self.distance(0, nodes[:, None], nodes[None, :])[None].copy()
        matrix[0, nodes, nodes] = 0.0
        durations = matrix if self.durations is None and self._unit_speed else durations
        return _with_back(RoadArrays(np.empty((0, 3)), 1.0, 0, speeds, matrix, durations, empty, empty))

    @property
    def _unit_speed(self) -> bool:
        return all(speed == 1.0 for speed in self.speeds)


def _with_back(arrays: RoadArrays) -> RoadArrays:
    """Return the arrays with the transposed matrices."""
    distances = _transposed(arrays.distances)
    durations = distances if arrays.durations is arrays.distances else _transposed(arrays.durations)
    return arrays._replace(distances_back=distances, durations_back=durations)


def _transposed(matrices: Array) -> Array:
    back = matrices.swapaxes(1, 2)
    return matrices if np.array_equal(back, matrices) else np.ascontiguousarray(back)


def _code(roads: Roads) -> int:
    return CODES[roads.rounding] + (len(CODES) if roads.metric is Metric.GREAT_CIRCLE else 0)


@kernel(_nrt=False)
def road_distance(roads: RoadArrays, profile: int, i: int, j: int) -> float:
    """Return the distance from place i to place j: the counterpart of `Roads.distance`.

    Parameters
    ----------
    roads
        Places with their coordinates or matrices.
    profile
        Number of the profile.
    i, j
        Places.
    """
    count = roads.distances.shape[0]
    if count > 0:
        return float(roads.distances[profile if count > 1 else 0, i, j])
    return _distance_by_points(roads, i, j)


@kernel(_nrt=False)
def _distance_by_points(roads: RoadArrays, i: int, j: int) -> float:
    """Return the distance between two places by their coordinates."""
    dx = roads.points[i, 0] - roads.points[j, 0]
    dy = roads.points[i, 1] - roads.points[j, 1]
    dz = roads.points[i, 2] - roads.points[j, 2]
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    rounding = roads.rounding
    if rounding >= 4:  # great circles: the arc of half the chord
        length = math.asin(min(1.0, 0.5 * length))
        rounding -= 4
    length *= roads.factor
    if rounding == _NEAREST:
        length = math.floor(length + 0.5)
    elif rounding == _DOWN:
        length = math.floor(length)
    elif rounding == _ONE_DECIMAL:
        length = math.floor(10.0 * length) / 10.0
    return float(length)


@kernel(_nrt=False)
def road_distance_to(roads: RoadArrays, profile: int, i: int, j: int) -> float:
    """Return the distance from place i to place j, quickly where many places i follow each other for one j.

    Parameters
    ----------
    roads
        Places with their coordinates or matrices.
    profile
        Number of the profile.
    i, j
        Places.
    """
    count = roads.distances_back.shape[0]
    if count > 0:
        return float(roads.distances_back[profile if count > 1 else 0, j, i])
    return road_distance(roads, profile, i, j)


@kernel(_nrt=False)
def road_duration_to(roads: RoadArrays, profile: int, i: int, j: int) -> float:
    """Return the travel time from place i to place j, quickly where many places i follow each other for one j.

    Parameters
    ----------
    roads
        Places with their coordinates or matrices.
    profile
        Number of the profile.
    i, j
        Places.
    """
    count = roads.durations_back.shape[0]
    if count > 0:
        return float(roads.durations_back[profile if count > 1 else 0, j, i])
    return float(road_distance(roads, profile, i, j) / roads.speeds[profile])


@kernel(_nrt=False)
def road_duration(roads: RoadArrays, profile: int, i: int, j: int) -> float:
    """Return the travel time from place i to place j: the counterpart of `Roads.duration`.

    Parameters
    ----------
    roads
        Places with their coordinates or matrices.
    profile
        Number of the profile.
    i, j
        Places.
    """
    count = roads.durations.shape[0]
    if count > 0:
        return float(roads.durations[profile if count > 1 else 0, i, j])
    return float(road_distance(roads, profile, i, j) / roads.speeds[profile])
