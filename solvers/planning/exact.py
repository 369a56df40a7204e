"""`ExactPlanning`: backward induction over all joint states, for a handful of arms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError, OptionError
from redwood.planning.contract import Criterion, Planning, Policy
from redwood.planning.steps import arms_alone, outcomes
from redwood.problem import Instance, Problem, frozen
from redwood.solver import Answer, Run, Solver

ROUNDS, SETTLED = 5000, 1e-8
"""The most iterations of relative values, and the spread of what a step adds, as a share of rewards, at which they end."""

MOST_ACTIONS = 4096
"""Joint actions, allowed or not, up to which instances are taken."""
COUPLED = 256
"""Transitions between joint states, under exposure, for each of the most joint states."""


@dataclass(frozen=True, eq=False)
class TablePolicy(Policy):
    """Look the action up by step and joint state.

    Attributes
    ----------
    actions
        The joint actions [K, J].
    choices
        Index of the action [T, R, ..., R] for each step and the states of all arms; the last step's are kept after it.
    places
        Where ``choices`` has each state [T, J, S] of an arm, of those that it can be in at that step.
    """

    kind: ClassVar[str] = "table"
    actions: Array
    choices: Array
    places: Array

    def __post_init__(self) -> None:
        for name in ("actions", "choices", "places"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.int64))

    def describe(self) -> dict[str, Any]:
        """Return that a table of optimal actions decides."""
        return {"decides_by": "table", "proven": True}

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the optimal action in each episode's states."""
        at = min(step, len(self.choices) - 1)
        places = self.places[at, np.arange(states.shape[1]), states]
        found: Array = self.actions[self.choices[at][tuple(places.T)]]
        return found


@dataclass(frozen=True)
class ExactPlanning(Solver):
    """Solve the Markov decision process of all arms together by backward induction.

    Attributes
    ----------
    most_states
        Joint states up to which instances are taken.
    """

    most_states: int = 4096

    def __post_init__(self) -> None:
        if self.most_states < 1:
            raise OptionError(f"most_states {self.most_states} is below 1; give at least 1.")

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        planning = problem.view(Planning, instance)
        arms, arm_actions, states = planning.arms.shape
        number = joint_number(planning)
        if number > self.most_states or arm_actions**arms > MOST_ACTIONS:
            raise FitError(
                f"{arms} arms have {number} joint states and up to {arm_actions**arms} actions; backward induction takes "
                f"{self.most_states} (option most_states) and {MOST_ACTIONS}."
            )
        if planning.exposure is not None and states ** (2 * arms) > self.most_states * COUPLED:
            raise FitError(
                f"{arms} arms have {states**arms} joint states; with exposure all transitions between them are looked at, "
                f"and their number may be {self.most_states * COUPLED} at most ({COUPLED} times the option most_states)."
            )
        if planning.criterion is Criterion.AVERAGE:
            policy, least, bound = solve_average_exactly(planning)
            return Answer(
                policy, bound=bound, message=f"The optimum is {least:.9g} to {bound:.9g}; the objective estimates it."
            )
        policy, value = induce(planning)
        bound = value / planning.horizon
        return Answer(policy, bound=bound, message=f"The optimum is {bound:.9g}; the objective is its estimate.")


def reachable(planning: Planning) -> list[list[Array]]:
    """Return the states that each arm can be in before each step, and after the last one: [H + 1] lists of [J] arrays.

    Where all can be reached, they are all of them; arms whose state carries the step have few at each step.
    """
    arms, exposure = arms_alone(planning), planning.exposure
    moves = arms.transitions[None] if exposure is None else exposure.transitions
    leads = (moves > 0).any(axis=(0, 2))  # [J, S, S]
    now: Array = arms.start > 0
    found: list[list[Array]] = []
    for _ in range(planning.horizon + 1):
        found.append([np.flatnonzero(row) for row in now])
        now = np.asarray((now[:, :, None] & leads).any(axis=1))
    return found


def joint_number(planning: Planning) -> int:
    """Return how many joint states there are at most at one step; all, where the average reward counts."""
    arms, _, states = planning.arms.shape
    if planning.criterion is Criterion.AVERAGE:
        return int(states**arms)
    return max(math.prod(len(each) for each in here) for here in reachable(planning))


