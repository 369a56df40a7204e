"""Tours as decision processes: open paths from the current node through all remaining nodes to the destination."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError
from redwood.kernels import RandomState, kernel, random_below, random_float, random_state
from redwood.problem import Instance, Solution
from redwood.problems.routing.stepwise_kernels import draw_turn, draw_turns, remove
from redwood.problems.routing.subproblems import random_arcs
from redwood.problems.routing.travel import Travel, path_length
from redwood.problems.routing.windows import arrays_of
from redwood.views.stepwise import Batch, Expert, Stepwise, Subproblems, Target, Window

MARKS = 2
"""Marked tokens: the current node and the destination."""
LEAST = 1e-12
"""By what share an arc has to become shorter, so that rounding alone is not taken for it."""
NO_LINKS = np.empty((0, 0), dtype=np.int32)


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
    link
        For each node the one that has to follow it at once, [B, N], or -1; the pairs are mutual. ``None`` without any.
    """

    current: Array
    destination: Array
    remaining: Array
    place: Array
    order: Array
    steps: Array
    turn: Array
    plan: Array | None = None
    link: Array | None = None


@dataclass(frozen=True, eq=False)
class OpenPath(Solution):
    """The label of a tail: all its nodes in order, from the current node to the destination; ``tour`` [N]."""

    tour: Array


class TourStepwise(Stepwise[Paths]):
    """What tours on the plane and on a matrix share; subclasses set ``sizes`` [I] and ``offsets`` [I + 1]."""

    sure: ClassVar[float] = 0.8
    two_way: ClassVar[bool]
    """Whether a tour backwards is as good."""

    sizes: Array
    offsets: Array
    _tours: Array | None = None
    _ends: Array | None = None

    @abstractmethod
    def tour(self, order: Array) -> Solution:
        """Return the solution of a tour."""

    @abstractmethod
    def part(self, row: int, nodes: Array) -> Instance:
        """Return some nodes of an instance as an instance of their own."""

    @abstractmethod
    def distances(self, row: int, nodes: Array) -> Array:
        """Return the distances [n, n] between some nodes of an instance."""

    @abstractmethod
    def of_matrix(self, matrix: Array) -> Instance:
        """Return an instance with these distances [n, n]."""

    @abstractmethod
    def travel(self, owner: int) -> Travel:
        """Return the distances of one of the view's instances."""

    @abstractmethod
    def subproblem_view(self, owners: Sequence[int], arcs: Sequence[Array]) -> TourStepwise:
        """Return the view of the nodes of arcs, each in an instance of its own."""

    def destroy(self, solutions: Sequence[Any], size: int, rng: np.random.Generator) -> Subproblems | None:
        """Return each tour cut at random places into arcs; the ends of an arc are current node and destination."""
        cuts = [random_arcs(solution.tour, size, rng, self.two_way) for solution in solutions]
        owners = [owner for owner, arcs in enumerate(cuts) for _ in arcs]
        arcs = [arc for own in cuts for arc in own]
        if not arcs:
            return None
        view = self.subproblem_view(owners, arcs)
        return Subproblems(view, view._open_arcs(rng), (owners, arcs))

    def _open_arcs(self, rng: np.random.Generator) -> Paths:
        """Return all instances of the view as paths from the first to the last node, in random presentations."""
        batch = self.begin(np.arange(len(self.sizes)), rng)
        self._open(batch, np.zeros(len(self.sizes), dtype=np.int32))
        close_rows(self.sizes, batch.destination, batch.remaining, batch.place, batch.left)
        return batch

    def repair(self, solutions: Sequence[Any], subproblems: Subproblems) -> list[Any]:
        owners, arcs = subproblems.origin
        batch: Any = subproblems.batch
        pieces: list[list[Array]] = [[] for _ in solutions]
        improved = [False] * len(solutions)
        for owner, arc, order, steps in zip(owners, arcs, batch.order, batch.steps, strict=True):
            travel = self.travel(owner)
            fresh = np.append(arc[order[:steps]], arc[-1])
            better = path_length(travel, fresh) < path_length(travel, arc) * (1.0 - LEAST)
            pieces[owner].append((fresh if better else arc)[:-1])
            improved[owner] |= better
        repaired = zip(improved, solutions, pieces, strict=True)
        return [self.tour(np.concatenate(new)) if better else old for better, old, new in repaired]

    def begin(self, rows: Array, rng: np.random.Generator | None = None) -> Paths:
        starts = np.zeros(len(rows), dtype=np.int32)
        batch = self._empty(rows)
        if rng is not None:
            starts = rng.integers(0, self.sizes[rows]).astype(np.int32)
            draw_turns(batch.turn, random_state(rng))
        self._open(batch, starts)
        return batch

    def _open(self, batch: Paths, starts: Array) -> None:
        begin_rows(self.offsets, starts, arrays_of(Rows, batch))
        batch.order[:, 0] = starts
        batch.steps[:] = 1

    def act(self, batch: Paths, window: Window, choice: Array) -> None:
        nodes = window.nodes[np.arange(len(choice)), choice]
        link = NO_LINKS if batch.link is None else batch.link
        act_rows(arrays_of(Rows, batch), nodes, link)
        batch.plan = None

    def solutions(self, batch: Paths) -> list[Solution]:
        return [self.tour(order[:count]) for order, count in zip(batch.order, batch.steps, strict=True)]

    def tails(self, batch: Paths, expert: Expert, iterations: int, seed: int) -> tuple[list[Any], list[Any]]:
        """Return the open paths, which the expert solves as tours with a free edge back from the destination."""
        instances: list[Instance] = []
        paths: list[OpenPath] = []
        for b, row in enumerate(batch.rows):
            if batch.left[b] == 0 or batch.current[b] == batch.destination[b]:
                continue
            nodes = np.array([batch.current[b], *batch.remaining[b, : batch.left[b]], batch.destination[b]])
            path = self._shortest_path(self.distances(int(row), nodes), expert, iterations, seed)
            if path is not None:
                instances.append(self.part(int(row), nodes))
                paths.append(OpenPath(path))
        return instances, paths

    def _shortest_path(self, matrix: Array, expert: Expert, iterations: int, seed: int) -> Array | None:
        """Return the expert's path from the first to the last node of a matrix; ``None`` where its tour has none.

        All other edges are lengthened alike, so much that a good tour takes the free one.
        """
        last = len(matrix) - 1
        matrix = matrix + 2.0 * (float(matrix.max()) or 1.0)
        matrix[last, 0] = 0.0
        if self.two_way:
            matrix[0, last] = 0.0
        tour: Any = expert(self.of_matrix(matrix), iterations, seed)
        path = np.roll(tour.tour, -int(np.argmax(tour.tour == 0)))
        if self.two_way and path[1] == last:
            path = np.roll(path[::-1], 1)
        return path if path[-1] == last else None

    def set_labels(self, solutions: Sequence[Any]) -> None:
        self._tours = np.concatenate([solution.tour for solution in solutions]).astype(np.int32)
        self._ends = np.array([isinstance(solution, OpenPath) for solution in solutions], dtype=np.bool_)

    def sample(self, count: int, rng: np.random.Generator) -> Paths:
        if self._tours is None or self._ends is None:
            raise FitError("tails can only be drawn from labelled instances; call set_labels() first.")
        rows = np.searchsorted(self.offsets, rng.integers(0, self.offsets[-1], size=count), side="right") - 1
        batch = self._empty(rows)
        batch.plan = np.empty_like(batch.remaining)
        labels = self.offsets, self._tours, self._ends
        sample_rows(*labels, arrays_of(Rows, batch), batch.plan, self.two_way, random_state(rng))
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


