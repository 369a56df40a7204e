"""Records of finished jobs, one line of JSON each, appended so that a crash loses none of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from filelock import FileLock, Timeout
from msgspec import Meta

from redwood.benchmarks.planning import Case
from redwood.benchmarks.provenance import Machine
from redwood.benchmarks.typed import Count, Limit, Magnitude, Seconds, Typed, Value, Whole, convert, explain
from redwood.budget import Termination
from redwood.errors import ExecutorError, FormatError, OptionError, OutputError
from redwood.files import parse_json, read_text, write_text
from redwood.result import Status

RECORDS = "records.jsonl"
PLAN = "plan.json"
SOLUTIONS = "solutions"
FORMAT: Final = 2
"""Of plans and records; those of Redwood 0.1 had no number."""


class Times(Typed, frozen=True):
    """Seconds of one result, as `redwood.result.Timing`."""

    solve: Seconds = 0.0
    compile: Seconds = 0.0
    load: Seconds = 0.0


class RunResult(Typed, frozen=True):
    """What a run came to on one instance.

    Attributes
    ----------
    margin
        Error of the objective, where it is an estimate.
    trajectory
        Seconds and objective of each improvement.
    solution
        The file of the best solution below the run's folder.
    """

    solver: str
    status: Status
    termination: Termination
    version: str = ""
    objective: Value | None = None
    bound: Value | None = None
    margin: Magnitude = 0.0
    seconds: Times = Times()
    trajectory: tuple[tuple[Seconds, Value], ...] = ()
    solution: Annotated[str, Meta(pattern=r"^solutions/[0-9a-z-]+\.json$")] | None = None
    message: str = ""


class BoundResult(Typed, frozen=True):
    """What the problem's own bound of an instance came to."""

    bound: Value | None
    method: str
    seconds: Times
    message: str


class Process(Typed, frozen=True):
    """The process of a job.

    Attributes
    ----------
    seconds
        Of the whole process.
    cpu_share
        Processor seconds a second of the search; ``None`` where that is not known or too short to tell.
    load_average
        Of the machine when it began.
    cores
        Those that it was bound to.
    host
        Name of the machine.
    """

    seconds: Seconds
    cpu_share: Value | None
    peak_mb: Value | None
    load_average: Value | None
    cores: tuple[int, ...]
    host: str


class Code(Typed, frozen=True):
    """Plugin, version and digest of the sources of solver and problem, single-file plugins included."""

    digest: str = ""
    plugin: str = ""
    version: str = ""


class _JobRecord(Typed, frozen=True, kw_only=True):
    job: str
    suite: str
    session: str
    started: str
    time_limit: Limit
    threads: Count
    memory_gb: Limit | None
    process: Process
    code: Code


class _SolverRecord(_JobRecord, frozen=True, kw_only=True):
    solver: str
    label: str
    options: dict[str, Any]
    seed: Whole
    iterations: Count | None


class Run(_SolverRecord, frozen=True, kw_only=True, tag_field="kind", tag="run"):
    """A finished run; ``batch`` is the number of instances that were solved at once, where it is a part of a batch."""

    case: Case
    result: RunResult
    batch: Count | msgspec.UnsetType = msgspec.UNSET


class Batch(_SolverRecord, frozen=True, kw_only=True, tag_field="kind", tag="batch"):
    """A finished run on several instances at once, with the limit and the process of all."""

    cases: tuple[Case, ...]
    results: tuple[RunResult, ...]

    def __post_init__(self) -> None:
        if len(self.cases) != len(self.results) or not self.cases:
            raise ValueError(f"expected a result for each of one instance or more, got {len(self.results)}")


class Bound(_JobRecord, frozen=True, kw_only=True, tag_field="kind", tag="bound"):
    """A finished bound of an instance, by the problem itself."""

    case: Case
    result: BoundResult


class Session(Typed, frozen=True, kw_only=True, tag_field="kind", tag="session"):
    """One call of the runner: what it ran on, and how many jobs at a time, on how many cores where those are its own."""

    session: str
    started: str
    executor: str
    jobs: Count
    machine: Machine
    usable_cores: Count | None = None
    oversubscribed: bool = False
    format: Literal[2] = FORMAT


class Host(Typed, frozen=True, kw_only=True, tag_field="kind", tag="machine"):
    """A machine that an executor has chosen."""

    session: str
    host: str
    machine: Machine


class KeptPlan(Typed, frozen=True):
    """What ``plan.json`` of a folder says: the suite as it was, and where its files are."""

    suite: str
    data: str | None
    text: str
    format: Literal[2] = FORMAT


