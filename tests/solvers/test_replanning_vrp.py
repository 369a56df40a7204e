"""Re-planning: fixed beginnings of routes, the price of a change of vehicle, and the cost of waiting."""

import pytest

import redwood
from redwood.errors import FitError, InstanceError
from redwood.plugins.host import host

SOLVERS = ("local-search", "highs", "ortools-routing")
DATA = {
    "depots": [{"name": "home", "x": 0, "y": 0}],
    "customers": [{"name": n, "x": x, "y": 0, "delivery": 1} for n, x in (("Ann", 3), ("Bob", 5), ("Cid", -4), ("Dan", -6))],
    "vehicles": [{"name": "one", "number": 1, "capacity": 3}, {"name": "two", "number": 1, "capacity": 3}],
}


def solved(solver, **changes):
    """Return what a solver comes to on four customers on a line."""
    if solver == "ortools-routing":
        pytest.importorskip("ortools")
    instance = redwood.instance("vrp", **{**DATA, **changes})
    limits = {"time_limit": 20} if solver == "highs" else {"iterations": 300}
    return redwood.solve(instance, solver, bound_time_limit=0, seed=1, **limits)


@pytest.mark.parametrize("solver", SOLVERS)
def test_prefix_is_kept_and_the_rest_is_planned_around_it(solver):
    """A vehicle that is on its way to Dan goes on from there: 6 + 2 + 4 and home, the other one 5 + 5."""
    result = solved(solver, prefixes=[{"vehicle": "two", "customers": ["Dan"]}])
    assert result.objective == 12 + 10
    assert next(r for r in result.solution.routes if r.vehicle == "two").customers[0] == "Dan"


@pytest.mark.parametrize("solver", SOLVERS)
def test_goods_on_board_are_delivered_by_the_vehicle_that_has_them(solver):
    """The delivery of a shipment whose pickup is in a prefix stays on that route."""
    result = solved(
        solver,
        prefixes=[{"vehicle": "one", "customers": ["Bob"]}],
        shipments=[{"pickup": "Bob", "delivery": "Dan", "amount": 1}],
        vehicles=[vehicle | {"capacity": 9} for vehicle in DATA["vehicles"]],
    )
    served = next(r for r in result.solution.routes if "Bob" in r.customers)
    assert (served.vehicle, served.customers[0], "Dan" in served.customers) == ("one", "Bob", True)
    assert result.objective == 5 + 5 + 6 + 6 + 0  # Ann and Cid lie on the way


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("price", "distance"), [(1, 10 + 12 + 1), (9, 10 + 12 + 4)])
def test_customer_changes_vehicle_where_the_price_is_worth_it(solver, price, distance):
    """Cid was to be served by the bike, which costs twice as much a kilometre: he moves for 1 and not for 9."""
    rows = [row | ({"planned": "two", "change_price": price} if row["name"] == "Cid" else {}) for row in DATA["customers"]]
    rows = [row | ({"planned": "one", "change_price": 99} if row["name"] == "Dan" else {}) for row in rows]
    vehicles = [{"name": "one", "number": 2, "capacity": 3}, {"name": "two", "number": 1, "distance_cost": 0.5}]
    rows = [row | ({"planned": "one", "change_price": 99} if row["name"] in ("Ann", "Bob") else {}) for row in rows]
    assert solved(solver, customers=rows, vehicles=vehicles).objective == distance


@pytest.mark.parametrize("solver", SOLVERS)
def test_waiting_costs_what_is_said(solver):
    """Between two windows that are 20 apart a vehicle waits 12, at 2 each; two vehicles would cost 50 more."""
    rows = [{"name": "Ann", "x": 3, "y": 0, "window": [3, 3]}, {"name": "Bob", "x": 11, "y": 0, "window": [23, 23]}]
    vehicles = [{"fixed_cost": 50, "waiting_cost": 2}]
    assert solved(solver, customers=rows, vehicles=vehicles).objective == 50 + 22 + 2 * 12


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prefixes": [{"vehicle": "two", "customers": ["Dan"]}]}, "no fixed prefixes"),
        ({"vehicles": [{"waiting_cost": 1}]}, "no cost of waiting"),
    ],
)
def test_pyvrp_names_what_it_has_not(changes, words):
    """PyVRP has neither prefixes nor a cost of waiting."""
    pytest.importorskip("pyvrp")
    with pytest.raises(FitError, match=words):
        solved("pyvrp", **changes)


@pytest.mark.parametrize(
    ("prefixes", "words"),
    [
        ([{"vehicle": "one", "customers": []}], "customers of prefix 1"),
        ([{"vehicle": "one", "customers": ["Ann"]}, {"vehicle": "two", "customers": ["Ann"]}], "already served"),
        (
            [{"vehicle": "one", "customers": ["Ann"]}, {"vehicle": "one", "customers": ["Bob"]}],
            "2 prefixes have vehicle",
        ),
        ([{"vehicle": "one", "customers": ["Ann", "Bob", "Cid", "Dan"]}], "load 4 at its start"),
        ([{"vehicle": "bike", "customers": ["Ann"]}], "which is no type of vehicle"),
    ],
)
def test_wrong_prefix_is_named(prefixes, words):
    """A prefix that breaks a rule is an error of the instance."""
    with pytest.raises(InstanceError) as caught:
        redwood.instance("vrp", **DATA, prefixes=prefixes)
    assert words in str(caught.value)


def test_checker_and_file_know_plans_and_prefixes():
    """Routes that do not begin with a prefix are refused, and the JSON form keeps all of it."""
    rows = [row | {"planned": "one", "change_price": 2.5} for row in DATA["customers"]]
    vehicles = [{"name": "one", "waiting_cost": 1.5}, {"name": "two"}]
    prefixes = [{"vehicle": "two", "customers": ["Dan", "Cid"]}]
    instance = redwood.instance("vrp", **DATA | {"customers": rows, "vehicles": vehicles}, prefixes=prefixes)
    problem = host().problem("vrp")
    assert problem.parse(problem.format(instance), "x").fingerprint() == instance.fingerprint()
    routes = [{"vehicle": "two", "customers": ["Cid", "Dan"]}, {"vehicle": "one", "customers": ["Ann", "Bob"]}]
    assert "begins with 'Dan', 'Cid'" in redwood.check(instance, routes).violations[0]
    routes[0]["customers"].reverse()
    assert redwood.check(instance, routes).objective == 12 + 10 + 2 * 2.5
