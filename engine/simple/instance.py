"""Instances that are arrays of stated shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

import numpy as np

from redwood.errors import InstanceError
from redwood.problem import Instance, frozen

SHAPE = "redwood.shape"
"""Key of a field's metadata that holds its shape."""


def array(*dimensions: str | int) -> Any:
    """Return a dataclass field for an array of numbers.

    Parameters
    ----------
    *dimensions
        Its shape: letters, which mean the same number in every field of an instance, or numbers. With
        ``weights: np.ndarray = array("N", "N")`` the weights are a square matrix.
    """
    return field(metadata={SHAPE: dimensions})


@dataclass(frozen=True, eq=False, kw_only=True)
class ArrayInstance(Instance):
    """An instance whose fields are arrays made with `array`, numbers, texts and lists.

    Its size is the first dimension of the first array.
    """

    @property
    def size(self) -> int:
        """The first dimension of the first array."""
        first = next(entry for entry in fields(self) if SHAPE in entry.metadata)
        return len(getattr(self, first.name))


def given_fields(kind: type[Instance]) -> list[Field[Any]]:
    """Return the fields of an instance's class that make up its data."""
    return [entry for entry in fields(kind) if entry.name not in ("name", "best_known")]


def numbers(entry: Field[Any], value: Any) -> Any:
    """Return a field's value ready for an instance: arrays become read-only, of whole numbers or of floats, the rest stays.

    Raises
    ------
    InstanceError
        Where an array is ragged or holds what is no number.
    """
    if SHAPE not in entry.metadata:
        return value
    try:
        made = np.asarray(value)
    except ValueError as error:
        raise InstanceError(f"{entry.name} is no array: {error}") from error
    if made.dtype.kind not in "iufb":
        raise InstanceError(f"{entry.name} holds what is no number (its type is {made.dtype}); give an array of numbers.")
    if made.dtype.kind == "b":
        return frozen(made)
    return frozen(made, np.float64 if made.dtype.kind == "f" else np.int64)


def check_arrays(instance: Instance) -> None:
    """Raise `InstanceError` where an array has not its stated shape, is empty, or holds a number that is not finite."""
    lengths: dict[str, tuple[int, str]] = {}
    for entry in given_fields(type(instance)):
        if SHAPE in entry.metadata:
            made = getattr(instance, entry.name)
            _check_shape(entry.name, made.shape, entry.metadata[SHAPE], lengths)
            if not np.isfinite(made).all():
                place = [int(at[0]) for at in np.nonzero(~np.isfinite(made))]
                raise InstanceError(f"{entry.name}{place} is {made[tuple(place)]}; give finite numbers.")


def _check_shape(
    name: str, shape: tuple[int, ...], stated: tuple[str | int, ...], lengths: dict[str, tuple[int, str]]
) -> None:
    words = f"[{', '.join(map(str, stated))}]"
    if len(shape) != len(stated) or 0 in shape:
        raise InstanceError(f"{name} has shape {list(shape)}; expected {words}, none of them zero.")
    for got, dimension in zip(shape, stated, strict=True):
        if isinstance(dimension, int):
            expected, source = dimension, "as stated"
        else:
            expected, source = lengths.setdefault(dimension, (got, name))
        if got != expected:
            where = "" if isinstance(dimension, int) else f" with {dimension} = {expected} of {source}"
            raise InstanceError(f"{name} has shape {list(shape)}; expected {words}{where}.")


def data_of(instance: Instance) -> Mapping[str, Any]:
    """Return an instance's data as JSON can hold them."""
    values = {entry.name: getattr(instance, entry.name) for entry in given_fields(type(instance))}
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}
