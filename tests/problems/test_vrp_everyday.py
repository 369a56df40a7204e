"""A planner's own file: times of the clock, semicolons, sheets for drivers, and what stands in the way."""

import itertools
import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import redwood
from redwood.cli.root import root
from redwood.errors import InstanceError
from redwood.problems.vrp.map_labels import LETTER
from redwood.problems.vrp.times import TimeUnit, moment, with_numbers

VANS = [{"name": "van", "number": 2, "capacity": 30, "shift": "06:00-13:00"}]
ROWS = (
    "name;latitude;longitude;crates;opening hours;service",
    "Dépôt;45,7485;4,8467;;06:00-13:00;",
    "Gare Perrache;45,7490;4,8260;8;07:00-10:00;0:10",
    "Vaise;45,7740;4,8050;12;08:00-09:30;0:08",
    "Bron;45,7380;4,9110;9;07:30-09:00;",
)


@pytest.fixture
def lyon(tmp_path):
    """The instance of a spreadsheet as it is exported in Lyon."""
    file = tmp_path / "lyon.csv"
    file.write_text("\ufeff" + "\n".join(ROWS), encoding="utf-8")
    return redwood.instance("vrp", customers=file, vehicles=VANS, speed=30, name="lyon")


def test_a_spreadsheet_with_semicolons_and_times_of_the_clock_is_read(lyon):
    """Separators, decimal commas, usual names and times of the clock say the same as plain numbers."""
    columns = ("name", "lat", "lon", "delivery", "window", "service")
    plain = [
        ("Dépôt", 45.7485, 4.8467, None, [6, 13], None),
        ("Gare Perrache", 45.7490, 4.8260, 8, [7, 10], 10 / 60),
        ("Vaise", 45.7740, 4.8050, 12, [8, 9.5], 8 / 60),
        ("Bron", 45.7380, 4.9110, 9, [7.5, 9], None),
    ]
    vans = [VANS[0] | {"shift": [6, 13]}]
    rows = [dict(zip(columns, row, strict=True)) for row in plain]
    same = redwood.instance("vrp", customers=rows, vehicles=vans, speed=30, name="lyon")
    assert lyon.fingerprint() == same.fingerprint()


@given(st.sampled_from([TimeUnit.HOURS, TimeUnit.MINUTES, TimeUnit.SECONDS]), st.integers(0, 30 * 60))
def test_a_time_of_the_clock_comes_back_as_it_was(unit, minutes):
    """Reading and telling a time of the clock are inverse in every unit."""
    text = f"{minutes // 60:02}:{minutes % 60:02}"
    assert moment(unit, with_numbers([{"ready": text}], unit, "customer")[0]["ready"]) == text


def test_times_of_the_clock_need_a_unit():
    """Where nothing says what a time of 1 is, the error says how to tell it."""
    rows = [{"name": "depot", "x": 0, "y": 0}, {"name": "A", "x": 1, "y": 0, "due": "10:30"}]
    with pytest.raises(InstanceError, match=r"'10:30', and nothing says.*time_unit='hours'"):
        redwood.instance("vrp", customers=rows)
    made = redwood.instance("vrp", customers=rows, time_unit="minutes")
    assert made.windows[0, 1] == 630


def test_the_unit_of_times_is_kept_in_files(lyon, tmp_path):
    """An instance written as JSON tells its times in the same unit when it is read."""
    redwood.write(lyon, tmp_path / "lyon.json")
    assert redwood.read(tmp_path / "lyon.json").time_unit == TimeUnit.HOURS


def test_a_drivers_sheet_goes_from_depot_to_depot(lyon):
    """Each route begins and ends at the depot, in order of time, and the first load is what is delivered on the way."""
    solution = redwood.solve(lyon, "local-search", iterations=50, seed=0, bound_time_limit=0).solution
    frame = solution.to_frame(lyon)
    for _, sheet in frame.groupby("route"):
        assert sheet["name"].iloc[0] == sheet["name"].iloc[-1] == "Dépôt"
        told = [time for row in sheet[["arrival", "begin", "departure"]].to_numpy() for time in row if time]
        assert told == sorted(told)
        assert sheet["load"].iloc[0] == sheet["delivery"].sum()
    page = solution.to_html(lyon)
    assert page.count("<section>") == len(solution.routes)


def test_everyone_who_cannot_be_served_is_named():
    """The error names all required customers whom no vehicle can serve, and that places are impossibly far."""
    rows = [
        {"name": "depot", "lon": 4.84, "lat": 45.74},
        {"name": "A", "lon": 45.7, "lat": 4.8, "due": "10:00"},
        {"name": "B", "lon": 4.8, "lat": 45.7, "window": "06:00-06:01"},
    ]
    with pytest.raises(InstanceError, match=r"customer 'A'.*are lon and lat exchanged\?.*nor 'B': earliest arrival .*06:01"):
        redwood.instance("vrp", customers=rows, vehicles=[{"shift": "06:00-13:00"}], speed=30)


def test_explain_tells_what_stands_in_the_way():
    """Four customers of whom no two share a route are too many for three vehicles; an optional one may be out of reach."""
    ends = {"A": (0.1, 0), "B": (-0.1, 0), "C": (0, 0.1), "D": (0, -0.1)}
    rows = [{"name": "depot", "lon": 4.8, "lat": 45.7}]
    rows += [{"name": name, "lon": 4.8 + x, "lat": 45.7 + y, "window": "07:00-07:03"} for name, (x, y) in ends.items()]
    rows += [{"name": "V", "lon": 4.81, "lat": 45.71, "window": "04:00-05:00", "prize": 3}]
    vans = {"number": 3, "shift": "06:00-13:00"}
    told = redwood.explain(redwood.instance("vrp", customers=rows, vehicles=[vans], speed=30))
    assert told.feasible
    assert "'V' is optional, and no vehicle can serve it" in told.remarks[0]
    assert all(f"'{name}'" in told.remarks[1] for name in ends)
    enough = redwood.instance("vrp", customers=rows[:-1], vehicles=[vans | {"number": 4}], speed=30)
    assert redwood.explain(enough).remarks == ()
    assert redwood.solve(enough, "local-search", iterations=50, seed=0).solution is not None


