"""`redwood.embed`: exact programs, checks that fail, and clear refusals."""

import itertools
import warnings

import embedding as study
import numpy as np
import pyomo.environ as pyo
import pytest
import torch
from torch import nn

from redwood import Scaling, embed
from redwood.budget import Sense
from redwood.embedding.formulation import RowList
from redwood.errors import ModelError, OptionError, SolutionError, SolverError
from redwood.views.compiled import CompiledModel, compile_model

needs = {"onnx": "onnx", "onnx-forest": "onnx", **dict.fromkeys(study.SKLEARN, "sklearn")}


def box(count=2, low=0.0, high=1.0, domain=pyo.Reals):
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(count), bounds=(low, high), domain=domain)
    return model


def chain(inputs=2, outputs=1, seed=0):
    return study.torch_case("chain", inputs, outputs, seed)


def maximised(model, embedded, output=0):
    model.objective = pyo.Objective(expr=embedded.outputs[output], sense=pyo.maximize)
    return pyo.SolverFactory("appsi_highs").solve(model)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", study.KINDS)
def test_optimum_equals_enumeration(kind, seed):
    """For random whole-number models over all kinds of predictors; the check confirms value, deviation and bound."""
    if kind in needs:
        pytest.importorskip(needs[kind])
    found, best = study.answer(kind, seed)
    assert found == pytest.approx(best, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize(
    "options", [{"limits": "interval"}, {"limits": "linear"}, {"partitions": 3}, {"sense": "max"}, {"sense": "min"}]
)
@pytest.mark.parametrize("kind", ["chain", "residual", "leaky"])
def test_every_formulation_has_the_same_optimum(kind, options):
    """However limits are found, ReLUs divided, or binaries left out by a promise that is kept."""
    found, best = study.answer(kind, 5, **options)
    assert found == pytest.approx(best, rel=1e-5, abs=1e-5)


def test_limits_get_tighter_and_hold():
    """Linear programs' limits lie within linear ones', these within intervals', and all random points within them."""
    from redwood.embedding.limits import interval_limits, linear_limits, lp_limits
    from redwood.embedding.read import read

    network = read(study.torch_case("residual", 4, 2, 3), 4).model
    low, high = np.full(4, -1.0), np.ones(4)
    base = CompiledModel(Sense.MIN, 0.0, np.zeros(4), low, high, np.zeros(4, bool), RowList().rows()).highs()
    wide, linear = interval_limits(network, low, high), linear_limits(network, low, high)
    tight = lp_limits(base, network, linear, np.arange(4))
    points = np.random.default_rng(0).uniform(-1, 1, (4000, 4))
    hidden = network.hidden(points)
    for layer, width, *limits in zip(network.layers, network.widths, wide, linear, tight, strict=False):
        sums = hidden[:, :width] @ layer.matrix.T + layer.bias
        for least, most in limits:
            assert ((least <= sums + 1e-9) & (sums <= most + 1e-9)).all()
        (a, b), (c, d), (e, f) = limits
        assert ((a <= c + 1e-12) & (c <= e + 1e-12) & (f <= d + 1e-12) & (d <= b + 1e-12)).all()
    assert sum((most - least).sum() for least, most in tight) < 0.99 * sum((most - least).sum() for least, most in wide)


def test_trees_over_a_box_equal_the_best_cell():
    """A forest of continuous inputs has the optimum of a point in every cell between its thresholds."""
    pytest.importorskip("sklearn")
    forest = study.trained_forest(5, 3, 5, 0)
    model = box(5)
    embedded = embed(model, forest, model.x)
    maximised(model, embedded)
    used = [
        np.unique([t for tree in forest.estimators_ for t in tree.tree_.threshold[tree.tree_.feature == i]])
        for i in range(5)
    ]
    middles = [np.convolve([0.0, *ends, 1.0], [0.5, 0.5], "valid") for ends in used]
    generator, best = np.random.default_rng(0), -np.inf
    rows = np.column_stack([generator.choice(middle, 200_000) for middle in middles])
    best = max(best, float(forest.predict(rows).max()))
    check = embedded.check()
    assert check.deviation < 1e-9
    assert check.predicted[0] >= best - 1e-9
    assert check.predicted[0] == pytest.approx(pyo.value(model.objective))


def test_a_threshold_at_a_bound_is_on_the_side_that_scikit_learn_says():
    """Inputs fixed on and around a threshold, single precision included, are priced as the tree prices them."""
    tree = pytest.importorskip("sklearn.tree").DecisionTreeRegressor(max_depth=1).fit([[0.1], [0.5]], [1.0, 2.0])
    split = float(tree.tree_.threshold[0])
    for point in (split, np.nextafter(split, 0), np.nextafter(split, 1), split - 1e-9, split + 1e-9, 0.0, 1.0):
        model = box(1, point, point)
        embedded = embed(model, tree, model.x)
        maximised(model, embedded)
        assert pyo.value(model.objective) == tree.predict([[point]])[0]


@pytest.mark.parametrize("kind", ["logistic", "perceptron-classes", "forest-classes", "boosting-classes", "chain"])
def test_the_class_chosen_is_the_predictors(kind):
    """Asked for each class in turn, the program gives a point of that class, or none has it among all whole points."""
    if kind != "chain":
        pytest.importorskip("sklearn")
    predictor = study.case(kind, 4, 7) if kind != "chain" else chain(4, 3, 7)
    for place in range(3):
        model = box(4, -1, 2, pyo.Integers)
        embedded = embed(model, predictor, model.x, classes=True)
        model.asked = pyo.Constraint(expr=embedded.chosen[place] == 1)
        model.cost = pyo.Objective(expr=sum(model.x.values()))
        solver = pyo.SolverFactory("appsi_highs")
        found = solver.solve(model, load_solutions=False)
        points = np.array(list(itertools.product(range(-1, 3), repeat=4)), float)
        scores = embedded._predictor.evaluate(points)
        ordered = np.sort(scores, axis=1)
        clear = points[(scores.argmax(axis=1) == place) & (ordered[:, -1] - ordered[:, -2] > 1.1e-4)]
        if found.solver.termination_condition == pyo.TerminationCondition.infeasible:
            assert len(clear) == 0
            continue
        solver.load_vars()
        check = embedded.check()
        assert check.label == embedded.labels[place]
        assert pyo.value(model.cost) == pytest.approx(clear.sum(axis=1).min())


def test_compiled_models_are_extended_and_stay_as_they_are():
    """The new model has the same optimum as the Pyomo one; the old one keeps its size; a start is feasible."""
    import dataclasses

    net, model = chain(3), box(3)
    model.some = pyo.Constraint(expr=sum(model.x.values()) <= 1.4)
    model.nothing = pyo.Objective(expr=0.0 * model.x[0], sense=pyo.maximize)
    compiled = compile_model(model, list(model.x.values()))
    embedded = embed(compiled, net, [0, 1, 2])
    cost = np.zeros(embedded.model.size)
    cost[embedded.outputs[0]] = 1.0
    highs = dataclasses.replace(embedded.model, cost=cost).highs(mip_rel_gap=0.0)
    highs.run()
    values = np.array(highs.getSolution().col_value)
    check = embedded.check(values, results=highs.getInfo().mip_dual_bound)
    model.del_component(model.nothing)
    other = embed(model, net, model.x)
    maximised(model, other)
    assert check.predicted[0] == pytest.approx(pyo.value(model.objective), abs=1e-6)
    assert compiled.size == 3
    start = embedded.start([0.2, 0.3, 0.4])
    ends = np.nan_to_num(start)
    ends[embedded.outputs] = net(torch.tensor([[0.2, 0.3, 0.4]]).double()).detach().numpy()[0]
    rows = embedded.model.rows
    sums = np.add.reduceat(rows.values * ends[rows.columns], rows.starts[:-1])
    assert ((sums >= rows.lower - 1e-9) & (sums <= rows.upper + 1e-9)).all()


def test_numbers_and_scaling_are_taken_as_given():
    """A number among the inputs is a constant; units of inputs and outputs are the model's own."""
    net, model = chain(3, seed=4), pyo.ConcreteModel()
    model.x = pyo.Var(range(2), bounds=(10, 30))
    scaling = Scaling(input_shift=[10.0, 10.0, 0.0], input_scale=[20.0, 20.0, 1.0], output_shift=5.0, output_scale=100.0)
    embedded = embed(model, net, [model.x[0], model.x[1], 0.25], scaling=scaling)
    maximised(model, embedded)
    grid = np.linspace(0, 1, 201)
    points = torch.tensor([[a, b, 0.25] for a in grid for b in grid]).double()
    best = 5.0 + 100.0 * net(points).max().item()
    assert best - 1e-6 <= pyo.value(model.objective) <= best + 2.0
    assert embedded.check().inputs[2] == 0.25


def test_widened_bounds_do_not_leave_the_range_that_was_embedded():
    """Bounds, and constraints named in within=, that are loosened afterwards are still kept."""
    net, model = chain(2), box(2)
    model.some = pyo.Constraint(expr=model.x[0] + model.x[1] <= 1.0)
    embedded = embed(model, net, model.x, within=[model.some])
    model.some.deactivate()
    for variable in model.x.values():
        variable.setlb(-10)
        variable.setub(10)
    for sense in (pyo.minimize, pyo.maximize):
        model.objective = pyo.Objective(expr=model.x[0] + model.x[1], sense=sense)
        pyo.SolverFactory("appsi_highs").solve(model)
        assert pyo.value(model.objective) == pytest.approx(0.0 if sense == pyo.minimize else 1.0, abs=1e-6)
        assert embedded.check().deviation < 1e-6
        model.del_component(model.objective)


def test_single_precision_is_stated():
    """A float32 network is embedded in double precision; report and check state by how much its own results differ."""
    net, model = study.torch_case("single", 3, 1, 0), box(3)
    embedded = embed(model, net, model.x)
    maximised(model, embedded)
    assert 0 < embedded.report().single_precision_error < 1e-5
    assert 0 < embedded.check().single_precision_error < 1e-5
    assert "single precision" in str(embedded.report())


def test_a_wrong_solution_is_an_error():
    """Outputs that the predictor does not confirm, a network changed after embedding, and a bound below the value."""
    net, model = chain(2), box(2)
    embedded = embed(model, net, model.x)
    with pytest.raises(SolutionError, match="no value"):
        embedded.check()
    maximised(model, embedded)
    embedded.check(results=pyo.value(model.objective))
    with pytest.raises(SolverError, match="excludes"):
        embedded.check(results=pyo.value(model.objective) - 0.1)
    with torch.no_grad():
        net[-1].bias += 0.01
    with pytest.raises(SolverError, match=r"deviation of .* above the tolerance"):
        embedded.check()


def test_a_broken_promise_is_an_error():
    """With sense="max" the outputs are minimised: the program understates the network, and the check says so."""
    net = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1)).double()
    with torch.no_grad():
        for parameter, value in zip(net.parameters(), (1.0, -0.5, -1.0, 0.0), strict=True):
            parameter.fill_(value)
    model = box(1)
    embedded = embed(model, net, model.x, sense="max")
    assert embedded.report().binaries == 0
    model.objective = pyo.Objective(expr=embedded.outputs[0])
    model.here = pyo.Constraint(expr=model.x[0] == 0.25)
    pyo.SolverFactory("appsi_highs").solve(model)
    with pytest.raises(SolverError, match="sense="):
        embedded.check()


