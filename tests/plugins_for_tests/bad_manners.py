"""Solvers of the countdown problem that lie, break, flood, hide, kill and hang: a single-file plugin for tests.

Each manner is a function of problem, instance and run. Those that report a solution first report the number 6.
"""

import atexit
import contextlib
import ctypes
import itertools
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood.execution.channel import HEADER, MARK, frame
from redwood.plugins.spec import SolverSpec, hookimpl
from redwood.problem import Solution
from redwood.solver import Answer, Run, Solver

CHILD = "left-behind-by-redwood-test"
TRAP = "REDWOOD_TEST_TRAP"
"""The environment variable that names a file which nobody may create."""

MANNERS: dict[str, Callable[[Any, Any, Run], Any]] = {}
Manner = Callable[[Any, Any, Run], Any]


def manner(function: Manner) -> Manner:
    MANNERS[function.__name__.strip("_").replace("_", "-")] = function
    return function


def answer(problem: Any, value: Any, **claims: Any) -> Answer:
    return Answer(problem.solution_type(value), **claims)


@dataclass(frozen=True)
class BadManners(Solver):
    """Report the number 6 and then misbehave."""

    manner: str = "raises"

    def run(self, problem: Any, instance: Any, run: Run) -> Any:
        run.report(problem.solution_type(6))
        return MANNERS[self.manner](problem, instance, run)


