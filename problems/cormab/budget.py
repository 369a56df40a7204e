"""The plain action set: at most so many arms are pulled in a step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.planning.relaxation import Relaxation, relaxation_by_counts
from redwood.problem import whole_number
from redwood.problems.cormab.batched import BatchedSet

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel


@dataclass(frozen=True, eq=False)
class BudgetSet(BatchedSet):
    """At most ``budget`` of the arms are pulled.

    Attributes
    ----------
    count
        Number of arms J.
    budget
        The most arms pulled in a step, from 1 on.
    """

    kind: ClassVar[str] = "budget"
    count: int
    budget: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", whole_number("count", self.count, 1))
        object.__setattr__(self, "budget", whole_number("budget", self.budget, 1))

    @property
    def arms(self) -> int:
        """Number of arms J."""
        return self.count

    def model(self) -> ConcreteModel:
        """Return one binary variable an arm and one row."""
        from pyomo.environ import Binary, ConcreteModel, Constraint, Var, quicksum

        model = ConcreteModel("budget")
        model.pulled = Var(range(self.count), domain=Binary)
        model.within = Constraint(expr=quicksum(model.pulled.values()) <= self.budget)
        return model

    @cached_property
    def classes(self) -> Array:
        """All arms are alike."""
        return np.zeros(self.count, np.int64)

    @cached_property
    def relaxation(self) -> Relaxation:
        """One row."""
        return relaxation_by_counts(self.classes, [[1.0]], [float(self.budget)], tight=True)

    def choose(self, coefficient_tables: Array) -> Array:
        """Return the best action for each of many values: the arms that gain most, and none that loses."""
        from redwood.problems.cormab.budget_kernels import choose_best

        gains = np.ascontiguousarray(coefficient_tables[:, :, 1] - coefficient_tables[:, :, 0], dtype=np.float64)
        return np.asarray(choose_best(gains, self.budget))

    def contains(self, arm_actions: Array) -> bool:
        """Return whether no more than the budget are pulled."""
        return self.in_range(arm_actions) and int(np.sum(arm_actions)) <= self.budget

    def enumerate(self, limit: int) -> Array | None:
        """Return all allowed actions [N, J] as bytes; ``None`` where they are more than a limit or nobody can list them."""
        from redwood.problems.cormab.enumeration import at_most, list_classes

        return list_classes(self, at_most(self.budget, self.count), limit)

    def refused(self, arm_actions: Array) -> Array:
        """Return which rows of joint actions [E, J] pull more arms than the budget."""
        from redwood.problems.cormab.budget_kernels import over_budget

        return np.flatnonzero(over_budget(np.ascontiguousarray(arm_actions, np.int64), self.budget))

    def samples(self, count: int, rng: np.random.Generator) -> Array:
        """Return independent random subsets of as many arms as the budget allows, each equally likely."""
        from redwood.kernels import random_state
        from redwood.problems.cormab.budget_kernels import draw_subsets

        return np.asarray(draw_subsets(count, self.count, min(self.budget, self.count), random_state(rng)))

    def greedy(self, coefficients: Array) -> Array:
        """Return what `argmax` does: arm by arm is exact here."""
        return self.argmax(coefficients).arm_actions

    def witness(self, arm_actions: Array) -> Array:
        """Return the indices of the pulled arms."""
        return np.flatnonzero(arm_actions)
