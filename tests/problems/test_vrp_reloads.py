"""Reloads at depots in the rich vehicle routing problem: fields, trips, prices, rules, words, files and pictures."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from vrp_tiny import Truth, draw

import redwood
from redwood.errors import FormatError, InstanceError, SolutionError
from redwood.plugins.host import host
from redwood.problems.vrp.checks import NumberedRoute, numbered
from redwood.problems.vrp.schedule import schedule

PEOPLE = [("Ann", 3, 0), ("Bob", 5, 0), ("Cid", -4, 0)]
LINE = {
    "depots": [{"name": "home", "x": 0, "y": 0, "reload_time": 2}, {"name": "east", "x": 6, "y": 0}],
    "customers": [{"name": name, "x": x, "y": y, "delivery": 3} for name, x, y in PEOPLE],
    "vehicles": [{"name": "van", "number": 1, "capacity": 6, "reload_depots": ["home", "east"], "max_reloads": 2}],
}
"""Three customers on a line, of whom a vehicle can bring goods for two at a time."""
TRIPS = {"trips": [["Ann", "Bob"], ["Cid"]], "reloads": ["home"]}
LATER = {"trips": [["Ann"], ["Bob", "Cid"]], "reloads": ["home"]}


CLOSED = [LINE["depots"][0] | {"due": 9}, LINE["depots"][1]]
"""The home depot closes at 9."""


def line(**changes):
    """Return the line, with some arguments changed."""
    return redwood.instance("vrp", **(LINE | changes))


def van(**changes):
    """Return the van with some fields changed."""
    return [LINE["vehicles"][0] | changes]


def customers(**fields):
    """Return the customers with fields of some, by name, changed."""
    return [row | fields.get(row["name"], {}) for row in LINE["customers"]]


def described(instance, *routes):
    """Return a solution with its times and loads."""
    problem = host().problem("vrp")
    return problem.described(instance, problem.solution_type(list(routes)))


def test_distance_goes_through_the_depot_of_the_reload():
    """Home, Ann, Bob and back is 10, then Cid and back is 8; by the eastern depot it is 6 + 10 + 4."""
    instance = line()
    assert redwood.check(instance, [TRIPS]).objective == 18
    assert redwood.check(instance, [TRIPS | {"reloads": ["east"]}]).objective == 20


def test_reload_takes_its_time_and_waits_for_the_depot():
    """The route of length 18 takes 18 + 2; for a depot that opens at 13 the vehicle leaves late, and does not wait."""
    timed = van(duration_cost=1)
    assert redwood.check(line(vehicles=timed), [TRIPS]).objective == 18 + 20
    depots = [LINE["depots"][0], LINE["depots"][1] | {"ready": 13}]
    told = described(line(vehicles=timed, depots=depots), TRIPS | {"reloads": ["east"]}).routes[0]
    assert (told.start, told.reloads[0].arrival, told.end) == (7, 13, 27)


def test_goods_released_late_wait_only_for_their_trip():
    """Cid's goods are released at 30: the first trip starts as late as it can, and the vehicle leaves the reload at 30."""
    instance = line(customers=customers(Cid={"release": 30}, Ann={"due": 4}), vehicles=van(duration_cost=1))
    found = schedule(instance, instance.vehicles[0], np.array([0, 1, -1, 2]))
    assert (found.start, found.arrivals, found.end) == (1, (4, 6, 11, 34), 38)


@pytest.mark.parametrize(
    ("changes", "route", "words"),
    [
        ({}, ["Ann", "Bob", "Cid"], "load 9 at its start exceeds the capacity 6"),
        ({"customers": customers(Ann={"delivery": 4})}, TRIPS, "load 7 at its start exceeds"),
        ({"customers": customers(Cid={"delivery": 0, "pickup": 7, "prize": 1})}, TRIPS, "load 7 after 'Cid' exceeds"),
        ({"vehicles": van(capacity=5)}, LATER | {"reloads": ["east"]}, "after the reload at 'east' exceeds"),
        ({"vehicles": van(reload_depots=["east"])}, TRIPS, "may not reload at 'home'"),
        ({"vehicles": van(max_reloads=0, number=2)}, TRIPS, "reloads 1 times, and may 0 times"),
        ({}, {"trips": [["Ann", "Bob"], [], ["Cid"]], "reloads": ["home", "home"]}, "its trip 2 serves nobody"),
        ({}, TRIPS | {"reloads": ["west"]}, "reload depots of vehicle 'van' are 'home', 'east'"),
        ({}, {"trips": [["Ann", "Bob"], ["Cid"]]}, "reloads at ''"),
        ({}, ["Ann", "Bob", "home", "Cid"], "only reloads there are written down"),
        ({"vehicles": van(max_distance=17)}, TRIPS, "length 18 exceeds"),
        ({"vehicles": van(max_duration=19)}, TRIPS, "takes 20, beyond"),
        ({"customers": customers(Cid={"due": 15})}, TRIPS, "arrival 16 at 'Cid' is 1 too late"),
        ({"depots": CLOSED, "vehicles": van(start="east")}, TRIPS, "at the reload at 'home' is 1 too late"),
        ({"customers": customers(Cid={"due": 40, "release": 40})}, TRIPS, "at 'Cid' is 4 too late"),
        ({"shipments": [{"pickup": "Bob", "delivery": "Cid"}]}, TRIPS, "not on the same trip"),
        ({"linehauls_first": True, "customers": customers(Cid={"delivery": 0, "pickup": 3})}, TRIPS, "no delivery before"),
        ({"prefixes": [{"customers": ["Ann", "Bob"]}]}, LATER, "is fixed"),
    ],
)  # fmt: skip
def test_broken_rule_is_told(changes, route, words):
    """Each rule of reloads and of trips is named with the stops or numbers that break it."""
    told = redwood.check(line(**changes), [route]).violations
    assert any(words in fault for fault in told), told


