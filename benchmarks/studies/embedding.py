"""Predictors in programs: right answers against enumeration, and time, nodes and rows beside OMLT.

``python benchmarks/studies/embedding.py answers`` holds 200 random models against enumeration; ``beside`` solves the same
models by `redwood.embed` and by OMLT on HiGHS, one thread, and adds lines to a JSONL file; ``limits`` compares ways to find
limits of ReLUs; ``table`` writes the tables of the page "Embed a network in my MIP".
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyomo.environ as pyo
import torch
from torch import nn

from redwood import Embedded, embed
from redwood.arrays import Array


class Residual(nn.Module):
    """A sum around two layers, and a leaky one behind."""

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.first, self.inner = nn.Linear(inputs, width), nn.Sequential(nn.Linear(width, width), nn.ReLU())
        self.last = nn.Linear(width, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs of points [N, inputs]."""
        found = torch.relu(self.first(x))
        return self.last(nn.functional.leaky_relu(found + self.inner(found), 0.2))  # type: ignore[no-any-return]


def torch_case(kind: str, inputs: int, outputs: int, seed: int) -> nn.Module:
    """Return a random torch module; ``single`` is one in single precision."""
    torch.manual_seed(seed)
    if kind == "residual":
        return Residual(inputs, 6, outputs).double()
    if kind == "leaky":
        return nn.Sequential(nn.Linear(inputs, 8), nn.LeakyReLU(0.1), nn.Linear(8, outputs)).double()
    if kind == "normalised":
        net = nn.Sequential(
            nn.Flatten(), nn.Linear(inputs, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, outputs)
        )
        net.double().train()(torch.randn(64, inputs).double())
        return net.eval()
    net = nn.Sequential(nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, outputs))
    return net if kind == "single" else net.double()


def sklearn_case(kind: str, inputs: int, seed: int) -> Any:
    """Return a fitted scikit-learn model of random data."""
    from sklearn import ensemble, linear_model, neural_network, pipeline, preprocessing, tree

    generator = np.random.default_rng(seed)
    points = generator.integers(-1, 3, (150, inputs)) + generator.normal(0, 0.3, (150, inputs))
    target = np.sin(points[:, 0]) * points[:, 1] + np.abs(points[:, 2] - 0.5) + 0.3 * points.sum(axis=1)
    classes = np.digitize(target, np.quantile(target, [0.4, 0.7]))
    options: dict[str, Any] = {"random_state": seed}
    made: dict[str, Callable[[], Any]] = {
        "ridge": lambda: linear_model.Ridge(),
        "logistic": lambda: linear_model.LogisticRegression(),
        "perceptron": lambda: neural_network.MLPRegressor(hidden_layer_sizes=(8, 6), max_iter=60, **options),
        "perceptron-classes": lambda: neural_network.MLPClassifier(hidden_layer_sizes=(8,), max_iter=60, **options),
        "tree": lambda: tree.DecisionTreeRegressor(max_depth=4, **options),
        "forest": lambda: ensemble.RandomForestRegressor(8, max_depth=4, **options),
        "forest-classes": lambda: ensemble.RandomForestClassifier(7, max_depth=3, **options),
        "boosting": lambda: ensemble.GradientBoostingRegressor(n_estimators=12, max_depth=3, **options),
        "boosting-classes": lambda: ensemble.GradientBoostingClassifier(n_estimators=4, max_depth=2, **options),
        "binned": lambda: ensemble.HistGradientBoostingRegressor(max_iter=8, max_depth=3, **options),
        "scaled-forest": lambda: pipeline.make_pipeline(
            preprocessing.StandardScaler(), ensemble.RandomForestRegressor(6, max_depth=3, **options)
        ),
        "scaled-perceptron": lambda: pipeline.make_pipeline(
            preprocessing.MinMaxScaler(), neural_network.MLPRegressor(hidden_layer_sizes=(8,), max_iter=60, **options)
        ),
    }
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a perceptron's training has not converged is no matter here
        return made[kind]().fit(points, classes if "classes" in kind or kind == "logistic" else target)


