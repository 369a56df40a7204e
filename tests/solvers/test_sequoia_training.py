"""Training SEQUOIA in a folder: variants, files, resuming after a kill; and the baseline that climbs on the network."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import redwood
from redwood import generate, load_policy, save_policy, simulate, solve, train
from redwood.errors import FitError, OptionError, SolutionError
from redwood.planning.contract import Planning
from redwood.plugins.host import host
from redwood.solvers.sequoia.learning.hyper_parameters import HyperParameters
from redwood.solvers.sequoia.learning.instance_training import train_published
from redwood.solvers.sequoia.learning.learner import Learner
from redwood.solving.train import SolverExpert
from redwood.trainable import TrainingConfig

SHORT = HyperParameters(hidden=(4, 4), episodes=8, check=4, trials=3, pretraining=20, batch=8, replay=200)

TRAINED = """
import sys
from pathlib import Path

from redwood.plugins.host import host
from redwood.solvers.sequoia.learning.hyper_parameters import HyperParameters
from redwood.solvers.sequoia.learning.instance_training import train_published
from redwood.solving.train import SolverExpert
from redwood.trainable import TrainingConfig

hyper_parameters = HyperParameters(
    hidden=(4, 4), episodes=int(sys.argv[2]), check=4, trials=3, pretraining=20, batch=8, replay=200
)
train_published(
    host().problem("cormab"),
    TrainingConfig(folder=Path(sys.argv[1]), expert=SolverExpert("auto"), hours=1.0, seed=2),
    {"variant": "budget", "size": 5},
    hyper_parameters=hyper_parameters,
    every=0.0,
)
"""


def trained(folder, variant="budget", hyper_parameters=SHORT, seed=2, **options):
    config = TrainingConfig(folder=folder, expert=SolverExpert("auto"), hours=1.0, seed=seed)
    told = {"variant": variant, "size": 5, **options}
    return train_published(host().problem("cormab"), config, told, hyper_parameters=hyper_parameters, every=0.0)


def test_a_killed_training_ends_as_an_unbroken_one(tmp_path):
    """After ``kill -9`` in the middle the same call goes on, and its network is the one of an unbroken training."""
    folder = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", TRAINED, folder, "5000"])
    curve = folder / "curve.csv"
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if curve.exists() and len(curve.read_text().splitlines()) > 2:
            break
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (folder / "policy.safetensors").exists()
    resumed, unbroken = load_policy(trained(folder)), load_policy(trained(tmp_path / "whole"))
    assert len(curve.read_text().splitlines()) == 9
    np.testing.assert_array_equal(resumed.weights, unbroken.weights)


def test_trained_policies_are_taken_as_weights(tmp_path):
    """A training as published leaves a safetensors file and a card; ``solve`` with it acts as the trained policy."""
    path = trained(tmp_path, "capacity", seed=3)
    card = json.loads(path.with_suffix(".json").read_text())
    assert path.name == "policy.safetensors"
    assert card["format"] == 1
    assert card["instance"] == "cormab-capacity-5-s3"
    instance = generate("cormab/capacity", size=5, seed=3)
    policy = solve(instance, "sequoia", weights=str(path)).solution
    rewards = [simulate(instance, found, episodes=5, bound_time_limit=0).rewards for found in (policy, load_policy(path))]
    np.testing.assert_array_equal(*rewards)
    with pytest.raises(FitError, match=r"instance has \[6, 2, 4\]"):
        solve(generate("cormab/capacity", size=6, seed=3), "sequoia", weights=str(path))


def test_train_takes_the_published_mode(tmp_path):
    """``train`` with ``mode="published"`` learns for the hours given, and refuses the options of the other mode."""
    path = train("sequoia", "cormab/budget", tmp_path, hours=1e-3, seed=2, mode="published", size=4)
    assert load_policy(path).kind == "q-network"
    with pytest.raises(OptionError, match="no option 'rounds'"):
        train("sequoia", "cormab/budget", tmp_path / "other", hours=1e-3, seed=2, mode="published", rounds=2)


@pytest.mark.parametrize(
    ("given", "says"),
    [({"size": 6}, "another instance, cormab-budget-5-s2"), ({"seed": 3, "instance": "same.json"}, "seed 2, not 3")],
)
def test_folders_of_another_training_are_refused(given, says, tmp_path):
    """Another instance or seed in a folder that holds a training is named; more episodes just go on."""
    same = tmp_path / "same.json"
    same.write_text(host().problem("cormab").format(generate("cormab/budget", size=5, seed=2)))
    trained(tmp_path / "folder", hyper_parameters=replace(SHORT, episodes=1))
    given = given | ({"instance": str(same)} if "instance" in given else {})
    with pytest.raises(OptionError, match=says):
        trained(tmp_path / "folder", **given)
    trained(tmp_path / "folder", hyper_parameters=replace(SHORT, episodes=2))


def test_variants_may_not_contradict(tmp_path):
    """A variant in the problem's name and another one as an option are refused."""
    with pytest.raises(OptionError, match="'path'"):
        train("sequoia", "cormab/path", tmp_path, hours=1.0, variant="capacity")