def test_each_trip_begins_with_its_own_deliveries_and_without_what_was_picked_up():
    """A pickup of 5 on the first trip and deliveries of 6 on the second one share a capacity of 6."""
    people = customers(Ann={"delivery": 1}, Bob={"delivery": 0, "pickup": 5}, Cid={"delivery": 6})
    instance = line(customers=people)
    assert not redwood.check(instance, [TRIPS]).violations
    told = described(instance, TRIPS).routes[0]
    assert (told.loads, told.reloads[0].load) == ([[0], [5], [0]], [6])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vehicles": van(reload_depots=["hame"])}, "'hame', which is no depot. Did you mean 'home'"),
        ({"vehicles": van(reload_depots=4)}, "reload_depots of 'van' are '4'"),
        ({"vehicles": van(max_reloads=-1)}, "max_reloads of 'van' is '-1'"),
        ({"vehicles": [{"name": "van", "max_reloads": 1}]}, "max_reloads 1 and no reload_depots"),
        ({"depots": [{"name": "home", "x": 0, "y": 0, "reload_time": -1}, LINE["depots"][1]]}, "reload_time of 'home'"),
        ({"vehicles": van(capacity=3, max_reloads=1)}, "sum up to 9, and all vehicles together carry 6"),
    ],
)
def test_broken_field_is_told(changes, words):
    """A depot that is none, a number that is none, and too few trips for the loads are typed errors."""
    with pytest.raises(InstanceError, match=words):
        line(**changes)


@pytest.mark.parametrize(
    ("route", "words"),
    [
        ({"customers": ["Ann"], "reloads": [{"after": 2, "depot": "home"}]}, "after 2 customers, and it has 1"),
        ({"customers": ["Ann"], "reloads": [{"depot": "home"}]}, "with after and depot"),
        ({"customers": ["Ann"], "reloads": [{"after": 0.5}]}, "after '0.5'; expected a number of customers"),
        ({"customers": ["Ann"], "reloads": [{"after": 1, "where": "home"}]}, "no field 'where'"),
        ({"customers": ["Ann"], "trips": [["Ann"]]}, "customers and trips"),
        ({"trips": ["Ann"]}, "expected lists of names"),
        ({"trips": [["Ann"], ["Bob"]], "reloads": []}, "2 trips, so its reloads are 1 names"),
    ],
)
def test_route_that_is_none_is_told(route, words):
    """What cannot be a route with reloads is a typed error that says what is expected."""
    with pytest.raises(SolutionError, match=words):
        redwood.check(line(), [route])


def test_solution_comes_back_from_json_and_from_sol_text():
    """Trips, depots, times and loads survive JSON, and stops survive the text, in which a depot is a reload."""
    instance, problem = line(), host().problem("vrp")
    told = described(instance, TRIPS)
    again = problem.solution_type.from_dict(json.loads(json.dumps(told.to_dict())))
    assert again.routes == told.routes
    assert again.routes[0].trips == [["Ann", "Bob"], ["Cid"]]
    text = problem.format_solution(instance, told)
    assert "Ann Bob home Cid" in text
    stops = [route.stops.tolist() for route in numbered(instance, problem.parse_solution(text, instance))]
    assert stops == [[0, 1, -1, 2]]


def test_frame_has_a_row_for_each_reload():
    """The reload stands between the trips, with its arrival and the load that it begins with."""
    pytest.importorskip("pandas")
    frame = described(line(), TRIPS).to_frame()
    assert frame["name"].tolist() == ["Ann", "Bob", "home", "Cid"]
    assert (frame["trip"].tolist(), frame["load"].tolist()) == ([1, 1, 2, 2], [3, 0, 3, 0])


