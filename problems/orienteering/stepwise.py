"""The orienteering problem as a decision process: visit one more node that is in reach, until none is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError
from redwood.kernels import random_state
from redwood.problem import frozen
from redwood.problems.orienteering.generators import VARIANTS, draw_nodes, usual_budget
from redwood.problems.orienteering.instance import OrienteeringInstance, Tour, path
from redwood.problems.orienteering.stepwise_kernels import (
    FEATURES,
    MARKS,
    Instances,
    Rows,
    act_rows,
    begin_rows,
    look_ahead_rows,
    sample_rows,
    target_rows,
    window_rows,
)
from redwood.problems.orienteering.subproblems import draw_sub_paths, merge, subproblem_of
from redwood.problems.orienteering.tree_paths import PAIRS
from redwood.problems.routing.relaxation_kernels import EDGES
from redwood.problems.routing.stepwise_kernels import draw_turns
from redwood.problems.routing.travel import Metric, check_travel
from redwood.problems.routing.windows import arrays_of, empty_window, open_window
from redwood.views.stepwise import Batch, Expert, Layout, Stage, Stepwise, Subproblems, Target, Window


@dataclass
class PathBatch(Batch):
    """B paths under way. Arrays are padded to the largest instance N.

    Attributes
    ----------
    current
        Node [B] where the path has come to.
    budget
        Length left, [B].
    remaining, place
        Nodes in reach [B, N] in any order, and where each stands among them (-1 where not in reach or visited).
    order, steps
        Nodes visited so far, the start included, [B, N + 1], and how many, [B].
    turn
        Rotation and mirror of each row's pictures, [B, 2, 2].
    planned
        In a sampled batch: how many visits the label has left, [B]; they stand in ``order``.
    """

    current: Array
    budget: Array
    remaining: Array
    place: Array
    order: Array
    steps: Array
    turn: Array
    planned: Array


class OrienteeringStepwise(Stepwise[PathBatch]):
    """Orienteering instances with coordinates as decision processes.

    Tokens are the current node, the end, and the nodes in reach that are nearest to the current node or have the highest
    prizes. Pairs are described by a relaxation to trees that may leave nodes out
    (`redwood.problems.orienteering.prize_collecting_trees`). The path goes to the end when nothing is in reach any more.
    Presentations differ by rotation and mirror.

    Raises
    ------
    FitError
        Where an instance has a matrix, whose shortcuts would bring nodes back into reach.
    """

    layout: ClassVar[Layout] = Layout(features=FEATURES, marks=MARKS, edges=EDGES + PAIRS)
    temperature: ClassVar[float] = 0.5
    trust: ClassVar[float] = 1.0
    curriculum: ClassVar[tuple[Stage, ...]] = (
        Stage(50, 40, 3_000),
        Stage(100, 80, 8_000),
        Stage(200, 16, 20_000),
    )

    def __init__(self, *instances: OrienteeringInstance) -> None:
        self.instances = instances
        self.offsets = np.concatenate([[0], np.cumsum([i.travel.size for i in instances])]).astype(np.int64)
        arrays = [_plane(instance) for instance in instances]
        self.metrics = np.array([metric for metric, _ in arrays], dtype=np.int64)
        self.points = np.concatenate([np.empty((0, 2)), *[points for _, points in arrays]])
        self.prizes = np.concatenate([np.empty(0), *[instance.prizes.astype(np.float64) for instance in instances]])
        self.starts = np.array([instance.start for instance in instances], dtype=np.int32)
        self.ends = np.array([instance.end for instance in instances], dtype=np.int32)
        self.limits = np.array([instance.limit for instance in instances], dtype=np.float64)
        self._arrays = Instances(self.metrics, self.points, self.offsets, self.starts, self.ends, self.prizes)
        self._paths: Array | None = None
        self._path_starts: Array | None = None

    def begin(self, rows: Array, rng: np.random.Generator | None = None) -> PathBatch:
        rows = np.asarray(rows, dtype=np.int64)
        shape = (len(rows), int((self.offsets[rows + 1] - self.offsets[rows]).max(initial=1)))
        batch = PathBatch(
            rows=rows,
            left=np.zeros(len(rows), dtype=np.int64),
            current=self.starts[rows].copy(),
            budget=self.limits[rows],
            remaining=np.empty(shape, dtype=np.int32),
            place=np.empty(shape, dtype=np.int32),
            order=np.empty(shape, dtype=np.int32),
            steps=np.ones(len(rows), dtype=np.int64),
            turn=np.tile(np.eye(2), (len(rows), 1, 1)),
            planned=np.zeros(len(rows), dtype=np.int64),
        )
        if rng is not None:
            draw_turns(batch.turn, random_state(rng))
        batch.order[:, 0] = batch.current
        begin_rows(self._arrays, arrays_of(Rows, batch))
        return batch

    def window(self, batch: PathBatch, size: int) -> Window:
        size = int(min(size, max(1, batch.left.max(initial=1))))
        arrays = empty_window(len(batch.rows), MARKS + size, self.layout)
        window_rows(self._arrays, arrays_of(Rows, batch), size, arrays)
        return open_window(arrays, self.layout)

    def look_ahead(self, batch: PathBatch, nodes: Array, scores: Array) -> Array:
        costs = np.empty(nodes.shape)
        look_ahead_rows(self._arrays, arrays_of(Rows, batch), nodes, costs)
        return costs

    def act(self, batch: PathBatch, window: Window, choice: Array) -> None:
        act_rows(self._arrays, arrays_of(Rows, batch), window.nodes[np.arange(len(choice)), choice])

    def solutions(self, batch: PathBatch) -> list[Tour]:  # type: ignore[override]
        rows = zip(batch.order, batch.steps, self.ends[batch.rows], strict=True)
        return [Tour(np.append(order[:steps], end)) for order, steps, end in rows]

    def destroy(  # type: ignore[override]
        self, solutions: Sequence[Tour], size: int, rng: np.random.Generator
    ) -> Subproblems | None:
        """Return the paths in sub-paths, each with its length as its budget and the unvisited nodes nearest to it.

        One sub-path of each path, drawn at random, gets what is left of the budget as well.
        """
        sub_paths = []
        for owner, (instance, solution) in enumerate(zip(self.instances, solutions, strict=True)):
            points = self.points[self.offsets[owner] : self.offsets[owner + 1]]
            sub_paths += draw_sub_paths(owner, instance, points, path(instance, solution), size, rng)
        if not sub_paths:
            return None
        view = OrienteeringStepwise(*[subproblem_of(self.instances[sub_path.owner], sub_path) for sub_path in sub_paths])
        return Subproblems(view, view.begin(np.arange(len(sub_paths)), rng), sub_paths)

    def repair(self, solutions: Sequence[Tour], subproblems: Subproblems) -> list[Tour]:  # type: ignore[override]
        found: list[Any] = subproblems.view.solutions(subproblems.batch)
        return merge(self.instances, solutions, subproblems.origin, found)

    def set_labels(self, solutions: Sequence[Tour]) -> None:  # type: ignore[override]
        inner = [path(instance, solution)[1:-1] for instance, solution in zip(self.instances, solutions, strict=True)]
        self._paths = np.concatenate([np.empty(0), *inner]).astype(np.int32)
        self._path_starts = np.concatenate([[0], np.cumsum([len(visits) for visits in inner])]).astype(np.int64)

    def sample(self, count: int, rng: np.random.Generator) -> PathBatch:
        if self._paths is None or self._path_starts is None:
            raise FitError("tails can only be drawn from labelled instances; call set_labels() first.")
        rows = np.searchsorted(self._path_starts, rng.integers(0, self._path_starts[-1], size=count), side="right") - 1
        batch = self.begin(rows)
        sample_rows(self._arrays, self._paths, self._path_starts, arrays_of(Rows, batch), random_state(rng))
        return batch

    def target(self, batch: PathBatch, window: Window) -> Target:
        choice = np.empty(len(batch.rows), dtype=np.int64)
        neighbours = np.empty((*window.nodes.shape, 2), dtype=np.int32)
        target_rows(window.nodes, batch.order, batch.planned, choice, neighbours)
        return Target(choice, neighbours)

    @classmethod
    def example(cls, size: int, rng: np.random.Generator) -> OrienteeringInstance:
        """Return an instance with one of the kinds of prizes, half by distance, and a budget around the usual one."""
        variant = "distance" if rng.random() < 0.5 else VARIANTS[int(rng.integers(len(VARIANTS)))]
        coords, prizes = draw_nodes(size, rng, variant)
        budget = usual_budget(size) * (1.0 if rng.random() < 0.5 else float(np.exp(rng.uniform(np.log(0.4), np.log(1.6)))))
        return _make(coords, prizes, budget)

    def tails(self, batch: PathBatch, expert: Expert, iterations: int, seed: int) -> tuple[list[Any], list[Any]]:
        """Return what is left of the paths as instances from the current node to the end, within the length left."""
        instances = []
        for b, row in enumerate(batch.rows):
            if batch.left[b] == 0:
                continue
            nodes = np.array([batch.current[b], *batch.remaining[b, : batch.left[b]], self.ends[row]]) + self.offsets[row]
            prizes = self.prizes[nodes]
            prizes[[0, -1]] = 0.0
            instances.append(_make(self.points[nodes], prizes, float(batch.budget[b]), len(nodes) - 1))
        return instances, [expert(instance, iterations, seed) for instance in instances]

    @classmethod
    def pack(cls, instances: Sequence[OrienteeringInstance], solutions: Sequence[Tour]) -> dict[str, Array]:
        """Return paths from node 0 to the first or last node as arrays, one instance after the other."""
        paths = [path(instance, solution)[1:-1] for instance, solution in zip(instances, solutions, strict=True)]
        return {
            "coords": np.concatenate([np.asarray(instance.travel.coords) for instance in instances]).astype(np.float32),
            "prizes": np.concatenate([instance.prizes for instance in instances]).astype(np.float32),
            "sizes": np.array([instance.travel.size for instance in instances]),
            "budgets": np.array([instance.budget for instance in instances]),
            "ends": np.array([instance.end for instance in instances]),
            "visits": np.concatenate([np.empty(0), *paths]).astype(np.int16),
            "counts": np.array([len(visits) for visits in paths]),
        }

    @classmethod
    def unpack(cls, arrays: Mapping[str, Array]) -> tuple[list[OrienteeringInstance], list[Tour]]:
        cuts, visits = np.cumsum(arrays["sizes"])[:-1], np.cumsum(arrays["counts"])[:-1]
        rows = zip(
            np.split(arrays["coords"], cuts),
            np.split(arrays["prizes"], cuts),
            arrays["budgets"].tolist(),
            arrays["ends"].tolist(),
            strict=True,
        )
        instances = [_make(coords, prizes, budget * (1 + 1e-6), end) for coords, prizes, budget, end in rows]
        inner = zip(np.split(arrays["visits"], visits), arrays["ends"], strict=True)
        return instances, [Tour(np.concatenate([[0], own, [end]])) for own, end in inner]


def _make(coords: Array, prizes: Array, budget: float, end: int = 0) -> OrienteeringInstance:
    travel = check_travel(coords, None, None, symmetric=True)
    return OrienteeringInstance(travel=travel, prizes=frozen(prizes, np.float64), budget=budget, start=0, end=end)


def _plane(instance: OrienteeringInstance) -> tuple[int, Array]:
    if instance.travel.metric is Metric.EXPLICIT:
        raise FitError(f"instance {instance.name!r} has a matrix; this view of orienteering needs coordinates.")
    return instance.travel.arrays[:2]
