"""The view `Local`: directed tours as arrays, with exchanges of adjacent segments and double bridges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from redwood.arrays import Array
from redwood.kernels import random_state
from redwood.problems.atsp.instance import ATSPInstance, Tour
from redwood.problems.atsp.local_kernels import Ground, bridge, descend, make_draft, swap
from redwood.problems.atsp.start import nearest, nearest_neighbour_tour
from redwood.views.local import Local

NEIGHBOURS = 10
"""How many nearest nodes to go to, and to come from, a descent looks at."""
FEW = 12
"""Nodes that `ATSPLocal.warm_up` takes."""
WINDOW = 30
"""Longest segment of a random move or perturbation."""

Move = tuple[int, int, int]


@dataclass
class TourState:
    """A tour [N] that changes, and its length."""

    order: Array
    length: float


class ATSPLocal(Local):
    """A move (start, first, second) exchanges ``first`` nodes from a place on with the ``second`` nodes behind them."""

    def __init__(self, instance: ATSPInstance) -> None:
        self._size = instance.size
        self._travel = instance.travel
        self._matrix = np.array(instance.matrix, dtype=np.float64)  # writable, as the kernels are compiled for

    def initial(self, rng: np.random.Generator) -> TourState:
        """Return a random tour."""
        return self._of(rng.permutation(self._size))

    def construct(self, rng: np.random.Generator) -> TourState:
        """Return the nearest-neighbour tour from a random node."""
        return self._of(nearest_neighbour_tour(self._matrix, rng))

    def state(self, solution: Tour) -> TourState:  # type: ignore[override]
        """Return the state of a tour."""
        return self._of(solution.tour)

    def copy(self, state: TourState) -> TourState:
        """Return an independent copy."""
        return TourState(state.order.copy(), state.length)

    def solution(self, state: TourState) -> Tour:
        """Return the tour of a state."""
        return Tour(state.order)

    def objective(self, state: TourState) -> float:
        """Return the length of the tour."""
        return state.length

    def propose(self, state: TourState, rng: np.random.Generator) -> tuple[Move, float] | None:
        """Return a random exchange of two adjacent segments, or ``None`` for fewer than three nodes."""
        size = self._size
        if size < 3:
            return None
        first = int(rng.integers(1, min(WINDOW, size - 2) + 1))
        second = int(rng.integers(1, min(WINDOW, size - 1 - first) + 1))
        start = int(rng.integers(size))
        places = np.array([start - 1, start, start + first - 1, start + first, start + first + second - 1]) % size
        a, b, c, d, e = state.order[places]
        f = state.order[(start + first + second) % size]
        matrix = self._matrix
        change = matrix[a, d] + matrix[e, b] + matrix[c, f] - matrix[a, b] - matrix[c, d] - matrix[e, f]
        return (start, first, second), float(change)

    def apply(self, state: TourState, move: Move) -> None:
        """Exchange the segments."""
        swap(make_draft(state.order), *move)
        state.length = self._measure(state.order)

    def descend(self, state: TourState) -> None:
        """Make the best exchanges by neighbour lists until there is none."""
        if self._size > 2:
            while not self.out_of_time(self._size) and descend(self._ground, state.order) > 0.0:
                pass  # ends: every exchange shortens the tour, see GAIN_SHARE
            state.length = self._measure(state.order)

    def perturb(self, state: TourState, rng: np.random.Generator) -> None:
        """Turn three consecutive segments B C D into D C B."""
        if self._size < 4:
            return
        bridge(self._ground, make_draft(state.order), random_state(rng), max(1, min(WINDOW, self._size // 4)))
        state.length = self._measure(state.order)

    def warm_up(self) -> None:
        """Compile what the other methods need, on the first nodes of the instance."""
        few = self._travel.part(np.arange(min(self._size, FEW)))
        super(ATSPLocal, ATSPLocal(ATSPInstance(travel=few))).warm_up()

    @cached_property
    def _ground(self) -> Ground:
        return Ground(self._matrix, nearest(self._matrix, NEIGHBOURS), nearest(self._matrix.T, NEIGHBOURS))

    def _of(self, order: Array) -> TourState:
        copy = np.array(order, dtype=np.int64)
        return TourState(copy, self._measure(copy))

    def _measure(self, order: Array) -> float:
        return float(self._matrix[order, np.roll(order, -1)].sum()) if self._size > 1 else 0.0
