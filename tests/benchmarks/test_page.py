"""The HTML page, opened in Chromium: it renders, sorts, filters, needs no network and fits a phone."""

import re

import pytest

import redwood
from redwood.benchmarks.charts import BOTTOM, LEFT, RIGHT, Axes, Series, lay_out
from redwood.benchmarks.page import drawn_small, render_page
from redwood.benchmarks.planning import make_plan
from redwood.benchmarks.records import read_records
from redwood.benchmarks.runner import run_plan
from redwood.benchmarks.suite import parse_suite

SUITE = """
time_limit = 0.2
bound_time_limit = 0
seeds = [0, 1]
[[instances]]
generate = "tsp/uniform"
sizes = [8, 12]
[[solvers]]
name = "greedy"
[[solvers]]
name = "random"
label = "<b>random</b>"
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory, lending):
    """The page of a small run, as a file."""
    folder = tmp_path_factory.mktemp("run")
    with lending():
        run_plan(make_plan(parse_suite("pages", SUITE)), folder)
    file = folder / "report.html"
    file.write_text(render_page(read_records(folder), folder), encoding="utf-8")
    return file


@pytest.fixture
def opened(browser, page):
    """The browser with the page open, on a desktop."""
    browser.tool("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
    browser.open(page)
    return browser


def test_the_page_stands_alone(page):
    """Nothing is fetched: no address of anything but data in it."""
    text = page.read_text()
    assert re.findall(r"""(?:src|href)=["'](?!data:|#)""", text) == []
    assert re.findall("https?:", text) == []


def test_the_page_renders_without_errors(opened):
    """Tables, charts and a picture of each instance are there, and the console is silent."""
    counts = opened.run("return ['table', 'svg polyline', '.pictures img'].map(w => document.querySelectorAll(w).length)")
    assert counts[0] == 3
    assert counts[1] >= 6
    assert counts[2] == 2
    assert opened.run("return [...document.images].every(image => image.naturalWidth > 100)")
    assert opened.log() == []


def test_sizes_say_what_they_count(page):
    """The axis of sizes and the legend name it in the problem's own word."""
    text = page.read_text()
    assert ">size: nodes</text>" in text
    assert "Sizes count nodes." in text


def test_labels_are_text(opened):
    """What a suite calls a solver is shown as it is, and is no markup."""
    assert opened.run("return document.querySelectorAll('td b').length") == 0
    assert "<b>random</b>" in opened.run("return document.body.textContent")


def test_columns_sort_by_number_both_ways(opened):
    """A click on a heading sorts, the next one turns the order."""
    read = "return [...document.querySelectorAll('table')[1].tBodies[0].rows].map(row => row.cells[1].textContent)"
    click = "document.querySelectorAll('table')[1].querySelectorAll('th button')[1].click();"
    assert opened.run(click + read) == ["8", "12"]
    assert opened.run(click + read) == ["12", "8"]


def test_rows_filter(opened):
    """Words in the search field leave the rows that have them all."""
    script = """const field = document.querySelector('#filter'); field.value = 'greedy';
        field.dispatchEvent(new Event('input'));
        const rows = [...document.querySelectorAll('table')[0].tBodies[0].rows];
        return rows.map(row => row.hidden ? '' : row.cells[0].textContent)"""
    assert sorted(opened.run(script)) == ["", "greedy"]


def test_the_page_fits_a_phone(opened):
    """At 360 pixels the page itself does not scroll sideways; wide tables do so inside their frames."""
    opened.tool("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=2, mobile=True)
    many = (
        "const nav = document.querySelector('nav'); for (let i = 0; i < 9; i++) nav.append(nav.children[0].cloneNode(true));"
    )
    assert opened.run(f"{many} return document.documentElement.scrollWidth") <= 360
    assert opened.run("return document.querySelector('.wide').scrollWidth > document.querySelector('.wide').clientWidth")


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
def test_light_and_dark(opened, scheme, is_dark):
    """The page follows the system: dark paper and light ink, or the other way round."""
    opened.tool("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    brightness = (
        """const [r, g, b] = getComputedStyle(document.body)[arguments_].match(/\\d+/g).map(Number); return r + g + b"""
    )
    paper = opened.run(brightness.replace("arguments_", "'backgroundColor'"))
    ink = opened.run(brightness.replace("arguments_", "'color'"))
    assert (paper < ink) is is_dark


def test_tables_fit_a_screen(browser, make_run, tmp_path):
    """At 1,400 pixels the tables of fifteen solvers need no scrolling."""
    labels = [f"solver number {index}" for index in range(13)] + ["simulated annealing, a long label", "augmentations"]
    runs = [
        make_run(label, seed, 101.0 + seed, name=f"instance_{name}") for label in labels for seed in (0, 1) for name in "ab"
    ]
    file = tmp_path / "wide.html"
    file.write_text(render_page(runs), encoding="utf-8")
    browser.tool("Emulation.setDeviceMetricsOverride", width=1400, height=900, deviceScaleFactor=1, mobile=False)
    browser.open(file)
    widths = browser.run("return [...document.querySelectorAll('.wide')].map(w => [w.scrollWidth, w.clientWidth])")
    assert len(widths) == 3
    assert [needed for needed, given in widths if needed > given] == [], widths


def test_a_gap_of_zero_has_a_place_of_its_own():
    """On a logarithmic axis 0 lies above the edge, below the smallest power, and is named."""
    chart = lay_out("gaps", [Series("a", [(1.0, 0.0), (2.0, 0.5)])], Axes("seconds", "gap", log_y=True))
    places = {text: place for place, text in chart.upward}
    zero = float(chart.lines[0].points.split()[0].split(",")[1])
    assert places["0.1"] < zero == places["0"] < BOTTOM


def test_the_axis_of_sizes_fits_the_sizes():
    """The sizes that there are spread over the axis and are named, as far as their names do not overlap."""
    points = [(101.0, 1.0), (102.0, 2.0), (200.0, 3.0)]
    chart = lay_out("gap", [Series("a", points)], Axes("size", "gap", log_x=True, log_y=True, marks=True))
    assert [text for _, text in chart.across] == ["101", "200"]
    (first, _), (last, _) = chart.across
    assert last - first > (RIGHT - LEFT) / 2


def test_titles_of_pictures_are_whole():
    """A long title is broken into lines that the small picture has room for."""
    instance = redwood.generate("orienteering", size=20, seed=1)
    figure = drawn_small(
        instance,
        redwood.solve(instance, "greedy", iterations=1, bound_time_limit=0).solution,
        "deliveries-of-the-north " * 4,
    )
    figure.draw_without_rendering()
    title = figure.axes[0].title.get_window_extent()
    assert figure.bbox.x0 <= title.x0
    assert title.x1 <= figure.bbox.x1
    assert title.y1 <= figure.bbox.y1


def test_pictures_of_many_routes_have_no_legend():
    """In a small picture a legend of more than ten routes would leave no room for the map."""
    for size, has_legend in ((12, True), (200, False)):
        instance = redwood.generate("cvrp", size=size, seed=1)
        figure = drawn_small(instance, redwood.solve(instance, "greedy", iterations=1, bound_time_limit=0).solution, "")
        assert (figure.axes[0].get_legend() is not None) == has_legend
