"""SEQUOIA beside the Lagrangian policy: improvement on expected targets, networks of arms, and learning from logs."""

import json
from dataclasses import replace

import numpy as np
import pytest

from redwood import generate, load_policy, save_policy, simulate, solve, train
from redwood.clock import Timer
from redwood.errors import OptionError, SolutionError
from redwood.planning.arm_features import FEATURES, arm_features
from redwood.planning.bounds.duality import price
from redwood.planning.bounds.pricing import Relaxation, relax
from redwood.planning.contract import Planning
from redwood.planning.improving import fitted, improve, policy_for, scaled, simulated, surpasses
from redwood.plugins.host import host
from redwood.problems.cormab.interventions import InterventionsSet
from redwood.solvers.sequoia.arm_policy import ArmPolicy
from redwood.solvers.sequoia.learning.hyper_parameters import HyperParameters
from redwood.solvers.sequoia.learning.learner import Learner
from redwood.solvers.sequoia.learning.offline import estimate, learn_offline, load_log, save_log
from redwood.solvers.sequoia.networks.shipped import network_at, shipped


def planning_of(domain, **options):
    return host().problem("cormab").view(Planning, generate(f"cormab/{domain}", **options))


def never():
    return False


@pytest.fixture(scope="module")
def coupled():
    """Five arms with success that depends on the state, under a budget of one: the relaxation is 5 % loose here."""
    planning = planning_of("state-dependent", size=5, seed=1, budget=1, horizon=12)
    return planning, relax(planning, Timer())


def test_an_untrained_residual_network_is_the_lagrangian_policy(coupled):
    """Before any learning the network's every decision is the Lagrangian policy's, and its correction is exactly zero."""
    planning, relaxation = coupled
    table = scaled(planning, relaxation.values)
    learner = Learner(planning, HyperParameters(trials=1), seed=0, table=table)
    states = np.random.default_rng(0).integers(0, 4, (40, 5))
    rng = np.random.default_rng(0)
    for step in (0, 5, 11):
        ours = learner.policy().choose(planning, states, step, rng)
        np.testing.assert_array_equal(ours, policy_for(planning, relaxation.values).choose(planning, states, step, rng))
        actions = np.zeros((40, 5), np.int64)
        q_values = learner.policy().conditioned(planning.actions, states, step)[0].values(np.zeros((1, 5)))
        assert q_values[0] == pytest.approx(table[step, np.arange(5), actions[0], states[0]].sum(), abs=1e-12)


def test_improvement_is_ahead_where_interventions_overlap():
    """Where the relaxation is loose, improved values earn more than the Lagrangian policy by a clear interval."""
    planning = planning_of("overlapping", size=6, seed=2, budget=3, horizon=12)
    relaxation = relax(planning, Timer())
    found = improve(planning, relaxation.values, rounds=2, episodes=600, seed=0, stops=never)
    earned = [
        planning.rollouts(policy_for(planning, values), 1000, 5).mean(axis=1) for values in (relaxation.values, found.values)
    ]
    assert found.accepted >= 1
    assert surpasses(earned[1], earned[0])


def test_fitted_values_are_those_of_the_policy(coupled):
    """Over the states met, fitted values are the policy's mean reward to come, whatever values they were fitted from."""
    planning, relaxation = coupled
    seen = simulated(planning, policy_for(planning, relaxation.values), 3000, 3, never)
    values = fitted(planning, np.zeros_like(relaxation.values), seen)
    first = values[0][np.arange(5), seen.states[0]].sum(axis=1)
    assert first.mean() == pytest.approx(seen.rewards.sum(axis=1).mean(), rel=0.02)


def test_a_worse_candidate_is_dropped(coupled):
    """Values that lead to a worse policy never become the incumbent, and no time for a trial changes nothing."""
    planning, relaxation = coupled
    bad = -relaxation.values
    found = improve(planning, relaxation.values, rounds=0, episodes=100, seed=0, stops=never, start=bad)
    assert (found.tried, found.accepted) == (1, 0)
    np.testing.assert_array_equal(found.values, relaxation.values)
    late = improve(planning, relaxation.values, rounds=3, episodes=100, seed=0, stops=lambda: True)
    assert late.tried == 0
    assert not surpasses(np.ones(5), np.ones(5))


@pytest.mark.parametrize("domain", ["capacity", "overlapping"])
def test_features_do_not_depend_on_units(domain):
    """An arm's inputs are the same where rewards are counted in smaller coins (128 to one, so that rounding is the same)."""
    instance = generate(f"cormab/{domain}", size=8, seed=0, budget=2, horizon=5)
    cents = replace(instance, arms=replace(instance.arms, rewards=128.0 * instance.arms.rewards))
    plannings = [host().problem("cormab").view(Planning, one) for one in (instance, cents)]
    found = relax(plannings[0], Timer())
    scaled_up = Relaxation(price(plannings[1], 128.0 * found.priced.prices), 128.0 * found.values)
    inputs, unit = arm_features(plannings[0], found)
    others, more = arm_features(plannings[1], scaled_up)
    assert inputs.shape == (5, 8, 4, FEATURES)
    np.testing.assert_allclose(others, inputs, atol=1e-6)
    assert more == pytest.approx(128.0 * unit)


