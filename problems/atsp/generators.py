"""Random asymmetric distances."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError
from redwood.problems.routing.generators import place

VARIANTS = ("matnet", "uniform", "city")
LARGEST = 1_000_000
"""The largest distance of ``matnet`` and ``uniform``, and the side of the square of ``city``."""
DETOUR = 0.2
"""By how much of its Euclidean length a distance of ``city`` is lengthened at most."""


def draw_matrix(size: int, rng: np.random.Generator, variant: str) -> tuple[Array, Array | None]:
    """Return whole-numbered distances [N, N], and coordinates [N, 2] where the variant has some.

    ``matnet`` draws each distance from 1 to 1,000,000 and replaces it by the shortest path, so that the triangle
    inequality holds; ``uniform`` leaves the draws alone; ``city`` places nodes in a square of side 1,000,000 and
    lengthens each Euclidean distance by 0 to 20 %, each direction for itself, rounded to the nearest whole number.

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
    matrix = rng.integers(1, LARGEST + 1, (size, size)).astype(np.float64)
    np.fill_diagonal(matrix, 0.0)
    return (close(matrix) if variant == "matnet" else matrix), None


def close(matrix: Array) -> Array:
    """Return the lengths of shortest paths (Floyd and Warshall), in time N^3."""
    closed = matrix.copy()
    for via in range(len(closed)):
        np.minimum(closed, closed[:, via, None] + closed[None, via, :], out=closed)
    return closed
