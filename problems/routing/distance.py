"""The distance of two nodes in compiled kernels: the counterpart of `Travel.between`."""

from __future__ import annotations

import math

from redwood.kernels import kernel
from redwood.problems.routing.travel import CODES, EARTH_RADIUS, Distances, Metric

_EUC_2D = CODES[Metric.EUC_2D]
_CEIL_2D = CODES[Metric.CEIL_2D]
_ATT = CODES[Metric.ATT]
_GEO = CODES[Metric.GEO]
_MAN_2D = CODES[Metric.MAN_2D]
_MAX_2D = CODES[Metric.MAX_2D]
_EXACT = CODES[Metric.EXACT]


@kernel(_nrt=False)
def distance(distances: Distances, i: int, j: int) -> float:
    """Return the distance from node i to node j, both below N."""
    metric, points = distances.metric, distances.points
    if metric in (_EXACT, _EUC_2D, _CEIL_2D):
        dx = points[i, 0] - points[j, 0]
        dy = points[i, 1] - points[j, 1]
        length = math.sqrt(dx * dx + dy * dy)
        if metric == _EXACT:
            return length
        if metric == _EUC_2D:
            return math.floor(length + 0.5)
        return math.ceil(length)
    if metric in (_ATT, _MAN_2D, _MAX_2D):
        return _planar(metric, abs(points[i, 0] - points[j, 0]), abs(points[i, 1] - points[j, 1]))
    if metric == _GEO:
        q1 = math.cos(points[i, 1] - points[j, 1])
        q2 = math.cos(points[i, 0] - points[j, 0])
        q3 = math.cos(points[i, 0] + points[j, 0])
        cosine = 0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3)
        return math.floor(EARTH_RADIUS * math.acos(min(1.0, max(-1.0, cosine))) + 1.0)
    return float(distances.matrix[i, j])  # type: ignore[index]


@kernel(_nrt=False)
def _planar(metric: int, dx: float, dy: float) -> float:
    if metric == _MAN_2D:
        return math.floor(dx + dy + 0.5)
    if metric == _MAX_2D:
        return max(math.floor(dx + 0.5), math.floor(dy + 0.5))
    root = math.sqrt((dx * dx + dy * dy) / 10.0)
    rounded = math.floor(root + 0.5)
    return rounded + 1.0 if rounded < root else rounded
