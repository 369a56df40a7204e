"""Tables as people have them: usual names of columns are understood, and times of the clock are explained."""

import re

import pytest

import redwood
from redwood.errors import InstanceError

HEAD = "Customer,Latitude,Longitude,Demand,Opens,Closes\ndepot,48.1,11.5,,6,14\n"


@pytest.fixture
def shops(tmp_path):
    """Return a function that makes an instance of a CSV file with one more row."""

    def made(row):
        file = tmp_path / "shops.csv"
        file.write_text(HEAD + row)
        return redwood.instance("vrp", customers=str(file), vehicles=[{"number": 1, "capacity": 9}], speed=25)

    return made


def test_usual_names_of_columns_are_understood(shops):
    """A file with the columns customer, latitude, opens and closes is read as one with name, lat, ready and due."""
    instance = shops("Café,48.2,11.6,4,7,9.5\n")
    assert instance.customers == ("Café",)
    assert instance.windows[0].tolist() == [7.0, 9.5]
    assert instance.roads.geographic


FLOWERS = """Shop,Latitude,Longitude,Boxes,Delivery window,Service minutes
depot,52.516,13.377,,06:00-12:00,0
Rose,52.522,13.413,4,08:00-10:30,5
Lily,52.499,13.403,3,07:30-09:00,12
"""


def flowers(tmp_path, changes=(), **data):
    """Return the instance of a florist's file, in which some words are others."""
    text = FLOWERS
    for old, new in changes:
        text = text.replace(old, new)
    (tmp_path / "flowers.csv").write_text(text)
    return redwood.instance("vrp", **{"customers": tmp_path / "flowers.csv", "speed": 25} | data)


@pytest.mark.parametrize("heading", ["Service minutes", "service_minutes", "service (min)", "Service time mins"])
def test_a_heading_may_say_the_unit(tmp_path, heading):
    """Minutes of service beside windows of the clock are minutes, in whatever unit times are held."""
    changes = [("Service minutes", heading)]
    hours = flowers(tmp_path, changes)
    assert hours.service == pytest.approx([5 / 60, 12 / 60])
    assert hours.windows.tolist() == [[8.0, 10.5], [7.5, 9.0]]
    assert flowers(tmp_path, changes, speed=0.5, time_unit="minutes").service == pytest.approx([5, 12])


@pytest.mark.parametrize(
    ("changes", "data", "words"),
    [
        ([("Service minutes", "Service")], {}, r"service of 'Rose' is 5, and nothing says.*'service minutes'"),
        ([], {"time_unit": "minutes"}, "speed 25 would be 25 km in one of the minutes; leave time_unit out.*0.4167"),
        ([], {"speed": None}, "nothing says what a time of 1 is; give speed= in km an hour"),
        ([("Service", "Serv")], {}, r"'Serv minutes' \(did you mean 'service minutes'\?\)"),
        ([("Delivery window", "Delivery windw")], {}, r"\(did you mean 'delivery window'\?\)"),
        (
            [("Shop", "phone")],
            {},
            r"no field 'phone'. Rename or remove.*name \(client, customer, id, place, shop, stop, store\)",
        ),
        ([("5\nLily", "soon\nLily")], {}, "Service minutes of customer 2 is 'soon', which is no number"),
        ([("depot", "Bakery")], {}, "say in which row vehicles start, such as depots='Bakery'"),
        (
            [("minutes", "minutes,reload time"), (",0\n", ",0,15\n"), (",5\n", ",5,\n"), (",12\n", ",12,\n")],
            {},
            "reload time of 'depot' is 15, and nothing says that these are hours",
        ),
        (
            [],
            {"vehicles": [{"number": 1, "capacity": 5}]},
            "sum up to 7, and all vehicles together carry 5; give more vehicles, let them drive again",
        ),
        ([], {"depots": ["depot", "Bakery"]}, "depots= names 'Bakery', which no row"),
        (
            [("minutes", "minutes,reload time"), (",0\n", ",0,\n"), (",5\n", ",5,0:10\n"), (",12\n", ",12,\n")],
            {},
            "customer 'Rose' has reload_time .*only depots",
        ),
    ],
)
def test_what_a_planner_may_mean_is_said(tmp_path, changes, data, words):
    """What is not understood, or would mean another thing than it seems to, is refused with what to write instead."""
    with pytest.raises(InstanceError, match=words):
        flowers(tmp_path, changes, **data)


def test_a_row_of_the_table_can_be_named_as_the_depot(tmp_path):
    """What `depots` names is the depot, with the time that loading takes there, and no customer."""
    changes = [
        ("depot", "Bakery"),
        ("minutes", "minutes,reload time"),
        (",0\n", ",0,0:10\n"),
        (",5\n", ",5,\n"),
        (",12\n", ",12,\n"),
    ]
    made = flowers(tmp_path, changes, depots="Bakery")
    assert made.depots == ("Bakery",)
    assert made.reload_time[0] == pytest.approx(1 / 6)
    assert "Bakery" not in made.customers


def test_a_map_tells_lengths_and_where_to_load_again(tmp_path):
    """The page has the kilometres of each route and of all, what they are measured by, and the reload by name."""
    van = {"number": 1, "capacity": 4, "shift": "06:00-12:00", "reload_depots": ["depot"]}
    made = flowers(tmp_path, vehicles=[van], scale=1.3)
    solved = redwood.solve(made, "local-search", iterations=50, seed=0, bound_time_limit=0)
    page = solved.solution.to_html(made)
    assert f"1 route, {solved.objective:.1f} km. Distances are straight lines times 1.3." in page
    assert f"Route 1: vehicle, {solved.objective:.1f} km" in page
    assert page.count("</a> (load again)") == 1


def test_lengths_in_another_unit_are_not_called_kilometres(tmp_path):
    """A scale of 1,000 makes metres, and the map tells the number alone."""
    made = flowers(tmp_path, scale=1000, speed=25_000, vehicles=[{"number": 2, "capacity": 4, "shift": "06:00-12:00"}])
    solved = redwood.solve(made, "local-search", iterations=50, seed=0, bound_time_limit=0)
    page = solved.solution.to_html(made)
    assert f"2 routes, distance {solved.objective:.6g}." in page
    assert " km" not in page


def test_a_long_service_in_hours_is_taken_where_its_unit_is_said(tmp_path):
    """Services of five and twelve hours are hours where the heading or the caller says so."""
    for heading, data in (("Service hours", {}), ("Service", {"time_unit": "hours"})):
        made = flowers(tmp_path, [("Service minutes", heading), ("06:00-12:00", "06:00-40:00")], **data)
        assert made.service.tolist() == [5.0, 12.0]


def test_a_shop_that_is_not_required_says_what_it_would_cost(tmp_path):
    """With `no` in a column `required` a shop is left out, and the reason has the price of its detour."""
    made = flowers(tmp_path, [("minutes", "minutes,required"), (",0\n", ",0,\n"), (",5\n", ",5,no\n"), (",12\n", ",12,\n")])
    told = redwood.solve(made, "local-search", iterations=20, seed=0, bound_time_limit=0).solution
    assert [route.customers for route in told.routes] == [["Lily"]]
    assert re.fullmatch(r"serving it would cost [\d.]+ more \(on route 1 .*\)", told.left_out["Rose"])