class TwoArguments(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


class Grave(BaseException):
    pass


@dataclass(frozen=True, eq=False)
class Stranger(Solution):
    value: int


class Sly(Answer):
    @property
    def bound(self) -> float:  # type: ignore[override]
        raise RuntimeError("not today")


def raising(error: BaseException) -> Manner:
    def run(problem: Any, instance: Any, run: Run) -> Any:
        raise error

    return run


def returning(value: Any) -> Manner:
    return lambda problem, instance, run: value


def claiming(value: Any, **claims: Any) -> Manner:
    return lambda problem, instance, run: answer(problem, value, **claims)


MANNERS |= {
    "raises": raising(RuntimeError("out of paper")),
    "raises-two-arguments": raising(TwoArguments("one", "two")),
    "raises-unprintable": raising(Unprintable()),
    "raises-base": raising(Grave("grave")),
    "raises-generator-exit": raising(GeneratorExit()),
    "raises-memory-error": raising(MemoryError()),
    "raises-stop-iteration": raising(StopIteration()),
    "exits": raising(SystemExit(0)),
    "exits-with-words": raising(SystemExit("done here")),
    "interrupts": raising(KeyboardInterrupt()),
    "answers-nothing": returning(None),
    "answers-number": returning(5),
    "answers-class": returning(Answer),
    "answers-stranger": returning(Answer(Stranger(4))),
    "answers-text": returning(Answer("four")),  # type: ignore[arg-type]
    "answers-slyly": lambda problem, instance, run: Sly(problem.solution_type(4)),
    "answers-infeasible": claiming(0),
    "answers-huge": claiming(10**400),
    "answers-function": claiming(print),
    "answers-text-inside": claiming("four"),
    "answers-nan": claiming(float("nan")),
    "proves-worse": claiming(9, proven=True),
    "proves-infeasible": claiming(0, proven=True),
    "bound-text": claiming(4, bound="low"),
    "bound-list": claiming(4, bound=[3.0]),
    "bound-truth": claiming(4, bound=True),
    "bound-nan": claiming(4, bound=float("nan")),
    "bound-infinite": claiming(4, bound=float("-inf")),
    "bound-single": claiming(4, bound=np.float32(3)),
    "bound-integer": claiming(4, bound=np.int64(3)),
    "bound-array": claiming(4, bound=np.array(3.0)),
    "bound-impossible": claiming(4, bound=99.0),
    "proven-text": claiming(4, proven="yes"),
    "proven-numpy": claiming(3, proven=np.True_),
    "message-bytes": claiming(4, message=b"four"),
    "message-endless": claiming(4, message="x" * 10_000_000),
}


@manner
def recurses(problem: Any, instance: Any, run: Run) -> Any:
    return recurses(problem, instance, run)


@manner
def reports_text(problem: Any, instance: Any, run: Run) -> Any:
    run.report("four")  # type: ignore[arg-type]


@manner
def reports_infeasible(problem: Any, instance: Any, run: Run) -> Any:
    run.report(problem.solution_type(1))


@manner
def bounds_text(problem: Any, instance: Any, run: Run) -> Any:
    run.report_bound("low")  # type: ignore[arg-type]


@manner
def nested(problem: Any, instance: Any, run: Run) -> Any:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    return answer(problem, deep)


@manner
def mutates_instance(problem: Any, instance: Any, run: Run) -> Any:
    object.__setattr__(instance, "largest", 1000)
    run.report(problem.solution_type(5))
    return answer(problem, 500)


@manner
def patches_objective(problem: Any, instance: Any, run: Run) -> Any:
    with patched(type(problem), "objective", lambda *_: -1.0):
        run.report(problem.solution_type(5))
        return answer(problem, 5, proven=True)


@manner
def patches_violations(problem: Any, instance: Any, run: Run) -> Any:
    with patched(type(problem), "violations", lambda *_: []):
        run.report(problem.solution_type(-7))
        return answer(problem, -7, proven=True)


@manner
def patches_for_good(problem: Any, instance: Any, run: Run) -> Any:
    type(problem).violations = lambda *_: []
    type(problem).objective = lambda *_: -1.0
    return answer(problem, 4, proven=True)


@contextlib.contextmanager
def patched(kind: Any, name: str, function: Any) -> Any:
    before = getattr(kind, name)
    setattr(kind, name, function)
    try:
        yield
    finally:
        setattr(kind, name, before)


@manner
def damages_trajectory(problem: Any, instance: Any, run: Run) -> Any:
    run.trajectory = None  # type: ignore[assignment]
    return answer(problem, 4)


@manner
def damages_best(problem: Any, instance: Any, run: Run) -> Any:
    run.best = "four"  # type: ignore[assignment]
    return answer(problem, 4)


@manner
def damages_bound(problem: Any, instance: Any, run: Run) -> Any:
    run.bound = "low"  # type: ignore[assignment]
    return answer(problem, 4)


@manner
def invents_improvements(problem: Any, instance: Any, run: Run) -> Any:
    run.trajectory.append((0.0, -5.0))
    return answer(problem, 4)


@manner
def pickles_an_action(problem: Any, instance: Any, run: Run) -> Any:
    class Trap(problem.solution_type):  # type: ignore[misc, name-defined]
        def __reduce__(self) -> Any:
            return (open, (os.environ[TRAP], "w"))

    run.report(Trap(5))
    return Answer(Trap(4))


@manner
def prints(problem: Any, instance: Any, run: Run) -> Any:
    sys.stdout.write("garbage\n" * 100)
    return answer(problem, 4)


@manner
def writes_everywhere(problem: Any, instance: Any, run: Run) -> Any:
    write_everywhere(b"garbage\n" * 10)
    time.sleep(60)


@manner
def pickles_everywhere(problem: Any, instance: Any, run: Run) -> Any:
    class Trap:
        def __reduce__(self) -> Any:
            return (open, (os.environ[TRAP], "w"))

    data = pickle.dumps(Trap())
    write_everywhere(HEADER.pack(MARK, 2, len(data), bytes(16)) + data)
    time.sleep(60)


@manner
def forges_everywhere(problem: Any, instance: Any, run: Run) -> Any:
    write_everywhere(frame(bytes(32), 2, b"\x80") * 3)
    time.sleep(60)


@manner
def floods_everywhere(problem: Any, instance: Any, run: Run) -> Any:
    while True:
        write_everywhere(b"x" * 65536)


@manner
def children_write_everywhere(problem: Any, instance: Any, run: Run) -> Any:
    for _ in range(2):
        if os.fork() == 0:
            while True:
                write_everywhere(b"y" * 5000)
    time.sleep(60)


def write_everywhere(data: bytes) -> None:
    for descriptor in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(descriptor, data)


@manner
def floods_reports(problem: Any, instance: Any, run: Run) -> Any:
    for step in range(20_000):
        run.report(problem.solution_type(5 - step / 20_000))
    return answer(problem, 4)


@manner
def reports_and_hangs(problem: Any, instance: Any, run: Run) -> Any:
    for step in range(1, 20):
        run.report(problem.solution_type(6 - step / 10))
    time.sleep(60)


@manner
def swallows_everything(problem: Any, instance: Any, run: Run) -> Any:
    for value in (5, 4, 3):
        with contextlib.suppress(BaseException):
            run.report(problem.solution_type(value))
    return answer(problem, 3)


@manner
def floods_output(problem: Any, instance: Any, run: Run) -> Any:
    while True:
        os.write(1, b"garbage\n" * 1000)


@manner
def closes_everything(problem: Any, instance: Any, run: Run) -> Any:
    os.closerange(0, 256)
    return answer(problem, 4)


@manner
def closes_output(problem: Any, instance: Any, run: Run) -> Any:
    sys.stdout.close()
    sys.stderr.close()
    os.close(1)
    os.close(2)
    return answer(problem, 4)


@manner
def forks_and_both_return(problem: Any, instance: Any, run: Run) -> Any:
    os.fork()
    return answer(problem, 4)


@manner
def forks_and_both_report(problem: Any, instance: Any, run: Run) -> Any:
    if os.fork() == 0:
        for value in (5, 4, 3):
            with contextlib.suppress(Exception):
                run.report(problem.solution_type(value))
        os._exit(0)
    time.sleep(0.2)
    return answer(problem, 4)


@manner
def forks_a_sleeper(problem: Any, instance: Any, run: Run) -> Any:
    if os.fork() == 0:
        time.sleep(120)
    return answer(problem, 4)


@manner
def starts_a_daemon(problem: Any, instance: Any, run: Run) -> Any:
    start_daemon()
    return answer(problem, 4)


@manner
def hides_a_daemon(problem: Any, instance: Any, run: Run) -> Any:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 256)
            time.sleep(120)
        os._exit(0)
    return answer(problem, 4)


