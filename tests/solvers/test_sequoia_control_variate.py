"""What keeps targets of learning quiet: the noise of outcomes is left out, and returns end at random actions."""

import numpy as np
import pytest

from redwood import generate
from redwood.clock import Timer
from redwood.planning.bounds.pricing import relax
from redwood.planning.contract import Planning
from redwood.planning.improving import policy_for, scaled, simulated
from redwood.plugins.host import host
from redwood.solvers.sequoia.learning.control_variate import ControlVariate
from redwood.solvers.sequoia.learning.hyper_parameters import HyperParameters
from redwood.solvers.sequoia.learning.learner import Learner


def planning_of(domain="capacity", size=6, **options):
    return host().problem("cormab").view(Planning, generate(f"cormab/{domain}", size=size, seed=0, **options))


def lagrangian(planning):
    return relax(planning, Timer()).values


def test_the_control_variate_is_nothing_on_the_average():
    """Over all outcomes of two arms, weighed by their probabilities, the noise of a step is 0."""
    planning = planning_of("budget", size=2)
    noise = ControlVariate(planning, lagrangian(planning))
    states, arm_actions = np.array([1, 2]), np.array([1, 0])
    outcomes = np.array([[left, right] for left in range(4) for right in range(4)])
    moves = planning.arms.transitions[[0, 1], arm_actions, states]
    probabilities = moves[0][outcomes[:, 0]] * moves[1][outcomes[:, 1]]
    assert probabilities @ noise.of(states, arm_actions, 3, outcomes) == pytest.approx(0.0, abs=1e-12)


def test_returns_with_the_control_variate_vary_little():
    """Rewards of an episode less the noise of its steps vary ten times less in variance than the rewards."""
    planning = planning_of(size=20)
    values = lagrangian(planning)
    noise, policy = ControlVariate(planning, values), policy_for(planning, values)
    seen = simulated(planning, policy, 50, 3, lambda: False)
    total, own = seen.rewards.sum(axis=1), np.arange(20)
    quiet = total.copy()
    first = values[0][own, seen.states[0]].sum(axis=1)  # where the episode began is noise of another kind
    for step in range(planning.horizon - 1):
        for episode in range(50):
            now, then = seen.states[step][episode], seen.states[step + 1][episode]
            quiet[episode] -= noise.of(now, seen.arm_actions[step][episode], step, then[None])[0]
    assert (quiet - first).var() < 0.1 * total.var()


def test_returns_end_at_random_actions():
    """With nothing but random actions transitions have one step each; without any they have ``n_step``, fewer at the end."""
    planning = planning_of("budget", size=4, horizon=6)
    for epsilon, spans in ((1.0, [1, 1, 1, 1, 1, 1]), (0.0, [3, 3, 3, 3, 2, 1])):
        hyper_parameters = HyperParameters(
            network="additive", epsilon=epsilon, epsilon_end=epsilon, trials=1, episodes=1, pretraining=0
        )
        learner = Learner(planning, hyper_parameters, seed=0)
        learner.learn(lambda: False)
        kept = learner.replay.arrays
        ends = np.where(kept["factors"][:6] == 0, 6, kept["later"][:6])
        assert sorted(zip(kept["steps"][:6], ends - kept["steps"][:6], strict=True)) == list(enumerate(spans))


def test_learning_does_not_ruin_what_it_starts_from():
    """After learning with random actions, a residual network still earns what the Lagrangian policy does, but 3 %."""
    planning = planning_of(size=10)
    values = lagrangian(planning)
    learner = Learner(
        planning, HyperParameters(episodes=10, check=10, trials=10), 0, scaled(planning, values), values=values
    )
    learner.prepare()
    start = learner.trial
    learner.learn(lambda: False)
    assert learner.updates > 150
    assert learner.trial > 0.97 * start


def test_a_network_that_fell_behind_goes_back():
    """A trial that is clearly behind the best one brings that network back, and halves the rate."""
    planning = planning_of(size=8)
    values = lagrangian(planning)
    learner = Learner(planning, HyperParameters(trials=20), 0, scaled(planning, values), values=values)
    learner.prepare()
    best, rate = learner.network.vector(), learner.hyper_parameters.rate
    learner.network.load_vector(best + np.random.default_rng(0).normal(size=len(best)))
    learner._try()
    assert learner.trial < learner.best_trial
    np.testing.assert_array_equal(learner.network.vector(), best)
    assert learner.optimiser.param_groups[0]["lr"] == rate / 2
