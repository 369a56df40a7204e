"""A knapsack instance in whole numbers: what the dynamic programme works on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from redwood.arrays import Array
from redwood.problems.knapsack.instance import KnapsackInstance, Packing
from redwood.tolerance import ROUNDING

DIGITS = 9
"""Decimal fractions of up to so many digits are scaled to whole numbers without loss."""
ROOM = 2**60
"""Sums of scaled numbers stay below this, so that no state of the programme overflows 64 bits."""
RESOLUTION = 1e-10
"""Values that are no decimal fractions are rounded so that all of them together lose this share of the largest one."""


@dataclass(frozen=True)
class WholeItems:
    """The items that need a decision, by falling value per weight, in whole units.

    Attributes
    ----------
    values, weights
        Whole numbers [M], at least 1; their greatest common divisors are divided out.
    capacity
        Whole number; each weight is at most this.
    items
        Index [M] of each item in the instance.
    free
        Indices of the items that weigh nothing and are always packed.
    unit
        What one unit of value is worth in the instance.
    loss
        The most, in the instance's values, that a packing can be worth more than its whole values say. Zero where
        values are whole numbers or decimal fractions.
    """

    values: Array
    weights: Array
    capacity: int
    items: Array
    free: Array
    unit: Fraction
    loss: float

    def packing(self, chosen: Array) -> Packing:
        """Return the packing of chosen places [M] (booleans) and of the free items."""
        return Packing(np.sort(np.concatenate([self.items[chosen], self.free])))

    def value(self, packing: Packing) -> int:
        """Return what the items of a packing that need a decision are worth in whole units."""
        return int(self.values[np.isin(self.items, packing.items)].sum())


def whole_items(instance: KnapsackInstance) -> WholeItems:
    """Return an instance in whole numbers.

    Whole numbers and decimal fractions of up to `DIGITS` digits are scaled without loss. Other weights are rounded up
    to multiples of a power of two (by less than 1e-17 of their sum), other values down (see `WholeItems.loss`).
    """
    fitting = np.flatnonzero((instance.weights <= instance.limit) & (instance.values > 0))  # others must not set the scale
    weights, capacity = _whole_weights(instance.weights[fitting], instance.capacity, instance.limit)
    free, kept = fitting[weights == 0], (weights > 0) & (weights <= capacity)
    items, weights = fitting[kept], weights[kept]
    values, unit, loss = _whole_values(instance.values[items])
    items, values, weights = items[values > 0], values[values > 0], weights[values > 0]
    if len(items):
        weight_divisor, value_divisor = int(np.gcd.reduce(weights)), int(np.gcd.reduce(values))
        weights, capacity = weights // weight_divisor, capacity // weight_divisor
        values, unit = values // value_divisor, unit * value_divisor
    order = np.lexsort((-weights, -(values / weights)))
    return WholeItems(values[order], weights[order], capacity, items[order], free, unit, loss)


def _whole_weights(weights: Array, capacity: float, most: float) -> tuple[Array, int]:
    """Return whole weights and the capacity: all that the problem allows, but for the rounding of sums."""
    if np.issubdtype(weights.dtype, np.integer):
        return weights.astype(np.int64), min(math.floor(capacity), int(weights.sum()))
    limit = Fraction(most) * (1 - Fraction(ROUNDING))
    scaled = _decimal(weights)
    if scaled is not None:
        return scaled[0], min(math.floor(limit * scaled[1]), int(scaled[0].sum()))
    exponent = 59 - math.frexp(float(weights.sum()))[1]
    whole = np.ceil(np.ldexp(weights, exponent)).astype(np.int64)
    return whole, min(math.floor(limit * Fraction(2) ** exponent), int(whole.sum()))


def _whole_values(values: Array) -> tuple[Array, Fraction, float]:
    scaled = _decimal(values)
    if scaled is not None:
        return scaled[0], Fraction(1, scaled[1]), 0.0
    wanted = math.ceil(math.log2(len(values) / RESOLUTION)) + 1 - math.frexp(float(values.max()))[1]
    exponent = min(wanted, 59 - math.frexp(float(values.sum()))[1])
    whole = np.floor(np.ldexp(values, exponent)).astype(np.int64)
    return whole, Fraction(2) ** -exponent, math.ldexp(len(values), -exponent)


def _decimal(numbers: Array) -> tuple[Array, int] | None:
    """Return whole numbers and the power of ten that they are to be divided by, or ``None`` where there is none."""
    if np.issubdtype(numbers.dtype, np.integer):
        return numbers.astype(np.int64), 1
    for digits in range(DIGITS + 1):
        scale = 10**digits
        scaled = np.rint(numbers * scale)
        if float(scaled.sum()) >= ROOM:
            return None
        if np.array_equal(scaled / scale, numbers):
            return scaled.astype(np.int64), scale
    return None
