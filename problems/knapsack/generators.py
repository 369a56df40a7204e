"""Random values and weights of knapsack items: the uniform kind of neural solvers and Pisinger's 13 classes.

References
----------
Pisinger (2005), Where are the hard knapsack problems?, Computers & Operations Research 32, sections 2 to 4,
doi:10.1016/j.cor.2004.03.002. Where the paper leaves the rounding open, or the instances in use differ from it, the
class says which of them it follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from redwood.arrays import Array
from redwood.settings import whole

CAPACITY = 25
"""Capacity of the uniform kind."""
Items = tuple[Array, Array]
"""Values [N] and weights [N]."""


def draw(variant: str, size: int, rng: np.random.Generator, largest: int) -> Items:
    """Return values [N] and weights [N] of a variant.

    Parameters
    ----------
    variant
        ``uniform``, or a key of `CLASSES`.
    size
        Number of items N.
    rng
        Draws the items.
    largest
        Largest weight of Pisinger's classes, and largest value where it is independent; ``uniform`` does not use it.

    Raises
    ------
    OptionError
        Where the range ``largest`` of a Pisinger class is below 10 (its tenth is used) or above a million.
    """
    if variant == "uniform":
        return _uniform(size, rng)
    return CLASSES[variant](size, rng, whole("largest", largest, 10, 10**6))


def _uniform(size: int, rng: np.random.Generator) -> Items:
    values, weights = rng.integers(1, 999, (2, size)) / 1000
    return values, weights


def _between(rng: np.random.Generator, low: Array | int, high: Array | int, size: int) -> Array:
    """Return whole numbers from ``low`` to ``high``, both included."""
    return rng.integers(low, np.asarray(high) + 1, size)


def _uncorrelated(size: int, rng: np.random.Generator, largest: int) -> Items:
    return _between(rng, 1, largest, size), _between(rng, 1, largest, size)


def _weakly_correlated(size: int, rng: np.random.Generator, largest: int) -> Items:
    weights = _between(rng, 1, largest, size)
    return _near(weights, rng, largest), weights


def _near(weights: Array, rng: np.random.Generator, largest: int) -> Array:
    values: Array = np.maximum(1, weights + _between(rng, -(largest // 10), largest // 10, len(weights)))
    return values


def _strongly_correlated(size: int, rng: np.random.Generator, largest: int) -> Items:
    weights = _between(rng, 1, largest, size)
    return weights + largest // 10, weights


def _inverse_strongly_correlated(size: int, rng: np.random.Generator, largest: int) -> Items:
    values = _between(rng, 1, largest, size)
    return values, values + largest // 10


def _almost_strongly_correlated(size: int, rng: np.random.Generator, largest: int) -> Items:
    weights = _between(rng, 1, largest, size)
    return weights + largest // 10 + _between(rng, -(largest // 500), largest // 500, size), weights


def _subset_sum(size: int, rng: np.random.Generator, largest: int) -> Items:
    weights = _between(rng, 1, largest, size)
    return weights, weights


def _similar_weights(size: int, rng: np.random.Generator, largest: int) -> Items:
    return _between(rng, 1, largest, size), _between(rng, 100 * largest, 100 * largest + largest // 10, size)


def _multiple_strongly_correlated(size: int, rng: np.random.Generator, largest: int) -> Items:
    """Return weights with a surcharge of 3 R / 10 for those that 6 divides and of 2 R / 10 for the others."""
    weights = _between(rng, 1, largest, size)
    return weights + np.where(weights % 6 == 0, 3 * largest // 10, 2 * largest // 10), weights


def _profit_ceiling(size: int, rng: np.random.Generator, largest: int) -> Items:
    """Return weights rounded up to multiples of 3 as values (the instances in use round down)."""
    weights = _between(rng, 1, largest, size)
    return -(-weights // 3) * 3, weights


def _circle(size: int, rng: np.random.Generator, largest: int) -> Items:
    """Return values on an arc, 2/3 sqrt(4 R^2 - (w - 2 R)^2) rounded to the nearest whole number.

    The instances in use are another class by mistake: their values are 21.07 w.
    """
    weights = _between(rng, 1, largest, size)
    return np.rint(2 / 3 * np.sqrt(4.0 * largest**2 - (weights - 2.0 * largest) ** 2)).astype(np.int64), weights


def _spanner(correlation: Callable[[Array, np.random.Generator, int], Array]) -> Callable[..., Items]:
    """Return the class span(2, 10): multiples by 1 to 10 of two items, whose weights are drawn and divided by 11.

    The values belong to the divided weights, as in the instances in use.
    """

    def items(size: int, rng: np.random.Generator, largest: int) -> Items:
        base = np.maximum(1, _between(rng, 1, largest, 2) // 11)
        values = correlation(base, rng, largest)
        chosen, multiple = _between(rng, 0, 1, size), _between(rng, 1, 10, size)
        return values[chosen] * multiple, base[chosen] * multiple

    return items


def _free(weights: Array, rng: np.random.Generator, largest: int) -> Array:
    values: Array = np.maximum(1, _between(rng, 1, largest, len(weights)) // 11)
    return values


def _surcharged(weights: Array, rng: np.random.Generator, largest: int) -> Array:
    return weights + largest // 10


CLASSES: Mapping[str, Callable[[int, np.random.Generator, int], Items]] = {
    "uncorrelated": _uncorrelated,
    "weakly-correlated": _weakly_correlated,
    "strongly-correlated": _strongly_correlated,
    "inverse-strongly-correlated": _inverse_strongly_correlated,
    "almost-strongly-correlated": _almost_strongly_correlated,
    "subset-sum": _subset_sum,
    "uncorrelated-similar-weights": _similar_weights,
    "spanner-uncorrelated": _spanner(_free),
    "spanner-weakly-correlated": _spanner(_near),
    "spanner-strongly-correlated": _spanner(_surcharged),
    "multiple-strongly-correlated": _multiple_strongly_correlated,
    "profit-ceiling": _profit_ceiling,
    "circle": _circle,
}
"""Pisinger's classes by name: size, generator and range R to values and weights."""

VARIANTS = ("uniform", *CLASSES)
