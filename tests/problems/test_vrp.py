"""The rich vehicle routing problem: fields, prices, rules and reasons."""

import json
import re

import numpy as np
import pytest

import redwood
from redwood.errors import InstanceError
from redwood.plugins.host import host
from redwood.problems.vrp.schedule import schedule

LINE = {
    "depots": [{"name": "home", "x": 0, "y": 0}],
    "customers": [
        {"name": "Ann", "x": 3, "y": 0, "delivery": 2},
        {"name": "Bob", "x": 5, "y": 0, "delivery": 3},
        {"name": "Cid", "x": -4, "y": 0, "delivery": 1},
    ],
    "vehicles": [{"name": "van", "number": 2, "capacity": 5}],
}
"""Three customers on a line through the depot."""


def line(**changes):
    """Return the three customers on a line, with some arguments changed."""
    return redwood.instance("vrp", **{**LINE, **changes})


def customers(**fields):
    """Return the rows of the line's customers with fields of some, by name, changed."""
    return [row | fields.get(row["name"], {}) for row in LINE["customers"]]


def faults(instance, *routes):
    """Return the rules that routes of names break."""
    return redwood.check(instance, list(routes)).violations


def test_routes_by_name_have_the_price_worked_by_hand():
    """Distance of two routes on a line: 2 * 5 and 2 * 4."""
    assert redwood.check(line(), [["Ann", "Bob"], ["Cid"]]).objective == 18.0


def test_costs_of_vehicle_distance_duration_and_missed_prizes_add_up():
    """One route of length 10 that takes 10 + 2 + 2, at 7 + 3 * 10 + 0.5 * 14, and the missed prize 6."""
    van = {"name": "van", "capacity": 5, "fixed_cost": 7, "distance_cost": 3, "duration_cost": 0.5}
    people = customers(Ann={"service": 2}, Bob={"service": 2}, Cid={"prize": 6})
    assert redwood.check(line(customers=people, vehicles=[van]), [["Ann", "Bob"]]).objective == 7 + 30 + 7 + 6


def test_open_route_does_not_pay_the_way_back():
    """A route that ends at its last customer has length 5, and one with a return 10."""
    vehicles = [{"name": "van", "capacity": 5, "end": None}]
    assert redwood.check(line(vehicles=vehicles), [["Ann", "Bob"], ["Cid"]]).objective == 5 + 4


@pytest.mark.parametrize(
    ("changes", "routes", "words"),
    [
        ({}, [["Ann", "Bob", "Cid"]], "load 6 at its start exceeds the capacity 5"),
        ({}, [["Ann"], ["Cid"]], "'Bob' is not served"),
        ({}, [["Ann", "Bob"], ["Cid", "Ann"]], "'Ann' is served 2 times"),
        ({}, [["Ann"], ["Bob"], ["Cid"]], "there are 2"),
        ({}, [["Eve"]], "'Eve' on route 1 is not a customer"),
        ({"customers": customers(Bob={"due": 6}, Cid={"delivery": 0})}, [["Cid", "Bob"], ["Ann"]], "is 7 too late"),
        ({"customers": customers(Cid={"release": 9}, Ann={"due": 5})}, [["Cid", "Ann"], ["Bob"]], "too late"),
        ({"vehicles": [{"name": "van", "max_distance": 10}]}, [["Ann", "Bob", "Cid"]], "greatest distance 10"),
        ({"vehicles": [{"name": "van", "max_duration": 10}]}, [["Ann", "Bob", "Cid"]], "longest duration 10"),
        ({"vehicles": [{"name": "van", "shift": [0, 12]}]}, [["Ann", "Bob", "Cid"]], "must by 12"),
        ({"customers": customers(Ann={"group": "a"}, Bob={"group": "a"})}, [["Ann", "Bob"], ["Cid"]], "are alternatives"),
        ({"customers": customers(Ann={"group": "a"}, Bob={"group": "a"})}, [["Cid"]], "one of 'Ann', 'Bob'"),
        ({"shipments": [{"pickup": "Bob", "delivery": "Cid", "amount": 1}]}, [["Bob", "Ann"], ["Cid"]], "same route"),
        ({"shipments": [{"pickup": "Bob", "delivery": "Cid"}], "vehicles": None}, [["Cid", "Ann", "Bob"]], "before"),
        ({"customers": customers(Bob={"delivery": 0, "pickup": 3}), "linehauls_first": True}, [["Bob", "Ann"]], "before"),
    ],
)  # fmt: skip
def test_broken_rule_is_told(changes, routes, words):
    """Each rule that routes can break is named with the customers or numbers that break it."""
    told = faults(line(**changes), *routes)
    assert any(words in fault for fault in told), told


