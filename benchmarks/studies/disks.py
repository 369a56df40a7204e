"""Full disks and kills: whether commands lose or truncate a file: ``python benchmarks/studies/disks.py``.

Each command runs once left alone. It then runs again in the same folder under limits on the size of files, which stand for a
disk that becomes full, and is killed with ``kill -9`` at random moments. After each time every file has to be whole, what
was there before has to be there, and nothing may end with a traceback.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from redwood.benchmarks.records import read_records
from redwood.errors import RedwoodError
from redwood.saved import load_checkpoint
from redwood.solving.read import generate, read_solution

LIMITS = (0, 100, 1000, 10_000)
"""Bytes that a file may have while the disk is full."""
SUITE = """
time_limit = 5
bound_time_limit = 0
iterations = 50
seeds = [0, 1, 2, 3]
[[instances]]
generate = "knapsack/uniform"
sizes = [20]
[[solvers]]
name = "random"
"""
HOURS = 0.02
"""Hours that a training has more than the one before, so that there is something left to write."""
TINY = ("--option", "preset=tiny", "--option", "test_instances=2")
COMMANDS = {
    "solve --out": ("solve", "a.tsp", "--time-limit", "0.2", "--bound-time-limit", "0", "--out", "out"),
    "bench": ("bench", "run", "suite.toml", "--out", "out"),
    "simulate": (
        "simulate",
        "b.json",
        "--solver",
        "lagrangian",
        "--episodes",
        "20",
        "--time-limit",
        "0.5",
        "--plot",
        "out/p.png",
    ),
    "train": ("train", "bq", "--problem", "knapsack", "--hours", "HOURS", "--out", "out", *TINY),
}


@dataclass(frozen=True)
class Trial:
    """What went wrong in one command's runs.

    Attributes
    ----------
    command
        Its name.
    runs
        How many there were.
    faults
        Tracebacks, files lost and files that are not whole, in words.
    """

    command: str
    runs: int
    faults: tuple[str, ...]


@click.command()
@click.option("--kills", default=5, show_default=True, help="How often each command is killed.")
@click.option("--seed", default=0, show_default=True, help="Of the moments.")
@click.option("--command", "commands", multiple=True, type=click.Choice(list(COMMANDS)), help="Only these commands.")
def main(kills: int, seed: int, commands: tuple[str, ...]) -> None:
    """Fill disks and kill commands; end with code 1 where a file was lost or truncated."""
    trials = []
    for name in commands or COMMANDS:
        with tempfile.TemporaryDirectory() as folder:
            trials.append(try_command(name, Path(folder), kills, random.Random(seed)))
        click.echo(f"{name}: {trials[-1].runs} runs, {len(trials[-1].faults)} faults")
        for fault in trials[-1].faults:
            click.echo(f"  {fault}")
    raise SystemExit(any(trial.faults for trial in trials))


def try_command(name: str, folder: Path, kills: int, rng: random.Random) -> Trial:
    """Run a command alone, on full disks, and killed, in a folder."""
    _prepare(folder)
    words = COMMANDS[name]
    began = time.perf_counter()
    alone = subprocess.run(_command(words, 0), cwd=folder, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    faults = [f"left alone: code {alone.returncode}: {alone.stderr[-300:]}"] if alone.returncode else []
    faults += [f"left alone: {fault}" for fault in broken(folder)]
    for run, limit in enumerate(LIMITS, 1):
        before = _names(folder)
        done = subprocess.run(_command(words, run, limit), cwd=folder, capture_output=True, text=True, check=False)
        if "Traceback" in done.stderr:
            faults.append(f"files up to {limit} bytes: traceback: {done.stderr.strip().splitlines()[-1]}")
        faults += [f"files up to {limit} bytes: {fault}" for fault in _harm(folder, before)]
    for run in range(kills):
        before = _names(folder)
        running = subprocess.Popen(
            _command(words, 1 + len(LIMITS) + run), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        moment = rng.uniform(0.3, 1.0) * seconds
        try:
            running.wait(moment)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGKILL)
        running.wait()
        faults += [f"killed after {moment:.1f} s: {fault}" for fault in _harm(folder, before)]
    return Trial(name, 1 + len(LIMITS) + kills, tuple(faults))


def broken(folder: Path) -> list[str]:
    """Return which files in a folder are not whole; those that begin with a dot are unfinished by design."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            try:
                _read(path, folder)
            except (RedwoodError, ValueError, OSError, EOFError) as error:
                found.append(f"{path.relative_to(folder)} is not whole: {str(error)[:150]}")
    return found


def _read(path: Path, folder: Path) -> None:
    """Read a file by its suffix, and raise where it is not whole."""
    if path.name == "records.jsonl":
        read_records(path.parent)
    elif path.suffix == ".json":
        json.loads(path.read_text())
    elif path.suffix == ".tour":
        from redwood.solving.read import check, read

        made = read(folder / "a.tsp")
        if not check(made, read_solution(path, made)).feasible:
            raise ValueError("the tour is infeasible")
    elif path.suffix == ".safetensors":
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="np") as file:
                file.keys()
        except SafetensorError as error:
            raise ValueError(str(error)) from error
    elif path.suffix == ".png":
        if b"IEND" not in path.read_bytes()[-12:]:
            raise ValueError("the picture ends early")
    elif path.suffix == ".pt":
        load_checkpoint(path)
    elif path.suffix == ".npz":
        with np.load(path) as arrays:
            for name in arrays.files:
                arrays[name]


def _harm(folder: Path, before: set[str]) -> list[str]:
    return [f"{name} is lost" for name in sorted(before - _names(folder))] + broken(folder)


def _names(folder: Path) -> set[str]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)) for path in files if path.suffix != ".lock"}


def _prepare(folder: Path) -> None:
    from redwood.plugins.host import host

    (folder / "a.tsp").write_text(host().problem("tsp").format(generate("tsp", size=50, seed=0)))
    (folder / "b.json").write_text(host().problem("cormab").format(generate("cormab/budget", size=5, seed=0)))
    (folder / "suite.toml").write_text(SUITE)
    (folder / "out").mkdir()


def _command(words: tuple[str, ...], run: int, limit: int | None = None) -> list[str]:
    """Return the command of the run of that number, under a limit on the size of files where one is given."""
    words = tuple(f"{HOURS * (run + 1):g}" if word == "HOURS" else word for word in words)
    if limit is None:
        return [sys.executable, "-m", "redwood", *words]
    limited = (
        "import resource, runpy, signal, sys\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "sys.argv = ['redwood', *sys.argv[1:]]\nrunpy.run_module('redwood', run_name='__main__', alter_sys=False)\n"
    )
    return [sys.executable, "-c", limited, *words]


if __name__ == "__main__":
    main()
