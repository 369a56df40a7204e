"""What the user has told torch changes nothing, and torch obeys the number of threads that a run may use."""

import json
import multiprocessing
import subprocess
import sys
import threading

import pytest
import torch

import redwood
from redwood.torch_settings import torch_settings

pytestmark = pytest.mark.slow

PROGRAM = """
import contextlib, json, sys
import torch
import redwood

problem, solver = sys.argv[1:]


def objective():
    instance = redwood.generate(problem, size=8, seed=1)
    options = dict(mode="published") if solver == "sequoia" else {}
    result = redwood.solve(instance, solver, iterations=3, time_limit=60, bound_time_limit=0, **options)
    assert result.status in ("feasible", "optimal"), result.message
    return result.objective


@contextlib.contextmanager
def default_dtype(dtype):
    torch.set_default_dtype(dtype)
    yield
    torch.set_default_dtype(torch.float32)


found = {"none": objective()}
habits = {
    "dtype64": default_dtype(torch.float64),
    "dtype16": default_dtype(torch.float16),
    "gradients": torch.no_grad(),
    "inference": torch.inference_mode(),
    "autocast": torch.autocast("cpu", torch.bfloat16),
    "device": torch.device("meta"),
}
for name, habit in habits.items():
    if solver == "bq":
        from redwood.solvers.bq.weights import network_for
        network_for.cache_clear()
    with habit:
        found[name] = objective()
print(json.dumps(found))
"""


@pytest.mark.parametrize(("problem", "solver"), [("tsp", "bq"), ("knapsack", "bq"), ("cormab/capacity", "sequoia")])
def test_the_users_torch_settings_change_nothing(problem, solver):
    """Solves under other defaults of torch's, each of them set by the user, give the result of one without."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, problem, solver], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == 7
    assert found == pytest.approx(dict.fromkeys(found, found["none"]), rel=1e-3)


def test_torch_uses_the_threads_of_the_run_and_gets_its_own_back():
    """While `bq` runs, torch has as many threads as the run, and afterwards as many as before."""
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(3)
    try:
        for threads in (1, 2):
            redwood.solve(
                redwood.generate("tsp", size=10, seed=1),
                "bq",
                iterations=3,
                threads=threads,
                bound_time_limit=0,
                on_improvement=lambda _: seen.append(torch.get_num_threads()),
            )
            assert set(seen) == {threads}
            assert torch.get_num_threads() == 3
            seen.clear()
    finally:
        torch.set_num_threads(before)


def test_overlapping_runs_restore_what_the_first_one_found():
    """Two runs in threads that end in the order in which they began leave torch as it was."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    first_begun, second_begun, first_ended = threading.Event(), threading.Event(), threading.Event()

    def first():
        with torch_settings(threads=1):
            first_begun.set()
            second_begun.wait(10)
        first_ended.set()

    def second():
        first_begun.wait(10)
        with torch_settings(threads=1):
            second_begun.set()
            first_ended.wait(10)

    workers = [threading.Thread(target=work) for work in (first, second)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    assert torch.get_num_threads() == 3
    torch.set_num_threads(before)


FORK = """
import multiprocessing
import redwood


def job(seed):
    return redwood.solve(redwood.generate("tsp", size=20, seed=seed), "bq", time_limit=1, bound_time_limit=0).objective


if __name__ == "__main__":
    own = job(0)
    pool = multiprocessing.get_context("fork").Pool(1)
    try:
        print(own, pool.apply_async(job, (1,)).get(30))
    finally:
        pool.terminate()
"""


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="the system does not fork")
def test_bq_works_in_a_fork_of_a_process_that_has_used_it():
    """A child that was forked after `bq` had run gets an answer."""
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 2


POOLED = FORK.replace("import redwood\n", "import redwood\nimport torch\n", 1).replace(
    "bound_time_limit=0)", "bound_time_limit=0, threads=2)"
)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="the system does not fork")
def test_bq_with_threads_works_in_a_fork_of_a_process_whose_torch_has_some():
    """Torch waits for ever for threads that a fork does not copy: the child is given one, whatever it asks for."""
    script = POOLED.replace("own = job(0)", "torch.set_num_threads(2)\n    torch.rand(2000, 2000).exp()\n    own = job(0)")
    assert "threads=2" in script
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 2
