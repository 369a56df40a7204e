"""Where a predictor is embedded: a Pyomo model, or one compiled to arrays."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.budget import Sense
from redwood.embedding.formulation import Formulation
from redwood.errors import ModelError

Bounds = Sequence[tuple[float, float]]
INTEGER_TOLERANCE = 1e-9
"""A bound of 0.9999999999 on an integer input means 1."""


class Target(ABC):
    """The inputs of an embedding in the model that holds them.

    Attributes
    ----------
    low, high, integer
        Bounds and integrality [inputs] of the inputs.
    """

    low: Array
    high: Array
    integer: Array

    @abstractmethod
    def base(self) -> tuple[Any, Array]:
        """Return a HiGHS program of what is known of the inputs, and their columns in it."""

    @abstractmethod
    def write(self, formulation: Formulation, first_class: int | None) -> tuple[Any, list[Any], list[Any]]:
        """Write the formulation down; return the model or block, the outputs, and the classes' binaries if there are any."""

    @abstractmethod
    def values(self, solution: Any) -> Array:
        """Return the values of the inputs and of the formulation's columns [inputs + C] in a solution."""

    @abstractmethod
    def start(self, values: Array) -> Any:
        """Hand over values of all columns [inputs + C] to begin from."""

    @abstractmethod
    def objective(self, solution: Any) -> tuple[Sense, float] | None:
        """Return the sense and the value of the model's objective in a solution; ``None`` where it has none."""

    def resolve(self, names: Sequence[str], bounds: Bounds | None, own: Sequence[tuple[float, float]]) -> None:
        """Set the bounds from those given and the inputs' own, or ask for what is missing."""
        if bounds is not None and len(bounds) != len(names):
            raise ModelError(f"{len(bounds)} bounds are given for {len(names)} inputs.")
        given: Bounds = own if bounds is None else bounds
        pairs = [(max(a, c), min(b, d)) for (a, b), (c, d) in zip(own, given, strict=True)]
        for name, (least, most) in zip(names, pairs, strict=True):
            if not (math.isfinite(least) and math.isfinite(most)):
                raise ModelError(f"input {name} has the bounds {least} and {most}; give finite ones, there or with bounds=.")
        box = np.array(pairs, float).reshape(-1, 2)
        low = np.where(self.integer, np.ceil(box[:, 0] - INTEGER_TOLERANCE), box[:, 0])
        high = np.where(self.integer, np.floor(box[:, 1] + INTEGER_TOLERANCE), box[:, 1])
        for name, least, most in zip(names, low.tolist(), high.tolist(), strict=True):
            if least > most:
                raise ModelError(f"input {name} has no values: its bounds are {least} and {most}.")
        self.low, self.high = low, high
