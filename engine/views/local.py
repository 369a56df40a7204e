"""The view `Local`: what a local search needs."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from redwood.clock import SMALL, Clock
from redwood.errors import NoSolutionError
from redwood.views.view import View

if TYPE_CHECKING:
    from redwood.problem import Solution

MOVES = 3
"""Random moves that make a perturbation, where a view has none of its own."""


class Local(View, ABC):
    """What a local search needs. A state is a mutable object that the view makes, owns and alone understands.

    `construct`, `copy` and `perturb` have defaults, which a problem overrides where it can do better. Where feasible
    solutions are hard to find, `initial` and `construct` raise `NoSolutionError` when they have tried enough.

    What takes long on a large instance asks `out_of_time` now and then: `descend` then leaves off with a valid state, and
    `initial` and `construct` may raise `OutOfTimeError` where they have none.
    """

    clock: Clock | None = None

    def keep_to(self, clock: Clock) -> Self:
        """Let the work of this view end when a clock stops; return the view."""
        object.__setattr__(self, "clock", clock)  # views may be frozen dataclasses
        return self

    def out_of_time(self, size: float = math.inf) -> bool:
        """Return whether the clock has stopped, where there is one and the ``size`` of the work is above `SMALL`."""
        return self.clock is not None and size > SMALL and self.clock.stops()

    @abstractmethod
    def initial(self, rng: np.random.Generator) -> Any:
        """Return the state of a random feasible solution: a fresh draw at every call, without regard to its objective.

        Raises
        ------
        NoSolutionError
            Where none was found, of an instance for which that is hard or impossible.
        """

    def construct(self, rng: np.random.Generator) -> Any:
        """Return the state of a solution that a quick greedy rule builds; ``rng`` picks starts and breaks ties.

        Unless overridden, a descent from a random solution takes the place of the rule.
        """
        state = self.initial(rng)
        self.descend(state)
        return state

    @abstractmethod
    def state(self, solution: Solution) -> Any:
        """Return the state of a feasible solution, which is copied."""

    def copy(self, state: Any) -> Any:
        """Return an independent copy of a state."""
        return deepcopy(state)

    @abstractmethod
    def solution(self, state: Any) -> Solution:
        """Return the solution that a state stands for, as a copy."""

    @abstractmethod
    def objective(self, state: Any) -> float:
        """Return the objective of a state, kept up to date by the other methods."""

    @abstractmethod
    def propose(self, state: Any, rng: np.random.Generator) -> tuple[Any, float] | None:
        """Return a random feasible move and the change of the objective that it would make, or ``None`` for no move."""

    @abstractmethod
    def apply(self, state: Any, move: Any) -> None:
        """Make a proposed move. The state must not have changed since."""

    @abstractmethod
    def descend(self, state: Any) -> None:
        """Improve the state to a local optimum of the view's neighbourhoods."""

    def perturb(self, state: Any, rng: np.random.Generator) -> None:
        """Change a small random part of the state, keeping it feasible; unless overridden, by a few random moves."""
        for _ in range(MOVES):
            proposed = self.propose(state, rng)
            if proposed is not None:
                self.apply(state, proposed[0])

    def warm_up(self) -> None:
        """Compile what the other methods need, by calling them once; override it where less will do."""
        rng = np.random.default_rng(0)
        try:
            self.initial(rng)
            state = self.copy(self.construct(rng))
        except NoSolutionError:  # what is left to compile, the run will
            return
        self.descend(state)
        self.perturb(state, rng)
        move = self.propose(state, rng)
        if move is not None:
            self.apply(state, move[0])
        self.solution(state)
