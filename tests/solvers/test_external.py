"""Promises of the outside solvers: tiny and small instances solved, scaling that is safe, starts taken, none required."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import redwood
from redwood.plugins.host import host
from redwood.problems.routing.travel import Metric, Travel
from redwood.solvers.external.scaling import scaled, shortest_tiny_tour, whole

NAMES = ("pyvrp", "ortools-routing", "cp-sat", "fast-tsp", "lkh", "hgs")
PAIRS = [
    (name, problem)
    for problem in ("tsp", "atsp", "cvrp", "orienteering", "knapsack")
    for name in NAMES
    if name in {entry.spec.name for entry in host().fitting(problem)}
]


def solved(name: str, instance: Any, **options: Any) -> redwood.Result:
    """Return the result of an outside solver, or skip where it is not installed."""
    missing = host().solver_entry(name, instance.problem).missing
    if missing:
        pytest.skip(f"{name} is not installed: {missing[0]}")
    return redwood.solve(instance, name, **{"iterations": 30, "time_limit": 1, "bound_time_limit": 0, **options})


@pytest.mark.parametrize(("name", "problem"), PAIRS)
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_small_instances_of_any_size_are_solved(name: str, problem: str, size: int) -> None:
    """Each solver gives a feasible solution from one node on, as good as a search of Redwood's own."""
    instance = redwood.generate(problem, size=size, seed=2)
    own = redwood.solve(instance, time_limit=1, iterations=500, bound_time_limit=0)
    result = solved(name, instance)
    assert result.status in ("feasible", "optimal"), result.message
    assert result.objective == pytest.approx(own.objective, rel=1e-6)


@pytest.mark.parametrize(("name", "problem"), PAIRS)
def test_a_start_is_taken_and_kept(name: str, problem: str) -> None:
    """A start is accepted, and the result is not worse."""
    instance = redwood.generate(problem, size=12, seed=3)
    start = redwood.solve(instance, time_limit=1, iterations=300, bound_time_limit=0)
    result = solved(name, instance, initial=start.solution)
    assert result.initial == "accepted"
    assert result.objective is not None
    assert start.objective is not None
    assert not host().problem(problem).sense.better(start.objective, result.objective)


def test_a_missing_library_is_listed_with_its_install_line() -> None:
    """Every outside solver names the module it needs and how to install it."""
    for name, problem in PAIRS:
        requires = host().solver_entry(name, problem).spec.requires
        assert requires
        assert all(requirement.install.startswith("pip install ") for requirement in requires)


def test_the_licence_of_lkh_is_told() -> None:
    """The summary says that LKH is not free for every use."""
    assert "academic and non-commercial" in host().solver_entry("lkh", "tsp").spec.summary


def test_whole_distances_keep_their_scale() -> None:
    """Whole distances within the limit stay as they are; others are spread over the range, to the nearest or upwards."""
    integral = Travel(Metric.EXPLICIT, None, np.array([[0.0, 3.0], [3.0, 0.0]]))
    assert (scaled(integral, 10).matrix.max(), scaled(integral, 10).scale) == (3, 1.0)
    real = Travel(Metric.EXACT, np.array([[0.0, 0.0], [0.0, 0.5], [0.3, 0.0]]))
    made = scaled(real, 1000)
    assert made.matrix.max() == 1000
    assert (scaled(real, 1000, upwards=True).matrix >= real.full() * made.scale).all()


def test_numbers_become_whole() -> None:
    """Whole numbers are kept, fractions scaled; rounding up never makes a number smaller."""
    assert whole(np.array([1.0, 5.0]))[0].tolist() == [1, 5]
    values, scale = whole(np.array([0.1, 0.3]), 1000, upwards=True)
    assert (values >= np.array([0.1, 0.3]) * scale).all()


def test_tiny_tours_choose_the_better_direction() -> None:
    """Three nodes with directed distances have two tours, of which the shorter one is given; four have none here."""
    matrix = np.array([[0, 9, 1], [1, 0, 9], [9, 1, 0]])
    tour = shortest_tiny_tour(matrix)
    assert tour is not None
    assert tour.tolist() == [0, 2, 1]
    assert shortest_tiny_tour(np.zeros((4, 4))) is None
