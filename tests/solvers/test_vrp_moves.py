"""Moves of the search for rich routes beyond ruin and recreate: exact costs, and what insertions one by one do not find."""

import numpy as np
import pytest

import redwood
from redwood.kernels import random_state
from redwood.problems.vrp.checks import NumberedRoute, cost, route_faults
from redwood.problems.vrp.ground import make_ground
from redwood.problems.vrp.plan import make_plan
from redwood.problems.vrp.segments import load_routes
from redwood.solvers.local_search.vrp_ejection import eject
from redwood.solvers.local_search.vrp_growth import grow_route
from redwood.solvers.local_search.vrp_kernels import anneal, begin_iteration, construct, note_absent
from redwood.solvers.local_search.vrp_profit import open_profitable
from redwood.solvers.local_search.vrp_ruin import Strings
from redwood.solvers.local_search.vrp_search import (
    ABSENT,
    CHANGE,
    CURRENT,
    STALE,
    TEMPERATURE,
    TOUCHED,
    costs_alone,
    make_search,
)
from redwood.solvers.local_search.vrp_tails import exchange_tails
from redwood.solvers.local_search.vrp_types import finish_routes
from redwood.solvers.local_search.vrp_windows import insert_anew

STRINGS = Strings(10.0, 10.0, 0.5, 0.01, 0.01, 0.0, 0.0, False, False)


def begun(instance, routes=()):
    """Return ground, plan and search that start with the routes."""
    ground = make_ground(instance, 60)
    alone = np.full((len(instance.vehicles), instance.size), np.inf)
    costs_alone(make_plan(instance, ground), ground, alone)
    plan = make_plan(instance, ground)
    search = make_search(plan, ground, alone)
    load_routes(plan, ground, list(routes))
    driven = np.flatnonzero(plan.kind >= 0)
    search.stale[: len(driven)], search.is_stale[driven], search.counters[STALE] = driven, True, len(driven)
    search.values[CURRENT] = plan.cost.sum() + instance.prize[plan.route[: instance.size] < 0].sum()
    begin_iteration(search)
    return ground, plan, search


def routes_of(plan, size):
    """Return the routes that are driven now."""
    found = []
    for r in np.flatnonzero(plan.kind >= 0):
        customers, stop = [], int(plan.after[size + r])
        while stop < size:
            customers.append(stop)
            stop = int(plan.after[stop])
        found.append(NumberedRoute(int(plan.kind[r]), np.array(customers)))
    return found


@pytest.mark.parametrize("variant", ["vrp/windows", "vrp/prizes", "vrp/fleet"])
@pytest.mark.parametrize("move", ["tails", "growth", "profit"])
def test_moves_keep_limits_and_are_accounted(variant, move):
    """After a move each route keeps every limit, nobody required is lost, and the cost is the one that was accounted."""
    moved = 0
    for seed in range(5):
        instance = redwood.generate(variant, 40, seed=seed)
        ground, plan, search = begun(instance)
        state = random_state(np.random.default_rng(seed))
        construct(plan, ground, search, STRINGS, state)
        search.values[TEMPERATURE] = 30.0
        anneal(plan, ground, search, STRINGS, state, 100)
        required = np.flatnonzero(ground.required & (plan.route[: instance.size] >= 0))
        for c in range(instance.size):
            begin_iteration(search)
            if move == "tails":
                moved += exchange_tails(plan, ground, search, state, c)
            elif move == "growth":
                moved += grow_route(plan, ground, search, state, c)
            else:
                moved += open_profitable(plan, ground, search, state)
            finish_routes(plan, ground, search)
            search.values[CURRENT] += search.values[CHANGE]
            routes = routes_of(plan, instance.size)
            assert not any(route_faults(instance, route) for route in routes)
            assert search.values[CURRENT] == pytest.approx(cost(instance, routes), rel=1e-9)
            assert (plan.route[required] >= 0).all()
    assert moved > 10


def far_cluster(**more):
    """Return the arguments of an instance with five customers far away, whose prizes pay for the way only together."""
    rows = [{"name": f"c{k}", "x": 100 + k, "y": 0, "delivery": 1, "prize": 50, "due": 300 + k} for k in range(5)]
    return {"depots": [{"x": 0, "y": 0}], "customers": rows, "vehicles": [{"capacity": 9}], **more}


