"""The runner: each job in a process of its own, recorded as what it was, whatever it does."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from kills import try_kills

from redwood.benchmarks.jobs import JobRequest, carry_out, leave
from redwood.benchmarks.planning import make_plan
from redwood.benchmarks.records import Bound, Run, Session, read_records
from redwood.benchmarks.runner import replay, resume_plan, run_plan
from redwood.benchmarks.suite import find_suite, parse_suite
from redwood.errors import ExecutorError, FormatError, OptionError
from redwood.execution.cores import lend_cores
from redwood.execution.executors.local import Local

pytestmark = pytest.mark.usefixtures("quick")

PLUGIN = Path(__file__).parents[1] / "plugins_for_tests" / "countdown.py"


def runs_of(folder):
    return {record.label: record for record in read_records(folder) if isinstance(record, Run)}


CHILD = "left-behind-by-redwood-test"
"""What a process that a rude solver has started has in its command."""


@pytest.fixture(scope="module")
def rude_run(tmp_path_factory):
    """The records of solvers that behave well and badly, all of one run."""
    from redwood.plugins.host import host

    host().load_file(PLUGIN)
    solvers = "".join(
        f"[[solvers]]\nname = {name!r}\nlabel = {label!r}\noptions = {options}\n"
        for name, label, options in (
            ("steps", "good", "{}"),
            ("hang", "hang", "{}"),
            ("crash", "crash", "{}"),
            ("cheat", "cheat", "{}"),
            ("rude", "segfault", "{}"),
            ("rude", "scribble", "{manner = 'scribble'}"),
            ("rude", "exit", "{manner = 'exit'}"),
            ("rude", "shout", "{manner = 'shout'}"),
            ("rude", "fork", "{manner = 'fork'}"),
            ("rude", "daemon", "{manner = 'daemon'}"),
            ("rude", "stuck", "{manner = 'stuck'}"),
            ("rude", "refuse", "{manner = 'refuse'}"),
            ("cheat", "liar", "{wrong = 'proof'}"),
        )
    )
    instances = "[[instances]]\ngenerate = 'countdown'\nsizes = [30]\n"
    plan = make_plan(parse_suite("rude", f"time_limit = 0.3\nbound_time_limit = 1\n{instances}{solvers}"))
    out = tmp_path_factory.mktemp("rude")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDWOOD_TEST_MARK", str(out))
        finished, total = run_plan(plan, out, executor=Local(2))
    assert finished == total == 14
    return out


@pytest.mark.parametrize(
    ("label", "status", "termination", "objective", "words"),
    [
        ("good", "feasible", "converged", 3, ""),
        ("hang", "feasible", "killed", 7, ""),
        ("crash", "failed", "error", 5, "out of paper"),
        ("cheat", "failed", "error", None, "number 0 is not between"),
        ("segfault", "failed", "error", 6, "died of signal SIGSEGV"),
        ("exit", "failed", "error", 6, "exit code 3"),
        ("scribble", "failed", "error", 6, "garbage came through the pipe"),
        ("shout", "feasible", "converged", 4, ""),
        ("fork", "feasible", "killed", 6, ""),
        ("daemon", "feasible", "converged", 4, ""),
        ("stuck", "feasible", "killed", 6, ""),
        ("refuse", "refused", "error", None, "rude takes no countdown"),
        ("liar", "optimal", "optimal", 5, ""),
    ],
)
def test_each_job_is_recorded_as_what_it_was(rude_run, label, status, termination, objective, words):
    """Hanging, crashing, lying, dying, shouting, forking: each has its record, with the best that it had reported."""
    result = runs_of(rude_run)[label].result
    assert (result.status, result.termination, result.objective) == (status, termination, objective)
    assert words in result.message


def test_nothing_is_left_behind(rude_run, processes_of):
    """A job is killed together with the processes that it has started, also with those in a session of their own."""
    assert {"fork", "daemon"} <= set(runs_of(rude_run))
    assert processes_of(str(rude_run), "") == []


def test_killed_jobs_keep_to_their_limit(rude_run):
    """A job that hangs, in whatever way, ends with its limit: soon on an idle machine, in seconds on any."""
    for label in ("hang", "fork", "stuck"):
        assert 0.3 <= runs_of(rude_run)[label].result.seconds.solve <= 10.0


def test_a_lie_is_found_out(rude_run):
    """What claims to be optimal and is beaten counts as not proven, its bound is dropped, and the report says so."""
    from redwood.benchmarks.report import Report, render

    report = Report(read_records(rude_run))
    (case,) = report.cases.values()
    assert (case.best, case.bound) == (3, 3)
    assert any(line.startswith("liar on ") and "claims a bound of 5 " in line for line in report.warnings)
    row = next(line for line in render(read_records(rude_run)).splitlines() if line.startswith("| liar |"))
    assert [cell.strip() for cell in row.split("|")[6:9]] == ["1", "1", "0"]


def test_solutions_are_kept_in_files(rude_run):
    """The best solution of each run is in a file that the record names, that of a killed one too."""
    for label, value in (("good", 3), ("hang", 7)):
        file = rude_run / runs_of(rude_run)[label].result.solution
        assert json.loads(file.read_text()) == {"solution": {"value": value}}


def test_the_bound_is_computed_once_an_instance(rude_run):
    """Bounds are jobs of their own."""
    (bound,) = [record for record in read_records(rude_run) if isinstance(record, Bound)]
    assert (bound.result.bound, bound.result.method) == (3.0, "by eye")


def test_records_say_where_they_come_from(rude_run):
    """Versions, machine and load are in the session; seed, limits and fingerprint in every run."""
    (session,) = [record for record in read_records(rude_run) if isinstance(record, Session)]
    assert session.machine.cores == os.cpu_count()
    assert session.machine.libraries["numpy"]
    for run in runs_of(rude_run).values():
        assert run.session == session.session
        assert len(run.case.fingerprint) == 64
        assert run.process.load_average is not None
        assert (run.seed, run.time_limit, run.threads) == (0, 0.3, 1)


def test_finished_jobs_are_not_run_again(toy_plan, tmp_path):
    """A second run with the same folder does nothing; a torn last line is run again."""
    plan = toy_plan('name = "steps"', 'name = "proving"')
    run_plan(plan, tmp_path)
    file = tmp_path / "records.jsonl"
    before = file.read_text()
    assert run_plan(plan, tmp_path) == (2, 2)
    assert file.read_text() == before
    file.write_text(before[:-40])
    assert set(runs_of(tmp_path)) == {"steps"}
    assert run_plan(resume_plan(tmp_path), tmp_path) == (2, 2)
    assert set(runs_of(tmp_path)) == {"steps", "proving"}


def test_failed_jobs_are_run_again_on_demand(toy_plan, tmp_path):
    """`retry_failed` runs what has failed, and nothing else; the new record takes the old one's place."""
    plan = toy_plan('name = "steps"', 'name = "crash"')
    run_plan(plan, tmp_path)
    assert run_plan(plan, tmp_path) == (2, 2)
    seen = []
    run_plan(plan, tmp_path, retry_failed=True, on_progress=seen.append)
    assert [progress.record.label for progress in seen if progress.record] == ["crash"]
    assert sorted(runs_of(tmp_path)) == ["crash", "steps"]
    assert len([record for record in read_records(tmp_path) if isinstance(record, Run)]) == 2


