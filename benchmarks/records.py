"""Records of finished jobs, one line of JSON each, appended so that a crash loses none of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

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
LARGEST = 1 << 28
"""Bytes of the records of a job, at most."""
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
    case: Case


class Run(_JobRecord, frozen=True, kw_only=True, tag_field="kind", tag="run"):
    """A finished run.

    Attributes
    ----------
    batch
        How many instances the job solved at once. Limit and seconds are then shares of the batch's, and the only improvement
        comes after the seconds of the share.
    """

    solver: str
    label: str
    options: dict[str, Any]
    seed: Whole
    iterations: Count | None
    batch: Count = 1
    result: RunResult

    @property
    def is_refused(self) -> bool:
        """Whether the solver does not take the instance, so that the run says nothing of how good it is."""
        return self.result.status is Status.REFUSED


class Bound(_JobRecord, frozen=True, kw_only=True, tag_field="kind", tag="bound"):
    """A finished bound of an instance, by the problem itself."""

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


Finished = Run | Bound
Record = Finished | Session | Host
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
    last = {_key(record): position for position, record in enumerate(records)}
    return [record for position, record in enumerate(records) if last[_key(record)] == position]


def _key(record: Record) -> object:
    """Return what a record shares with those that it takes the place of."""
    return (record.job, getattr(record, "seed", 0)) if isinstance(record, Finished) else id(record)


def _parsed(line: bytes, place: str) -> Record | None:
    try:
        return _decoder.decode(line)
    except msgspec.ValidationError as error:
        data = parse_json(line.decode(errors="replace"), place)
        _check_format(data, place)
        tag = data.get("kind") if isinstance(data, dict) else None
        kinds = [kind for kind in get_args(Record) if kind.__struct_config__.tag == tag]
        raise FormatError(f"{place}{explain(error, data, *kinds)}") from error
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
    if not file.exists():
        raise FormatError(f"{folder}: holds no benchmark run ({PLAN}).")
    data = parse_json(read_text(file), file)
    _check_format(data, str(file))
    return convert(data, KeptPlan, str(file))


def write_plan(folder: Path, plan: KeptPlan) -> None:
    """Write the plan of a folder."""
    write_text(folder / PLAN, msgspec.json.format(msgspec.json.encode(plan)).decode())


Append = Callable[..., None]
"""Appends records in one write; they are on the disk when it returns."""


def _append(descriptor: int, *records: Record) -> None:
    lines = b"".join(msgspec.json.encode(record) + b"\n" for record in records)
    if len(lines) > LARGEST:
        raise OutputError(f"{RECORDS}: records of {len(lines)} bytes are above the limit of {LARGEST} bytes.")
    if os.fstat(descriptor).st_nlink == 0:
        raise ExecutorError(f"{RECORDS} was removed while the run was writing to it; nothing more can be recorded.")
    try:
        if (written := os.write(descriptor, lines)) != len(lines):
            raise OSError(f"only {written} of {len(lines)} bytes were taken")
        os.fsync(descriptor)
    except OSError as error:
        raise OutputError(f"{RECORDS}: cannot be written: {error.strerror or error}.") from error


@contextmanager
def open_ledger(folder: Path) -> Iterator[Append]:
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
                yield partial(_append, descriptor)
            finally:
                os.close(descriptor)
    except Timeout as error:
        raise OptionError(f"{folder}: another run is writing its records there.") from error
