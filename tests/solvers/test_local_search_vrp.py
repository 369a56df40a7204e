"""Ruin and recreate for rich vehicle routing: optima of tiny instances, constant-time checks, repeatability."""

import itertools
import math

import numpy as np
import pytest

import redwood
from redwood.errors import InstanceError, OptionError
from redwood.kernels import random_state
from redwood.plugins.host import host
from redwood.problems.vrp.checks import NumberedRoute, cost, route_faults, violations
from redwood.problems.vrp.ground import make_ground
from redwood.problems.vrp.insertion import insertion_cost
from redwood.problems.vrp.plan import join, make_plan, open_route
from redwood.problems.vrp.routes import Route
from redwood.problems.vrp.segments import load_routes, refresh
from redwood.problems.vrp.shipment_insertion import shipment_cost
from redwood.problems.vrp.solution import VRPSolution
from redwood.solvers.local_search.vrp_pool import RoutePool

FEATURES = (
    *("windows", "several", "release", "duration", "distance", "fleet", "depots", "open", "prizes", "groups", "shipments"),
    *("pickups", "skills", "profiles", "loads", "linehauls", "asymmetric"),
)


def random_instance(rng):
    """Return a tiny random instance with a random choice of features, or ``None`` where it breaks a rule."""
    has = {feature: rng.random() < 0.35 for feature in FEATURES}
    size, homes = int(rng.integers(2, 5)), 2 if has["depots"] else 1
    places = homes + size
    points = rng.integers(0, 20, size=(places, 2)).tolist()
    two = has["loads"]
    rows = []
    for k in range(size):
        load = [int(rng.integers(1, 5)), int(rng.integers(0, 3))] if two else int(rng.integers(1, 5))
        row = {"name": f"c{k}", "x": points[homes + k][0], "y": points[homes + k][1], "delivery": load}
        row["service"] = int(rng.integers(0, 4))
        if has["windows"]:
            ready = int(rng.integers(0, 40))
            row["windows"] = [[ready, ready + int(rng.integers(5, 40))]]
            if has["several"]:
                row["windows"].append([row["windows"][0][1] + 5, row["windows"][0][1] + 20])
        if has["release"] and rng.random() < 0.5:
            row["release"] = int(rng.integers(0, 15))
        if has["prizes"] and not has["linehauls"] and rng.random() < 0.6:
            row["prize"] = int(rng.integers(1, 40))
        if has["skills"] and rng.random() < 0.4:
            row["skills"] = ["crane"]
        if has["pickups"] or has["linehauls"]:
            row["pickup"] = [int(rng.integers(0, 4)), 0] if two else int(rng.integers(0, 5))
        if has["linehauls"]:  # a delivery or a pickup, not both
            row["delivery" if rng.random() < 0.4 else "pickup"] = [0, 0] if two else 0
        rows.append(row)
    if has["groups"]:
        for row in rows[:2]:
            row["group"] = "either"
            row.pop("prize", None)
    shipments = []
    if has["shipments"] and not has["groups"] and not has["linehauls"]:
        shipments = [{"pickup": "c0", "delivery": "c1", "amount": [2, 1] if two else 2}]
        for row in rows[:2]:
            row.pop("prize", None)
            row["delivery"] = [0, 0] if two else 0
    vehicles = []
    for k in range(2 if has["fleet"] else 1):
        vehicle = {"name": f"v{k}", "number": int(rng.integers(1, 4)), "capacity": [9 - 2 * k, 5] if two else 9 - 2 * k}
        vehicle |= {"fixed_cost": int(rng.integers(0, 20)), "distance_cost": int(rng.integers(1, 3))}
        if has["duration"]:
            vehicle |= {"max_duration": int(rng.integers(40, 120)), "duration_cost": int(rng.integers(0, 3))}
        if has["distance"]:
            vehicle["max_distance"] = int(rng.integers(40, 90))
        if has["skills"] and k == 0:
            vehicle["skills"] = ["crane"]
        vehicle["start"] = f"d{rng.integers(homes)}"
        vehicle["end"] = None if has["open"] else f"d{rng.integers(homes)}"
        vehicle["shift"] = [0, int(rng.integers(60, 150))]
        vehicles.append(vehicle)
    data = {"rounding": "nearest"}
    if has["asymmetric"] or has["profiles"]:
        near = rng.integers(1, 25, size=(places, places))
        data = {"distances": near}
        if has["profiles"]:
            data = {"distances": {"a": near, "b": near[::-1, ::-1]}, "durations": {"a": near, "b": near.T}}
            for k, vehicle in enumerate(vehicles):
                vehicle["profile"] = "ab"[k % 2]
    depots = [{"name": f"d{k}", "x": points[k][0], "y": points[k][1]} for k in range(homes)]
    try:
        return redwood.instance(
            "vrp", depots=depots, customers=rows, vehicles=vehicles, shipments=shipments,
            linehauls_first=has["linehauls"], objective="fewest-vehicles" if rng.random() < 0.2 else "cost", **data,
        )  # fmt: skip
    except InstanceError:
        return None


