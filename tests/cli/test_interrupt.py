"""Ctrl-C, with real processes."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[1] / "plugins_for_tests" / "countdown.py"


SLOW = """
import time
from dataclasses import dataclass
from pathlib import Path
from redwood.plugins.spec import SolverSpec, hookimpl
from redwood.solver import Answer, Solver

@hookimpl
def redwood_solvers():
    return [SolverSpec("slow", "Say that it has begun, and wait.", f"{__name__}:Slow", problems=("countdown",))]

@dataclass(frozen=True)
class Slow(Solver):
    sign: str = ""

    def run(self, problem, instance, run):
        run.report(problem.solution(instance.largest - 1))
        Path(self.sign).touch()
        while not run.stops():
            time.sleep(0.01)
        return Answer(None)
"""


@pytest.fixture
def interrupted(tmp_path):
    """Return a function that starts a slow run, sends Ctrl-C when the first solution is there, and waits."""
    slow, sign = tmp_path / "slow.py", tmp_path / "begun"
    slow.write_text(SLOW)

    def run(*words, end=signal.SIGINT):
        command = [
            sys.executable,
            "-m",
            "redwood",
            "solve",
            *map(str, words),
            "--plugin",
            str(PLUGIN),
            "--plugin",
            str(slow),
        ]
        command += ["--solver", "slow", "-o", f"sign={sign}", "--time-limit", "60", "--json"]
        child = subprocess.Popen(  # a test run under nohup or in the background ignores signals, and so would the child
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            text=True,
            preexec_fn=lambda: signal.signal(end, signal.SIG_DFL),
        )
        deadline = time.monotonic() + 60
        while not sign.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        child.send_signal(end)
        began = time.monotonic()
        out, err = child.communicate(timeout=30)
        return child.returncode, out, err, time.monotonic() - began

    return run


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("more", [(), ("--isolate",)])
def test_ctrl_c_returns_the_best_so_far(interrupted, count_file, end, more):
    """The first Ctrl-C, TERM or HUP ends the search; the best solution is printed, and the exit code is that of success."""
    code, out, err, waited = interrupted(count_file(5000), *more, end=end)
    (record,) = [json.loads(line) for line in out.splitlines()]
    assert (code, record["termination"], record["status"]) == (0, "interrupted", "feasible")
    assert record["objective"] == 4999
    assert waited < 20
    assert "Traceback" not in err


def test_ctrl_c_leaves_the_rest_out(interrupted, count_file):
    """Files that were not begun are left out, and the exit code is 130."""
    code, out, err, _ = interrupted(count_file(5000, "one"), count_file(5000, "two"))
    assert [json.loads(line)["instance"] for line in out.splitlines()] == ["one"]
    assert code == 130
    assert "1 of 2 instances were begun" in err


def test_prints_of_a_solver_stay_out_of_the_json(count_file, tmp_path):
    """What a solver prints, through Python or not, goes to standard error; standard output has one line of JSON."""
    loud = tmp_path / "loud.py"
    prints = "print('garbage'); os.write(1, b'raw garbage\\n'); os.system('echo garbage of a child')"
    loud.write_text(SLOW.replace("Path(self.sign).touch()", prints).replace("import time", "import os, time"))
    words = [
        "solve",
        count_file(50),
        "--plugin",
        PLUGIN,
        "--plugin",
        loud,
        "--solver",
        "slow",
        "--time-limit",
        "0.2",
        "--json",
    ]
    done = subprocess.run([sys.executable, "-m", "redwood", *map(str, words)], capture_output=True, text=True, timeout=60)
    assert [json.loads(line)["objective"] for line in done.stdout.splitlines()] == [49]
    assert {"garbage", "raw garbage", "garbage of a child"} <= set(done.stderr.splitlines())


@pytest.mark.parametrize("name", ["random.py", "redwood.py"])
def test_the_working_folder_shadows_nothing(name, tmp_path):
    """No process that a command starts imports modules of the working folder: isolated, of a benchmark, of a pool."""
    (tmp_path / name).write_text("raise SystemExit('shadowed')")
    (tmp_path / "s.toml").write_text(
        "time_limit = 1\nbound_time_limit = 0\n[[instances]]\ngenerate = 'tsp'\nsizes = [5]\n[[solvers]]\nname = 'greedy'\n"
    )
    command = Path(sys.executable).with_name("redwood")
    for words in (
        "generate tsp --size 5 --out a.tsp",
        "solve a.tsp --solver greedy --isolate --bound-time-limit 0",
        "bench run s.toml --out out",
        "generate cormab --size 4 --out a.json",
        "generate cormab --size 5 --out b.json",
        "simulate a.json b.json --solver null --episodes 2 --jobs 2",
    ):
        done = subprocess.run([command, *words.split()], cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, (words, done.stderr)
