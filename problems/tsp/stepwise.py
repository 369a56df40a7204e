"""The TSP as a decision process: from the current node through all remaining nodes to the destination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError
from redwood.problems.routing.relaxation_kernels import EDGES
from redwood.problems.routing.stepwise_paths import (
    MARKS,
    Paths,
    TourStepwise,
    pack_paths,
    unpack_paths,
)
from redwood.problems.routing.travel import Metric, Travel, check_travel
from redwood.problems.routing.windows import arrays_of, empty_window, open_window
from redwood.problems.tsp.instance import Tour, TSPInstance
from redwood.problems.tsp.stepwise_kernels import AHEAD, FEATURES, Rows, look_ahead_rows, window_rows
from redwood.problems.tsp.subproblems import Region, draw_regions, least_nodes, merge
from redwood.views.stepwise import Layout, Stage, Subproblems, Window


class TSPStepwise(TourStepwise):
    """TSP instances with coordinates as decision processes.

    Tokens are the current node, the destination (where the tour began) and the nearest remaining nodes, relative to the
    current node and scaled by the radius of the window. A far destination is pulled in logarithmically. Pairs of tokens
    are described by the Held-Karp relaxation of the path through the window and its surroundings.

    Raises
    ------
    FitError
        Where an instance has a matrix and no coordinates.
    """

    two_way: ClassVar[bool] = True
    trust: ClassVar[float] = 5.0
    layout: ClassVar[Layout] = Layout(features=FEATURES, marks=MARKS, edges=EDGES)
    curriculum: ClassVar[tuple[Stage, ...]] = (
        Stage(100, 400, 800),
        Stage(200, 80, 2500),
        Stage(500, 12, 12_000),
        Stage(1000, 6, 25_000),
    )

    def __init__(self, *instances: TSPInstance) -> None:
        self.instances: tuple[TSPInstance, ...] = instances
        self._lists: Array | None = None
        self._place([_positions(instance) for instance in instances])

    def _place(self, points: Sequence[Array]) -> None:
        self.sizes = np.array([len(own) for own in points], dtype=np.int64)
        self.offsets = np.concatenate([[0], np.cumsum(self.sizes)])
        self.points = np.concatenate([np.empty((0, 2)), *points])

    def window(self, batch: Paths, size: int) -> Window:
        lists = self._neighbour_lists(6 * size)
        size = int(min(size, max(1, batch.left.max(initial=1))))
        arrays = empty_window(len(batch.rows), MARKS + size, self.layout)
        window_rows(self.points, self.offsets, lists, arrays_of(Rows, batch), size, arrays)
        return open_window(arrays, self.layout)

    def look_ahead(self, batch: Paths, nodes: Array, scores: Array) -> Array:
        costs = np.empty(nodes.shape)
        look_ahead_rows(self.points, self.offsets, self._neighbour_lists(2 * AHEAD), arrays_of(Rows, batch), nodes, costs)
        return costs

    def tour(self, order: Array) -> Tour:
        return Tour(order)

    def travel(self, owner: int) -> Travel:
        return self.instances[owner].travel

    def destroy(  # type: ignore[override]
        self, solutions: Sequence[Tour], size: int, rng: np.random.Generator
    ) -> Subproblems | None:
        """Return regions, or where a tour is too short for these arcs; regions keep what is outside as links."""
        if not solutions or self.sizes.min() < least_nodes(size):
            return super().destroy(solutions, size, rng)
        regions = []
        for owner, solution in enumerate(solutions):
            positions = self.points[self.offsets[owner] : self.offsets[owner + 1]]
            regions += draw_regions(owner, solution.tour, positions, size, rng)
        view = self.subproblem_view([region.owner for region in regions], [region.nodes for region in regions])
        batch = view._open_arcs(rng)
        batch.link = np.full(batch.place.shape, -1, dtype=np.int32)
        for row, region in zip(batch.link, regions, strict=True):
            row[: len(region.link)] = region.link
        return Subproblems(view, batch, regions)

    def repair(self, solutions: Sequence[Tour], subproblems: Subproblems) -> list[Tour]:  # type: ignore[override]
        if not isinstance(subproblems.origin, list):
            return super().repair(solutions, subproblems)
        regions: list[list[Region]] = [[] for _ in solutions]
        orders: list[list[Array]] = [[] for _ in solutions]
        batch: Any = subproblems.batch
        for region, order, steps in zip(subproblems.origin, batch.order, batch.steps, strict=True):
            regions[region.owner].append(region)
            orders[region.owner].append(np.append(order[:steps], len(region.nodes) - 1))
        repaired = []
        for owner, old in enumerate(solutions):
            tour = merge(self.travel(owner), old.tour, regions[owner], orders[owner])
            repaired.append(old if tour is None else Tour(tour))
        return repaired

    def subproblem_view(self, owners: Sequence[int], arcs: Sequence[Array]) -> TSPStepwise:
        return TSPStepwise.of_points([self.points[self.offsets[o] + arc] for o, arc in zip(owners, arcs, strict=True)])

    @classmethod
    def of_points(cls, points: Sequence[Array]) -> TSPStepwise:
        """Return the view of bare positions [N, 2], without instances."""
        view = cls()
        view._place(points)
        return view

    @classmethod
    def example(cls, size: int, rng: np.random.Generator) -> TSPInstance:
        """Return uniform nodes in three of four instances, and in the fourth clusters of many scales in some background."""
        coords = rng.random((size, 2)) if rng.random() < 0.75 else _clusters(size, rng)
        return TSPInstance(travel=check_travel(coords, None, None, symmetric=True))

    def part(self, row: int, nodes: Array) -> TSPInstance:
        return TSPInstance(travel=check_travel(self.points[self.offsets[row] + nodes], None, None, symmetric=True))

    def distances(self, row: int, nodes: Array) -> Array:
        points = self.points[self.offsets[row] + nodes]
        return np.asarray(np.hypot(*(points[:, None] - points).transpose(2, 0, 1)))

    def of_matrix(self, matrix: Array) -> TSPInstance:
        return TSPInstance(travel=check_travel(None, matrix, None, symmetric=True))

    @classmethod
    def pack(cls, instances: Sequence[TSPInstance], solutions: Sequence[Any]) -> dict[str, Array]:
        coords = np.concatenate([_positions(instance) for instance in instances]).astype(np.float32)
        return {"coords": coords, **pack_paths(solutions)}

    @classmethod
    def unpack(cls, arrays: Mapping[str, Array]) -> tuple[list[TSPInstance], list[Any]]:
        pieces = np.split(arrays["coords"], np.cumsum(arrays["sizes"])[:-1])
        instances = [TSPInstance(travel=check_travel(coords, None, None, symmetric=True)) for coords in pieces]
        return instances, unpack_paths(arrays, Tour)

    def _neighbour_lists(self, count: int) -> Array:
        """Return static lists [all nodes, count] where they pay: instances larger than a few windows, not for training."""
        if self._tours is not None or self.sizes.max() <= 4 * count:
            return np.empty((0, 0), dtype=np.int32)
        if self._lists is None or self._lists.shape[1] < min(count, self.sizes.max() - 1):
            self._lists = np.full((len(self.points), count), -1, dtype=np.int32)
            for begin, end in zip(self.offsets[:-1], self.offsets[1:], strict=True):
                found = Travel(Metric.EXACT, self.points[begin:end]).nearest(count)
                self._lists[begin:end, : found.shape[1]] = found
        return self._lists


def _positions(instance: TSPInstance) -> Array:
    if instance.travel.coords is None:
        raise FitError(
            f"instance {instance.name!r} has a matrix and no coordinates; this view of the TSP needs coordinates."
        )
    return instance.travel.arrays[1] if instance.travel.metric is not Metric.EXPLICIT else instance.travel.coords


def _clusters(size: int, rng: np.random.Generator) -> Array:
    count = int(rng.integers(1, max(2, size // 20) + 1))
    spread = 10.0 ** rng.uniform(-2.2, -0.9, size=count)
    owner = rng.integers(0, count, size=size)
    coords = rng.random((count, 2))[owner] + rng.standard_normal((size, 2)) * spread[owner, None]
    scattered = rng.random(size) < rng.choice([0.0, 0.1, 0.3, 0.5])
    coords[scattered] = rng.random((int(scattered.sum()), 2))
    coords -= coords.min(axis=0)
    return np.asarray(coords / np.ptp(coords, axis=0).max())
