"""The rich vehicle routing problem: every form of its files, read and written."""

import contextlib
import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import redwood
from redwood.errors import FormatError, OptionError, RedwoodError, SolutionError
from redwood.plugins.host import host

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


def known_values(folder):
    """Return the rows of best_known.csv of the rich routing instances that come with solutions."""
    with (folder / "vrp" / "best_known.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if row["file"].split("/")[0] in ROUNDINGS]


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


def test_format_error_names_the_line():
    """A Solomon text with a word for a number names the line."""
    with pytest.raises(FormatError, match="line 11"):
        host().problem("vrp").parse(SOLOMON.replace("1 2 2 3", "1 2 two 3"), "r")
