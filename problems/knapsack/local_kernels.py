"""Kernels of the knapsack's local search.

A *packing* is four arrays: ``order`` [N] int64 lists the packed items first, ``where`` [N] int64 gives each item's place in
it, ``count`` [1] int64 the number of packed items, and ``totals`` [2] float64 their weight and value.
"""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_below, random_float

PackingArrays = tuple[Array, Array, Array, Array]
NONE = -1
"""Stands for no item in a move."""
TRIES = 20
"""Random draws before a feasible move is given up."""


@kernel
def add_item(packing: PackingArrays, values: Array, weights: Array, item: int) -> None:
    """Pack an item that is not packed.

    Parameters
    ----------
    packing
        The packing, which changes.
    values, weights
        Values and weights [N] of the items.
    item
        An item that is not packed; it has to fit.
    """
    order, where, count, totals = packing
    other = order[count[0]]
    order[where[item]], where[other] = other, where[item]
    order[count[0]], where[item] = item, count[0]
    count[0] += 1
    totals[0] += weights[item]
    totals[1] += values[item]


@kernel
def drop_item(packing: PackingArrays, values: Array, weights: Array, item: int) -> None:
    """Unpack a packed item.

    Parameters
    ----------
    packing
        The packing, which changes.
    values, weights
        Values and weights [N] of the items.
    item
        A packed item.
    """
    order, where, count, totals = packing
    count[0] -= 1
    other = order[count[0]]
    order[where[item]], where[other] = other, where[item]
    order[count[0]], where[item] = item, count[0]
    totals[0] -= weights[item]
    totals[1] -= values[item]


@kernel
def recount(packing: PackingArrays, values: Array, weights: Array) -> None:
    """Add up weight and value again, which removes what rounding has left in them."""
    order, _, count, totals = packing
    totals[:] = 0.0
    for place in range(count[0]):
        totals[0] += weights[order[place]]
        totals[1] += values[order[place]]


@kernel
def fill(packing: PackingArrays, values: Array, weights: Array, capacity: float, sequence: Array) -> bool:
    """Pack each item of value that still fits, in the order of ``sequence``; return whether there was one.

    Parameters
    ----------
    packing
        The packing, which changes.
    values, weights
        Values and weights [N] of the items.
    capacity
        Weight that may be packed in all.
    sequence
        Items [n] in the order in which they are tried; packed ones are passed over.
    """
    _, where, count, totals = packing
    changed = False
    for item in sequence:
        if where[item] >= count[0] and values[item] > 0 and totals[0] + weights[item] <= capacity:
            add_item(packing, values, weights, item)
            changed = True
    return changed


@kernel
def swap_pass(
    packing: PackingArrays, values: Array, weights: Array, capacity: float, by_weight: Array, sorted_weights: Array
) -> bool:
    """Exchange packed items for the most valuable item that then fits, where it is worth more; return whether one was.

    Without an exchange the packing has no improving one: each packed item was compared with the best of all unpacked items
    that fit in its place.

    Parameters
    ----------
    packing
        The packing, which changes.
    values, weights
        Values and weights [N] of the items.
    capacity
        Weight that may be packed in all.
    by_weight, sorted_weights
        All items by rising weight, [N], and their weights in that order, [N].
    """
    order, where, count, totals = packing
    size = len(by_weight)
    best = np.empty(size, dtype=np.int64)  # the most valuable unpacked item among the first ones by weight
    chosen = NONE
    for place in range(size):
        item = by_weight[place]
        if where[item] >= count[0] and (chosen == NONE or values[item] > values[chosen]):
            chosen = item
        best[place] = chosen
    changed = False
    for item in order[: count[0]].copy():
        fitting = np.searchsorted(sorted_weights, capacity - totals[0] + weights[item], side="right")
        other = best[fitting - 1] if fitting > 0 else NONE
        if other == NONE or values[other] <= values[item] or where[other] < count[0]:
            continue
        if totals[0] - weights[item] + weights[other] <= capacity:
            drop_item(packing, values, weights, item)
            add_item(packing, values, weights, other)
            changed = True
    return changed


