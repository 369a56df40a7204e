"""From a saved policy and today's states to who is called, and by whom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, SolutionError
from redwood.files import parse_json, read_text
from redwood.planning.contract import Planning, Policy
from redwood.planning.policies import IndexPolicy
from redwood.plugins.host import host
from redwood.problems.cormab.instance import BanditInstance
from redwood.problems.cormab.workers import who_serves

AWAY = 1e9
"""By how much values of pulling an arm that has left lie below that of leaving it alone, over the largest value."""


@dataclass(frozen=True, eq=False)
class Calls:
    """One step's joint action, by names.

    Attributes
    ----------
    arms
        Name of each arm that is pulled, in the instance's order.
    arm_actions
        Its level.
    workers
        Who serves it; empty where the action set has no workers.
    """

    arms: tuple[str, ...]
    arm_actions: tuple[int, ...]
    workers: tuple[str, ...]


def read_deployed(path: str | Path, instance: BanditInstance | None = None) -> tuple[BanditInstance, Policy]:
    """Return the instance that a saved policy carries, or another one that was given, and the policy.

    Raises
    ------
    SolutionError
        Where the file carries no instance and none is given, or the policy is of another cohort.
    """
    text = read_text(Path(path))
    problem = host().problem("cormab")
    data = parse_json(text, path)
    carried = data.get("instance") if isinstance(data, dict) else None
    if instance is None:
        if carried is None:
            raise SolutionError(f"{path} carries no instance; give the instance that the policy was made for.")
        instance = problem.parse(json.dumps(carried), str(path))
    policy = problem.parse_solution(text, instance)
    return instance, policy


def act_by_name(instance: BanditInstance, policy: Policy, today: Mapping[str, int], step: int = 0) -> Calls:
    """Return who is called, given each arm's state by name.

    Arms that ``today`` does not name have left, and are not pulled; policies of a table leave the others as they were.

    Parameters
    ----------
    instance
        Of the arms that the policy was made for.
    policy
        The policy.
    today
        State of each arm that is still there.
    step
        How many steps have been done since the start of the horizon; 0 looks a whole horizon ahead again.

    Raises
    ------
    InstanceError
        Where today names an arm that the policy does not know, or a state out of range.
    SolutionError
        Where arms have left and the policy has no table.
    """
    names = instance.arm_names or tuple(str(arm) for arm in range(instance.size))
    index = {name: arm for arm, name in enumerate(names)}
    unknown = [name for name in today if name not in index]
    if unknown:
        raise InstanceError(
            f"{len(unknown)} arms of today are not in the policy's cohort ({', '.join(unknown[:5])}); estimate and plan "
            "anew with them in the log, or leave them out."
        )
    states = np.argmax(instance.arms.start, axis=1)
    for name, state in today.items():
        if not 0 <= state < instance.arms.shape[2]:
            raise InstanceError(f"state {state} of arm {name!r} is outside 0 to {instance.arms.shape[2] - 1}.")
        states[index[name]] = state
    gone = np.array([name not in today for name in names])
    if gone.any():
        policy = _without(policy, gone)
    policy.bind(host().problem(instance.problem).view(Planning, instance))
    arm_actions = np.asarray(policy.act(states, step))
    pulled = np.flatnonzero(arm_actions)
    workers = who_serves(instance.actions, arm_actions)
    return Calls(
        tuple(names[arm] for arm in pulled),
        tuple(int(arm_actions[arm]) for arm in pulled),
        tuple(workers[arm] for arm in pulled),
    )


def _without(policy: Policy, gone: Array) -> Policy:
    """Return a policy of a table that pulls none of the arms that are gone."""
    if not isinstance(policy, IndexPolicy):
        raise SolutionError(
            f"{int(gone.sum())} arms have no state today, and a policy of the kind {policy.kind!r} needs all of "
            "them; those of lagrangian, whittle and myopic do not."
        )
    q_values = np.array(policy.q_values)
    q_values[:, gone] = 0.0
    q_values[:, gone, 1:] = -AWAY * (1.0 + np.abs(policy.q_values).max())
    return replace(policy, q_values=q_values)
