"""A problem small enough to check by eye, and solvers that behave well and badly: a single-file plugin for tests.

Find the smallest whole number from 3 up; the instance says how large it may be.
"""

import contextlib
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from redwood.budget import Sense
from redwood.errors import FitError, InstanceError
from redwood.plugins.spec import Choice, Determinism, Format, ProblemSpec, SolverSpec, hookimpl
from redwood.problem import Instance, Problem, Solution
from redwood.solver import Answer, Run, Solver
from redwood.views import Bound, BoundValue, Clock

FLOOR = 3


@dataclass(frozen=True, eq=False, kw_only=True)
class Countdown(Instance):
    """The largest number allowed."""

    problem: ClassVar[str] = "countdown"
    largest: int

    @property
    def size(self) -> int:
        return self.largest


@dataclass(frozen=True, eq=False)
class Number(Solution):
    """One number."""

    value: int


class CountdownProblem(Problem[Countdown, Number]):
    """Find the smallest number from 3 up."""

    name = "countdown"
    sense = Sense.MIN
    solution_type = Number
    variants = ("plain",)

    def make(self, *, largest: int, name: str = "") -> Countdown:
        instance = Countdown(largest=largest, name=name)
        self.validate(instance)
        return instance

    def generate(self, size: int, rng: np.random.Generator, *, variant: str, extra: int = 0) -> Countdown:
        return self.make(largest=size + extra + int(rng.integers(1, 10)))

    def validate(self, instance: Countdown) -> None:
        if instance.largest < FLOOR:
            raise InstanceError(f"largest {instance.largest} is below {FLOOR}, so no number is allowed.")

    def objective(self, instance: Countdown, solution: Number) -> float:
        return float(solution.value)

    def violations(self, instance: Countdown, solution: Number) -> list[str]:
        if FLOOR <= solution.value <= instance.largest:
            return []
        return [f"number {solution.value} is not between {FLOOR} and {instance.largest}"]

    def parse(self, text: str, name: str) -> Countdown:
        return self.make(largest=int(text.split()[1]), name=name)


class CountdownBound(Bound):
    """The smallest number, which is plain to see."""

    def __init__(self, instance: Countdown) -> None:
        self.instance = instance

    def bound(self, clock: Clock, incumbent: float | None = None) -> BoundValue:
        return BoundValue(float(FLOOR), "by eye")


CountdownProblem.views = {Bound: f"{__name__}:CountdownBound"}


@dataclass(frozen=True)
class Steps(Solver):
    """Count down from the largest number, one iteration a step."""

    pause: float = 0.0

    def run(self, problem: Any, instance: Any, run: Run) -> Answer:
        value = run.initial.value if isinstance(run.initial, Number) else instance.largest
        run.report(Number(value))
        while value > FLOOR and not run.stops():
            time.sleep(self.pause)
            value -= 1
            run.report(Number(value))
            run.advance()
        return Answer(None)


@dataclass(frozen=True)
class Proving(Solver):
    """Know the answer and prove it."""

    def run(self, problem: Any, instance: Any, run: Run) -> Answer:
        return Answer(Number(FLOOR), bound=float(FLOOR), proven=True)


@dataclass(frozen=True)
class Crash(Solver):
    """Report one solution and then fail."""

    def run(self, problem: Any, instance: Any, run: Run) -> Answer:
        run.report(Number(5))
        raise RuntimeError("out of paper")


@dataclass(frozen=True)
class Cheat(Solver):
    """Answer with a number that is not allowed, and a bound that no solution can meet."""

    wrong: str = "solution"

    def run(self, problem: Any, instance: Any, run: Run) -> Answer:
        if self.wrong == "report":
            run.report(Number(0))
        if self.wrong == "proof":
            return Answer(Number(5), bound=5.0, proven=True)
        return Answer(Number(0), proven=True) if self.wrong == "solution" else Answer(Number(FLOOR), bound=99.0)


@dataclass(frozen=True)
class Together(Solver):
    """Know the answers to a batch, each after the same pause as one."""

    pause: float = 0.0
    reports: tuple[int, ...] = ()

    def run(self, problem: Any, instance: Any, run: Run) -> Answer:
        return self.run_many(problem, [instance], [run])[0]

    def run_many(self, problem: Any, instances: Any, runs: Any) -> list[Answer]:
        for value in self.reports:  # of the first instance only
            runs[0].report(Number(value))
        time.sleep(self.pause)
        return [Answer(Number(FLOOR)) for _ in instances]


@dataclass(frozen=True)
class Hang(Solver):
    """Report a solution and never come back."""

    def run(self, problem: Any, instance: Any, run: Run) -> Answer:
        run.report(Number(7))
        while True:
            time.sleep(60)


@dataclass(frozen=True)
class Rude(Solver):
    """Die, fork or shout, after reporting a solution; or refuse the instance before."""

    manner: str = "segfault"

    def run(self, problem: Any, instance: Any, run: Run) -> Answer:
        if self.manner == "refuse":
            raise FitError("rude takes no countdown")
        run.report(Number(6))
        if self.manner == "segfault":
            os.kill(os.getpid(), 11)
        if self.manner == "eat":
            eaten: list[bytes] = []
            while True:
                eaten.append(b"x" * 10_000_000)
                time.sleep(0.002)
        if self.manner == "exit":
            os._exit(3)
        if self.manner == "shout":
            sys.stdout.write("garbage\n" * 100)
            return Answer(Number(4))
        if self.manner == "rave":
            while True:
                os.write(1, b"garbage\n" * 1000)
        if self.manner == "scribble":  # into whatever is open, the runner's pipe too
            for descriptor in range(3, 64):
                with contextlib.suppress(OSError):
                    os.write(descriptor, b"garbage\n" * 10)
            time.sleep(60)
        if self.manner == "breed":
            words = [sys.executable, "-S", "-c", "import time; time.sleep(120)", "left-behind-by-redwood-test"]
            for _ in range(12):
                subprocess.Popen(words, start_new_session=True)
            time.sleep(60)
        if self.manner == "fork":
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)", "left-behind-by-redwood-test"])
            time.sleep(60)
        if self.manner == "daemon":
            words = [sys.executable, "-c", "import time; time.sleep(120)", "left-behind-by-redwood-test"]
            subprocess.Popen(words, start_new_session=True)
            return Answer(Number(4))
        if self.manner == "stuck":
            max(itertools.repeat(1))  # in C, never letting go of the interpreter
        return Answer(None)


@hookimpl
def redwood_problems() -> Iterable[ProblemSpec]:
    return [
        ProblemSpec(
            "countdown",
            "Find the smallest number from 3 up.",
            f"{__name__}:CountdownProblem",
            frozenset({"Bound"}),
            (Format((".count",), r"\ACOUNTDOWN\s"),),
        )
    ]


@hookimpl
def redwood_solvers() -> Iterable[SolverSpec]:
    return [
        SolverSpec(
            name,
            f"{cls} for countdown.",
            f"{__name__}:{cls}",
            problems=("countdown",),
            determinism=Determinism.DETERMINISTIC,
            choices=choices,
        )
        for name, cls, choices in (
            ("steps", "Steps", (Choice(10), Choice(90, max_size=20))),
            ("proving", "Proving", (Choice(50, min_seconds=5),)),
            ("together", "Together", ()),
            ("crash", "Crash", ()),
            ("cheat", "Cheat", ()),
            ("hang", "Hang", ()),
            ("rude", "Rude", ()),
        )
    ]
