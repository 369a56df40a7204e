"""Orienteering as a cycle through a root: what the linear models and bounds are built on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from redwood.arrays import Array
from redwood.problems.orienteering.instance import OrienteeringInstance, Tour
from redwood.problems.routing.travel import Metric

CLOSED_UP_TO = 500
"""Up to this many nodes, distances that may break the triangle inequality are closed by shortest paths."""


LEAST, MOST, ORDINARY = 1e-2, 1e7, 1e3
"""Budgets that are kept as they are, and what the others are measured to."""


@dataclass(frozen=True)
class Network:
    """The nodes that a path can reach, and the edges that it can use.

    Inner nodes are numbered 0 to M - 1. The path begins at M and ends at M + 1; in a closed tour both are M, and M + 1
    has no edges.

    Attributes
    ----------
    nodes
        Node number of each inner node in the instance, [M].
    unit
        What lengths are measured in here: 1, or a power of two where the budget is far from 1, since solvers of linear
        programs take lengths of 1e15 for infinite and lengths of 1e-9 for none.
    lengths
        Lengths [M + 2, M + 2], in units.
    allowed
        Which edges i < j a path within the budget can use, [M + 2, M + 2].
    prizes
        Prizes [M] of the inner nodes.
    constant
        Prizes of start and end, which every path earns.
    """

    instance: OrienteeringInstance
    nodes: Array
    lengths: Array
    allowed: Array
    prizes: Array
    constant: float
    unit: float = 1.0

    @property
    def size(self) -> int:
        """Number of inner nodes M."""
        return len(self.nodes)

    @property
    def limit(self) -> float:
        """The longest length allowed, in units."""
        return self.instance.limit / self.unit

    @property
    def direct(self) -> float:
        """Length of the path without inner nodes, in units; where it is too long, so much too long at most."""
        if self.instance.closed:
            return 0.0
        return min(float(self.lengths[self.size, self.size + 1]), self.limit + max(self.limit, 1.0))

    @cached_property
    def single(self) -> int:
        """The inner node of highest prize that a closed tour can visit alone (its edge used twice), -1 for none."""
        if not self.instance.closed or not self.size:
            return -1
        alone = 2.0 * self.lengths[: self.size, self.size] <= self.limit
        return int(np.where(alone, self.prizes, -1.0).argmax()) if alone.any() else -1

    @cached_property
    def step(self) -> float:
        """The greatest common divisor of the prizes where all are whole, else 0."""
        if not np.array_equal(self.prizes, np.rint(self.prizes)) or self.prizes.max(initial=0.0) > 2**50:
            return 0.0
        return float(np.gcd.reduce(self.prizes.astype(np.int64))) if self.size else 0.0

    def tour(self, tails: Array, heads: Array) -> Tour:
        """Return the path from the start along the edges given (a single edge to the root: there and back)."""
        links: dict[int, list[int]] = {}
        for tail, head in zip(tails.tolist(), heads.tolist(), strict=True):
            links.setdefault(tail, []).append(head)
            links.setdefault(head, []).append(tail)
        inner: list[int] = []
        node = links.get(self.size, [-1])[0]
        previous = self.size
        while 0 <= node < self.size and len(inner) < self.size:
            inner.append(node)
            following = list(links[node])
            following.remove(previous)
            previous, node = node, following[0] if following else -1
        return Tour(
            np.concatenate([[self.instance.start], self.nodes[np.array(inner, dtype=np.int64)], [self.instance.end]])
        )


def make_network(instance: OrienteeringInstance) -> Network:
    """Return the network of an instance, without the nodes and edges that are too far away."""
    travel, start, end = instance.travel, instance.start, instance.end
    others = np.setdiff1d(np.arange(travel.size), [start, end])
    order = np.concatenate([others, [start, end]])
    unit = _unit(instance.limit)
    limit = instance.limit / unit
    lengths = travel.between(order[:, None], order[None, :]).astype(np.float64) / unit
    np.fill_diagonal(lengths, 0.0)
    shortest = _shortest(lengths, travel.metric)
    first, last = shortest[len(others)], shortest[len(others) + 1]
    reach = first[: len(others)] + last[: len(others)] <= limit
    kept = np.concatenate([np.flatnonzero(reach), [len(others), len(others) + 1]])
    lengths, first, last = lengths[np.ix_(kept, kept)], first[kept], last[kept]
    way = np.minimum(first[:, None] + last[None, :], last[:, None] + first[None, :])
    allowed = np.triu(way + lengths <= limit, 1)
    size = int(reach.sum())
    allowed[size, size + 1] = False
    if instance.closed:
        allowed[:, size + 1] = False
    constant = float(instance.prizes[np.unique([start, end])].sum())
    nodes = others[reach]
    return Network(instance, nodes, lengths, allowed, instance.prizes[nodes].astype(np.float64), constant, unit)


def _unit(limit: float) -> float:
    """Return 1 for budgets of an ordinary magnitude, else the power of two of which the budget is about `ORDINARY` many."""
    if limit == 0.0 or LEAST <= limit <= MOST:
        return 1.0
    return float(2.0 ** round(math.log2(limit / ORDINARY)))


def _shortest(lengths: Array, metric: Metric) -> Array:
    """Return lower bounds on the lengths of ways between nodes: the distances where the triangle inequality holds."""
    if metric in (Metric.EXACT, Metric.CEIL_2D):
        return lengths
    if len(lengths) > CLOSED_UP_TO:
        return np.zeros_like(lengths)
    closed = lengths.copy()
    for via in range(len(closed)):
        np.minimum(closed, closed[:, via, None] + closed[None, via, :], out=closed)
    return closed
