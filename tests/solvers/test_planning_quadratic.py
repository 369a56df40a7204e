"""Lagrangian values with a quadratic coupling term: exact expectations, concave, well maximised, and worth having."""

from dataclasses import replace

import numpy as np
import pytest

from redwood import generate, instance, load_policy, save_policy, solve
from redwood.clock import Timer
from redwood.errors import OptionError, SolutionError
from redwood.planning.bounds.duality import price
from redwood.planning.bounds.pricing import Relaxation, relax
from redwood.planning.contract import Planning
from redwood.plugins.host import host
from redwood.solvers.planning import quadratic
from redwood.solvers.planning.arm_features import DEMANDS, arm_features
from redwood.solvers.planning.exact import evaluate
from redwood.solvers.planning.improving import (
    earned_by,
    policy_for,
    recorded,
    simulated,
    surpasses,
    variance_reduced,
)
from redwood.solvers.planning.quadratic_fit import fitted_demand, try_coupling


def planning_of(domain, **options):
    return host().problem("cormab").view(Planning, generate(f"cormab/{domain}", **options))


def never():
    return False


@pytest.fixture(scope="module", params=["capacity", "state-dependent", "path", "interventions", "discounted"])
def crowded(request):
    """An instance in which arms compete, its relaxation, and the policy fitted to episodes of the Lagrangian one."""
    domain = "capacity" if request.param == "discounted" else request.param
    made = generate(f"cormab/{domain}", size=6, seed=1, budget=2, horizon=8)
    made = replace(made, discount=0.9) if request.param == "discounted" else made
    planning = host().problem("cormab").view(Planning, made)
    relaxation = relax(planning, Timer())
    seen = simulated(planning, policy_for(planning, relaxation.values), 400, 0, never)
    return planning, relaxation, fitted_demand(planning, relaxation, relaxation.values, seen)


def test_spending_ahead_is_what_demand_is_made_of(crowded):
    """The columns taken for demand are those of spending: 0 after the end, and not all 0 before."""
    planning, relaxation, policy = crowded
    told = arm_features(planning, relaxation)[0][..., DEMANDS]
    assert told.shape[-1] == policy.coupling_features.shape[-1] == 4
    assert told[0].mean() > 0
    assert (told[-1, ..., 1:] == 0).all()
    assert (told[0] > 0).any(axis=(0, 1)).all()


def test_worths_are_expectations_over_outcomes(crowded):
    """The value of an action is its reward and the mean value of all 4^6 joint states that may follow."""
    planning, _, policy = crowded
    assert policy.curvature.any()
    rng, step = np.random.default_rng(0), 3
    states, arm_actions = rng.integers(0, 4, (1, 6)), planning.actions.enumerate(10_000)[:1]
    after = np.stack(np.meshgrid(*[np.arange(4)] * 6, indexing="ij"), axis=-1).reshape(-1, 6)
    own = np.arange(6)
    probabilities = planning.arms.transitions[own, arm_actions[0], states[0]][own, after].prod(axis=1)
    expected = planning.arms.rewards[own, arm_actions[0], states[0]].sum() * planning.discount**step
    expected += probabilities @ policy.value(after, step + 1)
    assert policy.q_values(planning, states, arm_actions, step)[0] == pytest.approx(expected, rel=1e-10)


def test_decisions_are_nearly_the_best_and_their_bounds_hold(crowded):
    """Of 60 states the action is best by enumeration in most, never worth more than its bound, and loses little."""
    planning, _, policy = crowded
    rng, allowed, lost = np.random.default_rng(1), planning.actions.enumerate(10_000), []
    for _ in range(60):
        states, step = rng.integers(0, 4, 6), int(rng.integers(0, 8))
        found = policy.decide(planning, states, step)
        q_values = policy.q_values(planning, np.tile(states, (len(allowed), 1)), allowed, step)
        assert found.value == pytest.approx(policy.q_values(planning, states[None], found.arm_actions[None], step)[0])
        assert found.bound >= q_values.max() - 1e-9
        assert found.value <= q_values.max() + 1e-9
        lost.append((q_values.max() - found.value) / abs(q_values.max()))
        np.testing.assert_array_equal(policy.choose(planning, states[None], step, rng)[0], found.arm_actions)
    assert (np.array(lost) < 1e-9).mean() >= 0.8
    assert max(lost) < 0.01


def test_variance_reduced_rewards_have_the_same_mean():
    """By exact evaluation: over episodes the mean is the policy's value, within four standard errors."""
    planning = planning_of("capacity", size=4, seed=3, budget=1, horizon=6)
    values = relax(planning, Timer()).values
    policy = policy_for(planning, values)
    quiet = variance_reduced(planning, values, recorded(planning, policy, 4000, 7))
    error = quiet.std(ddof=1) / np.sqrt(len(quiet))
    assert abs(quiet.mean() - evaluate(planning, policy) / 6) < 4 * error


@pytest.mark.parametrize("domain", ["capacity", "state-dependent"])
def test_variance_reduced_pairs_differ_less(domain):
    """Differences between two policies in the same episodes deviate less where the noise is taken out."""
    planning = planning_of(domain, size=10, seed=2, budget=2)
    relaxation = relax(planning, Timer())
    policy = policy_for(planning, relaxation.values)
    seen = recorded(planning, policy, 400, 0)
    pairs = [
        recorded(planning, one, 1000, 7) for one in (fitted_demand(planning, relaxation, relaxation.values, seen), policy)
    ]
    plain = pairs[0].rewards.mean(axis=1) - pairs[1].rewards.mean(axis=1)
    quiet = [variance_reduced(planning, relaxation.values, one) for one in pairs]
    assert 0 < (quiet[0] - quiet[1]).std() < 0.75 * plain.std()


