"""Distances as a linear program gets them: near magnitude one, since the tolerances of HiGHS are absolute."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.tolerance import unit_scale

DUAL_TOLERANCE = 1e-6
"""Reduced costs of a program so scaled that are above its negative count as zero."""
LEAST, MOST = 2.0**-4, 2.0**20
"""Medians of distances between these need no scale."""
LARGEST = 2.0**40
"""Costs are cut off here: beyond it they would only cost digits. Bounds are computed from the true ones."""


def cost_scale(distances: Array) -> float:
    """Return the power of two by which to scale costs for HiGHS, so that the median of positive distances is not extreme."""
    return unit_scale(float(np.median(distances)), LEAST, MOST) if len(distances) else 1.0


def scaled_costs(costs: Array, scale: float) -> Array:
    """Return costs for HiGHS: scaled and cut off, so that none is taken for infinite."""
    return np.asarray(np.minimum(costs * scale, LARGEST))
