"""Runs in a process of their own, killed where they do not stop."""

import os
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

import redwood
from redwood.budget import Termination
from redwood.errors import OptionError
from redwood.plugins.entries import PluginWarning
from redwood.plugins.host import host
from redwood.plugins.spec import hookimpl
from redwood.result import Status

pytestmark = pytest.mark.usefixtures("countdown")


@pytest.fixture
def bad(countdown):
    """The solver with bad manners."""
    countdown.load_file(Path(__file__).parents[1] / "plugins_for_tests" / "bad_manners.py")


def number(largest=10):
    return redwood.instance("countdown", largest=largest)


def test_isolated_run_gives_the_same_result():
    """A well-behaved solver gives in a process of its own what it gives here."""
    here = redwood.solve(number(), solver="steps")
    there = redwood.solve(number(), solver="steps", isolate=True)
    assert (there.objective, there.status, there.termination) == (here.objective, here.status, here.termination)
    assert [value for _, value in there.trajectory] == [value for _, value in here.trajectory]


def test_hanging_solver_is_killed_and_keeps_its_best():
    """A solver that never returns is killed at its limit; what it had reported stays."""
    result = redwood.solve(number(), solver="hang", time_limit=1, isolate=True)
    assert (result.termination, result.status, result.objective) == (Termination.KILLED, Status.FEASIBLE, 7)
    assert result.seconds.solve < 1 + 0.5


@pytest.mark.parametrize(("manner", "message"), [("segfault", "signal SIGSEGV"), ("exit", "exit code 3")])
def test_death_of_the_process_is_a_status(manner, message):
    """A process that dies gives status failed, how it died, and what it had reported."""
    result = redwood.solve(number(), solver="rude", manner=manner, time_limit=5, isolate=True)
    assert (result.status, result.objective) == (Status.FAILED, 6)
    assert message in result.message


def test_garbage_on_standard_output_stays_out(capfd):
    """What a solver prints does not reach our standard output, where JSON may be expected."""
    result = redwood.solve(number(), solver="rude", manner="shout", time_limit=5, isolate=True)
    assert result.objective == 4
    assert "garbage" not in capfd.readouterr().out


def test_processes_of_a_killed_solver_die_with_it():
    """Nothing that a solver has started is left behind."""
    redwood.solve(number(), solver="rude", manner="fork", time_limit=1, isolate=True)
    time.sleep(0.2)
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "left-behind-by-redwood-test" not in [line.split()[-1] for line in listed.splitlines() if line.split()]


def test_improvements_stream_to_the_caller():
    """`on_improvement` is called in this process while the other one works."""
    seen = []
    redwood.solve(number(6), solver="steps", isolate=True, on_improvement=lambda incumbent: seen.append(incumbent.objective))
    assert seen == [6, 5, 4, 3]


@pytest.mark.parametrize("isolate", [False, True])
@pytest.mark.parametrize("manner", ["prints", "swallows-everything"])
def test_an_exception_of_the_caller_is_the_caller_s(bad, manner, isolate):
    """What `on_improvement` raises is raised, in this process and isolated, even where the solver swallows it."""

    def fail(incumbent):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        redwood.solve(number(), "bad", manner=manner, time_limit=5, isolate=isolate, on_improvement=fail)


def test_what_is_in_the_pipe_at_the_kill_counts(bad):
    """Improvements that were sent before the kill are read, however long the caller was busy meanwhile."""
    first = []

    def be_busy(incumbent):
        if not first:
            first.append(incumbent)
            time.sleep(2.0)

    result = redwood.solve(
        number(), "bad", manner="reports-and-hangs", time_limit=0.5, isolate=True, on_improvement=be_busy, bound_time_limit=0
    )
    assert result.termination is Termination.KILLED
    assert [value for _, value in result.trajectory] == [6 - step / 10 for step in range(20)]


def test_policies_come_back(bad):
    """A restless bandit is solved in a process of its own, and its policy acts here as the one that was made here."""
    instance = redwood.generate("cormab", size=6, seed=2)
    here, there = (redwood.solve(instance, "myopic", bound_time_limit=0, isolate=isolate) for isolate in (False, True))
    assert there.objective == here.objective
    assert type(there.solution) is type(here.solution)


def test_a_failing_hook_is_a_warning():
    """A plugin that fails over a result costs a warning, and the result is returned."""
    plugin = types.ModuleType("failing_logger")

    @hookimpl
    def redwood_solved(result):
        raise ValueError("disk full")

    plugin.redwood_solved = redwood_solved
    redwood.register(plugin)
    try:
        with pytest.warns(PluginWarning, match="redwood_solved failed: ValueError: disk full"):
            result = redwood.solve(number(), "steps")
    finally:
        host().manager.unregister(plugin)
    assert result.objective == 3


def test_interrupt_ends_the_child():
    """Ctrl-C in the parent kills the child and returns the best so far."""

    def interrupt(incumbent):
        raise KeyboardInterrupt

    result = redwood.solve(number(), solver="hang", time_limit=30, isolate=True, on_improvement=interrupt)
    assert (result.termination, result.objective) == (Termination.INTERRUPTED, 7)


def test_wrong_use_is_an_error_as_it_is_here():
    """What a solver raises because it was called wrongly is raised here too."""
    with pytest.raises(OptionError, match="no option"):
        redwood.solve(number(), solver="steps", nonsense=1, isolate=True)


def test_notebook_classes_can_be_isolated():
    """A solver class that no module holds, as in a notebook, runs in a process of its own."""
    script = """
import redwood
from dataclasses import dataclass
from redwood.plugins.host import host
import sys
host().load_file(sys.argv[1])
Number = host().problem("countdown").solution_type

@dataclass(frozen=True)
class Mine(redwood.Solver):
    value: int = 8
    def run(self, problem, instance, run):
        return redwood.Answer(Number(self.value))

redwood.register(Mine, name="mine", problems=["countdown"])
result = redwood.solve(redwood.instance("countdown", largest=9), solver="mine", isolate=True, time_limit=20, value=4)
assert result.objective == 4, result
"""
    plugin = Path(__file__).parents[1] / "plugins_for_tests" / "countdown.py"
    done = subprocess.run([sys.executable, "-c", script, str(plugin)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_child_dies_with_its_parent(tmp_path):
    """After kill -9 of the caller neither its worker nor what that has started is left."""
    plugin = Path(__file__).parents[1] / "plugins_for_tests" / "countdown.py"
    code = (
        f"import redwood; from redwood.plugins.host import host; host().load_file({str(plugin)!r})\n"
        "instance = redwood.instance('countdown', largest=10)\n"
        "said = lambda _: print('solution', flush=True)\n"
        "redwood.solve(instance, 'rude', manner='fork', time_limit=60, isolate=True, on_improvement=said)"
    )
    marked = {**os.environ, "REDWOOD_TEST_MARK": str(tmp_path)}
    caller = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=marked)
    assert caller.stdout.readline()
    assert len(marked_processes(str(tmp_path))) >= 2
    caller.kill()
    caller.communicate()
    deadline = time.monotonic() + 20
    while marked_processes(str(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert marked_processes(str(tmp_path)) == []


def marked_processes(mark):
    """Return the running processes with a mark in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "environ").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found
