"""A strict reader of TSPLIB 95 and VRPLIB text, shared by the routing problems: it understands every line or says why not.

References
----------
G. Reinelt, TSPLIB 95, Universitaet Heidelberg, 1995 (sections 1 and 2 define the entries and sections read here).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from redwood.arrays import Array
from redwood.errors import FormatError, InstanceError, suggestion
from redwood.problems.routing.travel import Metric, Travel, check_travel

ENTRIES = ("NAME", "TYPE", "COMMENT", "DIMENSION")
"""Specification entries that every kind of file may have."""
TRAVEL_ENTRIES = ("EDGE_WEIGHT_TYPE", "EDGE_WEIGHT_FORMAT", "NODE_COORD_TYPE", "DISPLAY_DATA_TYPE")
"""Specification entries that `TSPLIBFile.travel` understands."""
TRAVEL_SECTIONS = ("NODE_COORD_SECTION", "EDGE_WEIGHT_SECTION", "DISPLAY_DATA_SECTION")
"""Sections that `TSPLIBFile.travel` understands."""

OTHER = {
    "FIXED_EDGES_SECTION": "fixed edges",
    "EDGE_DATA_FORMAT": "a sparse graph",
    "EDGE_DATA_SECTION": "a sparse graph",
    "CAPACITY": "a capacity",
    "DEMAND_SECTION": "demands",
    "DEPOT_SECTION": "a depot",
    "DISTANCE": "a limit on lengths",
    "VEHICLES": "a number of vehicles",
    "SALESMEN": "a number of salesmen",
    "SERVICE_TIME": "service times",
    "SERVICE_TIME_SECTION": "service times",
    "TIME_WINDOW_SECTION": "time windows",
    "BACKHAUL_SECTION": "backhauls",
    "PICKUP_AND_DELIVERY_SECTION": "pickups and deliveries",
}
"""Keywords of TSPLIB, VRPLIB and LKH-3 that not every problem has, and what they ask for."""

EXACT_2D = "EXACT_2D"
"""EDGE_WEIGHT_TYPE of unrounded Euclidean distances: not in TSPLIB 95, but LKH-3 reads it so."""
_TYPES = {str(metric): metric for metric in Metric if metric is not Metric.EXACT} | {EXACT_2D: Metric.EXACT}
_SINGLE = ("VEHICLES", "SALESMEN")
_CHOICES = {
    "NODE_COORD_TYPE": ("TWOD_COORDS", "NO_COORDS"),
    "DISPLAY_DATA_TYPE": ("COORD_DISPLAY", "TWOD_DISPLAY", "NO_DISPLAY"),
}
# A layout is the first column of its rows relative to the diagonal; by columns, the other triangle is read by rows.
_UPPER = {"UPPER_ROW": 1, "LOWER_COL": 1, "UPPER_DIAG_ROW": 0, "LOWER_DIAG_COL": 0}
_LOWER = {"LOWER_ROW": 1, "UPPER_COL": 1, "LOWER_DIAG_ROW": 0, "UPPER_DIAG_COL": 0}
LAYOUTS = ("FULL_MATRIX", *_UPPER, *_LOWER)
"""Values of EDGE_WEIGHT_FORMAT for explicit matrices."""

_HEAD = re.compile(r"^[^\S\n]*(?!(?:nan|inf|infinity)\b)([A-Z_]\w*)([^\n]*)", re.MULTILINE | re.IGNORECASE)
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """The value of a specification entry and the line that it stands on."""

    value: str
    line: int


@dataclass(frozen=True)
class Section:
    """The text of a section, without its keyword, and the line that the text begins on (that of the keyword)."""

    text: str
    line: int


@dataclass(frozen=True)
class TSPLIBFile:
    """The entries and sections of one file; its methods turn them into numbers, or raise `FormatError`."""

    name: str
    entries: dict[str, Entry]
    sections: dict[str, Section]

    def error(self, message: str, line: int | None = None) -> FormatError:
        """Return the error that names the file, the line and what is wrong."""
        return FormatError(f"{self.name}: {message}" if line is None else f"{self.name}, line {line}: {message}", line)

    def value(self, key: str) -> str:
        """Return the text of an entry that must be there."""
        if key not in self.entries:
            raise self.error(f"entry {key} is missing.")
        return self.entries[key].value

    def whole(self, key: str, least: int = 0) -> int:
        """Return an entry as a whole number of at least ``least``."""
        value = self.value(key)
        try:
            number = int(value) if value.isascii() and "_" not in value else least - 1
        except ValueError:
            number = least - 1
        if number < least:
            raise self.error(f"{key} {_cut(value)!r} is not a whole number of at least {least}.", self.entries[key].line)
        return number

    def number(self, key: str, least: float = 0.0) -> float:
        """Return an entry as a finite number of at least ``least``."""
        number = _float(self.value(key))
        if number is None or number < least:
            raise self.error(
                f"{key} {_cut(self.value(key))!r} is not a number of at least {least:g}.", self.entries[key].line
            )
        return number

    def section(self, keyword: str) -> Section:
        """Return a section that must be there."""
        if keyword not in self.sections:
            raise self.error(f"section {keyword} is missing.")
        return self.sections[keyword]

    def table(self, keyword: str, columns: Sequence[str]) -> Array:
        """Return the values [N, C] of a section with one line ``node value ...`` for each node 1 to DIMENSION.

        The lines may come in any order; row 0 of the table belongs to node 1. ``columns`` name the values in errors.
        """
        section, size = self.section(keyword), self.whole("DIMENSION", 1)
        table = _bulk_table(section.text, size, len(columns))
        return self._slow_table(keyword, size, columns) if table is None else table

    def _slow_table(self, keyword: str, size: int, columns: Sequence[str]) -> Array:
        rows: dict[int, list[float]] = {}
        for line, tokens in _lines(self.section(keyword)):
            if len(tokens) != 1 + len(columns):
                expected = f"expected {1 + len(columns)}: node, {', '.join(columns)}"
                raise self.error(f"{keyword} has {len(tokens)} values here; {expected}.", line)
            node = self._node(keyword, tokens[0], size, line)
            if node in rows:
                raise self.error(f"{keyword} gives node {node} twice.", line)
            rows[node] = [
                self._float(keyword, f"{what} of node {node}", token, line)
                for what, token in zip(columns, tokens[1:], strict=True)
            ]
        if len(rows) != size:
            raise self.error(
                f"{keyword} ends after {len(rows)} of {size} nodes; is the file truncated or DIMENSION wrong?",
                self._last_line(keyword),
            )
        return np.array([rows[node] for node in range(1, size + 1)])

    def stream(self, keyword: str, count: int) -> Array:
        """Return the ``count`` numbers of a section, however they are broken into lines."""
        parts = [_floats(chunk) for chunk in _chunks(self.section(keyword).text)]
        read = sum(len(part) for part in parts if part is not None)
        if all(part is not None for part in parts) and read == count:
            values = np.concatenate([part for part in parts if part is not None]) if parts else np.empty(0)
            if np.isfinite(values).all():
                return values
        return self._slow_stream(keyword, count)

    def _slow_stream(self, keyword: str, count: int) -> Array:
        values: list[float] = []
        for line, tokens in _lines(self.section(keyword)):
            values += [self._float(keyword, "entry", token, line) for token in tokens]
            if len(values) > count:
                raise self.error(f"{keyword} has more than the {count} numbers that DIMENSION asks for.", line)
        if len(values) != count:
            raise self.error(
                f"{keyword} ends after {len(values)} of {count} numbers; is the file truncated or DIMENSION wrong?",
                self._last_line(keyword),
            )
        return np.array(values)

    def nodes(self, keyword: str, size: int) -> Array:
        """Return the node numbers, from 0, of a section that lists nodes 1 to ``size`` and may end with -1."""
        listed: list[int] = []
        ended = False
        for line, tokens in _lines(self.section(keyword)):
            for token in tokens:
                if ended and token != "-1":
                    raise self.error(f"{keyword} goes on with {_cut(token)!r} after the -1 that ends it.", line)
                ended = token == "-1"
                if not ended:
                    listed.append(self._node(keyword, token, size, line) - 1)
        return np.array(listed, dtype=np.int64)

    def pairs(self, keyword: str, size: int) -> Array:
        """Return the pairs [P, 2] of node numbers, from 0, of a section that lists them and may end with -1."""
        listed = self.nodes(keyword, size) if keyword in self.sections else np.empty(0, dtype=np.int64)
        if len(listed) % 2:
            raise self.error(f"{keyword} lists {len(listed)} nodes, which are no pairs.", self.sections[keyword].line)
        return listed.reshape(-1, 2)

    def travel(self, *, symmetric: bool) -> Travel:
        """Return the distances that the file gives by coordinates or by a matrix.

        Raises
        ------
        FormatError
            Where an edge-weight type or layout is not supported, a section is missing or its numbers break a rule.
        """
        kind = self.value("EDGE_WEIGHT_TYPE").upper()
        if kind not in _TYPES:
            raise self._unsupported("EDGE_WEIGHT_TYPE", tuple(_TYPES))
        for key, choices in _CHOICES.items():
            if key in self.entries and self.value(key).upper() not in choices:
                raise self._unsupported(key, choices)
        metric, matrix = _TYPES[kind], None
        if metric is Metric.EXPLICIT:
            matrix = self._matrix()
        elif "EDGE_WEIGHT_SECTION" in self.sections:
            raise self.error(
                f"EDGE_WEIGHT_SECTION does not go with EDGE_WEIGHT_TYPE {kind}.", self.sections["EDGE_WEIGHT_SECTION"].line
            )
        try:
            return check_travel(self._coords(metric), matrix, metric, symmetric=symmetric)
        except FormatError:
            raise
        except InstanceError as error:
            raise self.error(str(error)) from error

    def _coords(self, metric: Metric) -> Array | None:
        """Return the coordinates; with a matrix they are for pictures only, and may be missing."""
        shown = self.table("DISPLAY_DATA_SECTION", ("x", "y")) if "DISPLAY_DATA_SECTION" in self.sections else None
        if metric is not Metric.EXPLICIT or "NODE_COORD_SECTION" in self.sections:
            given = self.table("NODE_COORD_SECTION", ("x", "y"))
            return given if shown is None or metric is not Metric.EXPLICIT else shown
        return shown

    def _matrix(self) -> Array:
        layout, size = self.value("EDGE_WEIGHT_FORMAT").upper(), self.whole("DIMENSION", 1)
        if layout not in LAYOUTS:
            raise self._unsupported("EDGE_WEIGHT_FORMAT", LAYOUTS)
        if layout == "FULL_MATRIX":
            return self.stream("EDGE_WEIGHT_SECTION", size * size).reshape(size, size)
        skip = _UPPER[layout] if layout in _UPPER else _LOWER[layout]
        values = self.stream("EDGE_WEIGHT_SECTION", size * (size + 1 - 2 * skip) // 2)
        return _triangle(values, size, skip, upper=layout in _UPPER)

    def _unsupported(self, key: str, choices: Sequence[str]) -> FormatError:
        entry = self.entries[key]
        return self.error(f"{key} {_cut(entry.value)!r} is not supported; supported are {', '.join(choices)}.", entry.line)

    def _node(self, keyword: str, token: str, size: int, line: int) -> int:
        number = _float(token)
        if number is None or number != int(number) or not 1 <= number <= size:
            raise self.error(f"{keyword} names node {_cut(token)!r}, which is not one of 1 to {size}.", line)
        return int(number)

    def _float(self, keyword: str, what: str, token: str, line: int) -> float:
        number = _float(token)
        if number is None:
            raise self.error(f"{keyword}: {what} is {_cut(token)!r}, which is not a finite number.", line)
        return number

    def _last_line(self, keyword: str) -> int:
        section = self.section(keyword)
        return section.line + section.text.rstrip().count("\n")


def scan(
    text: str, name: str, *, types: Sequence[str], entries: Sequence[str] = (), sections: Sequence[str] = ()
) -> TSPLIBFile:
    """Return the entries and sections of a file.

    Parameters
    ----------
    text
        The content of the file.
    name
        What errors call the file.
    types
        Values of TYPE that the caller reads, such as ``("TSP",)``; words after the first one are comment.
    entries, sections
        Keywords that the caller understands, beyond `ENTRIES`.

    Raises
    ------
    FormatError
        Where a keyword is not understood or comes twice, text stands outside of a section, or TYPE is another one.
    """
    known = (*ENTRIES, *entries)
    file = TSPLIBFile(name, {}, {})
    last = ""
    for key, value, line, body in _heads(text, name):
        last = key
        if key == "EOF":
            body = value + body
        elif key in sections and not value:
            if key in file.sections:
                raise file.error(f"section {key} comes twice.", line)
            file.sections[key] = Section(body, line)
            continue
        elif key in known:
            if key in file.entries and key != "COMMENT":
                raise file.error(f"entry {key} comes twice.", line)
            file.entries[key] = Entry(value, line)
        else:
            raise _not_understood(file, key, line, known, sections)
        if body.strip():
            number = line + body[: len(body) - len(body.lstrip())].count("\n")
            raise file.error(f"{_cut(body.split()[0])!r} stands after {key}, outside of any section.", number)
    if not last:
        raise file.error("there are no specification entries; this is no TSPLIB file.")
    _check_type(file, types)
    return file


def scan_tour_problem(text: str, name: str, kind: str) -> TSPLIBFile:
    """Return the entries and sections of a TSP or ATSP, with one vehicle or depot where it says so; only a TSP fixes edges.

    Raises
    ------
    FormatError
        As from `scan`, and where there are several vehicles or depots, or fixed edges in another TYPE than TSP.
    """
    entries, sections = (*TRAVEL_ENTRIES, *_SINGLE), (*TRAVEL_SECTIONS, "DEPOT_SECTION", "FIXED_EDGES_SECTION")
    file = scan(text, name, types=(kind,), entries=entries, sections=sections)
    for key in _SINGLE:
        if key in file.entries and file.number(key) != 1.0:
            raise file.error(f"{key} is {file.value(key)[:40]!r}, and a {kind} has one tour.", file.entries[key].line)
    if "DEPOT_SECTION" in file.sections and len(file.nodes("DEPOT_SECTION", file.whole("DIMENSION", 1))) > 1:
        raise file.error(
            f"DEPOT_SECTION names several depots, and a {kind} has one tour.", file.sections["DEPOT_SECTION"].line
        )
    if kind != "TSP" and file.sections.get("FIXED_EDGES_SECTION", Section("", 0)).text.split() not in ([], ["-1"]):
        line = file.sections["FIXED_EDGES_SECTION"].line
        raise file.error(f"FIXED_EDGES_SECTION asks for fixed edges, which are not supported in a {kind}.", line)
    return file


def _heads(text: str, name: str) -> Iterator[tuple[str, str, int, str]]:
    """Yield each line that begins with a word: keyword, value, line number, and the text up to the next one."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    head = _HEAD.search(text)
    before = text if head is None else text[: head.start()]
    if before.strip():
        raise FormatError(f"{name}, line 1: a specification entry is expected, not {_cut(before.split()[0])!r}.", line=1)
    line = 1 + before.count("\n")
    while head is not None:
        following = _HEAD.search(text, head.end())
        body = text[head.end() : len(text) if following is None else following.start()]
        key = head.group(1).upper()
        yield key, head.group(2).strip().removeprefix(":").strip(), line, body
        line += body.count("\n")
        if key == "EOF" and following is not None:
            raise FormatError(f"{name}, line {line}: {_cut(following.group(1))!r} stands after EOF.", line=line)
        head = following


