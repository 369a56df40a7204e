"""Named tuples by reference: kernels see the same numbers, and change the same arrays, as the Python that they stand for."""

from typing import NamedTuple

import numpy as np
import pytest
from numba.core.errors import TypingError

from redwood.arrays import Array
from redwood.kernel_fields import Reference, by_reference
from redwood.kernels import kernel


@by_reference
class Inner(NamedTuple):
    """A tuple within another one."""

    grid: Array
    scale: float


class Plain(NamedTuple):
    """A tuple that is passed by value."""

    first: Array
    second: int


@by_reference
class Outer(NamedTuple):
    """Arrays of several types and layouts, numbers, and tuples of both kinds."""

    numbers: Array
    table: Array
    flags: Array
    size: int
    ready: bool
    inner: Inner
    plain: Plain


@kernel(_nrt=False)
def add(outer: Outer, amount: float) -> None:
    """Add an amount to the numbers at whose flag something is set."""
    for i in range(outer.size):
        if outer.flags[i]:
            outer.numbers[i] += amount


@kernel(_nrt=False)
def total(outer: Outer, amount: float) -> float:
    """Add an amount, then sum up whatever the tuple holds."""
    add(outer, amount)
    if not outer.ready:
        return -1.0
    found = outer.inner.scale * outer.inner.grid[1, 0] + outer.plain.first[outer.plain.second] + outer.table[-1, 1]
    for number in outer.numbers:
        found += number
    return found + outer.table.shape[0] + len(outer.numbers)


@kernel(_nrt=False)
def _other(outer: Outer) -> float:
    return outer.absent


@pytest.fixture
def outer():
    """A tuple whose table is a slice, so that its rows are not next to each other."""
    return Outer(
        numbers=np.arange(4.0),
        table=np.arange(12.0).reshape(3, 4)[:, ::2],
        flags=np.array([True, False, True, True]),
        size=4,
        ready=True,
        inner=Inner(np.arange(4.0).reshape(2, 2), 10.0),
        plain=Plain(np.array([5, 6, 7]), 1),
    )


def test_kernels_compute_what_python_does(outer):
    """Fields of every kind have the values that Python sees, also in tuples within tuples and behind a call."""
    kept = outer._replace(numbers=outer.numbers.copy())
    assert total(outer, 0.5) == total.py_func(kept, 0.5) == 20 + 6 + 10 + 7.5 + 3 + 4


def test_kernels_change_the_arrays(outer):
    """What a kernel writes is in the arrays that it was given."""
    total(outer, 1.0)
    assert outer.numbers.tolist() == [1.0, 1.0, 3.0, 4.0]


def test_layouts_have_kernels_of_their_own(outer):
    """Another layout of an array is another type, compiled by itself."""
    total(outer, 0.0)
    dense = outer._replace(table=np.ascontiguousarray(outer.table), ready=False)
    assert total(dense, 0.0) == -1.0
    types = {signature[0] for signature in total.signatures}
    assert len(types) == 2
    assert all(isinstance(found, Reference) for found in types)


def test_an_unknown_field_is_an_error(outer):
    """A field that the tuple does not have is refused when the kernel is compiled."""
    with pytest.raises(TypingError, match="absent"):
        _other(outer)
