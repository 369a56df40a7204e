"""HiGHS on rich vehicle routing: plain enumeration, the checker and the proofs agree, whatever fields are used."""

from collections import Counter

import numpy as np
import pytest
from tiny_rich import draw_vrp
from vrp_tiny import FEATURES, compare, draw

import redwood
from redwood.plugins.host import host
from redwood.views.linear import Linear


@pytest.mark.parametrize("first", [1, 21, 41, 61])
def test_enumeration_checker_and_solvers_agree_on_tiny_instances(first):
    """On random instances over all fields HiGHS proves the optimum of enumeration, and the local search finds it."""
    outcomes = [compare(draw(np.random.default_rng(seed)), ("highs", "local-search")) for seed in range(first, first + 20)]
    assert [told for outcome in outcomes for told in (*outcome.faults, *outcome.missed)] == []
    assert Counter(outcome.kind for outcome in outcomes)["solved"] > 10


def test_study_draws_every_field():
    """Over a few hundred draws every field that the study names is used."""
    drawn = [draw(np.random.default_rng(seed)) for seed in range(300)]
    used = {key for data in drawn for row in data["customers"] for key, value in row.items() if value}
    used |= {key for data in drawn for vehicle in data["vehicles"] for key, value in vehicle.items() if value}
    used |= {key for data in drawn for key, value in data.items() if isinstance(value, (dict, list)) and value}
    wanted = {
        "windows",
        "release",
        "prize",
        "group",
        "skills",
        "pickup",
        "allowed",
        "max_duration",
        "max_distance",
        "profile",
    }
    assert wanted | {"shipments", "groups", "distances", "durations"} <= used | {k for d in drawn for k in d}
    assert len(FEATURES) == len(set(FEATURES))


def test_infeasible_instance_is_proven_so():
    """Two customers in opposite directions at the same time cannot share the one vehicle."""
    rows = [{"name": "a", "x": 9, "y": 0, "due": 9}, {"name": "b", "x": -9, "y": 0, "due": 9}]
    instance = redwood.instance("vrp", depots=[{"x": 0, "y": 0}], customers=rows, vehicles=[{"number": 1}])
    assert redwood.solve(instance, "highs", time_limit=20).status == "infeasible"


@pytest.mark.parametrize("variant", host().problem("vrp").variants)
def test_start_and_solution_are_inverse(variant):
    """The arcs of the local search's routes stand for these routes again, and need no further row."""
    instance = redwood.generate(f"vrp/{variant}", 9, seed=5)
    routes = redwood.solve(instance, "local-search", iterations=500, bound_time_limit=0).solution
    view = host().problem("vrp").view(Linear, instance)
    values = view.start(routes)
    again = view.solution(values)
    assert {(r.vehicle, *r.customers) for r in again.routes} == {(r.vehicle, *r.customers) for r in routes.routes}
    assert view.separate(values, True) is None


@pytest.mark.parametrize("seed", [500_038, 500_172])
def test_lengths_times_and_loads_may_have_any_unit(seed):
    """Lengths of 1e5 or 1e-8 and loads of 1e-8 or 1e7: the optimum is proven, though a program's tolerances are absolute."""
    made, _, optimum, _ = draw_vrp(np.random.default_rng(seed))
    result = redwood.solve(made, "highs", time_limit=30, bound_time_limit=0)
    assert result.status == "optimal"
    assert result.objective == pytest.approx(optimum, rel=1e-9)
