"""Promises of the outside solvers: tiny and small instances solved, scaling that is safe, starts taken, none required."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import redwood
from redwood.plugins.host import host
from redwood.problems.routing.travel import Metric, Travel
from redwood.solvers.external.apart import GRACE, call_apart
from redwood.solvers.external.scaling import scaled, shortest_tiny_tour, whole, whole_loads

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


FLEETS = ("hgs", "pyvrp", "ortools-routing")
CORNERS = np.array([[0, 0], [15, 0], [0, 15], [15, 15], [7, 2]])


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4, 1e8])
@pytest.mark.parametrize("weight", [1e-7, 1, 10**5, 10**11])
def test_hgs_takes_distances_and_demands_of_any_size(unit: float, weight: float) -> None:
    """Two customers a vehicle: the best of the three pairings is found whatever the units are."""
    demands = np.array([0, 2, 2, 2, 2]) * weight
    instance = redwood.instance("cvrp", coords=CORNERS * unit, demands=demands, capacity=4 * weight)
    shortest = min(_pairing(CORNERS, *pairs) for pairs in ((1, 2, 3, 4), (1, 3, 2, 4), (1, 4, 2, 3)))
    result = solved("hgs", instance, iterations=None, time_limit=0.6)
    assert result.status == "feasible", result.message
    assert result.objective == pytest.approx(unit * shortest)


def _pairing(places: Any, *customers: int) -> float:
    stops = places[[0, *customers[:2], 0, *customers[2:], 0]].astype(float)
    return float(np.linalg.norm(np.diff(stops, axis=0), axis=1).sum())


@pytest.mark.parametrize("name", FLEETS)
def test_demands_and_distances_may_be_zero(name: str) -> None:
    """Customers without demand go on one route; where all distances are zero, any routes will do."""
    nothing = redwood.instance("cvrp", coords=CORNERS, demands=np.zeros(5), capacity=1)
    assert solved(name, nothing).objective == pytest.approx(redwood.solve(nothing, iterations=500).objective)
    nowhere = redwood.instance("cvrp", matrix=np.zeros((5, 5)), demands=[0, 1, 1, 1, 1], capacity=2)
    assert solved(name, nowhere).objective == 0


@pytest.mark.parametrize("name", FLEETS)
def test_a_fleet_beyond_the_customers_is_no_limit(name: str) -> None:
    """A million vehicles for five customers cost neither time nor quality."""
    data: dict[str, Any] = {"coords": np.append(CORNERS, [[3, 9]], axis=0), "demands": [0, 1, 1, 1, 1, 1], "capacity": 2}
    many, free = (redwood.instance("cvrp", **data, vehicles=vehicles) for vehicles in (1_000_000, None))
    began = time.perf_counter()
    assert solved(name, many).objective == pytest.approx(solved(name, free).objective)
    assert time.perf_counter() - began < 4


@pytest.mark.parametrize("name", FLEETS)
@pytest.mark.parametrize(("demand", "capacity"), [(0.1, 0.3), (1e-9, 3e-9), (1 / 3, 1.0), (0.7, 2.1)])
def test_fractional_demands_lose_nothing(name: str, demand: float, capacity: float) -> None:
    """Three customers that fill a vehicle to the last share ride together."""
    places = np.array([[0, 0], [9, 0], [10, 0], [11, 0], [0, 9], [0, 10], [0, 11]])
    instance = redwood.instance("cvrp", coords=places, demands=[0.0] + 6 * [demand], capacity=capacity)
    assert solved(name, instance).objective == pytest.approx(44.0)


def test_loads_have_the_largest_common_unit() -> None:
    """Whole and fractional demands are divided by what they have in common; what has no unit is rounded up."""
    coords = np.zeros((3, 2))
    grams = redwood.instance("cvrp", coords=coords, demands=[0, 200_000, 300_000], capacity=400_000)
    assert (whole_loads(grams).demands.tolist(), whole_loads(grams).capacity) == ([0, 2, 3], 4)
    tenths = redwood.instance("cvrp", coords=coords, demands=[0, 0.1, 0.25], capacity=0.3)
    assert (whole_loads(tenths).demands.tolist(), whole_loads(tenths).capacity) == ([0, 2, 5], 6)
    real = redwood.instance("cvrp", coords=coords, demands=[0, 0.1234567890123, 0.7182818284590], capacity=1.0)
    assert (whole_loads(real).demands * (real.limit / 1e9) >= real.demands).all()


@pytest.mark.parametrize("name", ["highs", "greedy", "random", "local-search", *FLEETS])
def test_a_fleet_without_a_packing_is_no_failure(name: str) -> None:
    """Five demands of 4 fit into no two vehicles of 10: there is no solution, and `highs` proves it."""
    instance = redwood.instance(
        "cvrp", coords=np.append(CORNERS, [[3, 9]], axis=0), demands=[0] + 5 * [4], capacity=10, vehicles=2
    )
    result = solved(name, instance, iterations=None, time_limit=2)
    assert result.status == ("infeasible" if name == "highs" else "none"), result.message


def test_hgs_keeps_its_prints_off_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    """What the library prints does not reach standard output, which may carry JSON."""
    solved("hgs", redwood.generate("cvrp", size=8, seed=1), iterations=None, time_limit=0.4)
    assert capfd.readouterr().out == ""


def send_and_sleep(send: Callable[[Any], None], deadline: float, seconds: float) -> None:
    """Send a number, and be busy for a time."""
    os.write(1, b"noise")
    send(7)
    time.sleep(seconds)


def send_and_die(send: Callable[[Any], None], deadline: float, seconds: float) -> None:
    """Send a number, and crash."""
    send(7)
    os.abort()


def test_a_call_apart_ends_at_its_deadline_and_keeps_what_was_sent() -> None:
    """A library that does not return is killed soon after the deadline."""
    began = time.monotonic()
    assert list(call_apart(f"{__name__}:send_and_sleep", began + 1.5, seconds=60)) == [7]
    assert 1.5 <= time.monotonic() - began < 1.5 + GRACE + 0.5


def test_a_crash_apart_is_an_error_here() -> None:
    """A library that kills its process costs an error, which names the signal."""
    sent = call_apart(f"{__name__}:send_and_die", time.monotonic() + 20, seconds=0)
    assert next(sent) == 7
    with pytest.raises(redwood.errors.SolverError, match="died of signal 6"):
        next(sent)
