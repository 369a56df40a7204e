"""`FollowVirtualAdvice`: arms imitate virtual ones that follow their own optimal policies without any coupling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.planning.contract import Planning, Policy, check_average
from redwood.problem import Instance, Problem, frozen
from redwood.solver import Answer, Run, Solver
from redwood.solvers.planning.lp_priority import agreement, drawn_actions
from redwood.solvers.planning.single_arm import single_arms


@dataclass(frozen=True, eq=False)
class AdvicePolicy(Policy):
    """Give as many arms as possible the action of their virtual arm, those in the same state as it first.

    A virtual arm starts as the arm does and draws its actions by the arm's own optimal policy. Where both are in the same
    state and get the same action, they move together; else the virtual arm moves by itself. Between two calls the policy
    remembers the virtual states of its episodes, by their rows; a call with another number of episodes begins anew.

    Attributes
    ----------
    probabilities
        Probability [J, A, S] of each action in each state under the arm's own optimal policy.
    """

    kind: ClassVar[str] = "virtual-advice"
    probabilities: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "probabilities", frozen(self.probabilities, np.float64))

    def describe(self) -> dict[str, Any]:
        """Return that virtual arms decide; each joint action is a proven maximum of agreement."""
        return {"decides_by": "virtual arms", "proven": True}

    def bind(self, planning: Planning) -> None:
        """Let `act` refer to an instance from now on, and forget the virtual arms."""
        super().bind(planning)
        object.__setattr__(self, "_memory", None)

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return joint actions that follow the advice of the virtual arms, and let these move."""
        memory: _Memory | None = getattr(self, "_memory", None)
        virtual = states.copy() if memory is None or memory.states.shape != states.shape else memory.moved(states)
        advised = drawn_actions(self.probabilities, virtual, rng)
        same = states == virtual
        nothing = np.zeros((*states.shape, planning.actions.arm_actions))
        chosen = planning.actions.choose(agreement(advised, np.ones(states.shape, bool), 1.0 + same, nothing))
        noise = np.asarray(rng.random(states.shape))
        ends = np.cumsum(planning.arms.transitions, axis=3)[np.arange(states.shape[1]), advised, virtual, :-1]
        alone = (noise[:, :, None] >= ends).sum(axis=2)
        object.__setattr__(self, "_memory", _Memory(alone, same & (chosen == advised), states))
        return chosen


@dataclass(frozen=True, eq=False)
class _Memory:
    """Where virtual arms go by themselves [E, J], which of them move with their arm [E, J], and the arms' last states."""

    alone: Array
    together: Array
    states: Array

    def moved(self, states: Array) -> Array:
        """Return the virtual states after the arms came to ``states`` [E, J]."""
        return np.where(self.together, states, self.alone)


@dataclass(frozen=True)
class FollowVirtualAdvice(Solver):
    """Follow the virtual advice (FTVA): arms imitate virtual arms that are coupled by nothing.

    For the average reward. It is asymptotically optimal for alike arms under a budget where an arm that follows the actions
    of another one's optimal policy comes into the same state sooner or later (the synchronisation assumption); `lp-priority`
    does not need that. For other action sets the oracle finds the joint action of greatest agreement, and nothing is
    promised.

    References
    ----------
    Hong, Xie, Chen, Wang (2023), Restless bandits with average reward: breaking the uniform global attractor assumption,
    arXiv:2306.00196, algorithm 1.
    """

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        import highspy  # noqa: F401

        planning = problem.view(Planning, instance)
        planning.actions.argmax(planning.arms.rewards[:, :, 0])

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        planning = problem.view(Planning, instance)
        check_average(planning, "follow-virtual-advice")
        found = single_arms(planning, run)
        return Answer(AdvicePolicy(found.probabilities), bound=found.bound)