def onnx_case(inputs: int, outputs: int, seed: int, double: bool = True) -> Any:
    """Return a random ONNX model with a residual sum."""
    from onnx import TensorProto, helper, numpy_helper

    generator, number = np.random.default_rng(seed), np.float64 if double else np.float32
    kind = TensorProto.DOUBLE if double else TensorProto.FLOAT
    shapes = {"W1": (7, inputs), "b1": (7,), "W2": (7, 7), "W3": (7, outputs), "b3": (outputs,)}
    weights = [
        numpy_helper.from_array(generator.normal(0, 0.6, shape).astype(number), name) for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Gemm", ["x", "W1", "b1"], ["z1"], transB=1),
        helper.make_node("LeakyRelu", ["z1"], ["h1"], alpha=0.1),
        helper.make_node("MatMul", ["h1", "W2"], ["z2"]),
        helper.make_node("Relu", ["z2"], ["h2"]),
        helper.make_node("Add", ["h1", "h2"], ["s"]),
        helper.make_node("MatMul", ["s", "W3"], ["z3"]),
        helper.make_node("Add", ["z3", "b3"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(name, kind, [None, size]) for name, size in (("x", inputs), ("y", outputs))]
    graph = helper.make_graph(nodes, "random", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


TORCH = ("chain", "single", "leaky", "normalised", "residual")
SKLEARN = ("ridge", "logistic", "perceptron", "perceptron-classes", "tree", "forest", "forest-classes", "boosting") + (
    "boosting-classes",
    "binned",
    "scaled-forest",
    "scaled-perceptron",
)
KINDS = (*TORCH, *SKLEARN, "onnx")


def case(kind: str, inputs: int, seed: int) -> Any:
    """Return a random predictor."""
    if kind in TORCH:
        return torch_case(kind, inputs, 2, seed)
    return onnx_case(inputs, 2, seed) if kind == "onnx" else sklearn_case(kind, inputs, seed)


def whole_model(inputs: int, seed: int) -> tuple[pyo.ConcreteModel, Array]:
    """Return a model of integer inputs under a random constraint, and all points [N, inputs] that it allows."""
    generator = np.random.default_rng(seed)
    model = pyo.ConcreteModel()
    low = generator.integers(-1, 1, inputs)
    high = low + generator.integers(1, 4, inputs)
    model.x = pyo.Var(range(inputs), domain=pyo.Integers, bounds=lambda _, i: (int(low[i]), int(high[i])))
    weights = generator.normal(0, 1, inputs).round(2)
    points = np.array(list(itertools.product(*(range(a, b + 1) for a, b in zip(low, high, strict=True)))), float)
    level = float(np.quantile(points @ weights, 0.7)) + 1e-4
    model.rows = pyo.Constraint(expr=sum(weights[i] * model.x[i] for i in range(inputs)) <= level)
    return model, points[points @ weights <= level]


def solved(model: pyo.ConcreteModel, embedded: Embedded, mix: Array, maximise: bool) -> tuple[float, Any]:
    """Return the objective ``mix outputs`` of the solved model, and the check."""
    sense = pyo.maximize if maximise else pyo.minimize
    model.worth = pyo.Objective(
        expr=sum(float(share) * output for share, output in zip(mix, embedded.outputs, strict=True)), sense=sense
    )
    solver = pyo.SolverFactory("appsi_highs")
    solver.highs_options = {"threads": 1, "mip_rel_gap": 0.0}
    results = solver.solve(model)
    return float(pyo.value(model.worth)), embedded.check(results=results)


def answer(kind: str, seed: int, inputs: int = 5, **options: Any) -> tuple[float, float]:
    """Return the program's optimum and the enumeration's for a random model."""
    predictor, (model, points) = case(kind, inputs, seed), whole_model(inputs, seed)
    embedded = embed(model, predictor, list(model.x.values()), **options)
    mix = np.random.default_rng(seed).normal(0, 1, len(embedded.outputs))
    if "sense" in options:
        mix = np.abs(mix)
    maximise = options["sense"] == "max" if "sense" in options else bool(seed % 2)
    found, check = solved(model, embedded, mix, maximise)
    totals = embedded._predictor.evaluate(points) @ mix
    value = float(check.predicted @ mix)
    assert abs(found - value) <= 1e-4 * max(1.0, abs(value))
    return value, float(totals.max() if maximise else totals.min())


def answers(count: int) -> None:
    """Hold random models over all kinds against enumeration, and print what differs."""
    wrong, began = 0, time.perf_counter()
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        found, best = answer(kind, number)
        if abs(found - best) > 1e-5 * max(1.0, abs(best)):
            wrong += 1
            print(f"{kind} {number}: program {found:.9g}, enumeration {best:.9g}")  # noqa: T201
    print(f"{wrong} of {count} random models differ from enumeration; {time.perf_counter() - began:.0f} s")  # noqa: T201


if __name__ == "__main__":
    answers(36)
