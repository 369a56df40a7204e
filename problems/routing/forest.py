"""Disjoint sets as a forest: each node points towards the representative of its set."""

from __future__ import annotations

from redwood.arrays import Array
from redwood.kernels import kernel


@kernel(_nrt=False)
def root(link: Array, node: int) -> int:
    """Return the representative of a node's set, halving the way to it."""
    while link[node] != node:  # a forest: no node is met twice
        link[node] = link[link[node]]
        node = link[node]
    return int(node)
