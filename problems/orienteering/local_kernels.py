"""Compiled moves on a path with fixed ends: insertion, removal, 2-opt and Or-opt by neighbour lists.

A path is an array of L node numbers whose first and last entry never move; ``pos`` [N] holds each node's place, -1
where it is not visited. In a closed tour the first and the last entry are the same node, whose place is 0.
"""

from __future__ import annotations

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.problems.routing.distance import distance

_VISITED_TRIED = 8
_LONGEST_SEGMENT = 3
GAIN_SHARE = 1e-13
"""A move pays where it gains more than this share of the edges that it takes out: its gain rounds to less than 2e-15 of
them, so every move made shortens the path truly, and no sequence of moves can come back to a path."""
MOVES_A_NODE = 100
"""One descent makes so many moves for each node of the path at most; a few are usual."""


@kernel
def between(metric: int, points: Array, matrix: Array | None, i: int, j: int) -> float:
    """Return the distance by the matrix of a small instance, or without one (another compilation) by coordinates.

    Parameters
    ----------
    metric, points
        The convention and coordinates [N, 2] of `Travel.arrays`; not used with a matrix.
    matrix
        Distances [N, N], or ``None``.
    i, j
        Nodes.
    """
    if matrix is None:
        return distance(metric, points, points, i, j)
    length: float = matrix[i, j]
    return length


@kernel
def place(path: Array, pos: Array, length: int) -> None:
    """Write the places of a path's nodes into ``pos``."""
    for at in range(length - 1, -1, -1):
        pos[path[at]] = at


@kernel
def measure(metric: int, points: Array, matrix: Array | None, path: Array, count: int) -> float:
    """Return the length of a path.

    Parameters
    ----------
    metric, points, matrix
        Distances, as `between` takes them.
    path, count
        Nodes in order, in room for more, and how many count.
    """
    total = 0.0
    for at in range(count - 1):
        total += between(metric, points, matrix, path[at], path[at + 1])
    return total


@kernel
def insert(path: Array, pos: Array, count: int, at: int, node: int) -> int:
    """Put a node behind place ``at`` and return the new number of entries.

    Parameters
    ----------
    path, pos
        The path, in room for one more, and the place of each node, [N], -1 where not visited; both change.
    count
        Entries of the path, its ends included.
    at
        A place before the last one.
    node
        A node that is not visited.
    """
    for k in range(count, at + 1, -1):
        path[k] = path[k - 1]
    path[at + 1] = node
    for k in range(at + 1, count):
        pos[path[k]] = k
    if path[count] != path[0]:
        pos[path[count]] = count
    return count + 1


@kernel
def remove(path: Array, pos: Array, count: int, first: int, last: int) -> int:
    """Take out the places ``first`` to ``last`` and return the new number of entries.

    Parameters
    ----------
    path, pos
        The path, and the place of each node, [N], -1 where not visited; both change.
    count
        Entries of the path, its ends included.
    first, last
        Places between the ends.
    """
    for k in range(first, last + 1):
        pos[path[k]] = -1
    gone = last - first + 1
    for k in range(first, count - gone):
        path[k] = path[k + gone]
        pos[path[k]] = k
    pos[path[0]] = 0
    return count - gone


@kernel
def cheapest_place(
    metric: int, points: Array, matrix: Array | None, neighbours: Array, path: Array, pos: Array, count: int, node: int
) -> tuple[float, int]:
    """Return the least lengthening by an insertion beside a visited neighbour, and the place to insert behind (-1: none).

    Parameters
    ----------
    metric, points, matrix
        Distances, as `between` takes them.
    neighbours
        Neighbours [N, K] of each node, nearest first; of the visited ones the nearest few are tried.
    path, pos
        The path, and the place of each node, [N], -1 where not visited.
    count
        Entries of the path, its ends included.
    node
        A node that is not visited.
    """
    best, where, tried = 1e300, -1, 0
    last = count - 1
    for k in range(neighbours.shape[1]):
        other = neighbours[node, k]
        at = pos[other]
        if at < 0:
            continue
        near = between(metric, points, matrix, other, node)
        if at < last:
            after = path[at + 1]
            added = near + between(metric, points, matrix, node, after) - between(metric, points, matrix, other, after)
            if added < best:
                best, where = added, at
        before_at = at - 1 if at > 0 else (last - 1 if path[last] == other else -1)
        if before_at >= 0:
            before = path[before_at]
            added = near + between(metric, points, matrix, before, node) - between(metric, points, matrix, before, other)
            if added < best:
                best, where = added, before_at
        tried += 1
        if tried == _VISITED_TRIED:
            break
    return best, where


@kernel
def reverse(path: Array, pos: Array, first: int, last: int) -> None:
    """Reverse the places ``first`` to ``last``, which must lie between the ends.

    Parameters
    ----------
    path, pos
        The path, and the place of each node, [N], -1 where not visited; both change.
    first, last
        Places between the ends; nothing changes where the first is not before the last.
    """
    while first < last:  # a place nearer from both sides each time
        path[first], path[last] = path[last], path[first]
        pos[path[first]] = first
        pos[path[last]] = last
        first += 1
        last -= 1


