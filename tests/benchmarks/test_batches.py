"""Batches: several instances in one job, and their latencies beside those of one at a time; test sets by their draw."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from redwood.benchmarks.planning import make_plan
from redwood.benchmarks.records import Run, read_records
from redwood.benchmarks.report import latency_table
from redwood.benchmarks.runner import replay, run_plan
from redwood.benchmarks.suite import parse_suite
from redwood.benchmarks.testsets import load
from redwood.cli.root import root
from redwood.errors import OptionError

pytestmark = pytest.mark.usefixtures("quick")

PLUGIN = Path(__file__).parents[1] / "plugins_for_tests" / "countdown.py"
SUITE = """
time_limit = 1
bound_time_limit = 0
[[instances]]
generate = "countdown"
sizes = [9]
seeds = {seeds}
[[solvers]]
name = "together"
options = {{ pause = {pause} }}
batch = 2
[[solvers]]
name = "together"
options = {{ pause = {pause} }}
"""
LATE = """
time_limit = 0.5
bound_time_limit = 0
[[instances]]
generate = "countdown"
sizes = [9]
seeds = [1, 2]
[[solvers]]
name = "together"
options = { pause = 60, reports = [9, 5] }
batch = 2
"""


@pytest.fixture
def redwood_command():
    """Return a function that carries out a command in this process."""
    return lambda *words: CliRunner().invoke(root, [str(word) for word in words])


@pytest.fixture
def plan(toy_plan):
    """Return a function that plans a suite of batches, by default the same instances in batches of two and each alone."""
    toy_plan('name = "steps"')  # loads the plugin
    return lambda suite=SUITE, **words: make_plan(parse_suite("batches", suite.format(**words) if words else suite))


def test_a_batch_is_one_job_and_several_runs(plan, tmp_path):
    """Each instance of a batch has its result, its seed and its solution; the seconds are shared."""
    planned = plan(pause=0.2, seeds=[1, 2, 3])
    assert run_plan(planned, tmp_path) == (len(planned.jobs),) * 2
    records = read_records(tmp_path)
    runs = [record for record in records if isinstance(record, Run) and record.batch == 2]
    assert [(run.seed, run.label[-9:], run.time_limit) for run in runs] == [(0, "2 at once", 1.0), (1, "2 at once", 1.0)]
    assert [json.loads((tmp_path / run.result.solution).read_text()) for run in runs] == [{"solution": {"value": 3}}] * 2
    assert all(run.result.trajectory == (pytest.approx((run.result.seconds.solve, 3.0)),) for run in runs)
    assert len({run.result.seconds.solve for run in runs}) == len({run.job for run in runs}) == 1
    assert run_plan(planned, tmp_path) == (len(planned.jobs),) * 2
    assert len(read_records(tmp_path)) == len(records)
    assert replay(tmp_path, runs[0].job).agrees


def test_a_batch_without_all_of_its_records_is_run_again(plan, tmp_path):
    """A batch of which a crash has cut a record off is not finished; what it has then takes the old records' places."""
    planned = plan(pause=0, seeds=[1, 2])
    run_plan(planned, tmp_path)
    file = tmp_path / "records.jsonl"
    kept = [line for line in file.read_bytes().splitlines(True) if b'"batch":2' not in line or b'"seed":0,"iter' in line]
    file.write_bytes(b"".join(kept))
    assert run_plan(planned, tmp_path) == (len(planned.jobs),) * 2
    runs = [record for record in read_records(tmp_path) if isinstance(record, Run) and record.batch == 2]
    assert [run.seed for run in runs] == [0, 1]


def test_the_command_runs_batches(redwood_command, tmp_path):
    """`bench run` says what it is doing with a batch as with anything else."""
    (tmp_path / "batches.toml").write_text(SUITE.format(pause=0, seeds=[1, 2]))
    ended = redwood_command("bench", "run", tmp_path / "batches.toml", "--out", tmp_path / "out", "--plugin", PLUGIN)
    assert ended.exit_code == 0, ended.output
    assert "3 of 3 jobs are finished" in ended.output


def test_a_batch_that_is_killed_is_recorded_for_all(plan, tmp_path):
    """Past its limit, that of all of its instances, a batch is killed; those keep what was reported of them until then."""
    run_plan(plan(LATE), tmp_path)
    found, none = (record.result for record in read_records(tmp_path) if isinstance(record, Run))
    assert (found.status, found.termination, found.objective) == ("feasible", "killed", 5)
    assert json.loads((tmp_path / found.solution).read_text()) == {"solution": {"value": 5}}
    assert (none.status, none.termination, none.objective) == ("none", "killed", None)
    assert all(result.seconds.solve >= 0.5 for result in (found, none))  # half of what both were given


def test_latencies_stand_side_by_side(make_run):
    """Three seconds for a batch of three, and two for one instance alone: the batch is twice as quick."""
    runs = [*(make_run(solve=1.0, batch=3) for _ in range(3)), *(make_run(solve=seconds) for seconds in (2.0, 9.0, 1.5))]
    (row,) = latency_table(runs, {}).rows
    assert list(row)[3:] == ["seconds an instance in the batch", "alone, median seconds", "times quicker"]
    assert [cell.text for cell in row.values()] == ["a", "9", "3", "1.0000", "2.0000", "2.0"]


def test_batches_are_for_solvers_that_take_them(toy_plan):
    """A solver without a way to solve several at once is refused when the run is planned."""
    with pytest.raises(OptionError, match="'steps' solves one instance at a time"):
        toy_plan('name = "steps"\nbatch = 2')


def test_the_test_set_of_the_papers():
    """The draws are those that are stated: the global generator of seed 1234, and RandomState(777)."""
    np.random.seed(1234)
    stated = np.random.uniform(size=(10_000, 100, 2))
    np.testing.assert_array_equal(load("tsp-uniform", 100, 999, None).travel.coords, stated[999])
    stated = np.random.RandomState(777).random_sample((128, 200, 2))
    np.testing.assert_array_equal(load("tsp-uniform", 200, 127, None).travel.coords, stated[127])


def test_the_reference_lengths_of_cvrp(data_folder):
    """Instances from the set's file have demands, capacity and the known length."""
    instance = load("cvrp-uniform", 200, 3, data_folder)
    assert (instance.size, instance.capacity) == (200, 80)
    assert 20 < instance.best_known < 40


@pytest.mark.parametrize(
    ("name", "size", "index", "words"),
    [
        ("tsp-uniforn", 100, 0, "Did you mean 'tsp-uniform'"),
        ("tsp-uniform", 200, 128, "has 128 instances of size 200"),
        ("cvrp-uniform", 200, 0, "--data or REDWOOD_DATA"),
    ],
)
def test_what_is_in_no_set_is_refused(name, size, index, words):
    """Unknown sets and places beyond the end are named."""
    with pytest.raises(OptionError, match=words):
        load(name, size, index, None)
