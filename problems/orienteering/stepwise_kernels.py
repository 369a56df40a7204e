"""Compiled steps of the orienteering problem's decision process; rows are as in the routing kernels.

``budget[b]`` is the length left in row b. A node is *in reach* if the way there and on to the end fits into it; nodes that
are out of reach once stay so, because distances on the plane keep the triangle inequality.
"""

from __future__ import annotations

import math

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_below
from redwood.problems.orienteering.prize_collecting_trees import OUT, describe_choice, relax_path_trees
from redwood.problems.orienteering.tree_paths import PATHS, describe_paths
from redwood.problems.routing.distance import distance
from redwood.problems.routing.relaxation_kernels import EDGES, describe_pairs
from redwood.problems.routing.stepwise_kernels import (
    NEAR,
    SURROUNDINGS,
    describe_surroundings,
    draw_turn,
    nearest_remaining,
    pull,
    remove,
    window_scale,
)

MARKS = 2
VALUE = 11 + SURROUNDINGS
"""Where the features begin that the relaxation gives."""
TOLD = VALUE + OUT + MARKS * EDGES
"""Where the features begin that the paths give."""
FEATURES = TOLD + PATHS
CONTEXT = 3
"""How many nodes the relaxation is made of, in sizes of the window."""
RICH = 0.25
"""Share of the window that is kept for the nodes of the highest prize."""


@kernel
def close_unreachable(
    metric: int,
    points: Array,
    offset: int,
    current: int,
    end: int,
    budget: float,
    remaining: Array,
    place: Array,
    left: int,
) -> int:
    """Close the open nodes that are out of reach; return how many are left.

    Parameters
    ----------
    metric, points
        How distances are rounded, and the positions [all nodes, 2] of all instances.
    offset
        Where the nodes of this instance begin in ``points``.
    current, end
        Nodes, counted within the instance, from which the path goes on and where it ends.
    budget
        Length left, in the unit of the distances.
    remaining, place
        Open nodes [N] of the row in any order, and where each stands among them, -1 where closed; both change.
    left
        How many entries of ``remaining`` count.
    """
    own = points[offset:]
    matrix = np.empty((0, 0))
    k = 0
    while k < left:  # each round goes on or closes a node
        node = remaining[k]
        way = distance(metric, own, matrix, current, node) + distance(metric, own, matrix, node, end)
        if way <= budget:
            k += 1
        else:
            remove(node, remaining, place, left)
            left -= 1
    return left


@kernel
def begin_rows(
    metrics: Array,
    points: Array,
    offsets: Array,
    ends: Array,
    rows: Array,
    current: Array,
    budget: Array,
    remaining: Array,
    place: Array,
    left: Array,
) -> None:
    """Open every node in reach but the start and the end.

    Parameters
    ----------
    metrics, ends
        How distances are rounded, and the last node of the path, of every instance, [I].
    points, offsets
        Positions [all nodes, 2] of all instances, and where those of each begin, [I + 1].
    rows
        Instance of each row, [B].
    current, budget
        Node [B] where the path stands, and the length left, [B].
    remaining, place
        Room [B, N]. Gets the nodes in reach in any order, and where each stands among them, -1 where it does not.
    left
        Room [B]. Gets how many nodes are in reach.
    """
    for b in range(len(rows)):
        offset = offsets[rows[b]]
        end = ends[rows[b]]
        count = 0
        for node in range(offsets[rows[b] + 1] - offset):
            place[b, node] = -1
            if node != current[b] and node != end:
                remaining[b, count] = node
                place[b, node] = count
                count += 1
        left[b] = close_unreachable(
            metrics[rows[b]], points, offset, current[b], end, budget[b], remaining[b], place[b], count
        )


@kernel
def act_rows(
    nodes: Array,
    metrics: Array,
    points: Array,
    offsets: Array,
    ends: Array,
    rows: Array,
    current: Array,
    budget: Array,
    remaining: Array,
    place: Array,
    left: Array,
    order: Array,
    steps: Array,
) -> None:
    """Visit ``nodes[b]`` in each row that is not finished.

    Parameters
    ----------
    nodes
        Node to visit, [B], in reach in every row that is not finished.
    metrics, ends
        How distances are rounded, and the last node of the path, of every instance, [I].
    points, offsets
        Positions [all nodes, 2] of all instances, and where those of each begin, [I + 1].
    rows
        Instance of each row, [B].
    current, budget
        Node [B] where the path stands, and the length left, [B]; both change.
    remaining, place, left
        Nodes in reach [B, N] in any order, where each stands among them (-1 for none), and how many there are, [B]; all
        change.
    order, steps
        Nodes visited so far, [B, N], and how many, [B]; both grow by the node.
    """
    matrix = np.empty((0, 0))
    for b in range(len(nodes)):
        if left[b] == 0:
            continue
        offset = offsets[rows[b]]
        budget[b] -= distance(metrics[rows[b]], points[offset:], matrix, current[b], nodes[b])
        remove(nodes[b], remaining[b], place[b], left[b])
        current[b] = nodes[b]
        order[b, steps[b]] = nodes[b]
        steps[b] += 1
        left[b] = close_unreachable(
            metrics[rows[b]],
            points,
            offset,
            current[b],
            ends[rows[b]],
            budget[b],
            remaining[b],
            place[b],
            left[b] - 1,
        )


