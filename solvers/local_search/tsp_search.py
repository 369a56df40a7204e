"""A TSP local search on one instance: node numbers of its own, compiled state, and the way back to the instance's tour."""

from __future__ import annotations

import copy
import itertools
import math

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock, go_on
from redwood.kernels import random_state
from redwood.problems.routing.travel import Metric, Travel
from redwood.problems.tsp.greedy_edges import candidate_lengths, greedy_edge_tour
from redwood.solvers.local_search.tsp_candidates import candidate_nodes
from redwood.solvers.local_search.tsp_kernels import descend, fill_queue, iterate, waiting
from redwood.solvers.local_search.tsp_moves import Search
from redwood.solvers.local_search.tsp_start import curve_order

NOISE = 0.3
"""Share by which candidate edges seem longer, at most, where a greedy tour is to be another one."""
SMALL = 8
"""Up to this many places all tours are tried."""


class Places:
    """The distinct places of an instance, numbered along a space-filling curve so that near ones lie near in memory.

    Nodes at one place are visited together. Nothing is lost by it where the triangle rule holds; distances that are rounded
    to the nearest number can make it worth while to come again.

    Attributes
    ----------
    travel
        Distances of the M <= N places.
    nodes
        One node of each place, [M].
    place_of
        The place of each node, [N], or ``None`` where no two nodes share one.
    """

    def __init__(self, travel: Travel) -> None:
        self.travel = travel
        self.nodes = np.arange(travel.size)
        self.place_of: Array | None = None
        if travel.metric is Metric.EXPLICIT or travel.coords is None:
            return
        order = curve_order(travel.coords)
        same = _same_place(travel.coords)
        if same is None:
            self.nodes = order
        else:
            self.nodes = order[same[order] == order]
            number = np.empty(travel.size, dtype=np.int64)
            number[self.nodes] = np.arange(len(self.nodes))
            self.place_of = number[same]
        self.travel = Travel(travel.metric, travel.coords[self.nodes])

    def tour(self, order: Array) -> Array:
        """Return the tour of all nodes [N] that visits the places in ``order`` [M]."""
        if self.place_of is None:
            return np.asarray(self.nodes[order])
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        return np.argsort(rank[self.place_of], kind="stable")

    def order(self, tour: Array) -> Array:
        """Return the order of the places [M] in which a tour of all nodes [N] first visits them."""
        if self.place_of is None:
            number = np.empty(len(tour), dtype=np.int64)
            number[self.nodes] = np.arange(len(tour))
            return np.asarray(number[tour])
        visits = self.place_of[tour]
        _, first = np.unique(visits, return_index=True)
        return np.asarray(visits[np.sort(first)])


class TourSearch:
    """A local search from a given tour or from the greedy-edge tour.

    Attributes
    ----------
    candidates
        The places' distances, the candidate neighbours of each [M, K], and how far they are [M, K].
    """

    def __init__(
        self,
        places: Places,
        neighbours: int,
        breadth: tuple[int, ...],
        seed: np.random.Generator,
        initial: Array | None = None,
        clock: Clock | None = None,
    ) -> None:
        travel = places.travel
        nearest = candidate_nodes(travel, neighbours, clock)
        lengths = candidate_lengths(travel, nearest)
        go_on(clock, travel.size)
        self.candidates = travel, nearest, lengths
        self._places = places
        self._breadth = breadth
        self._unit = float(lengths[:, 0].mean())
        self._begin(greedy_edge_tour(travel, nearest, lengths, clock) if initial is None else places.order(initial), seed)

    def _begin(self, order: Array, rng: np.random.Generator) -> None:
        self._search = make_search(*self.candidates, order, self._breadth, rng)
        fill_queue(self._search)

    def another(self, rng: np.random.Generator) -> TourSearch:
        """Return a search of the same places from a greedy-edge tour for which lengths are drawn a little larger."""
        search = copy.copy(self)
        travel, nearest, lengths = self.candidates
        search._begin(greedy_edge_tour(travel, nearest, lengths * (1.0 + NOISE * rng.random(lengths.shape))), rng)
        return search

    def adopt(self, order: Array, rng: np.random.Generator) -> None:
        """Go on from another tour of the places [M]."""
        self._begin(order, rng)

    @property
    def size(self) -> int:
        """Number of places."""
        return len(self._search.order)

    @property
    def settled(self) -> bool:
        """Whether the tour is a local optimum, so that `iterate` may begin."""
        return bool(waiting(self._search) == 0)

    def descend(self, steps: int) -> float:
        """Look for improving moves at up to ``steps`` nodes; returns the gain."""
        return float(descend(self._search, steps))

    def iterate(self, iterations: int, heat: float = 0.0, done: int = 0, limit: float = math.inf) -> float:
        """Perturb and repair the tour; returns by how much the best tour became shorter.

        The search anneals: its temperature falls from ``heat``, in mean distances to the nearest neighbour, to 0 within
        ``limit`` iterations, ``done`` of which lie behind.

        Parameters
        ----------
        iterations
            How many perturbations are made.
        heat
            First temperature in mean distances to the nearest neighbour; 0 for no annealing.
        done
            Iterations that lie behind.
        limit
            The iteration at which the temperature reaches 0; infinite for a constant one.
        """
        return float(iterate(self._search, iterations, heat * self._unit, done, float(limit)))

    @property
    def tolerance(self) -> float:
        """Length that a gain has to exceed."""
        return self._search.tolerance

    def order(self) -> Array:
        """Return the best tour of the places [M]."""
        return self._search.best.copy()

    def length(self, order: Array) -> float:
        """Return the length of a tour of the places [M]."""
        return float(self.candidates[0].between(order, np.roll(order, -1)).sum())

    def tour(self, order: Array | None = None) -> Array:
        """Return a tour of the places [M], by default the best, in the numbers of the instance [N]."""
        return self._places.tour(self._search.best if order is None else order)


