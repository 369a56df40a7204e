"""Benchmark suites: which instances, which solvers, which seeds, how long; read strictly from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from redwood.errors import FormatError, OptionError, UnknownNameError, suggestion

EVERY = "*"
"""What stands for every installed solver that fits, in the place of a solver's name."""

SUITE_KEYS = {
    "summary": str,
    "seeds": list,
    "time_limit": (int, float),
    "bound_time_limit": (int, float),
    "iterations": int,
    "threads": int,
    "memory_gb": (int, float),
    "instances": list,
    "solvers": list,
}
FILE_KEYS = {"files": list, "exclude": list, "problem": str, "best_known": str, "min_size": int, "max_size": int}
TEST_SET_KEYS = {"testset": str, "sizes": list, "count": int}
GENERATOR_KEYS = {"generate": str, "sizes": list, "seeds": list, "options": dict}
SOLVER_KEYS = {
    "name": str,
    "label": str,
    "options": dict,
    "problems": list,
    "except": list,
    "min_size": int,
    "max_size": int,
    "batch": int,
}


@dataclass(frozen=True)
class InstanceSet:
    """Some instances: files below the data folder, draws of a generator, or the first of a test set.

    Attributes
    ----------
    files, exclude
        Patterns relative to the data folder, those to take and those to leave out.
    problem
        What the files hold, where that should not be guessed at.
    best_known
        A CSV file below the data folder with the columns ``file`` and ``value``.
    min_size, max_size
        Sizes to keep, inclusive.
    generate, sizes, seeds, options
        A generator (``"tsp/uniform"``) and what to draw: one instance for each size and seed.
    testset, count
        A set of `redwood.benchmarks.testsets`, and how many of its instances of each size, from the first.
    time_limit
        Seconds for these instances, where they differ from the suite's.
    """

    files: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    problem: str | None = None
    best_known: str | None = None
    min_size: int = 0
    max_size: int | None = None
    generate: str | None = None
    sizes: tuple[int, ...] = ()
    seeds: tuple[int, ...] = (0,)
    options: Mapping[str, Any] = field(default_factory=dict)
    testset: str | None = None
    count: int = 1
    time_limit: float | None = None


@dataclass(frozen=True)
class SolverChoice:
    """A solver with options; ``name`` may be `EVERY`, and then ``excluded`` names those to leave out.

    Attributes
    ----------
    label
        What the report calls it; by default its name and options.
    problems
        The problems that it is run on; by default all of the suite.
    min_size, max_size
        Sizes of the instances that it is run on, inclusive.
    batch
        How many instances of a size it gets at once, through `solve_many`, with the time of all of them; 0 for each alone.
    """

    name: str
    label: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    min_size: int = 0
    max_size: int | None = None
    batch: int = 0

    def takes(self, problem: str, size: int) -> bool:
        """Return whether the suite wants the solver on an instance."""
        fits_problem = not self.problems or problem in self.problems
        return fits_problem and self.min_size <= size and (self.max_size is None or size <= self.max_size)


@dataclass(frozen=True)
class Suite:
    """Instances x solvers x seeds, under one time limit.

    Attributes
    ----------
    name, summary
        The name of its file, and one line.
    instances, solvers, seeds
        What is multiplied with what. Solvers without randomness are run with the first seed only.
    time_limit
        Seconds of solving for each run, not counting loading and compiling.
    bound_time_limit
        Seconds for the problem's own bound, computed once for each instance; 0 for none.
    iterations
        A limit in iterations besides, as the solvers count them.
    threads
        Threads that a solver may use.
    memory_gb
        Resident memory that the processes of a job may hold before they are killed, by default any.
    text
        The file as it was.
    """

    name: str
    instances: tuple[InstanceSet, ...]
    solvers: tuple[SolverChoice, ...]
    summary: str = ""
    seeds: tuple[int, ...] = (0,)
    time_limit: float = 10.0
    bound_time_limit: float = 10.0
    iterations: int | None = None
    threads: int = 1
    memory_gb: float | None = None
    text: str = ""


def shipped_suites() -> list[str]:
    """Return the names of the suites that come with Redwood."""
    return sorted(entry.name.removesuffix(".toml") for entry in _folder().iterdir() if entry.name.endswith(".toml"))


