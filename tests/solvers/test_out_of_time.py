"""Promises where the time limit is shorter than what has to be done first: it is kept, and there is a solution."""

from __future__ import annotations

import numpy as np
import pytest

import redwood
from redwood.clock import OutOfTimeError, Timer
from redwood.execution.task import NO_TIME
from redwood.plugins.host import host
from redwood.problems.routing.travel import Metric, Travel
from redwood.views.local import Local

TINY = 1e-6
"""Seconds that are over before anything has begun."""


class Stopped:
    """A clock that has stopped."""

    seconds_left = 0.0

    def stops(self) -> bool:
        return True


@pytest.mark.parametrize("problem", ["tsp", "cvrp", "orienteering", "knapsack", "atsp"])
def test_a_local_search_without_time_has_a_first_solution(problem: str) -> None:
    """A limit that is over at once gives a feasible solution and the termination by time."""
    instance = redwood.generate(problem, size=300, seed=0)
    result = redwood.solve(instance, "local-search", time_limit=TINY, bound_time_limit=0)
    assert (result.status, result.termination) == ("feasible", "time"), result.message


@pytest.mark.parametrize("solver", ["greedy", "random"])
@pytest.mark.parametrize("problem", ["tsp", "atsp", "cvrp", "orienteering", "knapsack"])
def test_small_instances_have_a_solution_whatever_the_time(problem: str, solver: str) -> None:
    """What takes milliseconds is done before the clock is asked."""
    instance = redwood.generate(problem, size=50, seed=0)
    result = redwood.solve(instance, solver, time_limit=TINY, bound_time_limit=0)
    assert result.status in ("feasible", "optimal"), result.message


@pytest.mark.parametrize("problem", ["tsp", "cvrp"])
def test_a_construction_without_time_says_so(problem: str) -> None:
    """A greedy construction whose time is over before the end has no solution, no error, and a sentence for it."""
    instance = redwood.generate(problem, size=3000, seed=0)
    result = redwood.solve(instance, "greedy", time_limit=TINY, bound_time_limit=0)
    assert (result.status, result.termination, result.message) == ("none", "time", NO_TIME)


@pytest.mark.parametrize("problem", ["tsp", "atsp", "cvrp", "orienteering", "knapsack"])
def test_a_descent_without_time_leaves_a_valid_state(problem: str) -> None:
    """Where the clock has stopped a descent leaves off, and the state is a feasible solution of the objective it names."""
    instance = redwood.generate(problem, size=60, seed=1)
    typed = host().problem(problem)
    view = typed.view(Local, instance)
    state = view.initial(np.random.default_rng(0))
    view.keep_to(Stopped()).descend(state)
    assert typed.violations(instance, view.solution(state)) == []
    assert typed.objective(instance, view.solution(state)) == pytest.approx(view.objective(state))


def test_neighbours_are_looked_for_in_blocks_under_a_clock() -> None:
    """A clock that has stopped ends the search for neighbours; one that goes on changes nothing of them."""
    coords = np.random.default_rng(0).random((4500, 2))
    coords[100:200] = 0.5
    for travel in (Travel(Metric.EXACT, coords), Travel(Metric.EXPLICIT, None, Travel(Metric.EXACT, coords[:2100]).full())):
        with pytest.raises(OutOfTimeError):
            travel.nearest(5, Stopped())
        near = travel.nearest(5, Timer(1e6))
        assert near.shape == (travel.size, 5)
        assert not (near == np.arange(travel.size)[:, None]).any()
        some = np.array([0, 150, travel.size - 1])
        lengths = travel.between(some[:, None], np.arange(travel.size)[None])
        lengths[np.arange(3), some] = np.inf
        assert np.array_equal(travel.between(some[:, None], near[some]), np.sort(lengths, axis=1)[:, :5])
