"""Views: the shapes in which a problem offers an instance to solvers that know nothing of the problem.

`Stepwise` and `Planning` have files of their own: `redwood.stepwise` and `redwood.planning`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

    from redwood.problem import Solution

Array = np.ndarray[Any, np.dtype[Any]]

MOVES = 3
"""Random moves that make a perturbation, where a view has none of its own."""


class View:
    """Base of all views. A view is made of one instance (`Stepwise`: of several) and may keep what it computes."""


class Clock(Protocol):
    """What a view may ask of the run that uses it."""

    @property
    def seconds_left(self) -> float:
        """Seconds until the limit; infinite without one."""

    def stops(self) -> bool:
        """Return whether the work must end now."""


class Unlimited(Clock):
    """A clock that never stops, for work that is bounded otherwise."""

    @property
    def seconds_left(self) -> float:
        """Infinite."""
        return float("inf")

    def stops(self) -> bool:
        """Return false."""
        return False


@dataclass(frozen=True)
class Rows:
    """Sparse linear rows ``lower <= A x <= upper`` in compressed form; row r holds entries starts[r]:starts[r + 1].

    ``starts`` [R + 1], ``columns`` and ``values`` [entries], ``lower`` and ``upper`` [R]; columns count the view's
    variables, in the order of `Linear.variables`.
    """

    starts: Array
    columns: Array
    values: Array
    lower: Array
    upper: Array


class Linear(View, ABC):
    """The instance as a mixed-integer linear program, declared in Pyomo.

    Arrays of variable values follow the order of `variables`. A formulation with too many rows to write down leaves
    them out of `model` and gives the violated ones in `separate`; it is then solved in rounds.
    """

    def __init__(self, instance: Any) -> None:
        self.instance = instance

    @abstractmethod
    def model(self, incumbent: float | None = None) -> ConcreteModel:
        """Return the model, with one objective in the problem's own sense.

        ``incumbent`` is the objective of a known feasible solution: the model may leave out variables that no
        better solution uses, as long as a solution as good as the best one remains or the incumbent is optimal.
        """

    def allow(self, seconds: float) -> None:
        """Take note that `model` may take about so many seconds for what it does to become smaller; called before it."""

    def variables(self, model: ConcreteModel) -> list[Any]:
        """Return the Pyomo variables whose values `solution`, `start` and `separate` speak of, in their order.

        Unless overridden, all of them, in the order in which the model declares them.
        """
        from pyomo.environ import Var

        return list(model.component_data_objects(Var, descend_into=True))

    @abstractmethod
    def solution(self, values: Array) -> Solution:
        """Return the solution that (rounded) variable values stand for."""

    def start(self, solution: Solution) -> Array | None:
        """Return variable values of a solution, NaN where unknown, or ``None`` where the model cannot express it."""
        return None

    def separate(self, values: Array, integral: bool) -> Rows | None:
        """Return rows that the values violate, or ``None`` where there are none (fractional values: none found)."""
        return None


@dataclass(frozen=True)
class BoundValue:
    """A proven bound on the objective of every feasible solution: lower for minimisation, upper for maximisation."""

    value: float
    method: str


class Bound(View, ABC):
    """The best cheap bound of an instance."""

    @abstractmethod
    def bound(self, clock: Clock, incumbent: float | None = None) -> BoundValue:
        """Return a valid bound, as good as the clock allows. ``incumbent`` (an objective) may steer the ascent."""

    def warm_up(self) -> None:
        """Compile what `bound` needs, so that its clock does not pay for it."""


class Local(View, ABC):
    """What a local search needs. A state is a mutable object that the view makes, owns and alone understands.

    `construct`, `copy` and `perturb` have defaults, which a problem overrides where it can do better.
    """

    @abstractmethod
    def initial(self, rng: np.random.Generator) -> Any:
        """Return the state of a random feasible solution: a fresh draw at every call, without regard to its objective."""

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
        self.initial(rng)
        state = self.copy(self.construct(rng))
        self.descend(state)
        self.perturb(state, rng)
        move = self.propose(state, rng)
        if move is not None:
            self.apply(state, move[0])
        self.solution(state)
