"""ONNX models as `ReluNetwork` or trees: node by node, operators known by name, everything else refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.embedding.network import Affine, ReluNetwork
from redwood.embedding.predictor import Evaluate, Predictor
from redwood.embedding.read_onnx_trees import has_trees, held_against, read_trees
from redwood.embedding.tape import Tape
from redwood.errors import MissingDependencyError, ModelError

SAME = ("Identity", "Dropout", "Flatten")
KNOWN = (
    "Gemm, MatMul, Add, Sub, Mul and Div (by constants), Relu, LeakyRelu, BatchNormalization, Constant, "
    f"{', '.join(SAME)}, and TreeEnsembleRegressor alone"
)


def read_onnx(model: Any, inputs: int) -> Predictor:
    """Return what an ONNX model (or the one in a file) computes of a vector."""
    try:
        import onnx
    except ImportError as error:
        raise MissingDependencyError("an ONNX model needs onnx: pip install 'redwood[onnx]'.") from error
    if isinstance(model, (str, Path)):
        if not Path(model).is_file():
            raise ModelError(f"{str(model)!r} is no file of an ONNX model.")
        model = _loaded(model)
    if not isinstance(model, onnx.ModelProto):
        raise ModelError(f"a {type(model).__name__} is no ONNX model.")
    try:
        return _read(model, inputs)
    except ModelError:
        raise
    except Exception as error:  # whatever onnx and NumPy raise of a model that breaks the rules of its format
        words = (str(error).splitlines() or [""])[0][:200]
        raise ModelError(f"the ONNX model is damaged, or no valid one ({type(error).__name__}: {words}).") from error


def _loaded(path: str | Path) -> Any:
    """Return the model in a file, or raise `ModelError`."""
    import onnx

    try:
        return onnx.load(str(path))
    except Exception as error:  # whatever protobuf and onnx raise of a file that is none
        words = (str(error).splitlines() or [""])[0][:200]
        raise ModelError(f"{path} holds no ONNX model that can be read ({type(error).__name__}: {words}).") from error


def _read(model: Any, inputs: int) -> Predictor:
    """Return what a model computes; one that breaks the rules of its format raises whatever it hits upon."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    reader = _Reader(model.graph, inputs)
    runner = ReferenceEvaluator(model)
    own = np.float64 if reader.given.type.tensor_type.elem_type == onnx.TensorProto.DOUBLE else np.float32
    as_is = _evaluator(runner, reader.given.name, own)
    if has_trees(model.graph):
        trees = read_trees(model.graph, reader.given.name, inputs, own is np.float32)
        return Predictor("ONNX model", trees, held_against(trees, as_is), as_is)
    network = reader.read()
    if own is np.float64:
        return Predictor("ONNX model", network, as_is)
    return Predictor(
        "ONNX model", network, _evaluator(ReferenceEvaluator(_doubled(model)), reader.given.name, np.float64), as_is
    )


def _evaluator(runner: Any, name: str, kind: type) -> Evaluate:
    def evaluate(points: Array) -> Array:
        rows = [np.asarray(runner.run(None, {name: point[None].astype(kind)})[0], float).reshape(-1) for point in points]
        return np.array(rows)

    return evaluate


def _doubled(model: Any) -> Any:
    """Return a copy of a model all of whose floating-point numbers are in double precision."""
    import onnx
    from onnx import numpy_helper

    made = onnx.ModelProto()
    made.CopyFrom(model)
    for tensor in made.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
    for node in made.graph.node:
        for attribute in node.attribute:
            if attribute.t.data_type == onnx.TensorProto.FLOAT:
                attribute.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(attribute.t).astype(np.float64)))
    for value in (*made.graph.input, *made.graph.output, *made.graph.value_info):
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
            value.type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    return made


