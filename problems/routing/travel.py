"""Travel between nodes: coordinates or a matrix, with the rounding convention as a field."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock, go_on
from redwood.errors import InstanceError
from redwood.problem import frozen

EARTH_RADIUS = 6378.388  # km, as TSPLIB's GEO has it
BLOCK = 2000
"""Nodes whose neighbours are looked for between two looks at a clock."""


class Metric(StrEnum):
    """How the distance of two nodes follows from the data (names as in TSPLIB 95, section 2)."""

    EUC_2D = "EUC_2D"
    """Euclidean, rounded to the nearest integer as ``int(d + 0.5)``."""
    CEIL_2D = "CEIL_2D"
    """Euclidean, rounded up."""
    ATT = "ATT"
    """Pseudo-Euclidean: the root of a tenth of the squares, rounded up."""
    GEO = "GEO"
    """Kilometres on the sphere, truncated; coordinates are latitude and longitude as DDD.MM."""
    MAN_2D = "MAN_2D"
    """Manhattan, rounded to the nearest integer."""
    MAX_2D = "MAX_2D"
    """Maximum norm, rounded to the nearest integer."""
    EXACT = "EXACT"
    """Euclidean, not rounded."""
    EXPLICIT = "EXPLICIT"
    """Given by a matrix."""


def obeys_triangle_rule(metric: Metric) -> bool:
    """Return whether no way through other nodes is shorter than the direct one; rounding to the nearest breaks this rule."""
    return metric in (Metric.EXACT, Metric.CEIL_2D)


class Distances(NamedTuple):
    """The distances of N nodes as kernels take them.

    Attributes
    ----------
    metric
        A code of `CODES`.
    points
        Coordinates [N, 2], in radians for GEO; empty where there is a matrix.
    matrix
        Distances [N, N]; empty where the metric uses points, or ``None`` where kernels are compiled for points alone.
    """

    metric: int
    points: Array
    matrix: Array | None


CODES = {metric: code for code, metric in enumerate(Metric)}
"""Numbers of the metrics for compiled kernels."""


@dataclass(frozen=True, eq=False)
class Travel:
    """Distances of N nodes.

    Attributes
    ----------
    metric
        The rounding convention; `Metric.EXPLICIT` where ``matrix`` holds the distances.
    coords
        Coordinates [N, 2], or ``None``. With a matrix they serve pictures only.
    matrix
        Distances [N, N], or ``None``. The diagonal is set to zero: it is not data.
    """

    metric: Metric
    coords: Array | None = None
    matrix: Array | None = None

    @property
    def size(self) -> int:
        """Number of nodes."""
        data = self.matrix if self.matrix is not None else self.coords
        return 0 if data is None else len(data)

    @property
    def integral(self) -> bool:
        """Whether every distance is a whole number."""
        if self.matrix is not None:
            return self._matrix_integral
        return self.metric is not Metric.EXACT

    @cached_property
    def _matrix_integral(self) -> bool:
        return bool(np.all(self.matrix == np.rint(self.matrix)))  # type: ignore[arg-type]

    @cached_property
    def arrays(self) -> Distances:
        """The distances as kernels take them. Arrays are read-only: kernels, compiled for either kind, are compiled once."""
        if self.metric is Metric.EXPLICIT:
            matrix = np.ascontiguousarray(self.matrix, dtype=np.float64)
            return Distances(CODES[self.metric], _read_only(np.empty((0, 2))), _read_only(matrix))
        points = np.ascontiguousarray(self.coords, dtype=np.float64)
        if self.metric is Metric.GEO:
            points = geo_radians(points)
        return Distances(CODES[self.metric], _read_only(points), _read_only(np.empty((0, 0))))

    def between(self, tails: Array, heads: Array) -> Array:
        """Return the distances from ``tails`` to ``heads``, arrays of node numbers that broadcast together."""
        if self.metric is Metric.EXPLICIT:
            return np.asarray(self.matrix)[tails, heads]
        points = self.arrays.points
        return _measure(self.metric, points[tails], points[heads])

    def full(self) -> Array:
        """Return the matrix [N, N] of all distances: for small N only."""
        if self.metric is Metric.EXPLICIT:
            return np.asarray(self.matrix)
        nodes = np.arange(self.size)
        matrix = self.between(nodes[:, None], nodes[None, :])
        np.fill_diagonal(matrix, 0.0)
        return matrix

    def part(self, nodes: Array) -> Travel:
        """Return the distances of some of the nodes, in the given order."""
        coords = None if self.coords is None else self.coords[nodes]
        return Travel(self.metric, coords, None if self.matrix is None else self.matrix[np.ix_(nodes, nodes)])

    def nearest(self, count: int, clock: Clock | None = None) -> Array:
        """Return the ``count`` nearest other nodes of each node, [N, K] int32, nearest first (by travel from the node).

        Raises
        ------
        OutOfTimeError
            Where the clock stops before all are found.
        """
        count = min(count, self.size - 1)
        if self.metric is Metric.EXPLICIT:
            return _nearest_in_matrix(np.asarray(self.matrix), count, clock)
        norm = {Metric.MAN_2D: 1.0, Metric.MAX_2D: np.inf}.get(self.metric, 2.0)
        return _nearest_by_tree(self._tree_points(), count, norm, clock)

    def _tree_points(self) -> Array:
        points = self.arrays.points
        if self.metric is not Metric.GEO:
            return points
        latitude, longitude = points.T  # on the unit sphere the order of chords is the order of arcs
        return np.stack(
            [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=1
        )


def path_length(travel: Travel, nodes: Array) -> float:
    """Return the length of a path along node numbers."""
    return float(travel.between(nodes[:-1], nodes[1:]).sum())


def check_travel(coords: Any, matrix: Any, metric: str | Metric | None, *, symmetric: bool, what: str = "node") -> Travel:
    """Return validated distances from a user's arrays.

    Parameters
    ----------
    coords
        Coordinates [N, 2] or ``None``.
    matrix
        Distances [N, N] or ``None``. Its diagonal is ignored.
    metric
        Name of the convention; by default ``EXACT`` for coordinates and ``EXPLICIT`` for a matrix.
    symmetric
        Whether the matrix must be symmetric.
    what
        What a node is called in messages.

    Raises
    ------
    InstanceError
        Where shapes disagree, an entry is not finite, a distance is negative, or symmetry is broken.
    """
    if coords is None and matrix is None:
        raise InstanceError("neither coordinates nor a matrix is given; give coords= [N, 2] or matrix= [N, N].")
    checked_coords = None if coords is None else _check_coords(coords, what)
    checked_matrix = None if matrix is None else _check_matrix(matrix, symmetric, what)
    if checked_coords is not None and checked_matrix is not None and len(checked_coords) != len(checked_matrix):
        raise InstanceError(f"{len(checked_coords)} coordinates and a matrix of {len(checked_matrix)} {what}s disagree.")
    default = Metric.EXACT if checked_matrix is None else Metric.EXPLICIT
    try:
        convention = default if metric is None else Metric(str(metric).upper())
    except ValueError as error:
        raise InstanceError(f"metric {metric!r} is unknown; metrics are {', '.join(Metric)}.") from error
    if (convention is Metric.EXPLICIT) != (checked_matrix is not None):
        raise InstanceError(
            f"metric {convention} {'needs a matrix' if checked_matrix is None else 'does not go with a matrix'}."
        )
    return Travel(convention, checked_coords, checked_matrix)


def geo_radians(coords: Array) -> Array:
    """Return latitude and longitude in radians from TSPLIB's DDD.MM (with its value 3.141592 for pi)."""
    degrees = np.trunc(coords)
    return 3.141592 * (degrees + 5.0 * (coords - degrees) / 3.0) / 180.0


