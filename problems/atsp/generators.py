"""Random asymmetric distances."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError
from redwood.problems.routing.generators import place

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

VARIANTS = ("matnet", "uniform", "city", "roads")
LARGEST = 1_000_000
"""The largest distance of ``matnet`` and ``uniform``, and the side of the square of ``city``."""
DETOUR = 0.2
"""By how much of its Euclidean length a distance of ``city`` is lengthened at most."""
JUNCTIONS = 4
"""How many junctions a street network of ``roads`` has for each node, about."""
ONE_WAY, MAIN, SPEED = 0.25, 5, 3.0
"""Of ``roads``: the share of side streets with one direction, every how many-th street is a main road, and how many times
quicker that is."""
BLOCK = 500
"""Rows of the matrix of ``roads`` that are computed together, which bounds the memory."""


def draw_matrix(size: int, rng: np.random.Generator, variant: str) -> tuple[Array, Array | None]:
    """Return whole-numbered distances [N, N], and coordinates [N, 2] where the variant has some.

    ``matnet`` draws each distance from 1 to 1,000,000 and replaces it by the shortest path, so that the triangle
    inequality holds; ``uniform`` leaves the draws alone; ``city`` places nodes in a square of side 1,000,000 and
    lengthens each Euclidean distance by 0 to 20 %, each direction for itself, rounded to the nearest whole number;
    ``roads`` takes junctions of a street network as nodes, and the times of quickest ways as distances (`street_times`).

    References
    ----------
    Kwon et al. (2021), Matrix Encoding Networks for Neural Combinatorial Optimization, arXiv:2106.11345, appendix A (there
    divided by 1,000,000).
    """
    if size < 1:
        raise OptionError(f"size {size} is below 1; give at least one node.")
    if variant == "city":
        coords = LARGEST * place(size, rng)
        lengths = np.hypot(*(coords[:, None, :] - coords[None, :, :]).transpose(2, 0, 1))
        return np.floor(lengths * (1.0 + DETOUR * rng.random((size, size))) + 0.5), coords
    if variant == "roads":
        return street_times(size, rng)
    matrix = rng.integers(1, LARGEST + 1, (size, size)).astype(np.float64)
    np.fill_diagonal(matrix, 0.0)
    return (close(matrix) if variant == "matnet" else matrix), None


def close(matrix: Array) -> Array:
    """Return the lengths of shortest paths (Floyd and Warshall), in time N^3."""
    closed = matrix.copy()
    for via in range(len(closed)):
        np.minimum(closed, closed[:, via, None] + closed[None, via, :], out=closed)
    return closed


def street_times(size: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return quickest times [N, N] between junctions of a street network, in whole numbers, and where they lie [N, 2].

    The network is a grid of side 1,000,000 with disturbed junctions. Some rows and columns are main roads, which are quicker
    and have two directions; of the side streets some have one, and traffic slows each direction of a street for itself.
    One-way streets whose loss would cut a junction off have two directions.
    """
    from scipy.sparse.csgraph import connected_components, dijkstra

    side = max(2, math.ceil(math.sqrt(JUNCTIONS * size)))
    spots = (np.indices((side, side)).reshape(2, -1).T + 0.6 * rng.random((side * side, 2))) * (LARGEST / side)
    number = np.arange(side * side).reshape(side, side)
    tails, heads, main = [], [], []
    for ends in ((number[:, :-1], number[:, 1:]), (number[:-1].T, number[1:].T)):
        tails.append(ends[0].ravel())
        heads.append(ends[1].ravel())
        main.append(np.repeat(np.arange(side) % MAIN == MAIN // 2, side - 1))
    tail, head, quick = np.concatenate(tails), np.concatenate(heads), np.concatenate(main)
    time = np.hypot(*(spots[tail] - spots[head]).T) / np.where(quick, SPEED, 1.0)
    there, back = (time * (1.0 + rng.random(len(time))) for _ in range(2))
    shut = np.where(quick | (rng.random(len(time)) >= ONE_WAY), 0, rng.integers(1, 3, len(time)))
    nodes = np.sort(rng.choice(side * side, size, replace=False))
    part = connected_components(_streets(there, back, tail, head, shut, side), directed=True, connection="strong")[1]
    shut[part[tail] != part[head]] = 0
    streets = _streets(there, back, tail, head, shut, side)
    blocks = np.array_split(nodes, math.ceil(size / BLOCK))
    times = np.vstack([dijkstra(streets, indices=block)[:, nodes] for block in blocks])
    return np.floor(times + 0.5), spots[nodes]


def _streets(there: Array, back: Array, tail: Array, head: Array, shut: Array, side: int) -> csr_matrix:
    """Return the times of streets as a sparse matrix, without the directions that are shut: 1 is there, 2 is back."""
    from scipy.sparse import csr_matrix

    ahead, astern = np.flatnonzero(shut != 1), np.flatnonzero(shut != 2)
    rows = np.concatenate([tail[ahead], head[astern]])
    columns = np.concatenate([head[ahead], tail[astern]])
    return csr_matrix((np.concatenate([there[ahead], back[astern]]), (rows, columns)), shape=(side * side, side * side))