@pytest.mark.parametrize("domain", ["capacity", "state-dependent"])
def test_coupling_is_ahead_of_the_q_values_alone(domain):
    """On instances of 20 arms it is accepted, and ahead of the Lagrangian policy in other episodes, with 95 % confidence."""
    planning = planning_of(domain, size=20, seed=2)
    relaxation = relax(planning, Timer())
    found = try_coupling(planning, relaxation, relaxation.values, episodes=600, seed=0, stops=never)
    assert found.accepted
    earned = [
        earned_by(planning, policy, relaxation.values, 600, 77, never)
        for policy in (found.policy, policy_for(planning, relaxation.values))
    ]
    assert surpasses(*earned)


def test_without_curvature_it_is_the_policy_of_the_values(crowded):
    """Flat joint values leave the values of arms."""
    planning, relaxation, policy = crowded
    flat = replace(policy, values=relaxation.values, curvature=np.zeros_like(policy.curvature))
    states, rng = np.random.default_rng(2).integers(0, 4, (30, 6)), np.random.default_rng(0)
    plain = policy_for(planning, relaxation.values)
    for step in (0, 4, 7):
        np.testing.assert_array_equal(flat.choose(planning, states, step, rng), plain.choose(planning, states, step, rng))


@pytest.mark.parametrize("looks", [0, 1, 2])
def test_without_time_there_is_no_coupling(looks):
    """Where the clock stops before the fit, before the first trial or before the second, nothing is claimed."""
    planning = planning_of("capacity", size=5, seed=0, budget=1, horizon=4)
    relaxation, clock = relax(planning, Timer()), iter([False] * looks + [True])
    assert try_coupling(planning, relaxation, relaxation.values, episodes=10, seed=0, stops=lambda: next(clock)) is None


@pytest.mark.parametrize("size", [1, 6])
def test_demand_that_says_nothing_is_not_blown_up(size):
    """With one arm, and with arms all alike, some combinations of demands are nothing but rounding; curvatures stay sane."""
    made = generate("cormab/budget", size=6, seed=0, budget=1, horizon=5)
    arms = made.arms
    alike = [np.repeat(array[:1], size, axis=0) for array in (arms.transitions, arms.rewards, arms.start)]
    actions = {"kind": "budget", "count": size, "budget": 1}
    made = instance("cormab", transitions=alike[0], rewards=alike[1], start=alike[2], actions=actions, horizon=5)
    planning = host().problem("cormab").view(Planning, made)
    relaxation = relax(planning, Timer())
    seen = simulated(planning, policy_for(planning, relaxation.values), 100, 0, never)
    policy = fitted_demand(planning, relaxation, relaxation.values, seen)
    assert np.abs(policy.curvature).max() < 1e4 * np.abs(relaxation.values).max()


def test_fitted_values_do_not_depend_on_units():
    """Rewards in smaller coins, 128 to one, give values and curvatures 128 times as large."""
    coins = generate("cormab/capacity", size=8, seed=0, budget=2, horizon=6)
    cents = replace(coins, arms=replace(coins.arms, rewards=128.0 * coins.arms.rewards))
    planning, other = (host().problem("cormab").view(Planning, one) for one in (coins, cents))
    found = relax(planning, Timer())
    more = Relaxation(price(other, 128.0 * found.priced.prices), 128.0 * found.values)
    seen = simulated(planning, policy_for(planning, found.values), 200, 0, never)
    policy = fitted_demand(planning, found, found.values, seen)
    scaled_up = fitted_demand(other, more, more.values, seen)
    assert policy.curvature.any()
    np.testing.assert_allclose(scaled_up.curvature, 128.0 * policy.curvature, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(scaled_up.values, 128.0 * policy.values, rtol=1e-6)


def test_solving_gives_the_quadratic_policy_where_it_is_ahead(tmp_path, monkeypatch):
    """``solve`` answers with it, says that it was accepted and what decides, and its file acts the same."""
    made = generate("cormab/capacity", size=20, seed=2)
    monkeypatch.setattr(quadratic, "ROUNDS", 0)
    found = solve(made, "quadratic", seed=0, episodes=400, time_limit=60, bound_time_limit=0)
    assert found.solution.kind == "quadratic"
    assert found.solution.describe() == {"decides_by": "quadratic", "proven": False}
    assert "accepted." in found.message
    path = save_policy(found.solution, tmp_path / "policy")
    np.testing.assert_array_equal(load_policy(path).curvature, found.solution.curvature)
    with pytest.raises(OptionError, match="episodes 1 is below 2"):
        solve(made, "quadratic", episodes=1)


def test_what_does_not_fit_is_refused(crowded):
    """Shapes, curvatures of the wrong sign, and instances of another size are named."""
    _, _, policy = crowded
    with pytest.raises(SolutionError, match="mean_demand of shape"):
        replace(policy, mean_demand=policy.mean_demand[:, :1])
    with pytest.raises(SolutionError, match="not symmetric"):
        replace(policy, curvature=policy.curvature + np.triu(np.ones((4, 4)), 1))
    with pytest.raises(SolutionError, match="none may be positive"):
        replace(policy, curvature=-policy.curvature)
    other = planning_of("capacity", size=7, seed=1, horizon=8)
    with pytest.raises(SolutionError, match="the values are for"):
        policy.choose(other, np.zeros((1, 7), np.int64), 0, np.random.default_rng(0))