def _read_only(array: Array) -> Array:
    view = array.view()
    view.setflags(write=False)
    return view


def _measure(metric: Metric, a: Array, b: Array) -> Array:
    if metric is Metric.GEO:
        q1 = np.cos(a[..., 1] - b[..., 1])
        q2 = np.cos(a[..., 0] - b[..., 0])
        q3 = np.cos(a[..., 0] + b[..., 0])
        angle = np.arccos(np.clip(0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3), -1.0, 1.0))
        return np.asarray(np.floor(EARTH_RADIUS * angle + 1.0))
    delta = np.abs(a - b)
    if metric is Metric.MAN_2D:
        return np.asarray(np.floor(delta.sum(axis=-1) + 0.5))
    if metric is Metric.MAX_2D:
        return np.asarray(np.floor(delta + 0.5).max(axis=-1))
    square = delta[..., 0] * delta[..., 0] + delta[..., 1] * delta[..., 1]
    if metric is Metric.ATT:
        root = np.sqrt(square / 10.0)
        rounded = np.floor(root + 0.5)
        return np.asarray(np.where(rounded < root, rounded + 1.0, rounded))
    distance = np.sqrt(square)
    if metric is Metric.EUC_2D:
        return np.asarray(np.floor(distance + 0.5))
    return np.asarray(np.ceil(distance)) if metric is Metric.CEIL_2D else np.asarray(distance)


