"""`BQ`: constructs solutions with a trained attention policy, from several views, and constructs parts of them anew.

References
----------
Drakulic, Michel, Mai, Sors, Andreoli (2023), BQ-NCO, arXiv:2301.03313. Kwon et al. (2020), POMO, arXiv:2010.16011, for
several starts; Luo et al. (2023), arXiv:2310.07985, section 4.3, for random re-construction of parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError
from redwood.problem import Instance, Problem, Solution
from redwood.renamed import value_suggestion
from redwood.solver import Answer, Run, Solver
from redwood.solvers.bq.decoding import Choose, beam, finish, greedily, rollouts, sampler
from redwood.solvers.bq.network import Network
from redwood.solvers.bq.weights import network_for
from redwood.torch_settings import torch_settings
from redwood.views.local import Local
from redwood.views.stepwise import Batch, Stepwise

CELLS = 8_000_000
"""Rows times nodes that a batch may hold, which bounds its memory to a few hundred megabytes."""
NONE_FEASIBLE = "every solution that the policy constructed breaks a rule that it does not know, such as a limited fleet."
SHORTEST, LONGEST = 10, 60
"""Least and greatest number of decisions in a part that is constructed anew."""
SMALL = 300
"""Size up to which whole solutions can still beat rebuilt ones."""
TEMPERATURE = 0.5
"""Of sampled decisions, where the problem says no other."""


class Decoding(StrEnum):
    """How actions are chosen."""

    GREEDY = "greedy"
    SAMPLE = "sample"
    BEAM = "beam"


class Search(StrEnum):
    """What is done with the budget after the first solutions."""

    NONE = "none"
    """Nothing."""
    AUGMENTATIONS = "augmentations"
    """More solutions, from other presentations of the instance."""
    REBUILD = "rebuild"
    """Parts of the best solution are constructed anew, where the problem has such parts; else as `AUGMENTATIONS`. Where that
    changed little, instances of at most `SMALL` nodes or items are solved once more as a whole."""


@dataclass(frozen=True)
class BQ(Solver):
    """An attention policy, trained by imitation, that constructs solutions step by step.

    One iteration is one solution for each instance, or one pass of re-construction.

    Attributes
    ----------
    augmentations
        How many presentations (start, rotation, mirror) are solved first; the first one is as the data stand. Where they
        alone do not make solutions differ enough, all but the first are sampled as well.
    decoding
        ``greedy``, ``sample`` or ``beam``.
    width
        Of the beam.
    search
        How the rest of the budget is used: ``rebuild``, ``augmentations`` or ``none``.
    polish
        Whether each new solution is improved by the problem's moves until none improves it, where it has such, and the best
        one is handed to the solver ``local-search``, which has to fit the problem, for the rest of the budget, in place of
        ``search``.
    window
        How many tokens the network is shown, 0 for as many as it was trained with. More of them cost time and often pay.
    weights
        A safetensors file; by default the one shipped for the problem.
    device
        Where the network runs, such as ``cpu`` or ``cuda``.
    """

    augmentations: int = 1
    decoding: str = "greedy"
    width: int = 16
    search: str = "rebuild"
    polish: bool = False
    window: int = 0
    weights: str = ""
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name, least in (("augmentations", 1), ("width", 1), ("window", 0)):
            if getattr(self, name) < least:
                raise OptionError(f"{name} {getattr(self, name)} is below {least}.")
        for name, known in (("decoding", Decoding), ("search", Search)):
            if getattr(self, name) not in list(known):
                told = value_suggestion(name, getattr(self, name))
                raise OptionError(f"{name} {getattr(self, name)!r} is unknown; known are {', '.join(known)}.{told}")

    @property
    def partner(self) -> str:
        return "local-search" if self.polish and self.search != Search.NONE else ""

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        view = problem.view(Stepwise, instance)
        with torch_settings(threads=1):
            network = self._network(problem, view)
            batch = view.begin(np.zeros(1, dtype=np.int64), np.random.default_rng(0))
            if view.trust > 0.0 and batch.left.any():  # no matter whether the first steps are in doubt
                window = view.window(batch, 4)
                token = window.mask.any(axis=2).argmax(axis=1)[:, None]
                view.look_ahead(batch, np.take_along_axis(window.nodes, token, axis=1), np.zeros_like(token))
            finish(network, view, batch.take(np.zeros(1, dtype=np.int64)), stops=_after(2))

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        return self.run_many(problem, [instance], [run])[0]

    def run_many(self, problem: Problem[Any, Any], instances: Sequence[Instance], runs: Sequence[Run]) -> list[Answer]:
        for run in runs:
            if run.initial is not None:
                run.report(run.initial)
        partner = runs[0].partner
        with torch_settings(runs[0].threads):
            network = self._network(problem, problem.view(Stepwise, instances[0]))
            (self if partner is None else replace(self, search=Search.NONE)).improve(network, problem, instances, runs)
        if partner is not None and not all(run.stops() for run in runs):
            return _hand_over(partner, problem, instances, runs)
        return [Answer(run.best, message="" if run.best else NONE_FEASIBLE) for run in runs]

    def improve(
        self, network: Network, problem: Problem[Any, Any], instances: Sequence[Instance], runs: Sequence[Run]
    ) -> None:
        """Report solutions to the runs until their budgets are used up, with a network at hand in place of ``weights``.

        Parameters
        ----------
        network
            Stands in for the option ``weights``.
        problem
            The problem of the instances.
        instances
            Instances of one problem.
        runs
            For each instance its budget, and where its solutions are reported.
        """
        task = _Task(problem, instances, runs, problem.view(Stepwise, *instances), network)
        self._construct(task)
        while self.search != Search.NONE and not task.stops():
            if self.search == Search.AUGMENTATIONS or task.idle or not self._rebuild(task):
                task.idle = False
                self._present(task, np.arange(len(instances)), task.rng)

    def _network(self, problem: Problem[Any, Any], view: Stepwise[Any]) -> Network:
        return network_for(problem.name, view.layout, self.weights, self.device, self.window)

    def _construct(self, task: _Task) -> None:
        """Solve each instance as it stands, then its further presentations."""
        rows = np.arange(len(task.instances))
        self._present(task, rows, None)
        more = np.repeat(rows, self.augmentations - 1)
        if len(more) and not task.stops():
            self._present(task, more, task.rng)

    def _present(self, task: _Task, rows: Array, rng: np.random.Generator | None) -> None:
        """Solve presentations of ``rows`` in chunks that fit the memory, and report the solutions."""
        factor = self.width if self.decoding == Decoding.BEAM else 1
        limit = max(1, CELLS // (factor * max(1, *(instance.size for instance in task.instances))))
        for begin in range(0, len(rows), limit):
            chunk = rows[begin : begin + limit]
            batch = self._decode(task, chunk, rng)
            for row, solution in zip(batch.rows, task.view.solutions(batch), strict=True):
                task.report(int(row), self._polished(task, int(row), solution))
            if task.stops():
                return

    def _decode(self, task: _Task, rows: Array, rng: np.random.Generator | None) -> Batch:
        if self.decoding == Decoding.BEAM:
            return beam(task.network, task.view, rows, self.width, rng, task.stops)
        choose = self._choice(task, first=rng is None)
        sure = task.view.sure if choose is greedily else 1.0
        return rollouts(task.network, task.view, rows, rng, choose, task.stops, sure)

    def _choice(self, task: _Task, first: bool = False) -> Choose:
        """Return how actions are chosen: sampled if so decoded, or after the first solution where sides do not suffice."""
        if self.decoding != Decoding.SAMPLE and (first or not _varied(task.view)):
            return greedily
        return sampler(task.rng, task.view.temperature or TEMPERATURE)

    def _rebuild(self, task: _Task) -> bool:
        """Construct parts of each best solution anew; returns whether the problem has such parts."""
        solutions = [run.best for run in task.runs]
        if any(solution is None for solution in solutions):
            return False
        best: list[Solution] = [solution for solution in solutions if solution is not None]
        subproblems = task.view.destroy(best, int(task.rng.integers(SHORTEST, LONGEST + 1)), task.rng)
        if subproblems is None:
            return False
        finish(task.network, subproblems.view, subproblems.batch, self._choice(task), task.stops)
        changed = 0
        for row, (old, new) in enumerate(zip(best, task.view.repair(best, subproblems), strict=True)):
            task.runs[row].advance()
            if new is not old:
                changed += 1
                task.report(row, self._polished(task, row, new), counted=True)
        task.idle = 2 * changed < len(best) and max(instance.size for instance in task.instances) <= SMALL
        return True

    def _polished(self, task: _Task, row: int, solution: Solution) -> Solution:
        if not self.polish or not task.problem.offers(Local):
            return solution
        view = task.locals.setdefault(row, task.problem.view(Local, task.instances[row]).keep_to(task.runs[row]))
        state = view.state(solution)
        view.descend(state)
        return view.solution(state)


def _hand_over(
    partner: Solver, problem: Problem[Any, Any], instances: Sequence[Instance], runs: Sequence[Run]
) -> list[Answer]:
    """Let another solver go on from the best solutions with what is left of the budgets."""
    for run in runs:
        run.initial = run.best
    if partner.batches():
        return partner.run_many(problem, instances, runs)
    return [partner.run(problem, instance, run) for instance, run in zip(instances, runs, strict=True)]


class _Task:
    """One call of `BQ.run_many`: what its steps share.

    ``idle`` tells that the last pass of re-construction changed less than half of small instances' solutions.
    """

    def __init__(
        self,
        problem: Problem[Any, Any],
        instances: Sequence[Instance],
        runs: Sequence[Run],
        view: Stepwise[Any],
        network: Network,
    ) -> None:
        self.problem, self.instances, self.runs, self.view, self.network = problem, instances, runs, view, network
        self.rng = runs[0].rng
        self.locals: dict[int, Local] = {}
        self.idle = False

    def stops(self) -> bool:
        """Return whether the budgets of all runs are used up."""
        return all(run.stops() for run in self.runs)

    def report(self, row: int, solution: Solution, counted: bool = False) -> None:
        """Hand in a solution of one instance, unless it breaks a rule that the process does not know, such as a fleet."""
        if not self.problem.violations(self.instances[row], solution):
            self.runs[row].report(solution)
        if not counted:
            self.runs[row].advance()


def _varied(view: Stepwise[Any]) -> bool:
    """Return whether all but the first of several solutions are sampled, for sides alone do not make them differ enough."""
    return bool(view.temperature) or not view.symmetric


def _after(steps: int) -> Callable[[], bool]:
    """Return a rule that stops after a number of steps."""
    asked = iter(range(steps))
    return lambda: next(asked, None) is None
