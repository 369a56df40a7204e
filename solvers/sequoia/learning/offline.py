"""Learning from logged episodes alone: arms and values are estimated from them, and what they do not show is feared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError
from redwood.files import path_of, replacing
from redwood.planning.bounds.segment import HorizonSegment
from redwood.planning.contract import ActionSet, Arms
from redwood.planning.improving import Episodes, fitted, q_values_from
from redwood.saved import reading

PRIOR = 2.0
"""Transitions of the average arm that are added to those of each arm."""
RIDGE = 1e-3


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a log says of the arms: transitions [J, A, S, S], rewards [J, A, S], and how often each was seen [J, A, S]."""

    transitions: Array
    rewards: Array
    seen: Array


class Kept(Protocol):
    """Simulated episodes, such as `redwood.planning.simulation.Rollouts`."""

    @property
    def rewards(self) -> Array:
        """Rewards [E, H]."""

    @property
    def states(self) -> Array | None:
        """States [E, H, J] before each step."""

    @property
    def arm_actions(self) -> Array | None:
        """Actions [E, H, J]."""


def save_log(rollouts: Kept, path: str | Path) -> Path:
    """Write what ``simulate(..., keep=True)`` kept as a log for ``solve(instance, "sequoia", logged=path)``.

    A log from elsewhere is an ``.npz`` file of the same three arrays: ``states`` [E, H, J] before each step, ``arm_actions``
    [E, H, J], and ``rewards`` [E, H] of all arms together.

    Raises
    ------
    OptionError
        Where states and actions were not kept.
    """
    if rollouts.states is None or rollouts.arm_actions is None:
        raise OptionError("these rollouts hold no states and actions; simulate with keep=True.")
    out = path_of(path).with_suffix(".npz")
    states, arm_actions = rollouts.states.astype(np.int16), rollouts.arm_actions.astype(np.int16)
    with replacing(out) as unfinished:
        np.savez_compressed(unfinished, states=states, arm_actions=arm_actions, rewards=rollouts.rewards)
    return out


def load_log(path: str | Path, shape: tuple[int, int, int], horizon: int) -> Episodes:
    """Return the episodes of a log, checked against numbers of arms, actions and states, and the horizon.

    Raises
    ------
    OptionError
        Where the file cannot be read, or its arrays do not fit.
    """
    with reading(path_of(path)), np.load(path, allow_pickle=False) as kept:
        states, arm_actions, rewards = (np.asarray(kept[name]) for name in ("states", "arm_actions", "rewards"))
        if any(array.dtype.kind not in "iuf" for array in (states, arm_actions, rewards)):
            raise TypeError(f"its arrays are of {states.dtype}, {arm_actions.dtype} and {rewards.dtype}")
    arms, most_actions, most_states = shape
    if (
        states.shape != (len(rewards), horizon, arms)
        or arm_actions.shape != states.shape
        or rewards.shape != states.shape[:2]
    ):
        raise OptionError(
            f"{path} has states {list(states.shape)}, actions {list(arm_actions.shape)} and rewards {list(rewards.shape)}; "
            f"expected [E, {horizon}, {arms}] twice and [E, {horizon}]."
        )
    if len(rewards) < 2 or not np.isfinite(rewards).all():
        raise OptionError(f"{path} needs at least 2 episodes with finite rewards.")
    for name, array, most in (("state", states, most_states), ("action", arm_actions, most_actions)):
        if array.min() < 0 or array.max() >= most:
            raise OptionError(f"{path} has the {name} {int(array.max())}; the instance knows 0 to {most - 1}.")
    return Episodes(states.transpose(1, 0, 2).astype(np.int64), arm_actions.transpose(1, 0, 2).astype(np.int64), rewards)


def learn_offline(
    log: Episodes, actions: ActionSet, shape: tuple[int, int, int], discount: float, *, temperature: float, pessimism: float
) -> Array:
    """Return Q-values [H, J, A, S] of actions, learned from nothing but a log and the action set.

    Episodes count by ``exp(return / (temperature * standard deviation of returns))``, so that the values are those of a
    policy which does more often what went well; the joint action of the greatest value is one step better than it. From
    the value of an action that an arm was seen at n times in a state, ``pessimism / sqrt(1 + n)`` of the spread of
    values is taken off, so that what the log does not show is not done for its promise.

    Parameters
    ----------
    log
        Logged episodes.
    actions
        The action set.
    shape
        Numbers of arms J, of actions A and of states S.
    discount
        Factor from step to step, at most 1.
    temperature
        In standard deviations of the returns; the lower, the more good episodes count.
    pessimism
        Weight of the penalty for what the log shows seldom; 0 for none.

    References
    ----------
    Peng, Kumar, Zhang, Levine (2019), Advantage-weighted regression, arXiv:1910.00177, for the weights.
    Jin, Yang, Wang (2021), Is pessimism provably efficient for offline RL?, arXiv:2012.15085, for the penalty.
    """
    found = estimate(log, shape, discount)
    horizon, start = len(log.states), np.zeros((shape[0], shape[2]))
    arms = Arms(found.transitions, found.rewards, start)
    known = HorizonSegment(arms, actions, horizon, discount, start)
    returns = log.rewards.sum(axis=1)
    weights = np.exp((returns - returns.max()) / max(temperature * float(returns.std()), 1e-12))
    values = np.zeros((horizon + 1, *start.shape))
    for _ in range(2):  # the second time, what is fitted is free of the noise that the first values explain
        values = fitted(known, values, log, weights)
    q_values = q_values_from(known, values) / (discount ** np.arange(horizon))[:, None, None, None]
    spread = float((values[:-1].max(axis=2) - values[:-1].min(axis=2)).mean())
    feared: Array = q_values - pessimism * spread / np.sqrt(1.0 + found.seen)
    return feared


def estimate(log: Episodes, shape: tuple[int, int, int], discount: float) -> Estimate:
    """Return the arms that a log shows: counted transitions, drawn to those of the average arm, and regressed rewards."""
    arms, arm_actions, states = shape
    own = np.broadcast_to(np.arange(arms), log.states[:-1].shape)
    counts = np.zeros((arms, arm_actions, states, states))
    np.add.at(counts, (own, log.arm_actions[:-1], log.states[:-1], log.states[1:]), 1.0)
    average = counts.sum(axis=0) + 1e-9
    average /= average.sum(axis=-1, keepdims=True)
    moved = counts + PRIOR * average
    seen = np.zeros(shape)
    np.add.at(seen, (np.broadcast_to(np.arange(arms), log.states.shape), log.arm_actions, log.states), 1.0)
    return Estimate(moved / moved.sum(axis=-1, keepdims=True), _rewards(log, shape, discount), seen)


def _rewards(log: Episodes, shape: tuple[int, int, int], discount: float) -> Array:
    """Return the rewards [J, A, S] that add up to those of the log, by least squares."""
    arms, arm_actions, states = shape
    width = arm_actions * states
    gram, right = RIDGE * np.eye(arms * width), np.zeros(arms * width)
    places = np.arange(arms) * width
    for step in range(len(log.states)):
        hot = np.zeros((log.states.shape[1], arms * width))
        np.put_along_axis(hot, places + log.arm_actions[step] * states + log.states[step], 1.0, axis=1)
        gram += hot.T @ hot
        right += hot.T @ (log.rewards[:, step] / discount**step)
    found: Array = np.linalg.solve(gram, right).reshape(shape)
    return found
