"""The attention policy: network, decoding, training, and the solver around them."""

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

import redwood
from redwood.budget import Iterations
from redwood.errors import ExecutorError, FitError, OptionError
from redwood.execution.executor import Returned
from redwood.execution.executors.local import Local
from redwood.problems.atsp.problem import ATSP
from redwood.problems.cvrp.problem import CVRP
from redwood.problems.knapsack.problem import Knapsack
from redwood.problems.orienteering.problem import Orienteering
from redwood.problems.tsp.problem import TSP
from redwood.solver import Run
from redwood.solvers.bq.decoding import beam, finish, looked_ahead, rollouts, tensors
from redwood.solvers.bq.labels import LabelMaker
from redwood.solvers.bq.network import PRESETS, Network, Shape, parameters
from redwood.solvers.bq.policy import BQ
from redwood.solvers.bq.training import HyperParameters, Trainer
from redwood.solvers.bq.training_run import BQTrainer
from redwood.solvers.bq.weights import load_weights, network_for, save_weights
from redwood.trainable import TrainingConfig
from redwood.views.stepwise import Layout, Stage, Stepwise

SHAPE = Shape(layers=1, width=16, heads=2, hidden=16, window=6)
KINDS = {"tsp": TSP(), "knapsack": Knapsack(), "atsp": ATSP(), "cvrp": CVRP(), "orienteering": Orienteering()}


@pytest.fixture(autouse=True)
def one_thread():
    """One thread, so that sums are added in one order."""
    torch.set_num_threads(1)


def network_of(problem, seed=0, shape=SHAPE):
    """Return a network with random weights for a problem."""
    torch.manual_seed(seed)
    instance = problem.generate(5, np.random.default_rng(0), variant=problem.variants[0])
    return Network(problem.view(Stepwise, instance).layout, shape).eval().requires_grad_(False)


@pytest.fixture(params=KINDS)
def kind(request, tmp_path):
    """A problem, some instances of it, and a file of random weights."""
    problem = KINDS[request.param]
    path = tmp_path / "weights.safetensors"
    save_weights(network_of(problem), path, {"note": "random"})
    rng = np.random.default_rng(1)
    return problem, [problem.generate(n, rng, variant=problem.variants[0]) for n in (20, 12)], str(path)


def solve(problem, instances, options, iterations=1, seed=0, initial=None):
    """Return the runs of a batch."""
    runs = [Run(problem, i, budget=Iterations(iterations), seed=seed, initial=initial) for i in instances]
    BQ(**options).run_many(problem, instances, runs)
    return runs


def test_presets_have_the_promised_size():
    """`small` has about 0.2 to 0.6 million parameters, `paper` about 3.1 million."""
    layout = Layout(features=13, marks=2)
    assert 2e5 < parameters(Network(layout, PRESETS["small"])) < 6e5
    assert parameters(Network(layout, PRESETS["paper"])) == pytest.approx(3.1e6, rel=0.02)


def test_the_paper_preset_is_wired_as_published():
    """`paper` has the parameters of 9 blocks of width 192 with 512 hidden units and two scales, plus its ends."""
    layout = Layout(features=13, marks=2, scores=1, neighbours=False)
    block = 3 * 192**2 + 192**2 + (192 * 512 + 512) + (512 * 192 + 192) + 2
    ends = (13 * 192 + 192) + 2 * 192 + (192 + 1)
    assert parameters(Network(layout, PRESETS["paper"])) == 9 * block + ends


def test_absent_tokens_do_not_matter():
    """Padding a window changes no score."""
    torch.manual_seed(0)
    network = Network(Layout(features=4, marks=1, edges=3), SHAPE)
    features, edges = torch.randn(2, 5, 4), torch.randn(2, 5, 5, 3)
    present = torch.ones(2, 5, dtype=torch.bool)
    mask = present[:, :, None]
    for block in network.blocks:
        torch.nn.init.normal_(block.out.weight)
    short = network.scores(network(features, present, edges), mask)
    wide = torch.nn.functional.pad(features, (0, 0, 0, 3), value=7.0)
    wide_edges = torch.nn.functional.pad(edges, (0, 0, 0, 3, 0, 3), value=7.0)
    padded = torch.nn.functional.pad(present, (0, 3))
    scores = network.scores(network(wide, padded, wide_edges), padded[:, :, None])
    torch.testing.assert_close(scores[:, :5], short)
    assert torch.isinf(scores[:, 5:]).all()


