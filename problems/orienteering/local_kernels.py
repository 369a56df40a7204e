"""Compiled moves on a path with fixed ends: insertion, removal, 2-opt and Or-opt by neighbour lists.

A path is an array of L node numbers whose first and last entry never move: ``count`` entries of `Draft.path`. In a closed
tour the first and the last entry are the same node, whose place is 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.problems.routing.distance import distance
from redwood.problems.routing.travel import Distances

_VISITED_TRIED = 8
_LONGEST_SEGMENT = 3
GAIN_SHARE = 1e-13
"""A move pays where it gains more than this share of the edges that it takes out: its gain rounds to less than 2e-15 of
them, so every move made shortens the path truly, and no sequence of moves can come back to a path."""
ALL = 2**62
"""More nodes than anybody looks at in one call."""
MOVES_A_NODE = 100
"""One descent makes so many moves for each node of the path at most; a few are usual."""


class Ground(NamedTuple):
    """What does not change while a path does.

    Attributes
    ----------
    distances
        Distances of the N nodes; ``None`` for the matrix has kernels compiled apart.
    neighbours
        Neighbours [N, K] of each node, nearest first.
    prizes
        Prizes [N], 0 at the ends of the path.
    limit
        The longest that the path may be.
    """

    distances: Distances
    neighbours: Array
    prizes: Array
    limit: float


class Draft(NamedTuple):
    """A path that changes, and room for the work on it.

    Attributes
    ----------
    path
        The nodes of the path, in room [N + 2].
    pos
        The place of each node on it, [N], -1 where not visited.
    stack, queued
        Nodes to look at, in room [N], and which nodes are among them, [N].
    """

    path: Array
    pos: Array
    stack: Array
    queued: Array


def make_draft(size: int, nodes: Array) -> Draft:
    """Return a draft of a path through some of N nodes, with an empty stack."""
    path, pos = np.zeros(size + 2, np.int64), np.full(size, -1, np.int64)
    path[: len(nodes)] = nodes
    draft = Draft(path, pos, np.empty(size, np.int64), np.zeros(size, np.bool_))
    place(draft, len(nodes))
    return draft


@kernel(_nrt=False)
def between(ground: Ground, i: int, j: int) -> float:
    """Return the distance by the matrix of a small instance, or without one (another compilation) by coordinates."""
    return _between(ground.distances.metric, ground.distances.points, ground.distances.matrix, i, j)


@kernel(_nrt=False)
def _between(metric: int, points: Array, matrix: Array | None, i: int, j: int) -> float:
    if matrix is None:  # decided when this is compiled
        return distance(Distances(metric, points, points), i, j)
    length: float = matrix[i, j]
    return length


@kernel(_nrt=False)
def place(draft: Draft, count: int) -> None:
    """Write the places of a path's nodes into ``pos``."""
    for at in range(count - 1, -1, -1):
        draft.pos[draft.path[at]] = at


@kernel(_nrt=False)
def measure(ground: Ground, path: Array, count: int) -> float:
    """Return the length of a path: the first ``count`` of the nodes."""
    total = 0.0
    for at in range(count - 1):
        total += between(ground, path[at], path[at + 1])
    return total


@kernel(_nrt=False)
def insert(draft: Draft, count: int, at: int, node: int) -> int:
    """Put a node that is not visited behind place ``at`` and return the new number of entries.

    Parameters
    ----------
    draft, count
        The path, which changes, and its entries.
    at
        A place before the last one.
    node
        A node that is not visited.
    """
    path, pos = draft.path, draft.pos
    for k in range(count, at + 1, -1):
        path[k] = path[k - 1]
    path[at + 1] = node
    for k in range(at + 1, count):
        pos[path[k]] = k
    if path[count] != path[0]:
        pos[path[count]] = count
    return count + 1


@kernel(_nrt=False)
def remove(draft: Draft, count: int, first: int, last: int) -> int:
    """Take out the places ``first`` to ``last``, between the ends, and return the new number of entries.

    Parameters
    ----------
    draft, count
        The path, which changes, and its entries.
    first, last
        Places between the ends.
    """
    path, pos = draft.path, draft.pos
    for k in range(first, last + 1):
        pos[path[k]] = -1
    gone = last - first + 1
    for k in range(first, count - gone):
        path[k] = path[k + gone]
        pos[path[k]] = k
    pos[path[0]] = 0
    return count - gone


@kernel(_nrt=False)
def cheapest_place(ground: Ground, draft: Draft, count: int, node: int) -> tuple[float, int]:
    """Return the least lengthening by an insertion beside a visited neighbour, and the place to insert behind (-1: none).

    Parameters
    ----------
    ground
        The instance; of the visited neighbours the nearest few are tried.
    draft, count
        The path, and its entries.
    node
        A node that is not visited.
    """
    neighbours, path, pos = ground.neighbours, draft.path, draft.pos
    best, where, tried = 1e300, -1, 0
    last = count - 1
    for k in range(neighbours.shape[1]):
        other = neighbours[node, k]
        at = pos[other]
        if at < 0:
            continue
        near = between(ground, other, node)
        if at < last:
            after = path[at + 1]
            added = near + between(ground, node, after) - between(ground, other, after)
            if added < best:
                best, where = added, at
        before_at = at - 1 if at > 0 else (last - 1 if path[last] == other else -1)
        if before_at >= 0:
            before = path[before_at]
            added = near + between(ground, before, node) - between(ground, before, other)
            if added < best:
                best, where = added, before_at
        tried += 1
        if tried == _VISITED_TRIED:
            break
    return best, where


