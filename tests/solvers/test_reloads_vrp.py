"""Solvers that let vehicles reload: what they come to on random tiny instances, and on one that is worked by hand."""

import numpy as np
import pytest
from vrp_tiny import compare, draw

import redwood
from redwood.errors import FitError
from redwood.problems.vrp.checks import NumberedRoute, cost, numbered, route_faults
from redwood.problems.vrp.ground import make_ground
from redwood.problems.vrp.plan import make_plan
from redwood.problems.vrp.segments import choose_windows, load_routes, refresh
from redwood.solvers.local_search.vrp_trips import place_reloads, trip_cost

SOLVERS = ("local-search", "pyvrp", "highs")


def tiny(count, first=1):
    """Return the data of some random tiny instances with reloads."""
    drawn = (draw(np.random.default_rng(seed)) for seed in range(first, first + 20 * count))
    return [data for data in drawn if any("reload_depots" in vehicle for vehicle in data["vehicles"])][:count]


@pytest.mark.parametrize("solver", SOLVERS)
def test_forced_reload_is_made_at_the_better_depot(solver):
    """One vehicle brings three times a full load on a line; by hand: 12 out to the far depot, 2 around it, 12 back."""
    if solver == "pyvrp":
        pytest.importorskip("pyvrp")
    people = [{"name": name, "x": x, "y": 0, "delivery": 1} for name, x in (("a", 5), ("b", 11), ("c", 13))]
    depots = [{"name": "home", "x": 0, "y": 0}, {"name": "far", "x": 12, "y": 0}]
    van = {"number": 1, "capacity": 1, "reload_depots": ["home", "far"], "max_reloads": 2}
    instance = redwood.instance("vrp", depots=depots, customers=people, vehicles=[van], rounding="nearest")
    limit = {"time_limit": 20} if solver == "highs" else {"iterations": 300}
    result = redwood.solve(instance, solver, seed=1, bound_time_limit=0, **limit)
    route = result.solution.routes[0]
    assert result.objective == 26
    assert [reload.depot for reload in route.reloads] == ["far", "far"]


def test_highs_proves_the_optimum_of_enumeration_and_the_checker_agrees_on_every_route():
    """On random tiny instances over all fields with reloads nothing disagrees with the definitions."""
    outcomes = [compare(data, ("highs",)) for data in tiny(6)]
    assert [fault for outcome in outcomes for fault in outcome.faults] == []
    assert sum(outcome.kind == "solved" for outcome in outcomes) >= 3


@pytest.mark.parametrize("solver", SOLVERS[:2])
def test_searches_are_never_better_than_enumeration_and_seldom_worse(solver):
    """On random tiny instances over all fields with reloads a search finds the optimum but once in a while."""
    if solver == "pyvrp":
        pytest.importorskip("pyvrp")
    outcomes = [compare(data, (solver,), iterations=1000) for data in tiny(6)]
    assert [fault for outcome in outcomes for fault in outcome.faults] == []
    assert sum(bool(outcome.missed) for outcome in outcomes) <= 1


def test_plan_prices_and_judges_routes_with_reloads_as_the_checker_does():
    """Random routes of random tiny instances have the checker's cost in the plan, and are refused where it refuses them."""
    rng, kept, refused = np.random.default_rng(1), 0, 0
    for data in tiny(60):
        instance = made(data)
        if instance is None or len(instance.shipments):  # a plan's moves keep shipments together, and no check does
            continue
        ground = make_ground(instance, 9)
        for route in (drawn_route(instance, rng) for _ in range(6)):
            if not instance.may_serve[route.kind, route.customers].all() or instance.vehicles[route.kind].number == 0:
                continue
            plan = make_plan(instance, ground)
            load_routes(plan, ground, [route])
            faults = route_faults(instance, route)
            driven = plan.kind >= 0
            assert bool(driven.any()) == (not faults), (faults, route)
            kept, refused = kept + (not faults), refused + bool(faults)
            if not faults:
                missed = instance.prize.sum() - instance.prize[route.customers].sum()
                price = cost(instance, [route]) - missed + instance.vehicle_price
                assert plan.cost[driven][0] == pytest.approx(price, abs=1e-6)
    assert kept >= 20
    assert refused >= 20


def made(data):
    """Return the instance of some data, ``None`` where it is refused."""
    try:
        return redwood.instance("vrp", **data)
    except redwood.errors.InstanceError:
        return None


def drawn_route(instance, rng):
    """Return a random route of some customers, with reloads at random where its vehicle may."""
    kind = int(rng.integers(len(instance.vehicles)))
    depots = instance.vehicles[kind].reload_depots
    stops = []
    for customer in rng.permutation(instance.size)[: int(rng.integers(1, instance.size + 1))].tolist():
        if stops and depots and rng.random() < 0.5:
            stops.append(-1 - int(rng.choice(depots)))
        stops.append(customer)
    return NumberedRoute(kind, np.array(stops))