def test_map_geojson_and_picture_show_reloads():
    """Lines pass through the depot, GeoJSON has a point for the reload, the map says when, and the legend how many trips."""
    from matplotlib.figure import Figure

    def world(rows):
        return [{("lon" if key == "x" else "lat" if key == "y" else key): row[key] for key in row} for row in rows]

    vehicles = van(reload_depots=["home"])
    instance = line(depots=world(LINE["depots"]), customers=world(LINE["customers"]), vehicles=vehicles)
    told = described(instance, {"trips": TRIPS["trips"]})
    features = told.to_geojson(instance)["features"]
    lines = [one["geometry"]["coordinates"] for one in features if one["properties"]["kind"] == "route"]
    assert lines == [[[0, 0], [3, 0], [5, 0], [0, 0], [-4, 0], [0, 0]]]
    assert [one["properties"]["name"] for one in features if one["properties"]["kind"] == "reload"] == ["home"]
    assert "route 1 reloads at" in told.to_html(instance)
    axes = Figure().subplots()
    host().problem("vrp").plot(instance, told, axes)
    assert "2 trips" in " ".join(text.get_text() for text in axes.get_legend().get_texts())


def test_instance_comes_back_from_json():
    """The fields of reloads are in JSON as they are in the arguments."""
    problem, instance = host().problem("vrp"), line()
    text = problem.format(instance)
    assert problem.parse(text, "again").fingerprint() == instance.fingerprint()
    assert '"reload_depots": ["home", "east"], "max_reloads": 2' in text


def test_instance_comes_back_from_vrplib_text(tmp_path):
    """PyVRP's sections for reloads are written and read, by PyVRP too; the time of a reload has no place in them."""
    pyvrp = pytest.importorskip("pyvrp")
    depots = [{"name": "0", "x": 0, "y": 0}, {"name": "1", "x": 6, "y": 0}]
    types = [{"name": name, "number": 1, "capacity": 6, "reload_depots": ["0", "1"][: k + 1], "max_reloads": 1 + k}
             for k, name in enumerate("ab")]  # fmt: skip
    people = [row | {"name": str(2 + k)} for k, row in enumerate(LINE["customers"])]
    redwood.write(line(depots=depots, vehicles=types, customers=people), tmp_path / "reloads.vrp")
    again = redwood.read(tmp_path / "reloads.vrp", problem="vrp")
    assert [(v.reload_depots, v.max_reloads) for v in again.vehicles] == [((0,), 1), ((0, 1), 2)]
    theirs = pyvrp.read(tmp_path / "reloads.vrp").vehicle_types()
    assert sorted((list(v.reload_depots), v.max_reloads) for v in theirs) == [([0], 1), ([0, 1], 2)]
    with pytest.raises(FormatError, match="no place for the time that reloads take"):
        redwood.write(line(), tmp_path / "timed.vrp")


def test_reload_is_suggested_where_nothing_else_has_room():
    """Who is left out fits behind one more reload, and the words say where."""
    problem = host().problem("vrp")
    told = problem.repair_suggestions(line(), problem.solution_type([["Ann", "Bob"]]))
    assert told == ["serve customer 'Cid' on route 1 at the beginning before one more reload at 'home'; that adds 8."]
    optional = line(customers=customers(Cid={"prize": 7}))
    assert "one more reload at 'home'" in described(optional, ["Ann", "Bob"]).left_out["Cid"]


def test_customer_in_whose_favour_a_reload_speaks_is_not_called_out_of_reach():
    """Goods that are released late can be loaded beside their customer, in time, though from home they would be late."""
    far = {"name": "Far", "x": 7, "y": 0, "release": 10, "due": 12, "delivery": 1}
    instance = line(customers=[*customers(), far])
    assert not redwood.check(instance, [{"trips": [["Ann", "Bob"], ["Far", "Cid"]], "reloads": ["east"]}]).violations


def test_bound_is_below_every_optimum_of_enumeration():
    """On random tiny instances with reloads the bound is never above the optimum, and often close."""
    shares = []
    for seed in range(1, 200):
        data = draw(np.random.default_rng(seed))
        if not any("reload_depots" in vehicle for vehicle in data["vehicles"]) or data["objective"] != "cost":
            continue
        best = Truth(data).optimum()
        try:
            instance = redwood.instance("vrp", **data)
        except InstanceError:
            continue
        if best is not None:
            value = redwood.bound(instance, time_limit=5.0).value
            assert value <= best[1] + 1e-6, seed
            shares.append(value / best[1] if best[1] else 1.0)
    assert len(shares) >= 10
    assert np.mean(shares) > 0.5


def test_stops_of_a_numbered_route_are_customers_and_reloads():
    """Its customers are the stops that are no reloads, in order."""
    assert NumberedRoute(0, np.array([4, -1, 2, -2, 0])).customers.tolist() == [4, 2, 0]


def test_schema_knows_the_fields_of_reloads():
    """The published schema accepts what is written, and refuses a limit of reloads below 0."""
    jsonschema = pytest.importorskip("jsonschema")
    from redwood.problems.vrp import json_form

    folder = Path(os.path.realpath(json_form.__file__)).parent
    checker = jsonschema.Draft202012Validator(json.loads((folder / "vrp.schema.json").read_text()))
    data = json.loads(host().problem("vrp").format(line()))
    checker.validate(data)
    data["vehicles"][0]["max_reloads"] = -1
    assert not checker.is_valid(data)
