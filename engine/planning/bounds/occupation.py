"""Occupation measures: the columns of the linear programs that move every arm by its own probabilities.

A measure x[t, j, a, s] is the chance that arm j is in state s in step t and gets the action a. Rows are the flow of each arm
[H, J, S], then the link [H, K, A - 1] of the actions of the arms' classes to whatever couples them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redwood.arrays import Array
from redwood.planning.bounds.segment import Decoupled, ending_of


@dataclass(frozen=True, eq=False)
class Occupation:
    """The columns, by column, and how many rows they have.

    Attributes
    ----------
    rewards
        Expected reward [H, J, A, S] of each measure, what follows the last step included.
    starts, rows, values
        Entries of column c, in the order of ``rewards``: ``rows[starts[c]:starts[c + 1]]``, and the same of ``values``.
    flows
        Number of flow rows; ``sources`` [flows] are their right sides.
    links
        Number of link rows, which follow.
    """

    rewards: Array
    starts: Array
    rows: Array
    values: Array
    sources: Array
    flows: int
    links: int


def occupation(planning: Decoupled, classes: Array) -> Occupation:
    """Return the occupation measures of arms whose actions are linked by class [J].

    A measure leaves its own state, enters those it leads to one step later, and counts for the action of its arm's class.
    """
    shape = (planning.horizon, *planning.arms.rewards.shape)
    steps, arms, arm_actions, states = shape
    flows, kinds = steps * arms * states, int(classes.max()) + 1
    step, arm, arm_action, state = np.indices(shape).reshape(4, -1)
    own = (step * arms + arm) * states + state
    link = np.where(arm_action > 0, flows + (step * kinds + classes[arm]) * (arm_actions - 1) + arm_action - 1, 0)
    into = ((step + 1) * arms + arm)[:, None] * states + np.arange(states)
    rows = np.column_stack((own, link, into))
    moved = np.where(step[:, None] < steps - 1, -planning.arms.transitions[arm, arm_action, state], 0.0)
    values = np.column_stack((np.ones(len(step)), (arm_action > 0).astype(float), moved))
    used = values != 0
    starts = np.concatenate(([0], np.cumsum(used.sum(axis=1)))).astype(np.int32)
    rewards = planning.arms.rewards[None] * planning.discount ** np.arange(steps)[:, None, None, None]
    rewards[-1] += np.matmul(planning.arms.transitions, ending_of(planning)[:, None, :, None])[..., 0]
    sources = np.zeros(flows)
    sources[: arms * states] = planning.arms.start.ravel()
    linked = steps * kinds * (arm_actions - 1)
    return Occupation(rewards, starts, rows[used].astype(np.int32), values[used], sources, flows, linked)
