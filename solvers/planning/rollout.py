"""`Rollout`: one step ahead of the value of a simple policy, random at first, and a few improvements of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError
from redwood.planning.contract import Planning, Policy, check_finite
from redwood.planning.policies import IndexPolicy
from redwood.planning.steps import is_coupled
from redwood.problem import Instance, Problem
from redwood.solver import Answer, Run, Solver
from redwood.solvers.planning.candidate_rollout import CandidatePolicy

DRAWS, EPISODES = 4000, 200
"""Random actions that the first probabilities are counted in, and episodes that later ones are counted in."""
CANDIDATES = 16
"""Candidate actions for coupled arms."""


@dataclass(frozen=True)
class Rollout(Solver):
    """Act best in this step as if a base policy took over afterwards; then let the result be the base policy.

    The first base policy draws random actions. Given how often a policy gives an arm each action in each state and step,
    the arm's expected reward to come is a recursion of its own, so the value of a joint action is a sum over arms that
    the action set maximises exactly. For random actions these probabilities are the same in all states, and the values are
    exact; for later policies they are counted in simulated episodes, and neglect that arms are chosen together. The
    best of the policies by simulation is the answer.

    Attributes
    ----------
    improvements
        How often the result becomes the base policy.
    candidates
        Candidate actions that are tried before every decision, in simulated futures of the best policy so found; 0 for none.
        Coupled arms are always decided so, by 16 unless more or fewer are given: their base policy is that of an exact step
        and the best additive values.

    References
    ----------
    Laidlaw, Zhu, Russell, Dragan (2024), The effective horizon explains deep RL performance in stochastic environments,
    ICLR, arXiv:2312.08369, for when the values of the random policy suffice.
    """

    improvements: int = 3
    candidates: int = 0

    def __post_init__(self) -> None:
        if self.candidates == 1:
            raise OptionError("candidates 1 leaves nothing to try; give 0, or at least 2.")
        for name in ("improvements", "candidates"):
            if getattr(self, name) < 0:
                raise OptionError(f"{name} {getattr(self, name)} is below 0.")

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        planning = problem.view(Planning, instance)
        check_finite(planning, "rollout")
        if is_coupled(planning) or self.candidates:
            return self._with_candidates(planning, run)
        best = policy = IndexPolicy(q_values_under(planning, random_probabilities(planning, DRAWS, run.rng)), "rollout")
        run.report(policy)
        for _ in range(self.improvements):
            if run.stops():
                break
            counted = CountingPolicy(policy)
            planning.rollouts(counted, EPISODES, int(run.rng.integers(2**31)))
            policy = IndexPolicy(q_values_under(planning, counted.probabilities(planning)), "rollout")
            if run.report(policy):
                best = policy
            run.advance()
        return Answer(best)

    def _with_candidates(self, planning: Planning, run: Run) -> Answer:
        """Return the policy that tries candidates in futures of the policy of the best additive values."""
        from redwood.planning.bounds.coupled import additive_values

        found = additive_values(planning, run, int(run.rng.integers(2**31)))
        message = f"Its base policy is an exact step and the future of {found.name}, the best of {found.tried} in trials."
        return Answer(CandidatePolicy(found.values, self.candidates or CANDIDATES), message=message)


@dataclass(frozen=True, eq=False)
class CountingPolicy(Policy):
    """Do as another policy does, and count how often each arm gets each action in each step and state."""

    kind: ClassVar[str] = "counting"
    base: IndexPolicy

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return what the other policy chooses."""
        arm_actions = self.base.choose(planning, states, step, rng)
        counts = self._counts(planning)
        np.add.at(counts[step], (np.arange(states.shape[1])[None], states, arm_actions), 1.0)
        return arm_actions

    def probabilities(self, planning: Planning) -> Array:
        """Return the probabilities [H, J, S, A] of actions; states never met have those of all the arm's states."""
        counts = self._counts(planning)
        together = counts.sum(axis=2, keepdims=True)
        smoothed = counts + together / np.maximum(together.sum(axis=3, keepdims=True), 1.0)
        found: Array = smoothed / smoothed.sum(axis=3, keepdims=True)
        return found

    def _counts(self, planning: Planning) -> Array:
        if not hasattr(self, "_counted"):
            arms, arm_actions, states = planning.arms.shape
            object.__setattr__(self, "_counted", np.zeros((planning.horizon, arms, states, arm_actions)))
        counts: Array = self._counted  # type: ignore[attr-defined]
        return counts


def random_probabilities(planning: Planning, draws: int, rng: np.random.Generator) -> Array:
    """Return how often random actions give an arm each action, as probabilities [H, J, S, A], everywhere the same."""
    arms, arm_actions, states = planning.arms.shape
    drawn = planning.actions.samples(draws, rng)
    shares = np.stack([(drawn == arm_action).mean(axis=0) for arm_action in range(arm_actions)], axis=-1)
    return np.broadcast_to(shares[None, :, None], (planning.horizon, arms, states, arm_actions))


def q_values_under(planning: Planning, probabilities: Array) -> Array:
    """Return the expected reward to come [H, J, A, S] of each action, if probabilities [H, J, S, A] decide afterwards."""
    arms = planning.arms
    q_values = np.empty((planning.horizon, *arms.rewards.shape))
    ahead = np.zeros(arms.start.shape)
    for step in range(planning.horizon - 1, -1, -1):
        moved = np.matmul(arms.transitions, ahead[:, None, :, None])[..., 0]
        q_values[step] = planning.discount**step * arms.rewards + moved
        ahead = np.einsum("jas,jsa->js", q_values[step], probabilities[step])
    return q_values
