"""Run folders that come from anybody: hostile names execute nothing, and damage ends in errors that say where it is."""

import copy
import json
import shutil

import msgspec
import pytest
from click.testing import CliRunner

from redwood.benchmarks.page import render_page
from redwood.benchmarks.planning import make_plan
from redwood.benchmarks.records import read_plan, read_records
from redwood.benchmarks.report import render
from redwood.benchmarks.runner import resume_plan, run_plan
from redwood.benchmarks.suite import parse_suite
from redwood.cli.root import root
from redwood.errors import FormatError, RedwoodError

SUITE = """
time_limit = 0.2
bound_time_limit = 0.2
[[instances]]
generate = "tsp/uniform"
sizes = [8]
[[solvers]]
name = "greedy"
"""
ATTACKS = (
    "<script>window.hit=1</script>",
    "<img src=x onerror='window.hit=1'>",
    '"><svg onload="window.hit=1">',
    "' onmouseover='window.hit=1' x='",
    "</title><script>window.hit=1</script>",
    "</script><script>window.hit=1</script>",
    "{{ 7 * 7 }}{% raw %}",
    "[x](javascript:window.hit=1)",
    "\x1b]0;title\x07\x1b[2J\u202e",
)
ODD = (None, True, -1, 1e300, -1e300, 1e-300, 10**30, "", "x", "\ud800", [], {}, [[]], {"x": 1}, [1, 2, 3])


@pytest.fixture(scope="module")
def good(tmp_path_factory, lending):
    """The folder of a small run."""
    folder = tmp_path_factory.mktemp("good")
    with lending():
        run_plan(make_plan(parse_suite("small", SUITE)), folder)
    return folder


@pytest.fixture
def folder(good, tmp_path):
    """A copy of that folder, to be damaged."""
    return shutil.copytree(good, tmp_path / "run")


def rewrite(folder, change):
    """Change the records of a folder: ``change`` takes and returns the list of them, as plain data."""
    file = folder / "records.jsonl"
    records = change([json.loads(line) for line in file.read_text().splitlines()])
    file.write_text("".join(json.dumps(record) + "\n" for record in records))


def report(folder):
    """Do what `bench report` does."""
    records = read_records(folder)
    read_plan(folder)
    return render(records) + render_page(records, folder, None)


def leaves(value, path=()):
    """Yield the way to every value inside of plain data."""
    for key, entry in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from leaves(entry, (*path, key))


def poisoned(records, text):
    """Return records with a text in the place of every name, label and message."""
    records = copy.deepcopy(records)
    for record in records:
        for key in record.keys() & {"suite", "started", "solver", "label", "host", "executor"}:
            record[key] = text
        for part, keys in (("case", ("problem", "name", "fingerprint")), ("result", ("message", "solver", "method"))):
            for key in keys if part in record else ():
                if key in record[part]:
                    record[part][key] = text
        if "options" in record:
            record["options"] = {text: text}
        for key in ("cpu", "python", "commit", "redwood", "system") if "machine" in record else ():
            record["machine"][key] = text
        if record["kind"] == "run":
            record["result"]["status"] = "failed"
    return records


def test_nothing_in_a_page_executes(browser, folder):
    """Markup in every name, label and message is text: no script runs, no element is made, the console is silent."""
    lines = (folder / "records.jsonl").read_text().splitlines()
    first = [json.loads(line) for line in lines]
    hostile = [record for text in ATTACKS for record in poisoned(first, text) if record["kind"] != "session"]
    heads = [poisoned([record], ATTACKS[0])[0] for record in first if record["kind"] == "session"]
    for number, record in enumerate(hostile):
        record |= {"job": str(number)} if "job" in record else {}
    rewrite(folder, lambda _: heads + hostile)
    page = folder / "report.html"
    page.write_text(render_page(read_records(folder), folder), encoding="utf-8")
    browser.open(page)
    assert browser.run("return window.hit") is None
    made = (
        "return ['script', 'img', 'svg[onload]', '[onerror]', '[onmouseover]'].map(w => document.querySelectorAll(w).length)"
    )
    assert browser.run(made) == [1, 0, 0, 0, 0]
    shown = browser.run("return document.body.textContent")
    assert all(text in shown for text in ATTACKS[:-1])
    assert browser.log() == []


def test_markdown_holds_no_markup(folder):
    """The Markdown report has no raw HTML, no link and no control character of a name, and its tables keep their columns."""
    for text in ATTACKS:
        rewrite(folder, lambda records, text=text: poisoned(records, text + " | a"))
        found = render(read_records(folder))
        assert "<" not in found
        assert not any(letter in found for letter in "\x1b\x07\u202e")
        assert "[x](" not in found.replace("\\[x\\](", "")
        rows = [line.replace("\\|", "") for line in found.splitlines() if line.startswith("|")]
        widths = [row.count("|") for row in rows]
        assert widths.count(16) == 3


