"""`Predictor`: what a torch, scikit-learn or ONNX object was read as, and how to ask the object itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.embedding.network import ReluNetwork
from redwood.embedding.trees import TreeEnsemble
from redwood.errors import OptionError

Evaluate = Callable[[Array], Array]
"""Points [N, inputs] to outputs [N, n]."""


@dataclass(frozen=True, eq=False)
class Predictor:
    """A predictor as it was read.

    Attributes
    ----------
    kind
        The name of its class.
    model
        Its function.
    evaluate
        The object's own outputs, in double precision where the object allows it.
    as_is
        The object's own outputs in its own precision, where that is another one.
    labels
        The classes of a classifier.
    """

    kind: str
    model: ReluNetwork | TreeEnsemble
    evaluate: Evaluate
    as_is: Evaluate | None = None
    labels: tuple[Any, ...] | None = None

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return len(self.model.output.bias) if isinstance(self.model, ReluNetwork) else len(self.model.offset)

    def scaled(self, scaling: Scaling) -> Predictor:
        """Return the predictor of inputs and outputs in the model's own units."""
        count = self.outputs
        shift, scale = _vectors(scaling.input_shift, scaling.input_scale, self.model.inputs, "input")
        lift, factor = _vectors(scaling.output_shift, scaling.output_scale, count, "output")

        def in_units(evaluate: Evaluate) -> Evaluate:
            return lambda points: evaluate((points - shift) / scale) * factor + lift

        return replace(
            self,
            model=self.model.scaled(shift, scale).followed(np.diag(factor), lift),
            evaluate=in_units(self.evaluate),
            as_is=None if self.as_is is None else in_units(self.as_is),
        )


@dataclass(frozen=True)
class Scaling:
    """Units of a predictor, which is given ``(x - input_shift) / input_scale``.

    The outputs are ``y * output_scale + output_shift``. Each is one number, or one an input (output).
    """

    input_shift: float | Sequence[float] = 0.0
    input_scale: float | Sequence[float] = 1.0
    output_shift: float | Sequence[float] = 0.0
    output_scale: float | Sequence[float] = 1.0


def _vectors(shift: Any, scale: Any, count: int, side: str) -> tuple[Array, Array]:
    """Return shift and scale [count], checked."""
    found = []
    for name, numbers in (("shift", shift), ("scale", scale)):
        given = np.asarray(numbers, float)
        if given.ndim > 1 or given.size not in (1, count) or not np.isfinite(given).all():
            raise OptionError(f"{side}_{name} {numbers!r} must be one finite number, or {count} of them.")
        found.append(np.broadcast_to(given, count))
    if (found[1] <= 0).any():
        raise OptionError(f"{side}_scale {scale!r} must be above 0.")
    return found[0], found[1]
