"""From the words on the command line to instances: files, folders, patterns; tables of workers."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path

import click

from redwood.arrays import Array
from redwood.errors import InstanceError
from redwood.plugins.host import host
from redwood.settings import counted


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


def read_workers(path: Path) -> tuple[dict[str, Array], list[int]]:
    """Return the columns of a CSV file of workers, and the capacity of each of them."""
    from redwood.planning.estimation.table import read_csv

    table, capacities = read_csv(path, ("worker", "capacity")), []
    for worker, capacity in zip(table["worker"].tolist(), table["capacity"].tolist(), strict=True):
        number = counted(capacity)
        if number is None:
            raise InstanceError(f"{path}: capacity {capacity!r:.40} of worker {worker!r} is not a whole number from 0 on.")
        capacities.append(number)
    return table, capacities
