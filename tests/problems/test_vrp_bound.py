"""Bounds by column generation with ng-routes: never above what is known, and close to it."""

import csv
import dataclasses
import math

import numpy as np
import pytest
from vrp_tiny import Truth, draw

import redwood
from redwood.clock import Timer
from redwood.errors import InstanceError
from redwood.plugins.host import host
from redwood.problems.routing.ng_covering import plain_covering
from redwood.problems.routing.ng_generation import covering_bound, rehearse
from redwood.problems.vrp.bound import undirected
from redwood.views.bound import Bound


def test_bound_is_never_above_the_optimum_of_enumeration():
    """On random tiny instances over all fields the bound is at most the optimum, and on half of them within 1 %."""
    close = seen = 0
    for seed in range(400, 440):
        data = draw(np.random.default_rng(seed))
        best = Truth(data).optimum()
        try:
            instance = redwood.instance("vrp", **data)
        except InstanceError:
            continue
        if best is None:
            continue
        value = best[1] + instance.vehicle_price * best[0]
        bound = redwood.bound(instance, time_limit=5).value
        assert bound <= value + 1e-6
        seen += 1
        close += bound >= 0.99 * value
    assert close > seen / 2


@pytest.mark.parametrize("seed", [1033, 1425])
def test_nobody_has_to_come_where_all_may_be_left_out(seed):
    """Capacity cuts of sets whose customers are all optional would ask for a vehicle each."""
    data = draw(np.random.default_rng(seed))
    instance, best = redwood.instance("vrp", **data), Truth(data).optimum()
    value = best[1] + instance.vehicle_price * best[0]
    assert redwood.bound(instance, time_limit=5).value <= value + 1e-6
    assert redwood.solve(instance, "highs", time_limit=20, bound_time_limit=0).objective == value


def test_bound_on_25_of_solomons_customers_is_nearly_the_optimum(data_folder):
    """On the first 25 customers of R104 the bound comes within a thousandth of what is found."""
    text = (data_folder / "vrp" / "solomon" / "R104.txt").read_text().splitlines()
    kept = [line for line in text if not (line.split()[:1] and line.split()[0].isdigit() and int(line.split()[0]) > 25)]
    kept = [line if line.split() != ["25", "200"] else "  25  200" for line in kept]
    instance = host().problem("vrp").parse("\n".join(kept) + "\n", "R104.25")
    assert instance.size == 25
    found = redwood.solve(instance, "local-search", iterations=20_000, bound_time_limit=0).objective
    bound = redwood.bound(instance, time_limit=20).value
    assert 0.999 * found <= bound <= found * (1 + 1e-9)


