"""SEQUOIA with congestion: joint worths are exact expectations, concave, well maximised, and worth having."""

from dataclasses import replace

import numpy as np
import pytest

from redwood import generate, load_policy, save_policy, solve
from redwood.errors import OptionError, SolutionError
from redwood.planning import Planning
from redwood.plugins.host import host
from redwood.problems.cormab.duality import price
from redwood.problems.cormab.listing import every
from redwood.solvers.planning.exact import evaluate
from redwood.solvers.sequoia.arm_features import DEMANDS, arm_features
from redwood.solvers.sequoia.arm_policy import Unhurried
from redwood.solvers.sequoia.demand import congested, fitted_demand
from redwood.solvers.sequoia.improving import (
    earned_by,
    freed_of_luck,
    policy_for,
    simulated,
    surpasses,
    watched,
)
from redwood.solvers.sequoia.pricing import Relaxation, relax
from redwood.solvers.sequoia.solver import Sequoia


def planning_of(domain, **options):
    return host().problem("cormab").view(Planning, generate(f"cormab/{domain}", **options))


def never():
    return False


@pytest.fixture(scope="module", params=["capacity", "state-dependent", "path"])
def crowded(request):
    """An instance in which arms compete, its relaxation, and the policy fitted to episodes of the Lagrangian one."""
    planning = planning_of(request.param, size=6, seed=1, budget=2, horizon=8)
    relaxation = relax(planning, Unhurried())
    seen = simulated(planning, policy_for(planning, relaxation.values), 400, 0, never)
    return planning, relaxation, fitted_demand(planning, relaxation, relaxation.values, seen)


def test_spending_ahead_is_what_demand_is_made_of(crowded):
    """The columns taken for demand are those of spending: 0 after the end, never negative, and not all 0 before."""
    planning, relaxation, policy = crowded
    told = arm_features(planning, relaxation)[0][..., DEMANDS]
    assert told.shape[-1] == policy.prospects.shape[-1] == 4
    assert (told >= 0).all()
    assert (told[-1, ..., 1:] == 0).all()
    assert (told[0] > 0).any(axis=(0, 1)).all()


def test_worths_are_expectations_over_outcomes(crowded):
    """The worth of an action is its reward and the mean worth of all 4^6 joint states that may follow, by their chances."""
    planning, _, policy = crowded
    assert policy.curvature.any()
    rng, step = np.random.default_rng(0), 3
    states, levels = rng.integers(0, 4, (1, 6)), every(planning.actions, 10_000)[:1]
    after = np.stack(np.meshgrid(*[np.arange(4)] * 6, indexing="ij"), axis=-1).reshape(-1, 6)
    own = np.arange(6)
    chances = planning.arms.transitions[own, levels[0], states[0]][own, after].prod(axis=1)
    expected = planning.arms.rewards[own, levels[0], states[0]].sum() * planning.discount**step
    expected += chances @ policy.value(after, step + 1)
    assert policy.worth(planning, states, levels, step)[0] == pytest.approx(expected, rel=1e-10)


def test_decisions_are_nearly_the_best_and_their_bounds_hold(crowded):
    """Of 60 states the action is best by enumeration in most, never worth more than its bound, and loses little."""
    planning, _, policy = crowded
    rng, allowed, lost = np.random.default_rng(1), every(planning.actions, 10_000), []
    for _ in range(60):
        states, step = rng.integers(0, 4, 6), int(rng.integers(0, 8))
        found = policy.decide(planning, states, step)
        worth = policy.worth(planning, np.tile(states, (len(allowed), 1)), allowed, min(step, 7))
        assert found.value == pytest.approx(policy.worth(planning, states[None], found.levels[None], step)[0])
        assert found.bound >= worth.max() - 1e-9
        assert found.value <= worth.max() + 1e-9
        lost.append((worth.max() - found.value) / abs(worth.max()))
        np.testing.assert_array_equal(policy.choose(planning, states[None], step, rng)[0], found.levels)
    assert (np.array(lost) < 1e-9).mean() >= 0.8
    assert max(lost) < 0.01


def test_rewards_freed_of_luck_have_the_same_mean(crowded):
    """By exact evaluation: over episodes they agree with the policy's worth, in a narrower interval."""
    planning, relaxation, _ = crowded
    small = planning_of("capacity", size=4, seed=3, budget=1, horizon=6)
    values = relax(small, Unhurried()).values
    policy = policy_for(small, values)
    seen = watched(small, policy, 4000, 7)
    free, rewards = freed_of_luck(small, values, seen), seen.rewards.mean(axis=1)
    error = free.std(ddof=1) / np.sqrt(len(free))
    assert abs(6 * free.mean() - evaluate(small, policy)) < 6 * 4 * error
    seen = watched(planning, policy_for(planning, relaxation.values), 1000, 7)
    free, rewards = freed_of_luck(planning, relaxation.values, seen), seen.rewards.mean(axis=1)
    starts = relaxation.values[0][np.arange(6), seen.states[0]].sum(axis=1) / planning.horizon
    assert (free - starts).std() < 0.6 * rewards.std()


