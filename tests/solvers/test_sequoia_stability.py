"""Training for stable ReLUs: the penalty counts what the program's limits say, and it leaves few binaries."""

import numpy as np
import pytest
import torch

from redwood import generate
from redwood.errors import OptionError
from redwood.planning.contract import Planning
from redwood.plugins.host import host
from redwood.solvers.sequoia.learning.hyper_parameters import HyperParameters
from redwood.solvers.sequoia.learning.learner import Learner
from redwood.solvers.sequoia.learning.stability import Stability
from redwood.solvers.sequoia.search.embedding import Embedding

QUICK = HyperParameters(network="relu", hidden=(8, 6), trials=1, check=100, pretraining=150, rate=1e-2, batch=16, episodes=2)


@pytest.fixture(scope="module")
def planning():
    """Six arms under a schedule."""
    return host().problem("cormab").view(Planning, generate("cormab/schedule", size=6, seed=0, budget=2))


def learner_with(planning, stability):
    made = Learner(planning, HyperParameters(**(vars(QUICK) | {"stability": stability})), seed=0)
    made.prepare()
    return made


def drawn(planning, count=10):
    rng = np.random.default_rng(0)
    return rng.integers(0, 4, (count, 6)), rng.integers(0, planning.horizon, count)


def test_the_penalty_is_that_of_the_programs_limits(planning):
    """It is the distance of 0 to the nearer of the limits that the program is given, as a share of their width."""
    network, (states, steps) = Learner(planning, QUICK, seed=0).network, drawn(planning)
    embedding, shares = Embedding(planning.actions, network.matrices()), []
    for conditioned in network.condition(states, steps):
        for low, high in embedding.limits(conditioned):
            shares.extend(np.maximum(np.minimum(-low, high), 0.0) / (high - low))
    found = float(Stability(planning.actions).penalty(network, states, steps).detach())
    assert found == pytest.approx(np.mean(shares), abs=1e-6)
    assert found > 0.01


def test_trained_with_it_the_program_has_few_binaries(planning):
    """The same training leaves less than a third of the binaries, and the program's action is still the list's."""
    states, steps = drawn(planning)
    left = []
    for stability in (0.0, 1.0):
        network = learner_with(planning, stability).network
        embedding = Embedding(planning.actions, network.matrices())
        decisions = [
            (embedding.solve(conditioned), embedding.decide(conditioned)) for conditioned in network.condition(states, steps)
        ]
        for program, listed in decisions:
            assert program.value == pytest.approx(listed.value, abs=1e-5)
        left.append(sum(program.binaries for program, _ in decisions))
    assert left[1] < left[0] / 3


def test_resumed_training_with_it_is_exact(planning, tmp_path):
    """A checkpoint keeps the extreme actions, so that a resumed training ends in the same network."""
    whole, broken = learner_with(planning, 0.1), learner_with(planning, 0.1)
    whole.learn(lambda: False)
    broken.learn(lambda: broken.episode >= 1)
    broken.save(tmp_path / "checkpoint.pt")
    again = Learner(planning, broken.hyper_parameters, seed=0)
    again.load(tmp_path / "checkpoint.pt")
    again.learn(lambda: False)
    for mine, other in zip(again.network.parameters(), whole.network.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_networks_without_binaries_refuse_it():
    """Stability of a network that has no ReLUs of the action, or a negative weight, is an error."""
    with pytest.raises(OptionError, match="for network relu"):
        HyperParameters(network="concave", stability=0.1)
    with pytest.raises(OptionError, match="for network relu"):
        HyperParameters(network="additive", preset="published", stability=0.1)
    assert HyperParameters(preset="published", stability=0.1).with_preset().network == "relu"
    with pytest.raises(OptionError, match="negative"):
        HyperParameters(network="relu", stability=-0.1)