def test_odd_values_are_refused_with_their_place(folder):
    """Whatever stands in the place of any value of a record: it is reported on, or refused by file and line."""
    lines = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    refused = []
    for number, record in enumerate(lines):
        for count, path in enumerate(path for path in leaves(record) if "libraries" not in path):
            for odd in ODD[count % 3 :: 3]:
                changed = copy.deepcopy(lines)
                spot = changed[number]
                for key in path[:-1]:
                    spot = spot[key]
                spot[path[-1]] = odd
                rewrite(folder, lambda _, changed=changed: changed)
                try:
                    records = read_records(folder)
                except FormatError as error:
                    refused.append((f"records.jsonl, line {number + 1}", str(error)))
                    continue
                assert render(records)
                assert render_page(records)
    assert len(refused) > 300
    assert all(place in words for place, words in refused)


@pytest.mark.parametrize(
    ("place", "data", "words"),
    [
        ("records.jsonl", b"\xff\xfe\x00", "line 1: is no record"),
        ("records.jsonl", b'{"kind":"session"}\n', "format 'that of Redwood 0.1'; expected 2. Run the suite anew"),
        ("records.jsonl", b'{"kind":"session","format":3}\n', "format 3; expected 2"),
        ("records.jsonl", b'{"kind":"walk"}\n', "kind = 'walk': invalid value"),
        ("records.jsonl", b"[" * 100_000, "line 1"),
        ("records.jsonl", b"7\n", "line 1: 7: expected object, got int"),
        ("plan.json", b'{"suite": "small", "da', "plan.json: line 1 is no JSON"),
        ("plan.json", b"\xff\xfe\x00", "plan.json"),
        ("plan.json", b"[]", "plan.json: []: expected object, got array"),
        ("plan.json", b'{"suite": "small", "data": null, "text": ""}', "expected 2"),
        ("plan.json", b'{"suite": "s", "data": 7, "text": "", "format": 2}', "data = 7: expected str | null, got int"),
        ("plan.json", b'{"suit": "s", "data": null, "text": "", "format": 2}', "unknown key 'suit'. Did you mean 'suite'?"),
    ],
)
def test_damaged_files_are_named(folder, place, data, words):
    """Bad bytes, other versions and truncated or mistyped plans are errors with file, key, rule and value."""
    (folder / place).write_bytes(data)
    with pytest.raises(FormatError) as caught:
        report(folder)
    assert words in str(caught.value)
    with pytest.raises(RedwoodError):
        resume_plan(folder) if place == "plan.json" else run_plan(resume_plan(folder), folder)


def test_unknown_keys_of_records_are_refused(folder):
    """A key that nobody knows is named with the one that was meant."""

    def misspell(records):
        return [{("objectiv" if key == "label" else key): value for key, value in record.items()} for record in records]

    rewrite(folder, misspell)
    with pytest.raises(FormatError, match=r"has the unknown key 'objectiv'\. Did you mean 'objective'"):
        read_records(folder)


@pytest.mark.parametrize(
    "kept",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"solution": {"tour": [0, 1',
        b'{"solution": {"tour": "abc"}}',
        b'{"solution": {"tour": [0, 0, 99]}}',
        b"[" * 99_999,
    ],
)
def test_a_damaged_solution_costs_its_picture_only(folder, kept):
    """A truncated, mistyped or infeasible solution leaves the page without that picture."""
    for file in (folder / "solutions").iterdir():
        file.write_bytes(kept)
    records = read_records(folder)
    assert "data:image/png" not in render_page(records, folder)


def test_pictures_are_of_files_below_their_folders(folder):
    """A record names no file outside of the run's folder or of the data folder."""

    def escape(records):
        for record in records:
            if record["kind"] == "run":
                record["result"]["solution"] = "solutions/../../../etc/passwd"
        return records

    rewrite(folder, escape)
    with pytest.raises(FormatError, match=r"line \d+: result\.solution = .*etc/passwd"):
        read_records(folder)

    def climb(records):
        for record in records:
            if record["kind"] == "run":
                record["result"]["solution"] = None
                record["case"]["source"] = {"file": "../secret.tsp"}
        return records

    rewrite(folder, climb)
    with pytest.raises(FormatError, match="is not below the data folder"):
        read_records(folder)


def test_a_good_folder_is_pictured(folder):
    """The folder that the others are damaged copies of has a picture, and its records read back as they are."""
    records = read_records(folder)
    assert "data:image/png" in render_page(records, folder)
    lines = (folder / "records.jsonl").read_bytes().splitlines()
    assert [msgspec.json.encode(record) for record in records] == lines


@pytest.mark.parametrize("command", ["report", "resume", "compare"])
def test_the_commands_end_with_one_line(folder, command):
    """Over a damaged folder the commands end with code 2 and one line that names the file, and write no report."""
    (folder / "records.jsonl").write_bytes(b'{"kind":"session"}\n')
    words = ["bench", command, str(folder), *([str(folder)] if command == "compare" else [])]
    ended = CliRunner().invoke(root, words)
    assert ended.exit_code == 2, ended.output
    lines = [line for line in ended.stderr.splitlines() if line.strip()]
    assert len(lines) == 1
    assert "records.jsonl, line 1: format 'that of Redwood 0.1'" in lines[0]
    assert not (folder / "report.md").exists()