def partitions(customers):
    """Yield every way to divide customers among unordered groups."""
    if not customers:
        yield []
        return
    first, rest = customers[0], customers[1:]
    for size in range(len(rest) + 1):
        for others in itertools.combinations(rest, size):
            left = [c for c in rest if c not in others]
            for parts in partitions(left):
                yield [(first, *others), *parts]


def best_by_enumeration(instance):
    """Return the least objective over subsets, partitions, orders and types, infinite where none is feasible."""
    route_cost = {}
    for k, vehicle in enumerate(instance.vehicles):
        for size in range(1, instance.size + 1):
            for order in itertools.permutations(range(instance.size), size):
                route = NumberedRoute(k, np.array(order))
                if not route_faults(instance, route) and not _split_shipment(instance, order):
                    price = cost(instance, [route]) - instance.prize.sum() + instance.prize[list(order)].sum()
                    key = (k, frozenset(order))
                    route_cost[key] = min(route_cost.get(key, math.inf), price + instance.vehicle_price)
        assert vehicle.number is not None
    best = math.inf
    for size in range(instance.size + 1):
        for served in itertools.combinations(range(instance.size), size):
            if _leaves_somebody(instance, served):
                continue
            missed = instance.prize.sum() - instance.prize[list(served)].sum()
            for parts in partitions(list(served)):
                for kinds in itertools.product(range(len(instance.vehicles)), repeat=len(parts)):
                    if any(kinds.count(k) > v.number for k, v in enumerate(instance.vehicles)):
                        continue
                    prices = [route_cost.get((k, frozenset(part)), math.inf) for k, part in zip(kinds, parts, strict=True)]
                    best = min(best, missed + sum(prices))
    return best


def _split_shipment(instance, order):
    """Return whether only one end of a shipment is on a route, or the delivery comes first."""
    at = {customer: position for position, customer in enumerate(order)}
    return any((a in at) != (b in at) or (a in at and at[a] > at[b]) for a, b in instance.shipments.tolist())


def _leaves_somebody(instance, served):
    """Return whether a required customer or group is left out, or two alternatives are served."""
    if any(needed and c not in served for c, needed in enumerate(instance.required)):
        return True
    counts = [sum(c in served for c in group) for group in instance.groups]
    return any(n > 1 or (n == 0 and needed) for n, needed in zip(counts, instance.group_required, strict=True))


def test_tiny_instances_of_every_feature_are_solved_to_optimality():
    """On random instances of up to four customers the search finds the optimum of enumeration, or nothing as it does."""
    rng, checked, infeasible = np.random.default_rng(7), 0, 0
    while checked < 150:
        instance = random_instance(rng)
        if instance is None:
            continue
        checked += 1
        best = best_by_enumeration(instance)
        result = redwood.solve(instance, "local-search", iterations=3000, bound_time_limit=0)
        if math.isinf(best):
            infeasible += 1
            assert result.solution is None
        else:
            assert result.objective == pytest.approx(best, rel=1e-9, abs=1e-6)
    assert infeasible < 75  # most of them say something about optima


