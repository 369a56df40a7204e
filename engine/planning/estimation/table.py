"""A log's columns, from a pandas frame, a mapping of arrays or a CSV file; pandas is not needed for the last two."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import FormatError, InstanceError, OptionError, suggestion
from redwood.files import read_text
from redwood.planning.estimation.words import Words

REQUIRED = ("arm", "step", "state", "action")
"""Columns that every log has."""
OPTIONAL = ("next_state", "cohort")
"""Columns with a meaning that a log may have."""


def read_columns(log: Any, columns: Mapping[str, str] | None = None) -> dict[str, Array]:
    """Return the columns [N] of a log by name, those of ``columns`` under the names that Redwood has for them.

    Parameters
    ----------
    log
        A pandas frame, a mapping of names to columns, or the path of a CSV file with a line of names.
    columns
        What the log calls the columns, by Redwood's names, such as ``{"arm": "person", "step": "week"}``.

    Raises
    ------
    FormatError
        Where a file is no table.
    InstanceError
        Where a column is missing, or columns differ in length.
    OptionError
        Where the log or ``columns`` are something else.
    """
    found, where = _columns(log)
    named = _renamed(found, columns or {}, where)
    for name in REQUIRED:
        if name not in named:
            raise InstanceError(
                f"{where} has no column {name!r}; it has {', '.join(found)}. Say what it is called by "
                f"columns={{{name!r}: ...}}, in the shell by --column {name}=..."
            )
    for name, values in named.items():
        if np.ndim(values) != 1:
            raise InstanceError(f"{where} has {name!r} as an array of shape {list(np.shape(values))}; expected a column.")
    lengths = {name: len(values) for name, values in named.items()}
    if len(set(lengths.values())) > 1:
        raise InstanceError(f"{where} has columns of different lengths: {lengths}.")
    if not lengths["arm"]:
        raise InstanceError(f"{where} has no rows.")
    return named


def read_csv(
    path: str | Path, wanted: Iterable[str], columns: Mapping[str, str] | None = None, usual: Words | None = None
) -> dict[str, Array]:
    """Return the columns of a small CSV file, such as today's states.

    Parameters
    ----------
    path
        The file.
    wanted
        Columns that it has to have.
    columns
        What it calls its columns, as in `read_columns`.
    usual
        What columns that it lacks are called in messages.
    """
    given = _parsed(read_text(Path(path)), str(path))
    found = _renamed(given, columns or {}, str(path))
    for name in wanted:
        if name not in found:
            hint = f" Say what it is called by --column {name}=..." if name in REQUIRED else ""
            expected = (usual or Words()).of(name)
            raise InstanceError(f"{path} has no column {expected!r}; it has {', '.join(given)}.{hint}")
    return found


def write_csv(path: str | Path, columns: Mapping[str, Iterable[Any]]) -> None:
    """Write columns as a CSV file, numbers that are not known as empty fields."""
    from redwood.files import write_text

    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        writer.writerow(["" if is_missing(value) else value for value in row])
    write_text(path, text.getvalue())


def is_missing(value: Any) -> bool:
    """Return whether a field says that nothing is known: empty, ``None``, NaN or pandas' missing value."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    if isinstance(value, str):
        return value.strip().lower() in ("nan", "na")
    return bool(type(value).__name__ in ("NAType", "NaTType")) or (
        isinstance(value, (float, np.floating)) and value != value
    )


def _columns(log: Any) -> tuple[dict[str, Array], str]:
    """Return the columns as the log has them, and what to call it in messages."""
    if isinstance(log, (str, Path)):
        return _parsed(read_text(Path(log)), str(log)), str(log)
    names = log.columns if hasattr(log, "columns") else log if isinstance(log, Mapping) else None
    if names is None:
        raise OptionError(f"the log is a {type(log).__name__}; give a pandas frame, or the path of a CSV file.")
    return {str(name): np.asarray(log[name], dtype=object) for name in names}, "the log"


def _parsed(text: str, where: str) -> dict[str, Array]:
    """Return the columns of a CSV text, all as strings; the delimiter is a semicolon where the first line has no comma."""
    first = re.split("[\r\n]", text.lstrip("\r\n"), maxsplit=1)[0]
    delimiter = "," if "," in first or ";" not in first else ";"
    try:
        rows = [row for row in csv.reader(StringIO(text, newline=""), delimiter=delimiter) if row]
    except csv.Error as error:
        raise FormatError(f"{where}: is no CSV table: {error}.") from error
    if not rows:
        raise FormatError(f"{where}: is empty; expected a line of column names, then a row a line.")
    names = [name.strip() for name in rows[0]]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise FormatError(f"{where}: has the column {twice!r} twice.")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise FormatError(f"{where}: row {number} has {len(row)} fields, and the first line names {len(names)} columns.")
    fields = np.array(rows[1:], dtype=object).reshape(len(rows) - 1, len(names))
    return {name: fields[:, column] for column, name in enumerate(names)}


def _renamed(found: Mapping[str, Array], columns: Mapping[str, str], where: str) -> dict[str, Array]:
    """Return the columns, those that Redwood has a name for under it."""
    for own, theirs in columns.items():
        if own not in (*REQUIRED, *OPTIONAL):
            known = suggestion(own, (*REQUIRED, *OPTIONAL))
            raise OptionError(f"columns= names {own!r}, which is no column of a log.{known}")
        if theirs not in found:
            raise InstanceError(f"{where} has no column {theirs!r} for {own!r}.{suggestion(theirs, found)}")
    names = {theirs: own for own, theirs in columns.items()}
    return {names.get(name, name): values for name, values in found.items()}
