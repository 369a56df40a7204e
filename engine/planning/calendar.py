"""`pull_windows()` and `weekly_budgets()`: what is allowed differs by step, as arms that know the step.

Both give arms for an action set that is the same in every step, so that every solver and every bound of planning applies.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from redwood.errors import InstanceError, OptionError
from redwood.planning.contract import Arms


def pull_windows(arms: Arms, windows: Any) -> Arms:
    """Return arms that are pulled in some steps only; a pull in another step does nothing, and costs.

    State ``s * H + t`` is the arm's own state s at step t; after step H - 1 it stays there.

    Parameters
    ----------
    arms
        Of any number of actions; all above 0 are pulls.
    windows
        Whether [J, H] each arm may be pulled at each step.

    Raises
    ------
    OptionError
        Where windows have another shape.
    """
    may = np.asarray(windows)
    count, arm_actions, states = arms.shape
    if may.ndim != 2 or len(may) != count or not may.size or not np.isin(may, (0, 1)).all():
        raise OptionError(
            f"windows of shape {list(may.shape)} must say by 0 or 1 [J, H] whether {count} arms may be pulled."
        )
    may = may.astype(bool)
    horizon = may.shape[1]
    transitions = np.zeros((count, arm_actions, states, horizon, states, horizon))
    rewards = np.repeat(arms.rewards[..., None], horizon, axis=3)
    for step in range(horizon):
        now = may[:, step]
        moves = np.where(now[:, None, None, None], arms.transitions, arms.transitions[:, :1])
        transitions[:, :, :, step, :, min(step + 1, horizon - 1)] = moves
        rewards[~now, 1:, :, step] = arms.rewards[~now, :1] - _spread(arms)
    start = np.zeros((count, states, horizon))
    start[:, :, 0] = arms.start
    size = states * horizon
    return Arms(
        transitions.reshape(count, arm_actions, size, size),
        rewards.reshape(count, arm_actions, size),
        start.reshape(count, size),
    )


def weekly_budgets(arms: Arms, budgets: Any) -> tuple[Arms, dict[str, Any]]:
    """Return arms and actions for a budget of pulls that differs by step.

    The actions allow as many pulls as the largest budget. Arms after the first J stand for pulls that a step has not: they
    cost more than any pull can gain unless they are pulled just in the steps of smaller budgets, and nothing then. So
    rewards and bounds are those of the real arms.

    Parameters
    ----------
    arms
        With two actions.
    budgets
        The most pulls [H] in each step.

    Returns
    -------
    tuple
        Arms [J + K], where K is the difference of the largest and the least budget, and the actions as a mapping for
        ``redwood.instance``.

    Raises
    ------
    InstanceError
        Where no step has a pull, or arms have other actions.
    OptionError
        Where budgets are not whole numbers from 0 on.
    """
    most = np.asarray(budgets)
    if most.ndim != 1 or not most.size or most.dtype.kind not in "iu" or (most < 0).any():
        raise OptionError(f"budgets {budgets!r} are not a whole number from 0 on for each step.")
    count, arm_actions, states = arms.shape
    if arm_actions != 2:
        raise InstanceError(f"arms have {arm_actions} actions; budgets by step are for arms that are pulled or not.")
    if not most.any():
        raise InstanceError(f"no step of {len(most)} has a pull, so that there is nothing to plan.")
    horizon, extra = len(most), int(most.max() - most.min())
    size = max(states, horizon)
    total = count + extra
    transitions = np.tile(np.eye(size), (total, 2, 1, 1))
    rewards, start = np.zeros((total, 2, size)), np.zeros((total, size))
    transitions[:count, :, :states, :states], rewards[:count, :, :states] = arms.transitions, arms.rewards
    start[:count, :states], start[count:, 0] = arms.start, 1.0
    clock = np.minimum(np.arange(horizon) + 1, horizon - 1)
    transitions[count:, :, :horizon] = np.eye(size)[clock]
    missing = np.arange(extra)[:, None] < most.max() - most  # [K, H]: whether this pull does not exist in a step
    rewards[count:, 0, :horizon], rewards[count:, 1, :horizon] = -1.0 * missing, -1.0 * ~missing
    rewards[count:] *= (horizon + 1.0) * _spread(arms)
    return Arms(transitions, rewards, start), {"kind": "budget", "count": total, "budget": int(most.max())}


def _spread(arms: Arms) -> float:
    """Return the difference of the greatest and the least reward, or 1 where there is none."""
    return float(np.ptp(arms.rewards)) or 1.0
