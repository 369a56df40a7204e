"""`LPPriority`: arms follow their own optimal policies as far as the action set allows, in an order of their own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError, SolutionError
from redwood.planning.contract import Planning, Policy, check_average
from redwood.problem import Instance, Problem, frozen
from redwood.solver import Answer, Run, Solver
from redwood.solvers.planning.single_arm import SingleArms, single_arms

TOLERANCE = 1e-9
"""By how much the distance of a focus set may be above what it may be."""


class Focus(StrEnum):
    """Which arms follow their own optimal policies."""

    SET_EXPANSION = "set-expansion"
    ID = "id"


@dataclass(frozen=True, eq=False)
class FocusPolicy(Policy):
    """Let the arms of a focus set follow their own optimal policies first, and give the others what is left by priority.

    Arms are ordered by their numbers, and a focus set is made of the first ones. Each arm j draws an action of its own
    policy in its present state. The joint action agrees with as many actions as the set allows, those of lower numbers
    first; arms outside the focus set add their advantage, which never outweighs an agreement.

    Attributes
    ----------
    probabilities
        Probability [J, A, S] of each action in each state under the arm's own optimal policy.
    shares
        Share of time [J, S] that the arm spends in each state under it.
    q_values
        Relative value [J, A, S] of each action in each state, by which arms outside the focus set are preferred.
    focus
        ``id``: all arms. ``set-expansion``: the largest set whose states are as near to their shares as the arms outside it
        could make up for.
    """

    kind: ClassVar[str] = "lp-priority"
    probabilities: Array
    shares: Array
    q_values: Array
    focus: str = Focus.SET_EXPANSION

    def __post_init__(self) -> None:
        for name in ("probabilities", "shares", "q_values"):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))
        if self.focus not in list(Focus):
            raise SolutionError(f"focus {self.focus!r} is not one of {', '.join(Focus)}.")

    def describe(self) -> dict[str, Any]:
        """Return that single arms' optimal policies decide; each joint action is a proven maximum of agreement."""
        return {"decides_by": "single-arm policies", "focus": str(self.focus), "proven": True}

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return joint actions that agree with the drawn actions of the focus set, and use what is left by priority."""
        arms = np.arange(states.shape[1])
        ideal = drawn_actions(self.probabilities, states, rng)
        size = self.sizes(states)[:, None]
        return planning.actions.choose(agreement(ideal, arms < size, arms[::-1] + 1.0, self.q_values[arms, :, states]))

    def sizes(self, states: Array) -> Array:
        """Return how many arms [E] the focus set has in the states [E, J] of each episode."""
        count = states.shape[1]
        if self.focus == Focus.ID:
            return np.full(len(states), count)
        met = np.cumsum(np.eye(self.shares.shape[1])[states], axis=1)
        distance = np.abs(met - np.cumsum(self.shares, axis=0)).sum(axis=2)
        active = float((self.probabilities[:, 1:].sum(axis=1) * self.shares).sum()) / count
        slack = min(active, 1.0 - active) * (count - np.arange(1, count + 1))
        near = distance <= slack + TOLERANCE
        return np.where(near.any(axis=1), count - np.argmax(near[:, ::-1], axis=1), 0)


@dataclass(frozen=True)
class LPPriority(Solver):
    """Follow the optimal policy of each arm alone in a focus set of arms, and the linear program's priorities outside it.

    For the average reward. The program over stationary occupation measures gives each arm a policy of its own, by which
    states that the program never visits do what leads into the arm's recurrent class. Priorities alone may drive many arms
    into a bad cycle; a focus set keeps most of them on their own optimal course, and grows as the others come near to it.
    The theory is for alike arms under a budget with an aperiodic optimal policy of one recurrent class; for other sets the
    oracle finds the joint action of greatest agreement, and nothing is promised. Unlike in the paper, sets are found anew in
    every step, not grown from the last one, so that the policy needs no memory.

    Attributes
    ----------
    focus
        ``set-expansion`` for sets that grow, ``id`` for all arms in the order of their numbers.

    References
    ----------
    Hong, Xie, Chen, Wang (2024), Unichain and aperiodicity are sufficient for asymptotic optimality of average-reward
    restless bandits, arXiv:2402.05689, algorithms 1 (set expansion) and 2 (ID policy).
    Hong, Xie, Chen, Wang (2024), Achieving exponential asymptotic optimality in average-reward restless bandits without
    global attractor assumption, arXiv:2405.17882, for priorities outside the set.
    """

    focus: str = Focus.SET_EXPANSION

    def __post_init__(self) -> None:
        if self.focus not in list(Focus):
            raise OptionError(f"focus {self.focus!r} is not one of {', '.join(Focus)}.")

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        import highspy  # noqa: F401

        planning = problem.view(Planning, instance)
        planning.actions.argmax(planning.arms.rewards[:, :, 0])

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        planning = problem.view(Planning, instance)
        check_average(planning, "lp-priority")
        found: SingleArms = single_arms(planning, run)
        return Answer(FocusPolicy(found.probabilities, found.shares, found.q_values, self.focus), bound=found.bound)


def drawn_actions(probabilities: Array, states: Array, rng: np.random.Generator) -> Array:
    """Return actions [E, J] drawn by their probabilities [J, A, S] in states [E, J]."""
    ends = np.cumsum(probabilities, axis=1)[np.arange(states.shape[1]), :-1, states]
    noise = np.asarray(rng.random(states.shape))
    arm_actions: Array = (noise[:, :, None] >= ends).sum(axis=2)
    return arm_actions


def agreement(ideal: Array, focused: Array, weight: Array, q_values: Array) -> Array:
    """Return objective coefficients [E, J, A] of joint actions that agree with ideal actions first.

    Parameters
    ----------
    ideal
        Action [E, J] that each arm should get.
    focused
        Which arms [E, J] count.
    weight
        Weight [J] or [E, J] of an agreement, at least 1.
    q_values
        Relative value [E, J, A] of each action for the arms that do not count; scaled, so that all of them together weigh
        less than one agreement.
    """
    arm_actions = np.arange(q_values.shape[2])
    agreed = np.where(ideal[:, :, None] == arm_actions, np.broadcast_to(weight, ideal.shape)[:, :, None], 0.0)
    rest = q_values - q_values[:, :, :1]
    scale = 2.0 * np.maximum(np.abs(rest).sum(axis=(1, 2), keepdims=True), 1e-12)
    return np.where(focused[:, :, None], agreed, rest / scale)
