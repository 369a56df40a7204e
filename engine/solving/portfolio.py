"""`Portfolio`: several solvers of one instance at once, the best solution and bound of any, ended together."""

from __future__ import annotations

import math
import queue
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from redwood.budget import AnyOf, Budget, Iterations, Progress, Sense, Termination
from redwood.errors import FitError, OptionError, SolutionError, SolverError
from redwood.execution.checking import Checker
from redwood.execution.processes import ForkServer
from redwood.execution.supervisor import Request, run_apart
from redwood.execution.task import Outcome, Task, execute
from redwood.operating_system import bind_to_cores, usable_cores
from redwood.plugins.entries import Entry
from redwood.plugins.host import host
from redwood.plugins.spec import SolverSpec
from redwood.problem import Instance, Problem
from redwood.solver import Answer, Incumbent, Run, Solver
from redwood.solving.choose import volunteers
from redwood.solving.running import find_partner, plugin_files
from redwood.tolerance import same

POLL = 0.02
"""Seconds between two looks at the processes."""
CLOSING, LAST = 0.25, 0.1
"""Seconds before the end of the time limit at which each solver's own ends, so that it can still tell its bound, and at
which those that go on are killed."""
NAME = "portfolio"


@dataclass(frozen=True)
class Until(Budget):
    """Stop at a moment of this machine's monotonic clock, which all processes read alike."""

    moment: float

    def reason(self, progress: Progress) -> Termination | None:
        return Termination.TIME if time.monotonic() >= self.moment else None

    def seconds_left(self, progress: Progress) -> float:
        return max(0.0, self.moment - time.monotonic())