def test_bound_is_not_above_known_values(data_folder):
    """On files of Solomon, Cordeau, and Li and Lim a bound of a second is at most the known value."""
    with (data_folder / "vrp" / "best_known.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["objective"] == "distance"]
    chosen = [row for row in rows if row["file"].split("/")[0] in ("solomon", "mdvrp")][::12]
    assert chosen
    for row in chosen:
        instance = redwood.read(data_folder / "vrp" / row["file"])
        assert redwood.bound(instance, time_limit=1).value <= float(row["value"]) * (1 + 1e-6)


def test_bound_before_the_clock_begins_is_zero():
    """Where there is no time at all the bound is the trivial one."""
    instance = redwood.generate("vrp/windows", 10, seed=1)
    view = host().problem("vrp").view(Bound, instance)
    assert view.bound(Timer(0.0)).value == 0.0


def shortest_routes(distance, load, capacity):
    """Return the least length of routes that serve everybody, by dynamic programming over sets."""
    size = len(load)
    alone = [math.inf] * (1 << size)
    paths = {(1 << c, c): distance[0][c + 1] for c in range(size)}
    for members in range(1, 1 << size):
        if sum(load[c] for c in range(size) if members >> c & 1) > capacity:
            continue
        for last in range(size):
            if members >> last & 1 and (members, last) in paths:
                length = paths[members, last]
                alone[members] = min(alone[members], length + distance[last + 1][0])
                for c in range(size):
                    if not members >> c & 1:
                        key = (members | 1 << c, c)
                        paths[key] = min(paths.get(key, math.inf), length + distance[last + 1][c + 1])
    best = [0.0] + [math.inf] * ((1 << size) - 1)
    for members in range(1, 1 << size):
        part = members
        while part:
            best[members] = min(best[members], alone[part] + best[members ^ part])
            part = (part - 1) & members
    return best[-1]


@pytest.mark.parametrize("seed", range(5))
def test_bound_of_a_plain_problem_is_at_most_its_optimum_and_near_it(seed):
    """With loads alone the bound is between 90 % of the optimum of dynamic programming and the optimum."""
    rng = np.random.default_rng(seed)
    spots = rng.random((8, 2)) * 100
    distance = np.hypot(*(spots[:, None] - spots[None]).transpose(2, 0, 1))
    load = rng.integers(1, 6, size=7).astype(float)
    best = shortest_routes(distance.tolist(), load.tolist(), 10.0)
    bound = covering_bound(plain_covering(distance, load, 10.0, math.inf), Timer(20.0)).value
    assert 0.9 * best <= bound <= best * (1 + 1e-9)


@pytest.mark.parametrize("length", [1e-12, 1e-9, 1e9])
def test_bound_by_routes_does_not_depend_on_the_unit_of_lengths(length):
    """In any unit of lengths the bound is between 90 % of the optimum of dynamic programming and the optimum."""
    rehearse()
    for seed in range(4):
        rng = np.random.default_rng(seed)
        spots = rng.random((8, 2)) * 100
        distance = np.hypot(*(spots[:, None] - spots[None]).transpose(2, 0, 1))
        load = rng.integers(1, 6, size=7).astype(float)
        best = length * shortest_routes(distance.tolist(), load.tolist(), 10.0)
        bound = covering_bound(plain_covering(length * distance, load, 10.0, math.inf), Timer(20.0)).value
        assert 0.9 * best <= bound <= best * (1 + 1e-9)


def test_bound_by_routes_does_not_depend_on_the_unit_of_loads():
    """Loads of a billionth of a unit count like others: the bound is about the same."""
    rehearse()
    for seed in range(3):
        rng = np.random.default_rng(seed)
        spots = rng.random((19, 2)) * 100
        distance = np.hypot(*(spots[:, None] - spots[None]).transpose(2, 0, 1))
        load = rng.integers(1, 6, size=18).astype(float)
        plain = covering_bound(plain_covering(distance, load, 14.0, math.inf), Timer(20.0)).value
        bound = covering_bound(plain_covering(distance, 1e-11 * load, 1e-11 * 14.0, math.inf), Timer(20.0)).value
        assert bound == pytest.approx(plain, rel=0.02)


@pytest.mark.parametrize("unit", [1e-8, 1.0, 1e8])
def test_routes_without_direction_have_the_bound_of_routes_with_one(unit):
    """Without cuts both ways of pricing come to one value; with cuts each is at most the optimum, also on extreme scales."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        spots = np.round(rng.random((8, 2)) * 10) * unit  # with ties, and customers at one place
        distance = np.hypot(*(spots[:, None] - spots[None]).transpose(2, 0, 1))
        load = rng.integers(0, 6, size=7).astype(float) * unit
        capacity = 10.0 * unit
        covering = plain_covering(distance, load, capacity, math.inf)
        assert covering.symmetric
        both = (covering, dataclasses.replace(covering, symmetric=False))
        found = [covering_bound(c, Timer()) for c in both]
        bare = [covering_bound(dataclasses.replace(c, limit=math.inf), Timer()).value for c in both]
        best = shortest_routes(distance.tolist(), load.tolist(), capacity)
        assert not any(one.cut_short for one in found)
        assert bare[0] == pytest.approx(bare[1], rel=1e-6)
        assert max(bare) <= max(one.value for one in found) * (1 + 1e-9) <= best * (1 + 2e-9)


def test_one_type_without_times_has_routes_without_direction():
    """Ways of one type that cost the same both ways, up to a fee at the start, have no direction; others have one."""
    distance = np.array([[0.0, 3.0, 4.0], [3.0, 0.0, 5.0], [4.0, 5.0, 0.0]])
    covering = dataclasses.replace(plain_covering(distance, np.array([1.0, 1.0]), 2.0, math.inf), symmetric=False)
    (graph,) = covering.graphs
    graph.cost[2] += 10.0
    assert undirected(covering).symmetric
    graph.cost[0, 1] += 1.0
    assert not undirected(covering).symmetric
