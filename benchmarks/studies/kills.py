"""Whether a run that is killed again and again ends like one left alone: ``python benchmarks/studies/kills.py``."""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redwood.benchmarks.records import Run, read_records
from redwood.errors import FormatError

SUITE = """
time_limit = 60
bound_time_limit = 0
iterations = 50
seeds = {seeds}
[[instances]]
generate = "knapsack/uniform"
sizes = [20]
[[solvers]]
name = "random"
"""


@dataclass(frozen=True)
class Trial:
    """A killed run beside one left alone.

    Attributes
    ----------
    finished
        How many jobs had a record at each kill.
    same
        Whether both have the same answers to the same jobs, each once.
    lost
        Jobs whose record was there before a kill and not after it.
    """

    finished: tuple[int, ...]
    same: bool
    lost: int


def main(arguments: list[str] | None = None) -> int:
    """Kill a runner at random moments with `kill -9`, resume it, and compare its records; exit code 1 where they differ."""
    parser = argparse.ArgumentParser(prog="python benchmarks/studies/kills.py", description=main.__doc__)
    parser.add_argument("--kills", type=int, default=10, help="how often, by default 10")
    parser.add_argument("--count", type=int, default=200, help="how many jobs, by default 200")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    settings = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        trial = try_kills(Path(folder), settings.kills, settings.count, random.Random(settings.seed))
    sys.stdout.write(
        f"{settings.count} jobs, killed {len(trial.finished)} times with {', '.join(map(str, trial.finished))} finished: "
        f"{'the same records as' if trial.same else 'OTHER RECORDS THAN'} a run left alone, {trial.lost} records lost.\n"
    )
    return 0 if trial.same and not trial.lost else 1


def try_kills(folder: Path, kills: int, count: int, rng: random.Random) -> Trial:
    """Run a suite of ``count`` jobs twice in a folder, once left alone and once killed ``kills`` times.

    A kill comes at a random moment between two records, so that all fall into the run however fast the machine is.
    """
    suite = folder / "kills.toml"
    suite.write_text(SUITE.format(seeds=list(range(count))), encoding="utf-8")
    alone, killed = folder / "alone", folder / "killed"
    _start("run", suite, "--out", alone).wait()
    finished, lost = [], 0
    for target in sorted(rng.randrange(count - 1) for _ in range(kills)):
        runner = _start("run", suite, "--out", killed)
        while len(_jobs(killed)) <= target and runner.poll() is None:
            time.sleep(0.02)
        time.sleep(rng.uniform(0.0, 0.1))  # somewhere between this record and a later one
        before = set(_jobs(killed))
        runner.send_signal(signal.SIGKILL)
        runner.wait()
        finished.append(len(_jobs(killed)))
        lost += len(before - set(_jobs(killed)))
    _start("resume", killed).wait()
    return Trial(tuple(finished), _answers(alone) == _answers(killed), lost)


def _start(*words: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "redwood", "bench", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _jobs(folder: Path) -> list[str]:
    try:
        return [record.job for record in read_records(folder) if isinstance(record, Run)]
    except FormatError:  # nothing is written yet
        return []


def _answers(folder: Path) -> list[tuple[Any, ...]]:
    """Return what each job came to, in the order of their identities, but for the seconds."""
    runs = [record for record in read_records(folder) if isinstance(record, Run)]
    return sorted(
        (run.job, run.result.status, run.result.objective, tuple(value for _, value in run.result.trajectory))
        for run in runs
    )


if __name__ == "__main__":
    sys.exit(main())
