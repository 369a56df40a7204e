"""SEQUOIA with simulated futures: candidate actions are the best of their kind, and what wins in futures earns more."""

import numpy as np
import pytest

from redwood import generate, load_policy, save_policy, solve
from redwood.clock import Timer
from redwood.errors import OptionError, SolutionError
from redwood.planning.contract import Planning
from redwood.planning.policies import q_values_of
from redwood.plugins.host import host
from redwood.solvers.planning.exact import evaluate
from redwood.solvers.sequoia.learning.improving import policy_for, q_values_from
from redwood.solvers.sequoia.learning.pricing import relax
from redwood.solvers.sequoia.rollout import RolloutPolicy, candidates_of
from redwood.solvers.sequoia.search.rollout_kernels import move, surplus_of


def planning_of(domain, **options):
    return host().problem("cormab").view(Planning, generate(f"cormab/{domain}", **options))


@pytest.mark.parametrize("domain", ["capacity", "overlapping"])
def test_candidates_are_the_best_actions_with_one_arm_changed(domain):
    """Each candidate is the best allowed action that gives some arm another action; all of them are there, best first."""
    planning = planning_of(domain, size=5, seed=1, budget=2)
    rng = np.random.default_rng(0)
    q_values = rng.normal(size=(3, *planning.arms.shape[:2]))
    best = planning.actions.choose(q_values)
    whose, tried, loss = candidates_of(planning, q_values, best, 1000)
    allowed = planning.actions.enumerate(10_000)
    for state in range(3):
        total = q_values[state, np.arange(5), allowed].sum(axis=1)
        expected = set()
        for arm in range(5):
            for arm_action in set(allowed[:, arm].tolist()) - {best[state, arm]}:
                expected.add(round(total.max() - total[allowed[:, arm] == arm_action].max(), 9))
        assert set(np.round(loss[whose == state], 9)) == expected
        assert (np.diff(loss[whose == state]) >= 0).all()
    fewer = candidates_of(planning, q_values, best, 2)
    assert (np.bincount(fewer[0]) == 2).all()
    assert len(planning.actions.refused(tried)) == 0


def test_futures_earn_more_than_the_policy_they_are_of():
    """By exact evaluation, the rollout policy is ahead of the Lagrangian policy and at most the optimum."""
    planning = planning_of("state-dependent", size=4, seed=2, budget=1, horizon=6)
    relaxation = relax(planning, Timer())
    base = evaluate(planning, policy_for(planning, relaxation.values))
    ahead = evaluate(planning, RolloutPolicy(relaxation.values, 200))
    best = solve(generate("cormab/state-dependent", size=4, seed=2, budget=1, horizon=6), "exact", bound_time_limit=0)
    assert base + 0.3 * (6 * best.bound - base) < ahead <= 6 * best.bound + 1e-9


def test_exact_values_have_no_surplus():
    """Where a budget binds no arm, the values are exact: no future brings more than they promise, and nothing is changed."""
    planning = planning_of("budget", size=4, seed=0, budget=4, horizon=5)
    values = relax(planning, Timer()).values
    policy, table = RolloutPolicy(values, 32), q_values_from(planning, values)
    states = np.random.default_rng(0).integers(0, 4, (6, 4))
    best = planning.actions.choose(q_values_of(table, states, 1))
    np.testing.assert_allclose(policy._surplus(planning, table, best, states, 1, np.arange(32)), 0.0, atol=1e-6)
    np.testing.assert_array_equal(policy.choose(planning, states, 1, np.random.default_rng(0)), best)


def test_futures_of_the_same_number_share_their_noise():
    """Two rows of one number move alike, those of others do not; the surplus is the sum over arms."""
    ends = np.cumsum(np.full((30, 2, 4, 4), 0.25), axis=-1)
    states, arm_actions = np.zeros((3, 30), np.int64), np.ones((3, 30), np.int64)
    move(states, arm_actions, np.array([0, 0, 1]), 2, 5, ends)
    np.testing.assert_array_equal(states[0], states[1])
    assert (states[0] != states[2]).any()
    assert set(states.ravel()) == {0, 1, 2, 3}
    q_values, values = np.random.default_rng(0).normal(size=(30, 2, 4)), np.random.default_rng(1).normal(size=(30, 4))
    own = np.arange(30)
    expected = [(q_values[own, 1, row] - values[own, row]).sum() for row in states]
    np.testing.assert_allclose(surplus_of(states, arm_actions, q_values, values), expected)


def test_solving_with_rollouts_saves_and_loads(tmp_path):
    """``rollout=`` gives a policy whose file acts the same, also from a shipped network; other networks are refused."""
    instance = generate("cormab/capacity", size=4, seed=0, budget=1, horizon=4)
    planning = host().problem("cormab").view(Planning, instance)
    states = np.random.default_rng(0).integers(0, 4, (5, 4))
    for options in ({"improvements": 0}, {"weights": "capacity"}):
        found = solve(instance, "sequoia", rollout=8, time_limit=20, bound_time_limit=0, **options)
        kept = load_policy(save_policy(found.solution, tmp_path / "policy"))
        rng = np.random.default_rng(0)
        assert (kept.futures, found.bound > 0) == (8, True)
        np.testing.assert_array_equal(kept.choose(planning, states, 0, rng), found.solution.choose(planning, states, 0, rng))
    with pytest.raises(OptionError, match="values of arms"):
        solve(instance, "sequoia", rollout=8, network="relu")
    with pytest.raises(OptionError, match="one arm after another"):
        solve(instance, "iterative-dqn", rollout=8, network="residual")
    with pytest.raises(OptionError, match="from 2 up"):
        solve(instance, "sequoia", rollout=1)
    with pytest.raises(SolutionError, match="the instance has"):
        RolloutPolicy(np.zeros((3, 4, 4))).choose(planning, states, 0, np.random.default_rng(0))
