"""Kernels of the knapsack's dynamic programme over a core.

A *state* is a packing that differs from the break packing (the items before the break item, in order of value per
weight) only in items of the core, which grows to both sides. Lists of states are sorted by weight and hold only states
that no lighter state outdoes. Each state carries the decisions of the last 64 core items as a mask, and the node of
the pool that holds the decisions before them.
"""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel

States = tuple[Array, Array, Array, Array]
"""Weights, values, masks (all int64) and pool nodes (int32) of a list of states."""

Change = tuple[int, int, np.int64, int]
"""Change of weight and value by an item of the core, the bit of its decision in a mask, and the capacity."""

# The counters of a search, an int64 array [COUNTERS].
LEFT, RIGHT, COUNT, STEPS, FLUSHED = 0, 1, 2, 3, 4
BEST, BEST_NODE, BEST_MASK, BEST_STEPS, UPPER, SWAPPED = 5, 6, 7, 8, 9, 10
COUNTERS = 11

# What `advance` came back for.
DONE, GROW, FLUSH, PAUSE = 0, 1, 2, 3

BLOCK = 64
"""Decisions in a mask."""
SAFE = 2e-15
"""Share that covers the rounding of a bound's three floating-point operations."""


@kernel
def bundle_starts(values: Array, weights: Array, place: int) -> Array:
    """Return where bundles of equal items begin [bundles + 1], the last entry being the number of items.

    Runs of equal items are bundled into 1, 2, 4, ... and a rest, by which every number of them can be told. Runs end at
    the break item, ``place``, and their small bundles lie next to it.
    """
    size = len(values)
    starts = np.empty(size + 1, dtype=np.int64)
    count = 0
    begin = 0
    while begin < size:
        end = begin + 1
        while end < size and end != place and values[end] == values[begin] and weights[end] == weights[begin]:
            end += 1
        first = count
        position = begin
        bundle = 1
        while position < end:
            bundle = min(bundle, end - position)
            starts[count] = position if begin >= place else begin + end - position - bundle
            position += bundle
            bundle *= 2
            count += 1
        if begin < place:
            starts[first:count] = starts[first:count][::-1].copy()
        begin = end
    starts[count] = size
    return starts[: count + 1].copy()


@kernel
def merge(source: States, count: int, target: States, change: Change, fill: float, empty: float, counters: Array) -> int:
    """Write the undominated union of states with and without one change to ``target``; return how many they are.

    States whose bound does not exceed the incumbent are left out. A better incumbent is noted in ``counters``.

    Parameters
    ----------
    source, count
        The list of states, and how many there are.
    target
        Room for twice as many. Gets the new list.
    change
        What the item changes.
    fill, empty
        Values per weight at which room is filled and overweight removed at best.
    counters
        Numbers [COUNTERS] named above; the incumbent changes.
    """
    weights, values, masks, nodes = source
    to_weights, to_values, to_masks, to_nodes = target
    gain_weight, gain_value, bit, capacity = change
    best = counters[BEST]
    i = 0
    j = 0
    kept = 0
    last = np.int64(-1)
    while i < count or j < count:
        if j == count:
            unchanged = True
        elif i == count:
            unchanged = False
        else:
            difference = weights[i] - weights[j] - gain_weight
            unchanged = difference < 0 or (difference == 0 and values[i] >= values[j] + gain_value)
        if unchanged:
            k = i
            weight, value, mask = weights[i], values[i], masks[i]
            i += 1
        else:
            k = j
            weight, value, mask = weights[j] + gain_weight, values[j] + gain_value, masks[j] | bit
            j += 1
        if value <= last:
            continue
        last = value
        room = capacity - weight
        if room >= 0 and value > best:
            best = value
            counters[BEST], counters[BEST_NODE], counters[BEST_MASK] = value, nodes[k], mask
            counters[BEST_STEPS] = counters[STEPS] + 1
        if room * (fill if room >= 0 else empty) < best + 1 - value:
            continue
        to_weights[kept], to_values[kept], to_masks[kept], to_nodes[kept] = weight, value, mask, nodes[k]
        kept += 1
    return kept


@kernel
def is_fixed(values: Array, weights: Array, ratios: Array, place: int, start: Array, best: int) -> bool:
    """Return whether the linear relaxation shows that changing an item of the break packing cannot beat the incumbent.

    Parameters
    ----------
    values, weights, ratios
        Values, weights and values per weight of the items, [N], by falling value per weight.
    place
        The item's place among them.
    start
        Weight and value of the break packing, the break item's place, and the capacity, [4].
    best
        Value of the incumbent.
    """
    ratio = ratios[start[2]]
    spread = weights[place] * ratio
    cost = abs(values[place] - spread) - (values[place] + spread) * SAFE
    return bool((start[3] - start[0]) * ratio * (1.0 + SAFE) - cost < best + 1 - start[1])


