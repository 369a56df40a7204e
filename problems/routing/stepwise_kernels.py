"""Compiled pieces of the decision processes on the plane: nearest remaining nodes, pictures, local geometry.

A batch is held in flat arrays. Row b of ``remaining`` lists its open nodes in any order, ``left[b]`` of them;
``place`` is the inverse, -1 for a node that is done. Nodes are numbered within their instance; those of instance i
stand at ``offsets[i]`` in ``points``.
"""

from __future__ import annotations

import math

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_float

NEAR = 3
"""How many nearest others describe the surroundings of a token."""
SURROUNDINGS = 1 + 2 * NEAR
"""Numbers that `describe_surroundings` writes."""
FAR = 2.0
"""Beyond this many window radii a position is pulled in logarithmically."""
UNIT = 32.0
"""Number of nodes for which the window's radius is the unit of length; the unit shrinks with their root, so that
the typical spacing of nodes is the same in small and large windows."""


@kernel
def draw_turn(turn: Array, state: RandomState) -> None:
    """Write a random rotation, mirrored or not, to ``turn`` [2, 2]."""
    angle = 2.0 * math.pi * random_float(state)
    sign = 1.0 if random_float(state) < 0.5 else -1.0
    turn[0, 0] = math.cos(angle)
    turn[0, 1] = -math.sin(angle) * sign
    turn[1, 0] = math.sin(angle)
    turn[1, 1] = math.cos(angle) * sign


@kernel
def draw_turns(turn: Array, state: RandomState) -> None:
    """Draw a rotation and mirror for each row of ``turn`` [B, 2, 2]."""
    for b in range(len(turn)):
        draw_turn(turn[b], state)


@kernel
def sift(keys: Array, items: Array, count: int) -> None:
    """Restore the heap (largest first) of ``count`` keys whose root was replaced."""
    root = 0
    key = keys[0]
    item = items[0]
    while True:  # down the heap
        child = 2 * root + 1
        if child >= count:
            break
        if child + 1 < count and keys[child + 1] > keys[child]:
            child += 1
        if keys[child] <= key:
            break
        keys[root] = keys[child]
        items[root] = items[child]
        root = child
    keys[root] = key
    items[root] = item


@kernel
def sort_heap(keys: Array, items: Array, count: int) -> None:
    """Sort a heap (largest first) into ascending order, ties by item."""
    for end in range(count - 1, 0, -1):
        key = keys[0]
        item = items[0]
        keys[0] = keys[end]
        items[0] = items[end]
        keys[end] = key
        items[end] = item
        sift(keys, items, end)


