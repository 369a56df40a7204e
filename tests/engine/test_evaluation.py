"""Estimates of what policies earn: intervals, control variates and noise."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from redwood import generate, simulate, solve
from redwood.planning.contract import Planning
from redwood.planning.evaluation import adjusted, half_width, interval_half_width, noise_seed, observe
from redwood.planning.policies import NullPolicy
from redwood.plugins.host import host
from redwood.solvers.planning.exact import evaluate


def planning_of(made):
    return host().problem("cormab").view(Planning, made)


def test_intervals_are_those_of_student():
    """Half the width is that of scipy's t interval; one value has an infinite one."""
    values = np.array([1.0, 4.0, 2.0, 2.5])
    low, high = ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert half_width(values) == pytest.approx((high - low) / 2)
    assert half_width(values[:1]) == math.inf


@pytest.mark.parametrize("criterion", ["finite", "average"])
def test_a_control_variate_has_no_expectation_and_takes_noise_out(criterion):
    """Over 4,000 episodes its mean is 0 within four standard errors, and what is left has less than half the variance."""
    made = generate("cormab/capacity", size=12, seed=1, criterion=criterion)
    policy = solve(made, "lagrangian", bound_time_limit=0).solution
    seen = observe(planning_of(made), policy, 4000, 11)
    assert abs(seen.control.mean()) < 4 * seen.control.std() / math.sqrt(4000)
    assert adjusted(seen.rewards, seen.control).var() < 0.5 * seen.rewards.mean(axis=1).var()


def test_adjusted_episodes_estimate_the_exact_value():
    """The mean of adjusted episodes is the policy's value by backward induction, within four standard errors."""
    made = generate("cormab/capacity", size=4, seed=1, budget=2, horizon=8)
    policy = solve(made, "lagrangian", bound_time_limit=0).solution
    seen = observe(planning_of(made), policy, 4000, 3)
    values = adjusted(seen.rewards, seen.control)
    assert abs(values.mean() - evaluate(planning_of(made), policy) / 8) < 4 * values.std() / math.sqrt(4000)


def test_intervals_of_95_per_cent_hold_the_truth_as_often_as_they_say():
    """Of 300 intervals from 50 episodes each, 92 to 98 % hold the mean of 10,000 other episodes."""
    made = generate("cormab/capacity", size=20, seed=1)
    planning, policy = planning_of(made), solve(made, "lagrangian", bound_time_limit=0).solution
    known = observe(planning, policy, 10_000, 5)
    truth, inside = adjusted(known.rewards, known.control).mean(), 0
    for trial in range(300):
        seen = observe(planning, policy, 50, 10**6 + 2 * trial)
        values = adjusted(seen.rewards, seen.control)
        inside += abs(values.mean() - truth) <= half_width(values)
    assert 0.92 <= inside / 300 <= 0.98


def test_instances_have_noise_of_their_own():
    """The seed of the noise follows the data: other instances have another one, the same data the same."""
    one, other = (generate("cormab/budget", size=6, seed=seed) for seed in (0, 1))
    assert noise_seed(one, 3) == noise_seed(generate("cormab/budget", size=6, seed=0), 3)
    assert len({noise_seed(one, 3), noise_seed(other, 3), noise_seed(one, 4)}) == 3


def test_policies_of_an_instance_face_the_same_noise():
    """Two policies that act alike earn the same in every episode: random numbers are common."""
    made = generate("cormab/budget", size=6, seed=0)
    first, again = (simulate(made, NullPolicy(), episodes=30, seed=2, bound_time_limit=0) for _ in range(2))
    assert (first.rewards == again.rewards).all()
    assert first.minus(again) == (0.0, (0.0, 0.0))


def test_few_episodes_have_no_control_variate():
    """Below eight episodes, the plain mean is the estimate."""
    made = generate("cormab/budget", size=6, seed=0)
    few = simulate(made, NullPolicy(), episodes=7, bound_time_limit=0)
    assert few.control is None
    assert few.mean == few.rewards.mean()
    assert simulate(made, NullPolicy(), episodes=8, bound_time_limit=0).control is not None


def test_intervals_are_widened_where_a_variate_explains_nearly_everything():
    """By hand: the hypotenuse of the interval of what is left, and a tenth of the plain one by the root of episodes."""
    rng = np.random.default_rng(0)
    rewards = rng.normal(size=(25, 4))
    means = rewards.mean(axis=1)
    control = means - means.mean() + 1e-6 * rng.normal(size=25)
    left, plain = half_width(means - control), half_width(means)
    assert interval_half_width(rewards, control) == pytest.approx(np.hypot(left, 0.1 * plain / 5))
    assert interval_half_width(rewards, None) == pytest.approx(plain)


def test_stated_intervals_hold_the_truth():
    """On four arms, where the variate leaves rare large errors, 93 % of intervals at least hold the exact value."""
    made = generate("cormab/capacity", size=4, seed=3)
    planning = host().problem("cormab").view(Planning, made)
    policy = solve(made, "lagrangian", bound_time_limit=0).solution
    truth, held = evaluate(planning, policy) / planning.horizon, 0
    for repetition in range(100):
        low, high = simulate(made, policy, episodes=50, seed=repetition, bound_time_limit=0).interval
        held += low <= truth <= high
    assert held >= 93
