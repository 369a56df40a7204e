"""Where a TSP local search starts: node order along a space-filling curve, and the greedy-edge tour."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock, go_on
from redwood.kernels import kernel
from redwood.problems.routing.distance import distance
from redwood.problems.routing.travel import Distances, Metric, Travel

_BITS = 16


def curve_order(coords: Array) -> Array:
    """Return the nodes [N] in the order in which a Hilbert curve visits them."""
    low = coords.min(axis=0)
    extent = float((coords.max(axis=0) - low).max()) or 1.0
    cells = ((coords - low) * ((2**_BITS - 1) / extent)).astype(np.int64)
    keys = np.empty(len(coords), dtype=np.int64)
    _hilbert_keys(cells, keys)
    return np.argsort(keys, kind="stable")


def greedy_edge_tour(travel: Travel, neighbours: Array, lengths: Array, clock: Clock | None = None) -> Array:
    """Return the tour [N] that taking the shortest edges first builds.

    Candidates are the edges to ``neighbours`` [N, K], of ``lengths`` [N, K]; the fragments that they leave are joined
    in rounds, each of which looks at the nearest ends of other fragments. Time is O(N log N), memory O(N K).

    Parameters
    ----------
    travel
        Distances of the N nodes.
    neighbours, lengths
        Near nodes of each node, nearest first, and how far they are, [N, K] each.
    clock
        Ends the work with `OutOfTimeError` where it stops before.

    References
    ----------
    Bentley (1992), Fast Algorithms for Geometric Traveling Salesman Problems, doi:10.1287/ijoc.4.4.387.
    """
    size = travel.size
    links = np.full((size, 2), -1, dtype=np.int32)
    parents = np.arange(size, dtype=np.int32)
    nodes = np.arange(size, dtype=np.int32)
    count = 0
    while True:  # each round joins two fragments at least: the shortest edge between nearest ends of two is never refused
        count += _join_shortest(nodes, neighbours, lengths, links, parents)
        if count == size - 1:
            return _walk(links, np.empty(size, dtype=np.int32))
        go_on(clock, size)
        nodes = np.flatnonzero(links[:, 1] < 0).astype(np.int32)
        part = Travel(
            travel.metric,
            None if travel.metric is Metric.EXPLICIT or travel.coords is None else travel.coords[nodes],
            None if travel.matrix is None else travel.matrix[np.ix_(nodes, nodes)],
        )
        neighbours = part.nearest(8, clock)
        lengths = candidate_lengths(part, neighbours)


def candidate_lengths(travel: Travel, neighbours: Array) -> Array:
    """Return the distances [N, K] from each node to its ``neighbours`` [N, K]."""
    lengths = np.empty(neighbours.shape)
    _fill_lengths(travel.arrays, neighbours, lengths)
    return lengths


def _join_shortest(nodes: Array, neighbours: Array, lengths: Array, links: Array, parents: Array) -> int:
    """Link ends of different fragments, shortest edge first; ``neighbours`` count within ``nodes``. Returns how many."""
    rows, columns = np.nonzero(_counts_once(neighbours))
    costs = lengths[rows, columns]
    ranking = np.argsort(costs, kind="stable")
    tails = nodes[rows[ranking]]
    heads = nodes[neighbours[rows, columns][ranking]]
    return int(_link(tails, heads, links, parents))


@kernel(nogil=True)
def _fill_lengths(distances: Distances, neighbours: Array, lengths: Array) -> None:
    for i in range(neighbours.shape[0]):
        for k in range(neighbours.shape[1]):
            lengths[i, k] = distance(distances, i, neighbours[i, k])


@kernel(nogil=True)
def _counts_once(neighbours: Array) -> Array:
    """Return [N, K] which entries to keep, so that a mutual pair of neighbours counts once."""
    kept = np.ones(neighbours.shape, dtype=np.bool_)
    for i in range(neighbours.shape[0]):
        for k in range(neighbours.shape[1]):
            j = neighbours[i, k]
            if j < i:
                for back in neighbours[j]:
                    if back == i:
                        kept[i, k] = False
                        break
    return kept


@kernel(nogil=True)
def _link(tails: Array, heads: Array, links: Array, parents: Array) -> int:
    """Take edges in the given order where both ends are free and in different fragments; ``links`` is [N, 2]."""
    count = 0
    for edge in range(len(tails)):
        tail, head = tails[edge], heads[edge]
        if links[tail, 1] >= 0 or links[head, 1] >= 0:
            continue
        tail_root, head_root = _root(parents, tail), _root(parents, head)
        if tail_root == head_root:
            continue
        parents[tail_root] = head_root
        links[tail, 0 if links[tail, 0] < 0 else 1] = head
        links[head, 0 if links[head, 0] < 0 else 1] = tail
        count += 1
    return count


@kernel
def _root(parents: Array, node: int) -> int:
    while parents[node] != node:  # a forest: no node is met twice
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


@kernel(nogil=True)
def _walk(links: Array, tour: Array) -> Array:
    """Fill ``tour`` [N] with the path that ``links`` [N, 2] describe, from one of its two ends."""
    node = 0
    while links[node, 1] >= 0:  # a path has two nodes with one link
        node += 1
    previous = -1
    for place in range(len(tour)):
        tour[place] = node
        following = links[node, 0] if links[node, 0] != previous else links[node, 1]
        previous, node = node, following
    return tour


@kernel(nogil=True)
def _hilbert_keys(cells: Array, keys: Array) -> None:
    for i in range(len(cells)):
        x, y = cells[i, 0], cells[i, 1]
        key = 0
        side = 1 << (_BITS - 1)
        while side > 0:  # halved each time
            right = 1 if x & side else 0
            upper = 1 if y & side else 0
            key += side * side * ((3 * right) ^ upper)
            if upper == 0:
                if right == 1:
                    x, y = side - 1 - (x & (side - 1)), side - 1 - (y & (side - 1))
                x, y = y, x
            x &= side - 1
            y &= side - 1
            side >>= 1
        keys[i] = key
