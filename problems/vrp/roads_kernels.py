"""Distances and durations between places in compiled code: the counterparts of `Roads`."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernel_fields import by_reference
from redwood.kernels import kernel
from redwood.problems.vrp.roads import Metric, Roads, Rounding

MATRIX_NODES = 3000
"""Up to so many places kernels look distances up in a matrix (72 MB); beyond it they compute them."""

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


def road_arrays(roads: Roads) -> RoadArrays:
    """Return what kernels take; up to `MATRIX_NODES` places the distances are written down."""
    speeds = np.array(roads.speeds)
    empty = np.empty((0, 0, 0))
    if roads.distances is not None:
        durations = roads.distances if roads.durations is None and _unit_speed(roads) else roads.durations
        given = empty if durations is None else np.array(durations)
        return _with_back(RoadArrays(np.empty((0, 3)), 1.0, 0, speeds, np.array(roads.distances), given, empty, empty))
    points, factor = roads.points_and_factor
    flat = roads.metric is not Metric.GREAT_CIRCLE
    padded = np.column_stack([points, np.zeros(len(points))]) if flat else points
    durations = empty if roads.durations is None else np.array(roads.durations)
    if roads.size > MATRIX_NODES:
        padded = np.ascontiguousarray(padded)
        return _with_back(RoadArrays(padded, factor, _code(roads), speeds, empty, durations, empty, empty))
    nodes = np.arange(roads.size)
    matrix = roads.distance(0, nodes[:, None], nodes[None, :])[None].copy()
    matrix[0, nodes, nodes] = 0.0
    durations = matrix if roads.durations is None and _unit_speed(roads) else durations
    return _with_back(RoadArrays(np.empty((0, 3)), 1.0, 0, speeds, matrix, durations, empty, empty))


def _unit_speed(roads: Roads) -> bool:
    return all(speed == 1.0 for speed in roads.speeds)


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
