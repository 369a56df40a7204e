"""Held-Karp, against enumeration."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redwood.budget import AnyOf, Iterations
from redwood.errors import FitError, OptionError
from redwood.problems.tsp.instance import Tour
from redwood.problems.tsp.problem import TSP
from redwood.solver import Run
from redwood.solvers.exact.tsp import HeldKarp

PROBLEM = TSP()


def solve(instance, budget=AnyOf(), solver=HeldKarp(), initial=None):  # noqa: B008
    """Return the answer."""
    return solver.run(PROBLEM, instance, Run(PROBLEM, instance, budget=budget, initial=initial))


def shortest(instance):
    """Return the length of the shortest tour over all orders."""
    orders = itertools.permutations(range(1, instance.size))
    return min(PROBLEM.objective(instance, Tour([0, *order])) for order in orders)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 7), st.integers(0, 2**32), st.sampled_from(["EXACT", "EUC_2D"]))
def test_tiny_tours_are_the_shortest(size, seed, metric):
    """For up to seven nodes the tour is as short as the shortest of all, proven, with its length as the bound."""
    coords = np.random.default_rng(seed).random((size, 2)) * 100
    instance = PROBLEM.make(coords=coords, metric=metric)
    answer = solve(instance)
    assert answer.proven
    assert PROBLEM.violations(instance, answer.solution) == []
    length = PROBLEM.objective(instance, answer.solution)
    assert length == pytest.approx(shortest(instance), rel=1e-12)
    assert length * (1 - 1e-11) <= answer.bound <= length


def test_a_matrix_need_not_be_metric():
    """Worked by hand: the ring of ones."""
    matrix = np.full((16, 16), 50.0)
    order = np.random.default_rng(0).permutation(16)
    matrix[order, np.roll(order, 1)] = matrix[np.roll(order, 1), order] = 1
    instance = PROBLEM.make(matrix=matrix)
    assert PROBLEM.objective(instance, solve(instance).solution) == 16


def test_too_many_nodes_are_refused():
    """The message names the option, the size and other solvers; the limit holds from both sides."""
    instance = PROBLEM.generate(7, np.random.default_rng(0))
    assert solve(instance, solver=HeldKarp(max_size=7)).proven
    with pytest.raises(FitError, match=r"max_size=6 nodes, and this one has 7.*local-search"):
        solve(instance, solver=HeldKarp(max_size=6))
    with pytest.raises(FitError, match="max_size=6"):
        HeldKarp(max_size=6).prepare(PROBLEM, instance)


@pytest.mark.parametrize("max_size", [0, 23])
def test_the_limit_is_validated(max_size):
    """More than 22 nodes would not fit into memory."""
    with pytest.raises(OptionError, match=f"max_size {max_size} is outside 1 to 22"):
        HeldKarp(max_size=max_size)


def test_a_stopped_run_claims_nothing():
    """Before the last subset there is a tour, but neither a bound nor a proof."""
    answer = solve(PROBLEM.generate(10, np.random.default_rng(0)), budget=Iterations(5))
    assert (answer.bound, answer.proven, answer.solution.tour.tolist()) == (None, False, list(range(10)))


def test_an_optimal_start_is_kept():
    """The initial tour stays the answer where nothing is shorter."""
    instance = PROBLEM.generate(9, np.random.default_rng(1), metric="EUC_2D")
    best = solve(instance).solution
    rotated = Tour(np.roll(best.tour, 3))
    assert solve(instance, initial=rotated).solution.tour.tolist() == rotated.tour.tolist()