Finished = Run | Batch | Bound
Record = Finished | Session | Host
RecordT = TypeVar("RecordT", bound=Record)
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def read_records(folder: Path) -> list[Record]:
    """Return the records in a folder, in the order in which they were written; of a job that was retried the last one.

    A line that was cut off by a crash is passed over: its job is not finished, and is run again on resuming.

    Raises
    ------
    FormatError
        Where the folder holds no records, those of another version, or damaged ones.
    """
    file = folder / RECORDS
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise FormatError(f"{folder}: holds no benchmark records ({RECORDS}): {error.strerror}.") from error
    numbered = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    records = [record for number, line in numbered if (record := _parsed(line, f"{file}, line {number}")) is not None]
    last = {record.job: position for position, record in enumerate(records) if isinstance(record, Finished)}
    return [r for i, r in enumerate(records) if not isinstance(r, Finished) or last[r.job] == i]


def _parsed(line: bytes, place: str) -> Record | None:
    try:
        return _decoder.decode(line)
    except msgspec.ValidationError as error:
        data = parse_json(line.decode(errors="replace"), place)
        _check_format(data, place)
        raise FormatError(f"{place}{explain(error, data, Record)}") from error
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        if "truncated" in str(error):
            return None
        raise FormatError(f"{place}: is no record: {error}.") from error


def _check_format(data: Any, place: str) -> None:
    """Raise a FormatError where plan or session are those of another version of Redwood."""
    if isinstance(data, dict) and data.get("kind", "session") == "session" and data.get("format") != FORMAT:
        found = data.get("format", "that of Redwood 0.1")
        raise FormatError(f"{place}: format {found!r:.40}; expected {FORMAT}. Run the suite anew, in another folder.")


def read_plan(folder: Path) -> KeptPlan:
    """Return what the plan of a folder says.

    Raises
    ------
    FormatError
        Where the folder has none, that of another version, or a damaged one.
    """
    file = folder / PLAN
    data = parse_json(read_text(file), file)
    _check_format(data, str(file))
    return convert(data, KeptPlan, str(file))


def write_plan(folder: Path, plan: KeptPlan) -> None:
    """Write the plan of a folder."""
    write_text(folder / PLAN, msgspec.json.format(msgspec.json.encode(plan)).decode())


def expanded(records: Iterable[Record]) -> list[Run | Bound | Session | Host]:
    """Return records with a run for each instance in the place of each batch; its seconds are its share of the batch's.

    The limit is its share too, and its only improvement comes after the seconds of its share.
    """
    parts: list[Run | Bound | Session | Host] = []
    for record in records:
        parts += _runs(record) if isinstance(record, Batch) else [record]
    return parts


def _runs(batch: Batch) -> Iterator[Run]:
    count = len(batch.cases)
    shared = {name: getattr(batch, name) for name in _SolverRecord.__struct_fields__}
    shared |= {"label": f"{batch.label}, {count} at once", "time_limit": batch.time_limit / count}
    for index, (case, result) in enumerate(zip(batch.cases, batch.results, strict=True)):
        found = () if result.objective is None else ((result.seconds.solve, result.objective),)
        own = {"seed": batch.seed + index, "result": msgspec.structs.replace(result, trajectory=found)}
        yield Run(**shared | own, case=case, batch=count)


class Ledger:
    """Appends records to a folder's file; each is one write, and is on the disk when `append` returns."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def append(self, record: Record) -> None:
        """Append one record."""
        line = msgspec.json.encode(record) + b"\n"
        with self._lock:
            if os.fstat(self._descriptor).st_nlink == 0:
                raise ExecutorError(f"{RECORDS} was removed while the run was writing to it; nothing more can be recorded.")
            written = os.write(self._descriptor, line)
            if written != len(line):
                raise OutputError(f"{RECORDS}: only {written} of {len(line)} bytes of a record could be written.")
            os.fsync(self._descriptor)


@contextmanager
def open_ledger(folder: Path) -> Iterator[Ledger]:
    """Open a folder's records for appending, for this process alone.

    Raises
    ------
    OptionError
        Where another process is writing there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / f"{RECORDS}.lock", timeout=0):
            descriptor = os.open(folder / RECORDS, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                size = os.fstat(descriptor).st_size
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    os.write(descriptor, b"\n")  # ends a torn line, so that the next record does not continue it
                yield Ledger(descriptor)
            finally:
                os.close(descriptor)
    except Timeout as error:
        raise OptionError(f"{folder}: another run is writing its records there.") from error
