"""Executors: the same jobs on this machine, on a real Dask cluster and through submitit; nothing lost, nothing twice."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from redwood.benchmarks.records import read_records
from redwood.benchmarks.runner import run_plan
from redwood.errors import ExecutorError, OptionError, UnknownNameError
from redwood.executing import make_executor
from redwood.executors.local import Local


@contextlib.contextmanager
def cluster(folder, workers):
    """A scheduler and workers of one thread each, as processes of this machine; yields the address and the workers."""
    from distributed import Client
    from distributed.utils import open_port

    address = f"tcp://127.0.0.1:{open_port()}"
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((folder / "dask.log").open("w"))

        def start(module, *words):
            command = [sys.executable, "-m", f"distributed.cli.{module}", *words]
            child = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
            stack.callback(child.wait, 30)
            stack.callback(child.kill)
            return child

        start("dask_scheduler", "--port", address.rpartition(":")[2], "--no-dashboard")
        flags = ("--no-nanny", "--nthreads", "1", "--no-dashboard")
        found = [start("dask_worker", address, *flags) for _ in range(workers)]
        with Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=60)
        yield address, found


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
    return [record["job"] for record in read_records(folder) if record["kind"] == "run"]


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


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_function_s_own_failure_is_raised(jobs):
    """What the function raises is no loss, but the caller's to see."""
    with pytest.raises(ValueError, match="no 7"):
        list(Local(jobs).run(fail, [7]))


def test_dask_survives_a_killed_worker(toy_plan, tmp_path):
    """Two workers, one of them killed with a job under way: every job has one record, and its whole answer."""
    pytest.importorskip("distributed")
    plan = toy_plan(*(f'name = "steps"\nlabel = "s{i}"\noptions = {{pause = 0.00{i}}}' for i in range(1, 9)), time_limit=30)
    with cluster(tmp_path, workers=2) as (address, workers):
        killed = []

        def kill_one(progress):
            if progress.finished == 2 and not killed:
                killed.append(workers[0].pid)
                os.kill(workers[0].pid, signal.SIGKILL)

        executor = make_executor("dask", {"scheduler": address})
        assert executor.slots == 2
        assert run_plan(plan, tmp_path / "out", executor=executor, on_progress=kill_one) == (8, 8)
    assert killed
    assert sorted(jobs_of(tmp_path / "out")) == sorted(job.id for job in plan.jobs)
    assert {record["result"]["objective"] for record in read_records(tmp_path / "out") if record["kind"] == "run"} == {3.0}
    (machine,) = [record for record in read_records(tmp_path / "out") if record["kind"] == "machine"]
    assert machine["cores"] == os.cpu_count()


def test_slurm_carries_out_chunks(toy_plan, tmp_path):
    """Through submitit's local executor a plan of three jobs, two in a chunk, is recorded whole."""
    pytest.importorskip("submitit")
    plan = toy_plan('name = "steps"', 'name = "proving"', 'name = "crash"')
    executor = make_executor("slurm", {"cluster": "local", "folder": str(tmp_path / "logs"), "chunk": 2, "minutes": 5})
    assert run_plan(plan, tmp_path / "out", executor=executor) == (3, 3)
    assert sorted(jobs_of(tmp_path / "out")) == sorted(job.id for job in plan.jobs)


def test_slurm_names_what_died(tmp_path):
    """An array job that dies loses its chunk, and says which job it was."""
    pytest.importorskip("submitit")
    executor = make_executor("slurm", {"cluster": "local", "folder": str(tmp_path), "chunk": 2, "minutes": 5})
    returned = list(executor.run(die, [1, 2]))
    assert [(one.position, one.value) for one in returned] == [(0, None), (1, None)]
    assert "ended without a result" in returned[0].lost


class Losing(Local):
    """Loses the first item."""

    def run(self, function, items, *, waits=False):
        for one in super().run(function, items, waits=waits):
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
