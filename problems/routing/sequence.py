"""Sequences of node numbers: coerced once, and checked in words, for tours and routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import SolutionError
from redwood.problem import Solution, frozen

SHOWN = 10
"""How many violations are told at most."""


def whole_numbers(values: Any, what: str) -> Array:
    """Return a flat list of whole numbers as a read-only int64 array.

    Raises
    ------
    SolutionError
        Where ``values`` is not a flat list of whole numbers.
    """
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise SolutionError(f"{what} is not a flat list of node numbers: {error}.") from error
    if array.ndim != 1:
        raise SolutionError(f"{what} has shape {list(array.shape)}; expected a flat list of node numbers.")
    if array.size == 0:
        return frozen(array, np.int64)
    if array.dtype.kind not in "iuf":
        raise SolutionError(f"{what} holds {array[0]!r}; expected whole node numbers.")
    small = np.abs(array.astype(np.float64)) < 2**53
    wrong = np.flatnonzero(~small | (array != np.rint(array)))
    if len(wrong):
        raise SolutionError(f"{what} holds {array[wrong[0]]} at position {wrong[0]}; expected whole node numbers.")
    return frozen(array, np.int64)


@dataclass(frozen=True, eq=False)
class Tour(Solution):
    """A closed tour, or a path.

    Attributes
    ----------
    tour
        Node numbers from 0 in the order of the visit, read-only int64; from the last one a closed tour goes to the first. A
        path lists both of its ends, and one that ends where it began begins and ends with the same node.

    Raises
    ------
    SolutionError
        Where ``tour`` is not a flat list of whole numbers.
    """

    tour: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "tour", whole_numbers(self.tour, "tour"))


def permutation_violations(order: Array, size: int, what: str = "tour") -> list[str]:
    """Return in words why ``order`` does not visit each of the nodes 0 to ``size - 1`` exactly once."""
    outside = np.flatnonzero((order < 0) | (order >= size))
    told = [
        f"{what} visits node {order[place]} at position {place}, which is not one of 0 to {size - 1}."
        for place in outside[:SHOWN]
    ]
    inside = order[(order >= 0) & (order < size)]
    visits = np.bincount(inside, minlength=size) if size else np.zeros(0, dtype=np.int64)
    told += [
        f"{what} visits node {node} {visits[node]} times instead of once." for node in np.flatnonzero(visits > 1)[:SHOWN]
    ]
    missing = np.flatnonzero(visits == 0)
    told += [f"{what} does not visit node {node}." for node in missing[:SHOWN]]
    if len(told) > SHOWN:
        count = len(outside) + int((visits > 1).sum()) + len(missing)
        told = [*told[: SHOWN - 1], f"{what} breaks {count} rules of this kind in all."]
    return told