class Odd(nn.Linear):
    def forward(self, x):
        return super().forward(x) * 2


class Nested(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 2), inner)

    def forward(self, x):
        return self.body(x)


class Product(nn.Module):
    def forward(self, x):
        return x * x


class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


def hooked():
    net = chain()
    net[2].register_forward_hook(lambda *_: None)
    return net


def replaced():
    net = chain()
    net[1].forward = lambda x: x
    return net


def spoiled(value):
    net = chain()
    net[0].weight.data[0, 0] = value
    return net


REFUSED = {
    "NaN weight": (lambda: spoiled(float("nan")), r"weights of module '0' \(Linear\) hold nan"),
    "infinite weight": (lambda: spoiled(float("inf")), "hold inf"),
    "nested tanh": (lambda: Nested(nn.Tanh()), r"module 'body.1' \(Tanh\)"),
    "nested odd": (lambda: Nested(Odd(2, 2)), r"module 'body.1' \(Odd\) is a Linear with a forward of its own"),
    "hook": (hooked, r"module '2' \(Linear\) has a forward hook"),
    "replaced forward": (replaced, r"module '1' \(ReLU\) is a ReLU with a forward of its own"),
    "training": (lambda: nn.Sequential(nn.Linear(2, 2), nn.Dropout()), r"module '1' \(Dropout\) is in training mode"),
    "normalisation in training": (lambda: Nested(nn.BatchNorm1d(2)), r"'body.1' \(BatchNorm1d\) is in training mode"),
    "wrong shape": (lambda: chain(3), "takes 3 inputs; the step before it gives 2"),
    "product": (Product, "mul in the forward cannot be embedded"),
    "branch": (Branching, "cannot be traced"),
    "number": (lambda: 3, "a int cannot be embedded. Supported"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_embedded_is_named(case):
    """Each message names the part at fault, and the model is left without a block."""
    made, message = REFUSED[case]
    model = box(2)
    with pytest.raises(ModelError, match=message):
        embed(model, made(), model.x)
    assert model.component("embedding") is None


def test_a_single_layer_and_a_layer_without_relus_are_programs_without_binaries():
    """A Linear alone is embedded, and so is a network whose ReLUs are all on or off."""
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)).double()
    with torch.no_grad():
        net[0].weight.fill_(1.0)
        net[0].bias.copy_(torch.tensor([-3.0, 0.0]))
    for predictor in (nn.Linear(2, 1), net):
        model = box(2)
        embedded = embed(model, predictor, model.x)
        maximised(model, embedded)
        assert embedded.report().binaries == 0
        assert embedded.check().deviation < 1e-6