def test_names_with_blanks_are_saved_as_json(lyon, tmp_path):
    """What a .sol file cannot hold is written as JSON instead, said, and read back."""
    redwood.write(lyon, tmp_path / "lyon.json")
    arguments = ["solve", str(tmp_path / "lyon.json"), "--solver", "local-search", "--iterations", "30"]
    ran = CliRunner().invoke(root, [*arguments, "--out", str(tmp_path / "out")])
    assert ran.exit_code == 0, ran.output
    saved = tmp_path / "out" / "lyon.solution.json"
    assert "lyon.solution.json" in ran.output
    assert json.loads(saved.read_text())["routes"]
    assert redwood.explain(lyon, saved).feasible


def test_old_spreadsheets_and_shops_that_close_at_midday_are_read(tmp_path):
    """A file in Windows-1252 with an empty row at its end and two windows in a cell says what it seems to say."""
    file = tmp_path / "old.csv"
    rows = ["name;lat;lon;window", "dépôt;43,3;5,4;", "Café;43,31;5,41;8h30-12h00, 14h00-18h00", ";;;"]
    file.write_bytes("\r\n".join(rows).encode("cp1252"))
    made = redwood.instance("vrp", customers=file, speed=25)
    assert made.customers == ("Café",)
    assert made.windows.tolist() == [[8.5, 12.0], [14.0, 18.0]]


def test_all_columns_that_are_not_understood_are_named():
    """One error names every unknown column and what is understood."""
    with pytest.raises(
        InstanceError, match=r"no field 'nom', nor 'horaires'.*Understood: .*window \(delivery window, opening hours"
    ):
        redwood.instance("vrp", customers=[{"nom": "A", "horaires": "8-9", "x": 0, "y": 0}])


def boxes(page):
    """Return left, top, right and bottom of every label of a map, with letters of the width that is reckoned with."""
    found = []
    for x, ends, y, text in re.findall(r'<text x="([\d.]+)"( text-anchor="end")? y="([\d.]+)"[^>]*>([^<]*)<', page):
        left = float(x) - (LETTER * len(text) if ends else 0.0)
        found.append((left, float(y) - 10.0, left + LETTER * len(text), float(y) + 2.0))
    return found


def test_labels_of_a_map_do_not_overlap():
    """Of 60 places in a crowd no two labels overlap; most are there, and every name is in the words of its mark."""
    rng = np.random.default_rng(0)
    table = {"name": ["depot", *(f"Shop number {k}" for k in range(60))], "demand": [0] + [1] * 60}
    table |= {"lon": 10 + rng.random(61), "lat": 50 + 0.5 * rng.random(61)}
    instance = redwood.instance("vrp", customers=table, vehicles=[{"capacity": 12}])
    page = redwood.solve(instance, "local-search", iterations=20, bound_time_limit=0).solution.to_html(instance)
    found = boxes(page)
    assert 30 < len(found) <= 61
    for one, other in itertools.combinations(found, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    assert page.count("<title>Shop number") == 60


def test_a_route_has_one_name_and_one_colour():
    """The legend and the lines of the picture are those of the map and its sheets."""
    from matplotlib.colors import to_hex
    from matplotlib.figure import Figure

    instance = redwood.generate("vrp/windows", 20, seed=1)
    told = redwood.solve(instance, "local-search", iterations=50, bound_time_limit=0).solution
    axes = Figure().subplots()
    redwood.plot(instance, told, axes=axes)
    legend = {text.get_text().partition(",")[0]: line for text, line in zip(*legend_of(axes), strict=True)}
    page = told.to_html(instance)
    sheets = re.findall(r'<span style="background:(#\w+)"></span>([^<,]*), distance [^<]*</h2>', page)
    assert len(sheets) > 1
    for colour, name in sheets:
        assert to_hex(legend[name].get_color()) == colour
        assert f'stroke="{colour}"' in page


def legend_of(axes):
    lines, words = axes.get_legend().legend_handles, axes.get_legend().get_texts()
    pairs = [(text, line) for text, line in zip(words, lines, strict=True) if text.get_text().startswith("Route")]
    return [text for text, _ in pairs], [line for _, line in pairs]


@pytest.mark.parametrize("solver", ["local-search", "highs"])
def test_a_second_load_of_one_limits_the_stops(solver):
    """Five customers side by side, whom one van could serve, go to two vans with three stops at most."""
    people = [{"name": f"c{k}", "x": 10 + k, "y": 0, "delivery": [2, 1]} for k in range(5)]
    depots = [{"name": "yard", "x": 0, "y": 0}]
    stops = {}
    for most in (5, 3):
        vans = [{"capacity": [100, most], "number": 3}]
        made = redwood.instance("vrp", depots=depots, customers=people, vehicles=vans)
        result = redwood.solve(made, solver, iterations=200, time_limit=20, bound_time_limit=0)
        stops[most] = sorted(len(route.customers) for route in result.solution.routes)
    assert stops[5] == [5]
    assert len(stops[3]) == 2
    assert max(stops[3]) == 3