def test_weights_come_back_with_their_network(tmp_path):
    """A file of weights is enough to build the same network again, up to half precision."""
    network = network_of(KINDS["tsp"])
    save_weights(network, tmp_path / "w.safetensors", {"problem": "tsp"})
    again = load_weights(tmp_path / "w.safetensors")
    assert again.describe() == network.describe()
    for before, after in zip(network.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(before, after, rtol=1e-3, atol=1e-3)


def test_a_file_that_is_no_weights_is_named(tmp_path):
    """Reading something else as weights is an error that names the file."""
    path = tmp_path / "no.safetensors"
    path.write_text("nothing")
    with pytest.raises(OptionError, match=r"no\.safetensors"):
        load_weights(path)


def test_weights_of_another_problem_are_refused(kind):
    """Weights trained for another layout are an error and not a bad answer."""
    problem, instances, path = kind
    other = KINDS["knapsack" if problem.name != "knapsack" else "tsp"]
    instance = other.generate(5, np.random.default_rng(0), variant=other.variants[0])
    with pytest.raises(FitError, match="trained for"):
        solve(other, [instance], {"weights": path, "search": "none"})
    assert instances


@pytest.mark.parametrize("decoding", ["greedy", "sample", "beam"])
def test_every_decoding_gives_feasible_solutions(kind, decoding):
    """A batch of instances of different sizes is solved by every decoding; the run checks feasibility."""
    problem, instances, path = kind
    runs = solve(problem, instances, {"weights": path, "decoding": decoding, "width": 3, "search": "none"})
    assert all(run.best is not None for run in runs)


def test_the_same_seed_gives_the_same_answer(kind):
    """Same seed, same number of iterations: same trajectory of objectives."""
    problem, instances, path = kind
    options = {"weights": path, "augmentations": 3, "decoding": "sample"}
    first, second = (solve(problem, instances, options, iterations=6, seed=5) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert [value for _, value in one.trajectory] == [value for _, value in other.trajectory]


def test_more_views_are_never_worse(kind):
    """The first of several presentations is the plain one, so more of them cannot be worse."""
    problem, instances, path = kind
    one = solve(problem, instances, {"weights": path, "search": "none"}, iterations=100)
    eight = solve(problem, instances, {"weights": path, "augmentations": 8, "search": "none"}, iterations=100)
    for plain, best in zip(one, eight, strict=True):
        assert not problem.sense.better(plain.objective, best.objective)


def test_rebuilding_improves_and_keeps_the_start(kind):
    """Re-construction never loses the initial solution, and improves a random tour."""
    problem, instances, path = kind
    view = problem.view(Stepwise, instances[0])
    batch = view.begin(np.zeros(1, dtype=np.int64))
    while batch.left.any():
        window = view.window(batch, 6)
        view.act(batch, window, window.mask.reshape(1, -1).shape[1] - 1 - window.mask[:, ::-1].reshape(1, -1).argmax(axis=1))
    start = view.solutions(batch)[0]
    (run,) = solve(problem, instances[:1], {"weights": path, "search": "rebuild"}, iterations=20, initial=start)
    assert not problem.sense.better(problem.objective(instances[0], start), run.objective)


def test_rebuilding_shortens_a_long_tour(tmp_path):
    """Parts of a tour that an untrained network built become shorter."""
    problem, path = KINDS["tsp"], tmp_path / "weights.safetensors"
    save_weights(network_of(problem), path, {})
    instance = problem.generate(150, np.random.default_rng(2), variant=problem.variants[0])
    options = {"weights": str(path)}
    (first,) = solve(problem, [instance], options)
    (last,) = solve(problem, [instance], options, iterations=12)
    assert last.objective < first.objective


def test_polishing_hands_the_best_solution_to_the_local_search(kind):
    problem, instances, weights = kind
    built = [redwood.solve(i, solver="bq", weights=weights, search="none", bound_time_limit=0) for i in instances]
    results = redwood.solve_many(instances, solver="bq", weights=weights, polish=True, iterations=200, bound_time_limit=0)
    for instance, first, last in zip(instances, built, results, strict=True):
        assert not problem.violations(instance, last.solution)
        assert not problem.sense.better(first.objective, last.objective)
    better = [problem.sense.better(b.objective, a.objective) for a, b in zip(built, results, strict=True)]
    assert any(better) or problem.name == "knapsack"  # so few items are packed as they should be at once


def test_polishing_without_a_search_hands_nothing_over():
    assert BQ(polish=True).partner == "local-search"
    assert BQ(polish=True, search="none").partner == BQ().partner == ""


@pytest.mark.parametrize("name", ["cvrp", "orienteering"])
def test_further_views_are_sampled_where_sides_do_not_suffice(name, monkeypatch):
    """Another temperature gives other solutions from the second view on, where the problem says that it has one."""
    problem = KINDS[name]
    instance = problem.generate(20, np.random.default_rng(5), variant=problem.variants[0])
    found = []
    for temperature in (1e-6, 5.0):
        monkeypatch.setattr(type(problem.view(Stepwise, instance)), "temperature", temperature)
        solver = BQ(augmentations=6, search="none")
        run = Run(problem, instance, budget=Iterations(6), seed=1)
        seen = []
        run.report = lambda solution, seen=seen: seen.append(problem.objective(instance, solution))
        solver.improve(network_of(problem), problem, [instance], [run])
        found.append(seen)
    assert found[0][0] == found[1][0]
    assert found[0][1:] != found[1][1:]


def test_sure_steps_are_taken_together():
    """With less confidence asked for there are fewer looks at the state, and the tour is still whole."""
    problem = KINDS["tsp"]
    instance = redwood.generate("tsp", size=60, seed=5)
    view = problem.view(Stepwise, instance)
    network = network_for("tsp", view.layout, "", "cpu")
    looks = {}
    for sure in (1.0, 0.9, 0.6):
        counted = itertools.count()
        batch = rollouts(network, view, np.zeros(1, dtype=np.int64), None, stops=lambda c=counted: next(c) < 0, sure=sure)
        looks[sure] = next(counted)
        assert problem.violations(instance, view.solutions(batch)[0]) == []
    assert looks[1.0] == 59
    assert looks[0.6] < looks[0.9] < 59


def test_the_window_can_be_widened():
    """The network is shown as many tokens as asked for, and the cached network of other calls is left alone."""
    layout = KINDS["tsp"].view(Stepwise, redwood.generate("tsp", size=5, seed=0)).layout
    usual = network_for("tsp", layout, "", "cpu")
    assert network_for("tsp", layout, "", "cpu", 20).shape.window == 20
    assert usual.shape.window != 20


def test_without_time_there_is_still_a_solution():
    """When the budget ends before the network has decided everything, the rest is decided without it."""
    problem = KINDS["tsp"]
    instance = problem.generate(30, np.random.default_rng(0), variant=problem.variants[0])
    view = problem.view(Stepwise, instance)
    batch = view.begin(np.zeros(1, dtype=np.int64))
    calls = iter(range(100))
    assert not finish(network_of(problem), view, batch, stops=lambda: next(calls) >= 3)
    assert problem.violations(instance, view.solutions(batch)[0]) == []


def test_an_estimate_decides_in_doubt_alone():
    """Of two actions alike to the policy the one of less cost is taken; where it is sure, costs are not asked for."""
    asked = []

    class Told(type(KINDS["tsp"].view(Stepwise, KINDS["tsp"].generate(9, np.random.default_rng(0), variant="uniform")))):
        def look_ahead(self, batch, nodes, scores):
            asked.append(nodes.tolist())
            return np.where(nodes == 4, 10.0, 11.0)

    view = Told(KINDS["tsp"].generate(9, np.random.default_rng(0), variant="uniform"))
    batch, nodes = view.begin(np.zeros(2, dtype=np.int64)), np.array([[0, 0, 3, 4], [0, 0, 3, 4]], dtype=np.int32)
    scores = np.log(np.array([[1e-9, 1e-9, 0.55, 0.45], [1e-9, 1e-9, 0.99, 0.01]]))
    told = looked_ahead(view, batch, np.arange(2), nodes, scores)
    assert told.argmax(axis=1).tolist() == [3, 2]
    assert asked == [[[3, 4, -1, -1]]]


def test_a_beam_of_one_is_greedy():
    """Beam search of width one takes the same decisions as greedy decoding."""
    problem = KINDS["tsp"]
    instance = problem.generate(15, np.random.default_rng(0), variant=problem.variants[0])
    view, network = problem.view(Stepwise, instance), network_of(problem)
    rows = np.zeros(1, dtype=np.int64)
    one = view.solutions(beam(network, view, rows, 1, None, lambda: False))[0]
    other = view.solutions(rollouts(network, view, rows, None))[0]
    assert one.tour.tolist() == other.tour.tolist()


@pytest.mark.parametrize(
    "options",
    [
        {"augmentations": 0},
        {"decoding": "magic"},
        {"search": "more"},
        {"window": -1},
    ],
)
def test_wrong_options_are_refused(options):
    """An option out of range is an error when the solver is made."""
    with pytest.raises(OptionError):
        BQ(**options)


def sorted_expert(instance, iterations, seed):
    """Return the best of a few random tours: bad labels, but labels."""
    problem = KINDS["tsp"]
    rng = np.random.default_rng(seed)
    tours = [problem.solution(rng.permutation(instance.size)) for _ in range(5)]
    return min(tours, key=lambda tour: problem.objective(instance, tour))


@pytest.fixture
def short_curriculum(monkeypatch):
    """Stages small enough for a test."""
    from redwood.problems.tsp.stepwise import TSPStepwise

    monkeypatch.setattr(TSPStepwise, "curriculum", (Stage(10, 4, 1), Stage(12, 2, 1)))


def test_labels_are_made_again_by_seed(tmp_path, short_curriculum):
    """The same seed makes the same label files, and those that exist are left alone."""
    for name in ("one", "two"):
        LabelMaker(KINDS["tsp"], sorted_expert, tmp_path / name, seed=3).make(range(2))
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["10-0000.npz", "10-0001.npz", "12-0000.npz", "12-0001.npz"]
    for name in names:
        with np.load(tmp_path / "one" / name) as one, np.load(tmp_path / "two" / name) as two:
            np.testing.assert_array_equal(one["coords"], two["coords"])
            np.testing.assert_array_equal(one["tours"], two["tours"])


@dataclass(frozen=True)
class Losing(Local):
    """An executor whose machines are lost with all that they do."""

    def run(self, function, items, *, waits=False):
        return (Returned(position, None, "a flood") for position in range(len(items)))


def test_lost_labels_are_an_error(tmp_path, short_curriculum):
    """Label files are made where the executor says, and one that is lost is named."""
    with pytest.raises(ExecutorError, match=r"10-0000\.npz were lost: a flood"):
        LabelMaker(KINDS["tsp"], sorted_expert, tmp_path).make(range(1), Losing())


def test_a_checkpoint_of_another_optimiser_is_refused(tmp_path, short_curriculum):
    """Muon updates the matrices of the blocks, AdamW the rest; a checkpoint whose Muon had other settings names itself."""
    LabelMaker(KINDS["tsp"], sorted_expert, tmp_path / "labels").make(range(1))
    trainer = Trainer(
        KINDS["tsp"], tmp_path / "run", tmp_path / "labels", shape=SHAPE, hyper_parameters=HyperParameters(batch=8)
    )
    trainer.train(steps=1)
    rest, matrices = trainer.optimisers
    assert (type(rest), type(matrices)) == (torch.optim.AdamW, torch.optim.Muon)
    assert {p.ndim for p in matrices.param_groups[0]["params"]} == {2}
    state = torch.load(trainer.checkpoint, weights_only=True)
    state["optimisers"][1]["param_groups"][0].pop("ns_steps")  # as Muon of Redwood 0.1, which did not have it
    torch.save(state, trainer.checkpoint)
    with pytest.raises(OptionError, match=r"checkpoint.* was made with another optimiser"):
        Trainer(KINDS["tsp"], tmp_path / "run", tmp_path / "labels", shape=SHAPE, hyper_parameters=HyperParameters(batch=8))


def test_an_interrupted_training_resumes_exactly(tmp_path, short_curriculum):
    """Stopped at a checkpoint and made again from its folder, a training ends with the weights of one never stopped."""
    LabelMaker(KINDS["tsp"], sorted_expert, tmp_path / "labels").make(range(1))
    hyper_parameters = HyperParameters(batch=8, checkpoint_steps=2)

    def trainer(name):
        return Trainer(KINDS["tsp"], tmp_path / name, tmp_path / "labels", shape=SHAPE, hyper_parameters=hyper_parameters)

    whole = trainer("whole")
    whole.train(steps=6)
    first = trainer("stopped")
    first.train(steps=4)
    first._step()  # work after the checkpoint, lost as by kill -9
    second = trainer("stopped")
    second.train(steps=6)
    assert second.counters.step == 6
    for one, other in zip(whole.average.parameters(), second.average.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_training_goes_on_with_another_window(tmp_path, short_curriculum):
    """More tokens may be shown from a checkpoint on, since the weights are the same; another width is refused by name."""
    LabelMaker(KINDS["tsp"], sorted_expert, tmp_path / "labels").make(range(1))

    def trainer(shape):
        made = HyperParameters(batch=8)
        return Trainer(KINDS["tsp"], tmp_path / "run", tmp_path / "labels", shape=shape, hyper_parameters=made)

    trainer(SHAPE).train(steps=1)
    wider = trainer(replace(SHAPE, window=SHAPE.window + 3))
    wider.train(steps=2)
    assert wider.counters.step == 2
    assert wider.average.shape.window == SHAPE.window + 3
    with pytest.raises(OptionError, match=f"whose width is {SHAPE.width}, and {2 * SHAPE.width} is asked for"):
        trainer(replace(SHAPE, width=2 * SHAPE.width))


def test_cooling_ends_at_nothing_and_resumes_exactly(tmp_path, short_curriculum):
    """Rates fall to nothing within the steps settled at the beginning, whether or not the training is interrupted."""
    LabelMaker(KINDS["tsp"], sorted_expert, tmp_path / "labels").make(range(1))
    hyper_parameters = HyperParameters(batch=8, checkpoint_steps=2, warmup=1)

    def trainer(name):
        made = Trainer(KINDS["tsp"], tmp_path / name, tmp_path / "labels", shape=SHAPE, hyper_parameters=hyper_parameters)
        made.train(steps=4)
        made._pace = 1.0
        return made

    whole = trainer("whole")
    rates = []
    whole.cool(whole.counters.hours + 4.5, on_progress=lambda hours, text: rates.append(whole._rate()))
    assert whole.counters.step == 8
    np.testing.assert_allclose(
        rates[:3], [0.75 * hyper_parameters.rate(5), 0.5 * hyper_parameters.rate(6), 0.25 * hyper_parameters.rate(7)]
    )
    first = trainer("stopped")
    first.counters.cooling_from, first.counters.cooling_steps = 4, 4
    first.train(steps=6)
    second = trainer("stopped")
    second.cool(hours=0.0)
    assert second.counters.step == 8
    for one, other in zip(whole.average.parameters(), second.average.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_training_begins_with_given_weights(tmp_path, short_curriculum):
    """Weights to start from are those of the first step, and their shape is the network's."""
    LabelMaker(KINDS["tsp"], sorted_expert, tmp_path / "labels").make(range(1))
    given = network_of(KINDS["tsp"])
    save_weights(given, tmp_path / "given.safetensors", {})
    begun = load_weights(tmp_path / "given.safetensors")
    trainer = Trainer(KINDS["tsp"], tmp_path, tmp_path / "labels", shape=begun.shape, start=begun)
    assert trainer.network.shape == given.shape
    for one, other in zip(given.parameters(), trainer.network.parameters(), strict=True):
        torch.testing.assert_close(one.half().float(), other)


def test_a_training_learns(tmp_path, short_curriculum):
    """Some steps of imitation lower the loss, and leave a record of it."""
    LabelMaker(KINDS["tsp"], sorted_expert, tmp_path / "labels").make(range(1))
    hyper_parameters = HyperParameters(batch=32, checkpoint_steps=20, warmup=5)
    trainer = Trainer(KINDS["tsp"], tmp_path / "run", tmp_path / "labels", shape=SHAPE, hyper_parameters=hyper_parameters)
    trainer.train(steps=100)
    rows = (tmp_path / "run" / "loss.csv").read_text().splitlines()
    assert rows[0].startswith("step,decisions,hours,choice_loss")
    losses = [float(row.split(",")[3]) for row in rows[1:]]
    assert len(losses) == 5
    assert losses[-1] < losses[0]


def test_training_ends_with_weights_that_solve(tmp_path, short_curriculum):
    """From nothing to a file of weights that the solver takes."""
    config = TrainingConfig(tmp_path, sorted_expert, hours=1e-4)
    path = BQTrainer.train(
        KINDS["tsp"], config, preset="tiny", batch=8, test_instances=2, checkpoint_steps=1, test_steps=100
    )
    instance = redwood.generate("tsp", size=12, seed=0)
    result = redwood.solve(instance, solver="bq", weights=str(path), search="none", bound_time_limit=0)
    assert result.status == "feasible"
    assert (tmp_path / "curves.png").exists()


def test_unknown_training_options_are_refused(tmp_path):
    """A misspelt option of the training is an error with a suggestion."""
    with pytest.raises(OptionError, match="preset"):
        BQTrainer.train(KINDS["tsp"], TrainingConfig(tmp_path, sorted_expert, hours=1.0), presett="small")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": -1}, "window -1"),
        ({"rate": 0.0}, r"rate 0\.0"),
        ({"cooling": -0.1}, "cooling"),
        ({"start": "gone"}, "gone"),
    ],
)
def test_training_options_out_of_range_are_named(tmp_path, options, message):
    """What is wrong with an option of the training is said before labels are made."""
    with pytest.raises(OptionError, match=message):
        BQTrainer.train(KINDS["tsp"], TrainingConfig(tmp_path / "run", sorted_expert, hours=1.0), **options)
    assert not (tmp_path / "run").exists()


def test_windows_reach_the_network_as_they_are():
    """Tensors share the arrays' values and shapes."""
    problem = KINDS["tsp"]
    view = problem.view(Stepwise, problem.generate(9, np.random.default_rng(0), variant=problem.variants[0]))
    window = view.window(view.begin(np.zeros(2, dtype=np.int64)), 4)
    features, present, edges = tensors(window, torch.device("cpu"))
    assert features.shape == (2, 6, view.layout.features)
    assert present.all()
    assert edges.shape == (2, 6, 6, view.layout.edges)


def test_small_instances_are_solved_as_a_whole_again_where_rebuilding_is_idle(monkeypatch):
    presented = []
    present = BQ._present

    def noted(self, task, rows, rng):
        presented.append(task.idle)
        present(self, task, rows, rng)

    monkeypatch.setattr(BQ, "_present", noted)
    for size, often in ((12, True), (302, False)):
        presented.clear()
        instance = redwood.generate("tsp", size=size, seed=0)
        BQ().run(TSP(), instance, Run(TSP(), instance, budget=Iterations(12), seed=0))
        assert (len(presented) > 1) == often