def induce(planning: Planning) -> tuple[TablePolicy, float]:
    """Return an optimal policy and its expected total reward."""
    arms, _, states = planning.arms.shape
    actions, grids = _allowed(planning), reachable(planning)
    widths = [max(len(here[arm]) for here in grids) for arm in range(arms)]
    choices = np.zeros((planning.horizon, *widths), np.int64)
    places = np.zeros((planning.horizon, arms, states), np.int64)
    ahead, rewards = np.zeros([len(each) for each in grids[-1]]), np.zeros(0)
    for step in range(planning.horizon - 1, -1, -1):
        here, after = grids[step], grids[step + 1]
        if not len(rewards) or not _same(here, after):
            rewards = np.stack([_reward(planning, action, here) for action in actions])
        later = np.stack([expected(planning, action, ahead, here, after) for action in actions])
        q_values = planning.discount**step * rewards + later
        chosen, ahead = q_values.argmax(axis=0), q_values.max(axis=0)
        choices[step][tuple(slice(length) for length in chosen.shape)] = chosen
        for arm, each in enumerate(here):
            places[step, arm, each] = np.arange(len(each))
    return TablePolicy(actions, choices, places), start_value(planning, ahead, grids[0])


def _same(one: list[Array], other: list[Array]) -> bool:
    """Return whether two lists of states are the same."""
    return all(np.array_equal(left, right) for left, right in zip(one, other, strict=True))


def solve_average_exactly(planning: Planning) -> tuple[TablePolicy, float, float]:
    """Return an optimal policy for the average reward, and what the optimal mean reward a step lies between.

    Relative values are iterated, each step a mixture of moving and staying, which makes periodic chains converge; the bounds
    hold after any number of iterations. Where joint states are not connected they stay apart.
    """
    actions = _allowed(planning)
    rewards = np.stack([_reward(planning, action) for action in actions])

    def q_values(ahead: Array) -> Array:
        found: Array = rewards + np.stack([expected(planning, action, ahead) for action in actions])
        return found

    ahead, least, most = _relative(planning, lambda ahead: q_values(ahead).max(axis=0))
    places = np.broadcast_to(np.arange(planning.arms.shape[2]), (1, *planning.arms.start.shape))
    return TablePolicy(actions, q_values(ahead).argmax(axis=0)[None], places), least, most


def mean_reward(planning: Planning, policy: Policy) -> float:
    """Return the long-run mean reward a step of a policy that uses neither chance nor the step, over all joint states."""
    joint = joint_states(planning)
    chosen = policy.choose(planning, joint, 0, np.random.default_rng(0))
    kinds, which = np.unique(chosen, axis=0, return_inverse=True)
    rewards = np.stack([_reward(planning, action) for action in kinds])
    taken = which.reshape(1, *rewards.shape[1:])

    def q_values(ahead: Array) -> Array:
        each = rewards + np.stack([expected(planning, action, ahead) for action in kinds])
        found: Array = np.take_along_axis(each, taken, axis=0)[0]
        return found

    _, least, most = _relative(planning, q_values)
    return (least + most) / 2.0


def _relative(planning: Planning, q_values: Callable[[Array], Array]) -> tuple[Array, float, float]:
    """Return relative values of joint states, and the least and the most that one more step adds to them."""
    arms, _, states = planning.arms.shape
    ahead, scale = np.zeros((states,) * arms), max(1e-12, float(np.abs(arms_alone(planning).rewards).sum()))
    for _ in range(ROUNDS):
        change = q_values(ahead) - ahead
        if np.ptp(change) < SETTLED * scale:
            break
        ahead = ahead + 0.8 * change
        ahead -= ahead.flat[0]
    return ahead, float(change.min()), float(change.max())


def _allowed(planning: Planning) -> Array:
    """Return all allowed joint actions [K, J]."""
    arms, arm_actions, _ = planning.arms.shape
    listed = planning.actions.enumerate(arm_actions**arms)
    if listed is None:
        every = np.indices((arm_actions,) * arms).reshape(arms, -1).T
        listed = every[np.array([planning.actions.contains(action) for action in every], bool)]
    distinct: Array = np.unique(listed, axis=0).astype(np.int64)
    return distinct


