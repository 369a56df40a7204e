"""Preference fine-tuning: pairs of solutions, and training on them."""

import numpy as np
import pytest
import torch

from redwood.problems.cvrp.problem import CVRP
from redwood.problems.knapsack.problem import Knapsack
from redwood.problems.tsp.problem import TSP
from redwood.solvers.bq.labels import LabelMaker
from redwood.solvers.bq.network import Shape
from redwood.solvers.bq.preference import PairMaker, PreferenceTrainer
from redwood.solvers.bq.training import HyperParameters, Trainer, view_class
from redwood.solvers.bq.training_run import BQTrainer
from redwood.solving.train import SolverExpert
from redwood.trainable import TrainingConfig
from redwood.views.stepwise import Stage

pytestmark = pytest.mark.slow

SHAPE = Shape(layers=1, width=16, heads=2, hidden=16, window=12)
PROBLEMS = {"tsp": TSP(), "cvrp": CVRP(), "knapsack": Knapsack()}
EXPERTS = {"tsp": "local-search", "cvrp": "local-search", "knapsack": "exact"}


@pytest.fixture(params=PROBLEMS)
def trained(request, tmp_path, monkeypatch):
    """A trainer after a few steps on small instances, and the maker of its pairs."""
    torch.set_num_threads(1)
    problem = PROBLEMS[request.param]
    monkeypatch.setattr(view_class(problem), "curriculum", (Stage(12, 6, 20), Stage(14, 4, 20)))
    LabelMaker(problem, SolverExpert(EXPERTS[request.param]), tmp_path / "labels").make(range(1))
    hyper_parameters = HyperParameters(batch=64, checkpoint_steps=5, warmup=2)
    trainer = Trainer(problem, tmp_path / "run", tmp_path / "labels", shape=SHAPE, hyper_parameters=hyper_parameters)
    trainer.train(steps=5)
    return trainer, PairMaker(problem, tmp_path / "pairs")


def test_one_of_a_pair_is_better(trained):
    """Every pair is of one instance, and what was improved is strictly better than what was sampled."""
    trainer, maker = trained
    for better in maker.make(trainer.average.eval(), 0):
        with np.load(better) as one, np.load(better.with_name(better.name.replace("better", "worse"))) as other:
            (instances, good), (same, bad) = trainer.kind.unpack(dict(one)), trainer.kind.unpack(dict(other))
        assert len(instances) == len(same) > 0
        for instance, g, b in zip(instances, good, bad, strict=True):
            value = [trainer.problem.objective(instance, solution) for solution in (g, b)]
            assert trainer.problem.sense.better(*value)
    assert maker.made(0)
    assert not maker.made(1)


def test_training_on_pairs_prefers_the_better(trained, tmp_path):
    """The share of pairs whose better solution is likelier grows, and the training resumes from its folder."""
    trainer, maker = trained
    maker.make(trainer.average.eval(), 0)
    tuned = PreferenceTrainer.after(trainer, tmp_path / "preference", maker.folder)
    tuned.train(steps=60)
    rows = [line.split(",") for line in (tmp_path / "preference" / "loss.csv").read_text().splitlines()]
    shares = [float(row[rows[0].index("accuracy")]) for row in rows[1:]]
    assert np.mean(shares[-3:]) > np.mean(shares[:3])
    again = PreferenceTrainer.after(trainer, tmp_path / "preference", maker.folder)
    assert again.counters.step == 60


def test_training_can_end_with_preferences(tmp_path, monkeypatch):
    """From nothing to weights, with labels of the policy's own and preferences on the way."""
    monkeypatch.setattr(view_class(TSP()), "curriculum", (Stage(10, 4, 1),))
    config = TrainingConfig(tmp_path, SolverExpert("local-search"), hours=1e-3)
    options = {"preset": "tiny", "batch": 8, "test_instances": 2, "checkpoint_steps": 1, "test_steps": 1000}
    path = BQTrainer.train(TSP(), config, improve=True, prefer=0.3, **options)
    assert path.exists()
    assert (tmp_path / "labels" / "improved-20-0001.npz").exists()
    assert (tmp_path / "preference" / "checkpoint.pt").exists()
