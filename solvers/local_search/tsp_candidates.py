"""Which edges a TSP search tries: to the nearest nodes, and to those around a node in every direction."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.problems.routing.travel import Metric, Travel

TRIANGULATED = 200_000
"""Up to this size edges of the Delaunay triangulation join the nearest ones; beyond it takes too long to compute."""

TRIANGULATION_SECONDS = 15e-6
"""Seconds a node that have to be left for a triangulation and a first tour."""

PLANAR = frozenset({Metric.EUC_2D, Metric.CEIL_2D, Metric.ATT, Metric.EXACT, Metric.MAN_2D, Metric.MAX_2D})


def candidate_nodes(travel: Travel, count: int, clock: Clock | None = None) -> Array:
    """Return ``count`` nodes [N, K] int32 that tours may well go to from each node, nearest first.

    In the plane half of them are the nearest; the rest are neighbours in the Delaunay triangulation where there are so
    many, else further near ones. Among clusters the nearest nodes all lie on one side, and no tour of only such edges
    is good. Where the clock leaves no time for the triangulation, all are nearest ones.

    Raises
    ------
    OutOfTimeError
        Where the clock stops before even these are found.
    """
    nearest = travel.nearest(count, clock)
    if clock is not None and clock.seconds_left < TRIANGULATION_SECONDS * travel.size:
        return nearest
    if travel.metric not in PLANAR or not count + 2 < travel.size <= TRIANGULATED:
        return nearest
    around = _triangulated(np.asarray(travel.coords))
    if around is None:
        return nearest
    near_rows = np.repeat(np.arange(travel.size), nearest.shape[1])
    rank = np.tile(np.arange(nearest.shape[1]), travel.size)
    rows = np.concatenate([near_rows, around[:, 0]])
    nodes = np.concatenate([nearest.ravel(), around[:, 1]])
    class_of = np.concatenate([np.where(rank < (count + 1) // 2, 0, 2), np.ones(len(around), dtype=np.int64)])
    return _first_of_each(travel, rows, nodes, class_of, count)


def _triangulated(coords: Array) -> Array | None:
    """Return the edges [E, 2] of the Delaunay triangulation, both ways round, or ``None`` for points on one line."""
    from scipy.spatial import Delaunay, QhullError

    try:
        triangles = Delaunay(coords).simplices
    except QhullError:
        return None
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    return np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)


def _first_of_each(travel: Travel, rows: Array, nodes: Array, class_of: Array, count: int) -> Array:
    """Return for each row the first ``count`` different nodes by class and then distance, sorted by distance."""
    size = travel.size
    order = np.lexsort((class_of, rows.astype(np.int64) * size + nodes))
    rows, nodes, class_of = rows[order], nodes[order], class_of[order]
    fresh = np.append(True, (rows[1:] != rows[:-1]) | (nodes[1:] != nodes[:-1]))
    rows, nodes, class_of = rows[fresh], nodes[fresh], class_of[fresh]
    lengths = travel.between(rows, nodes)
    order = np.lexsort((lengths, class_of, rows))
    place = np.arange(len(rows)) - np.searchsorted(rows, np.arange(size))[rows]
    kept = order[place < count]
    kept = kept[np.lexsort((lengths[kept], rows[kept]))]
    return nodes[kept].reshape(size, count).astype(np.int32)
