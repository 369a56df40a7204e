"""The published arms: a ladder of four states, climbed by pulls, and the checks of arms given as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError
from redwood.planning.contract import Arms
from redwood.planning.coupling import Exposure
from redwood.problem import frozen

STATES = 4
TOLERANCE = 1e-9
"""How far the probabilities of a row may be from summing to 1."""
BEGINNERS = 0.2
"""Share of arms that start in state 1 instead of 0."""


def ladder(success: Array, rewards: Array) -> Arms:
    """Return arms that go up a state with probability ``success`` [J, A, S] and down one otherwise.

    The first and the last state are kept where there is none beyond. ``rewards`` [J, S] are those of the state that
    an arm comes to, so that the expected reward of a step is that of its two outcomes.
    """
    arms, arm_actions, states = success.shape
    transitions = np.zeros((arms, arm_actions, states, states))
    for state in range(states):
        transitions[:, :, state, min(state + 1, states - 1)] += success[:, :, state]
        transitions[:, :, state, max(state - 1, 0)] += 1.0 - success[:, :, state]
    expected = np.einsum("jasz,jz->jas", transitions, rewards)
    start = np.zeros((arms, states))
    start[:, 0], start[:, 1] = 1.0 - BEGINNERS, BEGINNERS
    return make_arms(transitions, expected, start)


def draw_rewards(size: int, traps: int, rng: np.random.Generator) -> Array:
    """Return the rewards [J, 4] of states: the first ``traps`` arms pay less and less before they pay most."""
    high = np.concatenate((rng.integers(4, 7, traps), rng.integers(1, 4, size - traps)))
    rewards = np.empty((size, STATES))
    rewards[:traps, :3], rewards[traps:, :3] = (0.2, 0.15, 0.1), (0.1, 0.15, 0.2)
    rewards[:, 3] = high
    return rewards


def draw_success(size: int, rng: np.random.Generator) -> Array:
    """Return success probabilities [J, 2, 4], the same in every state: U(0, 0.2) at rest and U(0.7, 0.9) when pulled."""
    success = np.stack((rng.uniform(0.0, 0.2, size), rng.uniform(0.7, 0.9, size)), axis=1)
    return np.repeat(success[:, :, None], STATES, axis=2)


def draw_state_success(size: int, rng: np.random.Generator) -> Array:
    """Return success probabilities [J, 2, 4] drawn anew in every state: U(0, 0.2) at rest and U(0.4, 0.9) when pulled."""
    return np.stack((rng.uniform(0.0, 0.2, (size, STATES)), rng.uniform(0.4, 0.9, (size, STATES))), axis=1)


def make_arms(transitions: Any, rewards: Any, start: Any = None) -> Arms:
    """Return arms of read-only arrays, all in state 0 where no start is given; `check_arms` checks their numbers."""
    try:
        moves, earned = frozen(transitions, np.float64), frozen(rewards, np.float64)
        _check_rewards(earned)
        first = np.repeat(np.eye(1, earned.shape[2]), len(earned), axis=0) if start is None else start
        return Arms(moves, earned, frozen(first, np.float64))
    except InstanceError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise InstanceError(f"transitions, rewards or start are not arrays of numbers: {str(error).rstrip('.')}.") from error


def check_arms(arms: Arms) -> None:
    """Raise `InstanceError` where shapes disagree, a row is no distribution, or a reward is not finite."""
    _check_rewards(arms.rewards)
    count, arm_actions, states = arms.shape
    for name, found, expected in (
        ("transitions", arms.transitions.shape, (count, arm_actions, states, states)),
        ("start", arms.start.shape, (count, states)),
    ):
        if found != expected:
            raise InstanceError(
                f"{name} have shape {list(found)}; with rewards {[count, arm_actions, states]}: {list(expected)}."
            )
    if not np.isfinite(arms.rewards).all():
        arm, arm_action, state = np.argwhere(~np.isfinite(arms.rewards))[0]
        raise InstanceError(
            f"reward {arms.rewards[arm, arm_action, state]} of arm {arm} under action {arm_action} in state {state}."
        )
    _check_distributions(arms.transitions, ("arm", "action", "from state", "to state"))
    _check_distributions(arms.start, ("start of arm", "state"))


def check_exposure(arms: Arms, exposure: Exposure) -> None:
    """Raise `InstanceError` where an exposure does not fit the arms, or a row of its transitions is no distribution."""
    exposure.check(arms)
    _check_distributions(exposure.transitions, ("exposure class", "arm", "action", "from state", "to state"))


def _check_rewards(rewards: Array) -> None:
    if rewards.ndim != 3 or 0 in rewards.shape:
        raise InstanceError(f"rewards have shape {list(rewards.shape)}; expected [J, A, S], none of them 0.")


def _check_distributions(rows: Array, names: tuple[str, ...]) -> None:
    wrong = np.argwhere(~((rows >= 0) & (rows <= 1)))
    if len(wrong):
        place = ", ".join(f"{name} {index}" for name, index in zip(names, wrong[0].tolist(), strict=True))
        raise InstanceError(f"probability {rows[tuple(wrong[0])]:g} ({place}) is outside 0 to 1.")
    sums = rows.sum(axis=-1)
    off = np.argwhere(np.abs(sums - 1.0) > TOLERANCE)
    if len(off):
        place = ", ".join(f"{name} {index}" for name, index in zip(names, off[0].tolist(), strict=False))
        raise InstanceError(f"probabilities sum to {sums[tuple(off[0])]:.12g} ({place}); they must sum to 1.")
