"""Many small Euclidean tours at once: local search over a batch without Python between the instances."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel
from redwood.problems.routing.distance import distance
from redwood.problems.routing.travel import CODES, Metric
from redwood.solvers.local_search.tsp_kernels import Search, descend, fill_queue, iterate

_EXACT = CODES[Metric.EXACT]


@kernel(nogil=True)
def improve_batch(
    points: Array, matrix: Array, iterations: int, random: RandomState, neighbours: int, breadth: Array, tours: Array
) -> None:
    """Fill ``tours`` [B, N] with tours through ``points`` [B, N, 2], N at least 5; ``matrix`` is empty, [0, 0].

    Each is a nearest-neighbour tour, improved to a local optimum and then by so many ``iterations``.

    Parameters
    ----------
    points
        Coordinates [B, N, 2], N at least 5; distances are not rounded.
    matrix
        An empty array [0, 0], as `Travel.arrays` has it for coordinates.
    iterations
        Perturbations of each tour.
    random
        The generator's state [2].
    neighbours
        Candidate neighbours of each node; N - 1 at most are used.
    breadth
        Neighbours tried at each step of a move, [D].
    tours
        Room [B, N]. Gets the tours.
    """
    size = points.shape[1]
    count = min(neighbours, size - 1)
    search = Search(
        _EXACT,
        points[0].copy(),
        matrix,
        np.empty((size, count), dtype=np.int32),
        np.empty((size, count)),
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.int32),
        np.zeros(size, dtype=np.bool_),
        np.empty(2 * size + 10_000, dtype=np.int32),
        np.empty(2 * size + 10_000, dtype=np.int32),
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.int32),
        np.zeros((len(breadth) + 4, 3), dtype=np.int64),
        np.minimum(breadth, count),
        np.zeros(4, dtype=np.int64),
        np.zeros(1),
        random,
        1e-9 * np.sqrt(np.var(points) / size),
        size,
    )
    heat = np.sqrt(np.var(points) / size)
    for b in range(len(points)):
        search.points[:] = points[b]
        _fill_neighbours(search)
        _nearest_first(search)
        fill_queue(search)
        descend(search, np.iinfo(np.int64).max)
        iterate(search, iterations, heat, 0, float(iterations))
        tours[b] = search.best


@kernel
def _fill_neighbours(search: Search) -> None:
    """Find the nearest nodes of each node by looking at all."""
    size, count = search.neighbours.shape
    row = np.empty(size)
    for i in range(size):
        for j in range(size):
            row[j] = distance(search.metric, search.points, search.matrix, i, j)
        row[i] = np.inf
        for k in range(count):
            nearest = int(np.argmin(row))
            search.neighbours[i, k] = nearest
            search.lengths[i, k] = row[nearest]
            row[nearest] = np.inf


@kernel
def _nearest_first(search: Search) -> None:
    """Begin at node 0 and go to the nearest node not yet visited."""
    size = len(search.order)
    for place in range(size):
        search.order[place] = place
    for place in range(1, size):
        here = search.order[place - 1]
        nearest, shortest = place, np.inf
        for later in range(place, size):
            length = distance(search.metric, search.points, search.matrix, here, search.order[later])
            if length < shortest:
                nearest, shortest = later, length
        search.order[place], search.order[nearest] = search.order[nearest], search.order[place]
    for place in range(size):
        search.position[search.order[place]] = place
