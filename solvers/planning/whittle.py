"""`Whittle`: pull the arms whose price of being pulled, were it the same from now on, is highest."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError, OptionError
from redwood.planning.contract import Criterion, Planning
from redwood.planning.policies import IndexPolicy
from redwood.problem import Instance, Problem
from redwood.solver import Answer, Run, Solver

logger = logging.getLogger(__name__)

ROUNDS = 5000
"""The most iterations of relative values."""
CONVERGED = 1e-9
"""Change of the relative values, as a share of the largest price, at which they stand still."""


@dataclass(frozen=True)
class Whittle(Solver):
    """Index every state of every arm by the price a pull at which pulling and resting are worth the same.

    The price is the same in all steps that are left, so the index depends on the step. An arm is indexable if a higher
    price never makes pulling attractive where a lower one did not; prices on a grid are tried, and arms that break the
    rule are reported, their index being the highest price at which pulling is still as good.

    Attributes
    ----------
    prices
        How many prices the grid has, from the lowest to the highest that can matter; indices lie between two of them.
    criterion
        ``finite`` for the steps that are left, ``average`` for the mean reward of endless time, which gives one index a
        state that does not depend on the step; by default the instance's own.

    References
    ----------
    Whittle (1988), Restless bandits: activity allocation in a changing world, doi:10.2307/3214163.
    """

    prices: int = 400
    criterion: str | None = None

    def __post_init__(self) -> None:
        if self.criterion is not None and self.criterion not in list(Criterion):
            raise OptionError(f"criterion {self.criterion!r} is not one of {', '.join(Criterion)}.")
        if self.prices < 2:
            raise OptionError(f"prices {self.prices} is below 2; a grid needs at least its two ends.")

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        planning = problem.view(Planning, instance)
        if planning.arms.shape[1] != 2:
            raise FitError(f"Whittle's index is for two levels, and the arms have {planning.arms.shape[1]}.")
        find = indices if (self.criterion or planning.criterion) == Criterion.FINITE else average_indices
        worth, broken = find(planning, self.prices)
        message = f"{broken} of {len(planning.arms.start)} arms are not indexable." if broken else ""
        return Answer(IndexPolicy(worth), message=message)


def indices(planning: Planning, count: int) -> tuple[Array, int]:
    """Return the index as the worth [H, J, 2, S] of being pulled, and how many arms are not indexable on the grid."""
    arms = planning.arms
    spread = float(np.ptp(arms.rewards)) * planning.horizon
    grid = np.linspace(-spread, spread, count)
    ahead = np.zeros((count, *arms.start.shape))
    worth = np.zeros((planning.horizon, *arms.rewards.shape))
    broken = np.zeros(len(arms.start), bool)
    for step in range(planning.horizon - 1, -1, -1):
        reward = planning.discount**step * arms.rewards
        level = reward + _moved(arms.transitions, ahead)
        level[:, :, 1] -= grid[:, None, None]
        gain = level[:, :, 1] - level[:, :, 0]
        worth[step, :, 1] = _crossing(grid, gain)
        pulled = gain >= 0
        broken |= (pulled[1:] & ~pulled[:-1]).any(axis=(0, 2))
        ahead = level.max(axis=2)
    return worth, int(broken.sum())


def average_indices(planning: Planning, count: int) -> tuple[Array, int]:
    """Return the index for endless time as the worth [1, J, 2, S] of being pulled, and how many arms are not indexable.

    Relative values for all prices of the grid are iterated together, each step a mixture of moving and staying, which
    changes no index and makes the iteration converge where arms are periodic.
    """
    arms = planning.arms
    spread = float(np.ptp(arms.rewards)) * 2.0 * arms.shape[2]
    grid = np.linspace(-spread, spread, count)
    ahead = np.zeros((count, *arms.start.shape))
    for _ in range(ROUNDS):
        level = arms.rewards + _moved(arms.transitions, ahead)
        level[:, :, 1] -= grid[:, None, None]
        after = 0.5 * (level.max(axis=2) + ahead)
        change = after - ahead
        ahead = after - after[:, :, :1]
        if np.ptp(change, axis=2).max() < CONVERGED * spread:
            break
    else:
        logger.warning("relative values still move after %d iterations; the indices are approximate.", ROUNDS)
    gain = level[:, :, 1] - level[:, :, 0]
    worth = np.zeros((1, *arms.rewards.shape))
    worth[0, :, 1] = _crossing(grid, gain)
    pulled = gain >= -CONVERGED * spread
    broken = (pulled[1:] & ~pulled[:-1]).any(axis=(0, 2))
    return worth, int(broken.sum())


def _moved(transitions: Array, ahead: Array) -> Array:
    """Return what functions [P, J, S] of the next state are expected to be, [P, J, A, S]."""
    arms, levels, states, _ = transitions.shape
    moved = np.matmul(transitions.reshape(arms, levels * states, states), ahead.transpose(1, 2, 0))
    found: Array = moved.reshape(arms, levels, states, len(ahead)).transpose(3, 0, 1, 2)
    return found


def _crossing(grid: Array, gain: Array) -> Array:
    """Return the highest price [J, S] at which the gain of pulling [P, J, S] is not negative, between grid points."""
    last = len(grid) - 1 - np.argmax((gain >= 0)[::-1], axis=0)
    last = np.minimum(last, len(grid) - 2)
    here = np.take_along_axis(gain, last[None], axis=0)[0]
    after = np.take_along_axis(gain, last[None] + 1, axis=0)[0]
    share = np.clip(here / np.where(here > after, here - after, 1.0), 0.0, 1.0)
    crossing: Array = grid[last] + share * (grid[last + 1] - grid[last])
    return crossing
