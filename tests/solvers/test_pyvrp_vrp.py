"""PyVRP for rich vehicle routing: fields arrive, what is not supported is named."""

import numpy as np
import pytest

import redwood
from redwood.errors import FitError

pytest.importorskip("pyvrp")

PLACES = {"depots": [{"name": "home", "x": 0, "y": 0}], "rounding": "nearest"}


def solved(**data):
    """Return what PyVRP comes to in a few iterations."""
    return redwood.solve(redwood.instance("vrp", **{**PLACES, **data}), "pyvrp", iterations=200, bound_time_limit=0)


@pytest.mark.parametrize("variant", ["plain", "windows", "depots", "fleet", "pickups", "shipments", "prizes"])
def test_every_variant_is_solved_about_as_well_as_by_our_own_search(variant):
    """On twelve customers both searches come within a per cent of each other, on data that are not whole."""
    instance = redwood.generate(f"vrp/{variant}", 12, seed=4)
    theirs = redwood.solve(instance, "pyvrp", iterations=1500, bound_time_limit=0)
    ours = redwood.solve(instance, "local-search", iterations=5000, bound_time_limit=0)
    assert theirs.objective == pytest.approx(ours.objective, rel=0.01)


def test_open_routes_groups_skills_and_duration_arrive():
    """An open end, an alternative, a skill and a cost of time give the optimum worked by hand: 2 * 5 + 3 * 5 + 4."""
    rows = [
        {"name": "a", "x": 5, "y": 0, "group": "g", "skills": ["crane"]},
        {"name": "b", "x": 90, "y": 0, "group": "g"},
        {"name": "c", "x": -80, "y": 0, "prize": 4},
    ]
    vehicles = [{"name": "plain", "number": 1}, {"name": "crane", "number": 1, "skills": ["crane"]}]
    vehicles = [v | {"end": None, "distance_cost": 2, "duration_cost": 3} for v in vehicles]
    result = solved(customers=rows, vehicles=vehicles)
    assert result.objective == 29
    assert [(r.vehicle, r.customers) for r in result.solution.routes] == [("crane", ["a"])]


def test_fractional_costs_and_windows_keep_the_price():
    """Halves of costs and tenths of times are scaled, and the objective is the true one."""
    rows = [{"name": "a", "x": 3.3, "y": 0, "window": [3.3, 3.4]}, {"name": "b", "x": 4.7, "y": 0, "window": [4.7, 4.8]}]
    result = solved(customers=rows, vehicles=[{"distance_cost": 0.5}], rounding="none")
    assert result.objective == pytest.approx(4.7)


def test_ways_that_do_not_exist_are_not_taken():
    """Where one direction has no way, the route goes round the other way."""
    far = np.inf
    matrix = [[0, 1, far, far], [far, 0, 1, far], [far, far, 0, 1], [1, far, far, 0]]
    result = solved(depots=[{"name": "home"}], customers=[{"name": n} for n in "abc"], distances=matrix)
    assert result.solution.routes[0].customers == ["a", "b", "c"]


def test_fewest_vehicles_come_first():
    """With the objective fewest-vehicles all are served by one vehicle although two drive less."""
    rows = [{"name": f"c{k}", "x": 10 * k, "y": 0, "due": 300} for k in (-3, -2, 2, 3)]
    data = {"customers": rows, "vehicles": [{"fixed_cost": 0, "number": 4}], "objective": "fewest-vehicles"}
    assert len(solved(**data).solution.routes) == 1


def test_start_is_accepted_with_shipments():
    """A start with shipments is handed over, and never made worse."""
    instance = redwood.generate("vrp/shipments", 12, seed=1)
    start = redwood.solve(instance, "local-search", iterations=2000, bound_time_limit=0)
    again = redwood.solve(instance, "pyvrp", iterations=1, initial=start.solution, bound_time_limit=0)
    assert again.objective <= start.objective


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"customers": [{"name": "a", "x": 1, "y": 0, "windows": [[0, 5], [7, 9]]}]}, "one time window a customer, and 'a'"),
        (
            {
                "customers": [{"name": "a", "x": 1, "y": 0, "release": 1}, {"name": "b", "x": 1, "y": 1}],
                "shipments": [{"pickup": "a", "delivery": "b"}],
            },
            "cannot have a release time",
        ),
        ({"customers": [{"name": "a", "x": 1, "y": 0, "delivery": 1, "pickup": 1}], "linehauls_first": True}, "has both"),
    ],
)
def test_unsupported_fields_are_named(changes, words):
    """What PyVRP has no field for raises FitError with the customer and the field."""
    with pytest.raises(FitError, match=words):
        solved(**changes)
