"""The TSP as a decision process: from the current node through all remaining nodes to the destination."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from redwood.errors import FitError
from redwood.kernels import random_state
from redwood.problems.routing.stepwise_kernels import draw_turn
from redwood.problems.routing.travel import Array, Metric, Travel, check_travel
from redwood.problems.tsp.instance import Tour, TSPInstance
from redwood.problems.tsp.stepwise_kernels import (
    FEATURES,
    MARKS,
    act_rows,
    begin_rows,
    close_rows,
    sample_rows,
    target_rows,
    window_rows,
)
from redwood.stepwise import Batch, Layout, Lesson, Parts, Stepwise, Target, Window


@dataclass
class Paths(Batch):
    """B open paths. Arrays are padded to the largest instance N.

    Attributes
    ----------
    current, destination
        Nodes [B] between which the path runs.
    remaining, place
        Open nodes [B, N] in any order, and where each node stands among them (-1 where done).
    order, steps
        Nodes visited so far, [B, N], and how many, [B].
    turn
        Rotation and mirror of each row's pictures, [B, 2, 2].
    plan
        The open nodes [B, N] in the order of the label, where there is one.
    """

    current: Array
    destination: Array
    remaining: Array
    place: Array
    order: Array
    steps: Array
    turn: Array
    plan: Array | None = None


class TSPStepwise(Stepwise[Paths]):
    """TSP instances with coordinates as decision processes.

    Tokens are the current node, the destination (where the tour began) and the nearest remaining nodes, relative to the
    current node and scaled by the radius of the window. A far destination is pulled in logarithmically.

    Raises
    ------
    FitError
        Where an instance has a matrix and no coordinates.
    """

    layout: ClassVar[Layout] = Layout(features=FEATURES, marks=MARKS)
    lessons: ClassVar[tuple[Lesson, ...]] = (
        Lesson(100, 400, 1500),
        Lesson(200, 80, 5000),
        Lesson(500, 24, 20_000),
        Lesson(1000, 12, 50_000),
    )

    def __init__(self, *instances: TSPInstance) -> None:
        self.instances = instances
        self._lists: Array | None = None
        self._tours: Array | None = None
        self._place([_positions(instance) for instance in instances])

    def _place(self, points: Sequence[Array]) -> None:
        self.sizes = np.array([len(own) for own in points], dtype=np.int64)
        self.offsets = np.concatenate([[0], np.cumsum(self.sizes)])
        self.points = np.concatenate([np.empty((0, 2)), *points])

    def begin(self, rows: Array, rng: np.random.Generator | None = None) -> Paths:
        batch = self._empty(rows)
        starts = np.zeros(len(rows), dtype=np.int32)
        if rng is not None:
            starts = rng.integers(0, self.sizes[rows]).astype(np.int32)
            state = random_state(rng)
            for turn in batch.turn:
                draw_turn(turn, state)
        begin_rows(
            batch.rows,
            self.offsets,
            starts,
            batch.current,
            batch.destination,
            batch.remaining,
            batch.place,
            batch.left,
        )
        batch.order[:, 0] = starts
        batch.steps[:] = 1
        return batch

    def window(self, batch: Paths, size: int) -> Window:
        lists = self._neighbour_lists(3 * size)
        size = int(min(size, max(1, batch.left.max(initial=1))))
        count = len(batch.rows)
        features = np.empty((count, MARKS + size, FEATURES), dtype=np.float32)
        nodes = np.empty((count, MARKS + size), dtype=np.int32)
        window_rows(
            self.points,
            self.offsets,
            lists,
            batch.rows,
            batch.current,
            batch.destination,
            batch.remaining,
            batch.place,
            batch.left,
            batch.turn,
            size,
            features,
            nodes,
        )
        present = nodes >= 0
        mask = present[:, :, None].copy()
        mask[:, :MARKS] = False
        return Window(features, present, mask, nodes)

    def act(self, batch: Paths, window: Window, choice: Array) -> None:
        nodes = window.nodes[np.arange(len(choice)), choice]
        act_rows(nodes, batch.current, batch.remaining, batch.place, batch.left, batch.order, batch.steps)
        batch.plan = None

    def solutions(self, batch: Paths) -> list[Tour]:  # type: ignore[override]
        return [Tour(order[:count]) for order, count in zip(batch.order, batch.steps, strict=True)]

    def teach(self, solutions: Sequence[Tour]) -> None:  # type: ignore[override]
        self._tours = np.concatenate([solution.tour for solution in solutions]).astype(np.int32)

    def sample(self, count: int, rng: np.random.Generator) -> Paths:
        if self._tours is None:
            raise FitError("tails can only be drawn from labelled instances; call teach() first.")
        rows = np.searchsorted(self.offsets, rng.integers(0, self.offsets[-1], size=count), side="right") - 1
        batch = self._empty(rows)
        batch.plan = np.empty_like(batch.remaining)
        sample_rows(
            batch.rows,
            self.offsets,
            self._tours,
            batch.current,
            batch.destination,
            batch.remaining,
            batch.place,
            batch.left,
            batch.plan,
            batch.turn,
            random_state(rng),
        )
        return batch

    def target(self, batch: Paths, window: Window) -> Target:
        if batch.plan is None:
            raise FitError("a batch has labels only as `sample` made it, before its first step.")
        choice = np.empty(len(batch.rows), dtype=np.int64)
        neighbours = np.empty((*window.nodes.shape, 2), dtype=np.int32)
        target_rows(window.nodes, batch.plan, batch.left, batch.place, choice, neighbours)
        return Target(choice, neighbours)

    def cut(self, solutions: Sequence[Tour], size: int, rng: np.random.Generator) -> Parts:  # type: ignore[override]
        """Return each tour cut at a random place into arcs; the ends of an arc are current node and destination."""
        arcs: list[Array] = []
        owners: list[int] = []
        for owner, solution in enumerate(solutions):
            tour = np.roll(solution.tour, -int(rng.integers(len(solution.tour))))
            tour = tour[::-1] if rng.random() < 0.5 else tour
            cuts = np.linspace(0, len(tour), -(-len(tour) // (size + 1)) + 1).astype(np.int64)
            closed = np.append(tour, tour[0])
            arcs += [closed[begin : end + 1] for begin, end in itertools.pairwise(cuts)]
            owners += [owner] * (len(cuts) - 1)
        view = TSPStepwise.of_points([self.points[self.offsets[o] + arc] for o, arc in zip(owners, arcs, strict=True)])
        batch = view.begin(np.arange(len(arcs)), rng)
        starts = np.zeros(len(arcs), dtype=np.int32)
        begin_rows(
            batch.rows,
            view.offsets,
            starts,
            batch.current,
            batch.destination,
            batch.remaining,
            batch.place,
            batch.left,
        )
        batch.order[:, 0] = 0
        close_rows(view.sizes, batch.destination, batch.remaining, batch.place, batch.left)
        return Parts(view, batch, (owners, arcs))

    def mend(self, solutions: Sequence[Tour], parts: Parts) -> list[Tour]:  # type: ignore[override]
        owners, arcs = parts.origin
        batch: Any = parts.batch
        pieces: list[list[Array]] = [[] for _ in solutions]
        improved = [False] * len(solutions)
        for owner, arc, order, steps in zip(owners, arcs, batch.order, batch.steps, strict=True):
            travel = self.instances[owner].travel
            fresh = np.append(arc[order[:steps]], arc[-1])
            better = travel.between(fresh[:-1], fresh[1:]).sum() < travel.between(arc[:-1], arc[1:]).sum() - 1e-12
            pieces[owner].append((fresh if better else arc)[:-1])
            improved[owner] |= bool(better)
        mended = zip(improved, solutions, pieces, strict=True)
        return [Tour(np.concatenate(new)) if better else old for better, old, new in mended]

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

    @classmethod
    def pack(cls, instances: Sequence[TSPInstance], solutions: Sequence[Tour]) -> dict[str, Array]:
        coords = np.stack([_positions(instance) for instance in instances]).astype(np.float32)
        return {"coords": coords, "tours": np.stack([solution.tour for solution in solutions]).astype(np.uint16)}

    @classmethod
    def unpack(cls, arrays: Mapping[str, Array]) -> tuple[list[TSPInstance], list[Tour]]:
        instances = [TSPInstance(travel=check_travel(coords, None, None, symmetric=True)) for coords in arrays["coords"]]
        return instances, [Tour(tour) for tour in arrays["tours"]]

    def _empty(self, rows: Array) -> Paths:
        shape = (len(rows), int(self.sizes[rows].max(initial=1)))
        return Paths(
            rows=np.asarray(rows, dtype=np.int64),
            left=np.zeros(len(rows), dtype=np.int64),
            current=np.zeros(len(rows), dtype=np.int32),
            destination=np.zeros(len(rows), dtype=np.int32),
            remaining=np.empty(shape, dtype=np.int32),
            place=np.empty(shape, dtype=np.int32),
            order=np.empty(shape, dtype=np.int32),
            steps=np.zeros(len(rows), dtype=np.int64),
            turn=np.tile(np.eye(2), (len(rows), 1, 1)),
        )

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
