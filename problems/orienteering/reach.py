"""Which nodes no path within the budget can visit, with certainty: what proofs may leave out."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.problems.orienteering.instance import OrienteeringInstance, detours
from redwood.problems.orienteering.space import MATRIX_UP_TO
from redwood.problems.routing.travel import Travel, obeys_triangle_rule

ROUNDING = 1e-12
"""Share of the budget by which a detour must exceed it: sums of distances are rounded."""


def certainly_out_of_reach(instance: OrienteeringInstance) -> Array:
    """Return which nodes [N] are on no path within the budget, as far as that is certain.

    A node is out of reach where the shortest ways to it from the start and from it to the end are too long together. Where
    the triangle rule fails, these ways may lead through other nodes; with more than `MATRIX_UP_TO` nodes they are not looked
    for, and no node counts as out of reach.
    """
    travel = instance.travel
    if obeys_triangle_rule(travel.metric):
        shortest = detours(instance)
    elif travel.size > MATRIX_UP_TO:
        return np.zeros(travel.size, dtype=np.bool_)
    else:
        shortest = shortest_ways(travel, instance.start) + shortest_ways(travel, instance.end)
    return np.asarray(shortest > instance.limit * (1.0 + ROUNDING))


def shortest_ways(travel: Travel, source: int) -> Array:
    """Return the lengths [N] of the shortest ways from a node to all nodes, by Dijkstra's algorithm on all pairs."""
    nodes = np.arange(travel.size)
    lengths, open_nodes = np.full(travel.size, np.inf), np.ones(travel.size, dtype=np.bool_)
    lengths[source] = 0.0
    for _ in nodes:
        node = int(np.where(open_nodes, lengths, np.inf).argmin())
        open_nodes[node] = False
        legs = travel.between(np.array([node]), nodes)
        np.minimum(lengths, lengths[node] + legs, out=lengths, where=open_nodes)
    return lengths
