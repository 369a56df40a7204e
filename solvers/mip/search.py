"""The search of `HiGHS`: linear relaxations with cuts, then mixed-integer programs with cuts, until proven."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.arrays import Array
from redwood.budget import Sense
from redwood.clock import OutOfTimeError
from redwood.errors import ModelError, NoSolutionError, SolverError
from redwood.problem import Instance, Problem
from redwood.solver import Answer, Run
from redwood.solvers.mip.session import MOST_NODES, Ending, NumericalTroubleError, Session, Solved
from redwood.tolerance import CONFLICT, same, usable_step
from redwood.views.compiled import CompiledModel, compile_model, dual_bound
from redwood.views.linear import Linear, Rows
from redwood.views.local import Local

if TYPE_CHECKING:
    from redwood.solvers.mip.highs import HiGHS

STALL_ROUNDS = 12
"""Cutting ends where the bound has moved by less than `STALL_RISE` of itself over so many linear relaxations."""

STALL_RISE = 1e-5

PREPARATION = 0.25
"""Share of the time left that a view may take to make its model smaller."""

CUT_ROUNDS = 500
"""Linear relaxations solved at most before branching."""

LOCAL_STEPS = 3000
"""Perturbations at most of the local search that makes the first incumbent, in a tenth of the time limit; twenty for each
unit of the instance's size where these are fewer."""

TOLERANCE = 1e-6
"""HiGHS's tolerance on rows and integrality."""