def test_a_route_opens_where_only_many_prizes_pay_for_it():
    """Five customers far away are visited by one route, since their prizes together exceed its cost; each alone does not."""
    instance = redwood.instance("vrp", **far_cluster())
    ground, plan, search = begun(instance)
    opened = False
    for seed in range(20):  # a look leaves some customers alone
        opened = opened or open_profitable(plan, ground, search, random_state(np.random.default_rng(seed)))
    assert opened
    assert plan.members.max() >= 3
    result = redwood.solve(instance, "local-search", iterations=300, bound_time_limit=0)
    assert result.objective == pytest.approx(208)


def test_a_route_grows_by_those_who_are_cheaper_there():
    """Customers who are on another vehicle's detour come over to the new route of their neighbour."""
    rows = [{"name": f"w{k}", "x": -100 - k, "y": 0, "delivery": 1} for k in range(3)]
    rows += [{"name": f"e{k}", "x": 100 + k, "y": 0, "delivery": 1} for k in range(3)]
    data = {"depots": [{"x": 0, "y": 0}], "vehicles": [{"capacity": 9}]}
    instance = redwood.instance("vrp", customers=rows, **data)
    ground, plan, search = begun(instance, [NumberedRoute(0, np.array([0, 3, 1, 4, 2, 5]))])
    assert grow_route(plan, ground, search, random_state(np.random.default_rng(1)), 4)
    assert sorted(sorted(route.customers.tolist()) for route in routes_of(plan, 6)) == [[0, 1, 2], [3, 4, 5]]


def test_the_customer_absent_least_often_makes_room():
    """Where one of two has to go for somebody absent, it is the one who was absent less often."""
    rows = [{"name": f"c{k}", "x": k, "y": 1, "delivery": 4} for k in range(3)]
    vehicles = [{"capacity": 8, "number": 2}]
    instance = redwood.instance("vrp", depots=[{"x": 0, "y": 0}], customers=rows, vehicles=vehicles)
    for often, gone in (([5, 1, 0], 1), ([1, 5, 0], 0)):
        ground, plan, search = begun(instance, [NumberedRoute(0, np.array([0, 1]))])
        search.absences[:] = often
        search.absent[0], search.counters[ABSENT] = 2, 1
        assert eject(plan, ground, search, random_state(np.random.default_rng(0)))
        finish_routes(plan, ground, search)
        note_absent(plan, ground, search)
        assert search.absent[: search.counters[ABSENT]].tolist() == [gone]
        assert plan.route[2] >= 0


def test_windows_of_others_are_chosen_anew_for_an_insertion():
    """Where a customer's release makes the vehicle miss another's first window, that one is served in its second."""
    rows = [
        {"name": "early", "x": 5, "y": 0, "windows": [[0, 10], [40, 60]]},
        {"name": "released", "x": 6, "y": 0, "release": 30},
    ]
    instance = redwood.instance("vrp", depots=[{"x": 0, "y": 0}], customers=rows, vehicles=[{"number": 1}])
    ground, plan, search = begun(instance, [NumberedRoute(0, np.array([0]))])
    assert insert_anew(plan, ground, search, 1, np.inf)
    assert plan.window[0] == 1
    (route,) = routes_of(plan, 2)
    assert len(route.customers) == 2
    assert not route_faults(instance, route)


def test_pairs_that_only_pay_together_are_found():
    """Of a handful of customers all routes are tried: here one leads to another only by ways without triangle inequality."""
    ways = np.full((4, 4), 50.0)
    np.fill_diagonal(ways, 0.0)
    ways[0, 1] = ways[1, 2] = ways[2, 3] = ways[3, 0] = 1.0
    customers = [{"name": name, "prize": 40} for name in "abc"]
    instance = redwood.instance(
        "vrp", distances=ways, customers=customers, depots=[{"name": "home"}], vehicles=[{"max_distance": 10}]
    )
    result = redwood.solve(instance, "local-search", iterations=1, bound_time_limit=0)
    assert result.objective == pytest.approx(4)


def test_a_route_turns_to_the_depot_and_the_first_stop_that_are_cheapest():
    """Of all rotations of a route and all depots, a changed route has the cheapest, as enumeration says."""
    instance = redwood.generate("vrp/depots", 8, seed=3)
    ground, plan, search = begun(instance, [NumberedRoute(0, np.arange(3)[::-1].copy())])
    every = [
        NumberedRoute(kind, np.roll(np.arange(3)[::-1], turn)) for kind in range(len(instance.vehicles)) for turn in range(3)
    ]
    least = min(cost(instance, [route]) for route in every if not route_faults(instance, route))
    assert ground.turns
    assert cost(instance, routes_of(plan, instance.size)) > least
    search.touched[0], search.counters[TOUCHED] = 0, 1
    finish_routes(plan, ground, search)
    assert cost(instance, routes_of(plan, instance.size)) == pytest.approx(least)