def test_a_forward_that_does_more_than_its_layers_is_found():
    """What no inspection shows, a hook for all modules, is found by asking the network at random points."""
    net, model = chain(2), box(2)
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, _, found: found + 1 if module is net or isinstance(module, nn.Sequential) else None
    )
    try:
        with pytest.raises(ModelError, match="something that they do not show"):
            embed(model, net, model.x)
    finally:
        handle.remove()


def test_inputs_that_cannot_be_used_are_named():
    """Unbounded, repeated, expressions, indexed, too few bounds, empty ranges, columns that are not there."""
    net, model = chain(2), box(2)
    model.free = pyo.Var()
    x = list(model.x.values())
    for inputs, options, message in (
        ([x[0], model.free], {}, "'free' has the bounds -inf and inf; give finite ones"),
        ([x[0], x[0]], {}, "repeated"),
        ([x[0], x[1] + 1], {}, "input 1 is a .*Expression"),
        ([x[0], model.x], {}, "indexed 'x'"),
        (x, {"bounds": [(0, 1)]}, "1 bounds are given for 2 inputs"),
        (x, {"bounds": [(0, 1), (2, 3)]}, r"'x\[1\]' has no values"),
        (x[:1], {}, "takes 2 inputs"),
    ):
        with pytest.raises(ModelError, match=message):
            embed(model, net, inputs, **options)
    compiled = CompiledModel(Sense.MIN, 0.0, np.zeros(2), np.zeros(2), np.ones(2), np.zeros(2, bool), RowList().rows())
    with pytest.raises(ModelError, match="column 5 is not in the model"):
        embed(compiled, net, [0, 5])
    with pytest.raises(ModelError, match="neither a Pyomo model"):
        embed("model", net, [0, 5])


