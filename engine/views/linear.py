"""The view `Linear`: an instance as a mixed-integer linear program, declared in Pyomo."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redwood.arrays import Array
from redwood.views.view import View

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

    from redwood.problem import Solution


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