def test_edited_code_is_warned_of(tmp_path):
    """Records name version and digest of the code; resuming after the plugin's file was edited warns, and only then."""
    (tmp_path / "toy.toml").write_text(
        "time_limit = 1\nbound_time_limit = 0\n[[instances]]\ngenerate = 'countdown'\nsizes = [30]\n"
        "[[solvers]]\nname = 'steps'\n"
    )
    plugin = tmp_path / "countdown.py"
    plugin.write_text(PLUGIN.read_text())
    words = [sys.executable, "-m", "redwood", "bench", "run", "toy.toml", "--out", "out", "--plugin", str(plugin)]

    def run():
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True).stderr

    assert "Warning" not in run() + run()
    (record,) = runs_of(tmp_path / "out").values()
    assert len(record.code.digest) == 16
    plugin.write_text(PLUGIN.read_text() + "# edited\n")
    assert "Warning: 1 records of steps for countdown were made by other code" in run()


def test_records_that_are_removed_meanwhile_are_missed(toy_plan, tmp_path):
    """A run whose records are removed under it ends with an error instead of claiming that they are there."""
    plan = toy_plan('name = "steps"', 'name = "proving"')
    with pytest.raises(ExecutorError, match="was removed while"):
        run_plan(plan, tmp_path, on_progress=lambda progress: (tmp_path / "records.jsonl").unlink(missing_ok=True))