def make_search(
    travel: Travel, nearest: Array, lengths: Array, order: Array, breadth: tuple[int, ...], rng: np.random.Generator
) -> Search:
    """Return the state of a search that begins at the tour ``order`` [N]; see `Search` for the rest.

    Parameters
    ----------
    travel
        Distances of the N places.
    nearest, lengths
        Candidate neighbours of each place, [N, K], nearest first, and how far they are, [N, K].
    order
        The tour [N] to begin at.
    breadth
        Neighbours tried at each step of a move; one entry for each step.
    rng
        Seeds the search.
    """
    size, depth = travel.size, len(breadth)
    position = np.empty(size, dtype=np.int32)
    position[order] = np.arange(size, dtype=np.int32)
    log = 2 * size + 100_000
    return Search(
        distances=travel.arrays,
        neighbours=nearest,
        lengths=lengths,
        order=np.array(order, dtype=np.int32),
        position=position,
        queue=np.empty(size, dtype=np.int32),
        queued=np.zeros(size, dtype=np.bool_),
        log_place=np.empty(log, dtype=np.int32),
        log_node=np.empty(log, dtype=np.int32),
        buffer=np.empty(size, dtype=np.int32),
        best=np.array(order, dtype=np.int32),
        changed=np.empty(size // 4 + 1000, dtype=np.int32),
        path=np.zeros((depth + 4, 3), dtype=np.int64),
        breadth=np.minimum(np.array(breadth, dtype=np.int64), nearest.shape[1]),
        counters=np.zeros(4, dtype=np.int64),
        balances=np.zeros(1),
        random=random_state(rng),
        tolerance=1e-9 * float(np.median(lengths[:, 0])) if lengths.size else 0.0,
        shift=max(50_000, size // 20),
    )


def shortest_order(travel: Travel) -> Array:
    """Return the best order of at most `SMALL` places, by trying all."""
    size = travel.size
    if size <= 3:
        return np.arange(size)
    inner = np.array(list(itertools.permutations(range(1, size))), dtype=np.int64)
    tours = np.concatenate([np.zeros((len(inner), 1), dtype=np.int64), inner], axis=1)
    lengths = travel.full()[tours, np.roll(tours, -1, axis=1)].sum(axis=1)
    return np.asarray(tours[np.argmin(lengths)])


def _same_place(coords: Array) -> Array | None:
    """Return for each node the first node at its place [N], or ``None`` where all places are different."""
    ranking = np.lexsort((coords[:, 1], coords[:, 0]))
    fresh = np.ones(len(coords), dtype=bool)
    fresh[1:] = (coords[ranking[1:]] != coords[ranking[:-1]]).any(axis=1)
    if fresh.all():
        return None
    first = np.empty(len(coords), dtype=np.int64)
    first[ranking] = ranking[np.maximum.accumulate(np.where(fresh, np.arange(len(coords)), 0))]
    return first
