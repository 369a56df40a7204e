"""Distances as the compiled moves take them."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.problem import frozen
from redwood.problems.orienteering.instance import OrienteeringInstance
from redwood.problems.routing.travel import Distances, Metric, Travel

MATRIX_UP_TO = 1000
"""Up to so many nodes the distances are written down as a matrix."""

SQUARE = OrienteeringInstance(
    travel=Travel(Metric.EXACT, frozen(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]))),
    prizes=frozen(np.ones(4)),
    budget=3.5,
    start=0,
    end=0,
)
"""Four nodes on which kernels are compiled: the instance that is to be solved may be large."""


def as_matrix(instance: OrienteeringInstance) -> bool:
    """Return whether searches work on a matrix of distances: given, or small enough to be written down."""
    return instance.travel.matrix is not None or instance.travel.size <= MATRIX_UP_TO


def restricted(travel: Travel, nodes: Array, matrix: bool) -> Travel:
    """Return the distances among some nodes, as a matrix or from their coordinates."""
    if not matrix:
        return Travel(travel.metric, np.asarray(travel.coords)[nodes])
    return Travel(Metric.EXPLICIT, None, travel.between(nodes[:, None], nodes[None, :]).astype(np.float64))


def make_space(travel: Travel, matrix: bool) -> Distances:
    """Return distances that `restricted` made as the compiled moves take them."""
    return travel.arrays if matrix else travel.arrays._replace(matrix=None)
