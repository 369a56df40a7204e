"""Minimum cuts of a fractional tour in Numba."""

from __future__ import annotations

import heapq

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel


@kernel
def light_cuts(starts: Array, heads: Array, values: Array, group: Array, limit: float, sides: Array) -> int:
    """Find cuts of a connected graph whose values add up to less than ``limit``; return how many.

    Stoer and Wagner's maximum-adjacency orders (1997, doi:10.1145/263867.263872), in which every cut of a phase below the
    limit is kept, not only the least. ``group`` [N] names the nodes that are never separated, by one of them; it is used
    up. Row k of ``sides`` [C, N] receives one side of cut k; no more than C are kept.

    Parameters
    ----------
    starts, heads, values
        A connected graph, each edge both ways: those of node i stand from ``starts[i]`` to ``starts[i + 1]``, with their
        other ends and their values.
    group
        For each node one of those it is never separated from, [N]; it is used up.
    limit
        The values of a cut that is kept add up to less.
    sides
        False [C, N]. Row k gets the nodes on one side of cut k.
    """
    size = len(group)
    following, last = np.full(size, -1), np.arange(size)
    for node in range(size):
        if group[node] != node:
            following[last[group[node]]] = node
            last[group[node]] = node
    left = 0
    for node in range(size):
        left += group[node] == node
    count = 0
    while left > 1 and count < len(sides):  # one group fewer each time
        before, final, value = _order_groups(starts, heads, values, group, following, left)
        if value < limit:
            node = final
            while node >= 0:  # along the list of a group
                sides[count, node] = True
                node = following[node]
            count += 1
        node = final
        while node >= 0:  # along the list of a group
            group[node] = before
            node = following[node]
        following[last[before]] = final
        last[before] = last[final]
        left -= 1
    return count


@kernel
def _order_groups(
    starts: Array, heads: Array, values: Array, group: Array, following: Array, left: int
) -> tuple[int, int, float]:
    """Add the group most tightly joined to those before, again and again; return the last two and what joins the last."""
    size = len(group)
    joined, done = np.zeros(size), np.zeros(size, dtype=np.bool_)
    before, final = -1, group[0]
    heap = [(0.0, np.int64(final))]
    count = 0
    while count < left and len(heap) > 0:  # what is pushed stems from an edge, once each
        key, node = heapq.heappop(heap)
        if done[node] or -key != joined[node]:
            continue
        done[node] = True
        count += 1
        before, final = final, node
        member = node
        while member >= 0:  # along the list of a group
            for entry in range(starts[member], starts[member + 1]):
                other = group[heads[entry]]
                if not done[other]:
                    joined[other] += values[entry]
                    heapq.heappush(heap, (-joined[other], other))
            member = following[member]
    return before, final, joined[final]
