"""The view `Bound` of a knapsack instance: the linear relaxation, sharpened at the break item and by a small core.

References
----------
Martello, Toth (1977), An upper bound for the zero-one knapsack problem and a branch and bound algorithm, European
Journal of Operational Research 1, doi:10.1016/0377-2217(77)90024-8.
Pisinger (1997), A minimal algorithm for the 0-1 knapsack problem, Operations Research 45, doi:10.1287/opre.45.5.758.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.problems.knapsack.instance import KnapsackInstance
from redwood.tolerance import ROUNDING
from redwood.views.bound import Bound, BoundValue

STATES = 2**16
"""The core grows until more undominated packings of its items than this would have to be kept."""
CORE = 1000
"""The most items in the core."""
SAFE = 2e-15
"""Share that covers the rounding of a bound's three floating-point operations."""


@dataclass(frozen=True)
class _Sorted:
    """Items [M] that fit, as floats by falling value per weight, the capacity, and the first item that no longer fits."""

    values: Array
    weights: Array
    ratios: Array
    capacity: float
    place: int

    @property
    def weight(self) -> float:
        """Weight of the items before the break item."""
        return float(self.weights[: self.place].sum())

    @property
    def value(self) -> float:
        """Value of the items before the break item."""
        return float(self.values[: self.place].sum())

    def ratio(self, place: int) -> float:
        """Value per weight of an item: infinite left of all of them, 0 right of all."""
        if place < 0:
            return math.inf
        return float(self.ratios[place]) if place < len(self.ratios) else 0.0


