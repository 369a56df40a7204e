"""From a suite to jobs: every instance is read once, and every run gets a name that does not change."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import msgspec

from redwood.benchmarks import testsets
from redwood.benchmarks.known import BestKnown
from redwood.benchmarks.suite import EVERY, DrawnSet, FileSet, InstanceSet, SolverChoice, Suite, TestSet
from redwood.benchmarks.typed import Typed, Value, Whole
from redwood.budget import Sense
from redwood.errors import FormatError, OptionError
from redwood.plugins.host import host
from redwood.plugins.spec import Determinism
from redwood.problem import Instance
from redwood.solving.read import generate, read
from redwood.solving.solve import make_solver
from redwood.views.bound import Bound


class Source(Typed, frozen=True, omit_defaults=True):
    """Where an instance comes from: a file below the data folder, a draw of a generator, or a place in a test set."""

    file: str | None = None
    problem: str | None = None
    generate: str | None = None
    size: Whole = 0
    seed: Whole = 0
    options: dict[str, Any] = msgspec.field(default_factory=dict)
    testset: str | None = None
    index: Whole = 0

    def __post_init__(self) -> None:
        if [self.file, self.generate, self.testset].count(None) != 2:
            raise ValueError("expected either file or generate or testset")
        if self.file is not None and (PurePath(self.file).is_absolute() or ".." in PurePath(self.file).parts):
            raise ValueError(f"file {self.file!r} is not below the data folder")

    @property
    def name(self) -> str:
        """The name of a draw, by which the report tells it from others; empty for files, which have names."""
        return "" if self.generate is None else f"{self.generate.replace('/', '-')}-{self.size}-s{self.seed}"

    def load(self, data: Path | None) -> Instance:
        """Return the instance, read or drawn anew."""
        if self.file is not None:
            return read((data or Path()) / self.file, self.problem)
        if self.testset is not None:
            return testsets.load(self.testset, self.size, self.index, data)
        return generate(self.generate or "", self.size, self.seed, **self.options)


class Case(Typed, frozen=True):
    """One instance as the records speak of it."""

    problem: str
    name: str
    size: Whole
    sense: Sense
    fingerprint: str
    best_known: Value | None
    source: Source


class Job(Typed, frozen=True):
    """One thing to do in a process of its own: a run of a solver, or (``solver`` empty) the bound of an instance.

    Attributes
    ----------
    cases
        The instance, or those of a batch, all of one size.
    time_limit
        Seconds; of a batch, for all of its instances together.
    """

    id: str
    cases: tuple[Case, ...]
    solver: str
    label: str
    options: dict[str, Any]
    seed: int
    time_limit: float
    iterations: int | None
    threads: int
    memory_gb: float | None

    @property
    def case(self) -> Case:
        """The first instance, which is the only one but for batches."""
        return self.cases[0]


@dataclass(frozen=True)
class Plan:
    """The jobs of a suite, in order, and what was left out, in words."""

    suite: Suite
    data: Path | None
    jobs: tuple[Job, ...]
    skipped: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """The sum of the time limits: the most that solving takes on one core, beyond loading and compiling."""
        return sum(job.time_limit for job in self.jobs)


def make_plan(suite: Suite, data: Path | None = None) -> Plan:
    """Return the jobs of a suite.

    Parameters
    ----------
    suite
        What to run.
    data
        The folder that the suite's files are relative to.

    Raises
    ------
    RedwoodError
        Where a file is missing or wrong, a solver or an option unknown, or a solver does not fit a problem that it is
        named for.
    """
    jobs: dict[str, Job] = {}
    skipped: dict[str, None] = {}
    for part in suite.instances:
        limit = suite.time_limit if part.time_limit is None else part.time_limit
        for job in _jobs(suite, list(_cases(part, data)), limit, skipped):
            jobs.setdefault(job.id, job)
    return Plan(suite, data, tuple(jobs.values()), tuple(skipped))


def _cases(part: InstanceSet, data: Path | None) -> Iterator[Case]:
    for source, known in _sources(part, data):
        instance = source.load(data)
        if isinstance(part, FileSet) and not part.min_size <= instance.size <= (part.max_size or instance.size):
            continue
        problem = host().problem(instance.problem)
        yield Case(
            problem=problem.name,
            name=source.name or instance.name,
            size=instance.size,
            sense=problem.sense,
            fingerprint=instance.fingerprint(),
            best_known=instance.best_known if known is None else known,
            source=source,
        )


def _sources(part: InstanceSet, data: Path | None) -> Iterator[tuple[Source, float | None]]:
    """Yield where the instances of a set come from, with the best known values that a table has."""
    if isinstance(part, DrawnSet):
        for size, seed in itertools.product(part.sizes, part.seeds):
            yield Source(generate=part.generate, size=size, seed=seed, options=part.options), None
    elif isinstance(part, TestSet):
        for size, index in itertools.product(part.sizes, range(part.count)):
            yield Source(testset=part.testset, size=size, index=index), None
    elif data is None:
        raise OptionError("the suite takes instance files; name their folder with --data or REDWOOD_DATA.")
    else:
        known = BestKnown({}) if part.best_known is None else BestKnown.read(data / part.best_known)
        for file in _files(part, data):
            yield Source(file=file.as_posix(), problem=part.problem), known.value(file)


def _files(part: FileSet, data: Path) -> list[PurePath]:
    """Return the files that the patterns name, relative to the data folder, in order of their names."""
    found: dict[PurePath, None] = {}
    for pattern in part.files:
        matched = sorted(file.relative_to(data) for file in data.glob(pattern) if file.is_file())
        if not matched:
            raise FormatError(f"pattern {pattern!r} matches no file below {data}.")
        found |= dict.fromkeys(matched)
    for file in found:
        if not str(file).isprintable():
            raise FormatError(f"file name {str(file)!r} cannot be recorded: it is no UTF-8, or has control characters.")
    return [file for file in found if not any(file.match(pattern) for pattern in part.exclude)]


def _jobs(suite: Suite, cases: Sequence[Case], limit: float, skipped: dict[str, None]) -> Iterator[Job]:
    """Yield the jobs of a set of instances: of each its bound and its runs, then the batches."""
    for case in cases:
        if suite.bound_time_limit > 0 and host().problem(case.problem).offers(Bound):
            yield _job(suite, [case], "", "", {}, 0, suite.bound_time_limit)
        for choice in suite.solvers:
            if choice.batch is None and choice.takes(case.problem, case.size):
                yield from _runs(suite, choice, [[case]], limit, skipped)
    by_size: dict[tuple[str, int], list[Case]] = {}
    for case in cases:
        by_size.setdefault((case.problem, case.source.size or case.size), []).append(case)
    for choice in suite.solvers:
        for (problem, size), members in by_size.items():
            if choice.batch is not None and choice.takes(problem, size):
                groups = [members[start : start + choice.batch] for start in range(0, len(members), choice.batch)]
                yield from _runs(suite, choice, groups, limit, skipped)


def _runs(
    suite: Suite, choice: SolverChoice, groups: Sequence[Sequence[Case]], limit: float, skipped: dict[str, None]
) -> Iterator[Job]:
    """Yield the runs of a choice on groups of instances that it gets at once."""
    problem = groups[0][0].problem
    for name in _names(choice, problem, skipped):
        solver: Any = host().solver_entry(name, problem).load() if choice.batch is not None else None
        if solver is not None and not solver.batches():
            raise OptionError(f"solver {name!r} solves one instance at a time; drop its batch.")
        label = choice.label or name + "".join(f" {key}={value}" for key, value in choice.options.items())
        for seed, cases in itertools.product(_seeds(name, problem, suite.seeds), groups):
            at_once = f", {len(cases)} at once" * (len(cases) > 1)
            yield _job(suite, cases, name, label + at_once, choice.options, seed, limit * len(cases))


def _names(choice: SolverChoice, problem: str, skipped: dict[str, None]) -> list[str]:
    if choice.name == EVERY:
        entries = [entry for entry in host().fitting(problem) if entry.spec.name not in choice.excluded]
    elif choice.name == "auto":
        return ["auto"]
    else:
        entries = [host().solver_entry(choice.name, problem)]
    for entry in entries:
        if entry.missing:
            skipped[f"{entry.spec.name} for {problem} is not installed: {'; '.join(entry.missing)}"] = None
        elif choice.options:
            make_solver(entry, choice.options)  # wrong options are known before the first job
    return sorted({entry.spec.name for entry in entries if not entry.missing})


def _seeds(name: str, problem: str, seeds: Sequence[int]) -> Sequence[int]:
    if name == "auto":
        return seeds
    determinism = host().solver_entry(name, problem).spec.determinism
    return seeds[:1] if determinism is Determinism.DETERMINISTIC else seeds


def _job(
    suite: Suite, cases: Sequence[Case], solver: str, label: str, options: dict[str, Any], seed: int, limit: float
) -> Job:
    """Return a job, whose identity is a digest of all that its answer depends on; what can only fail it is left out."""
    prints = [case.fingerprint for case in cases]
    key = [cases[0].source, prints, solver, options, seed, limit, suite.iterations, suite.threads]
    return Job(
        id=hashlib.sha256(msgspec.json.encode(key, order="deterministic")).hexdigest()[:16],
        cases=tuple(cases),
        solver=solver,
        label=label,
        options=options,
        seed=seed,
        time_limit=limit,
        iterations=suite.iterations,
        threads=suite.threads,
        memory_gb=suite.memory_gb,
    )
