"""The program over routes: it has the optimum of the program over arcs, and is left where routes are too many."""

import math

import pytest

import redwood
from redwood.clock import Timer
from redwood.plugins.host import host
from redwood.problems.vrp import enumerated, linear
from redwood.problems.vrp.enumerated import enumerate_routes, fits
from redwood.views.linear import Linear


@pytest.mark.parametrize(("variant", "seed"), [("windows", 1), ("windows", 2), ("plain", 3)])
def test_routes_and_arcs_have_the_same_optimum(monkeypatch, variant, seed):
    """HiGHS proves the same optimum over routes and over arcs."""
    instance = redwood.generate(f"vrp/{variant}", 7, seed=seed)
    by_routes = redwood.solve(instance, "highs", time_limit=60, bound_time_limit=0)
    monkeypatch.setattr(linear, "fits", lambda _: False)
    by_arcs = redwood.solve(instance, "highs", time_limit=60, bound_time_limit=0)
    assert (by_routes.status, by_arcs.status) == ("optimal", "optimal")
    assert by_routes.objective == pytest.approx(by_arcs.objective, rel=1e-9)


def test_routes_are_enumerated_without_an_incumbent():
    """Without any solution the gap is found, and the routes hold a solution whose cost is within it of the bound."""
    instance = redwood.generate("vrp/windows", 12, seed=4)
    assert fits(instance)
    bound, columns = enumerate_routes(instance, Timer(60.0), None)
    view = host().problem("vrp").view(Linear, instance)
    view.model()
    best = redwood.solve(instance, "highs", time_limit=60, bound_time_limit=0)
    assert best.status == "optimal"
    assert bound <= best.objective <= sum(column.cost for column in columns)
    assert view.start(best.solution) is not None


def test_too_many_routes_leave_the_arcs(monkeypatch):
    """Where paths are too many, the model is the one over arcs."""
    monkeypatch.setattr(enumerated, "MOST_STEPS", 3)
    instance = redwood.generate("vrp/windows", 6, seed=1)
    view = host().problem("vrp").view(Linear, instance)
    model = view.model()
    assert len(view.variables(model)) > 20
    assert enumerate_routes(instance, Timer(60.0), math.inf) is None


def test_other_features_leave_the_arcs():
    """Durations that cost, pickups and shipments are no matter of loads and windows alone."""
    for variant in ("depots", "pickups", "shipments", "prizes"):
        assert not fits(redwood.generate(f"vrp/{variant}", 6, seed=1)), variant
