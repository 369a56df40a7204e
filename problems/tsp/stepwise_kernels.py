"""Compiled steps of the TSP's decision process: nearest remaining nodes, features, moves and labels.

A batch is held in flat arrays. Row b of ``remaining`` lists its open nodes in any order, ``left[b]`` of them;
``place`` is the inverse, -1 for a node that is done. Nodes are numbered within their instance; those of instance i
stand at ``offsets[i]`` in ``points``.
"""

from __future__ import annotations

import math

import numpy as np

from redwood.kernels import RandomState, kernel, random_below, random_float
from redwood.problems.routing.travel import Array

FEATURES = 13
MARKS = 2
NEAR = 3
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
def begin_rows(
    rows: Array,
    offsets: Array,
    starts: Array,
    current: Array,
    destination: Array,
    remaining: Array,
    place: Array,
    left: Array,
) -> None:
    """Open every node but the start of each row."""
    for b in range(len(rows)):
        size = offsets[rows[b] + 1] - offsets[rows[b]]
        start = starts[b]
        current[b] = start
        destination[b] = start
        count = 0
        for node in range(size):
            if node != start:
                remaining[b, count] = node
                place[b, node] = count
                count += 1
        place[b, start] = -1
        left[b] = count


@kernel
def close_rows(sizes: Array, destination: Array, remaining: Array, place: Array, left: Array) -> None:
    """Make the last node of each whole instance its destination instead of an open node."""
    for b in range(len(sizes)):
        if sizes[b] < 2:
            continue
        goal = sizes[b] - 1
        hole = place[b, goal]
        last = remaining[b, left[b] - 1]
        remaining[b, hole] = last
        place[b, last] = hole
        place[b, goal] = -1
        left[b] -= 1
        destination[b] = goal


@kernel
def sample_rows(
    rows: Array,
    offsets: Array,
    tours: Array,
    current: Array,
    destination: Array,
    remaining: Array,
    place: Array,
    left: Array,
    plan: Array,
    turn: Array,
    state: RandomState,
) -> None:
    """Open a random arc of the labelled tour of each row; ``plan`` gets its nodes in order.

    The arc is led by the current node and followed by the destination, as a rollout along the label would leave it.
    """
    for b in range(len(rows)):
        offset = offsets[rows[b]]
        size = offsets[rows[b] + 1] - offset
        start = random_below(state, size)
        step = 1 if random_float(state) < 0.5 else size - 1
        length = 1 + random_below(state, size - 1)
        draw_turn(turn[b], state)
        for node in range(size):
            place[b, node] = -1
        position = start
        current[b] = tours[offset + position]
        for k in range(length):
            position = (position + step) % size
            node = tours[offset + position]
            remaining[b, k] = node
            place[b, node] = k
            plan[b, k] = node
        destination[b] = tours[offset + (position + step) % size]
        left[b] = length


@kernel
def act_rows(nodes: Array, current: Array, remaining: Array, place: Array, left: Array, order: Array, steps: Array) -> None:
    """Visit ``nodes[b]`` in each row that is not finished."""
    for b in range(len(nodes)):
        if left[b] == 0:
            continue
        node = nodes[b]
        hole = place[b, node]
        last = remaining[b, left[b] - 1]
        remaining[b, hole] = last
        place[b, last] = hole
        place[b, node] = -1
        left[b] -= 1
        current[b] = node
        order[b, steps[b]] = node
        steps[b] += 1


@kernel
def _sift(keys: Array, items: Array, count: int) -> None:
    """Restore the heap (largest first) of ``count`` keys whose root was replaced."""
    root = 0
    key = keys[0]
    item = items[0]
    while True:
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
def _sort(keys: Array, items: Array, count: int) -> None:
    """Sort a heap (largest first) into ascending order, ties by item."""
    for end in range(count - 1, 0, -1):
        key = keys[0]
        item = items[0]
        keys[0] = keys[end]
        items[0] = items[end]
        keys[end] = key
        items[end] = item
        _sift(keys, items, end)


@kernel
def nearest_remaining(points: Array, offset: int, node: int, open_nodes: Array, pool: Array, keys: Array) -> int:
    """Write the nearest of ``open_nodes`` to ``pool``, nearest first, and their squared distances; return how many."""
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
            _sift(keys, pool, count)
    _sort(keys, pool, count)
    return count


