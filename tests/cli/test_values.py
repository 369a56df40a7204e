"""Options as text become values of the declared types."""

from pathlib import Path
from typing import Literal

import pytest

from redwood.budget import Sense
from redwood.cli.values import describe_type, parse_value, split_options
from redwood.errors import OptionError


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("7", int, 7),
        ("7", float, 7.0),
        ("1e-3", float, 0.001),
        ("7", str, "7"),
        ("yes", bool, True),
        ("False", bool, False),
        ("0", bool, False),
        ("none", int | None, None),
        ("4", int | None, 4),
        ("0.5", int | float, 0.5),
        ("on", Literal["on", "off"], "on"),
        ("2", Literal[1, 2], 2),
        ("max", Sense, Sense.MAX),
        ("1, 2,3", tuple[int, ...], (1, 2, 3)),
        ("a,b", list[str], ["a", "b"]),
        ("runs/x", Path, Path("runs/x")),
        ("3", object, 3),
        ("three", object, "three"),
        ("auto", float | str, "auto"),
    ],
)
def test_values_have_the_declared_type(text, kind, value):
    """Each kind of type is read, unions by the first part that takes the text."""
    parsed = parse_value(text, kind)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("x", int),
        ("1.5", int),
        ("maybe", bool),
        ("up", Literal["on", "off"]),
        ("mid", Sense),
        ("x", int | None),
        ("1,x", tuple[int, ...]),
    ],
)
def test_values_of_another_type_are_refused(text, kind):
    """A text that is no value of the type raises, and the type can be said in words."""
    with pytest.raises(ValueError, match=r".*"):
        parse_value(text, kind)
    assert describe_type(kind)


def test_dashes_stand_for_underscores():
    """Names may be written with dashes; spaces around are not part of them."""
    assert split_options(["time-share = 2", "a=b=c"]) == {"time_share": "2", "a": "b=c"}


@pytest.mark.parametrize("pairs", [["alone"], ["=3"], ["a=1", "a=2"]])
def test_malformed_options_are_refused(pairs):
    """No equals sign, no name, or a name twice is an error."""
    with pytest.raises(OptionError):
        split_options(pairs)
