"""`RolloutPolicy`: candidate actions are tried in simulated futures of a base policy before one is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import SolutionError
from redwood.planning.contract import Planning, Policy
from redwood.planning.policies import q_values_of
from redwood.problem import frozen
from redwood.problems.cormab.planning import cumulative
from redwood.solvers.sequoia.learning.improving import q_values_from

ROUND = 32
"""Futures between two decisions on which candidate actions are tried further."""
ROWS = 20_000
"""About how many futures are simulated at once."""
SEED = 314_159
"""Of the futures' noise, which all candidate actions share; evaluations count theirs from other seeds."""
HOPELESS = 2.0
"""Standard errors by which a candidate action must be behind to be tried no further."""
CERTAIN = 1.0
"""Standard errors by which the best candidate action must be ahead to be taken."""


@dataclass(frozen=True, eq=False)
class RolloutPolicy(Policy):
    """Take the action of the greatest value, or a candidate action that does better in simulated futures.

    The values are those of arms' states; the action that is best by them in one step of the rollout policy is the base. Its
    candidate actions are the best actions in which one arm has another action, those of the least loss of value first. Each
    future takes the action now and the base policy afterwards, all with common random numbers. What it brings beyond what
    the values promise is counted with each step's outcome replaced by its expectation, so tens of futures can tell candidate
    actions apart.

    One step of policy improvement: up to the error of the futures, it is nowhere worse than the policy of the values.

    Attributes
    ----------
    values
        Q-values [H + 1, J, S] of each arm's state before each step, discounted to the first step.
    futures
        The most futures of each candidate action.
    candidates
        The most candidate actions in a state.

    References
    ----------
    Bertsekas, Castanon (1999), Rollout algorithms for stochastic scheduling problems, Journal of Heuristics 5, 89-108.
    """

    kind: ClassVar[str] = "rollout"
    values: Array
    futures: int = 128
    candidates: int = 12

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", frozen(self.values, np.float64))
        if self.values.ndim != 3 or not np.isfinite(self.values).all():
            raise SolutionError(f"values of shape {list(self.values.shape)} must be finite numbers [H + 1, J, S].")
        for name, least in (("futures", 2), ("candidates", 1)):
            if getattr(self, name) < least:
                raise SolutionError(f"{name} {getattr(self, name)} is below {least}; give at least {least}.")

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the best action found in each episode's states; equal states are decided once."""
        arms, _, count = planning.arms.shape
        if self.values.shape != (planning.horizon + 1, arms, count):
            raise SolutionError(
                f"the values are for {list(self.values.shape)} steps, arms and states; the instance has "
                f"{[planning.horizon + 1, arms, count]}."
            )
        distinct, rows = np.unique(states, axis=0, return_inverse=True)
        table = q_values_from(planning, self.values)
        share = max(1, ROWS // (ROUND * (self.candidates + 1)))
        chosen = [self._chosen(planning, table, distinct[i : i + share], step) for i in range(0, len(distinct), share)]
        return np.concatenate(chosen)[rows.ravel()]

    def _chosen(self, planning: Planning, table: Array, states: Array, step: int) -> Array:
        """Return the actions [E, J] in distinct states [E, J]."""
        now = q_values_of(table, states, step)
        best = planning.actions.choose(now)
        if step + 1 >= planning.horizon:
            return best  # the last step's values are exact
        owners, actions, losses = candidates_of(planning, now, best, self.candidates)
        total, squares, count = np.zeros((3, len(owners)))
        alive = np.arange(len(owners))
        for begin in range(0, self.futures, ROUND):
            if len(alive) == 0:
                break
            noise = np.arange(begin, min(begin + ROUND, self.futures))
            bases, row = np.unique(owners[alive], return_inverse=True)
            both = np.concatenate([actions[alive], best[bases]]), states[np.concatenate([owners[alive], bases])]
            surplus = self._surplus(planning, table, *both, step, noise)
            gains = surplus[: len(alive)] - surplus[len(alive) :][row] - losses[alive][:, None]
            total[alive] += gains.sum(axis=1)
            squares[alive] += (gains**2).sum(axis=1)
            count[alive] += len(noise)
            mean, error = _estimate(total, squares, count)
            alive = alive[(mean + HOPELESS * error)[alive] > 0]
        mean, error = _estimate(total, squares, count)
        for reference in np.flatnonzero(mean > CERTAIN * error)[np.argsort(mean[mean > CERTAIN * error])]:
            best[owners[reference]] = actions[reference]  # the last one to be written is the best
        return best

    def _surplus(self, planning: Planning, table: Array, actions: Array, states: Array, step: int, noise: Array) -> Array:
        """Return what futures [N, M] bring beyond the values after actions [N, J] in states [N, J]."""
        from redwood.solvers.sequoia.search.rollout_kernels import move, surplus_of

        ends = cumulative(planning.arms.transitions)
        now, arm_actions = np.repeat(states, len(noise), axis=0), np.repeat(actions, len(noise), axis=0)
        numbers, total = np.tile(noise, len(states)), np.zeros(len(states) * len(noise))
        for later in range(step + 1, planning.horizon):
            move(now, arm_actions, numbers, later, SEED + step, ends)
            arm_actions = np.ascontiguousarray(planning.actions.choose(q_values_of(table, now, later)), dtype=np.int64)
            total += surplus_of(now, arm_actions, table[later], self.values[later])
        return total.reshape(len(states), len(noise))


def candidates_of(planning: Planning, q_values: Array, best: Array, most: int) -> tuple[Array, Array, Array]:
    """Return candidate actions of the best actions [E, J] for Q-values [E, J, A]: whose they are [N], actions [N, J], losses
    of Q-values [N].

    For each arm and each action that it does not have, the oracle is asked for the best action with that action.
    """
    states, arms, arm_actions = q_values.shape
    reward = 1.0 + 2.0 * np.abs(q_values).max(axis=2).sum(axis=1)  # more than all other arms can make up for
    asked = np.repeat(q_values[:, None, None], arms, axis=1).repeat(arm_actions, axis=2)
    arm, arm_action = np.meshgrid(np.arange(arms), np.arange(arm_actions), indexing="ij")
    asked[:, arm, arm_action, arm, arm_action] += reward[:, None, None]
    other = (np.arange(arm_actions) != best[:, :, None]).ravel()
    tried = planning.actions.choose(asked.reshape(-1, arms, arm_actions)[other])
    whose = np.repeat(np.arange(states), arms * arm_actions)[other]
    own, every = np.arange(arms), np.column_stack([whose, tried])
    every = np.unique(every, axis=0)
    whose, tried = every[:, 0], every[:, 1:]
    most_valuable = q_values[np.arange(states)[:, None], own, best].sum(axis=1)
    loss = most_valuable[whose] - q_values[whose[:, None], own, tried].sum(axis=1)
    order = np.lexsort((loss, whose))
    order = order[(tried != best[whose]).any(axis=1)[order]]
    place = np.arange(len(order)) - np.searchsorted(whose[order], whose[order])
    order = order[place < most]
    return whose[order], tried[order], loss[order]


def _estimate(total: Array, squares: Array, count: Array) -> tuple[Array, Array]:
    """Return means and their standard errors."""
    number = np.maximum(count, 1)
    mean = total / number
    return mean, np.sqrt(np.maximum(squares / number - mean**2, 0.0) / number)
