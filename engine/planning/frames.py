"""Frames of pandas, from what planning found; pandas is imported when a frame is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import MissingDependencyError, OptionError


def frame(columns: Mapping[Any, Any]) -> Any:
    """Return a pandas frame of columns [N] by name.

    Raises
    ------
    MissingDependencyError
        Where pandas is not installed (extra ``frames``).
    """
    try:
        import pandas
    except ImportError as error:
        raise MissingDependencyError("a frame needs pandas: pip install 'redwood[frames]'.") from error
    return pandas.DataFrame(dict(columns))


def long_columns(values: Array, axes: Mapping[str, Sequence[Any]], name: str) -> dict[str, Array]:
    """Return an array of any shape as columns [N]: one for each axis, with that axis' labels, and the values.

    Parameters
    ----------
    values
        An array with as many axes as ``axes``.
    axes
        Labels along each axis, by its name, in order.
    name
        What the column of values is called.
    """
    places = np.indices(values.shape).reshape(values.ndim, -1)
    labelled = {axis: np.array(list(labels))[place] for (axis, labels), place in zip(axes.items(), places, strict=True)}
    return {**labelled, name: values.ravel()}


def arm_labels(names: Sequence[Any] | None, count: int) -> list[Any]:
    """Return the names of arms, or their numbers where there are none; raise `OptionError` for another number of names."""
    if names is None or not len(names):
        return list(range(count))
    if len(names) != count:
        raise OptionError(f"{len(names)} names were given, and there are {count} arms.")
    return list(names)