@kernel
def improve(
    metric: int,
    points: Array,
    matrix: Array | None,
    neighbours: Array,
    path: Array,
    pos: Array,
    count: int,
    stack: Array,
    waiting: int,
    queued: Array,
) -> float:
    """Shorten the path by 2-opt and Or-opt around the ``waiting`` nodes on the stack; return by how much.

    ``queued`` [N] marks the nodes on the stack. The neighbourhoods are those of Bentley (1992), doi:10.1287/ijoc.4.4.387.

    Parameters
    ----------
    metric, points, matrix
        Distances, as `between` takes them.
    neighbours
        Neighbours [N, K] of each node, nearest first.
    path, pos
        The path, and the place of each node, [N], -1 where not visited; both change.
    count
        Entries of the path, its ends included.
    stack, waiting
        Nodes to look at, in room [N], and how many they are.
    queued
        Which nodes are on the stack, [N]; none is at the end.
    """
    saved = 0.0
    moves = MOVES_A_NODE * count
    while waiting > 0:  # each round takes a node off the stack, and only a move puts nodes on it
        waiting -= 1
        node = stack[waiting]
        queued[node] = False
        if pos[node] < 0 or moves == 0:
            continue
        gain, ends = _two_opt(metric, points, matrix, neighbours, path, pos, count, node)
        if gain == 0.0:
            gain, ends = _or_opt(metric, points, matrix, neighbours, path, pos, count, node)
        if gain > 0.0:
            saved += gain
            moves -= 1
            for other in ends:
                if other >= 0 and not queued[other] and waiting < len(stack):
                    queued[other] = True
                    stack[waiting] = other
                    waiting += 1
    return saved


@kernel
def _two_opt(
    metric: int, points: Array, matrix: Array | None, neighbours: Array, path: Array, pos: Array, count: int, a: int
) -> tuple[float, tuple[int, int, int, int, int, int]]:
    """Make the first improving exchange of an edge at node ``a``; return its gain and the nodes touched.

    Parameters
    ----------
    metric, points, matrix
        Distances, as `between` takes them.
    neighbours
        Neighbours [N, K] of each node, nearest first.
    path, pos
        The path, and the place of each node, [N], -1 where not visited; both change where a move is made.
    count
        Entries of the path, its ends included.
    a
        A visited node.
    """
    last = count - 1
    for side in (1, -1):
        i = pos[a]
        if i == 0 and side == -1 and path[last] == a:
            i = last
        if not 0 <= i + side <= last:
            continue
        b = path[i + side]
        here = between(metric, points, matrix, a, b)
        for k in range(neighbours.shape[1]):
            c = neighbours[a, k]
            joined = between(metric, points, matrix, a, c)
            if joined >= here:
                break
            j = pos[c]
            if j == 0 and side == -1 and path[last] == c:
                j = last
            if j < 0 or not 0 <= j + side <= last:
                continue
            d = path[j + side]
            removed = here + between(metric, points, matrix, c, d)
            gain = removed - joined - between(metric, points, matrix, b, d)
            if gain > GAIN_SHARE * removed:
                low, high = (i, j) if i < j else (j, i)
                if side == 1:
                    reverse(path, pos, low + 1, high)
                else:
                    reverse(path, pos, low, high - 1)
                return gain, (a, b, c, d, -1, -1)
    return 0.0, (-1, -1, -1, -1, -1, -1)


@kernel
def _or_opt(
    metric: int, points: Array, matrix: Array | None, neighbours: Array, path: Array, pos: Array, count: int, a: int
) -> tuple[float, tuple[int, int, int, int, int, int]]:
    """Move a segment of up to three nodes that ends in ``a`` beside a neighbour of ``a``, turned as fits.

    Parameters
    ----------
    metric, points, matrix
        Distances, as `between` takes them.
    neighbours
        Neighbours [N, K] of each node, nearest first.
    path, pos
        The path, and the place of each node, [N], -1 where not visited; both change where a move is made.
    count
        Entries of the path, its ends included.
    a
        A visited node.
    """
    i = pos[a]
    for size in range(1, _LONGEST_SEGMENT + 1):
        for side in (1, -1):
            first, last = (i, i + size - 1) if side == 1 else (i - size + 1, i)
            if first < 1 or last > count - 2 or (size == 1 and side == -1):
                continue
            before, after, other = path[first - 1], path[last + 1], path[last if side == 1 else first]
            cut = between(metric, points, matrix, before, path[first]) + between(metric, points, matrix, path[last], after)
            freed = cut - between(metric, points, matrix, before, after)
            for k in range(neighbours.shape[1]):
                c = neighbours[a, k]
                joined = between(metric, points, matrix, a, c)
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
                    opened = between(metric, points, matrix, c, d)
                    gain = freed - joined - between(metric, points, matrix, other, d) + opened
                    if gain > GAIN_SHARE * (cut + opened):
                        # walking along the path, `a` comes first behind c if way is 1, last before c if way is -1
                        _move(path, pos, first, last, min(at, at + way), (way == 1) != (side == 1))
                        return gain, (before, after, a, other, c, d)
    return 0.0, (-1, -1, -1, -1, -1, -1)


@kernel
def _move(path: Array, pos: Array, first: int, last: int, behind: int, turned: bool) -> None:
    """Move the places ``first`` to ``last`` behind the place ``behind`` outside of them, reversed where ``turned``."""
    size = last - first + 1
    if behind > last:
        reverse(path, pos, first, last)
        reverse(path, pos, last + 1, behind)
        reverse(path, pos, first, behind)
        if turned:
            reverse(path, pos, behind - size + 1, behind)
    else:
        reverse(path, pos, first, last)
        reverse(path, pos, behind + 1, first - 1)
        reverse(path, pos, behind + 1, last)
        if turned:
            reverse(path, pos, behind + 1, behind + size)