@kernel
def advance(
    values: Array,
    weights: Array,
    ratios: Array,
    start: Array,
    first: States,
    second: States,
    order: Array,
    counters: Array,
    steps: int,
    work: int,
) -> int:
    """Grow the core until the search is done, a list or mask is full, or ``steps`` items or ``work`` states are used up.

    Items are added alternately from right and left of the break item. ``order`` notes the place of each; a bit
    ``SWAPPED`` of the counters tells whether the current list is ``second``.

    Parameters
    ----------
    values, weights, ratios
        Values, weights and values per weight of the items, [N], by falling value per weight.
    start
        Weight and value of the break packing, the break item's place, and the capacity, [4].
    first, second
        Two lists of states of one size; they take turns.
    order
        Room [N]. Gets the place of the item added in each step.
    counters
        Numbers [COUNTERS] named above, which carry the search.
    steps, work
        Items added and states looked at, at most, before it comes back for `PAUSE`.
    """
    size = len(values)
    capacity = start[3]
    while True:
        left, right = counters[LEFT], counters[RIGHT]
        while right < size and is_fixed(values, weights, ratios, right, start, counters[BEST]):
            right += 1
        while left >= 0 and is_fixed(values, weights, ratios, left, start, counters[BEST]):
            left -= 1
        counters[LEFT], counters[RIGHT] = left, right
        count, step = counters[COUNT], counters[STEPS]
        if count == 0 or counters[BEST] >= counters[UPPER] or (left < 0 and right >= size):
            return DONE
        if step - counters[FLUSHED] == BLOCK:
            return FLUSH
        if 2 * count > len(first[0]):
            return GROW
        if steps <= 0 or work <= 0:
            return PAUSE
        sign = 1 if left < 0 or (right < size and step % 2 == 0) else -1
        place = right if sign > 0 else left
        if sign > 0:
            right += 1
        else:
            left -= 1
        fill = ratios[right] * (1.0 + SAFE) if right < size else 0.0
        empty = ratios[left] * (1.0 - SAFE) if left >= 0 else np.inf
        bit = np.int64(1) << np.int64(step % BLOCK)
        change = (sign * weights[place], sign * values[place], bit, capacity)
        if counters[SWAPPED]:
            counters[COUNT] = merge(second, count, first, change, fill, empty, counters)
        else:
            counters[COUNT] = merge(first, count, second, change, fill, empty, counters)
        order[step] = place
        counters[SWAPPED] = 1 - counters[SWAPPED]
        counters[LEFT], counters[RIGHT], counters[STEPS] = left, right, step + 1
        steps -= 1
        work -= 2 * count


@kernel
def live_bound(ratios: Array, states: States, capacity: int, counters: Array) -> float:
    """Return how far above the incumbent the bound of the best live state lies, in units of value.

    Parameters
    ----------
    ratios
        Values per weight of the items, [N], falling.
    states
        The current list of states.
    capacity
        Weight that may be packed in all.
    counters
        Numbers [COUNTERS] named above.
    """
    left, right = counters[LEFT], counters[RIGHT]
    fill = ratios[right] * (1.0 + SAFE) if right < len(ratios) else 0.0
    empty = ratios[left] * (1.0 - SAFE) if left >= 0 else np.inf
    above = 0.0
    for k in range(counters[COUNT]):
        room = capacity - states[0][k]
        above = max(above, room * (fill if room >= 0 else empty) - (counters[BEST] - states[1][k]))
    return above


@kernel
def flush(states: States, count: int, parents: Array, masks: Array, size: int) -> int:
    """Move the masks of all states to the pool, whose ``size`` nodes are followed by the new ones; return its new size.

    Parameters
    ----------
    states, count
        The current list of states, whose masks are emptied, and how many there are.
    parents, masks
        The pool [P]: the parent of each node, -1 for the root, and 64 decisions; both grow.
    size
        How many nodes the pool has; P is at least ``size + count``.
    """
    for k in range(count):
        parents[size], masks[size] = states[3][k], states[2][k]
        states[3][k], states[2][k] = size, 0
        size += 1
    return size


@kernel
def compact(states: States, count: int, parents: Array, masks: Array, size: int, counters: Array) -> int:
    """Drop the pool's nodes that no state and no incumbent needs; return its new size. Parents precede children.

    Parameters
    ----------
    states, count
        The current list of states, and how many there are; their pool nodes are renumbered.
    parents, masks
        The pool [P]: the parent of each node, -1 for the root, and 64 decisions; both change.
    size
        How many nodes the pool has.
    counters
        Numbers [COUNTERS] named above; the incumbent's node is renumbered.
    """
    moved = np.full(size + 1, -1, dtype=np.int32)  # the last entry stands for the root, -1
    for k in range(count):
        moved[states[3][k]] = 0
    moved[counters[BEST_NODE]] = 0
    for node in range(size - 1, -1, -1):
        if moved[node] == 0:
            moved[parents[node]] = 0
    kept = 0
    moved[-1] = -1
    for node in range(size):
        if moved[node] == 0:
            parents[kept], masks[kept] = moved[parents[node]], masks[node]
            moved[node] = kept
            kept += 1
    for k in range(count):
        states[3][k] = moved[states[3][k]]
    counters[BEST_NODE] = moved[counters[BEST_NODE]]
    return kept


@kernel
def changed_places(order: Array, parents: Array, masks: Array, counters: Array) -> Array:
    """Return the places whose decision the incumbent changes from the break packing.

    Parameters
    ----------
    order
        Place of the item added in each step, [N].
    parents, masks
        The pool [P]: the parent of each node, -1 for the root, and 64 decisions.
    counters
        Numbers [COUNTERS] named above.
    """
    steps, node, mask = counters[BEST_STEPS], counters[BEST_NODE], counters[BEST_MASK]
    changed = np.empty(steps, dtype=np.int64)
    count = 0
    block = (steps - 1) // BLOCK
    while block >= 0:
        for k in range(block * BLOCK, min(steps, (block + 1) * BLOCK)):
            if (mask >> np.int64(k % BLOCK)) & 1:
                changed[count] = order[k]
                count += 1
        if node >= 0:
            mask = masks[node]
            node = np.int64(parents[node])
        block -= 1
    return changed[:count]