def test_cost_of_a_customer_beside_a_new_reload_is_that_of_the_route():
    """What the search thinks a new trip costs is what the checked routes differ by."""
    rng, compared = np.random.default_rng(2), 0
    for seed in range(8):
        instance = redwood.generate("vrp/reloads", 7, seed=seed)
        order = rng.permutation(7)
        stops = np.insert(order[:6], 3, -1 - int(rng.integers(2)))
        ground = make_ground(instance, 9)
        plan = make_plan(instance, ground)
        load_routes(plan, ground, [NumberedRoute(0, stops)])
        r, c = int(plan.route[order[0]]), int(order[6])
        if r < 0:
            continue
        reload = next(stop for stop in range(7, ground.size) if plan.route[stop] < 0)
        depot = int(ground.reload_depot[reload - 7])
        for position, p in enumerate(order[:6]):
            for ahead in (False, True):
                found, _, _ = trip_cost(plan, ground, int(p), reload, c, ahead, np.inf)
                at = position + 1 + (position >= 3)
                inserted = np.insert(stops, at, [c, -1 - depot] if ahead else [-1 - depot, c])
                longer = NumberedRoute(0, inserted)
                faults = route_faults(instance, longer)
                assert np.isfinite(found) == (not faults), faults
                if not faults:
                    compared += 1
                    more = cost(instance, [longer]) - cost(instance, [NumberedRoute(0, stops)])
                    assert found == pytest.approx(more, abs=1e-6)
    assert compared >= 20


def test_reload_moves_to_the_shorter_depot_and_is_left_out_where_nobody_needs_it():
    """Beside the far depot a reload there is shorter; with room for all there is none."""
    people = [{"name": name, "x": x, "y": 0, "delivery": 1} for name, x in (("a", 11), ("b", 13))]
    depots = [{"name": "home", "x": 0, "y": 0}, {"name": "far", "x": 12, "y": 0}]
    for capacity, wanted in ((1, [0, -2, 1]), (2, [0, 1])):
        van = {"number": 1, "capacity": capacity, "reload_depots": ["home", "far"]}
        instance = redwood.instance("vrp", depots=depots, customers=people, vehicles=[van])
        ground = make_ground(instance, 9)
        plan = make_plan(instance, ground)
        load_routes(plan, ground, [NumberedRoute(0, np.array([0, -1, 1]))])
        place_reloads(plan, ground, 0)
        stops, stop = [], int(plan.after[ground.size])
        while stop < ground.size:
            stops.append(stop if stop < 2 else -1 - int(ground.reload_depot[stop - 2]))
            stop = int(plan.after[stop])
        assert stops == wanted
        choose_windows(plan, ground, 0)
        assert refresh(plan, ground, 0)


def test_start_with_reloads_is_accepted_by_every_solver():
    """A solution with trips is handed over, and what comes back is no worse."""
    pytest.importorskip("pyvrp")
    instance = redwood.generate("vrp/reloads", 9, seed=3)
    start = redwood.solve(instance, "local-search", iterations=500, seed=1, bound_time_limit=0)
    assert sum(len(route.reloads) for route in start.solution.routes) > 0
    for solver in SOLVERS:
        limit = {"time_limit": 5} if solver == "highs" else {"iterations": 1}
        again = redwood.solve(instance, solver, initial=start.solution, bound_time_limit=0, **limit)
        assert again.initial == "accepted"
        assert again.objective <= start.objective + 1e-6


def test_ortools_refuses_reloads_by_the_name_of_the_vehicle():
    """Its search finds no way to reload by itself."""
    pytest.importorskip("ortools")
    with pytest.raises(FitError, match="vehicle 'vehicle' may reload"):
        redwood.solve(redwood.generate("vrp/reloads", 5, seed=1), "ortools-routing", iterations=1)


def test_fleet_is_saved_by_reloads():
    """With the objective fewest-vehicles one vehicle makes all trips, although two would drive less."""
    people = [{"name": f"c{k}", "x": 10 * k, "y": 0, "delivery": 1} for k in (-3, -2, 2, 3)]
    depots, van = [{"name": "home", "x": 0, "y": 0}], {"number": 4, "capacity": 2, "reload_depots": ["home"]}
    instance = redwood.instance("vrp", depots=depots, customers=people, vehicles=[van], objective="fewest-vehicles")
    result = redwood.solve(instance, "local-search", iterations=1000, seed=1, bound_time_limit=0)
    assert [len(route.trips) for route in result.solution.routes] == [2]
    assert len(numbered(instance, result.solution)) == 1
