"""Benchmark suites: which instances, which solvers, which seeds, how long; read strictly from TOML."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from redwood.benchmarks.typed import Count, Limit, Seconds, Several, Typed, Whole, convert
from redwood.errors import FormatError, OptionError, UnknownNameError, suggestion
from redwood.files import read_text

EVERY = "*"
"""What stands for every installed solver that fits, in the place of a solver's name."""


class FileSet(Typed, frozen=True):
    """Instances in files below the data folder.

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
    time_limit
        Seconds for these instances, where they differ from the suite's.
    """

    files: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    problem: str | None = None
    best_known: str | None = None
    min_size: Whole = 0
    max_size: Whole | None = None
    time_limit: Limit | None = None


class DrawnSet(Typed, frozen=True):
    """Draws of a generator (``"tsp/uniform"``): one instance for each size and seed."""

    generate: str
    sizes: Several
    seeds: Several = (0,)
    options: dict[str, Any] = msgspec.field(default_factory=dict)
    time_limit: Limit | None = None


class TestSet(Typed, frozen=True):
    """The first ``count`` instances of each size in a set of `redwood.benchmarks.testsets`."""

    testset: str
    sizes: Several
    count: Count = 1
    time_limit: Limit | None = None


InstanceSet = FileSet | DrawnSet | TestSet
KINDS: dict[str, type[InstanceSet]] = {"files": FileSet, "generate": DrawnSet, "testset": TestSet}
"""The key by which a set of instances is known, and what it is."""


class SolverChoice(Typed, frozen=True, rename={"excluded": "except"}):
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
        How many instances of a size it gets at once, through `solve_many`, with the time of all of them; by default each
        alone.
    """

    name: str
    label: str = ""
    options: dict[str, Any] = msgspec.field(default_factory=dict)
    problems: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    min_size: Whole = 0
    max_size: Whole | None = None
    batch: Count | None = None

    def __post_init__(self) -> None:
        if self.excluded and self.name != EVERY:
            raise ValueError(f"except goes with the name {EVERY!r}")
        if self.name == EVERY and (self.options or self.label or self.batch):
            raise ValueError(f"{EVERY!r} stands for every solver, which can have no options, label or batch in common")

    def takes(self, problem: str, size: int) -> bool:
        """Return whether the suite wants the solver on an instance."""
        fits_problem = not self.problems or problem in self.problems
        return fits_problem and self.min_size <= size and (self.max_size is None or size <= self.max_size)


class Suite(Typed, frozen=True):
    """Instances x solvers x seeds, under one time limit.

    Attributes
    ----------
    name, summary
        The name of its file, and one line.
    label
        What reports are headed with; by default the name.
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
    label: str
    instances: tuple[Any, ...]
    solvers: tuple[SolverChoice, ...]
    summary: str = ""
    seeds: Several = (0,)
    time_limit: Limit = 10.0
    bound_time_limit: Seconds = 10.0
    iterations: Count | None = None
    threads: Count = 1
    memory_gb: Limit | None = None
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
        return parse_suite(path.stem, read_text(path), str(path))
    if word not in shipped_suites():
        raise UnknownNameError(f"no suite is named {word!r} (or give a .toml file).{suggestion(word, shipped_suites())}")
    return parse_suite(word, (_folder() / f"{word}.toml").read_text(encoding="utf-8"))


def parse_suite(name: str, text: str, place: str = "") -> Suite:
    """Return the suite that a TOML text describes; unknown keys and wrong values are errors that name their place."""
    place = place or f"suite {name}"
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise FormatError(f"{place}: is no TOML: {error}.") from error
    parts: dict[str, list[Any]] = {}
    for key in ("instances", "solvers"):
        entries = table.pop(key, None)
        if not entries or not isinstance(entries, list):
            raise OptionError(f"{place} has no [[{key}]].")
        made = (_part(key, entry, f"{place}, [[{key}]] {i}") for i, entry in enumerate(entries, start=1))
        parts[key] = list(made)
    own = {"name": name, "label": table.get("label", name), "text": text}
    for key in {"name", "text"} & table.keys():
        raise OptionError(f"{place} has the unknown key {key!r}.")
    return convert(table | parts | own, Suite, place, OptionError)


def _part(key: str, table: Any, place: str) -> InstanceSet | SolverChoice:
    if key == "solvers":
        return convert(table, SolverChoice, place, OptionError)
    kinds = [kind for word, kind in KINDS.items() if isinstance(table, dict) and word in table]
    if len(kinds) != 1:
        raise OptionError(f"{place} must have either files or generate or testset.")
    return convert(table, kinds[0], place, OptionError)


def _folder() -> Any:
    return resources.files("redwood.benchmarks") / "suites"
