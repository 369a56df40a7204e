"""What a solver is, what the engine lends it for one call, and what it claims in return."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from redwood.budget import Budget, Progress, Sense, Termination
from redwood.errors import SolverError
from redwood.problem import Instance, Problem, Solution
from redwood.tolerance import ROUNDING, same


@dataclass(frozen=True)
class Answer:
    """What a solver claims. The engine prices and checks the solution itself.

    Attributes
    ----------
    solution
        The best solution, or ``None`` where none was found (the engine then takes the best one reported).
    bound
        A valid bound on the optimum that the solver proved, in the problem's sense.
    proven
        Whether the search was exhausted: the solution is optimal or, without a solution, the instance infeasible.
    message
        One sentence for the user, where there is something to say.
    """

    solution: Solution | None
    bound: float | None = None
    proven: bool = False
    message: str = ""


@dataclass(frozen=True)
class Incumbent:
    """One improvement: seconds since the search began, objective and solution."""

    seconds: float
    objective: float
    solution: Solution


class Run:
    """What the engine lends a solver for one call: randomness, clock, start, and a place to report to.

    Attributes
    ----------
    rng
        The only source of randomness a solver may use.
    seed
        The seed that ``rng`` was made of, for libraries that want a number.
    initial
        A feasible solution to start from, already checked, or ``None``.
    threads
        How many threads the solver may use.
    partner
        The solver that `Solver.partner` names, ready to run, where it names one.
    """

    def __init__(
        self,
        problem: Problem[Any, Any],
        instance: Instance,
        *,
        budget: Budget,
        seed: int = 0,
        initial: Solution | None = None,
        threads: int = 1,
        on_improvement: Callable[[Incumbent], None] | None = None,
        partner: Solver | None = None,
    ) -> None:
        self.seed = seed
        self.rng = np.random.default_rng(seed)
        self.initial = initial
        self.threads = threads
        self.partner = partner
        self.iterations = 0
        self.trajectory: list[tuple[float, float]] = []
        self.best: Solution | None = None
        self.objective: float | None = None
        self.bound: float | None = None
        self.stopped: Termination | None = None
        self._problem = problem
        self._instance = instance
        self._budget = budget
        self._on_improvement = on_improvement
        self._began = time.perf_counter()
        if initial is not None:
            self.report(initial)

    def start_clock(self) -> None:
        """Set the clock to zero: called by the engine when everything is compiled and loaded."""
        self._began = time.perf_counter()
        self.trajectory = [(0.0, objective) for _, objective in self.trajectory]

    @property
    def sense(self) -> Sense:
        """Whether smaller or larger objectives are better."""
        return self._problem.sense

    @property
    def seconds(self) -> float:
        """Seconds since the search began."""
        return time.perf_counter() - self._began

    @property
    def progress(self) -> Progress:
        """The state of the run that budgets decide on."""
        return Progress(self.seconds, self.iterations, self.objective, self.bound, self.sense)

    @property
    def seconds_left(self) -> float:
        """Seconds until the time limit, infinite without one."""
        return self._budget.seconds_left(self.progress)

    @property
    def iterations_left(self) -> float:
        """Iterations until the limit, infinite without one."""
        return self._budget.iterations_left(self.progress)

    @property
    def used(self) -> float:
        """Share of the iterations that is spent or, where they are not limited, of the seconds; 0 without either limit.

        Schedules, such as those of temperatures, follow it; with a limit on iterations they repeat.
        """
        left, done = self.iterations_left, float(self.iterations)
        if math.isinf(left):
            left, done = self.seconds_left, self.seconds
        return done / max(done + left, 1e-12)

    def advance(self, iterations: int = 1) -> None:
        """Count iterations, so that a budget in iterations can end the run."""
        self.iterations += iterations

    def stops(self) -> bool:
        """Return whether the budget is used up; solvers ask this every few milliseconds."""
        if self.stopped is None:
            self.stopped = self._budget.reason(self.progress)
        return self.stopped is not None

    def report(self, solution: Solution) -> bool:
        """Hand in a solution; returns whether it is the best so far.

        The solution is priced and checked here, at a cost linear in the instance: report improvements, and not more
        than a few tens a second. Once reported it survives time limits, Ctrl-C and the killing of the process.

        Raises
        ------
        SolverError
            Where the solution is infeasible, which is a defect of the solver.
        """
        if not isinstance(solution, self._problem.solution_type):
            expected = self._problem.solution_type.__name__
            raise SolverError(f"the solver reported a {type(solution).__name__} and not a {expected}.")
        violations = self._problem.violations(self._instance, solution)
        if violations:
            raise SolverError(f"the solver reported an infeasible solution: {violations[0]}")
        objective = float(self._problem.objective(self._instance, solution))
        if not self.sense.better(objective, self.objective):
            return False
        noise = self.objective is not None and same(objective, self.objective, share=ROUNDING)
        self.best, self.objective = solution, objective
        if noise:  # the same value, summed in another order, is no improvement
            self.trajectory[-1] = (self.trajectory[-1][0], objective)
            return True
        incumbent = Incumbent(self.seconds, objective, solution)
        self.trajectory.append((incumbent.seconds, objective))
        if self._on_improvement is not None:
            self._on_improvement(incumbent)
        return True

    def report_bound(self, bound: float) -> None:
        """Hand in a valid bound on the optimum, proven so far; the best one is kept."""
        tighter = self.bound is None or (bound > self.bound if self.sense is Sense.MIN else bound < self.bound)
        if tighter and math.isfinite(bound):
            self.bound = float(bound)


class Solver(ABC):
    """A method, as a frozen dataclass whose fields are its options, validated in ``__post_init__``."""

    keeps: ClassVar[frozenset[str]] = frozenset()
    """Of what instances may ask beyond the plain problem (`Instance.asks`), what the solver keeps."""

    @property
    def partner(self) -> str:
        """Name of the solver that this one hands its best solutions to, which the engine lends it as `Run.partner`."""
        return ""

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:  # noqa: B027 (many have nothing to do)
        """Compile kernels and load weights, before the clock starts; the time is reported as ``seconds.compile``."""

    @abstractmethod
    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Search until the budget of ``run`` is used up or nothing is left to do."""

    def run_many(self, problem: Problem[Any, Any], instances: Sequence[Instance], runs: Sequence[Run]) -> list[Answer]:
        """Solve a batch; solvers that gain from batching override this. The runs share one clock for the batch."""
        raise NotImplementedError

    @classmethod
    def batches(cls) -> bool:
        """Return whether the solver has a `run_many` of its own."""
        return cls.run_many is not Solver.run_many
