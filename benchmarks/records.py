"""Records of finished jobs, one line of JSON each, appended so that a crash loses none of them."""

from __future__ import annotations

import fcntl
import json
import math
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redwood.errors import ExecutorError, FormatError, OptionError, OutputError

RECORDS = "records.jsonl"
LARGEST = 1 << 28
"""Bytes of a record, at most."""

JOB_KINDS = ("run", "bound", "batch")
"""Kinds of records that a job leaves; the others tell of sessions and machines."""


def read_records(folder: Path) -> list[dict[str, Any]]:
    """Return the records in a folder, in the order in which they were written; of a job that was retried the last one.

    A line that was cut off by a crash is passed over: its job is not finished, and is run again on resuming.

    Raises
    ------
    FormatError
        Where the folder holds no records.
    """
    try:
        text = (folder / RECORDS).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise FormatError(f"{folder}: holds no benchmark records ({RECORDS}): {error.strerror}.") from error
    records = [record for line in text.split("\n") if (record := _parsed(line)) is not None]
    last = {record["job"]: position for position, record in enumerate(records) if record["kind"] in JOB_KINDS}
    return [record for position, record in enumerate(records) if last.get(record.get("job", ""), position) == position]


def expanded(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return records with a run for each instance in the place of each batch; its seconds are its share of the batch's.

    The limit is its share too, and its only improvement comes after the seconds of its share.
    """
    return [part for record in records for part in (_parts(record) if record["kind"] == "batch" else [record])]


def _parts(batch: dict[str, Any]) -> list[dict[str, Any]]:
    count = len(batch["cases"])
    shared = {key: value for key, value in batch.items() if key not in ("cases", "results")}
    parts = []
    for index, (case, result) in enumerate(zip(batch["cases"], batch["results"], strict=True)):
        objective, seconds = result["objective"], result["seconds"]["solve"]
        result = result | {"trajectory": [] if objective is None else [[seconds, objective]]}
        part = {
            "kind": "run",
            "case": case,
            "batch": count,
            "seed": batch["seed"] + index,
            "solution": result.get("solution"),
        }
        part |= {"label": f"{batch['label']}, {count} at once", "time_limit": batch["time_limit"] / count, "result": result}
        parts.append(shared | part)
    return parts


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):  # no JSON, a number of thousands of digits, or brackets without end
        return None
    if not isinstance(record, dict) or not isinstance(record.get("kind"), str):
        return None
    return record if record["kind"] not in JOB_KINDS or isinstance(record.get("job"), str) else None


class Ledger:
    """Appends records to a folder's file; each is one write, and is on the disk when `append` returns."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def append(self, record: dict[str, Any]) -> None:
        """Append one record."""
        line = json.dumps(_finite(record), allow_nan=False).encode() + b"\n"
        if len(line) > LARGEST:
            raise OutputError(f"{RECORDS}: a record of {len(line)} bytes is above the limit of {LARGEST} bytes.")
        with self._lock:
            if os.fstat(self._descriptor).st_nlink == 0:
                raise ExecutorError(f"{RECORDS} was removed while the run was writing to it; nothing more can be recorded.")
            try:
                written = os.write(self._descriptor, line)
                if written != len(line):
                    raise OSError(f"only {written} of {len(line)} bytes of a record could be written")
                os.fsync(self._descriptor)
            except OSError as error:
                raise OutputError(f"{RECORDS}: cannot be written: {error.strerror or error}.") from error


def _finite(value: Any) -> Any:
    """Return plain data with ``None`` in the place of infinities and NaN, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    return value


@contextmanager
def open_ledger(folder: Path) -> Iterator[Ledger]:
    """Open a folder's records for appending, for this process alone.

    Raises
    ------
    OptionError
        Where another process is writing there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / RECORDS, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OptionError(f"{folder}: another run is writing its records there.") from error
        _end_torn_line(descriptor)
        yield Ledger(descriptor)
    finally:
        os.close(descriptor)


def _end_torn_line(descriptor: int) -> None:
    """Give a last line without an end an end, so that the next record does not continue it."""
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        os.write(descriptor, b"\n")
