"""What could be earned if all noise were known in advance: a bound by simulation, for each episode apart."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.planning.contract import Planning, check_finite
from redwood.planning.simulated import cumulative


def perfect_information(planning: Planning, prices: Array, episodes: int, seed: int) -> Array:
    """Return for each simulated episode a bound [E] on the total reward of every policy in that episode.

    An episode's noise being known, an arm that pays the prices of its actions has a best course, found by backward
    induction; what all arms earn so, and what the best joint actions are worth at the prices, bounds every course of
    joint actions. The noise is that of `Planning.rollouts` with the same seed, so the bound holds episode by episode; its
    mean estimates a bound on the expected reward, which is looser than that of the prices alone.

    Parameters
    ----------
    planning
        Whose rewards are meant.
    prices
        Price [H, J, A] of each action in each step, such as those of `redwood.planning.bounds.duality.tighten`.
    episodes, seed
        As in `Planning.rollouts`.

    References
    ----------
    Brown, Smith, Sun (2010), Information relaxations and duality in stochastic dynamic programs,
    doi:10.1287/opre.1090.0796.
    """
    from redwood.problems.cormab.information_kernels import best_courses

    check_finite(planning, "the bound of known noise")
    arms = planning.arms
    moves, starts = cumulative(arms.transitions), cumulative(arms.start)
    weights = planning.discount ** np.arange(planning.horizon)
    paid = np.ascontiguousarray(prices, np.float64)
    earned = best_courses(episodes, seed, moves, starts, arms.rewards, weights, paid)
    together: Array = earned + sum(planning.actions.argmax(row).bound for row in prices)
    return together
