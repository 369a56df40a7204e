"""Compiled steps of the orienteering problem's decision process; rows are as in the routing kernels.

``budget[b]`` is the length left in row b. A node is *in reach* if the way there and on to the end fits into it; nodes that
are out of reach once stay so, because distances on the plane keep the triangle inequality.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_below
from redwood.problems.orienteering.prize_collecting_trees import OUT, describe_choice, relax_path_trees
from redwood.problems.orienteering.tree_paths import PATHS, collected, describe_paths
from redwood.problems.routing.distance import distance
from redwood.problems.routing.relaxation_kernels import EDGES, describe_pairs
from redwood.problems.routing.stepwise_kernels import (
    SURROUNDINGS,
    describe_places,
    draw_turn,
    nearest_remaining,
    remove,
    window_scale,
)
from redwood.problems.routing.travel import Distances
from redwood.problems.routing.windows import WindowArrays

MARKS = 2
VALUE = 11 + SURROUNDINGS
"""Where the features begin that the relaxation gives."""
TOLD = VALUE + OUT + MARKS * EDGES
"""Where the features begin that the paths give."""
FEATURES = TOLD + PATHS
CONTEXT = 3
"""How many nodes the relaxation is made of, in sizes of the window."""
AHEAD = 150
"""How many of the nearest nodes the paths of a look-ahead are made of."""
RICH = 0.25
"""Share of the window that is kept for the nodes of the highest prize."""


class Instances(NamedTuple):
    """All instances.

    Attributes
    ----------
    metrics, starts, ends
        How distances are rounded, and the first and last node of the path, [I].
    points, offsets
        Positions [all nodes, 2], and where the nodes of each instance begin, [I + 1].
    prizes
        Prizes [all nodes], not negative.
    """

    metrics: Array
    points: Array
    offsets: Array
    starts: Array
    ends: Array
    prizes: Array


class Rows(NamedTuple):
    """The arrays of `redwood.problems.orienteering.stepwise.PathBatch`."""

    rows: Array
    left: Array
    current: Array
    budget: Array
    remaining: Array
    place: Array
    order: Array
    steps: Array
    turn: Array
    planned: Array


@kernel
def distances_of(instances: Instances, row: int) -> Distances:
    """Return the distances of an instance."""
    points = instances.points[instances.offsets[row] :]
    return Distances(instances.metrics[row], points, points)


@kernel
def close_unreachable(instances: Instances, batch: Rows, b: int) -> None:
    """Close the open nodes of row ``b`` that are out of reach."""
    distances, end = distances_of(instances, batch.rows[b]), instances.ends[batch.rows[b]]
    k = 0
    while k < batch.left[b]:  # each round goes on or closes a node
        node = batch.remaining[b, k]
        way = distance(distances, batch.current[b], node) + distance(distances, node, end)
        if way <= batch.budget[b]:
            k += 1
        else:
            remove(node, batch.remaining[b], batch.place[b], batch.left[b])
            batch.left[b] -= 1


@kernel
def begin_rows(instances: Instances, batch: Rows) -> None:
    """Open every node in reach but the start and the end."""
    for b in range(len(batch.rows)):
        offset = instances.offsets[batch.rows[b]]
        end = instances.ends[batch.rows[b]]
        count = 0
        for node in range(instances.offsets[batch.rows[b] + 1] - offset):
            batch.place[b, node] = -1
            if node != batch.current[b] and node != end:
                batch.remaining[b, count] = node
                batch.place[b, node] = count
                count += 1
        batch.left[b] = count
        close_unreachable(instances, batch, b)


@kernel
def act_rows(instances: Instances, batch: Rows, nodes: Array) -> None:
    """Visit ``nodes[b]``, which is in reach, in each row that is not finished."""
    for b in range(len(nodes)):
        if batch.left[b] == 0:
            continue
        batch.budget[b] -= distance(distances_of(instances, batch.rows[b]), batch.current[b], nodes[b])
        remove(nodes[b], batch.remaining[b], batch.place[b], batch.left[b])
        batch.current[b] = nodes[b]
        batch.order[b, batch.steps[b]] = nodes[b]
        batch.steps[b] += 1
        batch.left[b] -= 1
        close_unreachable(instances, batch, b)


@kernel
def sample_rows(instances: Instances, paths: Array, path_starts: Array, batch: Rows, state: RandomState) -> None:
    """Follow the labelled path of each row for a random number of visits, and write what is left of it to its ``order``.

    A closed path is followed in either direction. Rows are as `begin_rows` leaves them.

    Parameters
    ----------
    instances
        All instances.
    paths, path_starts
        Labelled visits [all visits] between start and end, and where those of each instance begin, [I + 1].
    batch
        The rows; they become tails, and are turned at random.
    state
        The generator's state [2].
    """
    for b in range(len(batch.rows)):
        first = path_starts[batch.rows[b]]
        visits = path_starts[batch.rows[b] + 1] - first
        backward = instances.starts[batch.rows[b]] == instances.ends[batch.rows[b]] and random_below(state, 2) == 1
        draw_turn(batch.turn[b], state)
        done = random_below(state, visits) if visits > 0 else 0
        for k in range(visits):
            node = paths[first + visits - 1 - k] if backward else paths[first + k]
            if k >= done:
                batch.order[b, k - done] = node
                continue
            if batch.place[b, node] < 0:  # out of reach by rounding: what follows is no tail of a feasible path
                done = visits
                batch.left[b] = 0
                break
            batch.budget[b] -= distance(distances_of(instances, batch.rows[b]), batch.current[b], node)
            remove(node, batch.remaining[b], batch.place[b], batch.left[b])
            batch.current[b] = node
            batch.left[b] -= 1
            close_unreachable(instances, batch, b)
        batch.planned[b] = visits - done


@kernel
def window_rows(instances: Instances, batch: Rows, size: int, window: WindowArrays) -> None:
    """Fill the window with the current node, the end, the nearest nodes and those of the highest prizes.

    Parameters
    ----------
    instances
        All instances.
    batch
        The rows.
    size
        Tokens beside the two marked ones, T - 2.
    window
        Room.
    """
    pool = np.empty(CONTEXT * size, dtype=np.int32)
    keys = np.empty(CONTEXT * size, dtype=np.float64)
    seen = np.empty(MARKS + CONTEXT * size, dtype=np.int32)
    xy = np.empty((len(seen), 2), dtype=np.float64)
    value = np.empty(len(seen), dtype=np.float64)
    lengths = np.empty((len(seen), len(seen)), dtype=np.float32)
    share = np.empty(lengths.shape, dtype=np.float32)
    alpha = np.empty(lengths.shape, dtype=np.float32)
    out = np.empty((len(seen), 2), dtype=np.float32)
    best = np.empty(len(seen), dtype=np.int32)
    joined = np.empty(lengths.shape, dtype=np.float32)
    for b in range(len(batch.rows)):
        offset = instances.offsets[batch.rows[b]]
        end = instances.ends[batch.rows[b]]
        window.nodes[b, 0] = batch.current[b]
        window.nodes[b, 1] = end
        window.nodes[b, MARKS:] = -1
        window.features[b] = 0.0
        window.edges[b] = 0.0
        if batch.left[b] == 0:
            continue
        count = nearest_remaining(
            instances.points, offset, batch.current[b], batch.remaining[b, : batch.left[b]], pool, keys
        )
        shown = min(count, size - int(size * RICH)) if batch.left[b] > size else count
        window.nodes[b, MARKS : MARKS + shown] = pool[:shown]
        tokens = MARKS + shown
        if batch.left[b] > size:
            tokens = _add_richest(instances.prizes[offset:], batch.remaining[b, : batch.left[b]], window.nodes[b], tokens)
        seen[:tokens] = window.nodes[b, :tokens]
        total = tokens
        for i in range(shown, count):
            if not _holds(window.nodes[b, MARKS:tokens], pool[i]) and total < len(seen):
                seen[total] = pool[i]
                total += 1
        scale = window_scale(instances.points, offset + batch.current[b], offset + end, keys, shown)
        for k in range(total):
            dx = (instances.points[offset + seen[k], 0] - instances.points[offset + batch.current[b], 0]) * scale
            dy = (instances.points[offset + seen[k], 1] - instances.points[offset + batch.current[b], 1]) * scale
            xy[k, 0] = batch.turn[b, 0, 0] * dx + batch.turn[b, 0, 1] * dy
            xy[k, 1] = batch.turn[b, 1, 0] * dx + batch.turn[b, 1, 1] * dy
        describe_places(xy[:total], MARKS, tokens, 4, 11, window.features[b])
        _describe_value(instances, batch, b, window.nodes[b, :tokens], scale, window.features[b])
        for k in range(total):
            value[k] = instances.prizes[offset + seen[k]]
        around = xy[:total]
        room = max(batch.budget[b] * scale, 1e-9)
        rate, found = relax_path_trees(around, value[:total], room, lengths, share, alpha, out, best, joined)
        if rate > 0.0:
            describe_pairs(tokens, share, alpha, window.features[b, :, TOLD - EDGES * MARKS :], window.edges[b])
            describe_choice(tokens, rate, value, out, window.features[b, :, VALUE:])
            describe_paths(tokens, best[:found], joined, window.features[b, :, TOLD:], window.edges[b, :, :, EDGES:])


@kernel
def look_ahead_rows(instances: Instances, batch: Rows, nodes: Array, costs: Array) -> None:
    """Write minus the prize of each of some nodes with that of the best path which trees of what is left then are made into.

    Parameters
    ----------
    instances, batch
        As for `window_rows`; the rows stay as they are.
    nodes
        Nodes [B, K] that may be visited next, -1 for none.
    costs
        Room [B, K]. Gets minus the prizes, infinite where there is no node.
    """
    opened = np.empty(batch.remaining.shape[1], dtype=np.int32)
    pool = np.empty(AHEAD, dtype=np.int32)
    keys = np.empty(AHEAD, dtype=np.float64)
    costs[:] = math.inf
    for b in range(len(batch.rows)):
        offset, end = instances.offsets[batch.rows[b]], instances.ends[batch.rows[b]]
        distances, current = distances_of(instances, batch.rows[b]), batch.current[b]
        for k in range(nodes.shape[1]):
            node = nodes[b, k]
            if node < 0:
                continue
            budget = batch.budget[b] - distance(distances, current, node)
            count = 0
            for other in batch.remaining[b, : batch.left[b]]:
                if other != node and distance(distances, node, other) + distance(distances, other, end) <= budget:
                    opened[count] = other
                    count += 1
            prize = _best_path(instances, offset, node, end, budget, opened[:count], pool, keys)
            costs[b, k] = -instances.prizes[offset + node] - prize


@kernel
def _best_path(
    instances: Instances, offset: int, node: int, end: int, budget: float, opened: Array, pool: Array, keys: Array
) -> float:
    """Return the prize of the best path from a node to the end that trees of its surroundings give.

    Parameters
    ----------
    instances, offset
        All instances, and where the nodes of this one begin.
    node, end
        Between which the path runs.
    budget
        Length that the path may have.
    opened
        Nodes [n] in reach.
    pool, keys
        Room [k] for the nearest of them.
    """
    if len(opened) == 0:
        return 0.0
    count = nearest_remaining(instances.points, offset, node, opened, pool, keys)
    scale = window_scale(instances.points, offset + node, offset + end, keys, count)
    n = MARKS + count
    xy = np.empty((n, 2), dtype=np.float64)
    prizes = np.zeros(n, dtype=np.float64)
    xy[0] = 0.0
    xy[1] = (instances.points[offset + end] - instances.points[offset + node]) * scale
    for i in range(count):
        xy[MARKS + i] = (instances.points[offset + pool[i]] - instances.points[offset + node]) * scale
        prizes[MARKS + i] = instances.prizes[offset + pool[i]]
    lengths = np.empty((n, n), dtype=np.float32)
    share = np.empty((n, n), dtype=np.float32)
    alpha = np.empty((n, n), dtype=np.float32)
    joined = np.empty((n, n), dtype=np.float32)
    out = np.empty((n, 2), dtype=np.float32)
    best = np.empty(n, dtype=np.int32)
    _, found = relax_path_trees(xy, prizes, max(budget * scale, 1e-9), lengths, share, alpha, out, best, joined)
    if found == 0:  # all of them stand in one place
        return float(prizes.sum())
    return collected(prizes, best[:found])


@kernel
def _holds(nodes: Array, node: int) -> bool:
    found = False
    for k in range(len(nodes)):
        found = found or nodes[k] == node
    return found


@kernel
def _add_richest(prizes: Array, open_nodes: Array, nodes: Array, tokens: int) -> int:
    """Fill the window up with the open nodes of the highest prize that it does not hold; return the number of tokens."""
    while tokens < len(nodes):  # one more token each time
        best = -1
        for k in range(len(open_nodes)):
            node = open_nodes[k]
            if (best < 0 or prizes[node] > prizes[best]) and not _holds(nodes[MARKS:tokens], node):
                best = node
        if best < 0:
            break
        nodes[tokens] = best
        tokens += 1
    return tokens


@kernel
def _describe_value(instances: Instances, batch: Rows, b: int, nodes: Array, scale: float, features: Array) -> None:
    """Write prize by the mean prize of the window, share of the length left that the way there and on to the end takes,
    what would be left of it in window units; for all tokens the length left in those units, and how many nodes are outside.

    The tokens' ``nodes`` are the current one, the end, then nodes in reach; of ``features`` [T, F] columns 5 to 10 are
    written. ``scale`` is one over the window's unit of length.
    """
    distances, prizes = distances_of(instances, batch.rows[b]), instances.prizes[instances.offsets[batch.rows[b]] :]
    budget, left = batch.budget[b], batch.left[b]
    mean = 1e-12
    for k in range(MARKS, len(nodes)):
        mean += prizes[nodes[k]] / (len(nodes) - MARKS)
    room = max(budget, 1e-12)
    for k in range(len(nodes)):
        features[k, 8] = math.log1p(room * scale)
        features[k, 9] = math.log((left + 2.0) / len(nodes))
        if k < MARKS:
            continue
        way = distance(distances, nodes[0], nodes[k]) + distance(distances, nodes[k], nodes[1])
        features[k, 5] = min(prizes[nodes[k]] / mean, 8.0)
        features[k, 6] = way / room
        features[k, 7] = math.log1p(max(room - way, 0.0) * scale)
        features[k, 10] = math.log1p(prizes[nodes[k]] / mean)


@kernel
def target_rows(nodes: Array, plan: Array, planned: Array, choice: Array, neighbours: Array) -> None:
    """Write the token to visit next, and the tokens before and after each token on the labelled path, -1 if not there.

    Parameters
    ----------
    nodes
        Node of each token, [B, T], -1 where there is none.
    plan, planned
        Visits that the label has left, [B, N] in order, and how many they are, [B].
    choice
        Room [B]. Gets the token to visit next, -1 where it is outside of the window or nothing is left.
    neighbours
        Room [B, T, 2]. Gets the tokens before and after each token on the labelled path, -1 where outside or none.
    """
    for b in range(len(nodes)):
        neighbours[b] = -1
        choice[b] = -1
        previous = 0
        for i in range(planned[b] + 1):
            here = -1
            if i == planned[b]:
                here = 1
            else:
                for k in range(MARKS, nodes.shape[1]):
                    if nodes[b, k] == plan[b, i]:
                        here = k
            if i == 0 and planned[b] > 0:
                choice[b] = here
            if here >= 0:
                neighbours[b, here, 0] = previous
            if previous >= 0:
                neighbours[b, previous, 1] = here
            previous = here
