"""What a 0-1 knapsack instance and a packing are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import SolutionError
from redwood.problem import Instance, Solution, frozen

SLACK = 1e-9
"""Share of the capacity by which real weights may exceed it: what adding floats can lose."""


@dataclass(frozen=True, eq=False, kw_only=True)
class KnapsackInstance(Instance):
    """Items with values and weights, and one capacity.

    Attributes
    ----------
    values
        Value [N] of each item, at least 0: int64 where all are whole, else float64. Whole values sum to less than
        2^53, so that every objective is exact.
    weights
        Weight [N] of each item, at least 0: int64 where all are whole (they too sum to less than 2^53), else float64.
    capacity
        The most that the packed items may weigh together; an ``int`` where it is whole.
    """

    problem: ClassVar[str] = "knapsack"
    values: Array
    weights: Array
    capacity: float

    @property
    def size(self) -> int:
        """Number of items N."""
        return len(self.values)

    @cached_property
    def limit(self) -> float:
        """The largest weight that counts as within capacity: the capacity itself where the weights are whole numbers."""
        whole = np.issubdtype(self.weights.dtype, np.integer)
        return self.capacity if whole else self.capacity * (1.0 + SLACK)


@dataclass(frozen=True, eq=False)
class Packing(Solution):
    """The items that are packed.

    Attributes
    ----------
    items
        Indices of the packed items from 0, in any order, read-only int64.

    Raises
    ------
    SolutionError
        Where ``items`` is not a flat list of whole numbers.
    """

    items: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "items", _indices(self.items))


def _indices(items: Any) -> Array:
    try:
        array = np.asarray(items)
    except (TypeError, ValueError) as error:
        raise SolutionError(f"items are not a flat list of indices: {error}.") from error
    if array.ndim != 1:
        raise SolutionError(f"items have shape {list(array.shape)}; expected a flat list of indices.")
    if array.size == 0:
        return frozen(array, np.int64)
    if array.dtype.kind not in "iuf":
        raise SolutionError(f"items hold {array[0]!r}; expected whole indices (a mask becomes indices by np.flatnonzero).")
    small = np.abs(array.astype(np.float64)) < 2**53
    wrong = np.flatnonzero(~small | (array != np.rint(array)))
    if len(wrong):
        raise SolutionError(f"items hold {array[wrong[0]]} at position {wrong[0]}; expected whole indices.")
    return frozen(array, np.int64)
