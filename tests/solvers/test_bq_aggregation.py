"""Labels for tails of a policy's own rollouts."""

import itertools

import numpy as np
import pytest
import torch

from redwood.problems.atsp.problem import ATSP
from redwood.problems.cvrp.instance import Routes
from redwood.problems.cvrp.problem import CVRP
from redwood.problems.orienteering.instance import Tour
from redwood.problems.orienteering.problem import Orienteering
from redwood.problems.tsp.problem import TSP
from redwood.solvers.bq.aggregation import TailMaker
from redwood.solvers.bq.decoding import rollouts
from redwood.solvers.bq.improvement import Improver
from redwood.solvers.bq.network import PRESETS, Network
from redwood.solvers.bq.training import HyperParameters, Trainer, view_class
from redwood.solving.train import SolverExpert
from redwood.views.stepwise import Stage, Stepwise

PROBLEMS = {"tsp": TSP(), "atsp": ATSP()}
EXPERTS = {"tsp": "exact", "atsp": "highs"}


def some_tails(problem, steps=2, size=8):
    """Return the view of some instances, and what is left after some first allowed actions."""
    kind = view_class(problem)
    rng = np.random.default_rng(3)
    view = problem.view(Stepwise, *[kind.example(size, rng) for _ in range(3)])
    batch = view.begin(np.arange(3), rng)
    for _ in range(steps):
        window = view.window(batch, 8)
        view.act(batch, window, window.mask.reshape(3, -1).argmax(axis=1))
    return view, batch


@pytest.mark.parametrize("name", PROBLEMS)
def test_tails_are_solved_as_paths(name):
    """With an exact expert the label of a tail is the shortest path, by enumeration, between its ends."""
    view, batch = some_tails(PROBLEMS[name])
    instances, paths = view.tails(batch, SolverExpert(EXPERTS[name]), 0, 0)
    assert len(instances) == 3
    for row, (instance, path) in enumerate(zip(instances, paths, strict=True)):
        n = int(batch.left[row]) + 2
        costs = view.distances(row, np.array([batch.current[row], *batch.remaining[row, : n - 2], batch.destination[row]]))
        lengths = [
            costs[list(p[:-1]), list(p[1:])].sum() for p in ((0, *q, n - 1) for q in itertools.permutations(range(1, n - 1)))
        ]
        assert instance.size == n
        assert path.tour[0] == 0
        assert path.tour[-1] == n - 1
        assert costs[path.tour[:-1], path.tour[1:]].sum() == pytest.approx(min(lengths))


@pytest.mark.parametrize("name", PROBLEMS)
def test_samples_of_a_tail_stay_within_it(name):
    """No arc drawn from an open path passes from its end to its begin, and the plan follows the label."""
    problem = PROBLEMS[name]
    view, batch = some_tails(problem)
    instances, paths = view.tails(batch, SolverExpert(EXPERTS[name]), 0, 0)
    drawn = problem.view(Stepwise, *instances)
    drawn.set_labels(paths)
    tails = drawn.sample(200, np.random.default_rng(0))
    for b, row in enumerate(tails.rows):
        place = np.argsort(paths[row].tour)
        walk = place[[tails.current[b], *tails.plan[b, : tails.left[b]], tails.destination[b]]]
        assert set(np.diff(walk)) in ({1}, {-1})


def test_tails_of_a_policy_are_labels(tmp_path, monkeypatch):
    """A trainer learns from tours and tails together: the files stand side by side and have one format."""
    problem = TSP()
    kind = view_class(problem)
    monkeypatch.setattr(kind, "curriculum", (Stage(12, 20, 20),))
    torch.manual_seed(0)
    network = Network(kind.layout, PRESETS["tiny"]).eval()
    made = TailMaker(problem, SolverExpert("local-search"), tmp_path / "labels").make(network, 0)
    assert [path.name for path in made] == ["tails-12-0000.npz"]
    trainer = Trainer(
        problem,
        tmp_path,
        tmp_path / "labels",
        shape=PRESETS["tiny"],
        hyper_parameters=HyperParameters(batch=8, checkpoint_steps=2),
    )
    trainer.train(steps=2)
    assert trainer.counters.decisions == 16


