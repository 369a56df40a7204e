"""`at_least_every()`: arms that remember when they were last pulled, and pay for being left alone for too long."""

from __future__ import annotations

from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, OptionError
from redwood.planning.action_set import ActionSet
from redwood.planning.calendar import arms_of_pairs, spread_of
from redwood.planning.contract import Arms
from redwood.settings import not_negative, whole

PENALTY = 10.0
"""By default a step overdue costs so many times the spread of the arms' rewards."""


def at_least_every(steps: int, arms: Arms, actions: ActionSet, *, since: Any = None, penalty: float | None = None) -> Arms:
    """Return arms that are to be pulled at least once in every ``steps`` steps.

    State ``s * (steps + 1) + w`` is the arm's own state s, w steps after its last pull. An arm that comes to w = ``steps``
    is overdue, and costs the penalty in every step until it is pulled; so the wish is not met for certain, but policies
    and bounds reckon with it. `overdue` counts in a simulation.

    Parameters
    ----------
    steps
        The most steps from one pull to the next.
    arms
        Of any number of actions; all above 0 are pulls.
    actions
        The joint actions allowed, by which it is checked that the wish can be met at all.
    since
        Steps [J] since each arm's last pull at the start; by default they are spread evenly, as in a programme that runs.
    penalty
        What a step overdue costs; by default ten times the spread of the rewards.

    Raises
    ------
    InstanceError
        Where the actions pull too few arms to meet the wish; the message gives the arithmetic.
    """
    steps = whole("steps", steps, 1)
    count = len(arms.start)
    _check_possible(steps, count, actions)
    first = np.arange(count) * steps // count if since is None else np.asarray(since)
    if first.shape != (count,) or (first < 0).any() or (first != np.rint(first)).any():
        raise OptionError(f"since of shape {list(first.shape)} is not a whole number from 0 on for each of {count} arms.")
    cost = not_negative("penalty", PENALTY * spread_of(arms) if penalty is None else penalty)
    return _remembering(arms, steps, np.minimum(first, steps).astype(np.int64), cost)


def overdue(states: Array, steps: int) -> Array:
    """Return which of the states [...] of arms from `at_least_every` are overdue."""
    return np.asarray(states % (steps + 1) == steps)


def _remembering(arms: Arms, steps: int, first: Array, cost: float) -> Arms:
    count, arm_actions, states = arms.shape
    ages = steps + 1
    transitions = np.zeros((count, arm_actions, states, ages, states, ages))
    rewards = np.repeat(arms.rewards[..., None], ages, axis=3)
    rewards[..., steps] -= cost
    for age in range(ages):
        transitions[:, 0, :, age, :, min(age + 1, steps)] = arms.transitions[:, 0]
        transitions[:, 1:, :, age, :, 0] = arms.transitions[:, 1:]
    start = np.zeros((count, states, ages))
    start[np.arange(count), :, first] = arms.start
    return arms_of_pairs(transitions, rewards, start)


def _check_possible(steps: int, count: int, actions: ActionSet) -> None:
    if actions.arms != count:
        raise InstanceError(f"the action set has {actions.arms} arms, and there are {count}.")
    pulls = np.zeros((count, actions.arm_actions))
    pulls[:, 1:] = 1.0
    most = round(actions.argmax(pulls).value)
    if most * steps < count:
        raise InstanceError(
            f"{count} arms cannot each be pulled once in {steps} steps: the actions allow {most} pulls a step, and "
            f"{most} x {steps} = {most * steps} < {count}. Allow {-(-count // steps)} pulls a step, or "
            f"{-(-count // most) if most else 'no'} steps."
        )
    for arm in range(count):
        if actions.argmax(pulls * (np.arange(count) == arm)[:, None]).value < 1:
            raise InstanceError(f"arm {arm} can never be pulled, so not once in {steps} steps either.")