@kernel
def sample_rows(
    metrics: Array,
    points: Array,
    offsets: Array,
    starts: Array,
    ends: Array,
    paths: Array,
    path_starts: Array,
    rows: Array,
    current: Array,
    budget: Array,
    remaining: Array,
    place: Array,
    left: Array,
    plan: Array,
    planned: Array,
    turn: Array,
    state: RandomState,
) -> None:
    """Follow the labelled path of each row for a random number of visits, and write what is left of it to ``plan``.

    A closed path is followed in either direction.

    Parameters
    ----------
    metrics, starts, ends
        How distances are rounded, and the first and last node of the path, of every instance, [I].
    points, offsets
        Positions [all nodes, 2] of all instances, and where those of each begin, [I + 1].
    paths, path_starts
        Labelled visits [all visits] between start and end, and where those of each instance begin, [I + 1].
    rows
        Instance of each row, [B].
    current, budget
        As `begin_rows` leaves them, [B]; they become those of the tail.
    remaining, place, left
        As `begin_rows` leaves them, [B, N] twice and [B]; they become those of the tail.
    plan, planned
        Room [B, N] and [B]. Gets the visits that the label has left, in order, and how many they are.
    turn
        Room [B, 2, 2]. Gets a random rotation and mirror of each row.
    state
        The generator's state [2].
    """
    matrix = np.empty((0, 0))
    for b in range(len(rows)):
        offset = offsets[rows[b]]
        first = path_starts[rows[b]]
        visits = path_starts[rows[b] + 1] - first
        backward = starts[rows[b]] == ends[rows[b]] and random_below(state, 2) == 1
        draw_turn(turn[b], state)
        done = random_below(state, visits) if visits > 0 else 0
        for k in range(visits):
            node = paths[first + visits - 1 - k] if backward else paths[first + k]
            if k >= done:
                plan[b, k - done] = node
                continue
            if place[b, node] < 0:  # out of reach by rounding: what follows is no tail of a feasible path
                done = visits
                left[b] = 0
                break
            budget[b] -= distance(metrics[rows[b]], points[offset:], matrix, current[b], node)
            remove(node, remaining[b], place[b], left[b])
            current[b] = node
            left[b] = close_unreachable(
                metrics[rows[b]],
                points,
                offset,
                node,
                ends[rows[b]],
                budget[b],
                remaining[b],
                place[b],
                left[b] - 1,
            )
        planned[b] = visits - done


