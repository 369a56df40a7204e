"""Kernels of the dynamic programme over subsets of nodes (Held and Karp)."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel


@kernel
def extend_paths(travel: Array, lengths: Array, begin: int, end: int) -> None:
    """Fill ``lengths`` [2^(N - 1), N - 1] for the subsets numbered ``begin`` to ``end - 1``; smaller ones are filled.

    Bit j of a subset stands for node j + 1. Entry (S, j) is the length of the shortest path that starts at node 0, visits
    the nodes of S once each, and ends at node j + 1 of S; infinite where node j + 1 is not in S.

    Parameters
    ----------
    travel
        Distances [N, N].
    lengths
        Room [2^(N - 1), N - 1], of which the rows of smaller numbers are filled.
    begin, end
        The first subset to fill in, and the first one not to.
    """
    size = lengths.shape[1]
    for subset in range(begin, end):
        for last in range(size):
            if not (subset >> last) & 1:
                lengths[subset, last] = np.inf
                continue
            rest = subset ^ (1 << last)
            if rest == 0:
                lengths[subset, last] = travel[0, last + 1]
                continue
            best = np.inf
            for before in range(size):
                best = min(best, lengths[rest, before] + travel[before + 1, last + 1])
            lengths[subset, last] = best


@kernel
def trace_tour(travel: Array, lengths: Array) -> Array:
    """Return the nodes [N] of the shortest tour, from node 0 on, read off backwards from the filled ``lengths``."""
    size = lengths.shape[1]
    tour = np.zeros(size + 1, dtype=np.int64)
    subset = (1 << size) - 1
    follower = 0
    for place in range(size, 0, -1):
        chosen = 0
        best = np.inf
        for last in range(size):
            length = lengths[subset, last] + travel[last + 1, follower]
            if length < best:
                best = length
                chosen = last
        tour[place] = follower = chosen + 1
        subset ^= 1 << chosen
    return tour