def test_pickups_and_deliveries_share_the_vehicle():
    """A delivery of 3 makes room for a pickup of 3 only once it is done."""
    people = customers(Ann={"delivery": 3}, Bob={"delivery": 0, "pickup": 3}, Cid={"delivery": 0})
    instance = line(customers=people, vehicles=[{"name": "van", "capacity": 3}])
    assert not faults(instance, ["Ann", "Bob", "Cid"])
    assert faults(instance, ["Bob", "Ann", "Cid"])


def test_second_window_is_waited_for():
    """Who misses the first window waits for the second one; the duration is the shortest over all departures."""
    people = customers(Ann={"windows": [[0, 1], [10, 12]]}, Bob={"prize": 1}, Cid={"prize": 1})
    instance = line(customers=people)
    found = schedule(instance, instance.vehicles[0], np.array([0]))
    assert (found.start, found.arrivals, found.duration) == (7.0, (10.0,), 6.0)


def test_shortest_duration_agrees_with_all_departures():
    """The schedule's duration is the least over departures tried minute by minute, on random routes of several windows."""
    rng = np.random.default_rng(1)
    for _ in range(60):
        rows = [{"name": f"c{k}", "x": int(rng.integers(1, 9)), "y": 0, "service": 1} for k in range(4)]
        for row in rows:
            ends = np.sort(rng.choice(60, size=4, replace=False)).tolist()
            row["windows"] = [[ends[0], ends[1]], [ends[2], 80 if rng.random() < 0.5 else ends[3]]]
            row["prize"] = 1
        instance = redwood.instance("vrp", depots=LINE["depots"], customers=rows)
        route, vehicle = rng.permutation(4), instance.vehicles[0]
        found = schedule(instance, vehicle, route)
        if found.late:
            continue
        stops = [0, *(instance.roads.coords[1 + route, 0].tolist()), 0]
        durations = []
        for start in range(80):
            time, fine = float(start), True
            for position, customer in enumerate(route):
                time += abs(stops[position + 1] - stops[position])
                opens = [max(time, a) for a, b in instance.windows_of(int(customer)) if time <= b]
                fine &= bool(opens)
                time = (opens[0] if opens else time) + 1
            if fine:
                durations.append(time + stops[-2] - start)
        assert found.duration == min(durations)


def test_labelled_matrix_in_any_order_is_asymmetric_and_by_name():
    """A frame's rows and columns are found by their labels, and directions may differ."""
    pandas = pytest.importorskip("pandas")
    names = ["Bob", "home", "Ann"]
    frame = pandas.DataFrame([[0, 1, 2], [3, 0, 4], [5, 6, 0]], index=names, columns=names)
    rows = [{"name": "Ann"}, {"name": "Bob"}]
    instance = redwood.instance("vrp", depots=[{"name": "home"}], customers=rows, distances=frame)
    assert redwood.check(instance, [["Ann", "Bob"]]).objective == 4 + 5 + 1
    assert redwood.check(instance, [["Bob", "Ann"]]).objective == 3 + 2 + 6


def test_great_circle_measures_kilometres():
    """A degree of latitude is 111.2 km."""
    rows = [{"name": "depot", "lon": 10, "lat": 50}, {"name": "north", "lon": 10, "lat": 51}]
    assert redwood.check(redwood.instance("vrp", customers=rows), [["north"]]).objective == pytest.approx(
        2 * 111.195, rel=1e-4
    )


def test_profiles_have_matrices_of_their_own():
    """The bike's distances count on the bike's routes."""
    fast, slow = [[0, 1], [1, 0]], [[0, 5], [5, 0]]
    vehicles = [{"name": "car", "profile": "van"}, {"name": "velo", "profile": "bike"}]
    instance = redwood.instance(
        "vrp", depots=[{}], customers=[{"name": "a"}], vehicles=vehicles, distances={"van": fast, "bike": slow}
    )
    assert redwood.check(instance, [{"vehicle": "velo", "customers": ["a"]}]).objective == 10
    assert redwood.check(instance, [{"vehicle": "car", "customers": ["a"]}]).objective == 2