class Rows(NamedTuple):
    """Arrays of `Paths`."""

    rows: Array
    left: Array
    current: Array
    destination: Array
    remaining: Array
    place: Array
    order: Array
    steps: Array
    turn: Array


@kernel
def begin_rows(offsets: Array, starts: Array, batch: Rows) -> None:
    """Open every node but the start ``starts[b]`` of each row; nodes of instance i begin at ``offsets[i]``."""
    for b in range(len(batch.rows)):
        size = offsets[batch.rows[b] + 1] - offsets[batch.rows[b]]
        start = starts[b]
        batch.current[b] = start
        batch.destination[b] = start
        count = 0
        for node in range(size):
            if node != start:
                batch.remaining[b, count] = node
                batch.place[b, node] = count
                count += 1
        batch.place[b, start] = -1
        batch.left[b] = count


@kernel
def close_rows(sizes: Array, destination: Array, remaining: Array, place: Array, left: Array) -> None:
    """Make the last node of each whole instance its destination instead of an open node.

    Parameters
    ----------
    sizes
        Number of nodes of each row's instance, [B]; its last node becomes the destination.
    destination
        Room [B]. Gets the last node.
    remaining, place, left
        Open nodes [B, N] in any order, where each stands among them (-1 for none), and how many there are, [B]; all change.
    """
    for b in range(len(sizes)):
        if sizes[b] < 2:
            continue
        goal = sizes[b] - 1
        remove(goal, remaining[b], place[b], left[b])
        left[b] -= 1
        destination[b] = goal


