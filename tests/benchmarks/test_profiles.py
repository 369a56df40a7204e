"""Profiles worked by hand."""

import math

import pytest

from redwood.benchmarks.profiles import distribution, performance_profile, time_to_gap


def test_what_was_not_run_is_left_out():
    """Shares are of the instances that a solver was run on; NaN stands for the others."""
    profiles = performance_profile({"a": [1.0, math.nan], "b": [2.0, 3.0]})
    assert profiles == {"a": [(1.0, 1.0)], "b": [(1.0, 0.5), (2.0, 1.0)]}


def test_performance_profile():
    """Costs 1, 2, 4 against 2, 2, failed: a is best thrice (once tied), b once, two within twice."""
    profile = performance_profile({"a": [1, 2, 4], "b": [2, 2, math.inf]})
    assert profile["a"] == [(1.0, pytest.approx(1.0))]
    assert profile["b"] == [(1.0, pytest.approx(1 / 3)), (2.0, pytest.approx(2 / 3))]


def test_an_instance_that_nobody_solves_counts_for_nobody():
    """Where every cost is infinite no solver reaches the instance at any factor."""
    assert performance_profile({"a": [1, math.inf], "b": [3, math.inf]}) == {"a": [(1.0, 0.5)], "b": [(3.0, 0.5)]}


def test_data_profile():
    """One of four runs is through by 1 s, three by 5 s, the last never."""
    assert distribution([5, 1, 5, math.inf]) == [(1, 0.25), (5, 0.75)]


def test_time_to_a_gap():
    """The first incumbent within 1 % counts, and the border is within."""
    trajectory = [(0.5, 110), (2.0, 101), (3.0, 100)]
    assert time_to_gap(trajectory, [0.1, 0.01, 0.0], 0.01) == 2.0
    assert time_to_gap(trajectory, [0.1, 0.01, 0.0], -1.0) == math.inf
