"""Budgets."""

import math

import pytest

from redwood.budget import AnyOf, Iterations, Progress, Seconds, Sense, Target, TargetGap, Termination
from redwood.errors import OptionError
from redwood.tolerance import relative_gap


def progress(seconds=0.0, iterations=0, objective=None, bound=None, sense=Sense.MIN):
    return Progress(seconds, iterations, objective, bound, sense)


@pytest.mark.parametrize(
    ("budget", "before", "after", "reason"),
    [
        (Seconds(2), progress(seconds=1.999), progress(seconds=2.0), Termination.TIME),
        (Iterations(5), progress(iterations=4), progress(iterations=5), Termination.ITERATIONS),
        (Target(10), progress(objective=10.1), progress(objective=10.0), Termination.TARGET),
        (Target(10), progress(objective=9, sense=Sense.MAX), progress(objective=10, sense=Sense.MAX), Termination.TARGET),
        (TargetGap(0.1), progress(objective=100, bound=89), progress(objective=100, bound=90), Termination.TARGET),
        (TargetGap(0.1), progress(objective=100), progress(objective=100, bound=95), Termination.TARGET),
    ],
)
def test_budget_ends_at_its_limit_and_not_before(budget, before, after, reason):
    """A budget says why to stop exactly from its limit on."""
    assert budget.reason(before) is None
    assert budget.reason(after) is reason


def test_budgets_compose_to_the_one_that_ends_first():
    """``|`` gives the budget that ends when either part does, with the smaller remainders."""
    both = Seconds(3) | Iterations(10)
    assert both.reason(progress(seconds=1, iterations=9)) is None
    assert both.reason(progress(seconds=1, iterations=10)) is Termination.ITERATIONS
    assert both.reason(progress(seconds=3)) is Termination.TIME
    assert both.seconds_left(progress(seconds=1)) == 2
    assert both.iterations_left(progress(iterations=4)) == 6


def test_nothing_ends_an_empty_budget():
    """A budget without parts never stops and has everything left."""
    assert AnyOf().reason(progress(seconds=1e9)) is None
    assert math.isinf(AnyOf().seconds_left(progress()))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Seconds(0), "time limit 0 s is not positive"),
        (lambda: Seconds(float("nan")), "time limit nan s"),
        (lambda: Iterations(0), "iteration limit 0 is not a whole number from 1 up"),
        (lambda: TargetGap(-1), "target gap -1 is negative"),
    ],
)
def test_bad_limits_are_refused_with_their_value(make, message):
    """A limit out of range is an error that names it."""
    with pytest.raises(OptionError, match=message):
        make()


def test_gap_is_relative_to_the_larger_magnitude():
    """The gap is signed, positive where it is open, over the larger of |objective| and |bound|, and None without both."""
    assert relative_gap(100, 90, Sense.MIN) == pytest.approx(0.1)
    assert relative_gap(100, 90, Sense.MAX) == pytest.approx(-0.1)
    assert relative_gap(90, 100, Sense.MAX) == pytest.approx(0.1)
    assert relative_gap(-50, -60, Sense.MIN) == pytest.approx(1 / 6)
    assert relative_gap(2e-12, 1e-12, Sense.MIN) == pytest.approx(0.5)
    assert relative_gap(0, 0, Sense.MIN) == 0
    assert relative_gap(1e-30, 0, Sense.MIN) == 1
    assert relative_gap(None, 1, Sense.MIN) is None
    assert relative_gap(1, None, Sense.MIN) is None


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1.0, 1e9, 1e18])
def test_target_is_met_at_any_scale(scale):
    """A target is met by what equals it up to rounding, and by nothing a millionth short of it."""
    near = Progress(0.0, 0, (1 + 1e-12) * scale, None, Sense.MIN)
    short = Progress(0.0, 0, (1 + 1e-6) * scale, None, Sense.MIN)
    assert Target(scale).reason(near) is Termination.TARGET
    assert Target(scale).reason(short) is None
