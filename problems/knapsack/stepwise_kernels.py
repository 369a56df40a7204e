"""Compiled steps of the knapsack's decision process. Items are numbered by falling value per weight."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_below, random_float

FEATURES = 8
MARKS = 1
TINY = 1e-12


class Items(NamedTuple):
    """The items of all instances, by falling value per weight within each.

    Attributes
    ----------
    offsets
        Where the items of each instance begin, [I + 1].
    values, weights
        Values and weights [all items].
    """

    offsets: Array
    values: Array
    weights: Array


class Rows(NamedTuple):
    """The arrays of `redwood.problems.knapsack.stepwise.Rooms`."""

    rows: Array
    is_open: Array
    packed: Array
    room: Array
    left: Array


@kernel
def _close_misfits(items: Items, batch: Rows, b: int) -> None:
    """Close for good the open items of row ``b`` that do not fit, and count the others."""
    offset, is_open = items.offsets[batch.rows[b]], batch.is_open[b]
    count = 0
    for item in range(items.offsets[batch.rows[b] + 1] - offset):
        if is_open[item]:
            if items.weights[offset + item] <= batch.room[b]:
                count += 1
            else:
                is_open[item] = False
    batch.left[b] = count


@kernel
def begin_rows(items: Items, batch: Rows) -> None:
    """Open all items that fit into the room of each row."""
    for b in range(len(batch.rows)):
        size = items.offsets[batch.rows[b] + 1] - items.offsets[batch.rows[b]]
        batch.is_open[b, :size] = True
        batch.is_open[b, size:] = False
        _close_misfits(items, batch, b)


@kernel
def act_rows(items: Items, batch: Rows, chosen: Array) -> None:
    """Pack the open item ``chosen[b]`` in each row that is not finished."""
    for b in range(len(chosen)):
        if batch.left[b] > 0:
            batch.is_open[b, chosen[b]] = False
            batch.packed[b, chosen[b]] = True
            batch.room[b] -= items.weights[items.offsets[batch.rows[b]] + chosen[b]]
            _close_misfits(items, batch, b)


@kernel
def look_ahead_rows(items: Items, batch: Rows, chosen: Array, costs: Array) -> None:
    """Write minus the value of each of some items with those that are packed after it by falling value per weight.

    Parameters
    ----------
    items, batch
        The items of all instances, and the rows, which stay as they are.
    chosen
        Open items [B, K], -1 for none.
    costs
        Room [B, K]. Gets minus the values, infinite where there is no item.
    """
    costs[:] = math.inf
    for b in range(len(chosen)):
        offset, end = items.offsets[batch.rows[b]], items.offsets[batch.rows[b] + 1]
        for k in range(chosen.shape[1]):
            own = chosen[b, k]
            if own < 0:
                continue
            room = batch.room[b] - items.weights[offset + own]
            costs[b, k] = -items.values[offset + own]
            for item in range(end - offset):
                if item != own and batch.is_open[b, item] and items.weights[offset + item] <= room:
                    room -= items.weights[offset + item]
                    costs[b, k] -= items.values[offset + item]


@kernel
def sample_rows(items: Items, best: Array, batch: Rows, state: RandomState) -> None:
    """Pack a random part of the best set of each row: in about the order of value, or in any order.

    Rows are as `begin_rows` leaves them; ``best`` tells which of all items are in the labelled set of their instance.

    Parameters
    ----------
    items
        The items of all instances.
    best
        Which of all items are in the labelled set of their instance.
    batch
        Rows as `begin_rows` leaves them; change.
    state
        The generator's state [2].
    """
    for b in range(len(batch.rows)):
        offset = items.offsets[batch.rows[b]]
        size = items.offsets[batch.rows[b] + 1] - offset
        chosen = np.flatnonzero(best[offset : offset + size])
        noise = 0.0 if random_float(state) < 0.5 else size * random_float(state) ** 2
        keys = np.empty(len(chosen), dtype=np.float64)
        for k in range(len(chosen)):
            keys[k] = chosen[k] + noise * random_float(state)
        done = random_below(state, len(chosen)) if len(chosen) > 0 else 0
        order = np.argsort(keys)
        for k in range(done):
            item = chosen[order[k]]
            batch.is_open[b, item] = False
            batch.room[b] -= items.weights[offset + item]
        _close_misfits(items, batch, b)


@kernel
def window_rows(items: Items, batch: Rows, nodes: Array, features: Array) -> None:
    """Fill ``nodes`` [B, M + K] with the open items of best worth, -1 for the mark and where there is none.

    ``features`` [B, M + K, F] gets the numbers that describe the tokens, 0 where there is none.

    Parameters
    ----------
    items, batch
        The items of all instances, and the rows.
    nodes
        Room [B, M + K]. Gets the item of each token.
    features
        Room [B, M + K, F]. Gets the numbers that describe the tokens.
    """
    tokens = nodes.shape[1]
    for b in range(len(batch.rows)):
        nodes[b] = -1
        features[b] = 0.0
        shown = MARKS
        for item in range(items.offsets[batch.rows[b] + 1] - items.offsets[batch.rows[b]]):
            if shown == tokens:
                break
            if batch.is_open[b, item]:
                nodes[b, shown] = item
                shown += 1
        if shown > MARKS:
            _describe(items, batch, b, nodes[b, :shown], features[b])


@kernel
def _describe(items: Items, batch: Rows, b: int, nodes: Array, features: Array) -> None:
    """Write the features: weight and value by the room and the best worth, logarithm of the value, weight of all open items
    up to this one by the room, value above what the break item's worth gives, weight by the mean one; for all tokens the
    room in mean weights, and how many items are outside.

    ``nodes`` [T] are the items of the tokens; the first one is the mark, and stands for none.
    """
    first, last = items.offsets[batch.rows[b]], items.offsets[batch.rows[b] + 1]
    values, weights = items.values[first:last], items.weights[first:last]
    room, left = batch.room[b], batch.left[b]
    shown = len(nodes)
    best = 0.0
    mean = 0.0
    for k in range(MARKS, shown):
        weight = max(weights[nodes[k]], TINY)
        best = max(best, values[nodes[k]] / weight)
        mean += weight / (shown - MARKS)
    best = max(best, TINY)
    price = _break_value(values, weights, batch.is_open[b], room)
    inside = max(room, TINY)
    taken = 0.0
    for k in range(shown):
        features[k, 6] = math.log(inside / mean)
        features[k, 7] = math.log((left + 1.0) / shown)
        if k < MARKS:
            continue
        value = values[nodes[k]]
        weight = max(weights[nodes[k]], TINY)
        taken += weight
        features[k, 0] = weight / inside
        features[k, 1] = min(value / (best * inside), 4.0)
        features[k, 2] = max(math.log(max(value / weight, TINY) / best), -8.0)
        features[k, 3] = math.log(taken / inside)
        features[k, 4] = min(max((value - price * weight) / (max(price, TINY) * mean), -4.0), 4.0)
        features[k, 5] = weight / mean


@kernel
def _break_value(values: Array, weights: Array, is_open: Array, room: float) -> float:
    """Return the value of the first open item that does not fit any more, packed by value per weight; 0 where all fit."""
    taken = 0.0
    for item in range(len(values)):
        if is_open[item]:
            taken += weights[item]
            if taken > room:
                return float(values[item] / max(weights[item], TINY))
    return 0.0
