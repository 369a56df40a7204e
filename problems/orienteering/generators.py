"""Random orienteering instances: nodes in the unit square, closed tours from node 0."""

from __future__ import annotations

import math

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError
from redwood.problems.routing.generators import place

VARIANTS = ("distance", "uniform", "constant", "clustered")


def draw_nodes(size: int, rng: np.random.Generator, variant: str) -> tuple[Array, Array]:
    """Return coordinates [size + 1, 2] with the depot first, and whole-numbered prizes [size + 1], zero at the depot.

    The variants differ in the prizes: ``distance`` pays 1 + floor(99 d / dmax) for a node at distance d from the depot,
    so that far nodes are worth more; ``uniform`` draws 1 to 100; ``constant`` pays 1 each. ``clustered`` draws prizes
    like ``uniform`` and nodes around a few centres.

    References
    ----------
    Kool, van Hoof, Welling (2019), arXiv:1803.08475, appendix C, for the three kinds of prizes.
    """
    if size < 1:
        raise OptionError(f"size {size} is below 1; an instance needs at least one node to visit.")
    coords = place(size + 1, rng, "clustered" if variant == "clustered" else "uniform")
    prizes = np.ones(size + 1)
    if variant == "distance":
        distance = np.hypot(*(coords - coords[0]).T)
        prizes = 1.0 + np.floor(99.0 * distance / max(float(distance.max()), 1e-300))
    elif variant in ("uniform", "clustered"):
        prizes = rng.integers(1, 101, size + 1).astype(np.float64)
    prizes[0] = 0.0
    return coords, prizes


def usual_budget(size: int) -> float:
    """Return 4 sqrt(size / 100): the 4 that is usual at 100 nodes, kept about half a tour through all nodes."""
    return 4.0 * math.sqrt(size / 100.0)