@kernel(_nrt=False)
def reverse(draft: Draft, first: int, last: int) -> None:
    """Reverse the places ``first`` to ``last`` between the ends; nothing changes where the first is not before the last."""
    path, pos = draft.path, draft.pos
    while first < last:  # a place nearer from both sides each time
        path[first], path[last] = path[last], path[first]
        pos[path[first]] = first
        pos[path[last]] = last
        first += 1
        last -= 1


@kernel(_nrt=False)
def improve(ground: Ground, draft: Draft, count: int, waiting: int, steps: int) -> tuple[float, int]:
    """Shorten the path by 2-opt and Or-opt around the ``waiting`` nodes on the stack, at most ``steps`` of them.

    Returns by how much, and how many nodes are left on the stack. The neighbourhoods are those of Bentley (1992),
    doi:10.1287/ijoc.4.4.387.

    Parameters
    ----------
    ground
        The instance.
    draft, count
        The path, which changes, and its entries.
    waiting
        Height of the stack.
    steps
        Nodes looked at, at most.
    """
    pos, stack, queued = draft.pos, draft.stack, draft.queued
    saved = 0.0
    moves = MOVES_A_NODE * count
    while waiting > 0 and steps > 0:  # each round takes a node off the stack, and only a move puts nodes on it
        waiting -= 1
        steps -= 1
        node = stack[waiting]
        queued[node] = False
        if pos[node] < 0 or moves == 0:
            continue
        gain, ends = _two_opt(ground, draft, count, node)
        if gain == 0.0:
            gain, ends = _or_opt(ground, draft, count, node)
        if gain > 0.0:
            saved += gain
            moves -= 1
            for other in ends:
                if other >= 0 and not queued[other] and waiting < len(stack):
                    queued[other] = True
                    stack[waiting] = other
                    waiting += 1
    return saved, waiting


@kernel(_nrt=False)
def _two_opt(ground: Ground, draft: Draft, count: int, a: int) -> tuple[float, tuple[int, int, int, int, int, int]]:
    """Make the first improving exchange of an edge at a visited node; return its gain and the nodes touched."""
    neighbours, path, pos = ground.neighbours, draft.path, draft.pos
    last = count - 1
    for side in (1, -1):
        i = pos[a]
        if i == 0 and side == -1 and path[last] == a:
            i = last
        if not 0 <= i + side <= last:
            continue
        b = path[i + side]
        here = between(ground, a, b)
        for k in range(neighbours.shape[1]):
            c = neighbours[a, k]
            joined = between(ground, a, c)
            if joined >= here:
                break
            j = pos[c]
            if j == 0 and side == -1 and path[last] == c:
                j = last
            if j < 0 or not 0 <= j + side <= last:
                continue
            d = path[j + side]
            removed = here + between(ground, c, d)
            gain = removed - joined - between(ground, b, d)
            if gain > GAIN_SHARE * removed:
                low, high = (i, j) if i < j else (j, i)
                if side == 1:
                    reverse(draft, low + 1, high)
                else:
                    reverse(draft, low, high - 1)
                return gain, (a, b, c, d, -1, -1)
    return 0.0, (-1, -1, -1, -1, -1, -1)


@kernel(_nrt=False)
def _or_opt(ground: Ground, draft: Draft, count: int, a: int) -> tuple[float, tuple[int, int, int, int, int, int]]:
    """Move a segment of up to three nodes that ends in ``a`` beside a neighbour of ``a``, turned as fits."""
    neighbours, path, pos = ground.neighbours, draft.path, draft.pos
    i = pos[a]
    for size in range(1, _LONGEST_SEGMENT + 1):
        for side in (1, -1):
            first, last = (i, i + size - 1) if side == 1 else (i - size + 1, i)
            if first < 1 or last > count - 2 or (size == 1 and side == -1):
                continue
            before, after, other = path[first - 1], path[last + 1], path[last if side == 1 else first]
            cut = between(ground, before, path[first]) + between(ground, path[last], after)
            freed = cut - between(ground, before, after)
            for k in range(neighbours.shape[1]):
                c = neighbours[a, k]
                joined = between(ground, a, c)
                if joined >= freed:
                    break
                j = pos[c]
                if j < 0 or first <= j <= last:
                    continue
                for way in (1, -1):
                    at = count - 1 if (j == 0 and way == -1 and path[count - 1] == c) else j
                    if not 0 <= at + way <= count - 1 or first <= at + way <= last:
                        continue
                    d = path[at + way]
                    opened = between(ground, c, d)
                    gain = freed - joined - between(ground, other, d) + opened
                    if gain > GAIN_SHARE * (cut + opened):
                        # walking along the path, `a` comes first behind c if way is 1, last before c if way is -1
                        _move(draft, first, last, min(at, at + way), (way == 1) != (side == 1))
                        return gain, (before, after, a, other, c, d)
    return 0.0, (-1, -1, -1, -1, -1, -1)


@kernel(_nrt=False)
def _move(draft: Draft, first: int, last: int, behind: int, turned: bool) -> None:
    """Move the places ``first`` to ``last`` behind the place ``behind`` outside of them, reversed where ``turned``."""
    size = last - first + 1
    if behind > last:
        reverse(draft, first, last)
        reverse(draft, last + 1, behind)
        reverse(draft, first, behind)
        if turned:
            reverse(draft, behind - size + 1, behind)
    else:
        reverse(draft, first, last)
        reverse(draft, behind + 1, first - 1)
        reverse(draft, behind + 1, last)
        if turned:
            reverse(draft, behind + 1, behind + size)
