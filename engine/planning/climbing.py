"""`climb_from_zero`: a joint action for a value that no sum over arms gives, by pulling one arm after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from redwood.arrays import Array
from redwood.errors import ModelError

if TYPE_CHECKING:
    from redwood.planning.action_set import ActionSet


def climb_from_zero(actions: ActionSet, value: Callable[[Array], Array]) -> Array:
    """Return actions [J] reached by pulling one arm at a time, each time to the allowed action of the greatest value.

    It ends where no raise is worth more. A raise that is refused once is not tried again.

    Raises
    ------
    ModelError
        Where the set does not allow action 0 for every arm.
    """
    arm_actions = np.zeros(actions.arms, np.int64)
    if not actions.contains(arm_actions):
        raise ModelError(f"{type(actions).__name__} does not allow action 0 for every arm, where climbing would start.")
    q_values, refused = float(value(arm_actions[None])[0]), np.zeros((actions.arms, actions.arm_actions), bool)
    while True:
        higher = np.arange(actions.arm_actions) > arm_actions[:, None]
        arms, pulled = np.nonzero(higher & ~refused)
        tried = np.repeat(arm_actions[None], len(arms), axis=0)
        tried[np.arange(len(arms)), arms] = pulled
        values = value(tried)
        for row in np.argsort(-values, kind="stable"):
            if values[row] <= q_values:
                return arm_actions
            if actions.contains(tried[row]):
                arm_actions, q_values = tried[row], float(values[row])
                break
            refused[arms[row], pulled[row]] = True
        else:
            return arm_actions
