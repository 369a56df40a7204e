"""Kernels of the knapsack's local search."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_below, random_float

NONE = -1
"""Stands for no item in a move."""
TRIES = 20
"""Random draws before a feasible move is given up."""


class Items(NamedTuple):
    """What an instance gives the moves.

    Attributes
    ----------
    values, weights
        Values and weights [N] of the items.
    capacity
        Weight that may be packed in all.
    by_ratio, centre
        All items by falling value per weight, [N], and the place of the break item among them.
    by_weight, sorted_weights
        All items by rising weight, [N], and their weights in that order, [N].
    """

    values: Array
    weights: Array
    capacity: float
    by_ratio: Array
    centre: int
    by_weight: Array
    sorted_weights: Array


class Packed(NamedTuple):
    """A packing that changes.

    Attributes
    ----------
    order, where
        Items [N], the packed ones first, and the place [N] of each item among them.
    number
        Number of packed items, [1].
    totals
        Weight and value of the packed items, [2].
    """

    order: Array
    where: Array
    number: Array
    totals: Array


@kernel(_nrt=False)
def add_item(items: Items, packing: Packed, item: int) -> None:
    """Pack an item that is not packed and fits."""
    _exchange(packing, item, packing.number[0])
    packing.number[0] += 1
    packing.totals[0] += items.weights[item]
    packing.totals[1] += items.values[item]


@kernel(_nrt=False)
def drop_item(items: Items, packing: Packed, item: int) -> None:
    """Unpack a packed item."""
    packing.number[0] -= 1
    _exchange(packing, item, packing.number[0])
    packing.totals[0] -= items.weights[item]
    packing.totals[1] -= items.values[item]


@kernel(_nrt=False)
def _exchange(packing: Packed, item: int, place: int) -> None:
    """Exchange an item for the one at a place of the order."""
    order, where = packing.order, packing.where
    other = order[place]
    order[where[item]], where[other] = other, where[item]
    order[place], where[item] = item, place


@kernel
def recount(items: Items, packing: Packed) -> None:
    """Add up weight and value again, which removes what rounding has left in them."""
    order, _, count, totals = packing
    totals[:] = 0.0
    for place in range(count[0]):
        totals[0] += items.weights[order[place]]
        totals[1] += items.values[order[place]]


@kernel
def fill(items: Items, packing: Packed, sequence: Array) -> bool:
    """Pack each item of value that still fits, in the order of ``sequence``; return whether there was one."""
    values, weights, capacity = items.values, items.weights, items.capacity
    _, where, count, totals = packing
    changed = False
    for item in sequence:
        if where[item] >= count[0] and values[item] > 0 and totals[0] + weights[item] <= capacity:
            add_item(items, packing, item)
            changed = True
    return changed


@kernel
def swap_pass(items: Items, packing: Packed) -> bool:
    """Exchange packed items for the most valuable item that then fits, where it is worth more; return whether one was.

    Without an exchange the packing has no improving one: each packed item was compared with the best of all unpacked items
    that fit in its place.
    """
    values, weights, capacity = items.values, items.weights, items.capacity
    order, where, count, totals = packing
    size = len(items.by_weight)
    best = np.empty(size, dtype=np.int64)  # the most valuable unpacked item among the first ones by weight
    chosen = NONE
    for place in range(size):
        item = items.by_weight[place]
        if where[item] >= count[0] and (chosen == NONE or values[item] > values[chosen]):
            chosen = item
        best[place] = chosen
    changed = False
    for item in order[: count[0]].copy():
        fitting = np.searchsorted(items.sorted_weights, capacity - totals[0] + weights[item], side="right")
        other = best[fitting - 1] if fitting > 0 else NONE
        if other == NONE or values[other] <= values[item] or where[other] < count[0]:
            continue
        if totals[0] - weights[item] + weights[other] <= capacity:
            drop_item(items, packing, item)
            add_item(items, packing, other)
            changed = True
    return changed


@kernel
def descend(items: Items, packing: Packed) -> bool:
    """Add items and exchange pairs, each looked at once; return whether that improved the packing."""
    changed = fill(items, packing, items.by_ratio)
    return swap_pass(items, packing) or changed


@kernel
def draw_move(items: Items, packing: Packed, random: RandomState) -> tuple[int, int]:
    """Return a random feasible move as the item that leaves and the item that enters, either of them `NONE`.

    A random item is unpacked or packed; where it does not fit, it takes the place of a random packed one.
    """
    weights, capacity = items.weights, items.capacity
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
def make_move(items: Items, packing: Packed, leaving: int, entering: int) -> None:
    """Make a move of `draw_move`.

    Parameters
    ----------
    items, packing
        The instance, and the packing, which changes.
    leaving, entering
        A packed item and one that is not, or `NONE` for either.
    """
    if leaving != NONE:
        drop_item(items, packing, leaving)
    if entering != NONE:
        add_item(items, packing, entering)


@kernel
def near_break(items: Items, random: RandomState) -> int:
    """Return a random item whose distance to the break item, in the order of value per weight, is log-uniform."""
    by_ratio, centre = items.by_ratio, items.centre
    offset = int(len(by_ratio) ** random_float(random))
    place = centre + offset if random_float(random) < 0.5 else centre - offset
    return int(by_ratio[min(max(place, 0), len(by_ratio) - 1)])


@kernel
def shake(items: Items, packing: Packed, random: RandomState) -> None:
    """Unpack one to four items, mostly near the break item, and pack others of them in their place."""
    _, where, count, totals = packing
    dropped = np.full(4, NONE, dtype=np.int64)
    wanted = 1 + random_below(random, 4)
    found = 0
    for _ in range(TRIES):
        item = near_break(items, random)
        if found < wanted and where[item] < count[0]:
            drop_item(items, packing, item)
            dropped[found] = item
            found += 1
    for _ in range(TRIES):
        item = near_break(items, random)
        if where[item] >= count[0] and totals[0] + items.weights[item] <= items.capacity and not np.any(dropped == item):
            add_item(items, packing, item)