def _check_coords(coords: Any, what: str) -> Array:
    try:
        array = np.asarray(coords, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InstanceError(f"coordinates are not numbers: {error}.") from error
    if array.ndim != 2 or array.shape[1] != 2:
        raise InstanceError(f"coordinates have shape {list(array.shape)}; expected [N, 2].")
    wrong = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(wrong):
        raise InstanceError(f"coordinates {array[wrong[0]].tolist()} of {what} {wrong[0]} are not finite.")
    if np.abs(array).max(initial=0.0) > 1e15:
        worst = int(np.abs(array).max(axis=1).argmax())
        raise InstanceError(
            f"coordinates {array[worst].tolist()} of {what} {worst} exceed 1e15, beyond which distances lose digits."
        )
    return frozen(array)


def _check_matrix(matrix: Any, symmetric: bool, what: str) -> Array:
    try:
        array = np.array(matrix, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InstanceError(f"the matrix does not hold numbers: {error}.") from error
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise InstanceError(f"the matrix has shape {list(array.shape)}; expected [N, N].")
    np.fill_diagonal(array, 0.0)
    for rule, broken in (("not finite", ~np.isfinite(array)), ("negative", array < 0), ("above 1e15", array > 1e15)):
        if broken.any():
            i, j = np.argwhere(broken)[0]
            raise InstanceError(f"distance {array[i, j]} from {what} {i} to {what} {j} is {rule}.")
    if symmetric and not np.array_equal(array, array.T):
        i, j = np.argwhere(array != array.T)[0]
        raise InstanceError(
            f"distance {array[i, j]} from {what} {i} to {what} {j} differs from {array[j, i]} back; "
            "a symmetric matrix is needed here (problem 'atsp' takes asymmetric ones)."
        )
    return frozen(array)


def _nearest_by_tree(points: Array, count: int, norm: float, clock: Clock | None = None) -> Array:
    """Return [N, K] the nearest others, asked for a block of nodes at a time: many nodes at one place take long."""
    from scipy.spatial import cKDTree

    size, tree = len(points), cKDTree(points)
    nearest = np.empty((size, count), dtype=np.int32)
    for first in range(0, size, BLOCK):
        go_on(clock, size)
        part = slice(first, min(first + BLOCK, size))
        _, found = tree.query(points[part], k=min(count + 1, size), p=norm)
        found = np.asarray(found).reshape(part.stop - first, -1).astype(np.int32)
        itself = found == np.arange(first, part.stop, dtype=np.int32)[:, None]
        itself[~itself.any(axis=1), -1] = True  # among many nodes at one place a node may not find itself: drop the last
        nearest[part] = found[~itself].reshape(len(found), -1)[:, :count]
    return nearest


def _nearest_in_matrix(matrix: Array, count: int, clock: Clock | None = None) -> Array:
    size = len(matrix)
    nearest = np.empty((size, count), dtype=np.int32)
    for node in range(size):
        if node % 100 == 99:
            go_on(clock, size)
        row = matrix[node].copy()
        row[node] = np.inf
        nearest[node] = np.argsort(row, kind="stable")[:count]
    return nearest