@dataclass(frozen=True)
class Portfolio(Solver):
    """Run several solvers at once until one of them proves its solution optimal, or the budget is used up.

    The first runs in this process, each other one in a process of its own, which takes a second or two to begin. A better
    solution of any of them counts at once, the best bound at the end. All run on as many cores as the run may have threads;
    threads beyond one a solver go to the first one. With a limit on iterations each may make as many, all run to their ends,
    and the first of the best is the answer.

    Attributes
    ----------
    solvers
        Names of solvers that fit the problem, separated by commas; by default all that ``auto`` considers.
    """

    solvers: str = ""
    keeps: ClassVar[frozenset[str]] = frozenset({"fixed edges", "precedences"})

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        """Compile what the solvers need, which their processes then find on the disk."""
        for _, task in self._tasks(problem, instance, Run(problem, instance, budget=Iterations(1))):
            with nullcontext() if self.solvers else suppress(FitError):
                task.load()

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Search until the budget is used up, or one solver has proven its solution."""
        tasks = self._tasks(problem, instance, run)
        race = _Race(Checker.of(problem, instance, apart=True), run, forgiving=not self.solvers)
        preload = sorted({name for entry, _ in tasks for name in entry.spec.preload})
        with ForkServer(max(task.threads for _, task in tasks), preload) as server:
            race.run([(entry.spec.name, task) for entry, task in tasks], server)
        return race.answer()

    def _tasks(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> list[tuple[Entry[SolverSpec], Task]]:
        """Return what each solver is to do in the budget that is left.

        Raises
        ------
        FitError
            Where one that was named does not fit, or none volunteers.
        OptionError
            Where a name is the portfolio's own, or given twice.
        """
        names = [name.strip() for name in self.solvers.split(",") if name.strip()]
        if NAME in names or len(set(names)) < len(names):
            raise OptionError(f"solvers {self.solvers!r} must name solvers other than {NAME!r}, each of them once.")
        if names:
            entries = [host().solver_entry(name, problem.name) for name in names]
        else:
            entries = [entry for entry in volunteers(problem.name, instance.size, math.inf) if entry.spec.name != NAME]
        made = [(entry, entry.load()()) for entry in entries]
        if not names:
            made = [(entry, solver) for entry, solver in made if instance.asks <= solver.keeps]
        if not made:
            raise FitError(f"no solver volunteers for this instance of problem {problem.name!r}; name some as solvers.")
        parts: list[Budget] = []
        if math.isfinite(run.seconds_left):
            parts.append(Until(time.monotonic() + max(0.01, run.seconds_left - CLOSING)))
        if math.isfinite(run.iterations_left):
            parts.append(Iterations(max(1, int(run.iterations_left))))
        more = max(0, run.threads - len(made))
        return [
            (
                entry,
                Task(
                    problem,
                    instance,
                    solver,
                    AnyOf(tuple(parts)),
                    run.seed,
                    run.initial,
                    1 if place else 1 + more,
                    find_partner(solver, problem.name),
                    entry.spec.views,
                ),
            )
            for place, (entry, solver) in enumerate(made)
        ]


class _Race:
    """Solvers of one instance that run at once: the first here, the others in processes."""

    def __init__(self, checker: Checker, run: Run, *, forgiving: bool) -> None:
        self._checker, self._run, self._forgiving = checker, run, forgiving
        self._to_the_end = math.isfinite(run.iterations_left)
        self._found: queue.SimpleQueue[tuple[str, Incumbent]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._running: dict[Future[Outcome | None], str] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._finder = ""

    def run(self, tasks: list[tuple[str, Task]], server: ForkServer) -> None:
        """Let the solvers search; one that does not fit the instance raises `FitError`, unless nobody has asked for it."""
        (name, first), others = tasks[0], tasks[1:]
        cores = usable_cores()
        bind_to_cores(cores[: self._run.threads])
        try:
            with ThreadPoolExecutor(len(tasks)) as pool:
                futures = {pool.submit(self._apart, other, task, server): other for other, task in others}
                try:
                    self._running = dict(futures)
                    self._outcomes[name] = self._here(name, replace(first, budget=first.budget | _Watch(self)))
                    if self._to_the_end or not self._settles(self._outcomes[name]):
                        self._follow()
                finally:
                    self._stop.set()
        finally:
            bind_to_cores(cores)
        self._take_reports()
        ended = {other: future.result() for future, other in futures.items()}
        self._outcomes |= {other: outcome for other, outcome in ended.items() if outcome is not None}

    def _here(self, name: str, task: Task) -> Outcome:
        """Return what a solver comes to in this process; Ctrl-C ends all."""
        try:
            (outcome,) = execute([task], lambda _, found: self._take(name, found))
        except FitError as error:
            return self._refused(error)
        if outcome.stopped is Termination.INTERRUPTED:
            raise KeyboardInterrupt
        return outcome

    def _apart(self, name: str, task: Task, server: ForkServer) -> Outcome | None:
        """Return what a solver comes to in a process, or ``None`` where it was stopped."""
        limit, cores = self._run.seconds_left, usable_cores()[: self._run.threads]
        request = Request(partial(tuple, [task]), [self._checker], limit, set_up=plugin_files(), cores=cores)
        try:
            outcomes = run_apart(
                request, server, on_improvement=lambda _, found: self._found.put((name, found)), stop=self._stop
            )
        except FitError as error:
            return self._refused(error)
        return None if outcomes is None else outcomes[0]

    def _refused(self, error: FitError) -> Outcome:
        if not self._forgiving:
            raise error
        return Outcome(error=str(error))

    def is_over(self) -> bool:
        """Take reports, and return whether the budget is used up or nothing is left to find."""
        self._take_reports()
        ended = [future for future in self._running if future.done()]
        for future in ended:
            del self._running[future]
        settled = not self._to_the_end and any(self._settles(future.result()) for future in ended)
        return settled or self._run.stops() or self._run.seconds_left < LAST

    def _follow(self) -> None:
        """Wait until all processes have ended, or nothing is left to find."""
        while self._running and not self.is_over():
            wait(self._running, timeout=POLL, return_when=FIRST_COMPLETED)

    def _take(self, name: str, found: Incumbent) -> None:
        if self._run.report(found.solution):
            self._finder = name

    def _take_reports(self) -> None:
        while not self._found.empty():
            self._take(*self._found.get())

    def _settles(self, outcome: Outcome | None) -> bool:
        """Return whether a solver has proven all that there is to prove."""
        if outcome is None or outcome.answer is None or outcome.error:
            return False
        bound, objective = _bound_of(outcome), self._run.objective
        return outcome.answer.proven or (bound is not None and objective is not None and same(bound, objective))

    def answer(self) -> Answer:
        """Return the first of the best solutions, and the best bound.

        Raises
        ------
        SolverError
            Where every solver has failed.
        """
        run, failed, bounds, prover = self._run, list[str](), list[tuple[float, str]](), ""
        best, objective = (None, None) if self._to_the_end else (run.best, run.objective)
        for name, outcome in self._outcomes.items():
            if outcome.error:
                failed.append(f"{name} failed: {outcome.error}")
                continue
            bound, answer = _bound_of(outcome), outcome.answer or Answer(None)
            bounds += [] if bound is None else [(bound, name)]
            prover = name if answer.proven else prover
            found = answer.solution or outcome.best
            if found is None:
                continue
            try:
                value = self._checker.price(found)
            except SolutionError as error:
                failed.append(f"{name} answered with an infeasible solution: {error}")
                continue
            if run.sense.better(value, objective):
                best, objective, self._finder = found, value, name
        if failed and len(failed) == len(self._outcomes) and best is None:
            raise SolverError(" ".join(failed))
        if self._to_the_end:
            run.advance(int(run.iterations_left))
            run.stops()
        elif all(outcome.stopped is Termination.TIME for outcome in self._outcomes.values()):
            run.stopped = Termination.TIME
        bound, bounder = (max if run.sense is Sense.MIN else min)(bounds, default=(None, ""))
        said = [f"{self._finder} found the solution."] if self._finder else []
        if prover or bounder:
            said.append(f"{prover} proved it optimal." if prover else f"The bound is of {bounder}.")
        return Answer(best, bound, bool(prover), " ".join(said + failed))


@dataclass(frozen=True)
class _Watch(Budget):
    """Ends the solver of this process with the race."""

    race: _Race

    def reason(self, progress: Progress) -> Termination | None:
        return Termination.CONVERGED if self.race.is_over() else None


def _bound_of(outcome: Outcome) -> float | None:
    """Return the bound that a solver has answered with or, without an answer, reported."""
    return outcome.bound if outcome.answer is None or outcome.answer.bound is None else outcome.answer.bound
