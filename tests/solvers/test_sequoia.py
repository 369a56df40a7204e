"""SEQUOIA: exact decisions, faithful embeddings, learning that resumes."""

import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from redwood import generate, simulate, solve
from redwood.errors import ModelError, SolverError
from redwood.planning.bounds.duality import price
from redwood.planning.contract import Planning, Policy
from redwood.plugins.host import host
from redwood.solvers.sequoia.learning.hyper_parameters import PUBLISHED, HyperParameters
from redwood.solvers.sequoia.learning.learner import Learner
from redwood.solvers.sequoia.networks.conditioned import ConditionedNetwork, indicators, limits, linear_bound, reach
from redwood.solvers.sequoia.networks.network import KINDS, QNetwork, Shape
from redwood.solvers.sequoia.policy import policy_of
from redwood.solvers.sequoia.pyomo_block import network_block
from redwood.solvers.sequoia.search.embedding import Embedding

DOMAINS = ["capacity", "schedule", "path", "interventions"]


def small(domain, seed=0, size=6):
    instance = generate(f"cormab/{domain}", size=size, seed=seed, budget=2)
    return host().problem("cormab").view(Planning, instance)


def network_for(planning, kind, seed=0, hidden=(8, 6)):
    arms, arm_actions, states = planning.arms.shape
    torch.manual_seed(seed)
    table = price(planning, np.zeros((planning.horizon, arms, arm_actions))).q_values if kind == "residual" else None
    network = QNetwork(Shape(kind, arms, arm_actions, states, planning.horizon, hidden, unit=20.0), table)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.5 * torch.randn_like(parameter)
    return network


def allowed(actions):
    every = np.array(list(product(range(actions.arm_actions), repeat=actions.arms)))
    return np.array([arm_actions for arm_actions in every if actions.contains(arm_actions)])


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("kind", KINDS)
def test_program_equals_enumeration(domain, kind):
    """The program's action, and the decision's, are worth what the best of all allowed actions is; bounds are above."""
    planning = small(domain)
    network, every = network_for(planning, kind), allowed(planning.actions)
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


@pytest.mark.parametrize("kind", ["relu", "concave"])
def test_linear_bound_is_above_everywhere(kind):
    """The linear function is above the network on every action, and limits hold every pre-activation."""
    planning = small("capacity", seed=3)
    network = network_for(planning, kind, seed=2)
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


def test_concave_networks_need_no_binaries():
    """A network concave in the action leaves no binary for ReLUs in the program; a general one does."""
    planning = small("capacity")
    states, steps = np.zeros((1, 6), np.int64), np.array([0])
    counts = {}
    for kind in ("concave", "relu"):
        network = network_for(planning, kind)
        counts[kind] = Embedding(planning.actions, network.matrices()).solve(network.condition(states, steps)[0]).binaries
    assert counts["concave"] == 0 < counts["relu"]


def test_failures_of_the_program_are_errors():
    """A program that HiGHS cannot finish is an error with its status, never some action."""
    planning = small("capacity")
    network = network_for(planning, "relu")
    embedding = Embedding(planning.actions, network.matrices(), seconds=0.0)
    with pytest.raises(SolverError, match="Time limit"):
        embedding.solve(network.condition(np.zeros((1, 6), np.int64), np.array([0]))[0])


def test_conditioned_networks_check_their_shapes():
    """Matrices that do not fit each other are refused by layer."""
    with pytest.raises(ModelError, match="layer 1 has the shape"):
        ConditionedNetwork(np.zeros(3), 0.0, (np.zeros((2, 3)), np.zeros((1, 4))), (np.zeros(2),))


def test_the_old_name_of_the_embedding_says_the_new_one():
    """`network_block` of 0.1 is an error that names `redwood.embed`."""
    with pytest.raises(ModelError, match=r"redwood\.embed"):
        network_block(None, [])


def test_residual_starts_as_the_lagrangian_policy():
    """Before learning, and so at worst, the default network acts as the Lagrangian policy."""
    instance = generate("cormab/capacity", size=8, seed=1)
    policy = solve(instance, "deep-q", episodes=1, check=1, trials=5, seed=0, improvement_episodes=50).solution
    other = solve(instance, "lagrangian").solution
    ours, theirs = (simulate(instance, found, episodes=30, seed=3, bound_time_limit=0) for found in (policy, other))
    assert ours.mean >= 0.97 * theirs.mean


def test_learning_improves_an_additive_network():
    """After some episodes the network earns more than after its pre-training on single steps."""
    learner = Learner(
        small("capacity", size=6), HyperParameters(network="additive", episodes=40, check=20, pretraining=500), seed=0
    )
    learner.prepare()
    before = learner.trial
    learner.learn(lambda: False)
    assert learner.best_trial > before


@pytest.mark.parametrize("kind", ["relu", "residual"])
def test_saved_trainings_go_on_exactly(kind, tmp_path):
    """A training that is stopped after 3 episodes and loaded again ends with the same weights as an unbroken one."""
    planning = small("path")
    hyper_parameters = HyperParameters(
        network=kind, hidden=(4, 4), episodes=5, check=2, trials=3, pretraining=5, batch=8, sync=10
    )
    table = price(planning, np.zeros((20, 6, 2))).q_values if kind == "residual" else None
    whole, first = (Learner(planning, hyper_parameters, seed=1, table=table) for _ in range(2))
    for learner in (whole, first):
        learner.prepare()
    whole.learn(lambda: False)
    first.learn(lambda: first.episode == 3)
    first.save(tmp_path / "checkpoint.pt")
    second = Learner(planning, hyper_parameters, seed=1, table=table)
    second.load(tmp_path / "checkpoint.pt")
    second.learn(lambda: False)
    np.testing.assert_array_equal(second.network.vector(), whole.network.vector())
    assert second.best_trial == whole.best_trial


def test_published_preset_keeps_explicit_options():
    """The preset sets the paper's values, and options given beside it win."""
    with_preset = HyperParameters(preset="published", episodes=7).with_preset()
    assert with_preset.network == "relu"
    assert with_preset.rate == PUBLISHED["rate"]
    assert with_preset.episodes == 7


def test_policies_survive_json():
    """A policy read from its dictionary decides as the one that was written."""
    planning = small("capacity")
    policy = policy_of(network_for(planning, "concave"))
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