@pytest.mark.parametrize("name", PROBLEMS)
def test_improved_solutions_become_labels(tmp_path, monkeypatch, name):
    """What the policy makes of larger instances is better than its first solutions, and a file of labels like any other."""
    problem = PROBLEMS[name]
    kind = view_class(problem)
    monkeypatch.setattr(kind, "curriculum", (Stage(10, 3, 1),))
    torch.manual_seed(0)
    network = Network(kind.layout, PRESETS["tiny"]).eval()
    (path,) = Improver(problem, tmp_path).make(network, 0)
    assert path.name == "improved-20-0000.npz"
    with np.load(path) as arrays:
        instances, solutions = kind.unpack(dict(arrays))
    view = problem.view(Stepwise, *instances)
    first = view.solutions(rollouts(network, view, np.arange(3), None))
    improved = sum(problem.objective(i, s) for i, s in zip(instances, solutions, strict=True))
    assert improved < sum(problem.objective(i, s) for i, s in zip(instances, first, strict=True))


def test_tails_of_orienteering_are_instances_of_their_own():
    """What is left of a path is an instance between other ends, whose best prize completes the path within its limit."""
    problem = Orienteering()
    rng = np.random.default_rng(3)
    view = problem.view(Stepwise, *[view_class(problem).example(9, rng) for _ in range(3)])
    batch = view.begin(np.arange(3))
    window = view.window(batch, 9)
    view.act(batch, window, window.mask.reshape(3, -1).argmax(axis=1))
    instances, paths = view.tails(batch, SolverExpert("highs"), 0, 0)
    back, paths_back = view_class(problem).unpack(view_class(problem).pack(instances, paths))
    assert len(back) == (batch.left > 0).sum() > 0
    for instance, same, label, label_back in zip(instances, back, paths, paths_back, strict=True):
        assert (instance.start, instance.end) == (0, instance.travel.size - 1)
        assert problem.violations(same, label_back) == []
        assert problem.objective(same, label_back) == pytest.approx(problem.objective(instance, label))
    rows = np.flatnonzero(batch.left > 0)
    for row, label in zip(rows, paths, strict=True):
        nodes = np.array([batch.current[row], *batch.remaining[row, : batch.left[row]], view.ends[batch.rows[row]]])
        whole = Tour(np.concatenate([[view.starts[batch.rows[row]]], nodes[label.tour]]))
        assert problem.violations(view.instances[batch.rows[row]], whole) == []


def test_tails_of_cvrp_begin_where_the_last_vehicle_left():
    """The open customers and those of the route under way are an instance; its routes complete the earlier ones."""
    problem = CVRP()
    view, batch = some_tails(problem, steps=5, size=12)
    instances, labels = view.tails(batch, SolverExpert("local-search"), 2000, 0)
    back, labels_back = view_class(problem).unpack(view_class(problem).pack(instances, labels))
    assert len(instances) == 3
    for row, (instance, same, label, label_back) in enumerate(zip(instances, back, labels, labels_back, strict=True)):
        assert label_back.routes == label.routes
        assert problem.violations(same, label_back) == []
        steps = int(batch.steps[row])
        gone = int(np.flatnonzero(batch.via[row, :steps])[-1])
        nodes = np.array([0, *batch.order[row, gone:steps], *batch.remaining[row, : batch.left[row]]])
        assert instance.size == 12 - gone
        kept = np.split(batch.order[row, :gone], np.flatnonzero(batch.via[row, :gone])) if gone else []
        routes = [*[route.tolist() for route in kept if len(route)], *[nodes[route].tolist() for route in label.routes]]
        assert problem.violations(view.instances[row], Routes(routes)) == []