def test_table_of_columns_and_csv_agree(tmp_path):
    """A CSV file, a frame and a mapping of columns give the same instance; the depot may be a row of them."""
    pandas = pytest.importorskip("pandas")
    columns = {"name": ["depot", "a", "b"], "x": [0, 1, 2], "y": [0, 2, 1], "demand": [0, 3, 4], "due": [99, 50, 60]}
    pandas.DataFrame(columns).to_csv(tmp_path / "places.csv", index=False)
    made = [redwood.instance("vrp", customers=c) for c in (columns, pandas.DataFrame(columns), tmp_path / "places.csv")]
    assert len({instance.fingerprint() for instance in made}) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"customers": customers(Ann={"delivery": 9})}, "'Ann' is required, and no vehicle can serve it: its load 9"),
        ({"customers": customers(Ann={"due": 2})}, "earliest arrival 3 is after 2"),
        ({"customers": customers(Ann={"skills": ["crane"]})}, "has not the skill 'crane'"),
        ({"customers": customers(Ann={"release": 9}), "vehicles": [{"shift": [0, 8]}]}, "cannot leave before 9"),
        ({"customers": customers(Ann={"delivery": 5}, Bob={"delivery": 5})}, "sum up to 11"),
        ({"customers": customers(Ann={"delivery": -1})}, "delivery of 'Ann' is '-1'"),
        ({"customers": customers(Ann={"windows": [[0, 4], [3, 9]]})}, "overlap"),
        ({"customers": customers(Ann={"colour": 1})}, "have no field 'colour'"),
        ({"customers": customers(Ann={"name": "Bob"})}, "two places have the name 'Bob'"),
        ({"vehicles": [{"start": "hame"}]}, "Did you mean 'home'"),
        ({"shipments": [{"pickup": "Ann", "delivery": "Eve"}]}, "delivery 'Eve' of shipment 1"),
        ({"objective": "fewest"}, "objectives are cost, fewest-vehicles"),
        ({"objective": "fewest-vehicles", "customers": customers(Ann={"prize": 1})}, "'Ann' is optional"),
        ({"distances": np.ones((3, 3))}, "shape [3, 3]; 4 places"),
        ({"metric": "manhattan"}, "metric 'manhattan' is unknown"),
        ({"depots": None}, "there is no depot"),
    ],
)
def test_wrong_field_is_named_with_its_rule(changes, words):
    """Data that break a rule raise InstanceError with the name, the rule and the value."""
    with pytest.raises(InstanceError) as caught:
        line(**changes)
    assert words in str(caught.value)


def test_way_through_another_place_keeps_a_customer_reachable():
    """A customer that is out of reach directly, yet not through another place, is not called unservable."""
    matrix = [[0, 1, 9], [1, 0, 1], [9, 1, 0]]
    rows = [{"name": "near"}, {"name": "far", "due": 5}]
    instance = redwood.instance("vrp", depots=[{}], customers=rows, distances=matrix)
    assert redwood.check(instance, [["near", "far"]]).feasible


def test_fewest_vehicles_outweigh_any_distance():
    """With the objective fewest-vehicles one long route beats two short ones."""
    people = customers(Ann={"delivery": 1}, Bob={"delivery": 1})
    one, two = (redwood.check(line(customers=people, objective="fewest-vehicles"), r) for r in
                ([["Ann", "Cid", "Bob"]], [["Ann", "Bob"], ["Cid"]]))  # fmt: skip
    assert one.objective < two.objective


def test_left_out_customers_come_with_reasons():
    """A described solution has times and loads, and says why somebody is left out."""
    people = customers(Bob={"prize": 1}, Cid={"prize": 6, "skills": ["crane"]})
    instance = line(customers=people)
    problem = host().problem("vrp")
    told = problem.described(instance, problem.solution([["Ann"]]))
    assert told.routes[0].arrivals == [3.0]
    assert told.routes[0].loads == [[0.0]]
    assert told.left_out["Bob"] == "serving it would cost 4 more (on route 1 at the beginning), and its prize is 1"
    assert "has not the skill 'crane'" in told.left_out["Cid"]
    assert problem.solution(json.loads(json.dumps(told.to_dict()))).to_dict() == told.to_dict()


def test_picture_shows_routes_and_who_is_left_out(tmp_path):
    """An instance with routes and customers left out is drawn to a file."""
    instance = redwood.generate("vrp/prizes", 10, seed=0)
    served = [[name] for name, needed in zip(instance.customers, instance.required, strict=True) if needed]
    redwood.plot(instance, served, path=tmp_path / "routes.png")
    assert (tmp_path / "routes.png").stat().st_size > 10_000


@pytest.mark.parametrize("variant", host().problem("vrp").variants)
def test_generated_instances_have_their_size(variant):
    """Every variant makes valid instances of the size asked for, whatever the seed."""
    assert {redwood.generate(f"vrp/{variant}", 15, seed=seed).size for seed in range(8)} == {15}