def test_missing_bounds_can_be_given():
    """With bounds= a variable without any is kept within those."""
    net, model = chain(2), pyo.ConcreteModel()
    model.x = pyo.Var(range(2))
    embedded = embed(model, net, model.x, bounds=[(0, 1), (-1, 0.5)])
    maximised(model, embedded)
    assert -1e-9 <= model.x[0].value <= 1 + 1e-9
    assert embedded.check().deviation < 1e-6


def test_options_out_of_range_are_refused():
    """Each message names the option and the value."""
    net, model = chain(2, 2), box(2)
    for options, message in (
        ({"limits": "intervals"}, "intervals.*Did you mean 'interval'"),
        ({"partitions": 0}, "partitions 0"),
        ({"sense": "maximum"}, "sense 'maximum'"),
        ({"classes": True, "margin": 0.0}, "margin 0.0"),
        ({"scaling": Scaling(input_scale=0.0)}, "input_scale 0.0"),
        ({"scaling": Scaling(output_scale=[1.0, 2.0, 3.0])}, "output_scale"),
    ):
        with pytest.raises(OptionError, match=message):
            embed(model, net, model.x, **options)


def test_scikit_learn_models_that_cannot_be_embedded_are_named():
    """Not fitted, of another kind, of another activation, with a step that is no scaler."""
    pytest.importorskip("sklearn")
    from sklearn import linear_model, neural_network, pipeline, preprocessing, svm

    points, target, model = np.random.default_rng(0).uniform(0, 1, (40, 2)), np.arange(40.0), box(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = (
            (linear_model.Ridge(), "the Ridge is not fitted"),
            (svm.SVR().fit(points, target), "a SVR cannot be embedded. Supported: LinearRegression"),
            (neural_network.MLPRegressor(activation="tanh", max_iter=2).fit(points, target), "activation 'tanh'"),
            (
                pipeline.make_pipeline(preprocessing.PolynomialFeatures(), linear_model.Ridge()).fit(points, target),
                "PolynomialFeatures",
            ),
            (linear_model.Ridge().fit(points[:, :1], target), "2 inputs are given for a Ridge of 1"),
        )
    for predictor, message in cases:
        with pytest.raises(ModelError, match=message):
            embed(model, predictor, model.x)


def test_onnx_operators_that_cannot_be_embedded_are_named(tmp_path):
    """A Tanh is named; a file is read; one that is not there is an error."""
    onnx = pytest.importorskip("onnx")
    made, model = study.onnx_case(2, 1, 0, double=False), box(2)
    onnx.save(made, tmp_path / "net.onnx")
    embedded = embed(model, tmp_path / "net.onnx", model.x)
    maximised(model, embedded)
    assert embedded.check().single_precision_error < 1e-5
    made.graph.node[3].op_type = "Tanh"
    with pytest.raises(ModelError, match="Tanh cannot be embedded"):
        embed(box(2), made, model.x)
    with pytest.raises(ModelError, match="is no file"):
        embed(box(2), tmp_path / "no.onnx", model.x)


@pytest.mark.parametrize("partitions", [1, 2])
def test_no_binary_has_a_tiny_coefficient(partitions):
    """Where a ReLU can be on by 1e-9 only, its limits are widened: HiGHS's presolve has cut optima off at such numbers."""
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)).double()
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, 0.0], [1.0, -1.0]]))
        net[0].bias.copy_(torch.tensor([-1.0 + 1e-9, 0.0], dtype=torch.float64))
        net[2].weight.copy_(torch.tensor([[-1.0, 1.0]]))
        net[2].bias.zero_()
    model = box(2)
    embedded = embed(model, net, model.x, limits="interval", partitions=partitions)
    maximised(model, embedded)
    compiled = compile_model(model, list(model.x.values()))
    binary = np.flatnonzero(compiled.integer)
    sizes = np.abs(compiled.rows.values[np.isin(compiled.rows.columns, binary)])
    assert len(binary)
    assert sizes[sizes > 0].min() >= 1e-6
    assert embedded.check().predicted[0] == pytest.approx(1.0, abs=1e-6)