def random_routes(instance, rng):
    """Return random feasible routes that serve some customers."""
    found = []
    for k in range(len(instance.vehicles)):
        order = rng.permutation(instance.size)[: int(rng.integers(1, instance.size + 1))]
        taken = {c for route in found for c in route.customers.tolist()}
        route = NumberedRoute(k, np.array([c for c in order if c not in taken], dtype=np.int64))
        if len(route.customers) and not route_faults(instance, route):
            found.append(route)
    return found


def _able(instance, ground, route):
    """Return the route where it keeps its limits (skills apart), else the same with larger vehicles that do."""
    larger = [NumberedRoute(int(k), route.customers) for k in ground.larger[route.kind] if k >= 0]
    able = [one for one in (route, *larger) if not [f for f in route_faults(instance, one) if "may not serve" not in f]]
    return able[:1] if able and able[0].kind == route.kind else able


def test_insertions_are_priced_as_the_checker_prices_them():
    """The constant-time cost of an insertion is the change of the checked cost, and infinite where a limit is broken.

    Where the vehicle is too small, it is the cost with the cheapest larger one that is alike.
    """
    rng, compared = np.random.default_rng(3), 0
    while compared < 300:
        instance = random_instance(rng)
        if instance is None or len(instance.windows) > instance.size or len(instance.shipments):
            continue
        ground = make_ground(instance, 60)
        plan = make_plan(instance, ground)
        routes = random_routes(instance, rng)[:1]
        if not routes or len(routes[0].customers) == instance.size:
            continue
        load_routes(plan, ground, routes)
        route = routes[0]
        r = int(plan.route[route.customers[0]])
        for c in np.setdiff1d(np.arange(instance.size), route.customers):
            for position in range(len(route.customers) + 1):
                before = instance.size + r if position == 0 else int(route.customers[position - 1])
                told, _ = insertion_cost(plan, ground, r, int(c), before, math.inf)
                longer = NumberedRoute(route.kind, np.insert(route.customers, position, c))
                able = _able(instance, ground, longer)
                changes = [cost(instance, [one]) - cost(instance, [route]) + instance.prize[c] for one in able]
                assert told == (pytest.approx(min(changes), abs=1e-6) if changes else math.inf)
                compared += 1


def test_shipments_are_priced_as_the_checker_prices_them():
    """The best pair of positions for a shipment is the best of all pairs by the checker."""
    rng, compared = np.random.default_rng(5), 0
    while compared < 60:
        instance = random_instance(rng)
        if instance is None or not len(instance.shipments) or len(instance.windows) > instance.size or instance.size < 3:
            continue
        others = rng.permutation(np.arange(2, instance.size))
        route = NumberedRoute(0, others)
        wanted = instance.may_serve[0].all() and not route_faults(instance, route)
        if not wanted:
            continue
        ground = make_ground(instance, 60)
        plan = make_plan(instance, ground)
        load_routes(plan, ground, [route])
        r = int(plan.route[others[0]])
        load, blinks = np.zeros(3 * instance.dimensions), np.full(1, 1 << 40)
        told = shipment_cost(plan, ground, r, 0, 1, math.inf, load, blinks, 0.0, random_state(rng))[0]
        best = math.inf
        for i in range(len(others) + 1):
            for j in range(i + 1, len(others) + 2):
                longer = NumberedRoute(0, np.insert(np.insert(others, i, 0), j, 1))
                if not route_faults(instance, longer):
                    best = min(best, cost(instance, [longer]) - cost(instance, [route]) + instance.prize[:2].sum())
        # with a route shorter by the pickup alone the search does not look further: only where ways are triangular
        assert told == pytest.approx(best, abs=1e-6) or instance.roads.distances is not None
        compared += 1


def test_warm_start_is_never_made_worse():
    """From an initial solution the search returns one at least as good, within few iterations."""
    instance = redwood.generate("vrp/windows", 40, seed=2)
    start = redwood.solve(instance, "local-search", iterations=20_000, bound_time_limit=0)
    again = redwood.solve(instance, "local-search", iterations=5, initial=start.solution, bound_time_limit=0)
    assert again.initial == "accepted"
    assert again.objective <= start.objective


