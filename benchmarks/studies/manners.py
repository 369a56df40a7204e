"""Solvers with bad manners through the runner: ``python benchmarks/studies/manners.py tests/plugins_for_tests --fresh``.

The folder holds the plugins ``countdown.py`` and ``bad_manners.py`` of a checkout. After each solver that lies, breaks,
floods, hides, kills or hangs comes one that behaves. The command says how many of these were harmed, how many answers were
recorded that cannot be, and how many processes were left over.
"""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from pathlib import Path

import click
from limits import processes_with

from redwood.benchmarks.planning import Plan, make_plan
from redwood.benchmarks.records import Run, read_records
from redwood.benchmarks.runner import run_plan
from redwood.benchmarks.suite import parse_suite
from redwood.execution.executors.local import Local
from redwood.plugins.host import host
from redwood.result import Status

MARK = "REDWOOD_TEST_MARK"
TRAP = "REDWOOD_TEST_TRAP"
LARGEST = 30
BEST = 3
"""What the solver that behaves answers, which is the best."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--fresh", is_flag=True, help="An interpreter for each job.")
@click.option("--time-limit", default=0.5, show_default=True, help="Seconds of each run.")
@click.option("--jobs", default=1, show_default=True, help="How many at a time.")
def main(folder: Path, fresh: bool, time_limit: float, jobs: int) -> None:
    """Run every bad manner and count the harm; end with code 1 where there was any."""
    for name in ("countdown", "bad_manners"):
        host().load_file((folder / f"{name}.py").resolve())
    with tempfile.TemporaryDirectory() as place:
        os.environ[MARK], os.environ[TRAP] = uuid.uuid4().hex, f"{place}/trap"
        manners = _manners()
        run_plan(_plan(manners, time_limit), Path(place) / "out", executor=Local(jobs), fresh=fresh)
        records = {record.label: record for record in read_records(Path(place) / "out") if isinstance(record, Run)}
        executed = (Path(place) / "trap").exists()
    time.sleep(1.0)
    left = [process for process in processes_with(f"{MARK}={os.environ[MARK]}") if process != os.getpid()]
    harmed = [manner for manner in manners if not _is_well(records.get(f"after {manner}"))]
    wrong = [manner for manner in manners if not _is_possible(records.get(manner))]
    click.echo(
        f"{len(manners)} manners{', fresh' if fresh else ''}: {len(records)} of {2 * len(manners)} records, "
        f"{len(harmed)} runs harmed, {len(wrong)} impossible answers recorded, {len(left)} processes left, "
        f"{'SOMETHING' if executed else 'nothing'} executed."
    )
    for manner in harmed + wrong:
        results = [record and record.result for record in map(records.get, (manner, f"after {manner}"))]
        click.echo(f"  {manner}: {results[0]}; then {results[1]}")
    raise SystemExit(bool(harmed or wrong or left or executed))


def _manners() -> list[str]:
    import sys

    module = next(module for module in list(sys.modules.values()) if hasattr(module, "MANNERS"))
    return sorted(module.MANNERS)


def _plan(manners: list[str], time_limit: float) -> Plan:
    solvers = "".join(
        f"[[solvers]]\nname = 'bad'\nlabel = '{manner}'\noptions = {{manner = '{manner}'}}\n"
        f"[[solvers]]\nname = 'steps'\nlabel = 'after {manner}'\noptions = {{pause = {1e-9 * position}}}\n"
        for position, manner in enumerate(manners, start=1)
    )
    text = f"time_limit = {time_limit}\nbound_time_limit = 0\n[[instances]]\ngenerate = 'countdown'\nsizes = [{LARGEST}]\n"
    return make_plan(parse_suite("manners", text + solvers))


def _is_well(record: Run | None) -> bool:
    return record is not None and (record.result.status, record.result.objective) == (Status.FEASIBLE, BEST)


def _is_possible(record: Run | None) -> bool:
    if record is None:
        return False
    result = record.result
    if result.objective is None:
        return result.status in (Status.FAILED, Status.NONE)
    return bool(BEST <= result.objective <= LARGEST + 10)  # of its bound a solver may say what nothing contradicts


if __name__ == "__main__":
    main()