@kernel
def window_rows(
    metrics: Array,
    points: Array,
    offsets: Array,
    ends: Array,
    prizes: Array,
    rows: Array,
    current: Array,
    budget: Array,
    remaining: Array,
    place: Array,
    left: Array,
    turn: Array,
    size: int,
    features: Array,
    edges: Array,
    nodes: Array,
) -> None:
    """Fill ``features`` [B, T, F], ``edges`` [B, T, T, E] and ``nodes`` [B, T]: the nearest nodes and the highest prizes.

    Parameters
    ----------
    metrics, ends
        How distances are rounded, and the last node of the path, of every instance, [I].
    points, offsets
        Positions [all nodes, 2] of all instances, and where those of each begin, [I + 1].
    prizes
        Prizes [all nodes], not negative.
    rows
        Instance of each row, [B].
    current, budget
        Node [B] where the path stands, and the length left, [B].
    remaining, place, left
        Nodes in reach [B, N] in any order, where each stands among them (-1 for none), and how many there are, [B].
    turn
        Rotation and mirror [B, 2, 2] in which each row is shown.
    size
        Tokens beside the two marked ones, T - 2.
    features, edges
        Room [B, T, F] and [B, T, T, E]. Gets the numbers that describe tokens and pairs, 0 where there is none.
    nodes
        Room [B, T]. Gets the node of each token: the current one, the end, the chosen ones, -1 where there is none.
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
    for b in range(len(rows)):
        offset = offsets[rows[b]]
        end = ends[rows[b]]
        nodes[b, 0] = current[b]
        nodes[b, 1] = end
        nodes[b, MARKS:] = -1
        features[b] = 0.0
        edges[b] = 0.0
        if left[b] == 0:
            continue
        count = nearest_remaining(points, offset, current[b], remaining[b, : left[b]], pool, keys)
        shown = min(count, size - int(size * RICH)) if left[b] > size else count
        nodes[b, MARKS : MARKS + shown] = pool[:shown]
        tokens = MARKS + shown
        if left[b] > size:
            tokens = _add_richest(prizes[offset:], remaining[b, : left[b]], nodes[b], tokens)
        seen[:tokens] = nodes[b, :tokens]
        total = tokens
        for i in range(shown, count):
            if not _holds(nodes[b, MARKS:tokens], pool[i]) and total < len(seen):
                seen[total] = pool[i]
                total += 1
        scale = window_scale(points, offset + current[b], offset + end, keys, shown)
        for k in range(total):
            dx = (points[offset + seen[k], 0] - points[offset + current[b], 0]) * scale
            dy = (points[offset + seen[k], 1] - points[offset + current[b], 1]) * scale
            xy[k, 0] = turn[b, 0, 0] * dx + turn[b, 0, 1] * dy
            xy[k, 1] = turn[b, 1, 0] * dx + turn[b, 1, 1] * dy
        _describe(xy[:total], tokens, features[b])
        _describe_value(
            metrics[rows[b]], points[offset:], prizes[offset:], nodes[b, :tokens], budget[b], left[b], scale, features[b]
        )
        for k in range(total):
            value[k] = prizes[offset + seen[k]]
        around = xy[:total]
        room = max(budget[b] * scale, 1e-9)
        rate, found = relax_path_trees(around, value[:total], room, lengths, share, alpha, out, best, joined)
        if rate > 0.0:
            describe_pairs(tokens, share, alpha, features[b, :, TOLD - EDGES * MARKS :], edges[b])
            describe_choice(tokens, rate, value, out, features[b, :, VALUE:])
            describe_paths(tokens, best[:found], joined, features[b, :, TOLD:], edges[b, :, :, EDGES:])


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
def _describe(xy: Array, tokens: int, features: Array) -> None:
    """Write position, distances from the current node and the end, how far the end is, and the surroundings."""
    near = np.empty(NEAR, dtype=np.float64)
    near_xy = np.empty((NEAR, 2), dtype=np.float64)
    far = math.hypot(xy[1, 0], xy[1, 1])
    for k in range(tokens):
        home = math.hypot(xy[k, 0] - xy[1, 0], xy[k, 1] - xy[1, 1])
        away = math.hypot(xy[k, 0], xy[k, 1])
        features[k, 0] = xy[k, 0] * pull(away)
        features[k, 1] = xy[k, 1] * pull(away)
        features[k, 2] = away * pull(away)
        features[k, 3] = home * pull(home)
        features[k, 4] = math.log1p(far)
        describe_surroundings(xy, MARKS, k, near, near_xy, features[k, 11:])


@kernel
def _describe_value(
    metric: int, points: Array, prizes: Array, nodes: Array, budget: float, left: int, scale: float, features: Array
) -> None:
    """Write prize by the mean prize of the window, share of the length left that the way there and on to the end takes,
    what would be left of it in window units; for all tokens the length left in those units, and how many nodes are outside.

    Parameters
    ----------
    metric, points
        How distances are rounded, and the positions [N, 2] of the instance.
    prizes
        Prizes [N] of the instance.
    nodes
        Node of each token [T]: the current one, the end, then nodes in reach.
    budget, left
        Length left, and how many nodes are in reach.
    scale
        One over the window's unit of length.
    features
        Features [T, F] of which columns 5 to 10 are written.
    """
    matrix = np.empty((0, 0))
    mean = 1e-12
    for k in range(MARKS, len(nodes)):
        mean += prizes[nodes[k]] / (len(nodes) - MARKS)
    room = max(budget, 1e-12)
    for k in range(len(nodes)):
        features[k, 8] = math.log1p(room * scale)
        features[k, 9] = math.log((left + 2.0) / len(nodes))
        if k < MARKS:
            continue
        way = distance(metric, points, matrix, nodes[0], nodes[k]) + distance(metric, points, matrix, nodes[k], nodes[1])
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
