"""Optima and bounds do not depend on the unit: the same data at 1e-12 to 1e12, and the cases that were wrong."""

import numpy as np
import pytest
from tiny import draw

import redwood
from redwood.result import Status

SCALES = (1e-12, 1e-9, 1e-6, 1e-3, 1.0)
WHOLE = (1.0, 1e9, 1e12)


def _data(problem, scale, seed, whole=False):
    rng = np.random.default_rng(seed)
    matrix = (rng.integers(1, 1000, (8, 8)) if whole else rng.random((8, 8))) * scale
    if problem != "atsp":
        matrix = np.triu(matrix, 1) + np.triu(matrix, 1).T
    if problem == "cvrp":
        return {"matrix": matrix, "demands": [0, *rng.integers(1, 9, 7).tolist()], "capacity": 15}
    if problem == "orienteering":
        budget = 0.5 * float(matrix[0].sum())
        return {"matrix": matrix, "prizes": rng.random(8) if not whole else rng.integers(1, 9, 8), "budget": budget}
    return {"matrix": matrix}


@pytest.mark.parametrize("problem", ["tsp", "atsp", "cvrp", "orienteering"])
@pytest.mark.parametrize("seed", [0, 1])
def test_highs_proves_the_same_optimum_in_any_unit(problem, seed):
    """Distances in any small unit, and whole ones in any large one, give the optimum of the plain unit, proven."""
    for scales, whole in ((SCALES, False), (WHOLE, True)):
        found = {}
        for scale in scales:
            made = redwood.instance(problem, **_data(problem, scale, seed, whole))
            result = redwood.solve(made, "highs", time_limit=10, bound_time_limit=0)
            assert result.status is Status.OPTIMAL, (scale, result)
            found[scale] = result.objective / (1.0 if problem == "orienteering" else scale)
        assert list(found.values()) == pytest.approx([found[1.0]] * len(scales), rel=1e-9)


@pytest.mark.parametrize("problem", ["tsp", "atsp", "cvrp", "orienteering"])
@pytest.mark.parametrize("scale", SCALES)
def test_bounds_hold_in_any_unit(problem, scale):
    """The problem's own bound is within a relative 1e-6 of that in the plain unit's, and not beyond the optimum."""
    plain = redwood.instance(problem, **_data(problem, 1.0, 3))
    made = redwood.instance(problem, **_data(problem, scale, 3))
    unit = 1.0 if problem == "orienteering" else scale
    best = redwood.solve(plain, "highs", time_limit=10, bound_time_limit=0).objective
    value = redwood.bound(made, time_limit=10).value / unit
    assert value <= best * (1 + 1e-9) if problem != "orienteering" else value >= best * (1 - 1e-9)
    assert value == pytest.approx(redwood.bound(plain, time_limit=10).value, rel=1e-6)


@pytest.mark.parametrize("solver", ["greedy", "highs"])
def test_small_distances_are_no_proof(solver):
    """A TSP in units of 1e-10 is called optimal only at the length that dynamic programming finds."""
    rng = np.random.default_rng(1)
    rng.integers(100, 200, 40), rng.integers(100, 200, 40)
    tsp = redwood.instance("tsp", coords=rng.random((14, 2)) * 1e-10)
    best = redwood.solve(tsp, "exact", time_limit=10, bound_time_limit=0).objective
    result = redwood.solve(tsp, solver, time_limit=5)
    assert result.bound <= best * (1 + 1e-9)
    assert result.status is not Status.OPTIMAL or result.objective <= best * (1 + 1e-9)
    assert solver == "greedy" or result.status is Status.OPTIMAL


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e6, 1e12])
@pytest.mark.parametrize("solver", ["exact", "highs", "auto"])
def test_items_that_do_not_fit_set_no_scale(unit, solver):
    """An item a million million times too heavy and too valuable changes nothing: both small items fit, and are worth 7."""
    made = redwood.instance(
        "knapsack",
        values=[3 * unit, 4 * unit, 9e12 * unit],
        weights=[0.123456789123 * unit, 0.2345678912345 * unit, 1e13 * unit],
        capacity=0.4 * unit,
    )
    result = redwood.solve(made, solver, time_limit=5)
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(7 * unit, rel=1e-12)
    assert result.bound == pytest.approx(7 * unit, rel=1e-9)


@pytest.mark.parametrize("seed", range(30))
def test_knapsack_is_exact_at_any_magnitude(seed):
    """Dynamic programming and its bound agree with enumeration on values and weights of any magnitude."""
    made = draw("knapsack", np.random.default_rng(9000 + seed))
    result = redwood.solve(made.instance, "exact", time_limit=5)
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(made.optimum, rel=1e-9, abs=0)
    assert result.bound >= made.optimum * (1 - 1e-12)
    assert redwood.bound(made.instance).value >= made.optimum * (1 - 1e-12)


@pytest.mark.parametrize("problem", ["tsp", "atsp", "cvrp"])
def test_one_huge_edge_does_not_hide_the_others(problem):
    """A forbidden edge of 1e9 beside distances below 1e-3 leaves optimum and proof as they are without it."""
    data = _data(problem, 1e-3, 5)
    plain = redwood.solve(redwood.instance(problem, **data), "highs", time_limit=10, bound_time_limit=0)
    tour = plain.solution.routes[0] if problem == "cvrp" else plain.solution.tour.tolist()
    unused = next(
        (i, j) for i in range(1, 8) for j in range(1, 8) if i < j and abs(_place(tour, i) - _place(tour, j)) not in (1, 7)
    )
    data["matrix"] = data["matrix"].copy()
    data["matrix"][unused] = data["matrix"][unused[::-1]] = 1e9
    result = redwood.solve(redwood.instance(problem, **data), "highs", time_limit=10)
    assert result.objective == pytest.approx(plain.objective, rel=1e-9)
    assert result.status is Status.OPTIMAL


def _place(tour, node):
    return tour.index(node) if node in tour else 100 * node
