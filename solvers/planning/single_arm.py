"""The optimal policy of each arm alone under the average reward: what a linear program says of arms priced apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.errors import SolverError
from redwood.planning.bounds.average import VISITED, solve_average
from redwood.planning.contract import Planning


@dataclass(frozen=True, eq=False)
class SingleArms:
    """Each arm's own optimal policy.

    Attributes
    ----------
    probabilities
        Probability [J, A, S] of each action in each state. States that the program never visits take the action of the
        greatest value at the program's prices.
    shares
        Share of time [J, S] in each state.
    q_values
        Relative value [J, A, S] of each action in each state, the present price not paid.
    prices
        Price [J, A] of each action.
    bound
        Upper bound on the mean reward a step of every policy, raised by the rounding of sums.
    """

    probabilities: Array
    shares: Array
    q_values: Array
    prices: Array
    bound: float


def single_arms(planning: Planning, clock: Clock) -> SingleArms:
    """Return each arm's own optimal policy at the prices of the tightest bound.

    Raises
    ------
    SolverError
        Where the time does not suffice for the program.
    """
    found = solve_average(planning, clock)
    if found.measures is None:
        raise SolverError("the time limit ended before the program of stationary measures was solved; give more seconds.")
    shares = found.measures.sum(axis=1)
    best = (found.q_values - found.prices[:, :, None]).argmax(axis=1)
    otherwise = (np.arange(found.q_values.shape[1])[None, :, None] == best[:, None]).astype(float)
    visited = shares > VISITED
    divided = found.measures / np.where(visited, shares, 1.0)[:, None]
    probabilities = np.where(visited[:, None], divided, otherwise)
    return SingleArms(
        probabilities / probabilities.sum(axis=1, keepdims=True),
        shares / shares.sum(axis=1, keepdims=True),
        found.q_values,
        found.prices,
        found.bound + 1e-9 * abs(found.bound),
    )
