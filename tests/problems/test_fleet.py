"""Fleets that the demands cannot be packed into."""

import numpy as np
import pytest

import redwood
from redwood.result import Status


@pytest.fixture(scope="module")
def packed_in_vain():
    """Five demands of 4 and two vehicles of 10: the sum fits, no packing does."""
    coords = np.random.default_rng(0).random((6, 2))
    return redwood.instance("cvrp", coords=coords, demands=[0, 4, 4, 4, 4, 4], capacity=10, vehicles=2)


@pytest.mark.parametrize("solver", ["highs", "greedy", "random", "local-search"])
def test_no_packing_is_no_failure(packed_in_vain, solver):
    """A solver that finds no packing says so, or proves that there is none."""
    result = redwood.solve(packed_in_vain, solver, time_limit=3)
    assert result.status in (Status.NONE, Status.INFEASIBLE)
    assert result.solution is None
    assert result.message


def test_highs_proves_that_there_is_no_packing(packed_in_vain):
    """The program is infeasible, and the result says it."""
    assert redwood.solve(packed_in_vain, "highs", time_limit=20).status is Status.INFEASIBLE


def test_a_third_vehicle_makes_it_feasible(packed_in_vain):
    """With one vehicle more, greedy finds routes."""
    coords = packed_in_vain.travel.coords
    made = redwood.instance("cvrp", coords=coords, demands=[0, 4, 4, 4, 4, 4], capacity=10, vehicles=3)
    assert redwood.solve(made, "greedy", time_limit=3).solution is not None