def _not_understood(file: TSPLIBFile, key: str, line: int, known: Sequence[str], sections: Sequence[str]) -> FormatError:
    if key in sections:
        return file.error(f"section {key} has values on the line of its keyword; they belong on the lines below.", line)
    if key in OTHER:
        return file.error(f"{key} asks for {OTHER[key]}, which problems of this TYPE do not have here.", line)
    kind, names = ("section", sections) if key.endswith("_SECTION") else ("entry", known)
    return file.error(f"{kind} {_cut(key)!r} is not supported here.{suggestion(key, names)}", line)


def _check_type(file: TSPLIBFile, types: Sequence[str]) -> None:
    words = file.value("TYPE").upper().split()
    if not words or words[0] not in types:
        expected = " or ".join(types)
        raise file.error(f"TYPE is {_cut(file.value('TYPE'))!r}, and {expected} is expected.", file.entries["TYPE"].line)


def _lines(section: Section) -> Iterator[tuple[int, list[str]]]:
    for offset, line in enumerate(section.text.split("\n")):
        tokens = line.split()
        if tokens:
            yield section.line + offset, tokens


def _chunks(text: str) -> Iterator[str]:
    """Yield the text in pieces of about `_CHUNK` characters, cut at line ends."""
    begin = 0
    while begin < len(text):
        end = text.find("\n", begin + _CHUNK)
        end = len(text) if end < 0 else end
        yield text[begin:end]
        begin = end


