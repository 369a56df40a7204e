"""Executors: the same jobs on this machine, on a real Dask cluster and through submitit; nothing lost, nothing twice."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from redwood.benchmarks.records import Host, Run, read_records
from redwood.benchmarks.runner import run_plan
from redwood.cli.root import root
from redwood.errors import ExecutorError, OptionError, UnknownNameError
from redwood.execution.executors.local import Local
from redwood.solving.executors import make_executor

pytestmark = pytest.mark.usefixtures("quick")

MARK = "REDWOOD_TEST_MARK"
CHILD = "left-behind-by-redwood-test"
"""What a process that a rude solver has started has in its command."""


PLUGIN = Path(__file__).parents[1] / "plugins_for_tests" / "countdown.py"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler and workers of one thread each, as processes of this machine: its address, and a way to start workers."""
    pytest.importorskip("distributed")
    from distributed import Client
    from distributed.utils import open_port

    folder = tmp_path_factory.mktemp("dask")
    address = f"tcp://127.0.0.1:{open_port()}"
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((folder / "dask.log").open("w"))

        def start(module, *words):
            command = [sys.executable, "-m", f"distributed.cli.{module}", *words]
            child = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env={**os.environ, MARK: str(folder)})
            stack.callback(child.wait, 30)
            stack.callback(child.kill)
            return child

        start("dask_scheduler", "--port", address.rpartition(":")[2], "--no-dashboard")
        running = []

        def workers(count):
            running[:] = [worker for worker in running if worker.poll() is None]
            flags = ("--no-nanny", "--nthreads", "1", "--no-dashboard")
            running.extend(start("dask_worker", address, *flags) for _ in range(count - len(running)))
            with Client(address, timeout=60, set_as_default=False) as client:
                client.wait_for_workers(count, timeout=60)
            return list(running)

        yield Cluster(address, str(folder), workers)


@dataclass(frozen=True)
class Cluster:
    """Where the scheduler is, the mark that its processes have in their environment, and how to get so many workers."""

    address: str
    mark: str
    workers: Callable[[int], list[subprocess.Popen]]


def square_or_die(item):
    """Square a number; die with the whole process the first time that the number 3 comes."""
    number, mark = item
    if number == 3 and not mark.exists():
        mark.touch()
        os._exit(1)
    return number * number


def die(item):
    """Die whenever it is asked."""
    os._exit(1)


def fail(item):
    """Fail as functions do."""
    raise ValueError(f"no {item}")


