"""Rows of a user's table: from lists of mappings, mappings of columns, pandas frames or CSV files, each entry checked."""

from __future__ import annotations

import csv
import datetime
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from redwood.errors import FormatError, InstanceError

MOST = 1e12
"""No number of an instance may be larger."""
ALIASES = {
    "id": "name",
    "customer": "name",
    "client": "name",
    "shop": "name",
    "store": "name",
    "stop": "name",
    "place": "name",
    "opens": "ready",
    "open": "ready",
    "closes": "due",
    "close": "due",
    "earliest": "ready",
    "latest": "due",
    "opening hours": "window",
    "time window": "window",
    "delivery window": "window",
    "demand": "delivery",
    "quantity": "delivery",
    "crates": "delivery",
    "boxes": "delivery",
    "parcels": "delivery",
    "pallets": "delivery",
    "weight": "delivery",
    "deliveries": "delivery",
    "pickups": "pickup",
    "longitude": "lon",
    "lng": "lon",
    "latitude": "lat",
    "ready time": "ready",
    "due date": "due",
    "due time": "due",
    "service time": "service",
    "service duration": "service",
    "release time": "release",
    "capacities": "capacity",
    "count": "number",
}
"""Usual names of columns, in small letters with spaces, and what they are called here."""
LASTING = ("service", "reload_time", "max_duration")
"""Fields that hold how long something takes; a heading may end in the unit."""
UNIT = re.compile(r"(.+?) \(?(hours|minutes|seconds|mins?)\)?")
DECIMAL = re.compile(r"^\s*(-?\d+),(\d+)\s*$")
"""A number with a decimal comma."""


def rows_of(table: Any, what: str, known: Sequence[str]) -> list[dict[str, Any]]:
    """Return a table as one mapping a row, with known keys only; what is missing or not a number is left out.

    Raises
    ------
    InstanceError
        Where the table is of no known shape, or a column is unknown.
    """
    rows = _rows(table, what)
    _refuse_unknown(rows, what, known)
    found = []
    for count, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise InstanceError(f"{what} {count} is a {type(row).__name__}; expected a mapping of its fields.")
        entry: dict[str, Any] = {}
        for given, value in row.items():
            key, unit = field_of(given)
            if key in entry:
                raise InstanceError(f"{what} {count} has the field {key!r} twice (another name of it is {str(given)!r}).")
            if value is None and key == "end":  # a route that ends at its last customer
                entry[key] = "none"
            elif not _missing(value):
                entry[key] = _lasting(value, unit, f"{given} of {what} {count}") if unit else value
        found.append(entry)
    return found


def field_of(heading: Any) -> tuple[str, str]:
    """Return the field that a heading means, and the unit of time that it ends in, if any: ``service minutes``."""
    words_ = " ".join(re.split(r"[\s_]+", str(heading).strip().lower()))
    found = UNIT.fullmatch(words_)
    field = _known_as(found[1]) if found else ""
    if found and field in LASTING:
        return field, "minutes" if found[2].startswith("min") else found[2]
    return _known_as(words_), ""


def _known_as(words_: str) -> str:
    return ALIASES.get(words_, words_.replace(" ", "_"))


def _lasting(value: Any, unit: str, what: str) -> datetime.timedelta:
    return datetime.timedelta(**{unit: number(value, what, most=1e6)})


def _refuse_unknown(rows: Sequence[Any], what: str, known: Sequence[str]) -> None:
    """Raise `InstanceError` that names all columns which are not understood, each with the one that may be meant."""
    keys = dict.fromkeys(str(key) for row in rows if isinstance(row, Mapping) for key in row)
    unknown = [key for key in keys if field_of(key)[0] not in known]
    if not unknown:
        return
    usual = {field: sorted(name for name, own in ALIASES.items() if own == field) for field in known}
    lasting = [f"{field} minutes" for field in LASTING if field in known]
    names = [*usual, *chain(*usual.values()), *lasting]
    near = {key: get_close_matches(key.strip().lower(), names, n=1) for key in unknown}
    told = ", nor ".join(f"{key!r} (did you mean {near[key][0]!r}?)" if near[key] else repr(key) for key in unknown)
    fields = ", ".join(f"{field} ({', '.join(others)})" if others else field for field, others in sorted(usual.items()))
    understood = "" if all(near.values()) else f" Understood: {fields}."
    raise InstanceError(f"{what}s have no field {told}. Rename or remove what is not understood.{understood}")


def _rows(table: Any, what: str) -> list[Any]:
    if isinstance(table, (str, Path)):
        return _csv_rows(Path(table))
    if hasattr(table, "to_dict") and hasattr(table, "columns"):  # a frame of pandas or of its kind
        named = table.reset_index() if getattr(table.index, "name", None) in ("name", "id") else table
        return list(named.to_dict("records"))
    if isinstance(table, Mapping):
        if not all(isinstance(column, (list, tuple, np.ndarray)) for column in table.values()):
            return [table]
        lengths = {len(column) for column in table.values()}
        if len(lengths) > 1:
            raise InstanceError(f"the columns of {what}s have different lengths: {sorted(lengths)}.")
        return [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]
    if isinstance(table, Iterable):
        return list(table)
    raise InstanceError(f"{what}s are a {type(table).__name__}; give a list of mappings, a frame or a CSV file.")


