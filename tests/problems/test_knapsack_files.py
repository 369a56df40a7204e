"""Files of knapsack instances and packings."""

import contextlib
import csv
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redwood.errors import FormatError, InstanceError, RedwoodError
from redwood.plugins.builtin import redwood_problems
from redwood.problems.knapsack.instance import Packing
from redwood.problems.knapsack.problem import Knapsack

PROBLEM = Knapsack()
PATTERN = next(
    re.compile(spec.formats[0].pattern, re.MULTILINE | re.IGNORECASE)
    for spec in redwood_problems()
    if spec.name == "knapsack"
)


def test_a_file_holds_size_capacity_and_pairs_of_value_and_weight():
    """Values come before weights, and white space does not matter."""
    instance = PROBLEM.parse("2\n10\n\n7 3\n  8\t4\n", "small")
    assert (instance.values.tolist(), instance.weights.tolist(), instance.capacity) == ([7, 8], [3, 4], 10)
    assert instance.name == "small"


@pytest.mark.parametrize("variant", Knapsack.variants)
def test_written_instances_are_read_back_exactly(variant):
    """Nothing is lost in a file, real numbers included."""
    instance = PROBLEM.generate(40, np.random.default_rng(5), variant=variant)
    again = PROBLEM.parse(PROBLEM.format(instance), instance.name)
    assert again.fingerprint() == instance.fingerprint()
    assert PATTERN.search(PROBLEM.format(instance))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds 0 numbers"),
        ("3", "holds 1 numbers"),
        ("0\n5\n", "line 1 begins with '0'"),
        ("x\n5\n1 1", "line 1 begins with 'x'"),
        ("2.5\n5\n1 1", "line 1 begins with '2.5'"),
        ("99999999999999999999\n5\n1 1", "line 1 begins with '9"),
        ("2\n5\n1 2\n3", r"line 4, the last, ends the file after 1\.5 pairs .* announces 2 items"),
        ("1\n5\n1 2\n3 4", "after 2 pairs"),
        ("1\n5\n1 two", "line 3 holds 'two'; expected a number"),
    ],
)
def test_malformed_files_are_refused_with_the_line(text, message):
    """The message names the line and the word or the count."""
    with pytest.raises(FormatError, match=message):
        PROBLEM.parse(text, "file")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n5\n1 nan", "weight nan of item 0 is not finite"),
        ("1\n5\n1 -3", "weight -3 of item 0 is negative"),
        ("1\n5\n1 6", "capacity 5 is below the smallest weight 6"),
        ("1\nnan\n1 6", "capacity nan"),
    ],
)
def test_files_with_faulty_data_are_recognised_and_refused(text, message):
    """The pattern takes the file for a knapsack, so that its own rule is what the user hears of."""
    assert PATTERN.search(text)
    with pytest.raises(InstanceError, match=message):
        PROBLEM.parse(text, "file")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="0123456789 .-+en\nainf_٣", max_size=40))
def test_any_text_is_read_or_refused_with_a_typed_error(text):
    """The reader raises nothing but Redwood's own errors."""
    for parse in (PROBLEM.parse, lambda text, name: PROBLEM.parse_solution(text, PROBLEM.parse("1\n1\n1 1", name))):
        with contextlib.suppress(RedwoodError):
            parse(text, "fuzz")


def test_truncated_files_are_refused(data_folder):
    """However a file is cut off, it is refused, or (cut within the last number) still has all its items."""
    path = next(iter(sorted((data_folder / "kp").glob("*n00050*.kp"))))
    text = path.read_text().rstrip()
    for length in range(0, len(text) - 3, 7):
        with pytest.raises(InstanceError):
            PROBLEM.parse(text[:length], "cut")


def test_packings_are_read_back():
    """A solution file lists the items from 0, ascending, below a comment."""
    instance = PROBLEM.parse("3\n5\n6 1\n10 2\n12 3", "small")
    text = PROBLEM.format_solution(instance, Packing([2, 1]))
    assert text == "# items from 0; value 22, weight 5, capacity 5\n1\n2\n"
    assert PROBLEM.parse_solution(text, instance).items.tolist() == [1, 2]
    assert PROBLEM.parse_solution("0, 2 # two of them", instance).items.tolist() == [0, 2]
    with pytest.raises(FormatError, match="line 2 holds 'b'"):
        PROBLEM.parse_solution("1\nb\n", instance)


def test_all_public_files_are_recognised_and_read(data_folder):
    """All 52 files of Pisinger's classes are knapsacks by content, and no other file is."""
    with (data_folder / "best_known.csv").open(newline="") as lines:
        paths = [(row["problem"], data_folder / row["file"]) for row in csv.DictReader(lines)]
    recognised = {
        path for _, path in paths if path.suffix != ".npz" and PATTERN.search(path.read_text("utf-8", "replace")[:65536])
    }
    expected = {path for problem, path in paths if problem == "kp"}
    assert recognised == expected
    assert len(expected) == 52
    for path in expected:
        assert PROBLEM.read(path).size == int(path.stem.split("_n")[1][:5])
