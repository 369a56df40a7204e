"""`ReluNetwork`: a network whose only nonlinear function is the ReLU, in the form that all others are read into."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.errors import ModelError


class Affine(NamedTuple):
    """``matrix`` [n, w] times the values before, plus ``bias`` [n]."""

    matrix: Array
    bias: Array


def check_finite(name: str, **parts: Array) -> None:
    """Raise `ModelError` where a part of what has the name holds a number that is not finite."""
    for what, numbers in parts.items():
        if not np.isfinite(numbers).all():
            wrong = numbers[~np.isfinite(numbers)][0]
            raise ModelError(f"the {what} of {name} hold {wrong}; all must be finite numbers.")


@dataclass(frozen=True, eq=False)
class ReluNetwork:
    """``h_k = relu(matrix_k (x, h_1, .., h_{k-1}) + bias_k)``; the outputs are affine in the inputs x and all h.

    Every layer may use the inputs and all layers before it, so residual sums, leaky ReLUs and linear parts need no form of
    their own: ``leaky(z) = s z + (1 - s) relu(z)``.

    Attributes
    ----------
    inputs
        Number of inputs.
    layers
        What each layer's ReLUs are applied to; the matrix [n_k, inputs + n_1 + .. + n_{k-1}].
    output
        The outputs; the matrix [n, inputs + n_1 + .. + n_K].
    """

    inputs: int
    layers: tuple[Affine, ...]
    output: Affine

    def __post_init__(self) -> None:
        width = self.inputs
        for place, layer in enumerate((*self.layers, self.output)):
            name = f"layer {place}" if place < len(self.layers) else "the output"
            if layer.matrix.ndim != 2 or layer.matrix.shape[1] != width or layer.bias.shape != (len(layer.matrix),):
                shapes = f"{list(layer.matrix.shape)} and {list(layer.bias.shape)}"
                raise ModelError(f"{name} has weights and bias of the shapes {shapes}; expected {width} inputs.")
            check_finite(name, weights=layer.matrix, bias=layer.bias)
            width += len(layer.matrix)

    @property
    def widths(self) -> list[int]:
        """How many values there are before each layer, and before the output."""
        return [self.inputs, *(self.inputs + np.cumsum([len(layer.matrix) for layer in self.layers])).tolist()]

    def hidden(self, points: Array) -> Array:
        """Return the inputs and the values of all ReLUs [N, w] at points [N, inputs]."""
        values = points
        for layer in self.layers:
            values = np.hstack([values, np.maximum(values @ layer.matrix.T + layer.bias, 0.0)])
        return values

    def values(self, points: Array) -> Array:
        """Return the outputs [N, n] at points [N, inputs]."""
        found: Array = self.hidden(points) @ self.output.matrix.T + self.output.bias
        return found

    def scaled(self, shift: Array, scale: Array) -> ReluNetwork:
        """Return the network of ``(x - shift) / scale``; both [inputs]."""
        return replace(
            self,
            layers=tuple(_rescaled(layer, shift, scale) for layer in self.layers),
            output=_rescaled(self.output, shift, scale),
        )

    def followed(self, matrix: Array, shift: Array) -> ReluNetwork:
        """Return the network whose outputs are ``matrix y + shift`` of these outputs y."""
        return replace(self, output=Affine(matrix @ self.output.matrix, matrix @ self.output.bias + shift))

    def only_lowers(self, sign: float) -> list[Array]:
        """Return for each layer which ReLUs [n] can but lower all outputs times the sign by growing."""
        reach = sign * self.output.matrix
        up: Array = np.all(reach >= 0, axis=0)
        down: Array = np.all(reach <= 0, axis=0)
        found: list[Array] = []
        for layer, width in reversed(list(zip(self.layers, self.widths, strict=False))):
            own = slice(width, width + len(layer.matrix))
            helps, harms = up[own], down[own]
            found.append(harms)
            matrix = layer.matrix
            up[:width] &= (((matrix <= 0) | helps[:, None]) & ((matrix >= 0) | harms[:, None])).all(axis=0)
            down[:width] &= (((matrix >= 0) | helps[:, None]) & ((matrix <= 0) | harms[:, None])).all(axis=0)
        return found[::-1]


def _rescaled(layer: Affine, shift: Array, scale: Array) -> Affine:
    matrix = layer.matrix.copy()
    matrix[:, : len(scale)] /= scale
    return Affine(matrix, layer.bias - matrix[:, : len(scale)] @ shift)
