"""From a saved policy and today's states to who is called, and by whom."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, SolutionError
from redwood.files import parse_json, path_of, read_text
from redwood.planning.contract import Planning, Policy
from redwood.planning.estimation.provenance import Provenance
from redwood.planning.frames import frame
from redwood.planning.policies import IndexPolicy, q_values_of
from redwood.plugins.host import host
from redwood.problems.cormab.instance import BanditInstance
from redwood.problems.cormab.workers import who_serves
from redwood.settings import whole
from redwood.solving.joined import Likeness, likeness
from redwood.solving.rolling import (
    names_of,
    skipped_arms,
    with_beliefs,
    with_budget,
    with_capacities,
    with_joined,
    without,
)

SHOWN = 5
"""Names that a remark has at most."""


@dataclass(frozen=True, eq=False)
class Calls:
    """One step's joint action, by names, arms of the greatest value first.

    Attributes
    ----------
    arms
        Name of each arm that is pulled.
    arm_actions
        Its action.
    workers
        Who serves it; empty where the action set has no workers.
    values
        By how much its action is above leaving it alone; ``None`` for policies without a table.
    states
        Its state; ``None`` where that is not known.
    left, unknown
        Arms of the cohort that are not there today, and arms whose state is not known.
    joined
        Whom each new arm is taken to be like, in words.
    provenance
        Names and labels of the log, where the instance has them.
    """

    arms: tuple[str, ...]
    arm_actions: tuple[int, ...]
    workers: tuple[str, ...]
    values: tuple[float | None, ...]
    states: tuple[int | None, ...]
    left: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    joined: Mapping[str, str] = field(default_factory=dict)
    provenance: Provenance | None = None

    def columns(self) -> dict[str, Sequence[Any]]:
        """Return rank, arm, state, action, worker and value as columns, with the names and labels of the log."""
        kept = self.provenance or Provenance()
        state = ["" if state is None else kept.states[state] if kept.states else str(state) for state in self.states]
        action = [kept.actions[action] if kept.actions else str(action) for action in self.arm_actions]
        found: dict[str, Sequence[Any]] = {
            "rank": range(1, len(self.arms) + 1),
            kept.columns.get("arm", "arm"): self.arms,
            kept.columns.get("state", "state"): state,
            kept.columns.get("action", "action"): action,
        }
        if any(self.workers):
            found["worker"] = self.workers
        found["value"] = [None if value is None else round(value, 4) for value in self.values]
        return found

    def remarks(self, where: str = "today") -> list[str]:
        """Return sentences on who has left, joined, or has no known state; ``where`` is what today's states are called."""
        said = []
        if self.left:
            verbs = ("is", "counts") if len(self.left) == 1 else ("are", "count")
            said.append(
                f"{len(self.left)} of the cohort {verbs[0]} not in {where} and {verbs[1]} as left: {_some(self.left)}."
            )
        if self.unknown:
            said.append(
                f"No state in {where}, so that the last one known, moved on without a call, stands for it: "
                f"{_some(self.unknown)}."
            )
        for words in dict.fromkeys(self.joined.values()):
            names = [name for name, other in self.joined.items() if other == words]
            said.append(f"New in {where}, and taken to be {words}: {_some(names)}.")
        return said

    def to_frame(self) -> Any:
        """Return `columns` as a pandas frame."""
        return frame(self.columns())


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


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
    today: Mapping[str, int | None],
    step: int = 0,
    *,
    likes: Mapping[str, str] | None = None,
    features: Mapping[str, Mapping[str, Any]] | None = None,
    not_now: Collection[str] = (),
    budget: int | None = None,
    capacities: Mapping[str, int] | None = None,
    since: int = 1,
) -> Calls:
    """Return who is called, given each arm's state by name.

    Arms that ``today`` does not name have left, and are not pulled. Arms that the instance does not have are new: policies
    of a table treat them like the arm that ``likes`` names, like those that are near by features, or like the mean of the
    cohort. The cohort may so change from week to week without a new plan, and with step 0 the horizon rolls on.

    Parameters
    ----------
    instance
        Of the arms that the policy was made for.
    policy
        The policy.
    today
        State of each arm that is there, before it is pulled; ``None`` where it is not known.
    step
        How many steps have been done since the start of the horizon; 0 looks a whole horizon ahead again.
    likes
        Whom of the cohort new arms are like, by name.
    features
        Of new arms by name, those that the plan was made with.
    not_now
        Who is there but shall not be called this week.
    budget
        How many calls there can be this week, in place of the plan's number.
    capacities
        How many each worker calls this week, by name; workers that are not named are away.
    since
        Steps from the end of the log to today; by so many, without pulls, the last known states of arms are moved on whose
        state is not known.

    Raises
    ------
    InstanceError
        Where nobody of today is in the cohort, a state is out of range, or an arm is like nobody in the cohort.
    SolutionError
        Where arms have come or left or have no known state, and the policy has no table.
    """
    given: Any = today
    if not isinstance(given, Mapping):
        raise InstanceError(f"today is a {type(today).__name__}; expected a mapping from arms to their states.")
    kept = instance.provenance
    joined = _joined(instance, given, likes or {}, features or {})
    instance, policy = with_joined(instance, policy, joined)
    if budget is not None:
        instance = with_budget(instance, budget)
    if capacities is not None:
        instance = with_capacities(instance, capacities)
    names = names_of(instance)
    states, unknown = _states(instance, names, given)
    gone, waiting = skipped_arms(instance, today, not_now)
    policy = with_beliefs(policy, unknown, _moved_on(instance, whole("since", since, 0)))
    policy = without(policy, gone | waiting, f"{int(gone.sum())} arms have no state today and {int(waiting.sum())} wait")
    policy = replace(policy)  # it may be bound to the instance of the plan
    policy.bind(host().problem(instance.problem).view(Planning, instance))
    arm_actions = np.asarray(policy.act(states, step))
    pulled = np.flatnonzero(arm_actions)
    values = _values(policy, arm_actions, states, step)
    if values is not None:
        pulled = pulled[np.argsort(-values[pulled], kind="stable")]
    workers = who_serves(instance.actions, arm_actions)
    return Calls(
        tuple(names[arm] for arm in pulled),
        tuple(int(arm_actions[arm]) for arm in pulled),
        tuple(workers[arm] for arm in pulled),
        tuple(None if values is None else float(values[arm]) for arm in pulled),
        tuple(None if unknown[arm] else int(states[arm]) for arm in pulled),
        tuple(name for name, left in zip(names, gone, strict=True) if left),
        tuple(name for name, blank in zip(names, unknown, strict=True) if blank),
        {name: like.words for name, like in joined.items()},
        kept,
    )


