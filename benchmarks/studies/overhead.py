"""What the runner costs beside its jobs, and whether its memory stays flat: ``python benchmarks/studies/overhead.py``."""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from redwood.benchmarks.planning import make_plan
from redwood.benchmarks.records import Run, read_records
from redwood.benchmarks.runner import Progress, run_plan
from redwood.benchmarks.suite import parse_suite
from redwood.plugins.host import host

SUITE = """
time_limit = 1
bound_time_limit = 0
[[instances]]
generate = "{problem}"
sizes = [20]
seeds = {seeds}
[[solvers]]
name = "{solver}"
"""


def main(arguments: list[str] | None = None) -> int:
    """Run short jobs one after another and print seconds a job, inside and outside its process, and the runner's memory."""
    parser = argparse.ArgumentParser(prog="python benchmarks/studies/overhead.py", description=main.__doc__)
    parser.add_argument("--count", type=int, default=1000, help="how many jobs, by default 1,000")
    parser.add_argument("--problem", default="knapsack/uniform", help="what the jobs solve, in size 20; by default knapsack")
    parser.add_argument("--solver", default="greedy", help="what the jobs run, by default greedy")
    parser.add_argument("--plugin", type=Path, metavar="FILE.py", help="where problem or solver come from")
    settings = parser.parse_args(arguments)
    if settings.plugin is not None:
        host().load_file(settings.plugin.resolve())
    words = {"seeds": list(range(settings.count)), "problem": settings.problem, "solver": settings.solver}
    plan = make_plan(parse_suite("overhead", SUITE.format(**words)))
    marks: list[float] = []

    def note(progress: Progress) -> None:
        if progress.finished % max(1, settings.count // 10) == 0:
            marks.append(resident_megabytes())

    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        run_plan(plan, Path(folder), on_progress=note)
        wall = time.perf_counter() - began
        records = [record for record in read_records(Path(folder)) if isinstance(record, Run)]
    inside = sum(record.process.seconds for record in records)
    failed = sum(record.result.objective is None for record in records)
    count = len(records)
    sys.stdout.write(f"{count} jobs, {failed} without a solution: {1000 * wall / count:.1f} ms a job, of which ")
    sys.stdout.write(
        f"{1000 * inside / count:.1f} in its own process and {1000 * (wall - inside) / count:.1f} in the runner.\n"
    )
    sys.stdout.write(f"Resident memory of the runner at each tenth: {', '.join(f'{mark:.1f}' for mark in marks)} MB.\n")
    return 0


def resident_megabytes() -> float:
    """Return the resident memory of this process now."""
    pages = int(Path(f"/proc/{os.getpid()}/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    sys.exit(main())