def find_suite(word: str) -> Suite:
    """Return the suite in a file, or the shipped one of that name.

    Raises
    ------
    UnknownNameError
        Where there is neither.
    FormatError, OptionError
        Where the file is no TOML, or breaks the rules of suites.
    """
    path = Path(word)
    if path.suffix == ".toml":
        try:
            return parse_suite(path.stem, path.read_text(encoding="utf-8"))
        except OSError as error:
            raise FormatError(f"{path}: cannot be read: {error.strerror}.") from error
    if word not in shipped_suites():
        raise UnknownNameError(f"no suite is named {word!r} (or give a .toml file).{suggestion(word, shipped_suites())}")
    return parse_suite(word, (_folder() / f"{word}.toml").read_text(encoding="utf-8"))


def parse_suite(name: str, text: str) -> Suite:
    """Return the suite that a TOML text describes; unknown keys and wrong types are errors."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FormatError(f"suite {name}: is no TOML: {error}.") from error
    _check_keys(f"suite {name}", table, SUITE_KEYS)
    for key in ("instances", "solvers"):
        if not table.get(key):
            raise OptionError(f"suite {name} has no [[{key}]].")
    plain = {key: value for key, value in table.items() if key not in ("instances", "solvers", "seeds")}
    _check_positive(f"suite {name}", plain)
    return Suite(
        name=name,
        instances=tuple(_instance_set(name, i, part) for i, part in enumerate(table["instances"], start=1)),
        solvers=tuple(_solver_choice(name, i, part) for i, part in enumerate(table["solvers"], start=1)),
        seeds=tuple(_whole_numbers(f"suite {name}", "seeds", table.get("seeds", [0]))),
        text=text,
        **plain,
    )


def _instance_set(suite: str, position: int, table: Mapping[str, Any]) -> InstanceSet:
    where = f"suite {suite}, [[instances]] {position}"
    kinds: dict[str, dict[str, Any]] = {"files": FILE_KEYS, "generate": GENERATOR_KEYS, "testset": TEST_SET_KEYS}
    named = [key for key in kinds if isinstance(table, Mapping) and key in table]
    if len(named) != 1:
        raise OptionError(f"{where} must have either files or generate or testset.")
    _check_keys(where, table, kinds[named[0]] | {"time_limit": (int, float)})
    _check_positive(where, table)
    if named != ["files"] and not table.get("sizes"):
        raise OptionError(f"{where} names no sizes.")
    for key in ("sizes", "seeds"):
        _whole_numbers(where, key, table.get(key, []))
    settings: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return InstanceSet(**settings)


def _solver_choice(suite: str, position: int, table: Mapping[str, Any]) -> SolverChoice:
    where = f"suite {suite}, [[solvers]] {position}"
    if not isinstance(table, Mapping) or "name" not in table:
        raise OptionError(f"{where} has no name.")
    _check_keys(where, table, SOLVER_KEYS)
    if "except" in table and table["name"] != EVERY:
        raise OptionError(f"{where} has except, which goes with the name {EVERY!r}.")
    _check_positive(where, table)
    if table["name"] == EVERY and {"options", "label", "batch"} & table.keys():
        raise OptionError(f"{where} stands for every solver, which can have no options, label or batch in common.")
    plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    plain.pop("except", None)
    return SolverChoice(excluded=tuple(table.get("except", ())), **plain)


def _check_keys(where: str, table: Mapping[str, Any], kinds: Mapping[str, Any]) -> None:
    for key, value in table.items():
        if key not in kinds:
            raise OptionError(f"{where} has the unknown key {key!r}.{suggestion(key, kinds)}")
        if not isinstance(value, kinds[key]) or isinstance(value, bool):
            raise OptionError(f"{where}: {key} = {value!r} is of the wrong type.")


def _check_positive(where: str, table: Mapping[str, Any]) -> None:
    for key in ("time_limit", "iterations", "threads", "memory_gb", "count", "batch"):
        if key in table and not table[key] > 0:
            raise OptionError(f"{where}: {key} = {table[key]!r} is not positive.")


def _whole_numbers(where: str, key: str, values: list[Any]) -> list[int]:
    for value in values:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise OptionError(f"{where}: {key} has {value!r}, which is not a whole number from 0 up.")
    return values


def _folder() -> Any:
    return resources.files("redwood.benchmarks") / "suites"