class Search:
    """One run of `HiGHS` on one instance.

    ``proven`` is set once nothing is left to search: then `Run.best` is optimal or, without one, nothing is feasible.
    The model may lack variables that no solution better than the first incumbent uses; no bound goes past an incumbent.
    """

    def __init__(self, options: HiGHS, problem: Problem[Any, Any], instance: Instance, run: Run) -> None:
        self.options = options
        self.problem = problem
        self.instance = instance
        self.run = run
        self.view = problem.view(Linear, instance)
        self.separates = type(self.view).separate is not Linear.separate
        self.listed = 0
        self.proven = False
        self.warning = self.broken = ""
        self.hasty = self.starts = True
        self.relaxed: tuple[float, Array] | None = None
        self.rounds = self.nodes = self.rows_added = 0

    def answer(self) -> Answer:
        """Search until proven or stopped, and return the answer."""
        if self.problem.offers(Local):
            steps = min(LOCAL_STEPS, 20 * self.instance.size)
            with contextlib.suppress(NoSolutionError):  # the program may still find one, or prove that there is none
                find_incumbent(self.problem, self.instance, self.run, steps)
        if not self.run.stops():
            try:
                self.solve()
            except NumericalTroubleError as error:  # what was found until then is the answer, without a proof
                self.broken = str(error)
        if self.broken and self.run.best is None:
            raise SolverError(self.broken)
        work = f"Rounds: {self.rounds}, rows separated: {self.rows_added}, nodes: {self.nodes}."
        message = " ".join(part for part in (self.warning, self.broken, work) if part)
        return Answer(self.run.best, self.run.bound, self.proven and not self.warning and not self.broken, message)

    def solve(self) -> None:
        """Compile the model and solve it in rounds."""
        model = self.compile()
        session = Session(
            model,
            self.run,
            self.options.log,
            presolve=self.options.presolve,
            mip_rel_gap=self.options.mip_rel_gap,
        )
        self.fix(session)
        session.rescale(self.run.objective)
        if self.separates:
            self.cut(session)
        while not self.done and self.branch(session):
            pass

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do, or no budget to do it."""
        return self.proven or self.run.stops()

    def compile(self) -> CompiledModel:
        """Return the view's model as arrays, its columns beginning with the view's variables."""
        self.view.allow(PREPARATION * self.run.seconds_left)
        model = self.view.model(self.run.objective)
        variables = self.view.variables(model)
        self.listed = len(variables)
        compiled = compile_model(model, variables)
        if compiled.sense is not self.run.sense:
            raise ModelError(
                f"the model's sense is {compiled.sense}, and problem {self.problem.name!r} has {self.run.sense}."
            )
        return compiled

    def cut(self, session: Session) -> None:
        """Solve linear relaxations, adding the rows that their points violate, while the bound moves."""
        bounds: list[float] = []
        while not self.done and len(bounds) < CUT_ROUNDS:
            solved = session.relax()
            self.run.advance()
            self.rounds += 1
            if solved.ending is Ending.INFEASIBLE:
                self.proven = True
            if solved.ending is not Ending.SOLVED or solved.values is None or solved.duals is None:
                return
            self.relaxed = dual_bound(session.model, session.rows, solved.duals)
            bounds.append(self.relaxed[0])
            self.report_bound(session.model, bounds[-1])
            if self.proven or _stalls(bounds):
                break
            rows = self.separate(session.model, solved.values)
            if rows is None:
                break
            self.add(session, [rows])

    def separate(self, model: CompiledModel, values: Array) -> Rows | None:
        """Return rows that a point of a linear relaxation violates, or ``None``."""
        if np.abs(values - np.rint(values))[model.integer].max(initial=0.0) > TOLERANCE:
            listed = np.clip(values, model.lower, model.upper)[: self.listed]
            rows = self.view.separate(listed, False)
            return rows if rows is not None and _violation(rows, listed) > TOLERANCE else None
        return self.offer(model, model.integral(values))

    def fix(self, session: Session) -> None:
        """Fix integer columns that no solution as good as the incumbent moves off their bounds, by their reduced costs."""
        if self.run.objective is None:
            return
        for bound, reduced in filter(None, (_by_costs(session.model), self.relaxed)):
            if np.isfinite(bound):
                self.fix_by(session, self.run.objective, bound, reduced)

    def fix_by(self, session: Session, incumbent: float, bound: float, reduced: Array) -> None:
        """Fix integer columns by one bound and its reduced costs [C].

        Parameters
        ----------
        session
            Holds the model whose columns are fixed.
        incumbent
            Objective of the best solution known.
        bound
            A bound on the objective, finite, of a relaxation.
        reduced
            Reduced costs [C] of the columns that belong to the bound, in units of the objective a unit of a column.
        """
        model = session.model
        sign = 1.0 if self.run.sense.better(0.0, 1.0) else -1.0
        room = sign * (incumbent - bound) + CONFLICT * max(abs(incumbent), abs(bound))
        free = model.integer & (model.lower < model.upper)
        for columns, ends in ((sign * reduced > room, model.lower), (sign * reduced < -room, model.upper)):
            chosen = np.flatnonzero(free & columns & np.isfinite(ends))
            if len(chosen):
                session.fix(chosen, ends[chosen])

    def branch(self, session: Session) -> bool:
        """Solve one mixed-integer program; returns whether rows were added, so that another round is needed.

        As long as rounds raise the bound, one ends at its first point that violates rows: these are worth more than the
        rest of the round.
        """
        self.fix(session)
        session.rescale(self.run.objective)
        model = session.model
        offered: list[tuple[Array, Rows | None]] = []

        def take(values: Array) -> bool:
            values = model.integral(values)
            if not offered or not np.array_equal(values, offered[-1][0]):
                offered.append((values, self.offer(model, values)))
            return self.hasty and offered[-1][1] is not None

        before = self.run.bound
        solved = session.branch(self.start(model), take, lambda bound: self.report_bound(model, bound))
        self.count(solved)
        if solved.ending is Ending.INFEASIBLE:
            self.proven = True
            return False
        if solved.values is not None:
            take(solved.values)
        self.report_bound(model, solved.bound)
        if self.done:
            return False
        if solved.ending is Ending.SOLVED and offered[-1][1] is None:  # the best point of the relaxation is a solution
            return self.resolve(session, solved)
        self.hasty = self.run.bound != before
        violated = [rows for _, rows in offered if rows is not None]
        self.add(session, violated)
        return bool(violated)

    def resolve(self, session: Session, solved: Solved) -> bool:
        """Take HiGHS's optimum for proven where its tolerances allow it; returns whether another try promises more.

        What HiGHS takes its optimum for is better than any solution where integral columns are so up to a tolerance only and
        cost much. It is also where HiGHS 1.16 prices its start too low once it has made the model smaller, and then prunes
        by that price; without a start it does not.
        """
        incumbent, claimed = self.run.objective, solved.objective
        if self.options.mip_rel_gap or incumbent is None:
            return False
        if not session.precise(incumbent):
            return session.rescale(incumbent)
        step = usable_step(session.model.step, abs(incumbent))
        close = same(claimed, incumbent) or abs(claimed - incumbent) <= 0.1 * step
        self.proven = close or not self.run.sense.better(claimed, incumbent)
        if self.proven or not self.starts:
            return False
        self.starts = False
        session.forget()
        return True

    def start(self, model: CompiledModel) -> Array | None:
        """Return column values of the best solution, NaN where unknown, where the model can express it."""
        listed = None if self.run.best is None or not self.starts else self.view.start(self.run.best)
        if listed is None:
            return None
        values = np.full(model.size, np.nan)
        values[: self.listed] = listed
        return values

    def offer(self, model: CompiledModel, values: Array) -> Rows | None:
        """Report the solution that an integral point stands for, or return the rows that it violates."""
        rows = self.view.separate(values[: self.listed], True) if self.separates else None
        if rows is None:
            self.report(model, values)
        elif _violation(rows, values) <= TOLERANCE:
            raise ModelError(
                f"{type(self.view).__name__}.separate gave {len(rows.lower)} rows, and its point violates none of them."
            )
        return rows

    def report(self, model: CompiledModel, values: Array) -> None:
        """Report a solution, or note that the problem finds it infeasible; note where it is worse than the model says."""
        solution = self.view.solution(values[: self.listed])
        violations = self.problem.violations(self.instance, solution)
        self.broken = f"The model's solution breaks a rule of the problem: {violations[0]}." if violations else ""
        if violations:
            return
        claimed = model.objective(values)
        self.run.report(solution)
        value = float(self.problem.objective(self.instance, solution))
        close = same(claimed, value, model.magnitude(values), CONFLICT)
        if self.run.sense.better(claimed, value) and not close:
            self.warning = (
                f"The model prices a solution at {claimed:.9g} that is worth {value:.9g}, so its bounds prove nothing."
            )

    def report_bound(self, model: CompiledModel, bound: float) -> bool:
        """Report a bound of the model; returns whether it shows the incumbent to be optimal."""
        if not np.isfinite(bound):
            return self.proven
        bound, incumbent = model.round_bound(bound), self.run.objective
        if incumbent is not None and (same(bound, incumbent) or self.run.sense.better(incumbent, bound)):
            bound, self.proven = incumbent, True
        if not self.warning:
            self.run.report_bound(bound)
        return self.proven

    def add(self, session: Session, parts: list[Rows]) -> None:
        """Add separated rows."""
        for rows in parts:
            session.add(rows)
            self.rows_added += len(rows.lower)

    def count(self, solved: Solved) -> None:
        """Count a mixed-integer round; one that its budget of nodes has ended uses the budget up."""
        self.run.advance(max(1, solved.nodes))
        if solved.used_up:  # HiGHS may end a node or two before its limit
            self.run.advance(int(min(self.run.iterations_left, MOST_NODES)))
        self.rounds += 1
        self.nodes += solved.nodes


def _by_costs(model: CompiledModel) -> tuple[float, Array]:
    """Return the bound that the columns' own bounds give, and its reduced costs: the costs.

    A forbidden edge of 1e15 is fixed by it, and does not spoil HiGHS's arithmetic.
    """
    cheap, dear = (model.lower, model.upper) if model.sense is Sense.MIN else (model.upper, model.lower)
    ends = np.where(model.cost > 0, cheap, dear)[model.cost != 0]
    return model.offset + float(model.cost[model.cost != 0] @ ends), model.cost


def _violation(rows: Rows, values: Array) -> float:
    """Return by how much the values violate the row that they violate most."""
    row_of = np.repeat(np.arange(len(rows.lower)), np.diff(rows.starts))
    activity = np.bincount(row_of, weights=rows.values * values[rows.columns], minlength=len(rows.lower))
    return float(np.maximum(rows.lower - activity, activity - rows.upper).max(initial=0.0))


def _stalls(bounds: list[float]) -> bool:
    if len(bounds) <= STALL_ROUNDS:
        return False
    before, now = bounds[-1 - STALL_ROUNDS], bounds[-1]
    return same(now, before, share=STALL_RISE)


def find_incumbent(problem: Problem[Any, Any], instance: Instance, run: Run, steps: int) -> None:
    """Report the result of a short local search, from the initial solution where there is one.

    It takes ``steps`` perturbations, and a tenth of the time that is left at most.

    Parameters
    ----------
    problem
        A problem with the view `Local`.
    instance
        The instance.
    run
        The run that the solutions are reported to, and whose budget counts.
    steps
        Perturbations, at most.
    """
    view = problem.view(Local, instance).keep_to(run)
    latest = run.seconds + 0.1 * run.seconds_left
    try:
        state = view.construct(run.rng) if run.best is None else view.state(run.best)
    except (NoSolutionError, OutOfTimeError):  # the model may prove that there is none
        return
    view.descend(state)
    run.report(view.solution(state))
    for _ in range(steps):
        if run.stops() or run.seconds > latest:
            break
        candidate = view.copy(state)
        view.perturb(candidate, run.rng)
        view.descend(candidate)
        if not run.sense.better(view.objective(state), view.objective(candidate)):
            state = candidate
    run.report(view.solution(state))
