"""Compiled steps of the TSP's decision process: nearest remaining nodes, features, moves and labels.

A batch is held in flat arrays. Row b of ``remaining`` lists its open nodes in any order, ``left[b]`` of them;
``place`` is the inverse, -1 for a node that is done. Nodes are numbered within their instance; those of instance i
stand at ``offsets[i]`` in ``points``.
"""

from __future__ import annotations

import math

import numpy as np

from redwood.kernels import RandomState, kernel, random_below, random_float
from redwood.problems.routing.stepwise_kernels import (
    NEAR,
    SURROUNDINGS,
    describe_surroundings,
    draw_turn,
    listed_remaining,
    nearest_remaining,
    pull,
    remove,
    window_scale,
)
from redwood.problems.routing.travel import Array

FEATURES = 6 + SURROUNDINGS
MARKS = 2


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
        remove(goal, remaining[b], place[b], left[b])
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
        remove(node, remaining[b], place[b], left[b])
        left[b] -= 1
        current[b] = node
        order[b, steps[b]] = node
        steps[b] += 1


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
        scale = window_scale(points, origin, offset + destination[b], keys, shown)
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
    nodes are outside (the same for all tokens), and the surroundings among the nodes other than the marked ones.
    """
    far = math.hypot(xy[1, 0], xy[1, 1])
    goal_x = xy[1, 0] * pull(far)
    goal_y = xy[1, 1] * pull(far)
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
        describe_surroundings(xy, MARKS, k, near, near_xy, features[k, 6:])


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
