"""From a saved policy and today's states to who is called, and by whom."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from redwood.errors import InstanceError, SolutionError
from redwood.files import parse_json, path_of, read_text
from redwood.planning.contract import Planning, Policy
from redwood.planning.frames import frame
from redwood.plugins.host import host
from redwood.problems.cormab.instance import BanditInstance
from redwood.problems.cormab.workers import who_serves
from redwood.solving.rolling import names_of, skipped_arms, with_budget, with_capacities, with_joined, without


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

    def to_frame(self) -> Any:
        """Return a pandas frame with the columns arm, action and worker."""
        return frame({"arm": self.arms, "action": self.arm_actions, "worker": self.workers})


def read_deployed(path: str | Path, instance: BanditInstance | None = None) -> tuple[BanditInstance, Policy]:
    """Return the instance that a saved policy carries, or another one that was given, and the policy.

    Raises
    ------
    SolutionError
        Where the file carries no instance and none is given, or the policy is of another cohort.
    """
    text = read_text(path_of(path))
    problem = host().problem("cormab")
    data = parse_json(text, path)
    carried = data.get("instance") if isinstance(data, dict) else None
    if instance is None:
        if carried is None:
            raise SolutionError(f"{path} carries no instance; give the instance that the policy was made for.")
        instance = problem.parse(json.dumps(carried), str(path))
    policy = problem.parse_solution(text, instance)
    return instance, policy


def act_by_name(
    instance: BanditInstance,
    policy: Policy,
    today: Mapping[str, int],
    step: int = 0,
    *,
    likes: Mapping[str, str] | None = None,
    not_now: Collection[str] = (),
    budget: int | None = None,
    capacities: Mapping[str, int] | None = None,
) -> Calls:
    """Return who is called, given each arm's state by name.

    Arms that ``today`` does not name have left, and are not pulled. Arms that the instance does not have are new: policies
    of a table treat them like the mean of the cohort, or like the arm that ``likes`` names. The cohort may so change from
    week to week without a new plan, and with step 0 the horizon rolls on.

    Parameters
    ----------
    instance
        Of the arms that the policy was made for.
    policy
        The policy.
    today
        State of each arm that is there.
    step
        How many steps have been done since the start of the horizon; 0 looks a whole horizon ahead again.
    likes
        Whom of the cohort new arms are like, by name.
    not_now
        Who is there but shall not be called this week.
    budget
        How many calls there can be this week, in place of the plan's number.
    capacities
        How many each worker calls this week, by name; workers that are not named are away.

    Raises
    ------
    InstanceError
        Where nobody of today is in the cohort, a state is out of range, or an arm is like nobody in the cohort.
    SolutionError
        Where arms have come or left and the policy has no table.
    """
    given: Any = today
    if not isinstance(given, Mapping):
        raise InstanceError(f"today is a {type(today).__name__}; expected a mapping from arms to their states.")
    known = set(names_of(instance))
    new = [name for name in today if name not in known]
    likes = likes or {}
    if len(new) == len(today):
        raise InstanceError(f"none of today's {len(today)} arms is in the policy's cohort; is it the policy of another one?")
    instance, policy = with_joined(instance, policy, {name: likes.get(name) for name in new})
    if budget is not None:
        instance = with_budget(instance, budget)
    if capacities is not None:
        instance = with_capacities(instance, capacities)
    names = names_of(instance)
    states = np.argmax(instance.arms.start, axis=1)
    for arm, name in enumerate(names):
        state = given.get(name, int(states[arm]))
        if isinstance(state, (bool, np.bool_)) or not isinstance(state, (int, np.integer)):
            raise InstanceError(f"state {state!r:.40} of arm {name!r} is no whole number.")
        if not 0 <= state < instance.arms.shape[2]:
            raise InstanceError(f"state {state} of arm {name!r} is outside 0 to {instance.arms.shape[2] - 1}.")
        states[arm] = state
    gone, waiting = skipped_arms(instance, today, not_now)
    policy = without(policy, gone | waiting, f"{int(gone.sum())} arms have no state today and {int(waiting.sum())} wait")
    policy = replace(policy)  # it may be bound to the instance of the plan
    policy.bind(host().problem(instance.problem).view(Planning, instance))
    arm_actions = np.asarray(policy.act(states, step))
    pulled = np.flatnonzero(arm_actions)
    workers = who_serves(instance.actions, arm_actions)
    return Calls(
        tuple(names[arm] for arm in pulled),
        tuple(int(arm_actions[arm]) for arm in pulled),
        tuple(workers[arm] for arm in pulled),
    )