@kernel
def nearest_remaining(points: Array, offset: int, node: int, open_nodes: Array, pool: Array, keys: Array) -> int:
    """Write the nearest of ``open_nodes`` to ``pool``, nearest first, and their squared distances; return how many.

    Parameters
    ----------
    points, offset
        Positions [all nodes, 2] of all instances, and where those of this instance begin.
    node
        The node from which distances count, numbered within the instance.
    open_nodes
        Nodes [n] to choose from, in any order.
    pool, keys
        Room [k]. Get the nearest nodes, nearest first, and their squared distances; k says how many are wanted.
    """
    capacity = len(pool)
    x = points[offset + node, 0]
    y = points[offset + node, 1]
    count = min(capacity, len(open_nodes))
    for k in range(count):
        other = open_nodes[k]
        dx = points[offset + other, 0] - x
        dy = points[offset + other, 1] - y
        key = dx * dx + dy * dy
        k_up = k
        while k_up > 0 and keys[(k_up - 1) // 2] < key:
            keys[k_up] = keys[(k_up - 1) // 2]
            pool[k_up] = pool[(k_up - 1) // 2]
            k_up = (k_up - 1) // 2
        keys[k_up] = key
        pool[k_up] = other
    for k in range(count, len(open_nodes)):
        other = open_nodes[k]
        dx = points[offset + other, 0] - x
        dy = points[offset + other, 1] - y
        key = dx * dx + dy * dy
        if key < keys[0]:
            keys[0] = key
            pool[0] = other
            sift(keys, pool, count)
    sort_heap(keys, pool, count)
    return count


@kernel
def listed_remaining(
    points: Array, offset: int, node: int, lists: Array, place: Array, left: int, pool: Array, keys: Array
) -> int:
    """As `nearest_remaining`, from the static list of the node's neighbours; returns -1 where the list is used up.

    Parameters
    ----------
    points, offset
        Positions [all nodes, 2] of all instances, and where those of this instance begin.
    node
        The node from which distances count, numbered within the instance.
    lists
        Neighbours [all nodes, K] of each node, nearest first, numbered within the instance; -1 where there are fewer.
    place, left
        Where each node stands among the open ones, [N], -1 where closed; and how many are open.
    pool, keys
        Room [k]. Get the nearest open nodes, nearest first, and their squared distances; k says how many are wanted.
    """
    wanted = min(len(pool), left)
    count = 0
    x = points[offset + node, 0]
    y = points[offset + node, 1]
    for k in range(lists.shape[1]):
        other = lists[offset + node, k]
        if other < 0:
            return -1
        if place[other] >= 0:
            dx = points[offset + other, 0] - x
            dy = points[offset + other, 1] - y
            keys[count] = dx * dx + dy * dy
            pool[count] = other
            count += 1
            if count == wanted:
                return count
    return -1


@kernel
def remove(node: int, remaining: Array, place: Array, left: int) -> None:
    """Close one of ``left`` open nodes of a row.

    Parameters
    ----------
    node
        An open node.
    remaining, place
        Open nodes [N] of the row in any order, and where each stands among them, -1 where closed; both change.
    left
        How many nodes are open before this one is closed.
    """
    hole = place[node]
    last = remaining[left - 1]
    remaining[hole] = last
    place[last] = hole
    place[node] = -1


@kernel
def pull(distance: float) -> float:
    """Return the factor that pulls a position at a scaled distance in, 1 up to `FAR`."""
    return (FAR + math.log(distance / FAR)) / distance if distance > FAR else 1.0


@kernel
def window_scale(points: Array, origin: int, goal: int, keys: Array, shown: int) -> float:
    """Return one over the unit of length of a window whose ``shown`` nodes have squared distances ``keys``.

    Parameters
    ----------
    points
        Positions [all nodes, 2] of all instances.
    origin, goal
        Current node and destination, numbered among all; their distance is the unit where all nodes shown coincide.
    keys
        Squared distances [k] of the nodes from the current one, ascending.
    shown
        How many of them the window shows.
    """
    reach = math.sqrt(keys[shown - 1]) if shown > 0 else 0.0
    if reach <= 0.0:
        reach = math.hypot(points[goal, 0] - points[origin, 0], points[goal, 1] - points[origin, 1])
    return math.sqrt(shown / UNIT) / reach if reach > 0.0 and shown > 0 else 1.0


@kernel
def describe_surroundings(xy: Array, first: int, k: int, near: Array, near_xy: Array, features: Array) -> None:
    """Write logarithm of the distance to the third nearest other (or the last there is), and the vectors to the nearest
    three in units of that distance, to ``features`` [SURROUNDINGS].

    Parameters
    ----------
    xy
        Positions [n, 2] in window units.
    first
        From which position on others count; the marked tokens stand before it.
    k
        The position that is described.
    near, near_xy
        Room [NEAR] and [NEAR, 2] for the nearest others.
    features
        Room [SURROUNDINGS]. Unchanged where there are no others.
    """
    found = nearest_three(xy, first, k, near, near_xy)
    if found == 0:
        return
    reach = max(near[found - 1], 1e-6)
    features[0] = math.log(reach)
    for j in range(found):
        features[1 + 2 * j] = near_xy[j, 0] / reach
        features[2 + 2 * j] = near_xy[j, 1] / reach


@kernel
def nearest_three(xy: Array, first: int, k: int, near: Array, near_xy: Array) -> int:
    """Write the distances and vectors from position k to the nearest others from ``first`` on; return how many there are.

    Parameters
    ----------
    xy
        Positions [n, 2] in window units.
    first
        From which position on others count; the marked tokens stand before it.
    k
        The position that is described.
    near
        Room [NEAR]. Gets the distances, ascending; infinite where there are fewer others.
    near_xy
        Room [NEAR, 2]. Gets the vectors from position ``k`` to them.
    """
    found = 0
    near[:] = math.inf
    for j in range(first, len(xy)):
        if j == k:
            continue
        dx = xy[j, 0] - xy[k, 0]
        dy = xy[j, 1] - xy[k, 1]
        d = dx * dx + dy * dy
        if d >= near[NEAR - 1]:
            continue
        i = NEAR - 1
        while i > 0 and near[i - 1] > d:
            near[i] = near[i - 1]
            near_xy[i, 0] = near_xy[i - 1, 0]
            near_xy[i, 1] = near_xy[i - 1, 1]
            i -= 1
        near[i] = d
        near_xy[i, 0] = dx
        near_xy[i, 1] = dy
        found = min(found + 1, NEAR)
    for i in range(found):
        near[i] = math.sqrt(near[i])
    return found


@kernel
def describe_places(xy: Array, marks: int, tokens: int, far: int, around: int, features: Array) -> None:
    """Write position, distances from the current node and the destination, how far that is, and the surroundings.

    Parameters
    ----------
    xy
        Positions [n, 2] in window units: those of the tokens, then others.
    marks, tokens
        How many tokens are marked, the current node and the destination first, and how many there are.
    far, around
        The column of how far the destination is, and the first one of the surroundings.
    features
        Features [T, F]; columns 0 to 3 are written too.
    """
    near, near_xy = np.empty(NEAR, dtype=np.float64), np.empty((NEAR, 2), dtype=np.float64)
    for k in range(tokens):
        home = math.hypot(xy[k, 0] - xy[1, 0], xy[k, 1] - xy[1, 1])
        away = math.hypot(xy[k, 0], xy[k, 1])
        features[k, 0] = xy[k, 0] * pull(away)
        features[k, 1] = xy[k, 1] * pull(away)
        features[k, 2] = away * pull(away)
        features[k, 3] = home * pull(home)
        features[k, far] = math.log1p(math.hypot(xy[1, 0], xy[1, 1]))
        describe_surroundings(xy, marks, k, near, near_xy, features[k, around : around + SURROUNDINGS])
