"""Inputs that went wrong once, in a folder beside the benchmark instances, behave as their descriptions expect."""

import gzip
import json
import os
import subprocess
import sys

import pytest

SHORT = ("--time-limit", "0.3", "--bound-time-limit", "0", "--json")


def redwood(*words, folder, **more):
    """Run the command in a folder."""
    command = [sys.executable, "-m", "redwood", *map(str, words)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False, **more)


def solved(done):
    """Return the objectives of the JSON lines of a command that did not end with a traceback."""
    assert "Traceback" not in done.stderr, done.stderr
    return [json.loads(line)["objective"] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("words", [("solve", "bom.kp", "bom.txt", *SHORT), ("check", "base.tsp", "bom.json")])
def test_a_byte_order_mark_changes_nothing(case, words):
    """Files as Excel and Notepad write them are read as those without the mark."""
    done = redwood(*words, folder=case("byte-order-mark"))
    assert done.returncode == 0, done.stderr


def test_a_table_of_values_may_begin_with_a_mark(case):
    """The columns of a CSV file are found behind a byte-order mark."""
    done = redwood("solve", "base.tsp", "--best-known", "bom.csv", *SHORT, folder=case("byte-order-mark"))
    assert done.returncode == 0, done.stderr


def test_deep_json_spoils_its_own_file_only(case):
    """A file of a hundred thousand brackets is refused, and the next file is solved."""
    done = redwood("solve", "deep.json", "base.tsp", *SHORT, folder=case("deep-json"))
    assert done.returncode == 2
    assert len(solved(done)) == 1
    assert "deep.json" in done.stderr


def test_a_deep_solution_is_refused(case):
    """`check` says that the file is nested too deeply."""
    done = redwood("check", "base.tsp", "deep.json", folder=case("deep-json"))
    assert done.returncode == 2
    assert "nested too deeply" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("word", ["-", "/dev/stdin"])
def test_standard_input_is_a_file(case, word):
    """An instance comes in through a pipe."""
    folder = case("pipes")
    done = redwood("solve", word, *SHORT, folder=folder, input=(folder / "base.tsp").read_text())
    assert done.returncode == 0, done.stderr
    assert len(solved(done)) == 1


def test_a_named_pipe_is_read_once(case):
    """A writer that writes once is enough."""
    folder = case("pipes")
    os.mkfifo(folder / "pipe.tsp")
    with subprocess.Popen(["sh", "-c", "cat base.tsp > pipe.tsp"], cwd=folder):
        done = redwood("solve", "pipe.tsp", *SHORT, folder=folder)
    assert done.returncode == 0, done.stderr
    assert len(solved(done)) == 1


def test_a_compressed_file_is_read(case):
    """The suffix before ``.gz`` counts."""
    folder = case("pipes")
    (folder / "small.tsp.gz").write_bytes(gzip.compress((folder / "base.tsp").read_bytes()))
    done = redwood("solve", "small.tsp.gz", "--out", "found", *SHORT, folder=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "found" / "small.tour").exists()


def test_names_with_dollars_are_drawn_as_they_are(case):
    """A title is no formula."""
    folder = case("picture-of-a-name-with-dollars")
    (folder / "plain.tsp").rename(folder / "$100_{x$.tsp")
    done = redwood("solve", "$100_{x$.tsp", "--plot", "p.png", *SHORT, folder=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "p.png").exists()


def test_an_unknown_kind_of_picture_is_refused_before_solving(case):
    """No time is spent on a picture that cannot be written."""
    done = redwood("solve", "plain.tsp", "--plot", "x.foo", *SHORT, folder=case("picture-of-a-name-with-dollars"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert "x.foo" in done.stderr


@pytest.mark.parametrize("file", ["mercator.oplib", "mercator.vrp", "millimetres.tsp"])
def test_maps_in_metres_end_in_time(case, file):
    """Large real distances are no reason to go on for ever."""
    done = redwood("solve", file, *SHORT, folder=case("endless-large-distances"))
    assert done.returncode == 0, done.stderr
    assert solved(done)[0] is not None


def test_small_units_prove_nothing_wrong(case):
    """`optimal` stands only where objective and bound agree relative to the objective."""
    done = subprocess.run(
        [sys.executable, "try.py"], cwd=case("false-optimal-small"), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("file", ["grams.vrp", "metres.vrp"])
def test_hgs_takes_any_unit(case, file):
    """The adapter rescales what the library cannot take."""
    done = redwood("solve", file, "--solver", "hgs", "--time-limit", "1", "--json", folder=case("hgs-scale"))
    assert done.returncode == 0, done.stderr
    assert solved(done)[0] is not None


def test_a_degenerate_orienteering_has_its_prize(case):
    """All places at one point and a budget of 0: every prize is within reach."""
    done = redwood("solve", "same.oplib", *SHORT, folder=case("orienteering-degenerate"))
    assert solved(done) == [6], done.stderr
