"""Labels keep within their share of the hours, and a training learns something or says why not."""

import json
import shutil
import time
from dataclasses import dataclass

import numpy as np
import pytest

import redwood
from redwood.errors import OptionError
from redwood.plugins.host import host
from redwood.problems.tsp.stepwise import TSPStepwise
from redwood.solvers.bq.training_run import BQTrainer
from redwood.solvers.bq.weights import load_weights, save_weights
from redwood.trainable import TrainingConfig
from redwood.views.stepwise import Stage

pytestmark = pytest.mark.slow

CURRICULUM = (Stage(10, 8, 64), Stage(12, 4, 64))
"""Stages small enough for a test."""
TSP = host().problem("tsp")
OPTIONS = {"preset": "tiny", "batch": 8, "test_instances": 2, "checkpoint_steps": 5, "test_steps": 100_000, "tails": 0}


@dataclass(frozen=True)
class Slow:
    """An expert that takes a time for each iteration, and one of its own, and counts its iterations in a file."""

    each: float
    own: float = 0.0
    seconds: float | None = None

    def __call__(self, instance, iterations, seed):
        time.sleep(self.own + self.each * iterations)
        return TSP.solution(np.arange(instance.size))


@pytest.fixture(autouse=True)
def short_curriculum(monkeypatch):
    """Let every training here have the small stages."""
    monkeypatch.setattr(TSPStepwise, "curriculum", CURRICULUM)


def card(path):
    """Return what the card says of the training."""
    return json.loads(path.with_suffix(".json").read_text())["trained"]


def test_a_slow_expert_makes_less_effort(tmp_path):
    """At full effort labels would take 10 s of the 5 s of training: they take about their share, and steps follow."""
    began = time.monotonic()
    path = BQTrainer.train(TSP, TrainingConfig(tmp_path, Slow(0.01), hours=5 / 3600), **OPTIONS, label_share=0.3)
    assert time.monotonic() - began < 5 + 5
    trained = card(path)
    assert trained["label effort"] < 1
    assert trained["steps"] > 0
    assert trained["hours"] == pytest.approx(5 / 3600, rel=0.5)


def test_the_effort_of_a_folder_stays(tmp_path):
    """A training that goes on makes its labels with the effort of the first ones."""
    BQTrainer.train(TSP, TrainingConfig(tmp_path, Slow(0.01), hours=3 / 3600), **OPTIONS, label_share=0.3)
    kept = card(tmp_path / "tsp.safetensors")["label effort"]
    BQTrainer.train(TSP, TrainingConfig(tmp_path, Slow(0.0), hours=4 / 3600), **OPTIONS, label_share=0.3)
    assert card(tmp_path / "tsp.safetensors")["label effort"] == kept < 1


@pytest.mark.parametrize("slow", [Slow(0.0, own=0.3), Slow(0.01, seconds=1.0)])
def test_labels_that_do_not_fit_are_refused_with_what_they_need(tmp_path, slow):
    """Where less effort does not help, the error says how long labels take, and how many times the hours are needed."""
    began = time.monotonic()
    with pytest.raises(OptionError, match=r"take .* minutes on 1 processes.*times the hours"):
        BQTrainer.train(TSP, TrainingConfig(tmp_path, slow, hours=5 / 3600), **OPTIONS)
    assert time.monotonic() - began < 60
    assert not list(tmp_path.glob("*.safetensors"))


def test_no_gradient_step_is_an_error(tmp_path):
    """Hours that labels and tests use up leave no weights that would be called trained."""
    BQTrainer.train(TSP, TrainingConfig(tmp_path / "one", Slow(0.0), hours=2 / 3600), **OPTIONS)
    labels = tmp_path / "two" / "labels"
    labels.mkdir(parents=True)
    for file in (tmp_path / "one" / "labels").iterdir():
        (labels / file.name).write_bytes(file.read_bytes())
    with pytest.raises(OptionError, match="no gradient step was made"):
        BQTrainer.train(TSP, TrainingConfig(tmp_path / "two", Slow(0.0), hours=1e-9), **OPTIONS)
    assert not (tmp_path / "two" / "tsp.safetensors").exists()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a short training that is through."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TSPStepwise, "curriculum", CURRICULUM)
        BQTrainer.train(TSP, TrainingConfig(folder, Slow(0.0), hours=3 / 3600), **OPTIONS, label_share=0.8)
    return folder


@pytest.mark.parametrize("name", ["checkpoint.pt", "labels/10-0000.npz", "labels/test-10.npz", "labels/effort.json"])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_truncated_file_of_a_training_is_named(trained, tmp_path, name, share):
    """A damaged file is an error that names it, and not a traceback."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    config = TrainingConfig(tmp_path, Slow(0.0), hours=3 / 3600)
    file = tmp_path / name
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(OptionError, match=file.name):
        BQTrainer.train(TSP, config, **OPTIONS, label_share=0.8)


def test_weights_that_describe_another_network_are_refused_before_it_is_made(tmp_path):
    """A description of a network of petabytes, or of a million layers, costs neither memory nor time."""
    from redwood.solvers.bq.weights import network_for

    network = network_for("knapsack", host().problem("knapsack").view(redwood.views.stepwise.Stepwise).layout, "", "cpu")
    path = tmp_path / "huge.safetensors"
    for change in ({"width": 10**9}, {"layers": 10**9}, {"hidden": 2**40}, {"width": 0}, {"colour": 1}):

        class Lying:
            def state_dict(self):
                return network.state_dict()

            def describe(self, change=change):
                told = network.describe()
                return {**told, "shape": {**told["shape"], **change}}

        save_weights(Lying(), path, {})
        began = time.monotonic()
        with pytest.raises(OptionError, match=r"huge\.safetensors cannot be read"):
            load_weights(path)
        assert time.monotonic() - began < 5


def test_two_trainings_in_one_folder_are_refused(tmp_path):
    """While one training is at work in a folder, a second one is refused; afterwards it is not."""
    seen = []

    def meanwhile(spent, line):
        if not seen:
            seen.append(line)
            with pytest.raises(OptionError, match="another training is at work"):
                redwood.train("bq", "tsp", tmp_path, hours=1 / 3600, **OPTIONS)

    redwood.train("bq", "tsp", tmp_path, hours=4 / 3600, expert="greedy", on_progress=meanwhile, **OPTIONS)
    assert seen
    redwood.train("bq", "tsp", tmp_path, hours=5 / 3600, expert="greedy", **OPTIONS)
