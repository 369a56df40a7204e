"""Training SEQUOIA in a folder: variants, files, resuming after a kill; and the baseline that climbs on the network."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import redwood
from redwood import generate, load_policy, save_policy, simulate, solve, train
from redwood.errors import FitError, OptionError, SolutionError
from redwood.planning.contract import Planning
from redwood.plugins.host import host
from redwood.solvers.sequoia.learning.hyper_parameters import HyperParameters
from redwood.solvers.sequoia.learning.learner import Learner

SHORT = {
    "size": 5,
    "network": "additive",
    "hidden": [4],
    "episodes": 24,
    "check": 4,
    "trials": 3,
    "pretraining": 20,
    "batch": 8,
    "replay": 200,
    "checkpoint_seconds": 0.0,
}

KILLED = """
import json, sys
import redwood
redwood.train("deep-q", "cormab/budget", sys.argv[1], hours=1.0, seed=2, **json.loads(sys.argv[2]))
"""


def test_a_killed_training_ends_as_an_unbroken_one(tmp_path):
    """After ``kill -9`` in the middle the same call goes on, and its network is the one of an unbroken training."""
    folder = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", KILLED, folder, json.dumps(SHORT | {"episodes": 5000})])
    curve = folder / "curve.csv"
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if curve.exists() and len(curve.read_text().splitlines()) > 2:
            break
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (folder / "policy.safetensors").exists()
    resumed = load_policy(train("deep-q", "cormab/budget", folder, hours=1.0, seed=2, **SHORT | {"episodes": 8}))
    unbroken = load_policy(
        train("deep-q", "cormab/budget", tmp_path / "whole", hours=1.0, seed=2, **SHORT | {"episodes": 8})
    )
    assert len(curve.read_text().splitlines()) == 9
    np.testing.assert_array_equal(resumed.weights, unbroken.weights)


def test_trained_policies_are_taken_as_weights(tmp_path):
    """``train`` for a variant leaves a safetensors file and a card; ``solve`` with it acts as the trained policy."""
    path = train("deep-q", "cormab/capacity", tmp_path, hours=1.0, seed=3, **SHORT | {"episodes": 2})
    card = json.loads(path.with_suffix(".json").read_text())
    assert path.name == "policy.safetensors"
    assert card["format"] == 1
    assert card["instance"] == "cormab-capacity-5-s3"
    instance = generate("cormab/capacity", size=5, seed=3)
    policy = solve(instance, "deep-q", weights=str(path)).solution
    rewards = [simulate(instance, found, episodes=5, bound_time_limit=0).rewards for found in (policy, load_policy(path))]
    np.testing.assert_array_equal(*rewards)
    with pytest.raises(FitError, match=r"instance has \[6, 2, 4\]"):
        solve(generate("cormab/capacity", size=6, seed=3), "deep-q", weights=str(path))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"size": 6}, "another instance, cormab-budget-5-s2"),
        ({"seed": 3, "instance": "same.json"}, "seed 2, not 3"),
        ({"network": "concave"}, "network 'additive' and not 'concave'"),
    ],
)
def test_folders_of_another_training_are_refused(given, says, tmp_path):
    """Another instance, seed or option in a folder that holds a training is named; more episodes just go on."""
    same = tmp_path / "same.json"
    same.write_text(host().problem("cormab").format(generate("cormab/budget", size=5, seed=2)))
    call = {"hours": 1.0, "seed": 2, **SHORT, "episodes": 1}
    train("deep-q", "cormab/budget", tmp_path / "folder", **call)
    given = given | ({"instance": str(same)} if "instance" in given else {})
    with pytest.raises(OptionError, match=says):
        train("deep-q", "cormab/budget", tmp_path / "folder", **call | given)
    train("deep-q", "cormab/budget", tmp_path / "folder", **call | {"episodes": 2})


def test_variants_may_not_contradict(tmp_path):
    """A variant in the problem's name and another one as an option are refused."""
    with pytest.raises(OptionError, match="'path'"):
        train("deep-q", "cormab/path", tmp_path, hours=1.0, variant="capacity")


def test_saved_kinds_are_found_without_an_import():
    """A process that has found its plugins and imported nothing of SEQUOIA reads a Q-network from its dictionary."""
    table, weights = np.zeros((1, 2, 2, 4)).tolist(), np.zeros(sum(p.numel() for p in _tiny().parameters())).tolist()
    data = {"kind": "q-network", "network": "additive", "hidden": [2], "table": table, "weights": weights, "horizon": 5}
    code = "from redwood.plugins.host import host; from redwood.planning.contract import Policy; host()"
    code += f"; print(type(Policy.from_dict({data})).__name__)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "QPolicy\n"


def _tiny():
    from redwood.solvers.sequoia.networks.network import QNetwork, Shape

    return QNetwork(Shape("additive", 2, 2, 4, 5, (2,)))


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
    learner = Learner(planning, HyperParameters(network="relu", trials=1, pretraining=100), seed=0)
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
    options = {"episodes": 1, "check": 1, "trials": 2, "pretraining": 20}
    result = solve(redwood.generate("cormab/path", size=5, seed=0), "iterative-dqn", **options)
    assert result.status == "feasible"
    assert result.solution.kind == "iterative-q-network"
