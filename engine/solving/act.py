"""From a saved policy and today's states to who is called, and by whom."""

from __future__ import annotations

import difflib
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
from redwood.problems.cormab.budget import BudgetSet
from redwood.problems.cormab.instance import BanditInstance
from redwood.problems.cormab.workers import who_serves
from redwood.solving.joined import Likeness, likeness
from redwood.solving.rolling import (
    ended,
    names_of,
    skipped_arms,
    some,
    with_beliefs,
    with_budget,
    with_capacities,
    with_joined,
    without,
)
from redwood.solving.states_today import checked_states, read_grown, states_today

ALIKE, NEARLY_THE_SAME = 0.6, 0.8
"""From which similarity of names on (`difflib`) one is suggested for a stranger, and a new one may be a misspelt one."""


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
    similar
        The name of somebody who has left that the name of a new arm looks like.
    done
        Who has been called this step already.
    outdated
        The latest step that today's states are of, where all of them are of earlier ones than today.
    step
        Which step of the log today is; ``None`` where the instance comes from no log.
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
    similar: Mapping[str, str] = field(default_factory=dict)
    done: tuple[str, ...] = ()
    outdated: int | None = None
    step: int | None = None
    provenance: Provenance | None = None

    def columns(self) -> dict[str, Sequence[Any]]:
        """Return rank, arm, state, action, worker and value as columns, with the names and labels of the log."""
        kept = self.provenance or Provenance()
        state = ["" if state is None else kept.states[state] if kept.states else str(state) for state in self.states]
        action = [kept.actions[action] if kept.actions else str(action) for action in self.arm_actions]
        found: dict[str, Sequence[Any]] = {
            "rank": range(1, len(self.arms) + 1),
            kept.words.of("arm"): self.arms,
            kept.words.of("state"): state,
            kept.words.of("action"): action,
        }
        if any(self.workers):
            found["worker"] = self.workers
        found["value"] = [None if value is None else round(value, 4) for value in self.values]
        return found

    def remarks(self, where: str = "today") -> list[str]:
        """Return sentences on who has left, joined, or has no known state; ``where`` is what today's states are called."""
        said, kept = [], self.provenance or Provenance()
        if self.outdated is not None:
            step, then = kept.words.quoted("step"), self.outdated
            said.append(
                f"Warning: all states in {where} are of {step} {then} or before, and today is taken to be {self.step}, the "
                f"one after the log. If today is {then}, leave its rows out of the log, and say in the column "
                f"{kept.words.quoted('action')} of {where} who has been called already."
            )
        if self.done:
            verb = "has" if len(self.done) == 1 else "have"
            said.append(f"{len(self.done)} {verb} been called already: {ended(some(self.done))}")
        if self.left:
            verbs = ("is", "counts") if len(self.left) == 1 else ("are", "count")
            said.append(
                f"{len(self.left)} of the cohort {verbs[0]} not in {where} and {verbs[1]} as left: {ended(some(self.left))}"
            )
        if self.unknown:
            today = "" if self.step is None else f" to {kept.words.quoted('step')} {self.step}"
            said.append(
                f"Today's state is not known, so that the last one known, moved on{today}, stands for it: "
                f"{ended(some(self.unknown))}"
            )
        for words in dict.fromkeys(self.joined.values()):
            names = [name for name, other in self.joined.items() if other == words]
            said.append(f"New in {where}, and taken to be {words}: {ended(some(names))}")
        for name, other in self.similar.items():
            said.append(f"Warning: {name} is new, and {other} is missing: is that the same one, with another spelling?")
        return said

    def to_frame(self) -> Any:
        """Return `columns` as a pandas frame."""
        return frame(self.columns())


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
    today: Mapping[str, int | None] | None = None,
    step: int = 0,
    *,
    likes: Mapping[str, str] | None = None,
    features: Mapping[str, Mapping[str, Any]] | None = None,
    not_now: Collection[str] = (),
    done: Collection[str] = (),
    budget: int | None = None,
    capacities: Mapping[str, int] | None = None,
    seen_at: Mapping[str, int] | None = None,
    log: Any = None,
) -> Calls:
    """Return who is called, given each arm's state by name.

    Arms that ``today`` does not name have left, and are not pulled. Arms that the instance does not have are new: policies
    of a table treat them like the arm that ``likes`` names, like those that are near by features, or like the mean of the
    cohort. The cohort may so change from week to week without a new plan, and with step 0 the horizon rolls on.

    Today is the step after the last one of the log, or the last that ``seen_at`` names. A state that is not known or older
    is the last known one, moved on from its step to today by the actions in the log since then.

    Parameters
    ----------
    instance
        Of the arms that the policy was made for.
    policy
        The policy.
    today
        State of each arm that is there, before it is pulled; ``None`` where it is not known. By default all are there,
        where the instance starts.
    step
        How many steps have been done since the start of the horizon; 0 looks a whole horizon ahead again.
    likes
        Whom of the cohort new arms are like, by name; ``"all"`` for the mean of the cohort.
    features
        Of new arms by name, those that the plan was made with.
    not_now
        Who is there but shall not be called this week.
    done
        Who has been called this week already. They are not called again, and of a budget so many calls less are left.
    budget
        How many calls there can be this week, in place of the plan's number.
    capacities
        How many each worker calls this week, by name; workers that are not named are away.
    seen_at
        The step of the log in which the state that ``today`` has of an arm was, where that is not this week.
    log
        The log as it is now, where it has grown since the plan was made: a frame or the path of a CSV file.

    Raises
    ------
    InstanceError
        Where nobody of today is in the cohort, a state is out of range, somebody new is like nobody, or all calls of the
        week have been made.
    SolutionError
        Where arms have come or left or have no known state, and the policy has no table.
    """
    given: Any = dict.fromkeys(names_of(instance)) if today is None else today
    if not isinstance(given, Mapping):
        raise InstanceError(f"today is a {type(today).__name__}; expected a mapping from arms to their states.")
    kept = instance.provenance
    words = kept or Provenance()
    grown = read_grown(log, kept)
    joined, similar = _joined(instance, given, likes or {}, features or {})
    instance, policy = with_joined(instance, policy, joined, words.words.noun("arm"))
    if budget is not None or (done and isinstance(instance.actions, BudgetSet)):
        instance = with_budget(instance, _left(instance, budget, len(done)))
    if capacities is not None:
        instance = with_capacities(instance, capacities)
    checked_states(instance, words, given)
    names = names_of(instance)
    beliefs, now = states_today(instance, words, given, seen_at or {}, grown)
    gone, waiting = skipped_arms(instance, given, {*not_now, *done})
    states, unknown = np.argmax(beliefs, axis=1), (beliefs.max(axis=1) < 1.0) & ~gone
    policy = with_beliefs(policy, unknown, beliefs)
    policy = without(policy, gone | waiting, f"{int(gone.sum())} of the cohort have left and {int(waiting.sum())} wait")
    arm_actions, values = _decided(instance, policy, states, step)
    pulled = np.flatnonzero(arm_actions)
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
        similar,
        tuple(name for name in names if name in done),
        _outdated(given, seen_at or {}, words, now),
        None if kept is None else now,
        kept,
    )


