"""`collapsing()`: arms whose state is seen only when they are pulled, as arms whose state is what is believed."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.planning.contract import Arms
from redwood.settings import whole


def collapsing(arms: Arms, steps: int = 20) -> Arms:
    """Return arms whose states are beliefs about others that are seen only when pulled.

    State ``s * steps + u`` says that the arm was last pulled u + 1 steps ago, and was then in state s; its belief
    is the row of s under the pull, moved on u times by itself. A pull sees the state, and the belief begins anew. After
    ``steps`` steps without a pull the belief is kept as it is. The start gives, for each state, the probability that a pull
    one step before the first saw it.

    Parameters
    ----------
    arms
        With two actions: 0 leaves an arm alone, 1 pulls it.
    steps
        How many steps without a pull are told apart.

    References
    ----------
    Mate, Killian, Xu, Perrault, Tambe (2020), Collapsing bandits and their application to public health interventions,
    arXiv:2007.04432.
    """
    steps = whole("steps", steps, 1)
    count, arm_actions, states = arms.shape
    beliefs = _beliefs(arms, steps)
    size = states * steps
    transitions = np.zeros((count, arm_actions, size, size))
    here = np.arange(size)
    ahead = np.where(here % steps < steps - 1, here + 1, here)
    transitions[:, 0, here, ahead] = 1.0
    transitions[:, 1:, :, ::steps] = beliefs[:, None]  # the state that is seen decides which belief begins
    rewards = np.einsum("jbs,jas->jab", beliefs, arms.rewards)
    start = np.zeros((count, size))
    start[:, ::steps] = arms.start
    return Arms(transitions, rewards, start)


def _beliefs(arms: Arms, steps: int) -> Array:
    """Return the belief [J, S * steps, S] of each state."""
    rows = [arms.transitions[:, -1]]
    for _ in range(steps - 1):
        rows.append(np.matmul(rows[-1], arms.transitions[:, 0]))
    stacked = np.stack(rows, axis=2)  # [J, S, steps, S]
    return np.asarray(stacked.reshape(len(stacked), -1, stacked.shape[-1]))