CITIES = [
    {"name": "depot", "lon": 13.4, "lat": 52.5},
    {"name": "Hamburg <north>", "lon": 10.0, "lat": 53.55},
    {"name": "Leipzig", "lon": 12.37, "lat": 51.34, "prize": 10},
]


def test_frame_geojson_and_map_hold_names_and_reasons():
    """The table has a row a stop, GeoJSON a line a route, and the page escapes names and fetches nothing."""
    pandas = pytest.importorskip("pandas")
    instance, problem = redwood.instance("vrp", customers=CITIES), host().problem("vrp")
    told = problem.described(instance, problem.solution([["Hamburg <north>"]]))
    frame = told.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["name"].tolist() == ["Hamburg <north>"]
    kinds = [feature["properties"]["kind"] for feature in told.to_geojson(instance)["features"]]
    assert kinds == ["depot", "route", "customer", "left out"]
    page = told.to_html(instance)
    assert "Hamburg &lt;north&gt;" in page
    assert "its prize is 10" in page
    assert not any(word in page for word in ("src=", "<script", "<link", "url("))


def test_names_stay_inside_of_the_map():
    """The name of the easternmost place ends at its mark, that of the westernmost begins there; `quantity` is a demand."""
    table = {"name": ["depot", "West", "East"], "lon": [10.0, 9.0, 11.0], "lat": [53.0] * 3, "quantity": [0, 1, 2]}
    instance = redwood.instance("vrp", customers=table, vehicles=[{"capacity": 3}])
    result = redwood.solve(instance, "local-search", iterations=10, bound_time_limit=0)
    page = result.solution.to_html(instance)
    assert re.findall(r'text-anchor="end"[^>]*>\d (\w+)<', page) == ["East"]
    assert repr(result).startswith("Result: vrp (size 2)")


@pytest.mark.parametrize("unit", [1.0, 1e-12, 1e9])
@pytest.mark.parametrize(
    ("vehicle", "customer"),
    [({"capacity": 1.5}, {"delivery": 1.0}), ({"max_distance": 3.0}, {}), ({"max_duration": 3.0}, {}), ({}, {"due": 2.0})],
)
def test_limits_hold_in_any_unit(unit, vehicle, customer):
    """Two customers at opposite sides of the depot keep a limit each by itself, and on one route break it."""
    people = [
        {"name": name, "x": side * unit, "y": 0.0, **{key: unit * value for key, value in customer.items()}}
        for name, side in (("east", 1.0), ("west", -1.0))
    ]
    van = {"name": "van", "number": 2, **{key: unit * value for key, value in vehicle.items()}}
    made = line(customers=people, vehicles=[van])
    assert faults(made, ["east"], ["west"]) == ()
    assert len(faults(made, ["east", "west"])) == 1


def test_prefixes_serve_one_alternative_at_most():
    """Beginnings of routes that serve two of a group break the rule of the group whatever comes behind."""
    either = {"Ann": {"group": "g"}, "Bob": {"group": "g"}}
    for begun in ([["Ann", "Bob"]], [["Ann"], ["Bob"]]):
        prefixes = [{"vehicle": "van", "customers": one} for one in begun]
        with pytest.raises(InstanceError, match="the prefixes serve 'Ann' and 'Bob', which are alternatives"):
            line(customers=customers(**either), groups={"g": False}, prefixes=prefixes)


def test_shipments_from_corner_to_corner_are_drawn_so_that_they_can_be_served():
    """Among 2,500 shipments some would take longer than the depot is open."""
    assert redwood.generate("vrp/shipments", size=5000, seed=1).size == 5000


@pytest.mark.parametrize("begun", [["Bob"], ["Bob", "Ann"], ["Cid", "Bob"]])
def test_prefixes_pick_up_before_they_deliver(begun):
    """What a beginning of a route brings has been picked up in it."""
    people = customers(Ann={"delivery": 0}, Bob={"delivery": 0})
    goods = [{"pickup": "Ann", "delivery": "Bob", "amount": 1}]
    prefixes = [{"vehicle": "van", "customers": begun}]
    with pytest.raises(InstanceError, match="'Bob' and not before it 'Ann'"):
        line(customers=people, shipments=goods, prefixes=prefixes)
    kept = [{"vehicle": "van", "customers": ["Ann", "Bob"]}]
    assert line(customers=people, shipments=goods, prefixes=kept).size == 3
