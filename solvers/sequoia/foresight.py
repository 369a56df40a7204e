"""`ForesightPolicy`: before an action is taken, its rivals are tried in simulated futures of the policy of the worths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import SolutionError
from redwood.planning.contract import Planning, Policy
from redwood.planning.policies import worths
from redwood.problem import frozen
from redwood.problems.cormab.planning import cumulative
from redwood.solvers.sequoia.learning.improving import worth_of_levels

ROUND = 32
"""Futures between two decisions on which rivals are tried further."""
ROWS = 20_000
"""About how many futures are simulated at once."""
SEED = 314_159
"""Of the futures' luck, which all rivals share; evaluations count theirs from other seeds."""
HOPELESS = 2.0
"""Standard errors by which a rival must be behind to be tried no further."""
CERTAIN = 1.0
"""Standard errors by which the best rival must be ahead to be taken."""


@dataclass(frozen=True, eq=False)
class ForesightPolicy(Policy):
    """Take the action of the greatest worth, or a rival that does better in simulated futures.

    The worths are those of arms' states; the action that is best by them in one step of foresight is the base. Its rivals
    are the best actions in which one arm has another level, those of the least loss of worth first. Each future takes the
    action now and the base policy afterwards, with the same luck for all rivals. What it brings beyond what the worths
    promise is counted with each step's outcome replaced by its expectation, so tens of futures can tell rivals apart.

    One step of policy improvement: up to the error of the futures, it is nowhere worse than the policy of the worths.

    Attributes
    ----------
    values
        Worth [H + 1, J, S] of each arm's state before each step, discounted to the first step.
    futures
        The most futures of each rival.
    rivals
        The most rivals in a state.

    References
    ----------
    Bertsekas, Castanon (1999), Rollout algorithms for stochastic scheduling problems, Journal of Heuristics 5, 89-108.
    """

    kind: ClassVar[str] = "foresight"
    values: Array
    futures: int = 128
    rivals: int = 12

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", frozen(self.values, np.float64))
        if self.values.ndim != 3 or not np.isfinite(self.values).all():
            raise SolutionError(f"worths of shape {list(self.values.shape)} must be finite numbers [H + 1, J, S].")
        for name, least in (("futures", 2), ("rivals", 1)):
            if getattr(self, name) < least:
                raise SolutionError(f"{name} {getattr(self, name)} is below {least}; give at least {least}.")

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the best action found in each episode's states; equal states are decided once."""
        arms, _, count = planning.arms.shape
        if self.values.shape != (planning.horizon + 1, arms, count):
            raise SolutionError(
                f"the worths are for {list(self.values.shape)} steps, arms and states; the instance has "
                f"{[planning.horizon + 1, arms, count]}."
            )
        distinct, rows = np.unique(states, axis=0, return_inverse=True)
        table = worth_of_levels(planning, self.values)
        share = max(1, ROWS // (ROUND * (self.rivals + 1)))
        chosen = [self._chosen(planning, table, distinct[i : i + share], step) for i in range(0, len(distinct), share)]
        return np.concatenate(chosen)[rows.ravel()]

    def _chosen(self, planning: Planning, table: Array, states: Array, step: int) -> Array:
        """Return the actions [E, J] in distinct states [E, J]."""
        now = worths(table, states, step)
        best = planning.actions.choose(now)
        if step + 1 >= planning.horizon:
            return best  # the last step's worths are exact
        owners, actions, losses = rivals_of(planning, now, best, self.rivals)
        total, squares, count = np.zeros((3, len(owners)))
        alive = np.arange(len(owners))
        for begin in range(0, self.futures, ROUND):
            if len(alive) == 0:
                break
            luck = np.arange(begin, min(begin + ROUND, self.futures))
            bases, row = np.unique(owners[alive], return_inverse=True)
            both = np.concatenate([actions[alive], best[bases]]), states[np.concatenate([owners[alive], bases])]
            surplus = self._surplus(planning, table, *both, step, luck)
            gains = surplus[: len(alive)] - surplus[len(alive) :][row] - losses[alive][:, None]
            total[alive] += gains.sum(axis=1)
            squares[alive] += (gains**2).sum(axis=1)
            count[alive] += len(luck)
            mean, error = _estimate(total, squares, count)
            alive = alive[(mean + HOPELESS * error)[alive] > 0]
        mean, error = _estimate(total, squares, count)
        for rival in np.flatnonzero(mean > CERTAIN * error)[np.argsort(mean[mean > CERTAIN * error])]:
            best[owners[rival]] = actions[rival]  # the last one to be written is the best
        return best

    def _surplus(self, planning: Planning, table: Array, actions: Array, states: Array, step: int, luck: Array) -> Array:
        """Return what futures [N, M] bring beyond the worths after actions [N, J] in states [N, J]."""
        from redwood.solvers.sequoia.search.foresight_kernels import move, surplus_of

        ends = cumulative(planning.arms.transitions)
        now, levels = np.repeat(states, len(luck), axis=0), np.repeat(actions, len(luck), axis=0)
        numbers, total = np.tile(luck, len(states)), np.zeros(len(states) * len(luck))
        for later in range(step + 1, planning.horizon):
            move(now, levels, numbers, later, SEED + step, ends)
            levels = np.ascontiguousarray(planning.actions.choose(worths(table, now, later)), dtype=np.int64)
            total += surplus_of(now, levels, table[later], self.values[later])
        return total.reshape(len(states), len(luck))


def rivals_of(planning: Planning, worth: Array, best: Array, most: int) -> tuple[Array, Array, Array]:
    """Return rivals of the best actions [E, J] for worths [E, J, A]: whose they are [N], levels [N, J], losses of worth [N].

    For each arm and each level that it does not have, the oracle is asked for the best action with that level.
    """
    states, arms, levels = worth.shape
    reward = 1.0 + 2.0 * np.abs(worth).max(axis=2).sum(axis=1)  # more than all other arms can make up for
    asked = np.repeat(worth[:, None, None], arms, axis=1).repeat(levels, axis=2)
    arm, level = np.meshgrid(np.arange(arms), np.arange(levels), indexing="ij")
    asked[:, arm, level, arm, level] += reward[:, None, None]
    other = (np.arange(levels) != best[:, :, None]).ravel()
    tried = planning.actions.choose(asked.reshape(-1, arms, levels)[other])
    whose = np.repeat(np.arange(states), arms * levels)[other]
    own, every = np.arange(arms), np.column_stack([whose, tried])
    every = np.unique(every, axis=0)
    whose, tried = every[:, 0], every[:, 1:]
    most_worth = worth[np.arange(states)[:, None], own, best].sum(axis=1)
    loss = most_worth[whose] - worth[whose[:, None], own, tried].sum(axis=1)
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
