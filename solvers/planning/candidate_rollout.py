"""`CandidatePolicy`: before an action is taken, candidate actions are tried in simulated futures of a base policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import SolutionError
from redwood.planning.additive_policy import AdditivePolicy, arm_values
from redwood.planning.contract import Planning, Policy
from redwood.planning.joint_maximum import listed_actions, swapped
from redwood.planning.steps import outcomes, step_rewards
from redwood.problem import frozen

SEED = 314_159
"""Of the futures' random numbers, which all candidates share; evaluations count theirs from other seeds."""
ROWS = 50_000
"""About how many futures are simulated at once."""


@dataclass(frozen=True, eq=False)
class CandidatePolicy(Policy):
    """Take the candidate action that earns most in simulated futures that it begins and a base policy goes on with.

    The base policy is that of an exact step and additive values. Candidates are its action, and those nearest to it by its
    own values: all actions where these are few, else its action with the actions of two arms of a class swapped. All share
    the random numbers of their futures, and what the additive values rose by beyond their expectation is taken off. One
    step of policy improvement: up to the error of the futures it is nowhere worse than the base policy.

    Attributes
    ----------
    values
        Additive values [T, J, S] of the base policy, as in `redwood.planning.additive_policy.AdditivePolicy`.
    candidates
        The most candidates in a state.
    futures
        Futures of each candidate.

    References
    ----------
    Bertsekas, Castanon (1999), Rollout algorithms for stochastic scheduling problems, Journal of Heuristics 5, 89-108.
    """

    kind: ClassVar[str] = "candidate-rollout"
    values: Array
    candidates: int = 16
    futures: int = 64

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", frozen(self.values, np.float64))
        for name, least in (("candidates", 2), ("futures", 2)):
            if getattr(self, name) < least:
                raise SolutionError(f"{name} {getattr(self, name)} is below {least}; give at least {least}.")

    def describe(self) -> dict[str, Any]:
        """Return that simulated futures of candidates decide; the best of all actions is not proven."""
        return {"decides_by": "rollout", "proven": False, "candidates": self.candidates, "futures": self.futures}

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the best candidate in each episode's states; equal states are decided once."""
        base = AdditivePolicy(self.values, exact=planning.joint is None)
        distinct, rows = np.unique(states, axis=0, return_inverse=True)
        size = max(1, ROWS // (self.candidates * self.futures))
        blocks = [distinct[begin : begin + size] for begin in range(0, len(distinct), size)]
        chosen: Array = np.concatenate([self._chosen(planning, base, block, step) for block in blocks])[rows.ravel()]
        return chosen

    def _chosen(self, planning: Planning, base: AdditivePolicy, states: Array, step: int) -> Array:
        """Return the actions [N, J] in distinct states [N, J]."""
        best = base.choose(planning, states, step, np.random.default_rng(0))
        if step + 1 >= planning.horizon:
            return best
        tried = self._candidates(planning, states, best, step)
        earned = self._earned(planning, base, states, tried, step)
        found: Array = tried[np.arange(len(states)), earned.argmax(axis=1)]
        return found

    def _candidates(self, planning: Planning, states: Array, best: Array, step: int) -> Array:
        """Return candidates [N, K, J] in states [N, J], the base policy's action first."""
        later = planning.discount * self.values[min(step + 1, len(self.values) - 1)]
        q_values, own = arm_values(planning, states, later), np.arange(states.shape[1])
        listed = listed_actions(planning.actions)
        tried = np.repeat(best[:, None], self.candidates, axis=1)
        for row, state in enumerate(states):
            pool = swapped(planning, best[row]) if listed is None or len(listed) > 2000 else listed
            value = q_values[row][own, pool].sum(axis=1)
            if planning.joint is not None:
                value = value + planning.joint.values(np.broadcast_to(state, pool.shape), pool)
            kept = pool[np.argsort(-value, kind="stable")[: self.candidates - 1]]
            tried[row, 1 : 1 + len(kept)] = kept
        return tried

    def _earned(self, planning: Planning, base: AdditivePolicy, states: Array, tried: Array, step: int) -> Array:
        """Return the mean reward [N, K] of candidates from a step on, less the noise that the additive values explain."""
        count, kinds, arms = tried.shape
        rng, own = np.random.default_rng([SEED, step]), np.arange(arms)
        now = np.repeat(states, kinds * self.futures, axis=0)
        arm_actions = np.repeat(tried.reshape(-1, arms), self.futures, axis=0)
        total, weight = np.zeros(len(now)), 1.0
        for later in range(step, planning.horizon):
            if later > step:
                arm_actions = base.choose(planning, now, later, rng)
            total += weight * step_rewards(planning, now, arm_actions)
            if later + 1 == planning.horizon:
                break
            weight *= planning.discount
            moved = outcomes(planning, now, arm_actions)
            numbers = np.tile(rng.random((self.futures, arms)), (count * kinds, 1))
            now = (numbers[:, :, None] >= np.cumsum(moved, axis=2)[:, :, :-1]).sum(axis=2)
            values = self.values[min(later + 1, len(self.values) - 1)]
            risen = values[own, now].sum(axis=1) - np.einsum("njs,js->n", moved, values, optimize=True)
            total -= weight * risen
        mean: Array = total.reshape(count, kinds, self.futures).mean(axis=2)
        return mean
