"""`network_block`: a torch network of your own as a Pyomo block, to be joined to constraints of your own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import ModelError

if TYPE_CHECKING:
    from pyomo.core.base.block import Block
    from torch import nn


def network_block(network: nn.Sequential, inputs: Sequence[Any]) -> Block:
    """Return a Pyomo block that holds a feed-forward ReLU network of given variables.

    Assign it to a model, ``model.q = network_block(net, list(model.x.values()))``, and use the expressions
    ``model.q.outputs[i]`` in constraints and objectives. Bounds of the neurons follow from those of the inputs; a ReLU
    that they prove on or off gets neither variables nor rows.

    Parameters
    ----------
    network
        ``Linear`` layers with a ``ReLU`` between every two.
    inputs
        Variables with finite bounds, one an input.

    Raises
    ------
    ModelError
        Where a layer is of another kind, or an input has no finite bounds.
    """
    from pyomo.environ import Block, Expression, RangeSet

    layers = affine_layers(network)
    low, high = _input_bounds(inputs, layers[0][0].shape[1])
    block = Block(concrete=True)
    values: list[Any] = list(inputs)
    for depth, (matrix, bias) in enumerate(layers):
        up, down = np.maximum(matrix, 0.0), np.minimum(matrix, 0.0)
        low, high = up @ low + down @ high + bias, up @ high + down @ low + bias
        sums = [_affine(row, constant, values) for row, constant in zip(matrix, bias, strict=True)]
        if depth == len(layers) - 1:
            block.outputs = Expression(RangeSet(0, len(sums) - 1), initialize=dict(enumerate(sums)))
            return block
        relus = Block(concrete=True)
        block.add_component(f"layer{depth}", relus)
        values = _relus(relus, sums, low, high)
        low, high = np.maximum(low, 0.0), np.maximum(high, 0.0)
    raise ModelError("the network has no layers.")


def affine_layers(network: nn.Sequential) -> list[tuple[Array, Array]]:
    """Return matrix [n, m] and bias [n] of each linear layer, refusing anything but ReLUs between them."""
    from torch import nn

    layers = []
    for place, module in enumerate(network):
        expected = nn.Linear if place % 2 == 0 else nn.ReLU
        if not isinstance(module, expected):
            raise ModelError(
                f"layer {place} is {type(module).__name__}; a ReLU network has {expected.__name__} there "
                "(Linear, ReLU, Linear, ..., Linear)."
            )
        if isinstance(module, nn.Linear):
            weight = module.weight.detach().double().numpy()
            bias = np.zeros(len(weight)) if module.bias is None else module.bias.detach().double().numpy()
            layers.append((weight, bias))
    if len(network) % 2 == 0:
        raise ModelError("a ReLU network ends with a Linear layer.")
    return layers


def _input_bounds(inputs: Sequence[Any], count: int) -> tuple[Array, Array]:
    """Return the bounds [m] of the input variables."""
    if len(inputs) != count:
        raise ModelError(f"{len(inputs)} inputs are given for a network of {count}.")
    for variable in inputs:
        if variable.lb is None or variable.ub is None:
            raise ModelError(f"input {variable.name!r} has no finite bounds, so its ReLUs would have none.")
    return np.array([variable.lb for variable in inputs], float), np.array([variable.ub for variable in inputs], float)


def _affine(row: Array, constant: float, values: Sequence[Any]) -> Any:
    from pyomo.environ import quicksum

    terms = [float(weight) * value for weight, value in zip(row, values, strict=True) if weight != 0]
    return quicksum(terms) + float(constant)


def _relus(block: Any, sums: Sequence[Any], low: Array, high: Array) -> list[Any]:
    """Add the ReLUs of a layer to its block, and return their values as variables or expressions."""
    from pyomo.environ import Binary, ConstraintList, NonNegativeReals, Var

    unstable = [neuron for neuron in range(len(sums)) if low[neuron] < 0 < high[neuron]]
    block.relu = Var(unstable, domain=NonNegativeReals)
    block.is_on = Var(unstable, domain=Binary)
    block.rows = ConstraintList()
    values: list[Any] = []
    for neuron, total in enumerate(sums):
        if neuron not in block.relu:
            values.append(total if low[neuron] >= 0 else 0.0)
            continue
        value, active = block.relu[neuron], block.is_on[neuron]
        value.setub(float(high[neuron]))
        block.rows.add(value >= total)
        block.rows.add(value <= total - float(low[neuron]) * (1 - active))
        block.rows.add(value <= float(high[neuron]) * active)
        values.append(value)
    return values