@pytest.mark.parametrize("domain", ["capacity", "state-dependent"])
def test_congestion_is_ahead_of_the_worths_alone(domain):
    """On instances of 20 arms it is accepted, and ahead of the Lagrangian policy in other episodes, with 95 % confidence."""
    planning = planning_of(domain, size=20, seed=2)
    relaxation = relax(planning, Unhurried())
    found = congested(planning, relaxation, relaxation.values, episodes=600, seed=0, stops=never)
    assert found.accepted
    earned = [
        earned_by(planning, policy, relaxation.values, 600, 77, never)
        for policy in (found.policy, policy_for(planning, relaxation.values))
    ]
    assert surpasses(*earned)


def test_without_curvature_it_is_the_policy_of_the_worths(crowded):
    """Flat joint worths leave the worths of arms; no time gives no policy."""
    planning, relaxation, policy = crowded
    flat = replace(policy, values=relaxation.values, curvature=np.zeros_like(policy.curvature))
    states, rng = np.random.default_rng(2).integers(0, 4, (30, 6)), np.random.default_rng(0)
    plain = policy_for(planning, relaxation.values)
    for step in (0, 4, 7):
        np.testing.assert_array_equal(flat.choose(planning, states, step, rng), plain.choose(planning, states, step, rng))
    assert congested(planning, relaxation, relaxation.values, episodes=10, seed=0, stops=lambda: True) is None


def test_fitted_worths_do_not_depend_on_units():
    """Rewards in smaller coins, 128 to one, give worths and curvatures 128 times as large."""
    instance = generate("cormab/capacity", size=8, seed=0, budget=2, horizon=6)
    cents = replace(instance, arms=replace(instance.arms, rewards=128.0 * instance.arms.rewards))
    planning, other = (host().problem("cormab").view(Planning, one) for one in (instance, cents))
    found = relax(planning, Unhurried())
    more = Relaxation(price(other, 128.0 * found.priced.prices), 128.0 * found.values)
    seen = simulated(planning, policy_for(planning, found.values), 200, 0, never)
    policy = fitted_demand(planning, found, found.values, seen)
    scaled_up = fitted_demand(other, more, more.values, seen)
    assert policy.curvature.any()
    np.testing.assert_allclose(scaled_up.curvature, 128.0 * policy.curvature, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(scaled_up.values, 128.0 * policy.values, rtol=1e-6)


def test_the_answer_is_congestion_until_a_network_surpasses_it(tmp_path):
    """``solve`` returns it where it is ahead, it survives its file, and ``congestion=False`` leaves it out."""
    instance = generate("cormab/capacity", size=20, seed=2)
    found = solve(instance, "sequoia", episodes=1, trials=2, seed=0, improvements=0, improvement_episodes=400)
    assert found.solution.kind == "congestion"
    assert "Congestion is ahead" in found.message
    again = load_policy(save_policy(found.solution, tmp_path / "policy"))
    planning, states = host().problem("cormab").view(Planning, instance), np.eye(20, dtype=np.int64)
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(*(one.choose(planning, states, 3, rng) for one in (again, found.solution)))
    without = solve(instance, "sequoia", episodes=1, trials=2, seed=0, improvements=0, congestion=False)
    assert without.solution.kind == "q-network"
    with pytest.raises(OptionError, match="congestion= is for sequoia"):
        solve(instance, "iterative-dqn", congestion=True)


def test_what_does_not_fit_is_refused(crowded):
    """Shapes, curvatures of the wrong sign, and instances of another size are named."""
    _, _, policy = crowded
    with pytest.raises(SolutionError, match="usual of shape"):
        replace(policy, usual=policy.usual[:, :1])
    with pytest.raises(SolutionError, match="none may be positive"):
        replace(policy, curvature=-policy.curvature)
    other = planning_of("capacity", size=7, seed=1, horizon=8)
    with pytest.raises(SolutionError, match="the worths are for"):
        policy.choose(other, np.zeros((1, 7), np.int64), 0, np.random.default_rng(0))


def test_preparation_does_not_solve_a_program_of_walks():
    """With worths, the program of walks among 100 stations takes hours; preparing and building it takes seconds."""
    Sequoia().prepare(host().problem("cormab"), generate("cormab/path", size=100, seed=0))
