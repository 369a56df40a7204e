"""Predictors in programs: right answers against enumeration, and time, nodes and rows beside OMLT.

``python benchmarks/studies/embedding.py answers 200`` holds random models over all kinds of predictors against
enumeration; ``beside`` maximises the same predictors over a box by `redwood.embed` and by OMLT on HiGHS, one thread, and
adds lines to a JSONL file; ``table`` writes the tables of the page "Embed a network in my MIP" from it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyomo.environ as pyo
import torch
from torch import nn

from redwood import Embedded, embed
from redwood.arrays import Array
from redwood.views.compiled import compile_model


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
SKLEARN = (
    *("ridge", "logistic", "perceptron", "perceptron-classes", "tree", "forest", "forest-classes", "boosting"),
    *("boosting-classes", "binned", "scaled-forest", "scaled-perceptron"),
)
KINDS = (*TORCH, *SKLEARN, "onnx", "onnx-forest")


def case(kind: str, inputs: int, seed: int) -> Any:
    """Return a random predictor."""
    if kind in TORCH:
        return torch_case(kind, inputs, 2, seed)
    if kind == "onnx-forest":
        return onnx_forest(sklearn_case("forest", inputs, seed), inputs, greater=bool(seed % 2))
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
    model.objective = pyo.Objective(
        expr=sum(float(share) * output for share, output in zip(mix, embedded.outputs, strict=True)), sense=sense
    )
    solver = pyo.SolverFactory("appsi_highs")
    solver.highs_options = {"threads": 1, "mip_rel_gap": 0.0}
    results = solver.solve(model)
    return float(pyo.value(model.objective)), embedded.check(results=results)


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


@dataclass(frozen=True)
class Outcome:
    """One model solved in one way."""

    predictor: str
    way: str
    seconds: float
    build_seconds: float
    nodes: int
    rows: int
    binaries: int
    value: float
    bound: float


def surface(points: Array) -> Array:
    """Return what the predictors have learnt at points [N, inputs] of the unit box."""
    bent = np.sin(3 * points[:, 0] * points[:, 1]) + 2 * (points[:, 2] - 0.5) ** 2
    return np.asarray(bent + points[:, 3] - 0.5 * points[:, 4] + 0.5 * np.sin(5 * points[:, 5:].sum(axis=1)))


def trained_network(hidden: Sequence[int], inputs: int, seed: int) -> nn.Sequential:
    """Return a perceptron trained on 2,000 points of the surface."""
    torch.manual_seed(seed)
    points = np.random.default_rng(seed).uniform(0, 1, (2000, inputs))
    widths = [inputs, *hidden]
    layers = [layer for before, after in itertools.pairwise(widths) for layer in (nn.Linear(before, after), nn.ReLU())]
    net = nn.Sequential(*layers, nn.Linear(widths[-1], 1)).double()
    given, target = torch.tensor(points), torch.tensor(surface(points))
    optimiser = torch.optim.Adam(net.parameters(), lr=5e-3)
    for _ in range(400):
        optimiser.zero_grad()
        ((net(given)[:, 0] - target) ** 2).mean().backward()
        optimiser.step()
    return net


def trained_forest(count: int, depth: int, inputs: int, seed: int) -> Any:
    """Return a forest fitted to 1,000 points of the surface."""
    from sklearn.ensemble import RandomForestRegressor

    points = np.random.default_rng(seed).uniform(0, 1, (1000, inputs))
    return RandomForestRegressor(count, max_depth=depth, random_state=seed).fit(points, surface(points))


def box(inputs: int) -> pyo.ConcreteModel:
    """Return a model of inputs in the unit box."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(inputs), bounds=(0, 1))
    return model


def with_redwood(predictor: Any, inputs: int, **options: Any) -> pyo.ConcreteModel:
    """Return the model that maximises a predictor, by `redwood.embed`."""
    model = box(inputs)
    model.objective = pyo.Objective(expr=embed(model, predictor, model.x, **options).outputs[0], sense=pyo.maximize)
    return model


def with_omlt(formulation: Any, inputs: int) -> pyo.ConcreteModel:
    """Return the model that maximises a predictor, by OMLT."""
    from omlt import OmltBlock

    model = box(inputs)
    model.embedding = OmltBlock()
    model.embedding.build_formulation(formulation)
    model.same = pyo.Constraint(range(inputs), rule=lambda _, i: model.x[i] == model.embedding.inputs[i])
    model.objective = pyo.Objective(expr=model.embedding.outputs[0], sense=pyo.maximize)
    return model


