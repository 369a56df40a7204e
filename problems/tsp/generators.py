"""Random nodes in a square."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError
from redwood.problems.routing.generators import PLACEMENTS, place
from redwood.problems.routing.travel import Metric
from redwood.settings import positive

VARIANTS = PLACEMENTS
ROUNDED_SIDE = 1_000_000.0
"""Side of the square in which nodes are drawn for metrics that round (as in the DIMACS challenge's instances)."""


def draw_nodes(
    size: int, rng: np.random.Generator, variant: str, metric: str, side: float | None, clusters: int | None
) -> Array:
    """Return random coordinates [N, 2].

    Parameters
    ----------
    size, rng
        Number of nodes N, and what draws them.
    variant, metric, side, clusters
        As for `TSP.generate`.
    """
    if metric in (Metric.GEO, Metric.EXPLICIT):
        raise OptionError(f"metric {metric} has no random instances here; give a planar metric such as EUC_2D.")
    if variant == "uniform" and clusters is not None:
        raise OptionError("variant 'uniform' takes no clusters=; it belongs to 'clustered' and 'mixed'.")
    length = (1.0 if metric == Metric.EXACT else ROUNDED_SIDE) if side is None else positive("side", side)
    if length > 1e15:
        raise OptionError(f"side {side} is above 1e15.")
    return length * place(size, rng, variant, clusters=clusters)
