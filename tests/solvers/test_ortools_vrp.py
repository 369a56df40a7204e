"""OR-Tools for rich vehicle routing: fields arrive, what is not supported is named."""

import numpy as np
import pytest
from vrp_tiny import compare, draw

import redwood
from redwood.errors import FitError

pytest.importorskip("ortools")


def test_tiny_instances_over_all_fields_are_solved_to_the_optimum_of_enumeration():
    """On random tiny instances it is never better than enumeration, and here always as good."""
    outcomes = [compare(draw(np.random.default_rng(seed)), ("ortools-routing",), iterations=100) for seed in range(1, 19)]
    assert [told for outcome in outcomes for told in (*outcome.faults, *outcome.missed)] == []


@pytest.mark.parametrize("variant", ["plain", "windows", "depots", "fleet", "pickups", "shipments", "prizes"])
def test_start_is_accepted_and_never_made_worse(variant):
    """A start of every variant is handed over, whatever its fleet and shipments."""
    instance = redwood.generate(f"vrp/{variant}", 12, seed=1)
    start = redwood.solve(instance, "local-search", iterations=300, bound_time_limit=0)
    again = redwood.solve(instance, "ortools-routing", iterations=1, initial=start.solution, bound_time_limit=0)
    assert again.initial == "accepted"
    assert again.objective <= start.objective


def test_fractional_costs_and_windows_keep_the_price():
    """Halves of costs and tenths of times are scaled, and the objective is the true one."""
    rows = [{"name": "a", "x": 3.3, "y": 0, "window": [3.3, 3.4]}, {"name": "b", "x": 4.7, "y": 0, "window": [4.7, 4.8]}]
    instance = redwood.instance("vrp", depots=[{"x": 0, "y": 0}], customers=rows, vehicles=[{"distance_cost": 0.5}])
    assert redwood.solve(instance, "ortools-routing", iterations=20, bound_time_limit=0).objective == pytest.approx(4.7)


def test_alternatives_with_prizes_are_refused_by_name():
    """What it costs to leave out each of several alternatives is no field of the library."""
    rows = [{"name": "a", "x": 1, "y": 0, "group": "g", "prize": 1}, {"name": "b", "x": 1, "y": 1, "group": "g", "prize": 2}]
    instance = redwood.instance("vrp", depots=[{"x": 0, "y": 0}], customers=rows)
    with pytest.raises(FitError, match=r"alternatives without prizes of their own, and 'a', 'b'"):
        redwood.solve(instance, "ortools-routing", iterations=1)


def test_a_fleet_without_a_vehicle_is_refused():
    """The library would end the process."""
    rows = [{"name": "a", "x": 1, "y": 0, "prize": 1}]
    instance = redwood.instance("vrp", depots=[{"x": 0, "y": 0}], customers=rows, vehicles=[{"number": 0}])
    with pytest.raises(FitError, match="no fleet without a vehicle"):
        redwood.solve(instance, "ortools-routing", iterations=1)
