"""`Tape`: reads a computation step by step into a `ReluNetwork`; linear steps are multiplied out on the way."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.embedding.network import Affine, ReluNetwork, check_finite
from redwood.errors import ModelError


class Tape:
    """What has been computed so far: values are affine in the inputs and in the ReLUs written down."""

    def __init__(self, inputs: int) -> None:
        self._inputs = inputs
        self._width = inputs
        self._layers: list[Affine] = []

    def input(self) -> Affine:
        """Return the inputs themselves."""
        return Affine(np.eye(self._inputs), np.zeros(self._inputs))

    def affine(self, value: Affine, matrix: Array, bias: Array | None, name: str) -> Affine:
        """Return ``matrix value + bias``; the name is the step's own, for errors.

        Parameters
        ----------
        value
            A value computed before.
        matrix, bias
            Weights [n, w] and bias [n] of the step; ``None`` for no bias.
        name
            The step's own name, for messages.
        """
        if matrix.shape[1] != len(value.matrix):
            raise ModelError(f"{name} takes {matrix.shape[1]} inputs; the step before it gives {len(value.matrix)}.")
        shift = np.zeros(len(matrix)) if bias is None else bias
        check_finite(name, weights=matrix, bias=shift)
        return Affine(matrix @ value.matrix, matrix @ value.bias + shift)

    def scale(self, value: Affine, factor: Array, shift: Array, name: str) -> Affine:
        """Return ``factor * value + shift``, each of one number or of one a value.

        Parameters
        ----------
        value
            A value computed before.
        factor, shift
            One number, or one for each entry of the value, of any shape.
        name
            The step's own name, for messages.
        """
        count = len(value.matrix)
        if factor.size not in (1, count) or shift.size not in (1, count):
            raise ModelError(f"{name} is for {max(factor.size, shift.size)} values; the step before it gives {count}.")
        return self.affine(
            value, np.diag(np.broadcast_to(factor.ravel(), count)), np.broadcast_to(shift.ravel(), count), name
        )

    def add(self, one: Affine, other: Affine, name: str, factor: float = 1.0) -> Affine:
        """Return ``one + factor * other``.

        Parameters
        ----------
        one, other
            Values computed before, of one length.
        name
            The step's own name, for messages.
        factor
            What the other value is multiplied by.
        """
        if len(one.matrix) != len(other.matrix):
            raise ModelError(f"{name} adds {len(one.matrix)} values to {len(other.matrix)}.")
        width = max(one.matrix.shape[1], other.matrix.shape[1])
        return Affine(_wide(one, width) + factor * _wide(other, width), one.bias + factor * other.bias)

    def relu(self, value: Affine, slope: float = 0.0, name: str = "") -> Affine:
        """Return its ReLU, or with a slope its leaky ReLU ``s z + (1 - s) relu(z)``; the name is for messages."""
        if not 0 <= slope <= 1:
            raise ModelError(f"{name} has the slope {slope}; it must be from 0 to 1.")
        count = len(value.matrix)
        self._layers.append(Affine(_wide(value, self._width), value.bias))
        own = np.zeros((count, self._width + count))
        own[:, self._width :] = np.eye(count) * (1.0 - slope)
        self._width += count
        return Affine(own + slope * _wide(value, self._width), slope * value.bias)

    def network(self, output: Affine) -> ReluNetwork:
        """Return what was read, with these outputs."""
        return ReluNetwork(self._inputs, tuple(self._layers), Affine(_wide(output, self._width), output.bias))


def _wide(value: Affine, width: int) -> Array:
    """Return the matrix with zeros for values that came later."""
    return np.pad(value.matrix, ((0, 0), (0, width - value.matrix.shape[1])))