def test_onnx_trees_that_cannot_be_embedded_are_named():
    """What stands behind the trees, another function of their sum, and a mode of nodes that is no comparison."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("sklearn")

    def changed(change):
        made = study.onnx_forest(study.sklearn_case("forest", 3, 0), 3)
        change(made.graph)
        return made

    def followed(graph):
        graph.node[0].output[0] = "sum"
        graph.node.append(onnx.helper.make_node("Tanh", ["sum"], ["y"]))

    def squashed(graph):
        graph.node[0].attribute.append(onnx.helper.make_attribute("post_transform", "LOGISTIC"))

    def asked(graph):
        modes = next(it for it in graph.node[0].attribute if it.name == "nodes_modes")
        modes.strings[0] = b"BRANCH_EQ"

    for change, message in ((followed, "Tanh stands"), (squashed, "post_transform 'LOGISTIC'"), (asked, "mode 'BRANCH_EQ'")):
        model = box(3)
        with pytest.raises(ModelError, match=message):
            embed(model, changed(change), model.x)


@pytest.mark.parametrize("kind", ["chain", "forest", "ridge"])
def test_options_for_highs_leave_the_optimum_as_it_is(kind):
    """HiGHS takes the options that are advised, and finds with them what it finds without."""
    found = []
    for advised in (False, True):
        model = box(3)
        embedded = embed(model, study.case(kind, 3, 1), model.x)
        model.objective = pyo.Objective(expr=embedded.outputs[0])
        highs = pyo.SolverFactory("appsi_highs")
        highs.highs_options = embedded.highs_options() if advised else {}
        highs.solve(model)
        found.append(pyo.value(model.objective))
    assert found[1] == pytest.approx(found[0], rel=1e-3)


def test_omlt_finds_the_same_optimum():
    """For a dense ReLU network and a forest over a box, OMLT's program on HiGHS has the same optimum."""
    pytest.importorskip("omlt")
    pytest.importorskip("onnx")
    pytest.importorskip("sklearn")
    net, forest = study.trained_network((8, 8), 5, 0), study.trained_forest(6, 3, 5, 0)
    for ours, other in (
        (study.with_redwood(net, 5), study.with_omlt(study.omlt_network(net, 5, False), 5)),
        (study.with_redwood(forest, 5), study.with_omlt(study.omlt_forest(forest, 5), 5)),
    ):
        for model in (ours, other):
            pyo.SolverFactory("appsi_highs").solve(model)
        assert pyo.value(ours.objective) == pytest.approx(pyo.value(other.objective), rel=1e-4)


def test_importing_redwood_loads_no_predictor_library():
    """`import redwood; redwood.embed` brings neither torch, scikit-learn nor onnx."""
    import subprocess
    import sys

    code = (
        "import sys, redwood; redwood.embed; print([name for name in ('torch', 'sklearn', 'onnx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