def test_another_suite_does_not_mix_with_the_records(toy_plan, tmp_path):
    """A folder belongs to one suite as it was then."""
    run_plan(toy_plan('name = "proving"'), tmp_path)
    with pytest.raises(OptionError, match="give another --out"):
        run_plan(toy_plan('name = "steps"'), tmp_path)


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("plan.json", '{"suite": "other", "data": null, "text": "", "format": 2}', "holds the records of suite 'other'"),
        ("records.jsonl", '{"kind": "session"}\n', "format 'that of Redwood 0.1'; expected 2"),
    ],
)
def test_a_dry_run_refuses_what_a_run_would(tmp_path, file, text, words):
    """--dry-run refuses a folder of another suite or of an older version, as the run itself does, and writes nothing."""
    from click.testing import CliRunner

    from redwood.cli.root import root

    (tmp_path / file).write_text(text)
    told = CliRunner().invoke(root, ["bench", "run", "smoke", "--out", str(tmp_path), "--dry-run"])
    assert words in " ".join(told.output.split())
    assert [found.name for found in tmp_path.iterdir()] == [file]
    with pytest.raises((OptionError, FormatError), match=re.escape(words)):
        run_plan(make_plan(find_suite("smoke")), tmp_path)


def test_two_runners_do_not_write_to_one_folder(toy_plan, tmp_path):
    """The folder is locked while a runner writes there."""
    from redwood.benchmarks.records import open_ledger

    with open_ledger(tmp_path), pytest.raises(OptionError, match="another run is writing"):
        run_plan(toy_plan('name = "steps"'), tmp_path)


def test_a_stopped_job_has_no_result(toy_plan):
    """A job that is stopped from outside is killed at once, and leaves nothing to record."""
    (job,) = toy_plan('name = "hang"', time_limit=60).jobs
    threading.Timer(0.5, leave, ["stopped"]).start()
    assert carry_out(JobRequest("stopped", "toy", job, None, (str(PLUGIN),))) is None


def test_memory_is_limited(toy_plan, tmp_path):
    """A job that eats memory is killed at its limit, says so, and keeps what it had reported."""
    eater = 'name = "rude"\nlabel = "eater"\noptions = {manner = "eat"}'
    run_plan(toy_plan(eater, time_limit=20, more="memory_gb = 0.6"), tmp_path)
    result = runs_of(tmp_path)["eater"].result
    assert (result.status, result.termination, result.objective) == ("failed", "killed", 6)
    assert "more than 0.6 GB" in result.message
    assert result.seconds.solve < 15