def test_fewest_vehicles_are_fewer_than_by_cost():
    """With the objective fewest-vehicles no more vehicles are used than with the objective cost, and here fewer."""
    rows = [{"name": f"c{k}", "x": 10 * k, "y": 0, "delivery": 1} for k in range(-4, 5) if k]
    data = {"depots": [{"x": 0, "y": 0}], "customers": rows, "vehicles": [{"capacity": 8}]}
    few = redwood.solve(redwood.instance("vrp", **data, objective="fewest-vehicles"), "local-search", iterations=500)
    assert len(few.solution.routes) == 1


def test_answer_tells_times_loads_and_reasons():
    """The solution has arrivals and loads for every customer, and a reason for each who is left out."""
    result = redwood.solve(redwood.generate("vrp/prizes", 25, seed=1), "local-search", iterations=2000, bound_time_limit=0)
    assert all(len(route.arrivals) == len(route.loads) == len(route.customers) for route in result.solution.routes)
    served = {name for route in result.solution.routes for name in route.customers}
    assert served | set(result.solution.left_out) == set(result.source.customers)
    assert all("prize is" in why for why in result.solution.left_out.values())


def test_solution_after_a_start_that_leaves_somebody_out_is_kept():
    """Where greedy insertion does not fit all loads into the vehicles, what annealing finds is returned."""
    loads = [6, 5, 5, 4, 4, 4, 3, 3, 3, 3]  # 40 in all, for four vehicles of 10
    found = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        spots = rng.integers(0, 50, size=(10, 2)).tolist()
        rows = [{"x": x, "y": y, "delivery": load} for (x, y), load in zip(spots, loads, strict=True)]
        instance = redwood.instance(
            "vrp", depots=[{"x": 25, "y": 25}], customers=rows, vehicles=[{"number": 4, "capacity": 10}]
        )
        found += redwood.solve(instance, "local-search", iterations=3000, seed=seed, bound_time_limit=0).solution is not None
    assert found == 6


def test_pool_of_routes_gives_their_best_choice():
    """Of the routes of several plans the program chooses those that serve everybody at the least cost."""
    rng, instance = np.random.default_rng(2), redwood.generate("vrp/prizes", 8, seed=3)
    ground, pool, met = make_ground(instance, 7), RoutePool(instance), {}
    for _ in range(40):
        plan = make_plan(instance, ground)
        parts = np.split(rng.permutation(8), np.sort(rng.choice(np.arange(1, 8), size=3, replace=False)))
        routes = [NumberedRoute(0, part) for part in parts]
        fitting = [route for route in routes if not route_faults(instance, route)]
        load_routes(plan, ground, fitting)
        pool.add(plan, ground)
        for route in fitting:
            price = cost(instance, [route]) - instance.prize.sum() + instance.prize[route.customers].sum()
            key = frozenset(route.customers.tolist())
            met[key] = min(met.get(key, math.inf), price)
    best = math.inf
    for parts in itertools.chain.from_iterable(itertools.combinations(met.items(), n) for n in range(1, 5)):
        served = [c for customers, _ in parts for c in customers]
        left = np.setdiff1d(np.arange(8), served)
        if len(set(served)) == len(served) and not instance.required[left].any():
            best = min(best, sum(price for _, price in parts) + instance.prize[left].sum())
    found = pool.best(5.0)
    assert math.isinf(best) == (found is None)
    if found is not None and math.isfinite(best):
        assert cost(instance, found) <= best + 1e-6


def test_no_feasible_routes_are_said_so():
    """Where two customers cannot be served by the one vehicle, nothing is returned, with the names of those who are out."""
    rows = [{"name": "a", "x": 9, "y": 0, "due": 9}, {"name": "b", "x": -9, "y": 0, "due": 9}]
    instance = redwood.instance("vrp", depots=[{"x": 0, "y": 0}], customers=rows, vehicles=[{"number": 1}])
    result = redwood.solve(instance, "local-search", iterations=200)
    assert result.solution is None
    assert "'a'" in result.message or "'b'" in result.message


