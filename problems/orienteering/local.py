"""The view `Local`: paths as arrays, with insertion, removal, exchange and 2-opt within the budget."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from redwood.arrays import Array
from redwood.kernels import random_state
from redwood.polling import Chunks
from redwood.problems.orienteering.instance import OrienteeringInstance, Tour, path, shortest_path
from redwood.problems.orienteering.local_kernels import Draft, Ground, improve, make_draft, measure
from redwood.problems.orienteering.ruin import appraise, fill_path, force, ruin
from redwood.problems.orienteering.space import SQUARE, as_matrix, make_space, restricted
from redwood.problems.routing.travel import path_length
from redwood.views.local import Local

NEIGHBOURS = 30
"""Neighbour lists have so many nodes."""
TRIES = 50
"""How many random moves are tried until one is within the budget."""
FORCED = 0.5
"""Share of perturbations that force a node in; the others remove some."""

INSERT, REMOVE, EXCHANGE, REVERSE = range(4)

Move = tuple[int, int, int]


@dataclass
class PathState:
    """A path that changes: its nodes from start to end, its length and its prize."""

    nodes: Array
    length: float
    prize: float


class OrienteeringLocal(Local):
    """Moves are (kind, place, other): insert a node behind a place, remove, exchange for a node, reverse up to a place."""

    def __init__(self, instance: OrienteeringInstance, *, matrix: bool | None = None) -> None:
        """Work on an instance, by a matrix of distances or by coordinates; by default as `as_matrix` has it."""
        self._instance = instance
        self._by_matrix = as_matrix(instance) if matrix is None else matrix
        self._prizes = np.array(instance.prizes, dtype=np.float64)
        self._limit = (instance.budget + instance.limit) / 2.0
        self._ends = float(self._prizes[np.unique([instance.start, instance.end])].sum())

    def initial(self, rng: np.random.Generator) -> PathState:
        """Return a path of nodes in random order, each put in at random where it fits."""
        nodes = shortest_path(self._instance)
        length = self._length(nodes)
        for node in rng.permutation(np.setdiff1d(np.arange(self._instance.travel.size), nodes)):
            if self.out_of_time():
                break
            at = int(rng.integers(len(nodes) - 1))
            added = self._added(nodes[at], node, nodes[at + 1])
            if length + added <= self._limit:
                nodes, length = np.insert(nodes, at + 1, node), length + added
        return self._of(nodes)

    def construct(self, rng: np.random.Generator) -> PathState:
        """Return the path that insertion by prize per lengthening, with a little noise, builds."""
        return self._filled(shortest_path(self._instance), rng)

    def state(self, solution: Tour) -> PathState:  # type: ignore[override]
        """Return the state of a path."""
        return self._of(path(self._instance, solution))

    def copy(self, state: PathState) -> PathState:
        """Return an independent copy."""
        return PathState(state.nodes.copy(), state.length, state.prize)

    def solution(self, state: PathState) -> Tour:
        """Return the path of a state."""
        return Tour(state.nodes)

    def objective(self, state: PathState) -> float:
        """Return the prize of the path."""
        return state.prize

    def propose(self, state: PathState, rng: np.random.Generator) -> tuple[Move, float] | None:
        """Return a random move within the budget, or ``None`` where none was found."""
        others = np.setdiff1d(np.arange(self._instance.travel.size), state.nodes)
        inner = len(state.nodes) - 2
        for _ in range(TRIES):
            kind, at = int(rng.integers(4)), int(rng.integers(len(state.nodes) - 1))
            if (kind in (INSERT, EXCHANGE) and not len(others)) or (kind != INSERT and not 1 <= at <= inner):
                continue
            if kind == REVERSE:
                other = int(rng.integers(at, inner + 1))
            else:
                other = int(rng.choice(others)) if kind != REMOVE else 0
            nodes = _moved(state.nodes, (kind, at, other))
            if self._length(nodes) <= self._limit:
                gain = self._prizes[other] if kind in (INSERT, EXCHANGE) else 0.0
                loss = self._prizes[state.nodes[at]] if kind in (REMOVE, EXCHANGE) else 0.0
                return (kind, at, other), float(gain - loss)
        return None

    def apply(self, state: PathState, move: Move) -> None:
        """Make a proposed move."""
        self._set(state, _moved(state.nodes, move))

    def descend(self, state: PathState) -> None:
        """Shorten by 2-opt and Or-opt and insert what then fits, until neither helps."""
        while True:  # each round but the last one inserts a node
            before = len(state.nodes)
            self._set(state, self._shortened(state.nodes))
            self._set(state, self._filled(state.nodes, None).nodes)
            if len(state.nodes) == before or self.out_of_time():
                return

    def perturb(self, state: PathState, rng: np.random.Generator) -> None:
        """Remove some nodes near each other, or force one in and drop others; then refill with noise."""
        draft, random = self._draft(state.nodes), random_state(rng)
        change = force if rng.random() < FORCED else ruin
        count, _ = change(self._ground, draft, len(state.nodes), random)
        if self._length(draft.path[:count]) <= self._limit:
            self._set(state, self._filled(self._shortened(draft.path[:count]), rng).nodes)

    def warm_up(self) -> None:
        """Compile what the other methods need, on four nodes with distances kept as those of the instance are."""
        super(OrienteeringLocal, OrienteeringLocal(SQUARE, matrix=self._by_matrix)).warm_up()

    @cached_property
    def _ground(self) -> Ground:
        travel = restricted(self._instance.travel, np.arange(self._instance.travel.size), self._by_matrix)
        near = travel.nearest(NEIGHBOURS, self.clock)
        return Ground(make_space(travel, self._by_matrix), near, self._prizes, self._limit)

    def _draft(self, nodes: Array) -> Draft:
        return make_draft(self._instance.travel.size, nodes)

    def _shortened(self, nodes: Array) -> Array:
        draft, distinct = self._draft(nodes), np.unique(nodes)
        draft.stack[: len(distinct)] = distinct
        draft.queued[distinct] = True
        left, chunk = len(distinct), Chunks(1000)
        while left > 0 and not self.out_of_time():
            _, left = improve(self._ground, draft, len(nodes), left, chunk())
        return draft.path[: len(nodes)].copy()

    def _filled(self, nodes: Array, rng: np.random.Generator | None) -> PathState:
        """Return the path with what fits inserted: by prize per lengthening, or by a random value."""
        draft = self._draft(nodes)
        free = np.flatnonzero((draft.pos < 0) & (self._prizes > 0.0))
        value = self._prizes.copy()
        if rng is not None:
            appraise(self._prizes, free, len(free), value, random_state(rng))
        length = measure(self._ground, draft.path, len(nodes))
        count, _ = fill_path(self._ground, draft, len(nodes), length, value, free, self.clock)
        return self._of(draft.path[:count])

    def _added(self, before: int, node: int, after: int) -> float:
        nodes = np.array([before, node, after])
        return self._length(nodes) - self._length(nodes[[0, 2]])

    def _length(self, nodes: Array) -> float:
        return path_length(self._instance.travel, nodes)

    def _of(self, nodes: Array) -> PathState:
        state = PathState(np.zeros(0, np.int64), 0.0, 0.0)
        self._set(state, nodes)
        return state

    def _set(self, state: PathState, nodes: Array) -> None:
        state.nodes = np.array(nodes, dtype=np.int64)
        state.length = self._length(state.nodes)
        state.prize = self._ends + float(self._prizes[state.nodes[1:-1]].sum())


def _moved(nodes: Array, move: Move) -> Array:
    """Return the path after a move."""
    kind, at, other = move
    if kind == INSERT:
        return np.insert(nodes, at + 1, other)
    if kind == REMOVE:
        return np.delete(nodes, at)
    moved = nodes.copy()
    if kind == EXCHANGE:
        moved[at] = other
    else:
        moved[at : other + 1] = nodes[at : other + 1][::-1]
    return moved
