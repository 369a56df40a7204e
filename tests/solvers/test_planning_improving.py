"""Policy improvement on the values of arms: ahead of what it begins from, or left out."""

from dataclasses import replace

import numpy as np
import pytest

from redwood import generate
from redwood.clock import Timer
from redwood.planning.bounds.duality import price
from redwood.planning.bounds.pricing import Relaxation, relax
from redwood.planning.contract import Planning
from redwood.plugins.host import host
from redwood.problems.cormab.interventions import InterventionsSet
from redwood.solvers.planning import improving
from redwood.solvers.planning.arm_features import FEATURES, arm_features
from redwood.solvers.planning.improving import fitted, improve, policy_for, simulated, surpasses


def planning_of(domain, **options):
    return host().problem("cormab").view(Planning, generate(f"cormab/{domain}", **options))


def never():
    return False


@pytest.fixture(scope="module")
def coupled():
    """Five arms with success that depends on the state, under a budget of one: the relaxation is 5 % loose here."""
    planning = planning_of("state-dependent", size=5, seed=1, budget=1, horizon=12)
    return planning, relax(planning, Timer())


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


def test_a_worse_candidate_is_dropped(coupled, monkeypatch):
    """Values that lead to a worse policy never become the incumbent, and no time for a trial changes nothing."""
    planning, relaxation = coupled
    monkeypatch.setattr(improving, "fitted", lambda planning, values, seen: -values)
    found = improve(planning, relaxation.values, rounds=3, episodes=100, seed=0, stops=never)
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