class KnapsackBound(Bound):
    """Upper bounds on the value of every packing, each at least as good as the one before.

    The linear relaxation (Dantzig); the bound of Martello and Toth, which takes the break item in or leaves it out; and
    the same for all subsets of a core of up to `CORE` items around the break item, as long as no more than `STATES` of
    them are undominated. Bounds of whole values are rounded down to a multiple of their greatest common divisor.
    """

    def __init__(self, instance: KnapsackInstance) -> None:
        self._whole = bool(np.issubdtype(instance.values.dtype, np.integer))
        self._divisor = max(1, int(np.gcd.reduce(instance.values))) if self._whole else 0
        free = instance.weights == 0
        self._free = float(instance.values[free].sum())
        self._items = _sort(instance, np.flatnonzero(~free & (instance.weights <= instance.limit) & (instance.values > 0)))

    def relaxation(self) -> float:
        """Return the bound of the linear relaxation: the break item is cut to fit."""
        items = self._items
        if items.place == len(items.values):
            return self._rounded(items.value)
        return self._rounded(float(_reach(items, items.weight, items.value, items.place - 1, items.place)))

    def martello_toth(self) -> float:
        """Return the bound of Martello and Toth (1977): the break item is taken whole, or left out."""
        items = self._items
        if items.place == len(items.values):
            return self._rounded(items.value)
        left, right = items.place - 1, items.place + 1
        without = _reach(items, items.weight, items.value, left, right)
        break_weight, break_value = items.weights[items.place], items.values[items.place]
        taken = _reach(items, items.weight + break_weight, items.value + break_value, left, right)
        return self._rounded(max(float(without), float(taken)))

    def bound(self, clock: Clock, incumbent: float | None = None) -> BoundValue:
        """Return the best of the three bounds; packings that cannot beat the incumbent need no bound of their own."""
        best = BoundValue(self.relaxation(), "linear relaxation")
        second = self.martello_toth()
        if second < best.value:
            best = BoundValue(second, "Martello-Toth")
        if self._items.place == len(self._items.values):
            return best
        known = self._items.value if incumbent is None else max(incumbent - self._free, self._items.value)
        for value in self._core(clock, known):
            if self._rounded(value) < best.value:
                best = BoundValue(self._rounded(value), "core enumeration")
            if incumbent is not None and best.value <= incumbent:
                break
        return replace(best, cut_short=clock.stops() and best.value > known + self._free)

    def _core(self, clock: Clock, known: float) -> Iterator[float]:
        """Yield a valid bound for each item that the core grows by, until the clock, the states or the items end."""
        items = self._items
        left, right = items.place - 1, items.place
        weights, values = np.array([items.weight]), np.array([items.value])
        costs, reach = _costs(items), float(_reach(items, items.weight, items.value, left, right))
        for step in range(CORE):
            while left >= 0 and reach - costs[left] <= known:
                left -= 1
            while right < len(costs) and reach - costs[right] <= known:
                right += 1
            if left < 0 and right == len(costs):
                yield known  # what could beat it differs from the break packing in the core alone, which is decided
                return
            if len(weights) > STATES // 2 or clock.stops():
                return
            if left < 0 or (right < len(costs) and step % 2 == 0):
                change_weight, change_value, right = items.weights[right], items.values[right], right + 1
            else:
                change_weight, change_value, left = -items.weights[left], -items.values[left], left - 1
            weights = np.concatenate([weights, weights + change_weight])
            values = np.concatenate([values, values + change_value])
            weights, values = _undominated(weights, values)
            known = float(values[weights <= items.capacity].max(initial=known))
            reaches = _reach(items, weights, values, left, right)
            if self._whole:
                reaches = np.floor(reaches / self._divisor) * self._divisor
            live = reaches > known
            yield float(reaches[live].max(initial=known))
            weights, values = weights[live], values[live]
            if len(weights) == 0:
                return

    def _rounded(self, value: float) -> float:
        """Return a bound that includes the items without weight, rounded to what values can sum to."""
        if self._whole:
            return float((math.floor(value) + int(self._free)) // self._divisor * self._divisor)
        return (value + self._free) * (1.0 + ROUNDING)


def _sort(instance: KnapsackInstance, fitting: Array) -> _Sorted:
    weights, capacity = instance.weights[fitting], instance.limit
    if len(fitting) and np.issubdtype(weights.dtype, np.integer):
        divisor = int(np.gcd.reduce(weights))
        weights, capacity = weights // divisor, math.floor(capacity) // divisor
    if np.issubdtype(weights.dtype, np.floating):
        capacity *= 1.0 + ROUNDING  # sums of weights may be too large by their rounding
    values, weights = instance.values[fitting].astype(np.float64), weights.astype(np.float64)
    ratios = values / weights
    order = np.argsort(-ratios, kind="stable")
    values, weights = values[order], weights[order]
    place = int(np.searchsorted(np.cumsum(weights), capacity, side="right"))
    return _Sorted(values, weights, ratios[order], capacity, place)


def _reach(items: _Sorted, weight: Array | float, value: Array | float, left: int, right: int) -> Array:
    """Return the most that packings can grow to by items from ``right`` on, or by dropping items up to ``left``."""
    room = items.capacity - np.asarray(weight, dtype=np.float64)
    room = np.where((room < 0) & (room > -0.1 * ROUNDING * items.capacity), 0.0, room)
    fill, empty = items.ratio(right) * (1.0 + SAFE), items.ratio(left) * (1.0 - SAFE)
    slope = np.where(room >= 0, fill, empty)
    reach: Array = value + np.where(room == 0, 0.0, room) * np.where(room == 0, 0.0, slope)
    return reach


def _costs(items: _Sorted) -> Array:
    """Return the least that deciding each item otherwise than the break packing costs in the linear relaxation."""
    spread = items.weights * items.ratio(items.place)
    costs: Array = np.abs(items.values - spread) - (items.values + spread) * SAFE
    return costs


def _undominated(weights: Array, values: Array) -> tuple[Array, Array]:
    """Return the packings that none as light is worth as much as, by rising weight."""
    order = np.lexsort((-values, weights))
    weights, values = weights[order], values[order]
    before = np.maximum.accumulate(values)[:-1]
    keep = np.append(True, values[1:] > before)
    return weights[keep], values[keep]
