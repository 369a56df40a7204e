"""The joint actions of small sets with structure, written down one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from redwood.arrays import Array
from redwood.planning.action_set import ActionSet

COMPARISONS = 50_000_000
"""The most comparisons of actions with visited sets; where more were needed, closed walks are not listed."""


def list_classes(
    actions: ActionSet, maximal: Array, most: int, allowed: Callable[[Array], bool] | None = None
) -> Array | None:
    """Return all actions [N, J] that pull no more arms of each class than some maximal vector [V, C] of counts says.

    Parameters
    ----------
    actions
        Whose arms and classes are meant.
    maximal
        The maximal vectors [V, C] of counts, one count for each class.
    most
        With more actions than this the answer is ``None``.
    allowed
        Asked of one action [J] for each vector of counts, where counts alone do not decide.
    """
    classes, found = actions.members, np.zeros((1, 0), np.int64)
    for kind, members in enumerate(classes):
        grown = np.concatenate([np.column_stack([found, np.full(len(found), count)]) for count in range(len(members) + 1)])
        fits = np.any(np.all(grown[:, None] <= maximal[None, :, : kind + 1], axis=2), axis=1)
        found = grown[fits]
        if _number(found, classes) > most:
            return None
    listed = [_expand(actions.arms, classes, counts) for counts in found]
    if allowed is not None:
        listed = [alike for alike in listed if allowed(alike[0].astype(np.int64))]
    return np.concatenate(listed)


def list_subsets(arms: int, masks: Array, largest: int, most: int) -> Array | None:
    """Return all actions [N, J] that pull at most ``largest`` arms, all of them in one of the sets ``masks`` [V].

    Sets are bit masks. With more than ``most`` actions, or too many sets to compare with, the answer is ``None``.

    Parameters
    ----------
    arms
        Number of arms J, 64 at most.
    masks
        Sets [V] as bit masks of 64 bits.
    largest
        Most arms of an action.
    most
        With more actions than this the answer is ``None``.
    """
    found, sizes = np.zeros(1, np.uint64), np.zeros(1, np.int64)
    for arm in range(arms):
        open_ones = sizes < largest
        grown = found[open_ones] | (np.uint64(1) << np.uint64(arm))
        if len(grown) * len(masks) > COMPARISONS:
            return None
        inside = np.zeros(len(grown), bool)
        for mask in masks:
            inside |= (grown & mask) == grown
        found = np.concatenate([found, grown[inside]])
        sizes = np.concatenate([sizes, sizes[open_ones][inside] + 1])
        if len(found) > most:
            return None
    return ((found[:, None] >> np.arange(arms, dtype=np.uint64)) & np.uint64(1)).astype(np.uint8)


def list_choices(weights: Array, loads: Array, number: int, most: int) -> Array | None:
    """Return the distinct actions [N, J] that ``number`` of the interventions give; ``loads`` [J, A] are theirs.

    Parameters
    ----------
    weights
        What each intervention adds to the load of each arm, [I, J].
    loads
        Load [J, A] at which each arm has each action, 0 for action 0.
    number
        How many interventions are chosen.
    most
        With more choices than this the answer is ``None``.
    """
    if math.comb(len(weights), number) > most:
        return None
    chosen = np.array(list(combinations(range(len(weights)), number)))
    put = np.zeros((len(chosen), weights.shape[1]), np.int64)
    for column in chosen.T:
        put += weights[column]
    arm_actions = np.zeros(put.shape, np.uint8)
    for arm_action in range(1, loads.shape[1]):
        arm_actions[put == loads[:, arm_action]] = arm_action
    return np.unique(arm_actions, axis=0)


def _number(counts: Array, classes: Sequence[Array]) -> int:
    """Return how many actions have one of these counts [V, C] of the first classes, and nothing else."""
    total = np.ones(len(counts))
    for column, members in zip(counts.T, classes, strict=False):
        total *= np.array([math.comb(len(members), size) for size in range(len(members) + 1)], float)[column]
    return int(total.sum())


def _expand(arms: int, classes: Sequence[Array], counts: Array) -> Array:
    """Return all actions [N, J] that pull so many arms of each class."""
    arm_actions = np.zeros((1, arms), np.uint8)
    for members, count in zip(classes, counts.tolist(), strict=True):
        if not count:
            continue
        picked = np.array(list(combinations(members.tolist(), count)))
        arm_actions = np.repeat(arm_actions, len(picked), axis=0)
        rows = np.arange(len(arm_actions))
        for column in np.tile(picked, (len(arm_actions) // len(picked), 1)).T:
            arm_actions[rows, column] = 1
    return arm_actions


def at_most(budget: int, arms: int) -> Array:
    """Return the one maximal vector [1, 1] of counts of a plain budget."""
    return np.array([[min(budget, arms)]])