class _Reader:
    """Walks through a graph, in which operands are constants or values read so far."""

    def __init__(self, graph: Any, inputs: int) -> None:
        from onnx import numpy_helper

        self._graph, self._tape = graph, Tape(inputs)
        self._constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        given = [value for value in graph.input if value.name not in self._constants]
        if len(given) != 1 or len(graph.output) != 1:
            raise ModelError(
                f"the ONNX model has {len(given)} inputs and {len(graph.output)} outputs; expected one tensor each."
            )
        self.given = given[0]
        shape = self.given.type.tensor_type.shape.dim
        if shape and shape[-1].dim_value not in (0, inputs):
            raise ModelError(f"{inputs} inputs are given for an ONNX model of {shape[-1].dim_value}.")
        self._values: dict[str, Affine] = {self.given.name: self._tape.input()}

    def read(self) -> ReluNetwork:
        """Return the network of the graph's output."""
        for node in self._graph.node:
            self._step(node, f"{node.op_type} {node.name!r}" if node.name else node.op_type)
        return self._tape.network(self._value(self._graph.output[0].name, "the output"))

    def _value(self, name: str, user: str) -> Affine:
        if name not in self._values:
            raise ModelError(f"{user} uses {name!r}, which does not depend on the input. Supported: {KNOWN}.")
        return self._values[name]

    def _constant(self, name: str, user: str) -> Array:
        if name not in self._constants:
            raise ModelError(f"{user} uses {name!r}, which is not a constant there. Supported: {KNOWN}.")
        return np.asarray(self._constants[name], float)

    def _step(self, node: Any, name: str) -> None:
        """Read one node."""
        from onnx import helper, numpy_helper

        options = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        if node.op_type == "Constant":
            if "value" not in options:
                raise ModelError(f"{name} has no tensor as its value. Supported: {KNOWN}.")
            self._constants[node.output[0]] = numpy_helper.to_array(options["value"])
            return
        self._values[node.output[0]] = self._computed(node, name, options)

    def _computed(self, node: Any, name: str, options: dict[str, Any]) -> Affine:
        """Return the result of a node."""
        kind = node.op_type
        if kind in ("Add", "Sub", "Mul", "Div"):
            return self._arithmetic(node, name)
        if kind == "Gemm":
            return self._gemm(node, name, options)
        if kind == "MatMul":
            value = self._value(node.input[0], name)
            return self._tape.affine(value, self._constant(node.input[1], name).T, None, name)
        value = self._value(node.input[0], name)
        if kind == "Relu":
            return self._tape.relu(value)
        if kind == "LeakyRelu":
            return self._tape.relu(value, float(options.get("alpha", 0.01)), name)
        if kind == "BatchNormalization":
            factor, shift, mean, variance = (self._constant(given, name) for given in node.input[1:5])
            factor = factor / np.sqrt(variance + float(options.get("epsilon", 1e-5)))
            return self._tape.scale(value, factor, shift - mean * factor, name)
        if kind in SAME:
            return value
        raise ModelError(f"{name} cannot be embedded. Supported: {KNOWN}.")

    def _gemm(self, node: Any, name: str, options: dict[str, Any]) -> Affine:
        if options.get("transA", 0):
            raise ModelError(f"{name} transposes its input, which cannot be embedded.")
        matrix = self._constant(node.input[1], name) * float(options.get("alpha", 1.0))
        matrix = matrix if options.get("transB", 0) else matrix.T
        bias = None
        if len(node.input) > 2:
            bias = np.broadcast_to(
                self._constant(node.input[2], name).ravel() * float(options.get("beta", 1.0)), len(matrix)
            )
        return self._tape.affine(self._value(node.input[0], name), matrix, bias, name)

    def _arithmetic(self, node: Any, name: str) -> Affine:
        """Return a sum or a difference, or a product or quotient with a constant."""
        left, right = node.input
        sign = -1.0 if node.op_type == "Sub" else 1.0
        if node.op_type in ("Add", "Sub"):
            if left in self._values and right in self._values:
                return self._tape.add(self._values[left], self._values[right], name, sign)
            one = np.ones(1)
            if left in self._values:
                return self._tape.scale(self._values[left], one, sign * self._constant(right, name), name)
            return self._tape.scale(self._value(right, name), sign * one, self._constant(left, name), name)
        if node.op_type == "Mul" and left not in self._values:
            left, right = right, left
        factor = self._constant(right, name)
        return self._tape.scale(
            self._value(left, name), 1.0 / factor if node.op_type == "Div" else factor, np.zeros(1), name
        )
