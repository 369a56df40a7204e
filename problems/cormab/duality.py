"""Upper bounds on every policy: arms priced apart from each other, and the prices that make the bound tightest.

For prices p_t[j, a] of giving arm j the level a in step t, let each arm pay for itself: V_t(s) = max_a (Q_t(s, a) - p_t[a])
with Q_t(s, a) = r(s, a) + E V_{t+1}. Then ``sum_j E V_0 + sum_t max_{u in A} p_t(u)`` bounds the reward of every policy.
Its minimum over prices is the value of the linear program over occupation measures whose activity, in each step, lies in
the convex hull of the action set; that program is solved by column generation, actions being the columns, after prices by
class of arms (`Decomposition`) or a subgradient descent have found where to look.

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

from redwood.planning import Array
from redwood.problems.cormab.decomposition import Decomposition
from redwood.problems.cormab.stretch import Decoupled, ending_of
from redwood.views import Clock

CLOSE = 1e-4
"""Relative distance of bound and master program at which the column generation ends."""
LARGEST = 8000
"""The most columns of the occupation measure; larger instances keep the prices by class or those of subgradients."""
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
    activity
        Probability [H, J, A] of each level where every arm does what is best for itself under its prices.
    """

    prices: Array
    worth: Array
    bound: float
    actions: Array
    activity: Array


def price(planning: Decoupled, prices: Array) -> Priced:
    """Return the bound that prices [H, J, A] prove."""
    from redwood.problems.cormab.duality_kernels import price_arms

    arms = planning.arms
    worth = np.empty((planning.horizon, *arms.rewards.shape))
    own = np.arange(len(arms.start))
    values, shares = price_arms(
        arms.transitions, arms.rewards, arms.start, ending_of(planning), prices, own, planning.discount, worth
    )
    choices = [planning.actions.argmax(row) for row in prices]
    bound = float(values.sum()) + sum(choice.bound for choice in choices)
    return Priced(prices, worth, bound, np.array([choice.levels for choice in choices]), shares.transpose(1, 0, 2))


def descend(planning: Decoupled, clock: Clock, rounds: int, prices: Array | None = None) -> tuple[Priced, list[Array]]:
    """Return the best prices of a subgradient descent from given ones or zero, and the actions [H, J] met on the way.

    Steps aim at a value somewhat below the best bound; the aim comes nearer where the bound does not fall.
    """
    if prices is None:
        prices = np.zeros((planning.horizon, *planning.arms.rewards.shape[:2]))
    levels = np.arange(prices.shape[2])
    best = current = price(planning, prices)
    met, aim, stale = [best.actions], 0.2, 0
    for _ in range(rounds):
        if clock.stops():
            break
        slope = (current.actions[:, :, None] == levels).astype(np.float64) - current.activity
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


def tighten(
    planning: Decoupled, clock: Clock, rounds: int = 200, prices: Array | None = None, *, quick: bool = False
) -> Priced:
    """Return the prices of the tightest bound that the clock allows: within `CLOSE` of the hull's where it is generous.

    Where arms are alike to the action set, prices by class come first. For many arms, and with ``quick``, they are the
    answer: as tight as the hull under a budget or in a schedule, somewhat looser where workers have capacities. The search
    begins at ``prices`` [H, J, A], which those of a similar problem shorten.
    """
    arms, levels, states = planning.arms.shape
    small = planning.horizon * arms * levels * states <= LARGEST
    if 2 * (int(planning.actions.classes.max()) + 1) <= arms:
        found, met = Decomposition(planning).minimise(clock, rounds, CLOSE / 10.0, prices)
        best = price(planning, found)
        small = small and not quick
    else:
        best, met = descend(planning, clock, 60 if small else 5 * rounds, prices)
    return _refined(planning, best, met, clock, rounds) if small else best


def _refined(planning: Decoupled, best: Priced, met: list[Array], clock: Clock, rounds: int) -> Priced:
    """Return better prices by column generation over the actions that have been met, one price for each arm."""
    from redwood.problems.cormab.master import Master

    master = Master(planning)
    for actions in met:
        master.add(actions)
    for _ in range(rounds):
        solved = None if clock.stops() else master.solve(clock.seconds_left)
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
