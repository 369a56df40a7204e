"""From the words on the command line to instances: files, folders, patterns, solutions and best-known values."""

from __future__ import annotations

import csv
import dataclasses
import glob
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from redwood.errors import FormatError
from redwood.plugins.host import host
from redwood.problem import Instance, Solution, read_text
from redwood.reading import read_solution


def gather_files(words: Iterable[str]) -> list[Path]:
    """Return the files that words name: files as they are, folders by the suffixes known, patterns by matching.

    A word that names nothing is kept as a file, so that reading it says what is wrong.

    Raises
    ------
    click.UsageError
        Where a pattern matches nothing, or a folder holds no instance file.
    """
    files: list[Path] = []
    for word in words:
        files += _matches(word)
    return list(dict.fromkeys(files))


def _matches(word: str) -> list[Path]:
    path = Path(word)
    if path.is_dir():
        suffixes = {suffix for entry in host().problem_entries for form in entry.spec.formats for suffix in form.suffixes}
        found = sorted(file for file in path.iterdir() if file.suffix.lower() in suffixes and file.is_file())
        if not found:
            raise click.UsageError(f"folder {word} holds no file with a known suffix ({', '.join(sorted(suffixes))}).")
        return found
    if not path.exists() and glob.has_magic(word):
        matched = sorted(Path(name) for name in glob.glob(word, recursive=True))
        if not matched:
            raise click.UsageError(f"pattern {word} matches no file.")
        return [file for file in matched if file.is_file()]
    return [path]


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
        rows = csv.DictReader(read_text(path).splitlines())
        if not {"file", "value"} <= set(rows.fieldnames or ()):
            raise FormatError(f"{path}: lacks the columns 'file' and 'value'; it has {', '.join(rows.fieldnames or ())}.")
        values = {}
        for row in rows:
            if row["value"]:
                try:
                    values[Path(row["file"]).as_posix()] = float(row["value"])
                except ValueError:
                    raise FormatError(f"{path}, line {rows.line_num}: value {row['value']!r} is not a number.") from None
        return cls(values)

    def value(self, file: Path) -> float | None:
        """Return the best known value of an instance file, or ``None``."""
        parts = file.absolute().parts
        tails = ("/".join(parts[start:]) for start in range(1, len(parts)))
        return next((self._values[tail] for tail in tails if tail in self._values), None)

    def attach(self, instance: Instance, file: Path) -> Instance:
        """Return the instance with the table's value, where it has one."""
        value = self.value(file)
        return instance if value is None else dataclasses.replace(instance, best_known=value)


def load_solution(path: Path, instance: Instance) -> Solution:
    """Return the solution in a file: in the problem's own format, or as JSON (a solution, or a whole result).

    Raises
    ------
    FormatError
        Where the file cannot be read or holds no solution.
    """
    if path.suffix.lower() != ".json":
        return read_solution(path, instance)
    try:
        data: Any = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise FormatError(f"{path}: is not one JSON object: {error}.") from error
    if isinstance(data, dict) and "solution" in data:
        data = data["solution"]
    if data is None:
        raise FormatError(f"{path}: the result in it has no solution.")
    solution: Solution = host().problem(instance.problem).solution(data)
    return solution
