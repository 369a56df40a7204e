"""Promises of CP-SAT: what it proves holds for the instance, whatever the numbers of the instance are."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import proofs
import pytest

import redwood
from redwood.solvers.external.scaling import multiples

pytest.importorskip("ortools")


def best_value(values: Any, weights: Any, limit: float) -> float:
    """Return the largest value of a packing by trying all."""
    return max(
        math.fsum(values[list(chosen)])
        for count in range(len(values) + 1)
        for chosen in itertools.combinations(range(len(values)), count)
        if math.fsum(weights[list(chosen)]) <= limit
    )


@pytest.mark.parametrize("places", [1, 3, 6])
def test_decimal_weights_and_values_are_proven(places: int) -> None:
    """Numbers of a few decimal places become whole without loss, so that the optimum is proven."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        values, weights = (rng.integers(1, 10**places, 10) / 10**places for _ in range(2))
        capacity = round(float(weights.sum()) / 2, places)
        instance = redwood.instance("knapsack", values=values, weights=weights, capacity=capacity)
        result = redwood.solve(instance, "cp-sat", time_limit=5, bound_time_limit=0)
        assert result.status == "optimal", result.message
        assert result.objective == pytest.approx(best_value(values, weights, capacity * (1 + 1e-9)), rel=1e-12)


def test_weights_without_a_common_unit_prove_nothing() -> None:
    """Weights that have to be rounded give a packing that fits, and no claim."""
    rng = np.random.default_rng(0)
    values, weights = rng.integers(1, 9, 12), rng.random(12) * math.pi
    instance = redwood.instance("knapsack", values=values, weights=weights, capacity=5.0)
    result = redwood.solve(instance, "cp-sat", time_limit=5, bound_time_limit=0)
    assert result.status == "feasible"
    assert result.bound is None


def test_an_item_far_too_heavy_changes_nothing() -> None:
    """A weight of 1e18 capacities is left out, and does not overflow."""
    instance = redwood.instance("knapsack", values=[3.5, 1e9, 2.0], weights=[0.5, 1e18, 0.75], capacity=1.25)
    result = redwood.solve(instance, "cp-sat", time_limit=5, bound_time_limit=0)
    assert (result.status, result.objective) == ("optimal", 5.5)


@pytest.mark.parametrize("seed", [600045, 600057, 3, 4, 5, 6])
def test_paths_keep_within_large_budgets(seed: int) -> None:
    """Budgets of 1e13 and more are kept like others (the first two seeds once broke them)."""
    for problem in ("orienteering", "knapsack"):
        (solver, tally, told), *_ = proofs.check(problem, seed, ("cp-sat",), 2.0, 50)
        assert (solver, tally.runs, told) == ("cp-sat", 1, [])


@pytest.mark.parametrize(
    ("numbers", "counts"),
    [([4.0, 6.0], [2, 3]), ([0.1, 0.25], [2, 5]), ([1 / 3, 2 / 3], [1, 2]), ([1e-9, 3e-9], [1, 3]), ([0.0, 0.0], [0, 0])],
)
def test_numbers_are_multiples_of_their_largest_common_unit(numbers: list[float], counts: list[int]) -> None:
    """Whole, decimal and other numbers are written with the smallest whole ones, and what that loses is told."""
    found = multiples(np.array(numbers))
    assert found is not None
    assert found.counts.tolist() == counts
    assert found.error <= 1e-15 * sum(numbers)


def test_a_limit_between_two_sums_is_certain_and_one_upon_a_sum_is_not() -> None:
    """Whether sums keep a limit is certain only where rounding of the numbers cannot decide it."""
    found = multiples(np.array([0.1, 0.2, 0.3]))
    assert found is not None
    assert found.fits(0.35) == (3, True)
    assert found.fits(0.30000000000000004)[1] is False
