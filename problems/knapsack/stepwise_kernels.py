"""Compiled steps of the knapsack's decision process. Items are numbered by falling worth (value over weight).

Row b of ``open`` says which items may still be packed, ``room[b]`` is the capacity left. Items of instance i stand at
``offsets[i]`` in ``values`` and ``weights``.
"""

from __future__ import annotations

import math

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_below, random_float

FEATURES = 8
MARKS = 1
TINY = 1e-12


@kernel
def count_fitting(offset: int, size: int, weights: Array, is_open: Array, room: float) -> int:
    """Return how many open items fit into the room; those that do not are closed for good.

    Parameters
    ----------
    offset, size
        Where the items of the instance begin in ``weights``, and how many there are.
    weights
        Weights [all items] of all instances.
    is_open
        Which items [N] may still be packed; those too heavy are closed.
    room
        Capacity left.
    """
    count = 0
    for item in range(size):
        if is_open[item]:
            if weights[offset + item] <= room:
                count += 1
            else:
                is_open[item] = False
    return count


@kernel
def begin_rows(rows: Array, offsets: Array, weights: Array, is_open: Array, room: Array, left: Array) -> None:
    """Open all items that fit.

    Parameters
    ----------
    rows
        Instance of each row, [B].
    offsets
        Where the items of each instance begin, [I + 1].
    weights
        Weights [all items] of all instances.
    is_open
        Room [B, N]. Gets which items fit.
    room
        Capacity [B] of each row.
    left
        Room [B]. Gets how many items fit.
    """
    for b in range(len(rows)):
        size = offsets[rows[b] + 1] - offsets[rows[b]]
        is_open[b, :size] = True
        is_open[b, size:] = False
        left[b] = count_fitting(offsets[rows[b]], size, weights, is_open[b], room[b])


@kernel
def act_rows(
    items: Array, rows: Array, offsets: Array, weights: Array, is_open: Array, room: Array, left: Array, packed: Array
) -> None:
    """Pack ``items[b]`` in each row that is not finished.

    Parameters
    ----------
    items
        Item to pack, [B], open in every row that is not finished.
    rows
        Instance of each row, [B].
    offsets, weights
        Where the items of each instance begin, [I + 1], and the weights [all items] of all instances.
    is_open, packed
        Which items [B, N] may still be packed, and which are packed; both change.
    room, left
        Capacity left, [B], and how many open items fit into it, [B]; both change.
    """
    for b in range(len(items)):
        if left[b] == 0:
            continue
        offset = offsets[rows[b]]
        item = items[b]
        is_open[b, item] = False
        packed[b, item] = True
        room[b] -= weights[offset + item]
        left[b] = count_fitting(offset, offsets[rows[b] + 1] - offset, weights, is_open[b], room[b])


@kernel
def sample_rows(
    rows: Array,
    offsets: Array,
    weights: Array,
    best: Array,
    is_open: Array,
    room: Array,
    left: Array,
    state: RandomState,
) -> None:
    """Pack a random part of the best set of each row: in about the order of value, or in any order.

    Parameters
    ----------
    rows
        Instance of each row, [B].
    offsets, weights
        Where the items of each instance begin, [I + 1], and the weights [all items] of all instances.
    best
        Which of all items [all items] are in the labelled set of their instance.
    is_open, room, left
        As `begin_rows` leaves them, [B, N], [B] and [B]; they become those of the tail.
    state
        The generator's state [2].
    """
    for b in range(len(rows)):
        offset = offsets[rows[b]]
        size = offsets[rows[b] + 1] - offset
        chosen = np.flatnonzero(best[offset : offset + size])
        noise = 0.0 if random_float(state) < 0.5 else size * random_float(state) ** 2
        keys = np.empty(len(chosen), dtype=np.float64)
        for k in range(len(chosen)):
            keys[k] = chosen[k] + noise * random_float(state)
        done = random_below(state, len(chosen)) if len(chosen) > 0 else 0
        order = np.argsort(keys)
        for k in range(done):
            item = chosen[order[k]]
            is_open[b, item] = False
            room[b] -= weights[offset + item]
        left[b] = count_fitting(offset, size, weights, is_open[b], room[b])