def _csv_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file; commas, semicolons or tabs separate values, whichever the head has most of.

    Where it is no comma, a comma in a number is a decimal one. What is no UTF-8 is read as Windows-1252, as old spreadsheets
    write it. Empty rows are skipped.
    """
    try:
        data = path.read_bytes()
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252")
        separator = max(",;\t", key=text.partition("\n")[0].count)
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except FileNotFoundError as error:
        raise FormatError(f"{path}: there is no such file.") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path}: cannot be read as CSV: {error}.") from error
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise FormatError(
                f"{path}, line {number}: has not as many values, separated by {separator!r}, as the head has columns.",
                line=number,
            )
    rows = [row for row in rows if any(value.strip() for value in row.values())]
    if separator == ",":
        return rows
    return [{key: DECIMAL.sub(r"\1.\2", value) for key, value in row.items()} for row in rows]


def _missing(value: Any) -> bool:
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    return isinstance(value, (float, np.floating)) and math.isnan(value)


def number(value: Any, what: str, least: float = 0.0, most: float = MOST, *, infinite: bool = False) -> float:
    """Return an entry as a number within a range.

    Parameters
    ----------
    value
        The entry, perhaps a text.
    what
        What an error calls it.
    least, most
        The range.
    infinite
        Whether infinity, which means no limit, is taken too.
    """
    try:
        found = math.nan if isinstance(value, (bool, np.bool_, complex)) else float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if infinite and found == math.inf:
        return found
    if not least <= found <= most:
        rule = f"from {least:g} to {most:g}" if least > -most else f"of at most {most:g}"
        raise InstanceError(f"{what} is {str(value)[:40]!r}, which is no number {rule}.")
    return found


def whole(value: Any, what: str, least: int = 0) -> int:
    """Return an entry as a whole number."""
    found = number(value, what, least)
    if found != int(found):
        raise InstanceError(f"{what} is {found:g}, which is not a whole number.")
    return int(found)


def numbers(value: Any, what: str, *, infinite: bool = False) -> list[float]:
    """Return an entry as a list of numbers: a single number is a list of one."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return [math.inf if one is None and infinite else number(one, what, infinite=infinite) for one in value]
    return [number(value, what, infinite=infinite)]


def words(value: Any, what: str) -> tuple[str, ...]:
    """Return an entry as words: a list of texts, or one text with spaces, commas or semicolons between them."""
    if isinstance(value, str):
        return tuple(dict.fromkeys(value.replace(",", " ").replace(";", " ").split()))
    if isinstance(value, Iterable):
        return tuple(dict.fromkeys(str(one) for one in value))
    raise InstanceError(f"{what} is {str(value)[:40]!r}; expected a list of words.")


def truth(value: Any, what: str) -> bool:
    """Return an entry as true or false."""
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    found = value if isinstance(value, (bool, np.bool_)) else known.get(str(value).strip().lower())
    if found is None:
        raise InstanceError(f"{what} is {str(value)[:40]!r}; expected true or false.")
    return bool(found)


def pair(value: Any, what: str) -> tuple[float, float]:
    """Return an entry as a time window: two numbers, the first not after the second."""
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        raise InstanceError(f"{what} is {str(value)[:40]!r}; expected [first, last] or a text such as '07:30-11:00'.")
    ends = list(value)
    if len(ends) != 2:
        raise InstanceError(f"{what} has {len(ends)} numbers; expected [first, last].")
    opening = number(ends[0], f"the beginning of {what}", -MOST)
    closing = math.inf if _missing(ends[1]) else number(ends[1], f"the end of {what}", -MOST, infinite=True)
    if closing < opening:
        raise InstanceError(f"{what} ends at {closing:g}, before it begins at {opening:g}.")
    return opening, closing


def window(row: Mapping[str, Any], what: str) -> list[tuple[float, float]]:
    """Return the time windows of a row, sorted: ``windows``, ``window``, or ``ready`` and ``due``."""
    given = [key for key in ("windows", "window") if key in row]
    if len(given) + ("ready" in row or "due" in row) > 1:
        raise InstanceError(f"{what} gives its time windows twice; give windows, window, or ready and due.")
    if "window" in row:
        return [pair(row["window"], f"the time window of {what}")]
    if "windows" in row:
        if isinstance(row["windows"], (str, Mapping)) or not isinstance(row["windows"], Iterable):
            raise InstanceError(f"windows of {what} are {str(row['windows'])[:40]!r}; expected a list of [first, last].")
        pairs = sorted(pair(one, f"a time window of {what}") for one in row["windows"])
        if not pairs:
            raise InstanceError(f"{what} has an empty list of time windows, so nobody could serve it.")
        for (_, before), (after, _) in pairwise(pairs):
            if after <= before:
                raise InstanceError(f"time windows of {what} overlap: one ends at {before:g}, another begins at {after:g}.")
        return pairs
    return [pair((row.get("ready", 0.0), row.get("due", math.inf)), f"the time window of {what}")]
