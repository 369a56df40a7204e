"""The rich vehicle routing problem: fields, prices, rules, files and reasons."""

import contextlib
import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import redwood
from redwood.errors import FormatError, InstanceError, OptionError, RedwoodError, SolutionError
from redwood.plugins.host import host
from redwood.problems.vrp.schedule import schedule

ROUNDINGS = {"vrptw": "dimacs", "pcvrptw": "dimacs", "mdvrptw": "exact", "hfvrp": "exact"}

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


def known_values(folder):
    """Return the rows of best_known.csv of the rich routing instances that come with solutions."""
    with (folder / "vrp" / "best_known.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if row["file"].split("/")[0] in ROUNDINGS]


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
    assert told.left_out["Bob"] == "cheapest insertion costs 4 (on route 1 at the beginning) and the prize is 1"
    assert "has not the skill 'crane'" in told.left_out["Cid"]
    assert problem.solution(json.loads(json.dumps(told.to_dict()))).to_dict() == told.to_dict()


@pytest.mark.parametrize("variant", host().problem("vrp").variants)
def test_json_form_keeps_everything_and_its_schema(variant):
    """A written instance is read back the same, and the published schema accepts it."""
    jsonschema = pytest.importorskip("jsonschema")
    from redwood.problems import vrp

    problem = host().problem("vrp")
    schema = json.loads((Path(vrp.__file__).parent / "vrp.schema.json").read_text())
    instance = redwood.generate(f"vrp/{variant}", 12, seed=3)
    text = problem.format(instance)
    jsonschema.validate(json.loads(text), schema)
    assert problem.parse(text, "x").fingerprint() == instance.fingerprint()


def test_json_form_keeps_rare_fields():
    """Open ends, missing ways, several loads, profiles, groups and allowed customers survive the file."""
    rows = [
        {"name": "a", "delivery": [1, 2], "windows": [[0, 3], [5, None]], "group": "g"},
        {"name": "b", "delivery": [1, 0], "pickup": [0, 1], "release": 2, "prize": 3, "skills": ["x"], "group": "g"},
        {"name": "c", "delivery": [0, 0]},
    ]
    near = np.array([[0, 1, 2, 3], [1, 0, 1, 2], [2, 1, 0, 1], [3, 2, np.inf, 0]])
    vehicles = [
        {"name": "v", "capacity": [4, None], "end": None, "profile": "van", "shift": [1, 50], "allowed": ["a", "c"]},
        {"name": "w", "number": 2, "capacity": [4, 9], "skills": ["x"], "profile": "bike", "max_duration": 40},
    ]
    instance = redwood.instance(
        "vrp", depots=[{"ready": 1}], customers=rows, vehicles=vehicles, groups={"g": False},
        distances={"van": near, "bike": 2 * near}, durations={"van": near, "bike": 3 * near},
    )  # fmt: skip
    problem = host().problem("vrp")
    assert problem.parse(problem.format(instance), "x").fingerprint() == instance.fingerprint()


def test_given_solutions_have_their_known_prices(data_folder):
    """Every .sol file of the scaled sets is feasible and costs exactly what is known."""
    for row in known_values(data_folder):
        path = data_folder / "vrp" / row["file"]
        instance = redwood.read(path, rounding=ROUNDINGS[row["file"].split("/")[0]])
        assert redwood.check(instance, redwood.read_solution(path.with_suffix(".sol"), instance)).objective == float(
            row["value"]
        )


def test_every_text_file_is_read_by_its_content(data_folder):
    """Solomon, Homberger, Cordeau, and Li and Lim texts are recognised, with their fleets and shipments."""
    files = [p for kind in ("solomon", "homberger", "mdvrp", "pdptw") for p in (data_folder / "vrp" / kind).glob("*.txt")]
    made = {path.parent.name + "/" + path.stem: redwood.read(path) for path in files}
    assert len(made) == 28 + 12 + 17 + 34
    assert (made["solomon/R102"].size, made["solomon/R102"].vehicles[0].number) == (100, 25)
    assert len(made["mdvrp/p09"].depots) == 3
    assert made["mdvrp/p09"].vehicles[0].max_duration == 310
    assert len(made["pdptw/lr102"].shipments) == made["pdptw/lr102"].size / 2


VRPLIB = """NAME : all
TYPE : PCVRPTW
DIMENSION : 5
VEHICLES : 3
VEHICLES_MAX_DISTANCE : 90
SERVICE_TIME : 1
EDGE_WEIGHT_TYPE : EUC_2D
NODE_COORD_SECTION
1 0 0
2 0 1.5
3 0 2
4 0 3
5 0 4
DEMAND_SECTION
1 0
2 1
3 1
4 1
5 0
BACKHAUL_SECTION
1 0
2 0
3 0
4 0
5 7
RELEASE_TIME_SECTION
1 0
2 0
3 5
4 0
5 0
PRIZE_SECTION
1 0
2 0
3 4
4 0
5 0
MUTUALLY_EXCLUSIVE_GROUP_SECTION
1 4 5
VEHICLES_ALLOWED_CLIENTS_SECTION
1 2 3
2 2 3
3 2 3 4 5
CAPACITY_SECTION
1 2
2 2
3 9
VEHICLES_FIXED_COST_SECTION
1 0
2 0
3 2
DEPOT_SECTION
1
-1
EOF
"""


def test_pyvrp_dialect_is_understood(tmp_path):
    """Backhauls, release times, prizes, groups, allowed customers and costs by vehicle arrive in their fields."""
    path = tmp_path / "all.vrp"
    path.write_text(VRPLIB)
    instance = redwood.read(path, rounding="dimacs")
    assert [(v.name, v.number, v.allowed) for v in instance.vehicles] == [
        ("vehicles 1-2", 2, (0, 1)),
        ("vehicle 3", 1, (0, 1, 2, 3)),
    ]
    assert (instance.vehicles[1].fixed_cost, instance.vehicles[1].max_distance) == (20, 900)
    assert instance.pickup[:, 0].tolist() == [0, 0, 0, 7]
    assert instance.required.tolist() == [True, False, False, False]
    assert (instance.groups, instance.release[1], instance.service[0], instance.prize[1]) == (((2, 3),), 50, 10, 40)
    (tmp_path / "all.sol").write_text("Route #1:\nRoute #2:\nRoute #3: 1 4\nCost 140\n")
    solution = redwood.read_solution(tmp_path / "all.sol", instance)
    assert redwood.check(instance, solution).objective == 20 + 80 + 40


PAIRS = """TYPE : PDPTW
DIMENSION : 3
EDGE_WEIGHT_TYPE : EUC_2D
CAPACITY : 5
NODE_COORD_SECTION
1 0 0
2 0 1
3 0 2
PICKUP_AND_DELIVERY_SECTION
1 0 0 100 0 0 0
2 4 0 50 1 0 3
3 -4 0 50 1 2 0
DEPOT_SECTION
1
-1
EOF
"""


def test_pickup_and_delivery_section_makes_shipments(tmp_path):
    """A pickup names its delivery, and what is carried between them."""
    path = tmp_path / "pairs.vrp"
    path.write_text(PAIRS)
    instance = redwood.read(path)
    assert instance.shipments.tolist() == [[0, 1]]
    assert instance.amounts.tolist() == [[4]]
    assert redwood.check(instance, [["1", "2"]]).objective == 4


def test_backhauls_come_last_in_type_vrpb(tmp_path):
    """In files of TYPE VRPB no delivery follows a pickup."""
    path = tmp_path / "back.vrp"
    path.write_text(
        "TYPE : VRPB\nDIMENSION : 3\nCAPACITY : 5\nEDGE_WEIGHT_TYPE : EUC_2D\nNODE_COORD_SECTION\n1 0 0\n2 0 1\n3 0 2\n"
        "LINEHAUL_SECTION\n1 0\n2 3\n3 0\nBACKHAUL_SECTION\n1 0\n2 0\n3 4\nDEPOT_SECTION\n1\n-1\nEOF\n"
    )
    instance = redwood.read(path)
    assert redwood.check(instance, [["1", "2"]]).objective == 4
    assert not redwood.check(instance, [["2", "1"]]).feasible


CORDEAU = "6 2 2 2\n50 9\n50 9\n1 0 1 2 3 1 2 1 2 0 9\n2 5 1 2 3 1 2 1 2 3 20\n3 0 0 0 0 0 0 0 50\n4 5 0 0 0 0 0 0 60\n"


def test_cordeau_text_with_windows(tmp_path):
    """Type 6 has windows of customers and depots, and a fleet at each depot."""
    path = tmp_path / "pr.txt"
    path.write_text(CORDEAU)
    instance = redwood.read(path)
    assert instance.depots == ("3", "4")
    assert instance.windows.tolist() == [[0, 9], [3, 20]]
    assert instance.depot_windows.tolist() == [[0, 50], [0, 60]]
    assert [(v.number, v.max_duration, v.start) for v in instance.vehicles] == [(2, 50, 0), (2, 50, 1)]


def test_plain_file_costs_the_same_in_both_problems(tmp_path):
    """A CVRP file read as vrp has the same distances and the same names of customers."""
    problem, plain = host().problem("cvrp"), redwood.generate("cvrp/xml100", 12, seed=1)
    path = tmp_path / "plain.vrp"
    path.write_text(problem.format(plain))
    rich = redwood.read(path, problem="vrp")
    routes = [[k] for k in range(1, 13)]
    assert redwood.check(rich, routes).objective == redwood.check(plain, routes).objective


def test_solution_file_keeps_vehicles():
    """Written routes come back with their types, whose numbers the order of the routes says."""
    vehicles = [{"name": "a", "number": 2, "capacity": 5}, {"name": "b", "number": 1, "capacity": 5}]
    instance, problem = line(vehicles=vehicles), host().problem("vrp")
    made = problem.solution([{"vehicle": "b", "customers": ["Ann"]}, {"vehicle": "a", "customers": ["Bob", "Cid"]}])
    back = problem.parse_solution(problem.format_solution(instance, made), instance)
    assert [(r.vehicle, r.customers) for r in back.routes] == [("a", ["Bob", "Cid"]), ("b", ["Ann"])]


@pytest.mark.parametrize("given", ["x", 5, [{"stops": []}], [[1.5]], [{"customers": "Ann"}]])
def test_malformed_solution_is_refused(given):
    """What is no list of routes raises SolutionError."""
    with pytest.raises(SolutionError):
        redwood.check(line(), given)


def test_rounding_of_other_files_is_refused(tmp_path):
    """The option rounding belongs to VRPLIB files."""
    path = tmp_path / "pr.txt"
    path.write_text(CORDEAU)
    with pytest.raises(OptionError, match="rounding"):
        redwood.read(path, rounding="dimacs")


SOLOMON = "R\n\nVEHICLE\nNUMBER CAPACITY\n 2 9\n\nCUSTOMER\nCUST NO. X\n\n0 1 1 0 0 9 0\n1 2 2 3 0 9 1\n"
LI_LIM = "2 9 1\n0 1 1 0 0 90 0 0 0\n1 2 2 3 0 90 1 0 2\n2 3 3 -3 0 90 1 1 0\n"


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([VRPLIB, PAIRS, CORDEAU, SOLOMON, LI_LIM]), st.data())
def test_mangled_files_raise_typed_errors_only(text, data):
    """Whatever is cut, repeated or exchanged in a file: it is read, or a Redwood error says why not."""
    for _ in range(data.draw(st.integers(1, 3))):
        at, length = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 12))
        piece = data.draw(st.sampled_from(["", "-", "nan", "9e99", " 7 ", "\n", "x", "0", "."]))
        text = text[:at] + piece + text[at + length :]
    with contextlib.suppress(RedwoodError):
        host().problem("vrp").parse(text, "mangled")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(ANYTHING, st.data())
def test_mangled_json_raises_typed_errors_only(value, data):
    """A field of the JSON form that holds anything else is refused with a Redwood error, or read."""
    form = json.loads(host().problem("vrp").format(redwood.generate("vrp/shipments", 5, seed=0)))
    parts = [form, form["vehicles"][0], form["customers"][0], form["depots"][0], form["shipments"][0]]
    part = parts[data.draw(st.integers(0, len(parts) - 1))]
    part[data.draw(st.sampled_from(sorted(part)))] = value
    with contextlib.suppress(RedwoodError):
        host().problem("vrp").parse(json.dumps(form), "mangled")


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


def test_format_error_names_the_line():
    """A Solomon text with a word for a number names the line."""
    with pytest.raises(FormatError, match="line 11"):
        host().problem("vrp").parse(SOLOMON.replace("1 2 2 3", "1 2 two 3"), "r")


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
    assert "the prize is 10" in page
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