def _floats(text: str) -> Array | None:
    if not text.isascii() or "_" in text:
        return None
    try:
        return np.array(text.split(), dtype=np.float64)
    except ValueError:
        return None


def _float(token: str) -> float | None:
    """Return a token as a finite number, or ``None`` (also for what only Python takes as one, such as ``1_000``)."""
    try:
        number = float(token)
    except ValueError:
        return None
    return number if math.isfinite(number) and token.isascii() and "_" not in token else None


def _bulk_table(text: str, size: int, width: int) -> Array | None:
    """Return the table [N, width] of lines ``node value ...`` sorted by node, or ``None`` where any rule is broken."""
    lines = [line for line in text.split("\n") if line and not line.isspace()]
    if len(lines) != size or not text.isascii():
        return None
    try:
        table = np.loadtxt(lines, dtype=np.float64, comments=None, ndmin=2)
    except ValueError:
        return None
    if table.shape != (size, 1 + width) or not np.isfinite(table).all():
        return None
    nodes = table[:, 0]
    if np.array_equal(nodes, np.arange(1.0, size + 1.0)):
        return table[:, 1:].copy()
    order = np.argsort(nodes, kind="stable")
    return table[order, 1:] if np.array_equal(nodes[order], np.arange(1.0, size + 1.0)) else None


def _triangle(values: Array, size: int, skip: int, *, upper: bool) -> Array:
    """Return the symmetric matrix [N, N] whose upper or lower triangle is given by rows, without the diagonal if skipped."""
    matrix = np.zeros((size, size))
    begin = 0
    for row in range(size):
        columns = slice(row + skip, size) if upper else slice(0, row + 1 - skip)
        width = len(range(*columns.indices(size)))
        matrix[row, columns] = matrix[columns, row] = values[begin : begin + width]
        begin += width
    return matrix


def _cut(text: str, length: int = 40) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."
