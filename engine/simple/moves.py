"""Local search by moves: say which there are and how to make one; proposing and descending follow."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import fields
from typing import Any, ClassVar

import numpy as np

from redwood.budget import Sense
from redwood.errors import PluginError
from redwood.problem import Problem, Solution
from redwood.views.local import Local

CHECKED = 500
"""Moves of a descent after which it is checked that they did improve."""
GAIN_SHARE = 1e-12
"""An improvement by a smaller share of the objective is rounding."""


class Moves(Local):
    """A local search over states that are the first field of a solution, such as an order or a list of choices.

    What is left to write: `initial`, `moves`, `apply`, and for speed `change`. Everything runs in plain Python, and `moves`
    lists a whole neighbourhood at each step of a descent, so it suits neighbourhoods of some thousands.
    """

    kind: ClassVar[type[Problem[Any, Any]] | None] = None
    """The problem's class; set by a `JsonProblem` whose ``views`` name this class."""

    def __init__(self, instance: Any) -> None:
        if self.kind is None:
            raise TypeError(f"{type(self).__name__} names no problem; set `kind` to its class.")
        self.instance = instance
        self.problem: Problem[Any, Any] = self.kind()
        self.sign = 1.0 if self.problem.sense is Sense.MIN else -1.0

    @abstractmethod
    def moves(self, state: Any) -> Iterable[Any]:
        """Return every move that keeps a state feasible, always in the same order for the same state."""

    def change(self, state: Any, move: Any) -> float:
        """Return by how much a move changes the objective; unless overridden, by making it on a copy."""
        moved = self.copy(state)
        self.apply(moved, move)
        return self.objective(moved) - self.objective(state)

    def state(self, solution: Solution) -> Any:
        """Return a copy of the solution's first field."""
        return deepcopy(getattr(solution, fields(solution)[0].name))

    def solution(self, state: Any) -> Solution:
        """Return the solution whose only field is a copy of the state."""
        made: Solution = self.problem.solution_type(deepcopy(state))  # type: ignore[call-arg]
        return made

    def objective(self, state: Any) -> float:
        """Return the state's value, priced by the problem."""
        return float(self.problem.objective(self.instance, self.solution(state)))

    def propose(self, state: Any, rng: np.random.Generator) -> tuple[Any, float] | None:
        """Return one of the moves, each as likely as any other."""
        moves = list(self.moves(state))
        if not moves:
            return None
        move = moves[int(rng.integers(len(moves)))]
        return move, self.change(state, move)

    def descend(self, state: Any) -> None:
        """Make the first move that improves, going on from its place in the list, until none does."""
        moves, at, waited, made, now = list(self.moves(state)), 0, 0, 0, self.objective(state)
        checked = now
        while waited < len(moves):
            move = moves[at % len(moves)]
            at, waited = at + 1, waited + 1
            change = self.sign * self.change(state, move)
            if change < -GAIN_SHARE * abs(now):
                self.apply(state, move)
                now += self.sign * change
                moves, waited, made = list(self.moves(state)), 0, made + 1
                if made % CHECKED == 0:
                    now = checked = self._improved(state, checked)

    def _improved(self, state: Any, before: float) -> float:
        """Return the objective, which must have become better; else a descent that trusts `change` would never end."""
        now = self.objective(state)
        if not self.problem.sense.better(now, before):
            raise PluginError(
                f"{type(self).__name__}.change announced {CHECKED} improvements one after another, "
                f"and the objective went from {before:.9g} to {now:.9g}."
            )
        return now
