"""Best known values, from a table beside the instance files."""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path, PurePath

from redwood.errors import FormatError
from redwood.files import read_text
from redwood.problem import Instance


class BestKnown:
    """Best known values by file, from a CSV file with the columns ``file`` and ``value``.

    A file is looked up by the longest tail of its path that the table names, so that ``tsplib/a280.tsp`` and
    ``a280.tsp`` both serve ``data/tsplib/a280.tsp``. Rows without a value are passed over.
    """

    def __init__(self, values: Mapping[str, float]) -> None:
        self._values = dict(values)

    @classmethod
    def read(cls, path: Path) -> BestKnown:
        """Return the table in a CSV file; raises `FormatError` naming the line that is wrong."""
        try:
            return cls(cls._values_of(path))
        except csv.Error as error:
            raise FormatError(f"{path}: is no CSV table: {error}.") from error

    @staticmethod
    def _values_of(path: Path) -> dict[str, float]:
        rows = csv.DictReader(read_text(path).splitlines())
        if not {"file", "value"} <= set(rows.fieldnames or ()):
            raise FormatError(f"{path}: lacks the columns 'file' and 'value'; it has {', '.join(rows.fieldnames or ())}.")
        values = {}
        for row in rows:
            if row["value"]:
                values[PurePath(row["file"] or "").as_posix()] = _finite(row["value"], path, rows.line_num)
        return values

    def value(self, file: PurePath) -> float | None:
        """Return the best known value of an instance file, or ``None``."""
        tails = ("/".join(file.parts[start:]) for start in range(len(file.parts)))
        return next((self._values[tail] for tail in tails if tail in self._values), None)

    def attach(self, instance: Instance, file: Path) -> Instance:
        """Return the instance with the table's value, where it has one."""
        value = self.value(file.absolute())
        return instance if value is None else dataclasses.replace(instance, best_known=value)


def _finite(text: str, path: Path, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FormatError(f"{path}, line {line}: value {text[:40]!r} is not a finite number.", line=line)
    return value
