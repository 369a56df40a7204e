"""A joint reward shared out among arms, so that each has a reward of its own and with it a Whittle index."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError
from redwood.planning.action_set import ActionSet
from redwood.planning.contract import Arms, Planning
from redwood.planning.coupling import ConcaveReward
from redwood.planning.steps import arms_alone

DRAWS, SEED = 256, 0
"""Sets of other pulled arms over which Shapley values are means, and the seed that draws them: indices repeat themselves."""


class Share(StrEnum):
    """What an arm gets of a joint reward."""

    LINEAR = "linear"
    SHAPLEY = "shapley"


def arms_with_shares(planning: Planning, share: Share) -> Arms:
    """Return arms alone whose rewards hold their share of the joint reward.

    ``linear``: what an arm adds where no other is pulled, in those states of the others in which that is most.
    ``shapley``: what it adds on average over sets of other pulled arms of all sizes that actions allow, all sizes alike, in
    those states of the others in which that is least. Deviation from the paper: means are over 256 draws.

    Raises
    ------
    FitError
        Where arms are exposed to each other, or the joint reward is not declared concave.

    References
    ----------
    Raman, Shi, Fang (2024), Global rewards in restless multi-armed bandits, arXiv:2406.00738 (Linear- and
    Shapley-Whittle indices).
    """
    joint, arms = planning.joint, arms_alone(planning)
    alone = replace(arms, transitions=planning.arms.transitions)  # raises where exposure decides them
    if not isinstance(joint, ConcaveReward):
        kind = None if joint is None else joint.kind
        raise FitError(f"the joint reward {kind!r} is not declared concave, so no arm's share of it is known.")
    rest, pull = joint.loads[:, :, 0], joint.loads[:, :, 1]  # [G, J, S]
    if share == Share.LINEAR:
        return replace(alone, rewards=arms.rewards + added(joint, rest.min(axis=2)[:, None, None]))
    sets = drawn_sets(planning.actions)
    loads = np.where(sets, pull.max(axis=2)[:, None, None], rest.max(axis=2)[:, None, None])
    return replace(alone, rewards=arms.rewards + added(joint, loads))


def added(joint: ConcaveReward, loads: Array) -> Array:
    """Return what each arm adds [J, A, S] to a joint reward.

    ``loads`` [G, J or 1, D, J] say, for each first arm, what all arms bring in each of D cases; means are over these.
    """
    groups, arms = joint.loads.shape[:2]
    found = np.empty(joint.loads.shape[1:])
    for arm in range(arms):
        met = loads[:, arm % loads.shape[1]]
        before = (met.sum(axis=2) - met[:, :, arm]).T  # [D, G]: without its own
        own = joint.loads[:, arm].reshape(groups, -1).T  # [A * S, G]
        nothing = joint.of(before).sum(axis=1).mean()
        found[arm] = np.array([joint.of(before + each).sum(axis=1).mean() - nothing for each in own]).reshape(
            found.shape[1:]
        )
    return found


def drawn_sets(actions: ActionSet) -> Array:
    """Return, for each arm, sets [J, D, J] of others that are pulled: the first ones of random actions in random order.

    All their numbers are alike, from none to one less than the action pulls.
    """
    rng = np.random.default_rng(SEED)
    pulled = actions.samples(DRAWS, rng) > 0
    kept = np.floor(rng.random(DRAWS) * np.maximum(pulled.sum(axis=1), 1))
    rank = np.where(pulled, rng.random(pulled.shape), 2.0).argsort(axis=1).argsort(axis=1)
    among_others = rank[None] - (rank[None] > rank.T[:, :, None])
    return np.asarray(pulled & (among_others < kept[:, None]))
