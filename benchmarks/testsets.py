"""Test sets that papers on neural solvers state by their draw, made again number by number."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import FormatError, OptionError, suggestion
from redwood.problem import Instance
from redwood.solving.read import instance


def load(name: str, size: int, index: int, data: Path | None) -> Instance:
    """Return one instance of a test set.

    Parameters
    ----------
    name
        ``tsp-uniform``: size 100 is ``np.random.seed(1234); np.random.uniform(size=(10000, 100, 2))``, others are
        ``np.random.RandomState(777).random_sample((128, size, 2))``. ``cvrp-uniform``: files
        ``cvrp/uniform/cvrp<size>_64.npz`` of the data folder, with the LKH-3 lengths as best known values.
    size
        Nodes or customers.
    index
        Position in the set, from 0.
    data
        Where files are.

    Raises
    ------
    OptionError
        Where there is no such set, or it has no such size or position.
    FormatError
        Where its file is missing or broken.
    """
    if name not in SETS:
        raise OptionError(f"no test set is named {name!r}.{suggestion(name, SETS)}")
    return SETS[name](size, index, data)


def _tsp(size: int, index: int, data: Path | None) -> Instance:
    drawn = _drawn(size)
    if index >= len(drawn):
        raise OptionError(f"test set 'tsp-uniform' has {len(drawn)} instances of size {size}, and no number {index}.")
    return instance("tsp", coords=drawn[index], name=f"tsp-uniform-{size}-{index}")


@lru_cache(maxsize=4)
def _drawn(size: int) -> Array:
    """Return the coordinates [count, N, 2] of all instances of a size."""
    if size == 100:
        return np.random.RandomState(1234).uniform(size=(10_000, 100, 2))
    return np.random.RandomState(777).random_sample((128, size, 2))


def _cvrp(size: int, index: int, data: Path | None) -> Instance:
    arrays = _arrays(data, size)
    if index >= len(arrays["coords"]):
        raise OptionError(f"test set 'cvrp-uniform' has {len(arrays['coords'])} instances of size {size}, and no {index}.")
    made = instance(
        "cvrp",
        coords=arrays["coords"][index],
        demands=arrays["demands"][index],
        capacity=arrays["capacity"][index],
        name=f"cvrp-uniform-{size}-{index}",
    )
    return dataclasses.replace(made, best_known=float(arrays["reference"][index]))


@lru_cache(maxsize=4)
def _arrays(data: Path | None, size: int) -> dict[str, Any]:
    if data is None:
        raise OptionError("test set 'cvrp-uniform' is made of files; name their folder with --data or REDWOOD_DATA.")
    file = data / "cvrp" / "uniform" / f"cvrp{size}_64.npz"
    try:
        with np.load(file) as arrays:
            return {key: arrays[key] for key in ("coords", "demands", "capacity", "reference")}
    except (OSError, KeyError, ValueError) as error:
        raise FormatError(f"{file}: is no test set of {size} customers: {error}.") from error


SETS: dict[str, Callable[[int, int, Path | None], Instance]] = {"tsp-uniform": _tsp, "cvrp-uniform": _cvrp}
