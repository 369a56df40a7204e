"""Call logs of others: whatever stands in a table, the error is typed, names the place, and comes at once."""

import numpy as np
import pytest

from redwood.benchmarks.known import BestKnown
from redwood.errors import FormatError, InstanceError, OptionError
from redwood.planning.estimation.log import read_log
from redwood.settings import counted

GOOD = "arm,step,state,action\n" + "".join(f"p{a},{w},{(a + w) % 2},{(a * w) % 2}\n" for a in range(4) for w in range(5))
FIRST = "p0,0,0,0"
BAD = {
    "a digit of another script": ("p0,0,²,0", "'²' is not a number from 0 on"),
    "a number of 5,000 digits": ("p0,0," + "9" * 5000 + ",0", "is not a number from 0 on"),
    "a code of a billion": ("p0,0,1000000000,0", "1000000001 states are more than 1000"),
    "a code among the actions": ("p0,0,0,70000", "70001 actions are more than 1000"),
    "a step beyond all calendars": ("p0,1e30,0,0", "step '1e30' of arm 'p0' is not a whole number of up to 15 digits"),
    "a step of 5,000 digits": ("p0," + "9" * 5000 + ",0,0", "is not a whole number of up to 15 digits"),
    "an endless step": ("p0,inf,0,0", "step 'inf' of arm 'p0'"),
    "a field of a megabyte": ("p" * 10**6 + ",0,0,0", "is no CSV table: field larger than field limit"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_is_named(tmp_path, case):
    """Each bad row is an error with its value, and no message is longer than a screen."""
    row, words = BAD[case]
    (tmp_path / "log.csv").write_text(GOOD.replace(FIRST, row))
    with pytest.raises((InstanceError, FormatError)) as caught:
        read_log(tmp_path / "log.csv")
    assert words in str(caught.value)


def test_lines_may_end_as_on_any_machine(tmp_path):
    """Line ends of any system give the same log."""
    logs = []
    for ending in ("\n", "\r\n", "\r"):
        (tmp_path / "log.csv").write_bytes(GOOD.replace("\n", ending).encode())
        logs.append(read_log(tmp_path / "log.csv"))
    assert all(log.names == logs[0].names and np.array_equal(log.counts, logs[0].counts) for log in logs)


def test_lines_of_one_file_may_end_differently(tmp_path):
    """A file with all line ends in it, blank lines first, semicolons and commas within, is read as with one of them."""
    (tmp_path / "log.csv").write_text(GOOD)
    wanted = read_log(tmp_path / "log.csv")
    lines = GOOD.replace(",", ";").splitlines()
    noted = [line + (";note" if number == 0 else ";by phone, twice") for number, line in enumerate(lines)]
    for head in ("\r", "\r\n", "\r\r\n"):
        endings = [head, *(("\n", "\r\n", "\r")[row % 3] for row in range(len(noted) - 1))]
        text = "\r\n" + "".join(line + ending for line, ending in zip(noted, endings, strict=True))
        (tmp_path / "mixed.csv").write_bytes(text.encode())
        found = read_log(tmp_path / "mixed.csv")
        assert np.array_equal(found.counts, wanted.counts)
        assert set(found.extra["note"]) == {"by phone, twice"}


def test_columns_are_columns():
    """Single numbers and matrices in place of columns are named with their shape."""
    for values in (1, np.zeros((3, 2))):
        with pytest.raises(InstanceError, match="expected a column"):
            read_log({"arm": values, "step": values, "state": values, "action": values})


def test_a_number_of_states_without_an_end_is_refused(tmp_path):
    """More states than arms can have are refused before a label is made of each."""
    (tmp_path / "log.csv").write_text(GOOD)
    with pytest.raises(InstanceError, match="1000000000 states are more than 1000"):
        read_log(tmp_path / "log.csv", states=10**9)
    with pytest.raises(OptionError, match="states 0 is below 1"):
        read_log(tmp_path / "log.csv", states=0)


@pytest.mark.parametrize(
    ("text", "number"), [("7", 7), (" 12 ", 12), ("²", None), ("٣", None), ("9" * 16, None), ("-1", None), ("", None)]
)
def test_numbers_are_counted_in_plain_digits(text, number):
    """Only texts of up to fifteen digits from 0 to 9 are numbers."""
    assert counted(text) == number


def test_best_known_values_with_an_endless_field_are_no_table(tmp_path):
    """A field of a megabyte in a table of best known values is a typed error."""
    (tmp_path / "known.csv").write_text("file,value\n" + "a" * 10**6 + ",1\n")
    with pytest.raises(FormatError, match="is no CSV table"):
        BestKnown.read(tmp_path / "known.csv")
