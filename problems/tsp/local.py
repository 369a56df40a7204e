"""The TSP for local searches: 2-opt and Or-opt moves with neighbour lists."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from redwood.arrays import Array
from redwood.kernels import random_state
from redwood.polling import Chunks
from redwood.problems.tsp.greedy_edges import candidate_lengths, greedy_edge_tour
from redwood.problems.tsp.instance import Tour, TSPInstance
from redwood.problems.tsp.local_kernels import (
    Ground,
    descend,
    draw_exchange,
    exchange_segments,
    reverse,
)
from redwood.views.local import Local

NEIGHBOURS = 8
SMALLEST = 4
"""Nodes from which on there is more than one tour."""
REACH = 50
"""Most nodes in each of the segments that a perturbation exchanges."""


@dataclass
class TourState:
    """A tour [N], the place [N] of each node in it, the nodes [N] to look at for improvements, and the length."""

    tour: Array
    place: Array
    waiting: Array
    length: float


@dataclass(frozen=True)
class Reversal:
    """A 2-opt move: the sub-path of places to reverse, and the change of the length."""

    first: int
    last: int
    change: float


class TSPLocal(Local):
    """The TSP for local searches. Tours of fewer than 4 nodes are left alone: they are all equally long."""

    def __init__(self, instance: TSPInstance) -> None:
        self.instance = instance

    @cached_property
    def _ground(self) -> Ground:
        return Ground(self.instance.travel.arrays, self.instance.travel.nearest(NEIGHBOURS, self.clock))

    def initial(self, rng: np.random.Generator) -> TourState:
        """Return the state of a random permutation."""
        return self._state(rng.permutation(self.instance.size))

    def construct(self, rng: np.random.Generator) -> TourState:
        """Return the state of a tour joined from the shortest edges first, ties broken at random."""
        travel, near = self.instance.travel, self._ground.near
        return self._state(greedy_edge_tour(travel, near, candidate_lengths(travel, near), self.clock, rng))

    def state(self, solution: Tour) -> TourState:  # type: ignore[override]
        return self._state(solution.tour)

    def copy(self, state: TourState) -> TourState:
        return TourState(state.tour.copy(), state.place.copy(), state.waiting.copy(), state.length)

    def solution(self, state: TourState) -> Tour:
        return Tour(state.tour)

    def objective(self, state: TourState) -> float:
        return state.length

    def propose(self, state: TourState, rng: np.random.Generator) -> tuple[Reversal, float] | None:
        """Return a random 2-opt move, mostly one that joins neighbours."""
        if self.instance.size < SMALLEST:
            return None
        first, last, change = draw_exchange(self._ground, state.tour, state.place, random_state(rng))
        return Reversal(first, last, change), change

    def apply(self, state: TourState, move: Reversal) -> None:
        size = self.instance.size
        for place in (move.first - 1, move.first, move.last, move.last + 1):
            state.waiting[state.tour[place % size]] = True
        reverse(state.tour, state.place, move.first, move.last)
        state.length += move.change

    def descend(self, state: TourState) -> None:
        """Improve the tour by 2-opt and Or-opt moves, from the nodes that moves and perturbations have touched."""
        left, chunk = self.instance.size if self.instance.size >= SMALLEST else 0, Chunks(10_000)
        while left > 0 and not self.out_of_time():  # ends: every move shortens the tour, see GAIN_SHARE
            change, left = descend(self._ground, state.tour, state.place, state.waiting, chunk())
            state.length += change

    def perturb(self, state: TourState, rng: np.random.Generator) -> None:
        """Exchange two neighbouring segments (a double bridge), each of at most `REACH` nodes."""
        if self.instance.size >= SMALLEST:
            state.length += exchange_segments(self._ground, state.tour, state.place, state.waiting, REACH, random_state(rng))

    def warm_up(self) -> None:
        """Compile what the other methods need, on the first nodes of the instance."""
        few = self.instance.travel.part(np.arange(min(self.instance.size, 12)))
        super(TSPLocal, TSPLocal(TSPInstance(travel=few))).warm_up()

    def _state(self, tour: Array) -> TourState:
        tour = np.array(tour, dtype=np.int32)
        place = np.empty(len(tour), dtype=np.int32)
        place[tour] = np.arange(len(tour), dtype=np.int32)
        between = self.instance.travel.between(tour, np.roll(tour, -1))
        return TourState(tour, place, np.ones(len(tour), dtype=np.bool_), float(between.sum()) if len(tour) > 1 else 0.0)
