"""`pull_windows()`, `weekly_budgets()`, `by_week()`: what is allowed, or how arms move, differs by step.

All give arms for an action set that is the same in every step, so that every solver and every bound of planning applies.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, OptionError
from redwood.planning.contract import Arms
from redwood.problem import frozen


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
        rewards[~now, 1:, :, step] = arms.rewards[~now, :1] - spread_of(arms)
    start = np.zeros((count, states, horizon))
    start[:, :, 0] = arms.start
    return arms_of_pairs(transitions, rewards, start)


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
    rewards[count:] *= (horizon + 1.0) * spread_of(arms)
    return Arms(transitions, rewards, start), {"kind": "budget", "count": total, "budget": int(most.max())}


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
    placed = np.zeros((count, arm_actions, steps, states, steps, states))
    for step in range(steps):
        placed[:, :, step, :, min(step + 1, steps - 1), :] = moves[step]
    begun = np.zeros((count, steps, states))
    begun[:, 0] = first
    return arms_of_pairs(placed, earned.transpose(1, 2, 0, 3), begun)


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


def spread_of(arms: Arms) -> float:
    """Return the difference of the greatest and the least reward, or 1 where there is none."""
    return float(np.ptp(arms.rewards)) or 1.0


def arms_of_pairs(transitions: Array, rewards: Array, start: Array) -> Arms:
    """Return arms whose states are pairs, from arrays [J, A, S, K, S, K], [J, A, S, K] and [J, S, K]."""
    count, arm_actions, states, others = rewards.shape
    size = states * others
    shape = (count, arm_actions, size)
    return Arms(transitions.reshape(*shape, size), rewards.reshape(shape), start.reshape(count, size))
