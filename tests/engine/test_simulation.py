"""`simulate`: rewards, intervals, shares of the bound and paired differences."""

import math

import numpy as np
import pytest

import redwood
from redwood import generate, latency, simulate, solve
from redwood.errors import FitError, OptionError, SolutionError
from redwood.planning.policies import IndexPolicy, NullPolicy, RandomPolicy


@pytest.fixture(scope="module")
def bandits():
    return generate("cormab/budget", size=6, seed=0, horizon=5)


def test_episodes_repeat_and_extend(bandits):
    """The same seed gives the same rewards, and more episodes begin with the same ones."""
    few = simulate(bandits, NullPolicy(), episodes=3, seed=4, bound_time_limit=0)
    more = simulate(bandits, NullPolicy(), episodes=7, seed=4, bound_time_limit=0)
    assert few.rewards.shape == (3, 5)
    assert (more.rewards[:3] == few.rewards).all()
    assert few.bound is None
    assert few.percent_of_bound is None


def test_mean_lies_in_its_interval_and_below_the_bound(bandits):
    """The interval surrounds the mean, and the random policy earns less than the bound."""
    rollouts = simulate(bandits, RandomPolicy(), episodes=50)
    low, high = rollouts.interval
    assert low < rollouts.mean < high
    assert 0 < rollouts.percent_of_bound < 100
    assert "95 % in" in repr(rollouts)


def test_one_episode_has_no_finite_interval(bandits):
    """Nothing is known of the spread from one episode."""
    low, high = simulate(bandits, NullPolicy(), episodes=1, bound_time_limit=0).interval
    assert (low, high) == (-math.inf, math.inf)


def test_differences_are_paired(bandits):
    """A policy differs from itself by nothing at all, and pulling arms beats leaving them."""
    null = simulate(bandits, NullPolicy(), bound_time_limit=0)
    best = simulate(bandits, solve(bandits, "lagrangian").solution, bound_time_limit=0)
    assert null.minus(null) == (0.0, (0.0, 0.0))
    assert best.minus(null)[1][0] > 0


def test_bad_input_is_named(bandits):
    """No episodes, names in place of policies, and problems without policies, are refused."""
    with pytest.raises(OptionError, match="the policy is 'lagrangian'"):
        simulate(bandits, "lagrangian", episodes=2)
    with pytest.raises(OptionError, match="episodes 0"):
        simulate(bandits, NullPolicy(), episodes=0)
    with pytest.raises(FitError, match="'tsp' is not one of planning"):
        simulate(generate("tsp", size=5), NullPolicy())


def test_kept_episodes_show_states_and_actions(bandits):
    """What was kept has a row for each step, fits the rewards of the same seed, and can be drawn."""
    policy = solve(bandits, "myopic", bound_time_limit=0).solution
    plain = simulate(bandits, policy, episodes=6, seed=2, bound_time_limit=0)
    kept = simulate(bandits, policy, episodes=6, seed=2, bound_time_limit=0, keep=True)
    assert (kept.rewards == plain.rewards).all()
    assert kept.states.shape == kept.arm_actions.shape == (6, 5, 6)
    for step in range(5):
        assert (policy.act(kept.states[:, step], step) == kept.arm_actions[:, step]).all()


@pytest.mark.parametrize("keep", [False, True])
def test_rollouts_are_drawn(bandits, keep, tmp_path):
    """The picture of rollouts is saved, whether states were kept or not."""
    simulate(bandits, RandomPolicy(), keep=keep).plot(tmp_path / "rollouts.png")
    assert (tmp_path / "rollouts.png").stat().st_size > 5000


def test_latency_is_that_of_single_decisions(bandits):
    """The median is positive and below the 99th percentile; no decisions are refused."""
    spent = latency(bandits, RandomPolicy(), decisions=20)
    assert 0 < spent.median <= spent.p99
    with pytest.raises(OptionError, match="decisions 0"):
        latency(bandits, RandomPolicy(), decisions=0)


def test_a_table_for_other_states_is_refused():
    """Values of nine states say nothing of arms with four, though no index is out of range."""
    bandit = redwood.generate("cormab/budget", size=6, seed=0)
    with pytest.raises(SolutionError, match="9 states, and the instance has 6 arms with 2 actions and 4"):
        redwood.simulate(bandit, IndexPolicy(np.zeros((1, 6, 2, 9))), episodes=5, bound_time_limit=0)


def test_a_simulation_elsewhere_leaves_a_policy_its_instance():
    """A policy of six arms is refused for eight, and still acts for six."""
    six, eight = (redwood.generate("cormab/budget", size=size, seed=0) for size in (6, 8))
    policy = redwood.solve(six, "myopic", time_limit=1, bound_time_limit=0).solution
    before = policy.act(np.zeros(6, np.int64), 0)
    with pytest.raises(SolutionError, match="the instance has 8 arms"):
        redwood.simulate(eight, policy, episodes=5, bound_time_limit=0)
    assert np.array_equal(policy.act(np.zeros(6, np.int64), 0), before)


def test_a_policy_that_needs_no_table_keeps_its_first_instance():
    """`act` refers to the instance that came first, whatever was simulated since."""
    six, eight = (redwood.generate("cormab/budget", size=size, seed=0) for size in (6, 8))
    policy = RandomPolicy()
    redwood.simulate(six, policy, episodes=2, bound_time_limit=0)
    redwood.simulate(eight, policy, episodes=2, bound_time_limit=0)
    assert policy.act(np.zeros(6, np.int64), 0).shape == (6,)
