"""Where searches begin: neighbour lists and the nearest-neighbour tour."""

from __future__ import annotations

import numpy as np

from redwood.problems.routing.travel import Array


def nearest(matrix: Array, count: int) -> Array:
    """Return for each row the ``count`` smallest columns off the diagonal, smallest first, [N, K] int32."""
    size = len(matrix)
    nearest = np.empty((size, min(count, size - 1)), dtype=np.int32)
    for node in range(size):
        row = matrix[node].copy()
        row[node] = np.inf
        nearest[node] = np.argsort(row, kind="stable")[: nearest.shape[1]]
    return nearest


def nearest_neighbour_tour(matrix: Array, rng: np.random.Generator) -> Array:
    """Return the tour that goes from a random node always to the nearest node left."""
    size = len(matrix)
    tour = np.empty(size, dtype=np.int64)
    left = np.ones(size, dtype=bool)
    node = int(rng.integers(size))
    for at in range(size):
        tour[at] = node
        left[node] = False
        if at + 1 < size:
            node = int(np.where(left, matrix[node], np.inf).argmin())
    return tour
