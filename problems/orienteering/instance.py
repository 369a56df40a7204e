"""Instances and solutions of the orienteering problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.problem import Instance
from redwood.problems.routing.sequence import Tour as Tour
from redwood.problems.routing.travel import Travel, obeys_triangle_rule, path_length

TOLERANCE = 1e-9
"""By how much, relative to the budget, a length may exceed it: distances are not rounded, and sums of them are."""


@dataclass(frozen=True, eq=False, kw_only=True)
class OrienteeringInstance(Instance):
    """Nodes with prizes, a start and an end, and the length that a path between them may have.

    Attributes
    ----------
    travel
        Distances of the N nodes, symmetric.
    prizes
        What a visit of each node earns, [N], not negative, earned once. Those of the start and the end count as well.
    budget
        The longest length allowed, in the unit of the distances (``Tmax`` in the literature).
    start, end
        Nodes where the path begins and ends; equal for a closed tour.
    """

    problem: ClassVar[str] = "orienteering"
    travel: Travel
    prizes: Array
    budget: float
    start: int
    end: int

    @property
    def size(self) -> int:
        """Number of nodes that may be visited: all but the start and the end."""
        return self.travel.size - (1 if self.closed else 2)

    @property
    def closed(self) -> bool:
        """Whether the path is a closed tour."""
        return self.start == self.end

    @property
    def limit(self) -> float:
        """The budget with its tolerance: the longest length that the check lets pass."""
        return self.budget * (1.0 + TOLERANCE)


def path(instance: OrienteeringInstance, tour: Tour) -> Array:
    """Return the nodes of a tour with the return to the start of a closed one listed."""
    nodes = tour.tour
    if instance.closed and (len(nodes) == 1 or (len(nodes) and nodes[-1] != instance.end)):
        return np.append(nodes, instance.end)
    return nodes


def detours(instance: OrienteeringInstance) -> Array:
    """Return the length of start - node - end for every node, [N]."""
    nodes = np.arange(instance.travel.size)
    return instance.travel.between(np.array([instance.start]), nodes) + instance.travel.between(
        nodes, np.array([instance.end])
    )


def shortest_path(instance: OrienteeringInstance) -> Array:
    """Return the nodes of a shortest path: direct, or through others where the triangle rule fails.

    Of coordinates the direct way is taken where it keeps within the budget, shortest or not.
    """
    start, end, matrix = instance.start, instance.end, instance.travel.matrix
    direct = np.array([start, end])
    if start == end:
        return direct
    if matrix is None:
        kept = obeys_triangle_rule(instance.travel.metric) or path_length(instance.travel, direct) <= instance.limit
        return direct if kept else _shortest_way(instance.travel, start, end)
    lengths, previous = matrix[start].copy(), np.full(len(matrix), start)
    for _ in range(len(matrix)):
        through = lengths[:, None] + matrix
        shortest = through.min(axis=0)
        shorter = shortest < lengths
        if not shorter.any():
            break
        previous[shorter] = through.argmin(axis=0)[shorter]
        lengths[shorter] = shortest[shorter]
    return direct if previous[end] == start else _backwards(previous, start, end)


def _shortest_way(travel: Travel, start: int, end: int) -> Array:
    """Return the nodes of a shortest way by Dijkstra's algorithm on all pairs, up to the end."""
    nodes = np.arange(travel.size)
    lengths, previous = travel.between(np.array([start]), nodes).astype(np.float64), np.full(travel.size, start)
    is_open = nodes != start
    while True:
        node = int(np.where(is_open, lengths, np.inf).argmin())
        is_open[node] = False
        if node == end:
            return _backwards(previous, start, end)
        through = lengths[node] + travel.between(np.array([node]), nodes)
        shorter = is_open & (through < lengths)
        lengths[shorter], previous[shorter] = through[shorter], node


def _backwards(previous: Array, start: int, end: int) -> Array:
    nodes = [end]
    while nodes[-1] != start:
        nodes.append(int(previous[nodes[-1]]))
    return np.array(nodes[::-1])
