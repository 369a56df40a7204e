"""`by_week()`: arms whose probabilities and rewards change from step to step, as arms whose state carries the step."""

from __future__ import annotations

from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError
from redwood.planning.contract import Arms
from redwood.problem import frozen


def by_week(transitions: Any, rewards: Any, start: Any, *, available: Any = None) -> Arms:
    """Return arms that move by other probabilities, and earn other rewards, in each of H steps.

    State ``t * S + s`` is the arm's own state s in step t; the states of the last step are kept after it. Everything that
    plans, bounds and simulates arms takes them as they are, and backward induction looks at the states of each step alone.

    A pull that is not available does nothing: the arm moves and earns as under action 0. Where the action set allows an arm
    to be left out of any joint action, as budgets do, that is the same as action sets ``A_t(s)`` without these pulls.

    Parameters
    ----------
    transitions
        Probabilities [H, J, A, S, S] of going from one state to another in each step under an action.
    rewards
        Expected rewards [H, J, A, S].
    start
        Probabilities [J, S] of states at the first step.
    available
        Whether an arm's actions above 0 are available in a step, [H, J] or by state [H, J, S]; by default always.

    Raises
    ------
    InstanceError
        Where shapes disagree.
    """
    moves, earned = frozen(transitions, np.float64), frozen(rewards, np.float64)
    first = frozen(start, np.float64)
    if moves.ndim != 5 or earned.shape != moves.shape[:-1] or first.shape != (moves.shape[1], moves.shape[3]):
        raise InstanceError(
            f"transitions {list(moves.shape)}, rewards {list(earned.shape)} and start {list(first.shape)} of arms by week "
            f"are not [H, J, A, S, S], [H, J, A, S] and [J, S]."
        )
    steps, count, arm_actions, states, _ = moves.shape
    if available is not None:
        moves, earned = _without(moves, earned, np.asarray(available, bool))
    size = steps * states
    placed = np.zeros((count, arm_actions, steps, states, steps, states))
    for step in range(steps):
        placed[:, :, step, :, min(step + 1, steps - 1), :] = moves[step]
    begun = np.zeros((count, size))
    begun[:, :states] = first
    by_state = earned.transpose(1, 2, 0, 3).reshape(count, arm_actions, size)
    return Arms(placed.reshape(count, arm_actions, size, size), by_state, begun)


def _without(moves: Array, earned: Array, available: Array) -> tuple[Array, Array]:
    """Return transitions and rewards in which pulls that are not available do as action 0 does."""
    steps, count, _, states = earned.shape
    if available.shape == (steps, count):
        available = np.repeat(available[:, :, None], states, axis=2)
    if available.shape != (steps, count, states):
        raise InstanceError(
            f"available has shape {list(available.shape)}; expected [{steps}, {count}] or [{steps}, {count}, {states}]."
        )
    allowed = available[:, :, None]
    return np.where(allowed[..., None], moves, moves[:, :, :1]), np.where(allowed, earned, earned[:, :, :1])
