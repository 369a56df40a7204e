"""Upper bounds on every policy: arms priced apart from each other, and the prices that make the bound tightest.

For prices p_t[j, a] of giving arm j the level a in step t, let each arm pay for itself: V_t(s) = max_a (Q_t(s, a) - p_t[a])
with Q_t(s, a) = r(s, a) + E V_{t+1}. Then ``sum_j E V_0 + sum_t max_{u in A} p_t(u)`` bounds the reward of every policy.
Its minimum over prices is the value of the linear program over occupation measures whose activity, in each step, lies in
the convex hull of the action set; that program is solved by column generation, actions being the columns.

References
----------
Hawkins (2003), A Lagrangian decomposition approach to weakly coupled dynamic optimization problems, PhD thesis, MIT.
Adelman, Mersereau (2008), Relaxations of weakly coupled stochastic dynamic programs, doi:10.1287/opre.1070.0445.
Wentges (1997), Weighted Dantzig-Wolfe decomposition for linear mixed-integer programming,
doi:10.1111/j.1475-3995.1997.tb00001.x, for prices between the last and the best ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redwood.planning import Array, Planning
from redwood.views import Clock

CLOSE = 1e-4
"""Relative distance of bound and master program at which the column generation ends."""
LARGEST = 8000
"""The most columns of the occupation measure; for larger instances the prices come from subgradients alone."""
INERTIA = 0.6
"""Share of the best prices in those that are tried next."""


@dataclass(frozen=True, eq=False)
class Priced:
    """What prices amount to.

    Attributes
    ----------
    prices
        Price [H, J, A] of each level, 0 for level 0.
    worth
        Expected reward to come [H, J, A, S] of each level in each state, later prices paid and the current one not.
    bound
        Upper bound on the expected total reward of every policy.
    actions
        A joint action [H, J] worth most under the prices of each step.
    """

    prices: Array
    worth: Array
    bound: float
    actions: Array


def recursion(planning: Planning, prices: Array) -> tuple[Array, float]:
    """Return the worth [H, J, A, S] of levels under prices [H, J, A], and the arms' total expected value."""
    arms = planning.arms
    worth = np.empty((planning.horizon, *arms.rewards.shape))
    ahead = np.zeros(arms.start.shape)
    for step in range(planning.horizon - 1, -1, -1):
        worth[step] = planning.discount**step * arms.rewards + np.matmul(arms.transitions, ahead[:, None, :, None])[..., 0]
        ahead = (worth[step] - prices[step][:, :, None]).max(axis=1)
    return worth, float((arms.start * ahead).sum())


def price(planning: Planning, prices: Array) -> Priced:
    """Return the bound that prices prove."""
    worth, value = recursion(planning, prices)
    choices = [planning.actions.argmax(row) for row in prices]
    bound = value + sum(choice.bound for choice in choices)
    return Priced(prices, worth, bound, np.array([choice.levels for choice in choices]))


def activity(planning: Planning, priced: Priced) -> Array:
    """Return the probability [H, J, A] of each level where every arm does what is best for itself under its prices."""
    arms = planning.arms
    best = (priced.worth - priced.prices[:, :, :, None]).argmax(axis=2)
    mass: Array = arms.start
    shares = np.zeros(priced.prices.shape)
    count, levels, outcomes = arms.shape
    rows, states = np.arange(count)[:, None], np.arange(outcomes)[None]
    for step in range(planning.horizon):
        for level in range(levels):
            shares[step, :, level] = (mass * (best[step] == level)).sum(axis=1)
        mass = np.einsum("js,jsz->jz", mass, arms.transitions[rows, best[step], states])
    return shares


def descend(planning: Planning, clock: Clock, rounds: int) -> tuple[Priced, list[Array]]:
    """Return the best prices of a subgradient descent from zero, and the actions [H, J] met on the way.

    Steps aim at a value somewhat below the best bound; the aim comes nearer where the bound does not fall.
    """
    prices = np.zeros((planning.horizon, *planning.arms.rewards.shape[:2]))
    levels = np.arange(prices.shape[2])
    best = current = price(planning, prices)
    met, aim, stale = [best.actions], 0.2, 0
    for _ in range(rounds):
        if clock.stops():
            break
        slope = (current.actions[:, :, None] == levels).astype(np.float64) - activity(planning, current)
        slope[:, :, 0] = 0.0
        norm = float((slope**2).sum())
        if norm < 1e-12:
            break
        excess = current.bound - best.bound + aim * abs(best.bound)
        current = price(planning, current.prices - excess / norm * slope)
        met.append(current.actions)
        if current.bound < best.bound * (1.0 - 1e-6):
            best, stale = current, 0
        elif (stale := stale + 1) == 5:
            current, aim, stale = best, aim / 2, 0
    return best, met


def tighten(planning: Planning, clock: Clock, rounds: int = 200) -> Priced:
    """Return the prices of the tightest bound that the clock allows: within `CLOSE` of the hull's where it is generous."""
    size = planning.horizon * int(np.prod(planning.arms.rewards.shape))
    best, met = descend(planning, clock, 60 if size <= LARGEST else 5 * rounds)
    if size > LARGEST:
        return best
    from redwood.problems.cormab.master import Master

    master = Master(planning)
    for actions in met:
        master.add(actions)
    for _ in range(rounds):
        if clock.stops():
            break
        solved = master.solve(clock.seconds_left)
        if solved is None:
            break
        value, prices = solved
        if best.bound - value <= CLOSE * abs(value):
            break
        tried = price(planning, INERTIA * best.prices + (1.0 - INERTIA) * prices)
        last = price(planning, prices)
        master.add(tried.actions)
        master.add(last.actions)
        best = min(best, tried, last, key=lambda found: found.bound)
    return best