def jobs_of(folder):
    return [record.job for record in read_records(folder) if isinstance(record, Run)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_local_brings_everything_back_once(tmp_path, jobs):
    """Each item gives one result, in one process or in several."""
    (tmp_path / "mark").touch()
    items = [(number, tmp_path / "mark") for number in range(5)]
    returned = list(Local(jobs).run(square_or_die, items))
    assert sorted((one.position, one.value) for one in returned) == [(n, n * n) for n in range(5)]


def test_local_names_what_died(tmp_path):
    """A process that dies loses its item, and the loss is said, not swallowed."""
    returned = list(Local(2).run(die, [1]))
    assert [(one.position, one.value) for one in returned] == [(0, None)]
    assert "process" in returned[0].lost


def kill_at_three(number):
    """Be killed by the system over the number 3."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return number


def test_a_killed_worker_loses_what_it_had_and_no_more():
    """Each item comes back once, at its own place; only what was under way at the kill is lost, the killer among it."""
    returned = sorted(Local(2).run(kill_at_three, range(8)), key=lambda one: one.position)
    assert [one.position for one in returned] == list(range(8))
    lost = [one.position for one in returned if one.lost]
    assert 3 in lost
    assert len(lost) <= 2
    assert all(one.value == one.position for one in returned if not one.lost)


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_function_s_own_failure_is_raised(jobs):
    """What the function raises is no loss, but the caller's to see."""
    with pytest.raises(ValueError, match="no 7"):
        list(Local(jobs).run(fail, [7]))


def test_dask_survives_a_killed_worker(cluster, toy_plan, tmp_path):
    """Two workers, one of them killed with a job under way: every job has one record, and its whole answer."""
    plan = toy_plan(*(f'name = "steps"\nlabel = "s{i}"\noptions = {{pause = 0.00{i}}}' for i in range(1, 9)), time_limit=30)
    workers, killed = cluster.workers(2), []

    def kill_one(progress):
        if progress.finished == 2 and not killed:
            killed.append(workers[0].pid)
            os.kill(workers[0].pid, signal.SIGKILL)

    executor = make_executor("dask", {"scheduler": cluster.address})
    assert executor.slots == 2
    assert run_plan(plan, tmp_path / "out", executor=executor, on_progress=kill_one) == (8, 8)
    assert killed
    assert sorted(jobs_of(tmp_path / "out")) == sorted(job.id for job in plan.jobs)
    assert {record.result.objective for record in read_records(tmp_path / "out") if isinstance(record, Run)} == {3.0}
    (machine,) = [record for record in read_records(tmp_path / "out") if isinstance(record, Host)]
    assert machine.machine.cores == os.cpu_count()


def test_ctrl_c_frees_the_workers_of_dask(cluster, tmp_path, processes_of, running):
    """Ctrl-C ends with code 130: records are kept, jobs under way are gone from the workers, which take other work."""
    from distributed import Client

    cluster.workers(1)
    suite, out = tmp_path / "toy.toml", tmp_path / "out"
    suite.write_text(
        "time_limit = 100\nbound_time_limit = 0\n[[instances]]\ngenerate = 'countdown'\nsizes = [30]\nseeds = [1, 2]\n"
        "[[solvers]]\nname = 'proving'\n[[solvers]]\nname = 'rude'\noptions = {manner = 'fork'}\n"
    )
    words = [sys.executable, "-m", "redwood", "bench", "run", suite, "--out", out, "--plugin", PLUGIN]
    child = running(*words, "--executor", "dask", "--scheduler", cluster.address, "--json")
    deadline = time.monotonic() + 60
    while not processes_of(cluster.mark, CHILD) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_of(cluster.mark, CHILD)
    assert json.loads(child.stdout.readline())["solver"] == "proving"  # the worker is done before Redwood hears of it
    child.send_signal(signal.SIGINT)
    said = child.communicate(timeout=60)[1].decode()
    assert child.returncode == 130, said
    assert "1 of 4 jobs are finished" in said
    assert processes_of(cluster.mark, CHILD) == processes_of(cluster.mark, "redwood.execution") == []
    assert len(jobs_of(out)) == 1
    with Client(cluster.address, timeout=60, set_as_default=False) as client:
        assert client.submit(abs, -1).result(timeout=60) == 1


def test_dask_simulates_in_the_order_of_the_files(cluster, tmp_path):
    """`redwood simulate` over a cluster prints what it prints without one."""
    cluster.workers(1)
    files = [tmp_path / f"{size}.json" for size in (7, 6)]

    def redwood(*words):
        ended = CliRunner().invoke(root, [str(word) for word in words], catch_exceptions=False)
        assert ended.exit_code == 0, ended.output
        return [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]

    for file in files:
        redwood("generate", "cormab/budget", "--size", file.stem, "--out", file)
    words = ("simulate", *files, "--solver", "null", "--episodes", 5, "--json")
    far, near = redwood(*words, "--executor", "dask", "--scheduler", cluster.address), redwood(*words)
    assert [record["size"] for record in near] == [7, 6]
    for key in ("instance", "size", "solver", "mean", "low", "high"):  # the bound has a clock
        assert [record[key] for record in far] == [record[key] for record in near]


def test_slurm_carries_out_chunks(toy_plan, tmp_path):
    """Through submitit's local executor a plan of three jobs, two in a chunk, is recorded whole."""
    pytest.importorskip("submitit")
    plan = toy_plan('name = "steps"', 'name = "proving"', 'name = "crash"')
    executor = make_executor("slurm", {"cluster": "local", "folder": str(tmp_path / "logs"), "chunk": 2, "minutes": 5})
    assert run_plan(plan, tmp_path / "out", executor=executor) == (3, 3)
    assert sorted(jobs_of(tmp_path / "out")) == sorted(job.id for job in plan.jobs)


@pytest.mark.slow
def test_slurm_names_what_died(tmp_path):
    """An array job that dies loses its chunk, and says which job it was."""
    pytest.importorskip("submitit")
    executor = make_executor("slurm", {"cluster": "local", "folder": str(tmp_path), "chunk": 2, "minutes": 5})
    returned = list(executor.run(die, [1, 2]))
    assert [(one.position, one.value) for one in returned] == [(0, None), (1, None)]
    assert "ended without a result" in returned[0].lost


class Losing(Local):
    """Loses the first item."""

    def run(self, function, items, **more):
        for one in super().run(function, items, **more):
            yield one if one.position else type(one)(0, None, "a meteorite")


def test_lost_jobs_are_run_on_resuming(toy_plan, tmp_path):
    """A job that was lost with its machine is an error that names it, has no record, and is run the next time."""
    plan = toy_plan('name = "steps"', 'name = "proving"')
    with pytest.raises(ExecutorError, match=r"1 jobs were lost .*meteorite"):
        run_plan(plan, tmp_path, executor=Losing(1))
    assert jobs_of(tmp_path) == [plan.jobs[1].id]
    assert run_plan(plan, tmp_path) == (2, 2)
    assert sorted(jobs_of(tmp_path)) == sorted(job.id for job in plan.jobs)


@pytest.mark.parametrize(
    ("name", "options", "error", "words"),
    [
        ("dusk", {}, UnknownNameError, "Did you mean 'dask'"),
        ("local", {"job": 2}, OptionError, "Did you mean 'jobs'"),
        ("local", {"jobs": 0}, OptionError, "jobs 0 is below 1"),
        ("dask", {}, OptionError, "needs the address of a scheduler"),
        ("slurm", {"chunk": 0}, OptionError, "chunk 0 of executor 'slurm' is not positive"),
    ],
)
def test_wrong_executors_are_refused(name, options, error, words):
    """Names and options are checked before anything is run."""
    with pytest.raises(error, match=words):
        make_executor(name, options)


def test_a_scheduler_that_is_silent_is_named():
    """No scheduler at the address is an error with the address."""
    pytest.importorskip("distributed")
    executor = make_executor("dask", {"scheduler": "tcp://127.0.0.1:9", "patience": 0.5})
    with pytest.raises(ExecutorError, match=r"127\.0\.0\.1:9"):
        list(executor.run(fail, [1]))
