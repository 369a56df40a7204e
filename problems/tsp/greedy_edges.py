"""The greedy-edge tour: the shortest edges first."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock, go_on
from redwood.kernels import kernel
from redwood.problems.routing.distance import distance
from redwood.problems.routing.forest import root
from redwood.problems.routing.travel import Distances, Travel


def greedy_edge_tour(
    travel: Travel, neighbours: Array, lengths: Array, clock: Clock | None = None, rng: np.random.Generator | None = None
) -> Array:
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
    rng
        Chooses among edges of the same length; without, the first one listed is taken.

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
        count += _join_shortest(nodes, neighbours, lengths, links, parents, rng)
        if count == size - 1:
            return _walk(links, np.empty(size, dtype=np.int32))
        go_on(clock, size)
        nodes = np.flatnonzero(links[:, 1] < 0).astype(np.int32)
        part = travel.part(nodes)
        neighbours = part.nearest(8, clock)
        lengths = candidate_lengths(part, neighbours)


def candidate_lengths(travel: Travel, neighbours: Array) -> Array:
    """Return the distances [N, K] from each node to its ``neighbours`` [N, K]."""
    lengths = np.empty(neighbours.shape)
    _fill_lengths(travel.arrays, neighbours, lengths)
    return lengths


def _join_shortest(
    nodes: Array, neighbours: Array, lengths: Array, links: Array, parents: Array, rng: np.random.Generator | None
) -> int:
    """Link ends of different fragments, shortest edge first; ``neighbours`` count within ``nodes``. Returns how many."""
    if rng is None:
        rows, columns = np.nonzero(_counts_once(neighbours))
        ranking = np.argsort(lengths[rows, columns], kind="stable")
    else:
        rows, columns = np.indices(neighbours.shape).reshape(2, -1)
        ranking = np.lexsort((rng.random(lengths.size), lengths.ravel()))
    heads = nodes[neighbours[rows, columns][ranking]]
    return int(_link(nodes[rows[ranking]], heads, links, parents))


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
        tail_root, head_root = root(parents, tail), root(parents, head)
        if tail_root == head_root:
            continue
        parents[tail_root] = head_root
        links[tail, 0 if links[tail, 0] < 0 else 1] = head
        links[head, 0 if links[head, 0] < 0 else 1] = tail
        count += 1
    return count


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