def test_an_empty_network_of_arms_is_the_lagrangian_policy(coupled, tmp_path):
    """A network of zeros corrects nothing; it survives its file, and shapes that do not fit are refused."""
    planning, relaxation = coupled
    empty = ArmPolicy(np.array([FEATURES, 1]), np.zeros(FEATURES + 1))
    again = load_policy(save_policy(empty, tmp_path / "arms"))
    np.testing.assert_array_equal(again.values(planning, relaxation), relaxation.values)
    states = np.random.default_rng(0).integers(0, 4, (10, 5))
    rng = np.random.default_rng(0)
    expected = policy_for(planning, relaxation.values).choose(planning, states, 2, rng)
    np.testing.assert_array_equal(again.choose(planning, states, 2, rng), expected)
    with pytest.raises(SolutionError, match=f"not {FEATURES + 1} finite"):
        ArmPolicy(np.array([FEATURES, 1]), np.zeros(FEATURES + 2))


def test_networks_of_arms_are_trained_for_a_domain_and_taken_elsewhere(tmp_path):
    """``train`` with ``instances=`` learns from small instances; the file solves, and starts, a larger one."""
    options = {
        "instances": 2,
        "size": [4, 5],
        "hidden": [4],
        "improvements": 1,
        "improvement_episodes": 20,
        "pretraining": 30,
    }
    path = train("deep-q", "cormab/budget", tmp_path, hours=1.0, seed=3, **options)
    assert json.loads(path.with_suffix(".json").read_text())["trained"]["instances"] == 2
    instance = generate("cormab/budget", size=7, seed=1, horizon=6)
    taken = solve(instance, "deep-q", weights=str(path))
    assert taken.bound >= taken.objective * 0.99
    direct = [simulate(instance, found, episodes=10).mean for found in (taken.solution, load_policy(path))]
    assert direct[0] == pytest.approx(direct[1])
    begun = solve(instance, "deep-q", start=str(path), improvements=0, improvement_episodes=50, episodes=1, trials=2)
    assert "of 1 improvements accepted" in begun.message


@pytest.mark.parametrize("name", ["capacity", "schedule", "path", "interventions"])
def test_shipped_networks_serve_fresh_instances(name):
    """The network shipped for a domain decides, within the set, on an instance of a size that it never saw."""
    planning = planning_of(name, size=9, seed=77, budget=3, horizon=4)
    assert name in shipped()
    policy = network_at(name)
    assert planning.rollouts(policy, 5, 0).shape == (5, 4)


def test_unknown_networks_are_named():
    """A name that is not shipped is an error which lists those that are."""
    with pytest.raises(OptionError, match="capacity"):
        network_at("capacities")


def test_logs_teach_without_the_arms(tmp_path):
    """From episodes of random actions alone a policy is learned that earns well above them; rewards are recovered."""
    instance = generate("cormab/budget", size=6, seed=2, horizon=8)
    planning = host().problem("cormab").view(Planning, instance)
    kept = simulate(instance, solve(instance, "random").solution, episodes=400, seed=9, keep=True, bound_time_limit=0)
    path = save_log(kept, tmp_path / "log")
    log = load_log(path, planning.arms.shape, 8)
    found = estimate(log, planning.arms.shape, 1.0)
    errors = np.abs(found.transitions - planning.arms.transitions).max(axis=3)
    assert errors[found.seen > 100].max() < 0.25
    policy = solve(instance, "deep-q", logged=str(path)).solution
    policies = (policy, solve(instance, "random").solution)
    learned, random = (simulate(instance, p, episodes=200, seed=4, bound_time_limit=0).mean for p in policies)
    assert learned > 1.1 * random


def test_actions_that_a_log_lacks_are_feared(coupled):
    """An arm that the log never pulls is worth less when pulled the greater the pessimism."""
    planning, _ = coupled
    seen = simulated(planning, policy_for(planning, np.zeros((13, 5, 4))), 60, 1, never)
    seen.arm_actions[:, :, 2] = 0
    shape = planning.arms.shape
    q_values = [learn_offline(seen, planning.actions, shape, 1.0, temperature=1.0, pessimism=p) for p in (0.0, 1.0)]
    gains = [table[:, 2, 1] - table[:, 2, 0] for table in q_values]
    assert (gains[1] < gains[0]).all()


def test_foreign_logs_are_refused(tmp_path):
    """Logs of another shape, and options that contradict each other, are errors."""
    np.savez(tmp_path / "log.npz", states=np.zeros((3, 4, 5)), arm_actions=np.zeros((3, 4, 5)), rewards=np.zeros((3, 4)))
    with pytest.raises(OptionError, match=r"expected \[E, 9, 5\]"):
        load_log(tmp_path / "log.npz", (5, 2, 4), 9)
    with pytest.raises(OptionError, match="exclude"):
        solve(generate("cormab/budget", size=3, seed=0), "deep-q", weights="capacity", start="capacity")


def test_listed_choices_equal_the_program():
    """Interventions that overlap too much for groups are gone through; the program finds nothing better."""
    rng = np.random.default_rng(0)
    weights = rng.integers(1, 3, (13, 5)) * (rng.random((13, 5)) < 0.6)
    actions = InterventionsSet(weights, 3)
    for _ in range(3):
        q_values = rng.normal(size=(5, actions.arm_actions))
        choice = actions.argmax(q_values)
        assert choice.value == pytest.approx(actions.solve(q_values).value)
        assert actions.contains(choice.arm_actions)
        assert len(choice.witness) == 3
