"""Minimum spanning trees under potentials: the certificate of 1-tree bounds. See `spanning_kernels` for the methods."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.problems.routing.spanning_kernels import (
    LEAF,
    Boxes,
    Exits,
    SparseGraph,
    add_two_cheapest,
    cheapest_edge,
    cheapest_pair,
    grow_tree,
    join_components,
    look_out,
    lower_potentials,
    offer_known,
    split_points,
    tag_components,
)
from redwood.problems.routing.travel import Metric, Travel

CHUNK = 20_000_000
"""Distances between two looks at the clock, about."""


class SpanningTrees:
    """Minimum spanning trees of all nodes under the weights distance(i, j) + p[i] + p[j], for changing potentials p."""

    def __init__(self, travel: Travel) -> None:
        self.travel = travel
        self._planar = travel.metric not in (Metric.GEO, Metric.EXPLICIT)
        self._potentials = np.zeros(travel.size)
        if self._planar:
            self._levels = max(0, int(np.ceil(np.log2(max(1, travel.size) / LEAF))))
            count = 2 ** (self._levels + 1) - 1
            self._boxes = Boxes(
                travel.arrays,
                order=np.arange(travel.size),
                ranges=np.zeros((count, 2), dtype=np.int64),
                bounds=np.empty((count, 4)),
                lowest=np.empty(count),
                tags=np.empty(count, dtype=np.int64),
                component=np.arange(travel.size),
                potentials=self._potentials,
            )
            self._own = np.arange(travel.size)
            split_points(self._boxes)

    def tree(self, potentials: Array, known: SparseGraph, clock: Clock) -> Array | None:
        """Return the edges [N - 1, 2] of a minimum spanning tree, or ``None`` where the clock stopped the search.

        ``known`` is any sparse graph: the closer to the tree, the sooner it is found.
        """
        self._use(potentials)
        return self._join(known, clock) if self._planar else self._grow(clock)

    def cheapest(self, node: int, skipped: int) -> tuple[int, float]:
        """Return the cheapest edge from a node to any but ``skipped``, under the last tree's potentials: (head, weight)."""
        if not self._planar:
            found = cheapest_pair(self.travel.arrays, self._potentials, node, skipped)
        else:
            stack, corner = np.empty(128, dtype=np.int64), np.zeros((2, 2))
            found = cheapest_edge(self._lone(), node, skipped, np.inf, stack, corner)
        return int(found[0]), float(found[1])

    def half_sum(self, clock: Clock) -> float:
        """Return half of the two shortest distances at each node, added up: no tour of 3 or more nodes is shorter.

        Where the clock stops the work, the nodes left over count as nothing.
        """
        self._use(np.zeros(self.travel.size))
        total, size = 0.0, self.travel.size
        step = 2_000 if self._planar else max(1, CHUNK // size)
        for begin in range(0, size, step):
            if clock.stops():
                break
            nodes = range(begin, min(size, begin + step))
            if self._planar:
                total += add_two_cheapest(self._lone(), nodes.start, nodes.stop)
            else:
                total += sum(weight for node in nodes for weight in self._two_cheapest(node))
        return total / 2.0

    def nearby(self) -> SparseGraph:
        """Return a connected graph whose edges are fairly short: between nodes close to each other in the k-d tree."""
        order = self._boxes.order if self._planar else np.arange(self.travel.size)
        heads = np.empty((len(order), 4), dtype=np.int32)
        heads[order] = np.stack([np.roll(order, step) for step in (-2, -1, 1, 2)], axis=1)
        costs = np.asarray(self.travel.between(np.arange(len(order))[:, None], heads), dtype=np.float64)
        return SparseGraph(np.arange(0, heads.size + 1, 4), heads.ravel(), costs.ravel())

    def _two_cheapest(self, node: int) -> tuple[float, float]:
        head, weight = self.cheapest(node, -1)
        return weight, self.cheapest(node, head)[1]

    def _use(self, potentials: Array) -> None:
        self._potentials = potentials
        if self._planar:
            self._boxes = self._boxes._replace(potentials=potentials)
            lower_potentials(self._boxes)

    def _lone(self) -> Boxes:
        """Return the boxes with each node as a component of its own."""
        self._boxes.tags[:] = -1
        return self._boxes._replace(component=self._own)

    def _join(self, known: SparseGraph, clock: Clock) -> Array | None:
        size = self.travel.size
        boxes = self._boxes
        boxes.component[:] = np.arange(size)
        exits = Exits(
            target=np.full(size, -1),
            weight=np.full(size, -np.inf),
            best=np.empty(size),
            tail=np.zeros(size, dtype=np.int64),
            head=np.zeros(size, dtype=np.int64),
        )
        edges, count = np.empty((size - 1, 2), dtype=np.int64), 0
        level = max(0, self._levels - 2)
        while count < size - 1:
            tag_components(boxes)
            offer_known(known, boxes, exits)
            for begin in range(2**level - 1, 2 ** (level + 1) - 1, 500):
                if clock.stops():
                    return None
                look_out(boxes, exits, begin, min(2 ** (level + 1) - 1, begin + 500))
            count = join_components(boxes.component, exits, edges, count)
        return edges

    def _grow(self, clock: Clock) -> Array | None:
        size = self.travel.size
        key, parent = np.full(size, np.inf), np.full(size, -1)
        done = np.zeros(size, dtype=np.bool_)
        done[0] = True
        node = 0
        while node >= 0:
            if clock.stops():
                return None
            steps = max(1, CHUNK // size)
            node = grow_tree(self.travel.arrays, self._potentials, key, parent, done, node, steps)
        return np.stack([parent[1:], np.arange(1, size)], axis=1)
