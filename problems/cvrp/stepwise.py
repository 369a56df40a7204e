"""The CVRP as a decision process: serve one customer after another, directly or by way of the depot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError
from redwood.kernels import random_state
from redwood.problem import frozen
from redwood.problems.cvrp.generators import clustered_coords, uniform_coords
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.problems.cvrp.stepwise_kernels import (
    AHEAD,
    FEATURES,
    MARKS,
    PAIRS,
    REACH,
    Instances,
    Labels,
    Rows,
    act_rows,
    begin_rows,
    look_ahead_rows,
    sample_rows,
    target_rows,
    window_rows,
)
from redwood.problems.cvrp.subproblems import draw_groups, merge, subproblem_of
from redwood.problems.routing.stepwise_kernels import draw_turns
from redwood.problems.routing.travel import Metric, Travel, check_travel
from redwood.problems.routing.windows import arrays_of, empty_window
from redwood.views.stepwise import Batch, Expert, Layout, Stage, Stepwise, Subproblems, Target, Window

SECTOR = np.pi / 3
"""Customers that leave a wider gap around the depot are served from one of its sides to the other."""


@dataclass
class Tails(Batch):
    """B partly routed instances. Arrays are padded to the largest instance N.

    Attributes
    ----------
    current
        Node [B] where the vehicle stands; 0 is the depot.
    room, load
        Capacity left on the vehicle and demand of all open customers, [B].
    remaining, place
        Open customers [B, N] in any order, and where each stands among them (-1 where served).
    order, via, steps
        Customers served so far, [B, N], whether by way of the depot, and how many, [B]. In a sampled batch: the open ones
        as the label has them.
    turn
        Rotation and mirror of each row's pictures, [B, 2, 2].
    """

    current: Array
    room: Array
    load: Array
    remaining: Array
    place: Array
    order: Array
    via: Array
    steps: Array
    turn: Array


class CVRPStepwise(Stepwise[Tails]):
    """CVRP instances with coordinates as decision processes.

    Tokens are the current node, the depot, and the open customers nearest to the current node and to the depot. The two
    scores of a customer mean *directly* and *via the depot*; at the depot only the second is allowed. Pairs of tokens are
    described by a relaxation of the routes to trees with a degree at the depot. Labels serve routes in their order around
    the depot, so that what is left of an instance is a sector of it. A limit on the number of vehicles is not known to the
    process.

    Raises
    ------
    FitError
        Where an instance has a matrix and no coordinates.
    """

    layout: ClassVar[Layout] = Layout(features=FEATURES, marks=MARKS, scores=2, edges=PAIRS)
    temperature: ClassVar[float] = 0.3
    trust: ClassVar[float] = 1.0
    curriculum: ClassVar[tuple[Stage, ...]] = (
        Stage(50, 40, 40_000),
        Stage(100, 40, 100_000),
        Stage(200, 12, 250_000),
        Stage(500, 2, 700_000),
    )

    def __init__(self, *instances: CVRPInstance) -> None:
        self.instances = instances
        self.offsets = np.concatenate([[0], np.cumsum([i.travel.size for i in instances])]).astype(np.int64)
        self.points = np.concatenate([np.empty((0, 2)), *[_positions(instance) for instance in instances]])
        self.demands = np.concatenate([np.empty(0), *[instance.demands.astype(np.float64) for instance in instances]])
        self.limits = np.array([instance.limit for instance in instances], dtype=np.float64)
        self._arrays = Instances(self.points, self.offsets, self.demands, self.limits)
        self._lists: Array | None = None
        self._routes: Array | None = None
        self._starts: Array | None = None
        self._sectors: Array | None = None

    def begin(self, rows: Array, rng: np.random.Generator | None = None) -> Tails:
        batch = self._empty(rows)
        if rng is not None:
            draw_turns(batch.turn, random_state(rng))
        begin_rows(self.offsets, arrays_of(Rows, batch))
        batch.load[:] = np.add.reduceat(self.demands, self.offsets[:-1])[batch.rows]
        return batch

    def window(self, batch: Tails, size: int) -> Window:
        lists = self._neighbour_lists(2 * REACH * size)
        size = int(min(size, max(1, batch.left.max(initial=1))))
        arrays = empty_window(len(batch.rows), MARKS + size, self.layout)
        mask = np.empty((*arrays.nodes.shape, 2), dtype=np.bool_)
        window_rows(self._arrays, lists, arrays_of(Rows, batch), size, arrays, mask)
        return Window(arrays.features, arrays.nodes >= 0, mask, arrays.nodes, arrays.edges)

    def look_ahead(self, batch: Tails, nodes: Array, scores: Array) -> Array:
        costs = np.empty(nodes.shape)
        lists = self._neighbour_lists(2 * AHEAD)
        look_ahead_rows(self._arrays, lists, arrays_of(Rows, batch), nodes, scores == 1, costs)
        return costs

    def act(self, batch: Tails, window: Window, choice: Array) -> None:
        self._serve(batch, window.nodes[np.arange(len(choice)), choice // 2], choice % 2 == 1)

    def _serve(self, batch: Tails, nodes: Array, through: Array) -> None:
        act_rows(self._arrays, arrays_of(Rows, batch), nodes, through)

    def solutions(self, batch: Tails) -> list[Routes]:  # type: ignore[override]
        rows = zip(batch.order, batch.via, batch.steps, strict=True)
        return [Routes(_split(order[:steps], via[:steps])) for order, via, steps in rows]

    def destroy(  # type: ignore[override]
        self, solutions: Sequence[Routes], size: int, rng: np.random.Generator
    ) -> Subproblems | None:
        """Return all routes in groups of neighbours, half of which keep the beginning of a route."""
        groups = []
        for owner, solution in enumerate(solutions):
            positions = self.points[self.offsets[owner] : self.offsets[owner + 1]]
            groups += draw_groups(owner, positions, solution, size, rng)
        if not groups:
            return None
        view = CVRPStepwise(*[subproblem_of(self.instances[group.owner], group) for group in groups])
        batch = view.begin(np.arange(len(groups)), rng)
        for step in range(max(len(group.prefix) for group in groups)):
            rows = np.array([b for b, group in enumerate(groups) if len(group.prefix) > step])
            kept = batch.take(rows)
            nodes = np.array([groups[b].prefix[step] for b in rows])
            view._serve(kept, nodes, np.full(len(rows), step == 0))
            batch.put(rows, kept)
        return Subproblems(view, batch, groups)

    def repair(self, solutions: Sequence[Routes], subproblems: Subproblems) -> list[Routes]:  # type: ignore[override]
        found: list[Any] = subproblems.view.solutions(subproblems.batch)
        return merge(self.instances, solutions, subproblems.origin, found)

    def set_labels(self, solutions: Sequence[Routes]) -> None:  # type: ignore[override]
        self._routes = np.zeros(len(self.demands), dtype=np.int32)
        self._starts = np.zeros(len(self.demands), dtype=np.bool_)
        self._sectors = np.zeros(len(self.instances), dtype=np.bool_)
        for k, (offset, instance, solution) in enumerate(zip(self.offsets, self.instances, solutions, strict=False)):
            at = offset + 1
            points = self.points[offset : offset + instance.travel.size]
            begin, gap = widest_gap(points)
            self._sectors[k] = gap > SECTOR
            for route in _around(points, solution.routes, begin):
                self._starts[at] = True
                self._routes[at : at + len(route)] = route
                at += len(route)

    def sample(self, count: int, rng: np.random.Generator) -> Tails:
        if self._routes is None or self._starts is None or self._sectors is None:
            raise FitError("tails can only be drawn from labelled instances; call set_labels() first.")
        rows = np.searchsorted(self.offsets, rng.integers(0, self.offsets[-1], size=count), side="right") - 1
        batch = self._empty(rows)
        labels = Labels(self._routes, self._starts, self._sectors)
        sample_rows(self._arrays, labels, arrays_of(Rows, batch), random_state(rng))
        return batch

    def target(self, batch: Tails, window: Window) -> Target:
        if self._sectors is None:
            raise FitError("targets are known of labelled instances only; call set_labels() first.")
        choice = np.empty(len(batch.rows), dtype=np.int64)
        right = np.empty(window.mask.shape, dtype=np.bool_)
        neighbours = np.empty((*window.nodes.shape, 2), dtype=np.int32)
        anywhere = (batch.current == 0) & ~self._sectors[batch.rows]  # where the first route may be any
        target_rows(window.nodes, arrays_of(Rows, batch), anywhere, choice, right, neighbours)
        return Target(choice, neighbours, right)

    @classmethod
    def example(cls, size: int, rng: np.random.Generator) -> CVRPInstance:
        """Return uniform customers in three of four instances, else clustered ones; capacities of 4 to 35 mean demands."""
        coords = uniform_coords(size, rng) if rng.random() < 0.75 else clustered_coords(size, rng, 10 ** rng.uniform(-2, -1))
        demands = np.concatenate([[0], rng.integers(1, 10, size=size)])
        if rng.random() < 0.2:
            demands[1:] = rng.integers(1, 101, size=size)
        mean = float(demands[1:].mean())
        served = rng.uniform(8, 12) if rng.random() < 0.5 else np.exp(rng.uniform(np.log(4), np.log(35)))
        capacity = int(max(demands.max(), round(served * mean)))
        return _make(coords, demands, capacity)

    def tails(self, batch: Tails, expert: Expert, iterations: int, seed: int) -> tuple[list[Any], list[Any]]:
        """Return what was open when the last vehicle left the depot, as instances, where customers are open still."""
        instances = []
        for b, row in enumerate(batch.rows):
            if batch.left[b] == 0:
                continue
            steps = int(batch.steps[b])
            gone = int(np.flatnonzero(batch.via[b, :steps])[-1]) if steps else 0
            nodes = np.array([0, *batch.order[b, gone:steps], *batch.remaining[b, : batch.left[b]]])
            nodes += self.offsets[row]
            instances.append(_make(self.points[nodes], self.demands[nodes], self.instances[row].capacity))
        return instances, [expert(instance, iterations, seed) for instance in instances]

    @classmethod
    def pack(cls, instances: Sequence[CVRPInstance], solutions: Sequence[Routes]) -> dict[str, Array]:
        signed = [
            [-customer if k == 0 else customer for k, customer in enumerate(route)]
            for solution in solutions
            for route in solution.routes
        ]
        return {
            "coords": np.concatenate([_positions(instance) for instance in instances]).astype(np.float32),
            "demands": np.concatenate([instance.demands for instance in instances]).astype(np.int32),
            "sizes": np.array([instance.size for instance in instances]),
            "capacities": np.array([instance.capacity for instance in instances]),
            "routes": np.concatenate(signed).astype(np.int16),  # the first customer of each route is negative
        }

    @classmethod
    def unpack(cls, arrays: Mapping[str, Array]) -> tuple[list[CVRPInstance], list[Routes]]:
        sizes = arrays["sizes"]
        cuts = np.cumsum(sizes + 1)[:-1]
        rows = zip(
            np.split(arrays["coords"], cuts), np.split(arrays["demands"], cuts), arrays["capacities"].tolist(), strict=True
        )
        instances = [_make(coords, demands, capacity) for coords, demands, capacity in rows]
        return instances, [Routes(_split(np.abs(row), row < 0)) for row in np.split(arrays["routes"], np.cumsum(sizes)[:-1])]

    def _empty(self, rows: Array) -> Tails:
        rows = np.asarray(rows, dtype=np.int64)
        sizes = self.offsets[rows + 1] - self.offsets[rows]
        shape = (len(rows), int(sizes.max(initial=1)))
        return Tails(
            rows=rows,
            left=np.zeros(len(rows), dtype=np.int64),
            current=np.zeros(len(rows), dtype=np.int32),
            room=self.limits[rows],
            load=np.zeros(len(rows)),
            remaining=np.empty(shape, dtype=np.int32),
            place=np.empty(shape, dtype=np.int32),
            order=np.empty(shape, dtype=np.int32),
            via=np.empty(shape, dtype=np.bool_),
            steps=np.zeros(len(rows), dtype=np.int64),
            turn=np.tile(np.eye(2), (len(rows), 1, 1)),
        )

    def _neighbour_lists(self, count: int) -> Array:
        """Return static lists [all nodes, count] where they pay: instances larger than a few windows, not for training."""
        if self._routes is not None or np.diff(self.offsets).max() <= 4 * count:
            return np.empty((0, 0), dtype=np.int32)
        if self._lists is None or self._lists.shape[1] < count:
            self._lists = np.full((len(self.points), count), -1, dtype=np.int32)
            for begin, end in zip(self.offsets[:-1], self.offsets[1:], strict=True):
                found = Travel(Metric.EXACT, self.points[begin:end]).nearest(count)
                self._lists[begin:end, : found.shape[1]] = found
        return self._lists


def widest_gap(points: Array) -> tuple[float, float]:
    """Return where the widest sector without customers ends, a direction from the depot ``points[0]``, and its angle."""
    directions = np.sort(np.arctan2(*(points[1:] - points[0]).T[::-1]))
    gaps = np.diff(directions, append=directions[0] + 2 * np.pi)
    widest = int(gaps.argmax())
    return float(directions[(widest + 1) % len(directions)]), float(gaps[widest])


def _around(points: Array, routes: Sequence[Sequence[int]], begin: float) -> list[Sequence[int]]:
    """Return routes by the directions of their centres from the depot ``points[0]``, counted from ``begin`` on."""
    centres = np.array([points[list(route)].mean(axis=0) for route in routes]) - points[0]
    return [routes[k] for k in np.argsort((np.arctan2(centres[:, 1], centres[:, 0]) - begin + 1e-9) % (2 * np.pi))]


def _make(coords: Array, demands: Array, capacity: int) -> CVRPInstance:
    travel = check_travel(coords, None, None, symmetric=True)
    return CVRPInstance(travel=travel, demands=frozen(demands, np.int64), capacity=capacity)


def _split(order: Array, starts: Array) -> list[list[int]]:
    """Return the routes that begin where ``starts`` is true."""
    return [route.tolist() for route in np.split(order, np.flatnonzero(starts)) if len(route)]


def _positions(instance: CVRPInstance) -> Array:
    if instance.travel.coords is None:
        raise FitError(
            f"instance {instance.name!r} has a matrix and no coordinates; this view of the CVRP needs coordinates."
        )
    return instance.travel.arrays[1] if instance.travel.metric is not Metric.EXPLICIT else instance.travel.coords
