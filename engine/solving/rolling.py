"""A cohort that changes from week to week: people who join or leave, and what is allowed this week alone.

Policies of a table have values for each arm by itself, so that a change of the cohort or of the actions needs no new plan.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, OptionError, SolutionError, suggestion
from redwood.planning.action_set import ActionSet
from redwood.planning.contract import Arms, Policy
from redwood.planning.policies import IndexPolicy
from redwood.problems.cormab.budget import BudgetSet
from redwood.problems.cormab.instance import BanditInstance
from redwood.problems.cormab.workers import WorkersSet
from redwood.settings import whole
from redwood.solving.joined import Likeness

SHOWN = 5
"""Names that a message has at most."""
AWAY = 1e9
"""By how much pulling an arm that is not to be pulled lies below leaving it alone, over the largest value."""


def some(names: Sequence[str]) -> str:
    """Return the first of some names, for a message."""
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def ended(words: str) -> str:
    """Return a sentence's last words with a full stop, unless they have one."""
    return words if words.endswith(".") else f"{words}."


def names_of(instance: BanditInstance) -> tuple[str, ...]:
    """Return the names of an instance's arms, or their numbers where it has none."""
    return instance.arm_names or tuple(str(arm) for arm in range(instance.size))


def with_joined(
    instance: BanditInstance, policy: Policy, joined: Mapping[str, Likeness], word: str = "arm"
) -> tuple[BanditInstance, Policy]:
    """Return the instance and the policy with more arms, each like some of the cohort.

    The values of a new arm are the mean of those of the arms that it is like. It can be served by workers who may serve all
    of these.

    Parameters
    ----------
    instance
        Of the cohort.
    policy
        A policy of a table for it.
    joined
        Whom each new arm is like, by its name.
    word
        What an arm is called in messages.

    Raises
    ------
    InstanceError
        Where no worker could serve an arm.
    SolutionError
        Where the policy has no table, or the action set cannot grow.
    """
    if not joined:
        return instance, policy
    names = names_of(instance)
    table = _table_of(policy, f"{some(list(joined))} joined")
    shares = np.array([like.arms / like.arms.sum() for like in joined.values()])

    def grown(values: Array, axis: int) -> Array:
        more = np.moveaxis(np.tensordot(shares, values, axes=(1, axis)), 0, axis)
        return np.concatenate((values, more), axis=axis)

    arms = Arms(*(grown(values, 0) for values in (instance.arms.transitions, instance.arms.rewards, instance.arms.start)))
    actions = _grown_actions(instance.actions, joined, word)
    made = replace(instance, arms=arms, actions=actions, arm_names=(*names, *joined), provenance=None)
    return made, replace(table, q_values=grown(table.q_values, 1))


def without(policy: Policy, skipped: Array, why: str) -> Policy:
    """Return a policy of a table that pulls none of some arms [J]; ``why`` begins the message where it has no table."""
    if not skipped.any():
        return policy
    table = _table_of(policy, why)
    q_values = np.array(table.q_values)
    q_values[:, skipped] = 0.0
    q_values[:, skipped, 1:] = -AWAY * (1.0 + np.abs(table.q_values).max())
    return replace(table, q_values=q_values)


def with_beliefs(policy: Policy, unknown: Array, beliefs: Array) -> Policy:
    """Return a policy of a table that decides for some arms [J] by probabilities [J, S] of their states.

    Raises
    ------
    SolutionError
        Where the policy has no table.
    """
    if not unknown.any():
        return policy
    table = _table_of(policy, f"today's state of {int(unknown.sum())} of the cohort is not known")
    q_values = np.array(table.q_values)
    expected = np.einsum("tjas,js->tja", q_values[:, unknown], beliefs[unknown])
    q_values[:, unknown] = expected[..., None]
    return replace(table, q_values=q_values)


def with_budget(instance: BanditInstance, budget: int) -> BanditInstance:
    """Return the instance with another number of pulls a step, such as that of this week.

    Raises
    ------
    OptionError
        Where its action set is no budget.
    """
    if not isinstance(instance.actions, BudgetSet):
        raise OptionError(
            f"a budget is given, and the actions are of the kind {getattr(instance.actions, 'kind', '?')!r}; give the "
            "capacities of workers instead."
        )
    return replace(instance, actions=BudgetSet(instance.actions.count, whole("budget", budget, 1)))


def with_capacities(instance: BanditInstance, capacities: Mapping[str, int]) -> BanditInstance:
    """Return the instance with the workers' capacities of this week; workers that are not named are away.

    Raises
    ------
    OptionError
        Where its action set has no workers, or a worker is not one of them.
    """
    actions = instance.actions
    if not isinstance(actions, WorkersSet):
        raise OptionError(
            f"workers are given, and the actions are of the kind {getattr(actions, 'kind', '?')!r}; give a budget instead."
        )
    names = actions.worker_names or tuple(str(worker) for worker in range(len(actions.capacities)))
    for name in capacities:
        if name not in names:
            raise OptionError(f"worker {name!r} is not one of the plan's ({', '.join(names)}).{suggestion(name, names)}")
    found = [whole(f"capacity of worker {name!r}", capacities.get(name, 0), 0) for name in names]
    return replace(instance, actions=WorkersSet(np.array(actions.compatible, np.int64), np.array(found), names))


def _table_of(policy: Policy, why: str) -> IndexPolicy:
    if not isinstance(policy, IndexPolicy):
        raise SolutionError(
            f"{why}, and a policy of the kind {policy.kind!r} needs those that it was made for; those of lagrangian, "
            "whittle and myopic do not."
        )
    return policy


def _grown_actions(actions: ActionSet, joined: Mapping[str, Likeness], word: str) -> ActionSet:
    """Return the action set with more arms."""
    if isinstance(actions, BudgetSet):
        return BudgetSet(actions.count + len(joined), actions.budget)
    if not isinstance(actions, WorkersSet):
        kind = getattr(actions, "kind", type(actions).__name__)
        raise SolutionError(f"{some(list(joined))} joined, and actions of the kind {kind!r} cannot grow; plan anew.")
    may = np.asarray(actions.compatible)
    columns = np.column_stack([may[:, like.arms].all(axis=1) for like in joined.values()])
    unserved = [name for name, served in zip(joined, np.asarray(columns.any(axis=0)), strict=True) if not served]
    if unserved:
        raise InstanceError(
            f"{word} {unserved[0]!r} is taken to be {joined[unserved[0]].words}, and no worker may serve all of these, so "
            f"that nobody is known to serve {word} {unserved[0]!r}; say in the column like whom it resembles."
        )
    return WorkersSet(np.hstack((may, columns)).astype(np.int64), np.array(actions.capacities), actions.worker_names)


def skipped_arms(instance: BanditInstance, today: Collection[str], not_now: Collection[str]) -> tuple[Array, Array]:
    """Return which arms [J] have left, and which are still there but are not to be called this week.

    Raises
    ------
    InstanceError
        Where somebody is not to be pulled who is not there.
    """
    strange = [name for name in not_now if name not in today]
    if strange:
        raise InstanceError(f"{strange[0]!r} is not to be called this week, and is not one of today's.")
    names = names_of(instance)
    return np.array([name not in today for name in names]), np.array([name in not_now for name in names])
