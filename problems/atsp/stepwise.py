"""The ATSP as a decision process: from the current node through all remaining nodes to the destination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.problems.atsp.generators import draw_matrix
from redwood.problems.atsp.instance import ATSPInstance, Tour
from redwood.problems.atsp.stepwise_kernels import EDGES, FEATURES, Instances, Rows, look_ahead_rows, window_rows
from redwood.problems.routing.stepwise_paths import MARKS, Paths, TourStepwise, pack_paths, unpack_paths
from redwood.problems.routing.travel import Travel, check_travel
from redwood.problems.routing.windows import arrays_of, empty_window, open_window
from redwood.views.stepwise import Layout, Stage, Window


@dataclass
class Assignments(Paths):
    """B open paths with the assignment relaxation of what is left of each, by node [B, N].

    Attributes
    ----------
    known
        Whether there is one, [B].
    out, into
        Its duals.
    assigned, follow
        The follower of each node in the assignment, and on the path that patching made of it.
    """

    known: Array = field(kw_only=True)
    out: Array = field(kw_only=True)
    into: Array = field(kw_only=True)
    assigned: Array = field(kw_only=True)
    follow: Array = field(kw_only=True)


class ATSPStepwise(TourStepwise):
    """ATSP instances as decision processes.

    Tokens are the current node, the destination and the remaining nodes that are cheapest to go to; the costs between all of
    them, in units of what leaving a node costs, are features of pairs, beside what the assignment relaxation of all that is
    left says of them (`redwood.problems.atsp.assignment_kernels`). Presentations differ by the start.
    """

    two_way: ClassVar[bool] = False
    sure: ClassVar[float] = 1.0
    trust: ClassVar[float] = 10.0
    layout: ClassVar[Layout] = Layout(features=FEATURES, marks=MARKS, edges=EDGES)
    curriculum: ClassVar[tuple[Stage, ...]] = (
        Stage(50, 100, 1000),
        Stage(100, 100, 3000),
        Stage(200, 20, 8000),
        Stage(500, 4, 20_000),
    )

    def __init__(self, *instances: ATSPInstance) -> None:
        self.instances: tuple[ATSPInstance, ...] = instances
        self.sizes = np.array([instance.size for instance in instances], dtype=np.int64)
        self.offsets = np.concatenate([[0], np.cumsum(self.sizes)])
        costs = np.concatenate([np.empty(0), *[instance.matrix.ravel() for instance in instances]])
        self._arrays = Instances(costs, np.concatenate([[0], np.cumsum(self.sizes**2)]), self.sizes)

    def window(self, batch: Assignments, size: int) -> Window:  # type: ignore[override]
        size = int(min(size, max(1, batch.left.max(initial=1))))
        arrays = empty_window(len(batch.rows), MARKS + size, self.layout)
        window_rows(self._arrays, arrays_of(Rows, batch), size, arrays)
        return open_window(arrays, self.layout)

    def look_ahead(self, batch: Assignments, nodes: Array, scores: Array) -> Array:  # type: ignore[override]
        costs = np.empty(nodes.shape)
        look_ahead_rows(self._arrays, arrays_of(Rows, batch), nodes, costs)
        return costs

    def _empty(self, rows: Array) -> Assignments:
        paths = super()._empty(rows)
        shape = paths.remaining.shape
        return Assignments(
            **vars(paths),
            known=np.zeros(len(rows), dtype=np.bool_),
            out=np.zeros(shape),
            into=np.zeros(shape),
            assigned=np.full(shape, -1, dtype=np.int32),
            follow=np.full(shape, -1, dtype=np.int32),
        )

    def tour(self, order: Array) -> Tour:
        return Tour(order)

    def travel(self, owner: int) -> Travel:
        return self.instances[owner].travel

    def subproblem_view(self, owners: Sequence[int], arcs: Sequence[Array]) -> ATSPStepwise:
        subproblems = [self.travel(owner).part(arc) for owner, arc in zip(owners, arcs, strict=True)]
        return ATSPStepwise(*[ATSPInstance(travel=part) for part in subproblems])

    @classmethod
    def example(cls, size: int, rng: np.random.Generator) -> ATSPInstance:
        """Return a random matrix closed under the triangle inequality, one of a street network, or a city's."""
        matrix, _ = draw_matrix(size, rng, str(rng.choice(["matnet", "roads", "city"], p=[0.4, 0.4, 0.2])))
        return ATSPInstance(travel=check_travel(None, matrix, None, symmetric=False))

    def part(self, row: int, nodes: Array) -> ATSPInstance:
        return self.of_matrix(self.distances(row, nodes))

    def distances(self, row: int, nodes: Array) -> Array:
        costs: Array = self.instances[row].matrix[np.ix_(nodes, nodes)].astype(np.float64)
        np.fill_diagonal(costs, 0.0)  # not data
        return costs

    def of_matrix(self, matrix: Array) -> ATSPInstance:
        return ATSPInstance(travel=check_travel(None, matrix, None, symmetric=False))

    @classmethod
    def pack(cls, instances: Sequence[ATSPInstance], solutions: Sequence[Any]) -> dict[str, Array]:
        matrices = np.concatenate([instance.matrix.ravel() for instance in instances]).astype(np.float32)
        return {"matrices": matrices, **pack_paths(solutions)}

    @classmethod
    def unpack(cls, arrays: Mapping[str, Array]) -> tuple[list[ATSPInstance], list[Any]]:
        sizes = arrays["sizes"].astype(np.int64)
        pieces = np.split(arrays["matrices"], np.cumsum(sizes**2)[:-1])
        matrices = [piece.reshape(size, size) for piece, size in zip(pieces, sizes, strict=True)]
        instances = [ATSPInstance(travel=check_travel(None, matrix, None, symmetric=False)) for matrix in matrices]
        return instances, unpack_paths(arrays, Tour)
