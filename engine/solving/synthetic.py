"""`synthetic_log()`: a call log of arms whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError, SolutionError
from redwood.planning.contract import Planning, Policy
from redwood.planning.evaluation import noise_seed
from redwood.planning.frames import frame
from redwood.planning.simulator_kernels import advance, draw_start
from redwood.problem import Instance
from redwood.settings import check_seed, whole
from redwood.solving.draws import made_policy, view_of

LOG_COLUMNS = ("arm", "step", "state", "action", "next_state")
"""Columns of a synthetic log."""


def synthetic_log(instance: Instance, policy: str | Policy, *, steps: int, seed: int = 0, missing: float = 0.0) -> Any:
    """Return the log of a programme that follows a policy, as a pandas frame that `redwood.planning.estimate` takes.

    Parameters
    ----------
    instance
        The truth: arms, and the actions that are allowed.
    policy
        A policy, or the name of a solver that makes one, such as ``"random"``.
    steps
        Weeks in the log; a policy's last table is used beyond its horizon.
    seed
        Decides the arms' moves, the policy where it is random, and what is missing.
    missing
        Probability that a week of an arm is not in the log.

    Raises
    ------
    MissingDependencyError
        Where pandas is not installed (extra ``frames``); `log_columns` needs none.
    """
    made = frame(log_columns(instance, policy, steps=steps, seed=seed, missing=missing))
    made["next_state"] = made["next_state"].astype("Int64")
    return made


def log_columns(
    instance: Instance, policy: str | Policy, *, steps: int, seed: int = 0, missing: float = 0.0
) -> dict[str, Array]:
    """Return what `synthetic_log` does as columns [N] by name, states that are not known as ``None``.

    Parameters
    ----------
    instance
        The truth: arms, and the actions that are allowed.
    policy
        A policy, or the name of a solver that makes one, such as ``"random"``.
    steps
        Weeks in the log; a policy's last table is used beyond its horizon.
    seed
        Decides the arms' moves, the policy where it is random, and what is missing.
    missing
        Probability that a week of an arm is not in the log, from 0 to below 1.
    """
    steps, seed = whole("steps", steps, 1), check_seed(seed)
    if not isinstance(missing, (int, float)) or not 0 <= missing < 1:
        raise OptionError(f"missing {missing!r} is not a probability below 1.")
    planning = view_of(instance)
    names = getattr(instance, "arm_names", ()) or tuple(str(arm) for arm in range(instance.size))
    states, levels = _episode(planning, made_policy(instance, policy), steps, noise_seed(instance, seed))
    arms = len(names)
    kept = np.random.default_rng([seed, 2]).random((steps + 1, arms)) >= missing
    kept[steps] = False  # the week after the last is not in the log
    after = np.where(kept[1:], states[1:], -1).astype(object)
    after[after == -1] = None
    rows = kept[:-1].T.ravel()
    step, name = np.tile(np.arange(steps), arms), np.repeat(np.array(names, dtype=object), steps)
    columns = (name, step, states[:-1].T.ravel(), levels.T.ravel(), after.T.ravel())
    return {key: column[rows] for key, column in zip(LOG_COLUMNS, columns, strict=True)}


def _episode(planning: Planning, policy: Policy, steps: int, seed: int) -> tuple[Array, Array]:
    """Return the states [T + 1, J] and levels [T, J] of one episode of any length, with the simulator's noise.

    Raises
    ------
    SolutionError
        Where the policy chooses an action outside the set.
    """
    from redwood.planning.simulated import cumulative

    ends, starts = cumulative(planning.arms.transitions), cumulative(planning.arms.start)
    states = draw_start(1, starts, seed)
    rng = np.random.default_rng([seed, 1])
    policy.bind(planning)
    seen, done = [states[0].copy()], []
    for step in range(steps):
        levels = np.ascontiguousarray(policy.choose(planning, states, min(step, planning.horizon - 1), rng), np.int64)
        if len(planning.actions.refused(levels)):
            raise SolutionError(f"the policy {policy.kind!r} chose levels at step {step} that are not in the action set.")
        advance(states, levels, step, seed, ends, planning.arms.rewards)
        seen.append(states[0].copy())
        done.append(levels[0])
    return np.array(seen), np.array(done)
