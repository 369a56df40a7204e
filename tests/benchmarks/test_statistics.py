"""Figures worked by hand."""

import pytest

from redwood.benchmarks.statistics import (
    bootstrap_interval,
    can_reject,
    holm,
    pairwise_tests,
    primal_integral,
    shifted_geometric_mean,
    signed_rank,
)
from redwood.tolerance import gap_to


@pytest.mark.parametrize(
    ("objective", "reference", "sense", "gap"),
    [
        (110, 100, "min", 0.1),
        (90, 100, "min", -0.1),
        (90, 100, "max", 0.1),
        (110, 100, "max", -0.1),
        (-90, -100, "min", 0.1),
    ],
)
def test_gaps_are_positive_where_worse(objective, reference, sense, gap):
    """A gap is the share of the reference by which an objective is worse, in either sense."""
    assert gap_to(objective, reference, sense) == pytest.approx(gap)


def test_primal_integral_of_dimacs():
    """100 * (integral / (T * best known) - 1): 1.1 for 2 s, 1.05 for 3 s, 1.0 for 5 s gives (2.2 + 3.15 + 5) / 10 - 1."""
    assert primal_integral([(2, 105), (5, 100)], 10, 100, "min") == pytest.approx(3.5)


def test_primal_integral_without_a_solution():
    """A run that finds nothing has 10 %, as if it were 1.1 times the best known throughout."""
    assert primal_integral([], 10, 100, "min") == pytest.approx(10.0)


def test_primal_integral_when_maximising():
    """The gap is counted from above: 10 % for 1 s, then 20 % for 3 s."""
    assert primal_integral([(1, 80)], 4, 100, "max") == pytest.approx((10 + 60) / 4)


def test_primal_integral_ignores_what_came_too_late():
    """What is found after the limit does not count."""
    assert primal_integral([(0, 110), (11, 100)], 10, 100, "min") == pytest.approx(10.0)


def test_shifted_geometric_mean():
    """With shift 1 the mean of 0 and 3 is sqrt(1 * 4) - 1."""
    assert shifted_geometric_mean([0.0, 3.0]) == pytest.approx(1.0)


def test_bootstrap_needs_several_seeds():
    """One value an instance says nothing of other seeds."""
    assert bootstrap_interval([[0.1], [0.2]]) is None
    assert bootstrap_interval([]) is None


def test_bootstrap_interval_covers_the_mean():
    """The interval holds the mean, is within the extremes, and is the same at every call."""
    values = [[0.0, 0.1, 0.2], [0.4, 0.5, 0.6]]
    low, high = bootstrap_interval(values)
    assert 0.2 <= low < 0.3 < high <= 0.4
    assert bootstrap_interval(values) == (low, high)


def test_bootstrap_interval_of_equal_seeds_has_no_width():
    """Where all seeds agree, so do the ends."""
    assert bootstrap_interval([[0.3, 0.3]]) == (pytest.approx(0.3), pytest.approx(0.3))


def test_holm():
    """0.01, 0.04, 0.03 become 3 * 0.01, then 2 * 0.03, then no less than that for 0.04."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_signed_ranks():
    """Six differences of one sign: p = 2 / 2^6; none: p = 1."""
    assert signed_rank([1, 2, 3, 4, 5, 6]) == pytest.approx(2 / 64)
    assert signed_rank([]) == 1.0


def test_pairwise_tests_count_wins_ties_and_losses():
    """Only cases that both have count; the smaller gap wins."""
    (one,) = pairwise_tests({"a": {1: 0.0, 2: 0.1, 3: 0.2, 4: 0.5}, "b": {1: 0.1, 2: 0.1, 3: 0.1}})
    assert (one.wins, one.ties, one.losses) == (1, 1, 1)
    assert one.difference == pytest.approx(0.0)


def test_five_instances_cannot_reject():
    """The least p-value of five pairs is above 5 %, that of six is not, and among two tests seven are needed."""
    for cases, tests in ((6, 1), (7, 2)):
        least = holm([signed_rank([-1.0 - k for k in range(cases)])] * tests)[0]
        assert (least <= 0.05) == can_reject(cases, tests)
        assert can_reject(cases, tests)
        assert not can_reject(cases - 1, tests)