def omlt_network(net: nn.Sequential, inputs: int, partition: bool) -> Any:
    """Return OMLT's formulation of a perceptron, big-M or by partition."""
    import omlt.neuralnet
    import omlt.neuralnet.layer

    parts: Any = omlt.neuralnet  # without types
    definition = parts.NetworkDefinition(scaled_input_bounds=dict.fromkeys(range(inputs), (0.0, 1.0)))
    before = parts.layer.InputLayer([inputs])
    definition.add_layer(before)
    linear = [layer for layer in net if isinstance(layer, nn.Linear)]
    for place, layer in enumerate(linear):
        kind = "relu" if place < len(linear) - 1 else "linear"
        weight, bias = layer.weight.detach().numpy().T, layer.bias.detach().numpy()
        after = parts.layer.DenseLayer([weight.shape[0]], [weight.shape[1]], activation=kind, weights=weight, biases=bias)
        definition.add_layer(after)
        definition.add_edge(before, after)
        before = after
    return (parts.ReluPartitionFormulation if partition else parts.ReluBigMFormulation)(definition)


def onnx_forest(forest: Any, inputs: int, greater: bool = False) -> Any:
    """Return a fitted scikit-learn forest as an ONNX model, whose nodes ask for ``>`` in place of ``<=`` if so wished."""
    from onnx import TensorProto, helper

    entries: dict[str, list[Any]] = {f"nodes_{name}": [] for name in NODES}
    entries |= {f"target_{name}": [] for name in TARGETS}
    for number, tree in enumerate(member.tree_ for member in forest.estimators_):
        for node in range(tree.node_count):
            split: tuple[Any, ...] = (0, 0.0, "LEAF", 0, 0)
            if tree.children_left[node] < 0:
                weight = float(tree.value[node, 0, 0]) / len(forest.estimators_)
                for name, entry in zip(TARGETS, (number, node, 0, weight), strict=True):
                    entries[f"target_{name}"].append(entry)
            else:
                children = int(tree.children_left[node]), int(tree.children_right[node])
                asked, ends_of = ("BRANCH_GT", children[::-1]) if greater else ("BRANCH_LEQ", children)
                split = (int(tree.feature[node]), float(tree.threshold[node]), asked, *ends_of)
            for name, entry in zip(NODES, (number, node, *split), strict=True):
                entries[f"nodes_{name}"].append(entry)
    made = helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml")
    made.attribute.extend(helper.make_attribute(name, value) for name, value in {"n_targets": 1, **entries}.items())
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, size]) for name, size in (("x", inputs), ("y", 1))]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(helper.make_graph([made], "forest", ends[:1], ends[1:]), opset_imports=opsets, ir_version=9)


def omlt_forest(forest: Any, inputs: int) -> Any:
    """Return OMLT's formulation of a forest, which it takes as an ONNX model."""
    from omlt.gbt import GBTBigMFormulation, GradientBoostedTreeModel

    model = onnx_forest(forest, inputs)
    formulation: Any = GBTBigMFormulation
    wrapped: Any = GradientBoostedTreeModel
    return formulation(wrapped(model, scaled_input_bounds=dict.fromkeys(range(inputs), (0.0, 1.0))))


TARGETS = ("treeids", "nodeids", "ids", "weights")
NODES = ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")


def timed(name: str, way: str, build: Callable[[], pyo.ConcreteModel], limit: float, **options: Any) -> Outcome:
    """Return how one way does, building and solving, on one thread."""
    began = time.perf_counter()
    model = build()
    built = time.perf_counter() - began
    compiled = compile_model(model, list(model.x.values()))
    highs = compiled.highs(time_limit=limit, **options)
    began = time.perf_counter()
    highs.run()
    seconds, info = time.perf_counter() - began + built, highs.getInfo()
    ends = float(info.objective_function_value), float(info.mip_dual_bound)
    sizes = len(compiled.rows.lower), int(compiled.integer.sum())
    return Outcome(name, way, seconds, built, int(info.mip_node_count), *sizes, *ends)


NETWORKS = (((32, 32), 5), ((32, 32), 10), ((64, 64), 5), ((32, 32, 32), 5), ((48, 48), 8), ((64, 64, 64), 5))
FORESTS = ((20, 4, 5), (20, 6, 10), (50, 5, 5), (100, 4, 5), (40, 6, 8), (100, 5, 10))