def _joined(
    instance: BanditInstance, today: Mapping[str, Any], likes: Mapping[str, str], features: Mapping[str, Mapping[str, Any]]
) -> dict[str, Likeness]:
    """Return whom each of today's new arms is like; raise `InstanceError` where all are new."""
    names = names_of(instance)
    known = set(names)
    new = [name for name in today if name not in known]
    if len(new) == len(today):
        raise InstanceError(f"none of today's {len(today)} arms is in the policy's cohort; is it the policy of another one?")
    of_cohort: Mapping[str, tuple[Any, ...]] = {} if instance.provenance is None else instance.provenance.features
    return {name: likeness(names, of_cohort, name, likes.get(name), features.get(name, {})) for name in new}


def _states(instance: BanditInstance, names: Sequence[str], today: Mapping[str, Any]) -> tuple[Array, Array]:
    """Return each arm's state [J], some state where today has none, and of which of those that are there it is not known."""
    states, unknown = np.argmax(instance.arms.start, axis=1), np.zeros(len(names), bool)
    for arm, name in enumerate(names):
        state = today.get(name, int(states[arm]))
        if state is None:
            unknown[arm] = True
            continue
        if isinstance(state, (bool, np.bool_)) or not isinstance(state, (int, np.integer)):
            raise InstanceError(f"state {state!r:.40} of arm {name!r} is no whole number.")
        if not 0 <= state < instance.arms.shape[2]:
            raise InstanceError(f"state {state} of arm {name!r} is outside 0 to {instance.arms.shape[2] - 1}.")
        states[arm] = state
    return states, unknown


def _moved_on(instance: BanditInstance, steps: int) -> Array:
    """Return probabilities [J, S] of the arms' states so many steps after the start, without pulls."""
    found = instance.arms.start
    for _ in range(steps):
        found = np.einsum("js,jsz->jz", found, instance.arms.transitions[:, 0])
    return found


def _values(policy: Policy, arm_actions: Array, states: Array, step: int) -> Array | None:
    """Return by how much each arm's action [J] is above leaving it alone; ``None`` for policies without a table."""
    if not isinstance(policy, IndexPolicy):
        return None
    now = q_values_of(policy.q_values, states[None], step)[0]
    return np.asarray(now[np.arange(len(now)), arm_actions] - now[:, 0])
