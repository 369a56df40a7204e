"""Solvers with bad manners: whatever they do, a run ends with a checked result, and nothing of them is left."""

import contextlib
import json
import os
import time
from pathlib import Path

import psutil
import pytest

import redwood
from redwood.benchmarks.planning import make_plan
from redwood.benchmarks.records import Run, read_records
from redwood.benchmarks.runner import run_plan
from redwood.benchmarks.suite import parse_suite
from redwood.execution.executors.local import Local
from redwood.plugins.host import host
from redwood.result import Status

PLUGINS = Path(__file__).parents[1] / "plugins_for_tests"
LIMIT = 0.5
LARGEST = 30

FAILS = (
    "raises",
    "raises-two-arguments",
    "raises-unprintable",
    "raises-base",
    "raises-generator-exit",
    "raises-memory-error",
    "raises-stop-iteration",
    "exits",
    "exits-with-words",
    "answers-nothing",
    "answers-number",
    "answers-class",
    "answers-stranger",
    "answers-text",
    "answers-slyly",
    "answers-infeasible",
    "answers-huge",
    "answers-function",
    "answers-text-inside",
    "answers-nan",
    "proves-infeasible",
    "bound-text",
    "bound-list",
    "bound-truth",
    "proven-text",
    "message-bytes",
    "recurses",
    "reports-text",
    "reports-infeasible",
    "bounds-text",
    "nested",
    "damages-trajectory",
    "damages-bound",
)
"""What fails wherever it runs."""

PASSES = {
    "interrupts": 6,
    "proves-worse": 6,
    "bound-nan": 4,
    "bound-infinite": 4,
    "bound-single": 4,
    "bound-integer": 4,
    "bound-array": 4,
    "bound-impossible": 4,
    "proven-numpy": 3,
    "message-endless": 4,
    "prints": 4,
    "pickles-an-action": 4,
}
"""What gives a checked number wherever it runs."""

LIES = ("mutates-instance", "patches-objective", "patches-violations", "damages-best", "invents-improvements")
"""What would be believed by whoever asked the solver's own problem and instance."""

APART = {
    "writes-everywhere": 6,
    "pickles-everywhere": 6,
    "forges-everywhere": 6,
    "floods-everywhere": 6,
    "children-write-everywhere": 6,
    "floods-reports": 4,
    "floods-output": 6,
    "closes-everything": 6,
    "closes-output": 4,
    "forks-and-both-return": 4,
    "forks-and-both-report": 4,
    "forks-a-sleeper": 4,
    "starts-a-daemon": 4,
    "hides-a-daemon": 4,
    "breeds": 6,
    "kills-supervisor": 6,
    "kills-supervisor-and-hides": None,
    "stops-supervisor": 4,
    "stops-server": 4,
    "kills-server": 4,
    "stops-itself": 6,
    "segfaults": 6,
    "aborts": 6,
    "exits-at-once": 6,
    "exits-at-once-in-a-thread": 6,
    "sleeps": 6,
    "sticks-in-c": 6,
    "ignores-signals": 6,
    "answers-late": 6,
    "leaves-a-thread": 4,
    "reports-after-the-end": None,
    "hangs-at-exit": 4,
    "clears-the-environment": 4,
    "removes-modules": None,
    "patches-for-good": None,
}
"""What is only tried in a process of its own, with the number that comes of it where that is certain."""


@pytest.fixture(scope="module", autouse=True)
def bad(tmp_path_factory):
    """The host with the plugins, and a mark in the environment of all processes that are started: the folder of a trap."""
    for name in ("countdown", "bad_manners"):
        host().load_file(PLUGINS / f"{name}.py")
    folder = tmp_path_factory.mktemp("manners")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDWOOD_TEST_MARK", str(folder))
        patch.setenv("REDWOOD_TEST_TRAP", str(folder / "trap"))
        yield folder


def left_behind(folder):
    """Return the processes with the mark that are not this one, after a moment for the dead to be buried."""
    until = time.monotonic() + 5
    while True:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                mark = process.environ().get("REDWOOD_TEST_MARK")
                if mark == str(folder) and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.05)


def check_result(manner, status, objective, solution, trajectory):
    """Assert what holds of every result, and what is known of this manner."""
    if objective is not None:
        assert 3 <= objective <= LARGEST + 10
        assert objective == (solution["value"] if isinstance(solution, dict) else solution.value)
        assert all(value >= objective for _, value in trajectory)
    if manner in FAILS:
        assert (status, objective) in ((Status.FAILED, 6), (Status.FAILED, None))
    if manner in PASSES:
        assert objective == PASSES[manner]
        assert status != Status.FAILED
    if manner == "proves-worse":
        assert status == Status.FEASIBLE
    if APART.get(manner) is not None:
        assert objective == APART[manner]


@pytest.mark.parametrize("manner", [*FAILS, *PASSES, *LIES])
def test_in_this_process(manner, bad):
    """`solve` returns a result that is right, or failed, and never raises or leaves."""
    instance = redwood.instance("countdown", largest=LARGEST)
    result = redwood.solve(instance, "bad", manner=manner, time_limit=LIMIT, bound_time_limit=0)
    check_result(manner, result.status, result.objective, result.solution, result.trajectory)
    assert not (bad / "trap").exists()


@pytest.mark.parametrize("manner", [*FAILS, *PASSES, *LIES, *APART])
def test_isolated(manner, bad):
    """`solve(isolate=True)` returns in time a result that is right, or failed; nothing is raised and nobody is left."""
    instance, began = redwood.instance("countdown", largest=LARGEST), time.monotonic()
    result = redwood.solve(instance, "bad", manner=manner, time_limit=LIMIT, bound_time_limit=0, isolate=True)
    assert time.monotonic() - began < 20
    check_result(manner, result.status, result.objective, result.solution, result.trajectory)
    assert instance.largest == LARGEST
    assert left_behind(bad) == []
    assert not (bad / "trap").exists()


@pytest.fixture(scope="module")
def records(bad):
    """The records of one run with every manner and, after each, a solver that behaves well."""
    manners = [*FAILS, *PASSES, *LIES, *APART]
    solvers = "".join(
        f"[[solvers]]\nname = 'bad'\nlabel = '{manner}'\noptions = {{manner = '{manner}'}}\n"
        f"[[solvers]]\nname = 'steps'\nlabel = 'after {manner}'\noptions = {{pause = {1e-9 * position}}}\n"
        for position, manner in enumerate(manners, start=1)
    )
    text = f"time_limit = {LIMIT}\nbound_time_limit = 0\n[[instances]]\ngenerate = 'countdown'\nsizes = [{LARGEST}]\n"
    plan = make_plan(parse_suite("manners", text + solvers))
    assert run_plan(plan, bad / "out", executor=Local(2)) == (2 * len(manners),) * 2
    return {record.label: record for record in read_records(bad / "out") if isinstance(record, Run)}


@pytest.mark.parametrize("manner", [*FAILS, *PASSES, *LIES, *APART])
def test_in_a_benchmark(manner, records, bad):
    """The runner records what is right, or that the job failed; the job after it is not harmed."""
    result, file = records[manner].result, records[manner].result.solution
    solution = None if file is None else json.loads((bad / "out" / file).read_text())["solution"]
    check_result(manner, result.status, result.objective, solution, result.trajectory)
    after = records[f"after {manner}"].result
    assert (after.status, after.objective) == ("feasible", 3)


def test_a_benchmark_leaves_nothing(records, bad):
    """After the run no process is left, and nothing that was sent has been executed."""
    assert records
    assert left_behind(bad) == []
    assert not (bad / "trap").exists()
