"""A population of tours, crossed generation after generation, on as many threads as there are rooms to cross in."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial

import numpy as np

from redwood.arrays import Array
from redwood.polling import next_chunk
from redwood.problems.routing.travel import Travel
from redwood.solvers.local_search.threads import together
from redwood.solvers.local_search.tsp_crossover_kernels import Frequencies, Pairs, count_edges, cross_pairs
from redwood.solvers.local_search.tsp_cycles_kernels import Crossing

WIDTH = 12
"""Different edges at a node that are counted."""
OFFSPRING = 30
"""Offspring made of two tours, at most."""


def make_crossing(travel: Travel, neighbours: Array, lengths: Array) -> Crossing:
    """Return room to cross tours; see `Crossing`.

    Parameters
    ----------
    travel
        Distances of the N places.
    neighbours, lengths
        Candidate neighbours of each place, [N, K], nearest first, and how far they are, [N, K].
    """
    size = travel.size

    def room(*shape: int) -> Array:
        return np.zeros(shape, dtype=np.int32)

    return Crossing(
        distances=travel.arrays,
        neighbours=neighbours,
        lengths=lengths,
        adjacent=room(size, 2),
        spare=room(2, size, 2),
        degree=room(2, size),
        seen=np.full((size, 2), -1, dtype=np.int32),
        trail=room(2 * size + 2),
        mixed=room(size),
        cycles=room(2 * size),
        starts=room(size + 2),
        gains=np.zeros(size + 1),
        cuts=np.zeros(size, dtype=np.int64),
        partner=room(2 * size),
        label=room(size),
        sizes=room(size),
        log=room(6 * size + 8, 3),
        kept=room(6 * size + 8, 3),
        joins=room(size, 4),
        random=np.ones(2, dtype=np.uint64),
    )


class Population:
    """Tours of one instance and their lengths.

    A generation crosses each tour with the next one of a random order. What comes of it does not depend on the number of
    threads: every pair has a seed of its own, and every tour is crossed with what its partner was when the generation began.

    Attributes
    ----------
    orders
        The tours [P, N].
    lengths
        Their lengths [P].
    """

    def __init__(
        self, crossings: list[Crossing], orders: Array, lengths: Array, tolerance: float, rng: np.random.Generator
    ) -> None:
        count, size = orders.shape
        self.orders = orders
        self.lengths = lengths
        self._crossings = crossings
        self._tolerance = tolerance
        self._rng = rng
        self._chunk = 1
        self._positions = np.empty_like(orders)
        for order, position in zip(self.orders, self._positions, strict=True):
            position[order] = np.arange(size, dtype=np.int32)
        share = np.arange(1, count + 2) / count
        self._frequencies = Frequencies(
            heads=np.empty((size, WIDTH), dtype=np.int32),
            counts=np.empty((size, WIDTH), dtype=np.int32),
            entropy=np.concatenate([[0.0], -share * np.log(share)]),
        )

    @property
    def best(self) -> Array:
        """The shortest tour [N]."""
        return np.asarray(self.orders[int(np.argmin(self.lengths))])

    def generation(
        self, stops: Callable[[], bool], clock: Callable[[], float], executor: Executor | None
    ) -> tuple[int, int]:
        """Cross every tour once, or fewer where ``stops`` says so: (tours that became shorter, offspring made).

        Parameters
        ----------
        stops
            Asked every few hundredths of a second.
        clock
            Returns seconds.
        executor
            Runs chunks of the generation side by side; ``None`` where there is one room to cross in.
        """
        count_edges(self.orders, self._frequencies)
        ranks = self._rng.permutation(len(self.orders))
        seeds = self._rng.integers(1, 2**63, size=(len(ranks), 2), dtype=np.int64).astype(np.uint64)
        gains = np.zeros(len(ranks))
        first = self.orders[ranks[0]].copy(), self._positions[ranks[0]].copy()
        made = at = 0
        while at < len(ranks) and not stops():
            began = clock()
            share = min(self._chunk, math.ceil((len(ranks) - at) / len(self._crossings)))
            cuts = [min(at + share * k, len(ranks)) for k in range(len(self._crossings) + 1)]
            lasts = [
                (self.orders[ranks[end]].copy(), self._positions[ranks[end]].copy()) if end < len(ranks) else first
                for end in cuts[1:]
            ]
            jobs = [
                partial(self._cross, crossing, ranks[begin:end], last, seeds[begin:end], gains[begin:end])
                for crossing, begin, end, last in zip(self._crossings, cuts, cuts[1:], lasts, strict=False)
                if begin < end
            ]
            made += sum(together(executor, jobs))
            at = cuts[-1]
            self._chunk = next_chunk(share, clock() - began)
        self.lengths[ranks] -= gains
        return int((gains > 0.0).sum()), made

    def _cross(self, crossing: Crossing, rows: Array, last: tuple[Array, Array], seeds: Array, gains: Array) -> int:
        """Cross the tours of some rows, the last one with a tour and its positions given apart; see `cross_pairs`."""
        pairs, tolerance = Pairs(rows, *last, seeds, gains), self._tolerance
        return int(cross_pairs(crossing, self._frequencies, self.orders, self._positions, pairs, OFFSPRING, tolerance))
