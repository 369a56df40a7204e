"""Problems, solvers and action sets that Redwood does not know are served like its own."""

import importlib.util
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

import redwood
from redwood.errors import FitError, OptionError
from redwood.plugins import host as hosting
from redwood.plugins.conformance.checks import check_problem
from redwood.plugins.host import Host
from redwood.solvers.bq.labels import LabelMaker
from redwood.solvers.bq.network import PRESETS
from redwood.solvers.bq.training import HyperParameters, Trainer, view_class
from redwood.views.stepwise import Stage, Stepwise

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
NAME = "linear-ordering"


@pytest.fixture(scope="module")
def ordering():
    """Load the documentation's problem from its file into a host of its own and return the problem."""
    host = Host()
    host.discover()
    host.load_file(EXAMPLES / "linear_ordering.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hosting, "_host", host)
        yield host.problem(NAME)


@pytest.fixture(scope="module")
def wards():
    """The documentation's module with an action set of its own."""
    spec = importlib.util.spec_from_file_location("own_action_set", EXAMPLES / "own_action_set.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["own_action_set"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["own_action_set"]


def test_a_problem_in_one_file_keeps_every_promise(ordering, tmp_path):
    """The kit finds nothing wrong with the problem of the documentation."""
    assert check_problem(NAME, seeds=[0], size=6, save=tmp_path) == []


def test_three_families_agree_with_enumeration(ordering):
    """HiGHS proves the best of all orders of seven items, and local search finds it."""
    instance = redwood.generate(NAME, size=7, seed=2)
    best = max(ordering.objective(instance, ordering.solution(list(p))) for p in itertools.permutations(range(7)))
    proven = redwood.solve(instance, "highs", time_limit=20)
    found = redwood.solve(instance, "local-search", iterations=100)
    assert (proven.objective, proven.bound, found.objective) == (best, best, best)


SHORT = (Stage(5, 12, 20), Stage(7, 12, 40))
"""What is learnt here: the example's own stages take half a minute."""


@pytest.fixture(scope="module")
def labelled(ordering, tmp_path_factory):
    """A folder of training whose labels HiGHS has made in two processes, and the weights that came out."""
    folder = tmp_path_factory.mktemp("training")
    view_class(ordering).curriculum = SHORT
    labels = {"expert": "highs", "expert_time_limit": 5, "label_share": 0.6, "test_instances": 2}
    weights = redwood.train("bq", NAME, folder, hours=10 / 3600, threads=2, preset="tiny", **labels)
    return folder, weights


def test_any_solver_makes_labels_in_several_processes(ordering, labelled):
    """HiGHS makes labels in processes that load the file again, and the default files keep them number for number."""
    folder, weights = labelled
    with np.load(folder / "labels" / "5-0000.npz") as arrays:
        instances, labels = view_class(ordering).unpack(dict(arrays))
    assert len(instances) == 12
    proven = redwood.solve(instances[0], "highs", time_limit=20)
    assert ordering.objective(instances[0], labels[0]) == proven.objective
    solved = redwood.solve(redwood.generate(NAME, size=12, seed=3), "bq", weights=str(weights), search="none")
    assert solved.status == "feasible"


def test_a_policy_learns_from_the_defaults_of_the_view(ordering, labelled):
    """Thirty steps on states that the default `sample` draws more than halve the gap of an untrained policy."""
    folder, _ = labelled
    tests = LabelMaker(ordering, None, folder / "labels").tests(2)
    hyper_parameters = HyperParameters(batch=32, warmup=1)
    trainer = Trainer(
        ordering, folder / "more", folder / "labels", shape=PRESETS["tiny"], hyper_parameters=hyper_parameters, tests=tests
    )
    before = trainer.test()
    trainer.train(steps=30)
    after = trainer.test()
    assert sum(after.values()) < sum(before.values()) / 2


def test_drawn_states_lie_on_the_way_of_their_label(ordering):
    """The states that `sample` draws by default are tails of labels: what was placed is the label's beginning."""
    instances = [redwood.generate(NAME, size=size, seed=0) for size in (4, 7)]
    labels = [ordering.solution(np.random.default_rng(1).permutation(i.size).tolist()) for i in instances]
    view = ordering.view(Stepwise, *instances)
    with pytest.raises(FitError, match="call set_labels"):
        view.sample(1, np.random.default_rng(0))
    view.set_labels(labels)
    batch = view.sample(200, np.random.default_rng(0))
    for row, left, order in zip(batch.rows, batch.left, batch.order, strict=True):
        placed = instances[row].size - left
        assert order[:placed].tolist() == labels[row].order[:placed]
    for row, instance in enumerate(instances):
        assert set(batch.left[batch.rows == row]) == set(range(1, instance.size + 1))


def test_a_problem_of_the_session_learns_in_one_process_only(tmp_path):
    """Other processes cannot import what was defined at a prompt, and the error says what to do."""
    kind = type("Here", (redwood.Problem,), {"name": "here", "__module__": "__main__", "__abstractmethods__": frozenset()})
    kind.__abstractmethods__ = frozenset()
    kind.views = {Stepwise: "nowhere:Nothing"}
    redwood.register(kind)
    with pytest.raises(OptionError, match="give threads=1"):
        redwood.train("bq", "here", tmp_path, hours=1, threads=2)


def test_own_action_sets_are_maximised_exactly(wards):
    """The inherited argmax over a declared set equals enumeration."""
    actions, rng = wards.NoNeighbours(6, 2), np.random.default_rng(0)
    allowed = [a for a in itertools.product((0, 1), repeat=6) if sum(a) <= 2 and (1, 1) not in itertools.pairwise(a)]
    for _ in range(5):
        coefficients = rng.normal(size=(6, 2))
        best = max(coefficients[np.arange(6), list(action)].sum() for action in allowed)
        assert actions.argmax(coefficients).value == pytest.approx(best)


@pytest.mark.parametrize(
    ("solver", "options"),
    [
        ("lagrangian", {}),
        ("sequoia", {"mode": "published"}),
    ],
)
def test_planning_solvers_take_own_action_sets_unchanged(wards, solver, options):
    """A policy keeps to the set, does no worse than its bound allows, and is simulated like any other."""
    instance = wards.wards()
    result = redwood.solve(instance, solver, time_limit=5, **options)
    assert result.status in ("feasible", "optimal"), result.message
    rollouts = redwood.simulate(instance, result.solution, episodes=50, seed=1)
    assert rollouts.percent_of_bound < 105
    arm_actions = result.solution.act(np.zeros(6, np.int64), 0)
    assert instance.actions.contains(arm_actions)