def test_options_out_of_range_are_refused():
    """Each option names its range."""
    with pytest.raises(OptionError):
        redwood.solve(redwood.generate("vrp", 5), "local-search", iterations=1, neighbours=0)


def test_thousand_customers_stay_within_the_clock():
    """With a second for a thousand customers with windows the answer is complete and not late."""
    instance = redwood.generate("vrp/windows", 1000, seed=0)
    result = redwood.solve(instance, "local-search", time_limit=2, bound_time_limit=0)
    assert result.objective is not None
    assert result.seconds.solve < 6


def test_known_solution_is_a_start(data_folder):
    """A given solution of several depots is taken as a start, and its cost kept or lowered."""
    path = data_folder / "vrp" / "mdvrptw" / "PR11A.vrp"
    instance = redwood.read(path, rounding="exact")
    start = redwood.read_solution(path.with_suffix(".sol"), instance)
    result = redwood.solve(instance, "local-search", iterations=50, initial=start, bound_time_limit=0)
    assert result.objective <= 6655548


def test_refused_routes_are_not_loaded():
    """A route that breaks a window leaves no trace in the plan."""
    instance = redwood.generate("vrp/windows", 10, seed=0)
    ground = make_ground(instance, 9)
    plan = make_plan(instance, ground)
    load_routes(plan, ground, [NumberedRoute(0, np.argsort(-instance.windows[:, 1]))])
    assert (plan.route[:10] == -1).all()
    r = open_route(plan, ground, 0)
    join(plan, ground, 3, instance.size + r)
    assert refresh(plan, ground, r)
    told = VRPSolution([Route([instance.customers[3]])])
    assert plan.cost[r] == pytest.approx(host().problem("vrp").objective(instance, told))
    assert any("not served" in fault for fault in violations(instance, told))


def test_routes_whose_parts_are_infeasible_are_found():
    """Where two customers can only be served one after the other, and neither alone, both are served all the same."""
    far = 99.0
    ways = np.full((3, 3), far)
    np.fill_diagonal(ways, 0.0)
    ways[0, 1] = ways[1, 2] = ways[2, 0] = 1.0  # neither 0-1-0 nor 0-2-0 is short enough
    instance = redwood.instance(
        "vrp", distances=ways, customers=[{"name": "a"}, {"name": "b"}], depots=[{"name": "home"}],
        vehicles=[{"number": 1, "max_distance": 10}],
    )  # fmt: skip
    result = redwood.solve(instance, "local-search", iterations=50, bound_time_limit=0)
    assert [route.customers for route in result.solution.routes] == [["a", "b"]]


def test_vehicles_grow_with_their_routes():
    """Three customers go into one large vehicle where that is cheaper, though a small one is the cheapest for each."""
    rows = [{"name": f"c{k}", "x": 100 + k, "y": 0, "delivery": 2} for k in range(3)]
    vehicles = [{"name": f"v{c}", "capacity": c, "fixed_cost": 10 * c} for c in (2, 4, 6)]
    instance = redwood.instance("vrp", customers=rows, depots=[{"name": "0", "x": 0, "y": 0}], vehicles=vehicles)
    result = redwood.solve(instance, "local-search", iterations=30, bound_time_limit=0)
    assert [route.vehicle for route in result.solution.routes] == ["v6"]
    assert result.objective == pytest.approx(60 + 204)


def test_a_customer_that_a_prefix_begins_with_is_not_left_out_for_a_prize():
    """Behind a pickup no delivery may come, so that nobody else can be served: that is said, and no route is handed in."""
    made = redwood.instance(
        "vrp",
        depots=[{"name": "d", "x": 0, "y": 0}],
        customers=[
            {"name": "brings", "x": 1, "y": 0, "delivery": 4},
            {"name": "both", "x": 2, "y": 0, "delivery": 3, "pickup": 1, "prize": 7},
        ],
        vehicles=[{"name": "van", "number": 1, "capacity": 9}],
        linehauls_first=True,
        prefixes=[{"vehicle": "van", "customers": ["both"]}],
    )
    assert redwood.solve(made, "local-search", time_limit=0.2, bound_time_limit=0).status == "none"