def beside(out: Path, limit: float, which: str, first: int) -> None:
    """Solve the same models by Redwood and by OMLT, and add lines to a file."""
    torch.set_num_threads(1)
    for seed, (hidden, inputs) in enumerate(NETWORKS if which != "forests" else (), first):
        net, name = trained_network(hidden, inputs, seed), f"MLP {'-'.join(map(str, hidden))}, {inputs} inputs"
        model = box(inputs)
        given = embed(model, net, model.x).highs_options()
        builds: dict[str, Callable[[], pyo.ConcreteModel]] = {
            "redwood": partial(with_redwood, net, inputs),
            "redwood linear": partial(with_redwood, net, inputs, limits="linear"),
            "redwood 2 groups": partial(with_redwood, net, inputs, partitions=2),
            "omlt big-M": partial(_omlt_model, net, inputs, False),
            "omlt partition": partial(_omlt_model, net, inputs, True),
        }
        for way, build in builds.items():
            _note(out, timed(name, way, build, limit))
        for way in ("redwood", "omlt big-M"):
            _note(out, timed(name, f"{way}, highs_options()", builds[way], limit, **given))
    for seed, (count, depth, inputs) in enumerate(FORESTS if which != "networks" else (), first):
        forest, name = trained_forest(count, depth, inputs, seed), f"{count} trees of depth {depth}, {inputs} inputs"
        for budget in (False, True):
            title = name + (", budget" if budget else "")
            for way, options in (("default", {}), ("presolve off", {"presolve": "off"})):
                for who, omlt in (("redwood", False), ("omlt", True)):
                    build = partial(_forest_model, forest, inputs, budget, omlt)
                    _note(out, timed(title, f"{who}, {way}", build, limit, **options))


def _omlt_model(net: nn.Sequential, inputs: int, partition: bool) -> pyo.ConcreteModel:
    return with_omlt(omlt_network(net, inputs, partition), inputs)


def _forest_model(forest: Any, inputs: int, budget: bool, omlt: bool) -> pyo.ConcreteModel:
    """Return the model that maximises a forest over a box, or over a box with a budget for the inputs."""
    model = with_omlt(omlt_forest(forest, inputs), inputs) if omlt else with_redwood(forest, inputs)
    if budget:
        prices = [0.5 + (i * 37 % 10) / 10 for i in range(inputs)]
        model.budget = pyo.Constraint(expr=sum(prices[i] * model.x[i] for i in range(inputs)) <= 0.3 * inputs)
    return model


def _note(out: Path, outcome: Outcome) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("a") as file:
        file.write(json.dumps(asdict(outcome)) + "\n")


def table(out: Path) -> str:
    """Return the outcomes as tables, one for networks and one for forests, each with geometric means of the seconds."""
    found = [Outcome(**json.loads(line)) for line in out.read_text().splitlines()]
    parts = [[it for it in found if it.predictor.startswith("MLP") is networks] for networks in (True, False)]
    return "\n\n".join(_table(part) for part in parts if part)


def _table(found: list[Outcome]) -> str:
    ways, names = (list(dict.fromkeys(getattr(it, what) for it in found)) for what in ("way", "predictor"))
    by = {(it.predictor, it.way): it for it in found}
    lines = [f"| seconds, nodes, rows | {' | '.join(ways)} |", "|---" * (len(ways) + 1) + "|"]
    for name in names:
        cells = [by[name, way] for way in ways]
        lines.append(f"| {name} | {' | '.join(map(_cell, cells))} |")
    for budget in dict.fromkeys("budget" in name for name in names):
        own = [name for name in names if ("budget" in name) is budget]
        means = [float(np.exp(np.mean([np.log(by[name, way].seconds) for name in own]))) for way in ways]
        title = "geometric mean" + (", budget" if budget else "")
        lines.append(f"| {title} | {' | '.join(f'{mean:.2f}' for mean in means)} |")
    return "\n".join(lines)


def _cell(it: Outcome) -> str:
    """Return an outcome in a few characters; a star stands for the limit reached."""
    star = "*" if abs(it.bound - it.value) > 1e-3 * max(1.0, abs(it.bound)) else ""
    return f"{it.seconds:.2f}{star}, {it.nodes:,}, {it.rows:,}"


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["answers", "beside", "table"])
    parser.add_argument("count", type=int, nargs="?", default=200)
    parser.add_argument("--out", type=Path, default=Path("runs/embedding.jsonl"))
    parser.add_argument("--limit", type=float, default=60.0, help="seconds a model")
    parser.add_argument("--which", choices=["all", "networks", "forests"], default="all")
    parser.add_argument(
        "--seed", type=int, default=100, help="of the first predictor; rows and defaults were chosen on 0 to 5"
    )
    given = parser.parse_args()
    if given.what == "answers":
        answers(given.count)
    elif given.what == "beside":
        beside(given.out, given.limit, given.which, given.seed)
    else:
        print(table(given.out))  # noqa: T201


if __name__ == "__main__":
    main()