@kernel
def listed_remaining(
    points: Array, offset: int, node: int, lists: Array, place: Array, left: int, pool: Array, keys: Array
) -> int:
    """As `nearest_remaining`, from the static list of the node's neighbours; returns -1 where the list is used up."""
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
def window_rows(
    points: Array,
    offsets: Array,
    lists: Array,
    rows: Array,
    current: Array,
    destination: Array,
    remaining: Array,
    place: Array,
    left: Array,
    turn: Array,
    size: int,
    features: Array,
    nodes: Array,
) -> None:
    """Fill ``features`` [B, M + size, F] and ``nodes`` [B, M + size] (-1 where there is no token) for each row."""
    pool = np.empty(2 * size, dtype=np.int32)
    keys = np.empty(2 * size, dtype=np.float64)
    tokens = MARKS + size
    xy = np.empty((MARKS + 2 * size, 2), dtype=np.float64)
    for b in range(len(rows)):
        offset = offsets[rows[b]]
        nodes[b, 0] = current[b]
        nodes[b, 1] = destination[b]
        nodes[b, MARKS:] = -1
        features[b] = 0.0
        count = -1
        if lists.shape[1] > 0:
            count = listed_remaining(points, offset, current[b], lists, place[b], left[b], pool, keys)
        if count < 0:
            count = nearest_remaining(points, offset, current[b], remaining[b, : left[b]], pool, keys)
        shown = min(count, size)
        nodes[b, MARKS : MARKS + shown] = pool[:shown]
        origin = offset + current[b]
        reach = math.sqrt(keys[shown - 1]) if shown > 0 else 0.0
        if reach <= 0.0:
            goal = offset + destination[b]
            reach = math.hypot(points[goal, 0] - points[origin, 0], points[goal, 1] - points[origin, 1])
        scale = math.sqrt(shown / UNIT) / reach if reach > 0.0 and shown > 0 else 1.0
        for k in range(MARKS + count):
            node = nodes[b, k] if k < MARKS else pool[k - MARKS]
            dx = (points[offset + node, 0] - points[origin, 0]) * scale
            dy = (points[offset + node, 1] - points[origin, 1]) * scale
            xy[k, 0] = turn[b, 0, 0] * dx + turn[b, 0, 1] * dy
            xy[k, 1] = turn[b, 1, 0] * dx + turn[b, 1, 1] * dy
        _describe(xy[: MARKS + count], min(tokens, MARKS + shown), left[b], features[b])


@kernel
def _describe(xy: Array, tokens: int, left: int, features: Array) -> None:
    """Write the features of the tokens, the first of the scaled positions ``xy`` [tokens + others outside, 2].

    They are: position, distance from the current node and from the destination, how far the destination and how many
    nodes are outside (the same for all tokens), and the three nearest other nodes: logarithm of the distance of the
    third (or the last there is), and the vectors to them in units of that distance.
    """
    far = math.hypot(xy[1, 0], xy[1, 1])
    pull = (FAR + math.log(far / FAR)) / far if far > FAR else 1.0
    goal_x = xy[1, 0] * pull
    goal_y = xy[1, 1] * pull
    outside = math.log((left + 1.0) / (tokens - 1.0))
    near = np.empty(NEAR, dtype=np.float64)
    near_xy = np.empty((NEAR, 2), dtype=np.float64)
    for k in range(tokens):
        x = goal_x if k == 1 else xy[k, 0]
        y = goal_y if k == 1 else xy[k, 1]
        features[k, 0] = x
        features[k, 1] = y
        features[k, 2] = math.hypot(x, y)
        features[k, 3] = math.hypot(x - goal_x, y - goal_y)
        features[k, 4] = math.log1p(far)
        features[k, 5] = outside
        found = _nearest_three(xy, k, near, near_xy)
        if found == 0:
            continue
        reach = max(near[found - 1], 1e-6)
        features[k, 6] = math.log(reach)
        for j in range(found):
            features[k, 7 + 2 * j] = near_xy[j, 0] / reach
            features[k, 8 + 2 * j] = near_xy[j, 1] / reach


@kernel
def _nearest_three(xy: Array, k: int, near: Array, near_xy: Array) -> int:
    """Write the distances and vectors to the nearest other positions, the current node and a nearby destination left out."""
    found = 0
    near[:] = math.inf
    for j in range(MARKS, len(xy)):
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
def target_rows(nodes: Array, plan: Array, left: Array, place: Array, choice: Array, neighbours: Array) -> None:
    """Write the token to visit next, and the tokens before and after each token on the labelled path, -1 if not there.

    ``place`` [B, N] is where each open node stands in ``plan`` [B, N], the label's order.
    """
    tokens = nodes.shape[1]
    for b in range(len(nodes)):
        where = np.full(left[b] + 2, -1, dtype=np.int32)  # token of the current node, of each planned one, of the goal
        where[0] = 0
        where[left[b] + 1] = 1
        for k in range(MARKS, tokens):
            if nodes[b, k] >= 0:
                where[1 + place[b, nodes[b, k]]] = k
        neighbours[b] = -1
        choice[b] = where[1]
        for i in range(left[b] + 2):
            if where[i] < 0:
                continue
            if i > 0:
                neighbours[b, where[i], 0] = where[i - 1]
            if i <= left[b]:
                neighbours[b, where[i], 1] = where[i + 1]