@kernel
def descend(
    packing: PackingArrays,
    values: Array,
    weights: Array,
    capacity: float,
    by_ratio: Array,
    by_weight: Array,
    sorted_weights: Array,
) -> bool:
    """Add items and exchange pairs, each looked at once; return whether that improved the packing.

    Parameters
    ----------
    packing
        The packing, which changes.
    values, weights
        Values and weights [N] of the items.
    capacity
        Weight that may be packed in all.
    by_ratio
        All items by falling value per weight, [N].
    by_weight, sorted_weights
        All items by rising weight, [N], and their weights in that order, [N].
    """
    changed = fill(packing, values, weights, capacity, by_ratio)
    return swap_pass(packing, values, weights, capacity, by_weight, sorted_weights) or changed


@kernel
def draw_move(packing: PackingArrays, weights: Array, capacity: float, random: RandomState) -> tuple[int, int]:
    """Return a random feasible move as the item that leaves and the item that enters, either of them `NONE`.

    A random item is unpacked or packed; where it does not fit, it takes the place of a random packed one.

    Parameters
    ----------
    packing
        The packing, left unchanged.
    weights
        Weights [N] of the items.
    capacity
        Weight that may be packed in all.
    random
        The generator's state [2].
    """
    order, where, count, totals = packing
    for _ in range(TRIES):
        item = random_below(random, len(order))
        room = capacity - totals[0]
        if where[item] < count[0]:
            if count[0] < len(order) and random_float(random) < 0.5:
                other = order[count[0] + random_below(random, len(order) - count[0])]
                if weights[other] - weights[item] <= room:
                    return item, other
            else:
                return item, NONE
        elif weights[item] <= room:
            return NONE, item
        elif count[0] > 0:
            other = order[random_below(random, count[0])]
            if weights[item] - weights[other] <= room:
                return other, item
    return (order[random_below(random, count[0])], NONE) if count[0] > 0 else (NONE, NONE)


@kernel
def make_move(packing: PackingArrays, values: Array, weights: Array, leaving: int, entering: int) -> None:
    """Make a move of `draw_move`.

    Parameters
    ----------
    packing
        The packing, which changes.
    values, weights
        Values and weights [N] of the items.
    leaving, entering
        A packed item and one that is not, or `NONE` for either.
    """
    if leaving != NONE:
        drop_item(packing, values, weights, leaving)
    if entering != NONE:
        add_item(packing, values, weights, entering)


@kernel
def near_break(by_ratio: Array, centre: int, random: RandomState) -> int:
    """Return a random item whose distance to the break item, in the order of value per weight, is log-uniform."""
    offset = int(len(by_ratio) ** random_float(random))
    place = centre + offset if random_float(random) < 0.5 else centre - offset
    return int(by_ratio[min(max(place, 0), len(by_ratio) - 1)])


@kernel
def shake(
    packing: PackingArrays,
    values: Array,
    weights: Array,
    capacity: float,
    by_ratio: Array,
    centre: int,
    random: RandomState,
) -> None:
    """Unpack one to four items, mostly near the break item, and pack others of them in their place.

    Parameters
    ----------
    packing
        The packing, which changes.
    values, weights
        Values and weights [N] of the items.
    capacity
        Weight that may be packed in all.
    by_ratio
        All items by falling value per weight, [N].
    centre
        Place of the break item in ``by_ratio``.
    random
        The generator's state [2].
    """
    _, where, count, totals = packing
    dropped = np.full(4, NONE, dtype=np.int64)
    wanted = 1 + random_below(random, 4)
    found = 0
    for _ in range(TRIES):
        item = near_break(by_ratio, centre, random)
        if found < wanted and where[item] < count[0]:
            drop_item(packing, values, weights, item)
            dropped[found] = item
            found += 1
    for _ in range(TRIES):
        item = near_break(by_ratio, centre, random)
        if where[item] >= count[0] and totals[0] + weights[item] <= capacity and not np.any(dropped == item):
            add_item(packing, values, weights, item)
