"""Torch modules as `ReluNetwork`: traced, each layer known by its class, everything else refused by name."""

from __future__ import annotations

import copy
import operator
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn

from redwood.arrays import Array
from redwood.embedding.network import Affine
from redwood.embedding.predictor import Evaluate, Predictor
from redwood.embedding.tape import Tape
from redwood.errors import ModelError

LAYERS = (nn.Linear, nn.ReLU, nn.LeakyReLU, nn.Flatten, nn.Identity, nn.Dropout, nn.BatchNorm1d)
KNOWN = "Linear, ReLU, LeakyReLU, Flatten, Identity, Dropout, BatchNorm1d and sums of their results"
ADDING = (operator.add, operator.iadd, torch.add, "add", "add_")
RECTIFYING = (torch.relu, torch.relu_, nn.functional.relu, "relu", "relu_")
FLATTENING = (torch.flatten, "flatten")


def read_torch(module: Any, inputs: int) -> Predictor:
    """Return what a torch module computes of a vector."""
    if not isinstance(module, nn.Module):
        raise ModelError(f"a {type(module).__name__} is no torch module.")
    kind = type(module).__name__
    _check_modules(module)
    root = nn.Sequential(module) if isinstance(module, LAYERS) else module  # a trace begins inside of its root
    try:
        graph = _Tracer().trace(root)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"the forward of {kind} cannot be traced ({error}). Supported: {KNOWN}.") from error
    network = _Reader(root, inputs).read(graph)
    narrow = any(numbers.dtype != torch.float64 for numbers in module.state_dict().values() if numbers.is_floating_point())
    return Predictor(kind, network, _evaluator(module, True), _evaluator(module, False) if narrow else None)


def _evaluator(module: nn.Module, double: bool) -> Evaluate:
    """Return what asks the module as it is by then, in double precision or its own."""

    @torch.no_grad()
    def evaluate(points: Array) -> Array:
        asked = copy.deepcopy(module).cpu().double() if double else module
        first = next(asked.parameters(), torch.zeros(0, dtype=torch.float64))
        given = torch.as_tensor(points).to(first.device, first.dtype)
        found: Array = asked(given).double().cpu().reshape(len(points), -1).numpy()
        return found

    return evaluate


class _Tracer(fx.Tracer):
    """Looks into modules of users' own, and takes known layers as they are."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return isinstance(module, LAYERS) or super().is_leaf_module(module, name)


def _check_modules(root: nn.Module) -> None:
    """Refuse what a trace would not show: hooks, replaced forwards, the training mode where it makes a difference."""
    for path, module in root.named_modules():
        name = _called(path, module)
        base = next((layer for layer in LAYERS if isinstance(module, layer)), None)
        if base is not None and (type(module).forward is not base.forward or "forward" in vars(module)):
            raise ModelError(f"{name} is a {base.__name__} with a forward of its own, which cannot be embedded.")
        if "forward" in vars(module):
            raise ModelError(f"{name} has had its forward replaced, which cannot be embedded.")
        if module._forward_hooks or module._forward_pre_hooks:
            raise ModelError(f"{name} has a forward hook, which cannot be embedded; remove it.")
        if module.training and isinstance(module, (nn.Dropout, nn.BatchNorm1d)):
            raise ModelError(f"{name} is in training mode, in which its results are random; call .eval() on the network.")


def _called(path: str, module: nn.Module) -> str:
    kind = type(module).__name__
    return f"module {path!r} ({kind})" if path else f"the network ({kind})"


class _Reader:
    """Walks through a traced graph."""

    def __init__(self, root: nn.Module, inputs: int) -> None:
        self._modules = dict(root.named_modules())
        self._tape = Tape(inputs)
        self._values: dict[fx.Node, Affine] = {}

    def read(self, graph: fx.Graph) -> Any:
        """Return the network of the graph's output."""
        given = [node for node in graph.nodes if node.op == "placeholder"]
        if len(given) != 1:
            raise ModelError(f"the forward takes {len(given)} arguments; a network of one vector is needed.")
        self._values[given[0]] = self._tape.input()
        for node in graph.nodes:
            if node.op == "output":
                return self._tape.network(self._value(node.args[0], "the output"))
            if node.op == "call_module":
                self._values[node] = self._module(node)
            elif node.op in ("call_function", "call_method"):
                self._values[node] = self._function(node)
            elif node.op != "placeholder":
                raise ModelError(f"{node.target!r} is a tensor of its own in the forward. Supported: {KNOWN}.")
        raise ModelError("the forward returns nothing.")

    def _value(self, node: Any, name: str) -> Affine:
        if not isinstance(node, fx.Node) or node not in self._values:
            raise ModelError(f"{name} uses {node!r}, which is no result of a layer. Supported: {KNOWN}.")
        return self._values[node]

    def _module(self, node: fx.Node) -> Affine:
        """Return the result of a layer."""
        module = self._modules[str(node.target)]
        name = _called(str(node.target), module)
        if len(node.args) != 1 or node.kwargs:
            raise ModelError(f"{name} is called with {len(node.args)} arguments; expected 1.")
        value = self._value(node.args[0], name)
        if isinstance(module, nn.Linear):
            bias = None if module.bias is None else _numbers(module.bias)
            return self._tape.affine(value, _numbers(module.weight), bias, name)
        if isinstance(module, nn.LeakyReLU):
            return self._tape.relu(value, module.negative_slope, name)
        if isinstance(module, nn.ReLU):
            return self._tape.relu(value)
        if isinstance(module, nn.BatchNorm1d):
            return self._tape.scale(value, *_normal(module, name), name)
        if isinstance(module, (nn.Flatten, nn.Identity, nn.Dropout)):
            return value
        raise ModelError(f"{name} cannot be embedded. Supported: {KNOWN}.")

    def _function(self, node: fx.Node) -> Affine:
        """Return the result of a function or a method."""
        target: Any = node.target
        name = f"{target if isinstance(target, str) else getattr(target, '__name__', target)!s} in the forward"
        value = self._value(node.args[0], name)
        if target in ADDING:
            other = node.args[1] if len(node.args) > 1 else node.kwargs.get("other")
            return self._tape.add(value, self._value(other, name), name, float(node.kwargs.get("alpha", 1.0)))  # type: ignore[arg-type]
        if target in RECTIFYING:
            return self._tape.relu(value)
        if target is nn.functional.leaky_relu:
            slope: Any = node.args[1] if len(node.args) > 1 else node.kwargs.get("negative_slope", 0.01)
            return self._tape.relu(value, float(slope), name)
        if target in FLATTENING:
            return value
        raise ModelError(f"{name} cannot be embedded. Supported: {KNOWN}.")


def _numbers(values: Tensor) -> Array:
    if values.is_meta or values.is_complex():
        kind = "on the device 'meta', which holds no numbers" if values.is_meta else "complex"
        raise ModelError(f"a tensor of shape {list(values.shape)} is {kind}, so it cannot be embedded.")
    found: Array = values.detach().cpu().double().numpy()
    return found


def _normal(module: nn.BatchNorm1d, name: str) -> tuple[Array, Array]:
    """Return factor and shift of a normalisation by running statistics."""
    if module.running_mean is None or module.running_var is None:
        raise ModelError(f"{name} keeps no running statistics, so its results depend on the batch.")
    factor = 1.0 / np.sqrt(_numbers(module.running_var) + module.eps)
    shift = -_numbers(module.running_mean) * factor
    if module.affine:
        weight, bias = _numbers(module.weight), _numbers(module.bias)
        factor, shift = factor * weight, shift * weight + bias
    return factor, shift
