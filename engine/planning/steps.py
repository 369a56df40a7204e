"""One step of all arms together: where they go and what it brings, for independent arms and for coupled ones."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError
from redwood.planning.contract import Arms, Planning
from redwood.planning.coupling import CoupledArms


def arms_alone(planning: Planning) -> Arms:
    """Return the arms without what couples them: their transitions under exposure class 0 and their own rewards."""
    return planning.arms.base if isinstance(planning.arms, CoupledArms) else planning.arms


def is_coupled(planning: Planning) -> bool:
    """Return whether anything but the set of joint actions couples the arms."""
    return planning.exposure is not None or planning.joint is not None


def outcomes(planning: Planning, states: Array, arm_actions: Array) -> Array:
    """Return the probability [N, J, S] of each next state of each arm, given states [N, J] and joint actions [N, J].

    Given these the arms move independently.
    """
    own = np.arange(states.shape[1])
    if planning.exposure is None:
        found: Array = arms_alone(planning).transitions[own, arm_actions, states]
        return found
    found = planning.exposure.transitions[planning.exposure.of(states, arm_actions), own, arm_actions, states]
    return found


def step_rewards(planning: Planning, states: Array, arm_actions: Array) -> Array:
    """Return the expected reward [N] of one step in states [N, J] under joint actions [N, J], not discounted."""
    own: Array = arms_alone(planning).rewards[np.arange(states.shape[1]), arm_actions, states].sum(axis=1)
    return own if planning.joint is None else own + planning.joint.values(states, arm_actions)


def moves_in(planning: Planning, states: Array) -> Array:
    """Return the probability [N, J, A, S] of each arm's next state under each of its actions, in joint states [N, J].

    Raises
    ------
    FitError
        Where exposure depends on the joint action, so that no arm's own action decides its outcome.
    """
    own = np.arange(states.shape[1])
    if planning.exposure is None:
        moves: Array = arms_alone(planning).transitions.transpose(0, 2, 1, 3)[own, states]
        return moves
    if not planning.exposure.by_states:
        raise FitError("what arms emit depends on their actions, so outcomes are known for whole joint actions only.")
    exposed = planning.exposure.of(states, np.zeros_like(states))
    moves = planning.exposure.transitions.transpose(0, 1, 3, 2, 4)[exposed, own, states]
    return moves


def rewards_in(planning: Planning, states: Array) -> Array:
    """Return the expected reward [N, J, A] of each arm's actions in joint states [N, J], without the joint reward."""
    own: Array = arms_alone(planning).rewards.transpose(0, 2, 1)[np.arange(states.shape[1]), states]
    return own
