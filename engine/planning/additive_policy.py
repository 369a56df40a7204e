"""`AdditivePolicy`: the exact reward of this step, and a future that is a sum over arms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError, SolutionError
from redwood.planning.contract import Planning, Policy
from redwood.planning.joint_maximum import LISTED, Terms, climbed, joint_argmax, joint_terms, listed_actions
from redwood.planning.steps import moves_in, outcomes, rewards_in, step_rewards
from redwood.problem import frozen


@dataclass(frozen=True, eq=False)
class AdditivePolicy(Policy):
    """Take the joint action of the greatest expected reward of this step and value of the next states.

    This step is exact, joint reward and exposure included; the value of a joint state is a sum over arms.

    Attributes
    ----------
    values
        Value [T, J, S] of each arm's state before each step, discounted to that step; the last one's are kept after it.
    decides_by
        What the values are, such as ``"lagrangian"`` or ``"myopic"``.
    exact
        Whether a joint reward is maximised exactly; without it actions are climbed to by swaps, which takes microseconds.
    """

    kind: ClassVar[str] = "additive"
    values: Array
    decides_by: str = "additive"
    exact: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", frozen(self.values, np.float64))
        if self.values.ndim != 3 or 0 in self.values.shape or not np.isfinite(self.values).all():
            raise SolutionError(f"values of shape {list(self.values.shape)} must be finite numbers [T, J, S].")

    def describe(self) -> dict[str, Any]:
        """Return what the values are; each joint action is the proven best, by the oracle, a list or a program."""
        return {"decides_by": self.decides_by, "proven": self.exact}

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the best action in each episode's states; equal states are decided once."""
        if self.values.shape[1:] != planning.arms.start.shape:
            raise SolutionError(
                f"the values are for arms and states {list(self.values.shape[1:])}; the instance has "
                f"{list(planning.arms.start.shape)}."
            )
        later = planning.discount * self.values[min(step + 1, len(self.values) - 1)]
        if planning.exposure is not None and not planning.exposure.by_states:
            return _by_list(planning, states, later)
        if planning.joint is None:
            return planning.actions.choose(arm_values(planning, states, later))
        distinct, rows = np.unique(states, axis=0, return_inverse=True)
        values = arm_values(planning, distinct, later)
        if not self.exact:
            nothing = np.zeros((len(distinct), 0))
            plain = Terms(values, np.zeros((*values.shape, 0)), nothing, nothing)
            return climbed(planning.actions, joint_terms(planning.joint, distinct, plain))[rows.ravel()]
        found = joint_argmax(planning.actions, values, planning.joint, distinct)
        return np.array([best.arm_actions for best in found], np.int64)[rows.ravel()]


def arm_values(planning: Planning, states: Array, later: Array) -> Array:
    """Return the value [N, J, A] of each arm's actions in joint states [N, J], given those of next states [J, S]."""
    moved: Array = np.matmul(moves_in(planning, states), later[:, :, None])[..., 0]
    return rewards_in(planning, states) + moved


def _by_list(planning: Planning, states: Array, later: Array) -> Array:
    """Return the best of all joint actions in states [N, J], where an arm's outcome depends on the actions of others."""
    listed = listed_actions(planning.actions)
    if listed is None:
        raise FitError(f"exposure depends on the joint action, and there are over {LISTED} of these to go through.")
    chosen = np.empty_like(states)
    for row, state in enumerate(states):
        here = np.broadcast_to(state, listed.shape)
        moved = np.einsum("kjs,js->k", outcomes(planning, here, listed), later, optimize=True)
        chosen[row] = listed[int(np.argmax(step_rewards(planning, here, listed) + moved))]
    return chosen