@manner
def breeds(problem: Any, instance: Any, run: Run) -> Any:
    for _ in range(12):
        start_daemon()
    time.sleep(60)


def start_daemon() -> None:
    words = [sys.executable, "-S", "-c", "import time; time.sleep(120)", CHILD]
    subprocess.Popen(words, start_new_session=True)


@manner
def kills_supervisor(problem: Any, instance: Any, run: Run) -> Any:
    start_daemon()
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


@manner
def kills_supervisor_and_hides(problem: Any, instance: Any, run: Run) -> Any:
    os.kill(os.getppid(), signal.SIGKILL)
    return hides_a_daemon(problem, instance, run)


@manner
def stops_supervisor(problem: Any, instance: Any, run: Run) -> Any:
    start_daemon()
    os.kill(os.getppid(), signal.SIGSTOP)
    return answer(problem, 4)


@manner
def stops_server(problem: Any, instance: Any, run: Run) -> Any:
    os.kill(server(), signal.SIGSTOP)
    return answer(problem, 4)


@manner
def kills_server(problem: Any, instance: Any, run: Run) -> Any:
    os.kill(server(), signal.SIGKILL)
    return answer(problem, 4)


def server() -> int:
    with open(f"/proc/{os.getppid()}/stat", encoding="utf-8", errors="replace") as file:
        return int(file.read().rpartition(")")[2].split()[1])


@manner
def stops_itself(problem: Any, instance: Any, run: Run) -> Any:
    os.kill(os.getpid(), signal.SIGSTOP)


@manner
def segfaults(problem: Any, instance: Any, run: Run) -> Any:
    ctypes.string_at(0)


@manner
def aborts(problem: Any, instance: Any, run: Run) -> Any:
    os.abort()


@manner
def exits_at_once(problem: Any, instance: Any, run: Run) -> Any:
    os._exit(0)


@manner
def exits_at_once_in_a_thread(problem: Any, instance: Any, run: Run) -> Any:
    threading.Timer(0.05, os._exit, [3]).start()
    time.sleep(60)


@manner
def sleeps(problem: Any, instance: Any, run: Run) -> Any:
    time.sleep(60)


@manner
def sticks_in_c(problem: Any, instance: Any, run: Run) -> Any:
    max(itertools.repeat(1))


@manner
def ignores_signals(problem: Any, instance: Any, run: Run) -> Any:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(60)


@manner
def answers_late(problem: Any, instance: Any, run: Run) -> Any:
    time.sleep(run.seconds_left + 10)
    return answer(problem, 3)


@manner
def leaves_a_thread(problem: Any, instance: Any, run: Run) -> Any:
    threading.Thread(target=time.sleep, args=[60]).start()
    return answer(problem, 4)


@manner
def reports_after_the_end(problem: Any, instance: Any, run: Run) -> Any:
    def go_on() -> None:
        while True:
            run.trajectory.clear()
            run.objective = None
            run.report(problem.solution_type(5))

    threading.Thread(target=go_on, daemon=True).start()
    return answer(problem, 4)


@manner
def hangs_at_exit(problem: Any, instance: Any, run: Run) -> Any:
    atexit.register(time.sleep, 60)
    return answer(problem, 4)


@manner
def clears_the_environment(problem: Any, instance: Any, run: Run) -> Any:
    os.environ.clear()
    os.chdir("/")
    sys.path.clear()
    sys.modules.pop("redwood.problem", None)
    start_daemon()
    return answer(problem, 4)


@manner
def removes_modules(problem: Any, instance: Any, run: Run) -> Any:
    for name in [name for name in sys.modules if name.startswith(("redwood", "msgspec", "numpy"))]:
        del sys.modules[name]
    return answer(problem, 4)


@hookimpl
def redwood_solvers() -> Iterable[SolverSpec]:
    return [SolverSpec("bad", "Misbehave.", f"{__name__}:BadManners", problems=("countdown",))]