def test_saved_kinds_are_found_without_an_import():
    """A process that has found its plugins and imported nothing of SEQUOIA reads a Q-network from its dictionary."""
    weights = np.zeros(sum(p.numel() for p in _tiny().parameters())).tolist()
    data = {"kind": "q-network", "hidden": [2], "shape": [2, 2, 4], "weights": weights, "horizon": 5}
    code = "from redwood.plugins.host import host; from redwood.planning.contract import Policy; host()"
    code += f"; print(type(Policy.from_dict({data})).__name__)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "QPolicy\n"


def _tiny():
    from redwood.solvers.sequoia.networks.network import QNetwork, Shape

    return QNetwork(Shape(2, 2, 4, 5, (2,)))


@pytest.mark.parametrize("solver", ["lagrangian", "exact", "random"])
def test_every_policy_survives_its_file(solver, tmp_path):
    """A policy read from its file earns what the one that was written does."""
    instance = generate("cormab/budget", size=3, seed=0, horizon=4)
    policy = solve(instance, solver).solution
    again = load_policy(save_policy(policy, tmp_path / "policy"))
    rewards = [simulate(instance, found, episodes=5, bound_time_limit=0).rewards for found in (policy, again)]
    np.testing.assert_array_equal(*rewards)


def test_foreign_files_are_refused(tmp_path):
    """A file without a policy, and one of a later layout, are errors that name the file."""
    (tmp_path / "text.safetensors").write_text("nothing")
    with pytest.raises(SolutionError, match=r"text\.safetensors"):
        load_policy(tmp_path / "text.safetensors")
    from safetensors.numpy import save_file

    header = {"redwood-policy": json.dumps({"format": 99, "policy": {"kind": "null"}})}
    save_file({"a": np.zeros(1)}, tmp_path / "later.safetensors", metadata=header)
    with pytest.raises(SolutionError, match="layout 99"):
        load_policy(tmp_path / "later.safetensors")


@pytest.mark.parametrize("domain", ["capacity", "schedule", "path", "interventions", "overlapping"])
def test_climbing_is_allowed_and_never_above_the_best(domain):
    """``climb`` ends at an allowed action that the exact decision is at least as good as."""
    planning = host().problem("cormab").view(Planning, generate(f"cormab/{domain}", size=8, seed=1, budget=3))
    learner = Learner(planning, HyperParameters(trials=1, pretraining=100), seed=0)
    learner.prepare()
    states = np.random.default_rng(0).integers(0, 4, (5, 8))
    from redwood.solvers.sequoia.networks.conditioned import indicators
    from redwood.solvers.sequoia.search.embedding import Embedding

    embedding = Embedding(planning.actions, learner.network.matrices())
    for conditioned in learner.network.condition(states, np.zeros(5, np.int64)):
        arm_actions = planning.actions.climb(
            lambda tried, f=conditioned: f.values(indicators(tried, planning.actions.arm_actions))
        )
        value = float(conditioned.values(indicators(arm_actions[None], planning.actions.arm_actions))[0])
        assert planning.actions.contains(arm_actions)
        assert value <= embedding.decide(conditioned).value + 1e-9


def test_climbing_on_a_linear_network_under_a_budget_is_exact():
    """Where values add up and only their number counts, one arm after another finds the best action."""
    planning = host().problem("cormab").view(Planning, generate("cormab/budget", size=8, seed=1))
    q_values = np.random.default_rng(2).normal(size=(8, 2))
    arm_actions = planning.actions.climb(lambda tried: q_values[np.arange(8), tried].sum(axis=1))
    np.testing.assert_array_equal(arm_actions, planning.actions.argmax(q_values).arm_actions)


def test_iterative_dqn_solves():
    """The baseline's result is a checked policy of its own kind."""
    result = solve(redwood.generate("cormab/path", size=5, seed=0), "iterative-dqn", iterations=1)
    assert result.status == "feasible"
    assert result.solution.kind == "iterative-q-network"
    assert "no action proven to be a maximum" in result.message
