"""Compiled windows of the TSP's decision process.

A batch is held in flat arrays. Row b of ``remaining`` lists its open nodes in any order, ``left[b]`` of them;
``place`` is the inverse, -1 for a node that is done. Nodes are numbered within their instance; those of instance i
stand at ``offsets[i]`` in ``points``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.problems.routing.relaxation_kernels import EDGES, Ascent, describe_pairs, relax_path
from redwood.problems.routing.stepwise_kernels import (
    NEAR,
    SURROUNDINGS,
    describe_surroundings,
    listed_remaining,
    nearest_remaining,
    pull,
    window_scale,
)
from redwood.problems.routing.stepwise_paths import MARKS
from redwood.problems.routing.windows import WindowArrays

CONTEXT, ENOUGH, RIM = 3, 96, 1.5
"""How many nodes the relaxation is made of: ``CONTEXT`` windows up to ``ENOUGH`` nodes, then ``RIM`` windows. Without some
outside, the rim of the window would be wrong."""
ASCENT = Ascent(steps=300, first_step=0.7, decay=0.987, averaging=0.05)
"""Enough trees for the potentials to settle; with 30 the gap of the policy doubles,
with 100 it is a quarter larger at 1,000 nodes."""
AHEAD = 144
"""How many of the nearest nodes the bound of a look-ahead is made of."""
FEATURES = 6 + SURROUNDINGS + MARKS * EDGES


class Rows(NamedTuple):
    """Arrays of `redwood.problems.routing.stepwise_paths.Paths`."""

    rows: Array
    left: Array
    current: Array
    destination: Array
    remaining: Array
    place: Array
    turn: Array


@kernel
def window_rows(points: Array, offsets: Array, lists: Array, batch: Rows, size: int, window: WindowArrays) -> None:
    """Fill the window with the current node, the destination, and up to ``size`` nearest nodes, nearest first.

    Parameters
    ----------
    points, offsets
        Positions [all nodes, 2] of all instances, and where those of each begin, [I + 1].
    lists
        Neighbours [all nodes, K] of each node, nearest first, -1 where there are fewer; [0, 0] to search all open nodes
        instead.
    batch
        The open paths.
    size
        Tokens beside the two marked ones, T - 2.
    window
        Room.
    """
    context = min(CONTEXT * size, max(ENOUGH, int(RIM * size)))
    pool = np.empty(context, dtype=np.int32)
    keys = np.empty(context, dtype=np.float64)
    tokens = MARKS + size
    xy = np.empty((MARKS + context, 2), dtype=np.float64)
    lengths = np.empty((MARKS + context, MARKS + context), dtype=np.float32)
    share = np.empty((MARKS + context, MARKS + context), dtype=np.float32)
    alpha = np.empty((MARKS + context, MARKS + context), dtype=np.float32)
    wanted = np.full(MARKS + context, 2, dtype=np.int32)
    wanted[:MARKS] = 1
    for b in range(len(batch.rows)):
        offset = offsets[batch.rows[b]]
        window.nodes[b, 0] = batch.current[b]
        window.nodes[b, 1] = batch.destination[b]
        window.nodes[b, MARKS:] = -1
        window.features[b] = 0.0
        window.edges[b] = 0.0
        count = -1
        if lists.shape[1] > 0:
            count = listed_remaining(points, offset, batch.current[b], lists, batch.place[b], batch.left[b], pool, keys)
        if count < 0:
            count = nearest_remaining(points, offset, batch.current[b], batch.remaining[b, : batch.left[b]], pool, keys)
        shown = min(count, size)
        window.nodes[b, MARKS : MARKS + shown] = pool[:shown]
        origin = offset + batch.current[b]
        scale = window_scale(points, origin, offset + batch.destination[b], keys, shown)
        for k in range(MARKS + count):
            node = window.nodes[b, k] if k < MARKS else pool[k - MARKS]
            dx = (points[offset + node, 0] - points[origin, 0]) * scale
            dy = (points[offset + node, 1] - points[origin, 1]) * scale
            xy[k, 0] = batch.turn[b, 0, 0] * dx + batch.turn[b, 0, 1] * dy
            xy[k, 1] = batch.turn[b, 1, 0] * dx + batch.turn[b, 1, 1] * dy
        _describe(xy[: MARKS + count], min(tokens, MARKS + shown), batch.left[b], window.features[b])
        around = xy[: MARKS + count]
        unit, _ = relax_path(around, wanted, 0, False, ASCENT, lengths, share, alpha)
        if unit > 0.0:
            describe_pairs(MARKS + shown, share, alpha, window.features[b, :, FEATURES - EDGES * MARKS :], window.edges[b])


@kernel
def look_ahead_rows(points: Array, offsets: Array, lists: Array, batch: Rows, nodes: Array, costs: Array) -> None:
    """Write the length of a step to each of some nodes with a bound on the path from there through its surroundings.

    Parameters
    ----------
    points, offsets, lists, batch
        As for `window_rows`.
    nodes
        Nodes [B, K] that may be visited next, -1 for none.
    costs
        Room [B, K]. Gets the lengths, infinite where there is no node.
    """
    pool = np.empty(AHEAD, dtype=np.int32)
    keys = np.empty(AHEAD, dtype=np.float64)
    xy = np.empty((MARKS + AHEAD, 2), dtype=np.float64)
    lengths = np.empty((len(xy), len(xy)), dtype=np.float32)
    share = np.empty((len(xy), len(xy)), dtype=np.float32)
    alpha = np.empty((len(xy), len(xy)), dtype=np.float32)
    wanted = np.full(len(xy), 2, dtype=np.int32)
    wanted[:MARKS] = 1
    costs[:] = math.inf
    for b in range(len(batch.rows)):
        offset = offsets[batch.rows[b]]
        origin = offset + batch.current[b]
        count = -1
        if lists.shape[1] > 0:
            count = listed_remaining(points, offset, batch.current[b], lists, batch.place[b], batch.left[b], pool, keys)
        if count < 0:
            count = nearest_remaining(points, offset, batch.current[b], batch.remaining[b, : batch.left[b]], pool, keys)
        for k in range(nodes.shape[1]):
            if nodes[b, k] < 0:
                continue
            total = 2
            for node in pool[:count]:
                if node != nodes[b, k]:
                    xy[total] = points[offset + node] - points[origin]
                    total += 1
            xy[0] = points[offset + nodes[b, k]] - points[origin]
            xy[1] = points[offset + batch.destination[b]] - points[origin]
            _, bound = relax_path(xy[:total], wanted, 0, total == 2, ASCENT, lengths, share, alpha)
            costs[b, k] = math.hypot(xy[0, 0], xy[0, 1]) + bound
        if count > 0:
            costs[b] += costs[b].min() * (batch.left[b] / count - 1.0)  # the others cost as much, whatever comes next


@kernel
def _describe(xy: Array, tokens: int, left: int, features: Array) -> None:
    """Write the features of the tokens, the first of the scaled positions ``xy`` [tokens + others outside, 2].

    They are: position, distance from the current node and from the destination, how far the destination and how many
    nodes are outside (the same for all tokens), and the surroundings among the nodes other than the marked ones; then
    what `describe_pairs` writes.
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
        describe_surroundings(xy, MARKS, k, near, near_xy, features[k, 6 : 6 + SURROUNDINGS])
