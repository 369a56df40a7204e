"""From a suite to jobs: every instance is read once, and every run gets a name that does not change."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from redwood.benchmarks import testsets
from redwood.benchmarks.known import BestKnown
from redwood.benchmarks.suite import EVERY, InstanceSet, SolverChoice, Suite
from redwood.errors import FormatError, OptionError
from redwood.plugins.host import host
from redwood.plugins.spec import Determinism
from redwood.problem import Instance
from redwood.solving.read import generate, read
from redwood.solving.solve import make_solver
from redwood.views.bound import Bound

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """Where an instance comes from: a file below the data folder, a draw of a generator, or a place in a test set."""

    file: str | None = None
    problem: str | None = None
    generate: str | None = None
    size: int = 0
    seed: int = 0
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    testset: str | None = None
    index: int = 0

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

    def to_dict(self) -> dict[str, Any]:
        """Return what is set, as plain data."""
        if self.file is not None:
            return {"file": self.file, "problem": self.problem}
        if self.testset is not None:
            return {"testset": self.testset, "size": self.size, "index": self.index}
        return {"generate": self.generate, "size": self.size, "seed": self.seed, "options": dict(self.options)}


@dataclass(frozen=True)
class Case:
    """One instance as the records speak of it."""

    problem: str
    name: str
    size: int
    sense: str
    fingerprint: str
    best_known: float | None
    source: Source

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {**vars(self), "source": self.source.to_dict()}


@dataclass(frozen=True)
class Job:
    """One thing to do in a process of its own: a run of a solver, or (``solver`` empty) the bound of an instance.

    Attributes
    ----------
    time_limit
        Seconds; of a batch, for all of its instances together.
    more
        The other instances of a batch, all of one size.
    """

    id: str
    case: Case
    solver: str
    label: str
    options: Mapping[str, Any]
    seed: int
    time_limit: float
    iterations: int | None
    threads: int
    memory_gb: float | None
    more: tuple[Case, ...] = ()

    @property
    def cases(self) -> tuple[Case, ...]:
        """All instances, one but for batches."""
        return (self.case, *self.more)


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
        cases = list(_cases(part, data))
        for case in cases:
            for job in [*_bound_jobs(suite, case), *_runs(suite, case, limit, skipped)]:
                jobs.setdefault(job.id, job)
        for job in _batches(suite, cases, limit, skipped):
            jobs.setdefault(job.id, job)
    return Plan(suite, data, tuple(jobs.values()), tuple(skipped))


def _cases(part: InstanceSet, data: Path | None) -> Iterator[Case]:
    for source, known in _sources(part, data):
        instance = source.load(data)
        if part.min_size <= instance.size and (part.max_size is None or instance.size <= part.max_size):
            problem = host().problem(instance.problem)
            facts = (source.name or instance.name, instance.size, str(problem.sense), instance.fingerprint())
            yield Case(problem.name, *facts, instance.best_known if known is None else known, source)


def _sources(part: InstanceSet, data: Path | None) -> Iterator[tuple[Source, float | None]]:
    if part.generate is not None:
        for size in part.sizes:
            for seed in part.seeds:
                yield Source(generate=part.generate, size=size, seed=seed, options=dict(part.options)), None
        return
    if part.testset is not None:
        for size in part.sizes:
            for index in range(part.count):
                yield Source(testset=part.testset, size=size, index=index), None
        return
    if data is None:
        raise OptionError("the suite takes instance files; name their folder with --data or REDWOOD_DATA.")
    known = BestKnown({}) if part.best_known is None else BestKnown.read(data / part.best_known)
    for file in _files(part, data):
        yield Source(file=file.as_posix(), problem=part.problem), known.value(file)


def _files(part: InstanceSet, data: Path) -> list[PurePath]:
    """Return the files that the patterns name, relative to the data folder, in order of their names."""
    found: dict[PurePath, None] = {}
    for pattern in part.files:
        matched = sorted(file.relative_to(data) for file in data.glob(pattern) if file.is_file())
        if not matched:
            raise FormatError(f"pattern {pattern!r} matches no file below {data}.")
        found |= dict.fromkeys(matched)
    return [file for file in found if not any(file.match(pattern) for pattern in part.exclude)]


def _bound_jobs(suite: Suite, case: Case) -> Iterator[Job]:
    if suite.bound_time_limit > 0 and host().problem(case.problem).offers(Bound):
        yield _job(case, "", "", {}, 0, suite.bound_time_limit, None, suite)


def _runs(suite: Suite, case: Case, limit: float, skipped: dict[str, None]) -> Iterator[Job]:
    for choice in suite.solvers:
        if choice.takes(case.problem, case.size) and not choice.batch:
            for name in _names(choice, case.problem, skipped):
                label = choice.label or _label(name, choice.options)
                for seed in _seeds(name, case.problem, suite.seeds):
                    yield _job(case, name, label, choice.options, seed, limit, suite.iterations, suite)


def _batches(suite: Suite, cases: Sequence[Case], limit: float, skipped: dict[str, None]) -> Iterator[Job]:
    """Yield the jobs of the solvers that get several instances of a size at once."""
    by_size: dict[tuple[str, int], list[Case]] = {}
    for case in cases:
        by_size.setdefault((case.problem, case.source.size or case.size), []).append(case)
    for choice in suite.solvers:
        for (problem, size), members in by_size.items():
            if not choice.batch or not choice.takes(problem, size):
                continue
            for name in _names(choice, problem, skipped):
                label = choice.label or _label(name, choice.options)
                _check_batches(name, problem)
                for seed in _seeds(name, problem, suite.seeds):
                    for start in range(0, len(members), choice.batch):
                        yield _batch(members[start : start + choice.batch], name, label, choice.options, seed, limit, suite)


def _check_batches(name: str, problem: str) -> None:
    solver: Any = host().solver_entry(name, problem).load()
    if not solver.batches():
        raise OptionError(f"solver {name!r} solves one instance at a time; drop its batch.")


def _batch(
    cases: Sequence[Case], name: str, label: str, options: Mapping[str, Any], seed: int, limit: float, suite: Suite
) -> Job:
    job = _job(cases[0], name, label, options, seed, limit * len(cases), suite.iterations, suite)
    if len(cases) == 1:  # the same as alone
        return job
    key = ["batch", job.id, *(case.fingerprint for case in cases)]
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
    return dataclasses.replace(job, id=digest, more=tuple(cases[1:]))


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


def _label(name: str, options: Mapping[str, Any]) -> str:
    return name + "".join(f" {key}={value}" for key, value in options.items())


def _job(
    case: Case,
    solver: str,
    label: str,
    options: Mapping[str, Any],
    seed: int,
    limit: float,
    iterations: int | None,
    suite: Suite,
) -> Job:
    key = [case.source.to_dict(), case.fingerprint, solver, dict(options), seed, limit, iterations, suite.threads]
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    return Job(digest, case, solver, label, options, seed, float(limit), iterations, suite.threads, suite.memory_gb)
