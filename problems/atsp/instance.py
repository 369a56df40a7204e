"""What an asymmetric travelling salesman instance and a tour are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.problem import Instance
from redwood.problems.routing.sequence import Tour as Tour
from redwood.problems.routing.travel import Travel


@dataclass(frozen=True, eq=False, kw_only=True)
class ATSPInstance(Instance):
    """An asymmetric travelling salesman instance.

    Attributes
    ----------
    travel
        Distances of the N nodes, by a matrix [N, N] whose entry (i, j) leads from i to j; coordinates serve pictures only.
    precedences
        Pairs of nodes [P, 2]: in every tour, read from node 0, the first is visited before the second.
    """

    problem: ClassVar[str] = "atsp"
    travel: Travel
    precedences: Array = field(default_factory=lambda: np.empty((0, 2), np.int64))

    @property
    def asks(self) -> frozenset[str]:
        """Precedences, where there are some."""
        return frozenset({"precedences"}) if len(self.precedences) else frozenset()

    @property
    def size(self) -> int:
        """Number of nodes N."""
        return self.travel.size

    @property
    def matrix(self) -> Array:
        """Distances [N, N]; the diagonal is zero and never used."""
        return np.asarray(self.travel.matrix)
