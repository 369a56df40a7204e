"""Whether the runner keeps its limits whatever a solver does: ``python benchmarks/studies/limits.py PLUGIN.py``.

The plugin is ``tests/plugins_for_tests/countdown.py`` of a checkout, or another that offers the same misbehaviour.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redwood.benchmarks.planning import make_plan
from redwood.benchmarks.records import Run, read_records
from redwood.benchmarks.runner import run_plan
from redwood.benchmarks.suite import parse_suite
from redwood.execution.executors.local import Local
from redwood.plugins.host import host

MISBEHAVIOUR = {
    "sleeps for ever": 'name = "hang"',
    "never lets go": 'name = "rude"\noptions = { manner = "stuck" }',
    "starts a child": 'name = "rude"\noptions = { manner = "fork" }',
    "starts 12 sessions": 'name = "rude"\noptions = { manner = "breed" }',
    "leaves a daemon": 'name = "rude"\noptions = { manner = "daemon" }',
    "eats memory": 'name = "rude"\noptions = { manner = "eat" }',
    "prints without end": 'name = "rude"\noptions = { manner = "rave" }',
    "garbage in all pipes": 'name = "rude"\noptions = { manner = "scribble" }',
    "segfaults": 'name = "rude"',
    "raises": 'name = "crash"',
    "breaks the rules": 'name = "cheat"',
    "lies about its bound": 'name = "cheat"\noptions = { wrong = "proof" }',
    "behaves": 'name = "steps"',
}
"""What each solver does, and how a suite asks for it."""

MARK = "REDWOOD_LIMITS_MARK"


@dataclass(frozen=True)
class Row:
    """One kind of misbehaviour over all of its runs.

    Attributes
    ----------
    endings
        Status, termination and objective that were recorded, each once.
    overruns
        Seconds past the time limit when nothing of the job was left; negative where it ended before.
    """

    label: str
    endings: tuple[str, ...]
    overruns: tuple[float, ...]


def main(arguments: list[str] | None = None) -> int:
    """Run solvers that misbehave, print how each was recorded and how long after its limit it was gone.

    Exit code 1 where one outlived its limit by more than the bar, or left a process behind.
    """
    parser = argparse.ArgumentParser(prog="python benchmarks/studies/limits.py", description=main.__doc__)
    parser.add_argument("plugin", type=Path, metavar="PLUGIN.py")
    parser.add_argument("--runs", type=int, default=5, help="of each, by default 5")
    parser.add_argument("--time-limit", type=float, default=1.0, help="seconds, by default 1")
    parser.add_argument("--memory-gb", type=float, default=0.6, help="memory limit, by default 0.6")
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time, by default 1")
    parser.add_argument("--bar", type=float, default=0.5, help="seconds past the limit that are too many, by default 0.5")
    settings = parser.parse_args(arguments)
    host().load_file(settings.plugin.resolve())
    os.environ[MARK] = mark = uuid.uuid4().hex
    with tempfile.TemporaryDirectory() as folder:
        run_plan(_plan(settings), Path(folder), executor=Local(settings.jobs))
        records = [record for record in read_records(Path(folder)) if isinstance(record, Run)]
    left = processes_with(f"{MARK}={mark}")
    rows = [_row(label, [record for record in records if record.label == label]) for label in MISBEHAVIOUR]
    for row in rows:
        worst = f"{max(row.overruns):+.3f} at most, {statistics.median(row.overruns):+.3f} in the middle"
        sys.stdout.write(f"{row.label:22s} {'; '.join(row.endings):58s} {worst}\n")
    worst_of_all = max(max(row.overruns) for row in rows)
    sys.stdout.write(f"{len(records)} jobs, {worst_of_all:.3f} s past the limit at most, {len(left)} processes left over.\n")
    return 1 if worst_of_all > settings.bar or left else 0


def _plan(settings: argparse.Namespace) -> Any:
    solvers = "".join(f'[[solvers]]\nlabel = "{label}"\n{words}\n' for label, words in MISBEHAVIOUR.items())
    text = f"""
        time_limit = {settings.time_limit}
        bound_time_limit = 0
        memory_gb = {settings.memory_gb}
        [[instances]]
        generate = "countdown"
        sizes = [30]
        seeds = {list(range(settings.runs))}
        {solvers}
    """
    return make_plan(parse_suite("limits", text))


def _row(label: str, records: Sequence[Run]) -> Row:
    results = [record.result for record in records]
    endings = {f"{result.status}, {result.termination}, {result.objective}" for result in results}
    overruns = (record.result.seconds.solve - record.time_limit for record in records)
    return Row(label, tuple(sorted(endings)), tuple(overruns))


def processes_with(mark: str) -> list[int]:
    """Return the processes that were started with a mark in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:  # it has ended, or is another user's
            continue
    return found


if __name__ == "__main__":
    sys.exit(main())
