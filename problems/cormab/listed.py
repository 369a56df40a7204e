"""The action set of a list: one of some joint actions is taken, such as one of several bundles of arms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, SolutionError
from redwood.planning.action_set import ActionSet, Choice
from redwood.problem import whole_numbers

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel


@dataclass(frozen=True, eq=False)
class ListedSet(ActionSet):
    """One of K joint actions is taken.

    Attributes
    ----------
    rows
        The joint actions [K, J], each once.
    """

    kind: ClassVar[str] = "listed"
    rows: Array

    def __post_init__(self) -> None:
        rows = whole_numbers("rows", self.rows)
        if rows.ndim != 2 or not rows.size or (rows < 0).any():
            raise InstanceError(
                f"rows have shape {list(rows.shape)}; expected joint actions [K, J] from 0 on, at least one."
            )
        if len(np.unique(rows, axis=0)) < len(rows):
            raise InstanceError(
                f"{len(rows)} rows hold {len(np.unique(rows, axis=0))} distinct joint actions; list each once."
            )
        object.__setattr__(self, "rows", rows)

    @property
    def arms(self) -> int:
        """Number of arms J."""
        return int(self.rows.shape[1])

    @property
    def arm_actions(self) -> int:
        """One more than the highest action of a row; at least 2."""
        return max(2, int(self.rows.max()) + 1)

    def model(self) -> ConcreteModel:
        """Return a binary variable a row, one of which is chosen, and the indicators of arms that follow."""
        from pyomo.environ import Binary, ConcreteModel, Constraint, Var, quicksum

        model = ConcreteModel("listed")
        arms, actions, rows = range(self.arms), range(1, self.arm_actions), range(len(self.rows))
        model.at = Var(arms, actions, domain=Binary)
        model.chosen = Var(rows, domain=Binary)
        model.one = Constraint(expr=quicksum(model.chosen.values()) == 1)

        def follows(model: ConcreteModel, arm: int, action: int) -> Any:
            taken = quicksum(model.chosen[row] for row in np.flatnonzero(self.rows[:, arm] == action).tolist())
            return model.at[arm, action] - taken == 0

        model.follows = Constraint(arms, actions, rule=follows)
        return model

    def indicators(self, model: ConcreteModel) -> list[Any]:
        """Return the variables of arms at actions."""
        return [model.at[arm, action] for arm in range(self.arms) for action in range(1, self.arm_actions)]

    @cached_property
    def _taken(self) -> Array:
        """Which action [K, J * A] each arm is under in each row."""
        found = (self.rows[:, :, None] == np.arange(self.arm_actions)).astype(np.float64)
        return np.asarray(found.reshape(len(self.rows), -1))

    def argmax(self, coefficients: Array) -> Choice:
        """Return the row of the greatest value."""
        values = self._taken @ np.ravel(coefficients)
        place = int(values.argmax())
        return Choice(self.rows[place].astype(np.int64), float(values[place]), float(values[place]), self)

    def choose(self, coefficient_tables: Array) -> Array:
        """Return the best row for each of many values."""
        flat = np.reshape(coefficient_tables, (len(coefficient_tables), -1))
        found: Array = self.rows[(flat @ self._taken.T).argmax(axis=1)].astype(np.int64)
        return found

    def contains(self, arm_actions: Array) -> bool:
        """Return whether a joint action is one of the rows."""
        return self.in_range(arm_actions) and bool((self.rows == np.asarray(arm_actions)).all(axis=1).any())

    def enumerate(self, limit: int) -> Array | None:
        """Return the rows as bytes; ``None`` where they are more than a limit."""
        return np.asarray(self.rows, np.uint8) if len(self.rows) <= limit else None

    def sample(self, rng: np.random.Generator) -> Array:
        """Return one of the rows, each equally likely."""
        return np.asarray(self.rows[rng.integers(len(self.rows))], np.int64)

    def greedy(self, coefficients: Array) -> Array:
        """Return what `argmax` does: rows cannot be reached arm by arm."""
        return self.argmax(coefficients).arm_actions

    def witness(self, arm_actions: Array) -> int:
        """Return the index of the row.

        Raises
        ------
        SolutionError
            Where the action is none of the rows.
        """
        if not self.contains(arm_actions):
            raise SolutionError(f"the action {np.asarray(arm_actions).tolist()} is none of the {len(self.rows)} rows.")
        return int(np.flatnonzero((self.rows == np.asarray(arm_actions)).all(axis=1))[0])
