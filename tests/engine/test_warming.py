"""Compiling ahead: which pairs, and what is said of each."""

import pytest

from redwood.errors import FitError, UnknownNameError
from redwood.solving.warm_up import BOUND, Pair, plan, warm_up


def test_the_plan_has_the_bound_and_every_solver_that_fits(countdown):
    """A problem's pairs are its bound and the solvers that fit it."""
    assert {pair.solver for pair in plan("countdown")} >= {BOUND, "steps", "proving"}
    assert plan("countdown", "steps") == [Pair("countdown", "steps")]
    assert {pair.problem for pair in plan(solver="steps")} == {"countdown"}


def test_names_are_checked(countdown):
    """Unknown names and pairs that do not fit are errors."""
    with pytest.raises(UnknownNameError, match="Did you mean 'steps'"):
        plan(solver="step")
    with pytest.raises(UnknownNameError, match="no problem is named 'countup'"):
        plan("countup")
    with pytest.raises(FitError, match="does not fit"):
        plan("tsp", "steps")


def test_a_second_warming_finds_everything_compiled():
    """What was compiled for the knapsack bound is not compiled again."""
    first, second = warm_up(Pair("knapsack", BOUND)), warm_up(Pair("knapsack", BOUND))
    assert first.message == second.message == ""
    assert second.compile_seconds <= max(first.compile_seconds, 0.1)


def test_failures_are_said(countdown):
    """A solver that fails on a tiny instance has its error as message."""
    crashed = warm_up(Pair("countdown", "crash"))
    assert crashed.failed
    assert "out of paper" in crashed.message
    assert warm_up(Pair("countdown", "steps")).message == ""
