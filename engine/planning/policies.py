"""Policies that need nothing but a table of values and the action set: the answers of most planning solvers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import SolutionError
from redwood.planning.contract import Planning, Policy
from redwood.planning.frames import arm_labels, frame, long_columns
from redwood.planning.wording import PLAIN, Wording
from redwood.problem import frozen

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class NullPolicy(Policy):
    """Leave every arm under action 0."""

    kind: ClassVar[str] = "null"

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return zeros."""
        return np.zeros(states.shape, np.int64)


@dataclass(frozen=True, eq=False)
class RandomPolicy(Policy):
    """Draw an allowed action that wastes nothing, without regard to the states."""

    kind: ClassVar[str] = "random"

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return random actions."""
        return planning.actions.samples(len(states), rng)


@dataclass(frozen=True, eq=False)
class IndexPolicy(Policy):
    """Take the joint action of the greatest total value, where each arm's value depends on its own state alone.

    Attributes
    ----------
    q_values
        Q-values [T, J, A, S] of each action of each arm in each state, at each step; the last step's are kept after it, so
        that T = 1 is a policy which is the same at every step.
    decides_by
        What the values are, such as ``"index"``, ``"lagrangian"`` or ``"myopic"``.
    """

    kind: ClassVar[str] = "index"
    q_values: Array
    decides_by: str = "index"

    def __post_init__(self) -> None:
        object.__setattr__(self, "q_values", _table(self.q_values))

    def describe(self) -> dict[str, Any]:
        """Return what the values are; the action set's oracle proves each joint action to be a maximum."""
        return {"decides_by": self.decides_by, "proven": True}

    def table(self) -> Any:
        """Return all values as a pandas frame with the columns step, arm, action, state and value.

        Arms have the names of the instance that the policy is bound to, and numbers where it has none; where they come
        from a log, its words for arms and steps are the names of these columns.
        """
        steps, _, arm_actions, states = self.q_values.shape
        arm, step = self._wording().columns
        axes = {step: range(steps), arm: self._names(), "action": range(arm_actions), "state": range(states)}
        return frame(long_columns(self.q_values, axes, "value"))

    def indices(self, step: int = 0) -> Any:
        """Return a pandas frame of by how much the best pull is above leaving alone: a row an arm, a column a state.

        The policy pulls the arms with the greatest of these, as far as the action set allows.
        """
        found = frame(dict(enumerate(self._gains(step).T)))
        found.index = self._names()
        if self._states():
            found.columns = list(self._states())
        return found.rename_axis(index=self._wording().columns[0], columns="state")

    def plot(self, path: str | Path | None = None, axes: Axes | None = None, *, step: int = 0) -> Axes:
        """Draw `indices` as a heat map of arms and states, and return the axes."""
        from redwood.picture import drawn
        from redwood.planning.picture import draw_indices

        gains, arm = self._gains(step), self._wording().arm
        return drawn(lambda shown: draw_indices(shown, gains, self._names(), self._states(), arm), path, axes)

    def _gains(self, step: int) -> Array:
        """Return by how much the best pull is above leaving alone [J, S]."""
        if not 0 <= step < len(self.q_values):
            raise SolutionError(f"step {step} is outside the table of {len(self.q_values)} steps.")
        now = self.q_values[step]
        return np.asarray(now[:, 1:].max(axis=1) - now[:, 0])

    def _names(self) -> list[Any]:
        planning: Planning | None = getattr(self, "_planning", None)
        return arm_labels(None if planning is None else planning.arm_names, self.q_values.shape[1])

    def _wording(self) -> Wording:
        """Return the words of the policy's instance."""
        planning: Planning | None = getattr(self, "_planning", None)
        return PLAIN if planning is None else planning.wording

    def _states(self) -> tuple[str, ...]:
        """Return the labels of the states that the policy's instance has, or none."""
        planning: Planning | None = getattr(self, "_planning", None)
        return () if planning is None else planning.state_names

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the best action for the values in each episode's states."""
        return planning.actions.choose(q_values_of(self.q_values, states, step))


@dataclass(frozen=True, eq=False)
class GreedyPolicy(Policy):
    """Pull one arm after another, each time the one that gains most; ``q_values`` is that of `IndexPolicy`."""

    kind: ClassVar[str] = "greedy"
    q_values: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "q_values", _table(self.q_values))

    def describe(self) -> dict[str, Any]:
        """Return that no joint action is proven to be the best."""
        return {"decides_by": self.kind, "proven": False}

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the greedy action in each episode's states."""
        return np.array([planning.actions.greedy(q_values) for q_values in q_values_of(self.q_values, states, step)])


@dataclass(frozen=True, eq=False)
class SamplingPolicy(Policy):
    """Draw random actions and take the one of the greatest value; ``q_values`` is that of `IndexPolicy`.

    Attributes
    ----------
    draws
        How many actions are drawn in each state.
    """

    kind: ClassVar[str] = "sampling"
    q_values: Array
    draws: int = 100

    def __post_init__(self) -> None:
        object.__setattr__(self, "q_values", _table(self.q_values))
        if self.draws < 1:
            raise SolutionError(f"draws {self.draws} is below 1; give at least 1.")

    def describe(self) -> dict[str, Any]:
        """Return that no joint action is proven to be the best."""
        return {"decides_by": self.kind, "proven": False}

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the best of the drawn actions in each episode's states."""
        episodes, arms = states.shape
        drawn = planning.actions.samples(episodes * self.draws, rng).reshape(episodes, self.draws, arms)
        rows, q_values = np.arange(episodes), q_values_of(self.q_values, states, step)
        total = q_values[rows[:, None, None], np.arange(arms), drawn].sum(axis=2)
        best: Array = drawn[rows, total.argmax(axis=1)]
        return best


def q_values_of(table: Array, states: Array, step: int) -> Array:
    """Return the Q-values [E, J, A] of each action of each arm in the states [E, J], from a table [T, J, A, S]."""
    now = table[min(step, len(table) - 1)]
    picked: Array = now.transpose(0, 2, 1)[np.arange(states.shape[1]), states]
    return picked


def _table(q_values: Any) -> Array:
    try:
        table = frozen(q_values, np.float64)
    except (TypeError, ValueError) as error:
        raise SolutionError(f"values are not an array of numbers: {error}.") from error
    if table.ndim != 4 or 0 in table.shape or not np.isfinite(table).all():
        raise SolutionError(f"values of shape {list(table.shape)} must be finite numbers [T, J, A, S].")
    return table
