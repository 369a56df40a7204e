"""SEQUOIA: exact decisions, faithful embeddings, learning that resumes."""

import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from redwood import generate
from redwood.errors import ModelError, SolverError
from redwood.planning.contract import Planning, Policy
from redwood.plugins.host import host
from redwood.solvers.sequoia.learning.hyper_parameters import HyperParameters
from redwood.solvers.sequoia.learning.learner import Learner
from redwood.solvers.sequoia.networks.conditioned import ConditionedNetwork, indicators, limits, linear_bound, reach
from redwood.solvers.sequoia.networks.network import QNetwork, Shape
from redwood.solvers.sequoia.policy import policy_of
from redwood.solvers.sequoia.pyomo_block import network_block
from redwood.solvers.sequoia.search.embedding import Embedding

DOMAINS = ["capacity", "schedule", "path", "interventions"]


def small(domain, seed=0, size=6):
    instance = generate(f"cormab/{domain}", size=size, seed=seed, budget=2)
    return host().problem("cormab").view(Planning, instance)


def network_for(planning, seed=0, hidden=(8, 6)):
    arms, arm_actions, states = planning.arms.shape
    torch.manual_seed(seed)
    network = QNetwork(Shape(arms, arm_actions, states, planning.horizon, hidden, unit=20.0))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.5 * torch.randn_like(parameter)
    return network


def allowed(actions):
    every = np.array(list(product(range(actions.arm_actions), repeat=actions.arms)))
    return np.array([arm_actions for arm_actions in every if actions.contains(arm_actions)])


@pytest.mark.parametrize("domain", DOMAINS)
def test_program_equals_enumeration(domain):
    """The program's action, and the decision's, are worth what the best of all allowed actions is; bounds are above."""
    planning = small(domain)
    network, every = network_for(planning), allowed(planning.actions)
    embedding = Embedding(planning.actions, network.matrices())
    rng = np.random.default_rng(1)
    states, steps = rng.integers(0, planning.arms.shape[2], (3, 6)), np.array([0, 7, 19])
    for state, step, conditioned in zip(states, steps, network.condition(states, steps), strict=True):
        repeated = np.repeat(state[None], len(every), axis=0)
        values = network(torch.as_tensor(repeated), torch.full((len(every),), int(step)), torch.as_tensor(every))
        best = float(values.detach().max())
        np.testing.assert_allclose(
            conditioned.values(indicators(every, planning.actions.arm_actions)), values.detach(), atol=1e-9
        )
        for decision in (embedding.solve(conditioned), embedding.decide(conditioned)):
            assert planning.actions.contains(decision.arm_actions)
            assert decision.value == pytest.approx(best, abs=2e-6)
            assert decision.bound >= best - 1e-9
            assert decision.bound == pytest.approx(best, abs=2e-5 * max(1.0, abs(best)))


@pytest.mark.parametrize("hidden", [(8,), (8, 6)])
def test_linear_bound_is_above_everywhere(hidden):
    """The linear function is above the network on every action, and limits hold every pre-activation."""
    planning = small("capacity", seed=3)
    network = network_for(planning, seed=2, hidden=hidden)
    every = indicators(allowed(planning.actions), 2)
    conditioned = network.condition(np.ones((1, 6), np.int64), np.array([4]))[0]
    found = limits(conditioned, reach(planning.actions, conditioned.weights[0]))
    for at in every[::7]:
        slope, constant = linear_bound(conditioned, found, at)
        assert (every @ slope + constant >= conditioned.values(every) - 1e-9).all()
    value = every
    for (low, high), matrix, bias in zip(found, conditioned.weights, conditioned.biases, strict=False):
        inner = value @ matrix.T + bias
        assert (inner >= low - 1e-9).all()
        assert (inner <= high + 1e-9).all()
        value = np.maximum(inner, 0.0)


def test_failures_of_the_program_are_errors():
    """A program that HiGHS cannot finish is an error with its status, never some action."""
    planning = small("capacity")
    network = network_for(planning)
    embedding = Embedding(planning.actions, network.matrices())
    conditioned = network.condition(np.zeros((1, 6), np.int64), np.array([0]))[0]
    embedding.solve(conditioned)
    embedding._highs.setOptionValue("time_limit", 0.0)
    with pytest.raises(SolverError, match="Time limit"):
        embedding.solve(conditioned)


def test_conditioned_networks_check_their_shapes():
    """Matrices that do not fit each other are refused by layer."""
    with pytest.raises(ModelError, match="layer 1 has the shape"):
        ConditionedNetwork(np.zeros(3), 0.0, (np.zeros((2, 3)), np.zeros((1, 4))), (np.zeros(2),))


def test_the_old_name_of_the_embedding_says_the_new_one():
    """`network_block` of 0.1 is an error that names `redwood.embed`."""
    with pytest.raises(ModelError, match=r"redwood\.embed"):
        network_block(None, [])


def test_learning_improves_the_network():
    """After some episodes the network earns more than after its pre-training on single steps."""
    learner = Learner(small("capacity", size=6), HyperParameters(episodes=40, rate=1e-3, pretraining=500), seed=0)
    learner.prepare()
    before = learner.trial
    learner.learn(lambda: False)
    assert learner.best_trial > before


def test_saved_trainings_go_on_exactly(tmp_path):
    """A training that is stopped after 3 episodes and loaded again ends with the same weights as an unbroken one."""
    planning = small("path")
    hyper_parameters = HyperParameters(hidden=(4, 4), episodes=5, check=2, trials=3, pretraining=5, batch=8, sync=10)
    whole, first = (Learner(planning, hyper_parameters, seed=1) for _ in range(2))
    for learner in (whole, first):
        learner.prepare()
    whole.learn(lambda: False)
    first.learn(lambda: first.episode == 3)
    first.save(tmp_path / "checkpoint.pt")
    second = Learner(planning, hyper_parameters, seed=1)
    second.load(tmp_path / "checkpoint.pt")
    second.learn(lambda: False)
    np.testing.assert_array_equal(second.network.vector(), whole.network.vector())
    assert second.best_trial == whole.best_trial


def test_policies_survive_json():
    """A policy read from its dictionary decides as the one that was written."""
    planning = small("capacity")
    policy = policy_of(network_for(planning))
    again = Policy.from_dict(policy.to_dict())
    states = np.random.default_rng(0).integers(0, 4, (5, 6))
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(again.choose(planning, states, 3, rng), policy.choose(planning, states, 3, rng))


def test_the_example_in_the_docs_runs():
    """The bound that the example prints is its network's forward pass at the answer."""
    path = Path(__file__).parents[2] / "docs/examples/own_network.py"
    printed = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True).stdout.split()
    network, bound = (float(printed[printed.index(name) + 1].strip("[]")) for name in ("network", "bound"))
    assert bound == pytest.approx(network, abs=1e-3)


def test_no_actions_have_no_indicators():
    """Where nothing is left to try, the indicators are an empty table of the right width."""
    from redwood.solvers.sequoia.networks.conditioned import indicators

    assert indicators(np.zeros((0, 6), np.int64), 4).shape == (0, 18)