@kernel
def sample_rows(
    offsets: Array, tours: Array, is_open: Array, batch: Rows, plan: Array, two_way: bool, state: RandomState
) -> None:
    """Open a random arc of the labelled tour, or open path, of each row; ``plan`` gets its nodes in order.

    The arc, in either direction where ``two_way``, is led by the current node and followed by the destination, as a rollout
    along the label would leave it. Most arcs of open paths reach to their end.

    Parameters
    ----------
    offsets
        Where the nodes of each instance begin among all, [I + 1].
    tours, is_open
        Labels [all nodes]: each instance's nodes in order; and which [I] are open paths from its first to its last node.
    batch
        The rows, which are turned at random.
    plan
        Room [B, N]. Gets the nodes of the arc in the label's order.
    two_way
        Whether a tour backwards is as good.
    state
        The generator's state [2].
    """
    for b in range(len(batch.rows)):
        offset = offsets[batch.rows[b]]
        size = offsets[batch.rows[b] + 1] - offset
        start = random_below(state, size)
        backward = two_way and random_float(state) < 0.5
        step = size - 1 if backward else 1
        length = 1 + random_below(state, size - 1)
        if is_open[batch.rows[b]]:
            end = size - 1 if random_float(state) < 0.7 else 2 + random_below(state, size - 2)
            begin = 0 if random_float(state) < 0.3 else random_below(state, end - 1)
            start = size - 1 - begin if backward else begin
            length = end - begin - 1
        draw_turn(batch.turn[b], state)
        for node in range(size):
            batch.place[b, node] = -1
        position = start
        batch.current[b] = tours[offset + position]
        for k in range(length):
            position = (position + step) % size
            node = tours[offset + position]
            batch.remaining[b, k] = node
            batch.place[b, node] = k
            plan[b, k] = node
        batch.destination[b] = tours[offset + (position + step) % size]
        batch.left[b] = length


@kernel
def act_rows(batch: Rows, nodes: Array, link: Array) -> None:
    """Visit ``nodes[b]`` in each row that is not finished, and at once the node linked to it, if there are links.

    ``link`` [B, N] has the node that has to follow each at once, -1 for none; pairs are mutual. It is [0, 0] without links.
    """
    for b in range(len(nodes)):
        if batch.left[b] == 0:
            continue
        node = nodes[b]
        while node >= 0:  # links are pairs, and a node that was visited ends it
            remove(node, batch.remaining[b], batch.place[b], batch.left[b])
            batch.left[b] -= 1
            batch.current[b] = node
            batch.order[b, batch.steps[b]] = node
            batch.steps[b] += 1
            node = link[b, node] if len(link) > 0 else -1
            if node >= 0 and batch.place[b, node] < 0:
                node = -1


@kernel
def target_rows(nodes: Array, plan: Array, left: Array, place: Array, choice: Array, neighbours: Array) -> None:
    """Write the token to visit next, and the tokens before and after each token on the labelled path, -1 if not there.

    Parameters
    ----------
    nodes
        Node of each token, [B, T], -1 where there is none.
    plan, left
        Open nodes [B, N] in the label's order, and how many they are, [B].
    place
        Where each open node stands in ``plan``, [B, N].
    choice
        Room [B]. Gets the token to visit next, -1 where it is outside of the window.
    neighbours
        Room [B, T, 2]. Gets the tokens before and after each token on the labelled path, -1 where outside or none.
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


def pack_paths(solutions: Sequence[Any]) -> dict[str, Array]:
    """Return tours and open paths of any sizes as compact arrays for a file."""
    return {
        "tours": np.concatenate([solution.tour for solution in solutions]).astype(np.uint32),
        "sizes": np.array([len(solution.tour) for solution in solutions], dtype=np.int32),
        "open": np.array([isinstance(solution, OpenPath) for solution in solutions], dtype=np.bool_),
    }


def unpack_paths(arrays: Mapping[str, Array], tour: Callable[[Array], Any]) -> list[Any]:
    """Return the tours and open paths that `pack_paths` wrote; ``tour`` makes a tour of its nodes."""
    pieces = np.split(arrays["tours"].astype(np.int64), np.cumsum(arrays["sizes"])[:-1])
    return [OpenPath(piece) if ends else tour(piece) for piece, ends in zip(pieces, arrays["open"], strict=True)]