def test_cores_are_lent_to_one_at_a_time(tmp_path, monkeypatch):
    """Nobody shares a core; where too few are free none is lent; afterwards all are free again."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    usable = sorted(os.sched_getaffinity(0))
    with lend_cores(1) as first, lend_cores(len(usable)) as too_many, lend_cores(len(usable) - 1) as rest:
        assert len(first) == 1
        assert too_many == ()
        assert sorted(first + rest) == usable
    with lend_cores(len(usable)) as all_of_them:
        assert list(all_of_them) == usable


def test_replay_says_whether_it_agrees(toy_plan, tmp_path):
    """A job that is run again comes to the same answer; a record with another objective does not agree."""
    run_plan(toy_plan('name = "steps"'), tmp_path)
    job = runs_of(tmp_path)["steps"].job
    assert replay(tmp_path, job[:6]).agrees
    file = tmp_path / "records.jsonl"
    file.write_text(file.read_text().replace('"objective":3.0', '"objective":4.0'))
    assert not replay(tmp_path, job).agrees
    with pytest.raises(OptionError, match="0 finished jobs"):
        replay(tmp_path, "nothing")


def test_a_changed_instance_is_not_run(toy_plan):
    """A job whose instance is not the planned one is refused."""
    from msgspec.structs import replace

    (job,) = toy_plan('name = "steps"').jobs
    other = replace(job, cases=(replace(job.case, fingerprint="0" * 64),))
    try:
        done = carry_out(JobRequest("changed", "toy", other, None, (str(PLUGIN),)))
    finally:
        leave("changed")
    assert done.records[0].result.status == "failed"
    assert "not what it was" in done.records[0].result.message


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_ended_resumes(tmp_path, end, processes_of, running):
    """After kill -9 or Ctrl-C no process is left, and resuming completes the records without running one twice."""
    suite = tmp_path / "toy.toml"
    suite.write_text(
        "time_limit = 1.5\nbound_time_limit = 0\n[[instances]]\ngenerate = 'countdown'\nsizes = [30]\nseeds = [1, 2]\n"
        "[[solvers]]\nname = 'proving'\n[[solvers]]\nname = 'rude'\noptions = {manner = 'fork'}\n"
    )
    out = tmp_path / "out"
    words = [sys.executable, "-m", "redwood", "bench", "run", str(suite), "--out", str(out), "--plugin", str(PLUGIN)]
    marked = {**os.environ, "REDWOOD_TEST_MARK": str(tmp_path)}
    child = running(*words, env=marked)
    deadline = time.monotonic() + 60
    while not processes_of(str(tmp_path), CHILD) and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(end)
    assert child.wait(60) == (-9 if end is signal.SIGKILL else 130)
    while processes_of(str(tmp_path), "") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not processes_of(str(tmp_path), "")
    resume = [sys.executable, "-m", "redwood", "bench", "resume", str(out), "--plugin", str(PLUGIN), "--jobs", "2"]
    assert subprocess.run(resume, capture_output=True, cwd=tmp_path, timeout=60).returncode == 0
    jobs = [record.job for record in read_records(out) if isinstance(record, Run)]
    assert len(jobs) == len(set(jobs)) == 4


def test_kills_at_random_moments_change_nothing(tmp_path):
    """Killed twice and resumed, a run has the records of one left alone, and loses none that it had."""
    trial = try_kills(tmp_path, 2, 12, random.Random(0))
    assert len(trial.finished) == 2
    assert (trial.same, trial.lost) == (True, 0)


def test_a_job_can_have_a_fresh_interpreter(toy_plan, tmp_path):
    """What does not survive a fork gets an interpreter of its own, under the same limits."""
    run_plan(toy_plan('name = "rude"\noptions = {manner = "stuck"}'), tmp_path, fresh=True)
    (run,) = runs_of(tmp_path).values()
    assert (run.result.termination, run.result.objective) == ("killed", 6)


def test_the_commands_say_what_is_to_be_run_and_where_the_report_is(tmp_path, toy_plan):
    """--dry-run tells runs of solvers from bounds; report names the files that it wrote."""
    from click.testing import CliRunner

    from redwood.cli.root import root

    told = CliRunner().invoke(root, ["bench", "run", "smoke", "--out", str(tmp_path / "none"), "--dry-run"])
    runs, bounds = map(int, re.search(r"\((\d+) runs of solvers, (\d+) bounds\)", told.output).groups())
    assert told.output.startswith(f"{runs + bounds} jobs")
    run_plan(toy_plan('name = "proving"'), tmp_path)
    told = CliRunner().invoke(root, ["bench", "report", str(tmp_path)])
    assert f"Written to {tmp_path / 'report.md'} and {tmp_path / 'report.html'}." in told.output


def test_refused_jobs_are_counted_aloud(tmp_path, toy_plan):
    """The last line of a run says how many jobs were refused, those of earlier sessions too."""
    from click.testing import CliRunner

    from redwood.cli.root import root

    seen = []
    plan = toy_plan('name = "proving"', 'name = "rude"\noptions = {manner = "refuse"}')
    run_plan(plan, tmp_path, on_progress=seen.append)
    assert seen[-1].refused == 1
    told = CliRunner().invoke(root, ["bench", "resume", str(tmp_path)])
    assert told.output.startswith("2 of 2 jobs are finished, 1 of them refused;")


def test_a_run_without_a_terminal_begins_with_its_amount(tmp_path):
    """The first line says what is run, how many jobs, and how long they may take."""
    from click.testing import CliRunner

    from redwood.cli.root import root

    suite = tmp_path / "small.toml"
    suite.write_text("""
        time_limit = 0.2
        bound_time_limit = 0
        seeds = [0]
        [[instances]]
        generate = "knapsack"
        sizes = [8]
        [[solvers]]
        name = "greedy"
    """)
    told = CliRunner().invoke(root, ["bench", "run", str(suite), "--out", str(tmp_path / "out")])
    assert told.stderr == "small: 1 jobs (1 runs of solvers, 0 bounds) on 1 instances, 0 s of time limits, 1 at a time.\n"


def test_a_folder_without_a_plan_cannot_be_resumed(tmp_path):
    """Resuming needs a folder that a run has written."""
    with pytest.raises(FormatError, match="holds no benchmark run"):
        resume_plan(tmp_path)