@kernel
def window_rows(
    rows: Array,
    offsets: Array,
    values: Array,
    weights: Array,
    is_open: Array,
    room: Array,
    left: Array,
    items: Array,
    features: Array,
) -> None:
    """Fill ``items`` [B, M + K] (-1 where there is none) with the open items of best worth, and their features.

    Parameters
    ----------
    rows
        Instance of each row, [B].
    offsets
        Where the items of each instance begin, [I + 1].
    values, weights
        Values and weights [all items] of all instances, by falling value per weight within each.
    is_open, room, left
        Which items [B, N] may still be packed, the capacity left, [B], and how many open items there are, [B].
    items
        Room [B, M + K]. Gets the item of each token, -1 for the marked one and where there is none.
    features
        Room [B, M + K, F]. Gets the numbers that describe the tokens, 0 where there is none.
    """
    tokens = items.shape[1]
    for b in range(len(rows)):
        offset = offsets[rows[b]]
        size = offsets[rows[b] + 1] - offset
        items[b] = -1
        features[b] = 0.0
        shown = MARKS
        for item in range(size):
            if shown == tokens:
                break
            if is_open[b, item]:
                items[b, shown] = item
                shown += 1
        if shown > MARKS:
            _describe(offset, values, weights, items[b, :shown], is_open[b, :size], room[b], left[b], features[b])


@kernel
def _describe(
    offset: int, values: Array, weights: Array, items: Array, is_open: Array, room: float, left: int, features: Array
) -> None:
    """Write the features: weight and value by the room and the best worth, logarithm of the value, weight of all open items
    up to this one by the room, value above what the break item's worth gives, weight by the mean one; for all tokens the
    room in mean weights, and how many items are outside.

    Parameters
    ----------
    offset
        Where the items of the instance begin in ``values`` and ``weights``.
    values, weights
        Values and weights [all items] of all instances.
    items
        Item of each token, [T]; the first one is the mark, and stands for none.
    is_open
        Which items [N] may still be packed.
    room, left
        Capacity left, and how many open items fit into it.
    features
        Room [T, F]. Gets the features.
    """
    shown = len(items)
    best = 0.0
    mean = 0.0
    for k in range(MARKS, shown):
        weight = max(weights[offset + items[k]], TINY)
        best = max(best, values[offset + items[k]] / weight)
        mean += weight / (shown - MARKS)
    best = max(best, TINY)
    price = _break_value(offset, values, weights, is_open, room)
    inside = max(room, TINY)
    taken = 0.0
    for k in range(shown):
        features[k, 6] = math.log(inside / mean)
        features[k, 7] = math.log((left + 1.0) / shown)
        if k < MARKS:
            continue
        value = values[offset + items[k]]
        weight = max(weights[offset + items[k]], TINY)
        taken += weight
        features[k, 0] = weight / inside
        features[k, 1] = min(value / (best * inside), 4.0)
        features[k, 2] = max(math.log(max(value / weight, TINY) / best), -8.0)
        features[k, 3] = math.log(taken / inside)
        features[k, 4] = min(max((value - price * weight) / (max(price, TINY) * mean), -4.0), 4.0)
        features[k, 5] = weight / mean


@kernel
def _break_value(offset: int, values: Array, weights: Array, is_open: Array, room: float) -> float:
    """Return the value of the first open item that does not fit any more, packed by worth; 0 where all fit."""
    taken = 0.0
    for item in range(len(is_open)):
        if is_open[item]:
            taken += weights[offset + item]
            if taken > room:
                return float(values[offset + item] / max(weights[offset + item], TINY))
    return 0.0
