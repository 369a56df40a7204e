"""Random places of nodes in the unit square, for the generators of all routing problems."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError
from redwood.settings import whole

PLACEMENTS = ("uniform", "clustered", "mixed")
"""Names of the placements."""


def place(size: int, rng: np.random.Generator, placement: str = "uniform", *, clusters: int | None = None) -> Array:
    """Return random coordinates [N, 2] in the unit square.

    ``uniform`` draws each coordinate from U(0, 1). ``clustered`` draws centres uniformly and puts each node around a random
    one, with normal deviates of 0.1 / sqrt(centres) in each coordinate; draws outside of the square are drawn again.
    ``mixed`` places half of the nodes each way, in random order.

    Parameters
    ----------
    size
        Number of nodes N, at least 1.
    rng
        Draws the coordinates.
    placement
        ``uniform``, ``clustered`` or ``mixed``.
    clusters
        How many centres; by default one for 100 nodes, and at least 3.

    Raises
    ------
    OptionError
        Where the size, the placement or the number of clusters is out of range.

    References
    ----------
    Clusters: D. S. Johnson and L. A. McGeoch, Experimental analysis of heuristics for the STSP, 2002,
    doi:10.1007/0-306-48213-4_9, section 2 (where draws may leave the square). Half and half: E. Uchoa et al., New
    benchmark instances for the capacitated vehicle routing problem, 2017, doi:10.1016/j.ejor.2016.08.012, section 4.
    """
    if size < 1:
        raise OptionError(f"size {size} is below 1; give at least one node.")
    if placement not in PLACEMENTS:
        raise OptionError(f"placement {placement!r} is unknown; placements are {', '.join(PLACEMENTS)}.")
    if placement == "uniform":
        return rng.random((size, 2))
    count = max(3, size // 100) if clusters is None else whole("clusters", clusters, 1)
    scattered = size // 2 if placement == "mixed" else 0
    points = np.concatenate([rng.random((scattered, 2)), _around_centres(size - scattered, rng, min(count, size))])
    return rng.permutation(points) if placement == "mixed" else points


def _around_centres(size: int, rng: np.random.Generator, clusters: int) -> Array:
    """Return normal deviates around uniform centres, drawn again until they lie in the unit square."""
    centres = rng.random((clusters, 2))
    deviation = 0.1 / np.sqrt(clusters)
    points = np.full((size, 2), np.nan)
    chosen = rng.integers(clusters, size=size)
    missing = np.arange(size)
    while len(missing):
        points[missing] = centres[chosen[missing]] + deviation * rng.standard_normal((len(missing), 2))
        missing = missing[((points[missing] < 0.0) | (points[missing] > 1.0)).any(axis=1)]
    return points
