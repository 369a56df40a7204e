"""Tours as decision processes: open paths from the current node through all remaining nodes to the destination."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from redwood.errors import FitError
from redwood.kernels import RandomState, kernel, random_below, random_float, random_state
from redwood.problem import Solution
from redwood.problems.routing.stepwise_kernels import draw_turn, remove
from redwood.problems.routing.travel import Array
from redwood.stepwise import Batch, Stepwise, Target, Window

MARKS = 2
"""Marked tokens: the current node and the destination."""


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


class TourStepwise(Stepwise[Paths]):
    """What tours on the plane and on a matrix share; subclasses set ``sizes`` [I] and ``offsets`` [I + 1]."""

    two_way: ClassVar[bool]
    """Whether a tour backwards is as good."""

    sizes: Array
    offsets: Array
    _tours: Array | None = None

    @abstractmethod
    def tour(self, order: Array) -> Solution:
        """Return the solution of a tour."""

    def begin(self, rows: Array, rng: np.random.Generator | None = None) -> Paths:
        starts = np.zeros(len(rows), dtype=np.int32)
        batch = self._empty(rows)
        if rng is not None:
            starts = rng.integers(0, self.sizes[rows]).astype(np.int32)
            state = random_state(rng)
            for turn in batch.turn:
                draw_turn(turn, state)
        self._open(batch, starts)
        return batch

    def _open(self, batch: Paths, starts: Array) -> None:
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

    def act(self, batch: Paths, window: Window, choice: Array) -> None:
        nodes = window.nodes[np.arange(len(choice)), choice]
        act_rows(nodes, batch.current, batch.remaining, batch.place, batch.left, batch.order, batch.steps)
        batch.plan = None

    def solutions(self, batch: Paths) -> list[Solution]:
        return [self.tour(order[:count]) for order, count in zip(batch.order, batch.steps, strict=True)]

    def teach(self, solutions: Sequence[Any]) -> None:
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
            self.two_way,
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


@kernel
def begin_rows(
    rows: Array,
    offsets: Array,
    starts: Array,
    current: Array,
    destination: Array,
    remaining: Array,
    place: Array,
    left: Array,
) -> None:
    """Open every node but the start of each row."""
    for b in range(len(rows)):
        size = offsets[rows[b] + 1] - offsets[rows[b]]
        start = starts[b]
        current[b] = start
        destination[b] = start
        count = 0
        for node in range(size):
            if node != start:
                remaining[b, count] = node
                place[b, node] = count
                count += 1
        place[b, start] = -1
        left[b] = count


@kernel
def close_rows(sizes: Array, destination: Array, remaining: Array, place: Array, left: Array) -> None:
    """Make the last node of each whole instance its destination instead of an open node."""
    for b in range(len(sizes)):
        if sizes[b] < 2:
            continue
        goal = sizes[b] - 1
        remove(goal, remaining[b], place[b], left[b])
        left[b] -= 1
        destination[b] = goal


@kernel
def sample_rows(
    rows: Array,
    offsets: Array,
    tours: Array,
    current: Array,
    destination: Array,
    remaining: Array,
    place: Array,
    left: Array,
    plan: Array,
    turn: Array,
    two_way: bool,
    state: RandomState,
) -> None:
    """Open a random arc of the labelled tour of each row; ``plan`` gets its nodes in order.

    The arc, in either direction where ``two_way``, is led by the current node and followed by the destination, as a rollout
    along the label would leave it.
    """
    for b in range(len(rows)):
        offset = offsets[rows[b]]
        size = offsets[rows[b] + 1] - offset
        start = random_below(state, size)
        step = size - 1 if two_way and random_float(state) < 0.5 else 1
        length = 1 + random_below(state, size - 1)
        draw_turn(turn[b], state)
        for node in range(size):
            place[b, node] = -1
        position = start
        current[b] = tours[offset + position]
        for k in range(length):
            position = (position + step) % size
            node = tours[offset + position]
            remaining[b, k] = node
            place[b, node] = k
            plan[b, k] = node
        destination[b] = tours[offset + (position + step) % size]
        left[b] = length


@kernel
def act_rows(nodes: Array, current: Array, remaining: Array, place: Array, left: Array, order: Array, steps: Array) -> None:
    """Visit ``nodes[b]`` in each row that is not finished."""
    for b in range(len(nodes)):
        if left[b] == 0:
            continue
        node = nodes[b]
        remove(node, remaining[b], place[b], left[b])
        left[b] -= 1
        current[b] = node
        order[b, steps[b]] = node
        steps[b] += 1


@kernel
def target_rows(nodes: Array, plan: Array, left: Array, place: Array, choice: Array, neighbours: Array) -> None:
    """Write the token to visit next, and the tokens before and after each token on the labelled path, -1 if not there.

    ``place`` [B, N] is where each open node stands in ``plan`` [B, N], the label's order.
    """
    tokens = nodes.shape[1]
    for b in range(len(nodes)):
        where = np.full(left[b] + 2, -1, dtype=np.int32)  # token of the current node, of each planned one, of the goal
        where[0] = 0
        where[left[b] + 1] = 1
        for k in range(MARKS, tokens):
            if nodes[b, k] >= 0:
                where[1 + place[b, nodes[b, k]]] = k
        neighbours[b] = -1
        choice[b] = where[1]
        for i in range(left[b] + 2):
            if where[i] < 0:
                continue
            if i > 0:
                neighbours[b, where[i], 0] = where[i - 1]
            if i <= left[b]:
                neighbours[b, where[i], 1] = where[i + 1]