def evaluate(planning: Planning, policy: Policy) -> float:
    """Return the exact expected total reward of a policy that does not use chance, by going through all joint states."""
    grids = reachable(planning)
    ahead = np.zeros([len(each) for each in grids[-1]])
    for step in range(planning.horizon - 1, -1, -1):
        here, after = grids[step], grids[step + 1]
        joint = joint_states(planning, here)
        chosen = policy.choose(planning, joint, step, np.random.default_rng(0))
        now = np.empty(len(joint))
        for action in np.unique(chosen, axis=0):
            rows = (chosen == action).all(axis=1)
            later = expected(planning, action, ahead, here, after)
            now[rows] = (planning.discount**step * _reward(planning, action, here) + later).ravel()[rows]
        ahead = now.reshape([len(each) for each in here])
    return start_value(planning, ahead, grids[0])


def expected(
    planning: Planning, action: Array, ahead: Array, here: list[Array] | None = None, after: list[Array] | None = None
) -> Array:
    """Return the expectation of a function of the next joint state under an action.

    Parameters
    ----------
    planning
        The arms.
    action
        The joint action [J].
    ahead
        The function, by each arm's next state.
    here, after
        The states [J] of arms that matter now, and those that ``ahead`` is of; by default all.
    """
    if planning.exposure is not None:
        return _expected_exposed(planning, action, ahead, here, after)
    transitions = arms_alone(planning).transitions
    for arm, arm_action in enumerate(action):
        moves = transitions[arm, arm_action]
        if here is not None and after is not None:
            moves = moves[np.ix_(here[arm], after[arm])]
        ahead = np.moveaxis(np.tensordot(moves, ahead, axes=(1, arm)), 0, arm)
    return ahead


def _expected_exposed(
    planning: Planning, action: Array, ahead: Array, here: list[Array] | None, after: list[Array] | None
) -> Array:
    """Return what `expected` does where the transitions of an arm depend on the joint state: arm by arm."""
    joint = joint_states(planning, here)
    moves = outcomes(planning, joint, np.broadcast_to(action, joint.shape))
    to = [slice(None)] * joint.shape[1] if after is None else after
    first, *others = range(joint.shape[1])
    left = moves[:, first, to[first]] @ ahead.reshape(ahead.shape[0], -1)
    for arm in others:
        left = np.einsum("ns,nsr->nr", moves[:, arm, to[arm]], left.reshape(len(joint), ahead.shape[arm], -1))
    _, _, states = planning.arms.shape
    return left.reshape([states] * joint.shape[1] if here is None else [len(each) for each in here])


def joint_states(planning: Planning, here: list[Array] | None = None) -> Array:
    """Return all joint states [N, J], or those of some states of each arm, the last arm's changing fastest."""
    arms, _, states = planning.arms.shape
    each = [np.arange(states)] * arms if here is None else here
    return np.stack(np.meshgrid(*each, indexing="ij"), axis=-1).reshape(-1, arms)


def start_value(planning: Planning, ahead: Array, here: list[Array]) -> float:
    """Return the expectation of a function of the first joint state, given by the states [J] that arms can begin in."""
    for probabilities, states in zip(planning.arms.start, here, strict=True):
        ahead = np.tensordot(probabilities[states], ahead, axes=(0, 0))
    return float(ahead)


def _reward(planning: Planning, action: Array, here: list[Array] | None = None) -> Array:
    """Return the reward of an action in every joint state, or in those of some states of each arm."""
    arms, _, states = planning.arms.shape
    each = [np.arange(states)] * arms if here is None else here
    total, alone = np.zeros([len(own) for own in each]), arms_alone(planning)
    for arm, arm_action in enumerate(action):
        shape = np.ones(arms, np.int64)
        shape[arm] = len(each[arm])
        total += alone.rewards[arm, arm_action, each[arm]].reshape(shape)
    if planning.joint is None:
        return total
    joint = joint_states(planning, here)
    return total + planning.joint.values(joint, np.broadcast_to(action, joint.shape)).reshape(total.shape)
