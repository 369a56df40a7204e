"""What a travelling salesman instance and a tour are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.problem import Instance
from redwood.problems.routing.sequence import Tour as Tour
from redwood.problems.routing.travel import Travel


@dataclass(frozen=True, eq=False, kw_only=True)
class TSPInstance(Instance):
    """A symmetric travelling salesman instance.

    Attributes
    ----------
    travel
        Distances of the N nodes: coordinates [N, 2] with their rounding convention, or a symmetric matrix [N, N].
    fixed_edges
        Pairs of nodes [E, 2] that follow each other in every tour, either way.
    """

    problem: ClassVar[str] = "tsp"
    travel: Travel
    fixed_edges: Array = field(default_factory=lambda: np.empty((0, 2), np.int64))

    @property
    def asks(self) -> frozenset[str]:
        """Fixed edges, where there are some."""
        return frozenset({"fixed edges"}) if len(self.fixed_edges) else frozenset()

    @property
    def size(self) -> int:
        """Number of nodes N."""
        return self.travel.size
