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

    def run(*words):
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
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, text=True)
        deadline = time.monotonic() + 60
        while not sign.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, err = child.communicate(timeout=30)
        return child.returncode, out, err, time.monotonic() - began

    return run


def test_ctrl_c_returns_the_best_so_far(interrupted, count_file):
    """The first Ctrl-C ends the search; the best solution is printed, and the exit code is that of a solved instance."""
    code, out, err, waited = interrupted(count_file(5000))
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