def _decided(instance: BanditInstance, policy: Policy, states: Array, step: int) -> tuple[Array, Array | None]:
    """Return the actions [J] that a policy takes on an instance, and their values [J] where it has a table."""
    policy = replace(policy)  # it may be bound to the instance of the plan
    policy.bind(host().problem(instance.problem).view(Planning, instance))
    arm_actions = np.asarray(policy.act(states, step))
    return arm_actions, _values(policy, arm_actions, states, step)


def _left(instance: BanditInstance, budget: int | None, done: int) -> int:
    """Return how many calls of the week are left, of the budget or of that of the plan.

    Raises
    ------
    InstanceError
        Where none is.
    """
    week = getattr(instance.actions, "budget", 0) if budget is None else budget
    if done and week <= done:
        raise InstanceError(f"{done} have been called already, and the week has {week} calls: nobody is left to be called.")
    return week - done


def _outdated(today: Mapping[str, Any], seen_at: Mapping[str, int], kept: Provenance, now: int) -> int | None:
    """Return the latest step that today's states are of, where all are of earlier ones than today; else ``None``."""
    known = [name for name, state in today.items() if state is not None]
    if not known or any(name not in seen_at for name in known):
        return None
    latest = max(seen_at[name] for name in known)
    return latest if kept.time.known_at(latest) < now else None


def _joined(
    instance: BanditInstance, today: Mapping[str, Any], likes: Mapping[str, str], features: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Likeness], dict[str, str]]:
    """Return whom each of today's new arms is like, and whose names new ones look like of those who have left.

    Raises
    ------
    InstanceError
        Where all are new, or nothing says whom somebody new is like.
    """
    names, kept = names_of(instance), instance.provenance or Provenance()
    new = [name for name in today if name not in set(names)]
    if len(new) == len(today):
        raise InstanceError(
            f"nobody of today's {len(today)} ({kept.words.noun('arm')} {some(new)}) is in the policy's cohort; is it the "
            "policy of another one?"
        )
    missing = [name for name in names if name not in today]
    found: dict[str, Likeness] = {}
    similar: dict[str, str] = {}
    for name in new:
        close = _nearest(name, missing, ALIKE)
        hint = "" if close is None else f" Did you mean {close!r}, who is missing today?"
        found[name] = likeness(names, kept, name, likes.get(name), features.get(name, {}), hint)
        nearest = _nearest(name, missing, NEARLY_THE_SAME)
        if nearest is not None:
            similar[name] = nearest
    return found, similar


def _nearest(name: str, others: Sequence[str], similarity: float) -> str | None:
    """Return whose name is the most similar one, be it in small letters or capitals; ``None`` where none is."""
    known = {other.casefold(): other for other in others}
    close = difflib.get_close_matches(name.casefold(), known, n=1, cutoff=similarity)
    return known[close[0]] if close else None


def _values(policy: Policy, arm_actions: Array, states: Array, step: int) -> Array | None:
    """Return by how much each arm's action [J] is above leaving it alone; ``None`` for policies without a table."""
    if not isinstance(policy, IndexPolicy):
        return None
    now = q_values_of(policy.q_values, states[None], step)[0]
    return np.asarray(now[np.arange(len(now)), arm_actions] - now[:, 0])
