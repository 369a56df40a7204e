"""Upper bounds on every policy: arms priced apart from each other, and the prices that make the bound tightest.

For prices p_t[j, a] of giving arm j the action a in step t, let each arm pay for itself: V_t(s) = max_a (Q_t(s, a) - p_t[a])
with Q_t(s, a) = r(s, a) + E V_{t+1}. Then ``sum_j E V_0 + sum_t max_{u in A} p_t(u)`` bounds the reward of every policy.
Its minimum over prices is the value of the linear program over occupation measures whose activity, in each step, lies in
the convex hull of the action set. A linear relaxation of the set gives prices near the best ones (`relaxed_prices`); column
generation, actions being the columns, goes the rest of the way. Thousands of arms are priced by class (`Decomposition`).

References
----------
Hawkins (2003), A Lagrangian decomposition approach to weakly coupled dynamic optimization problems, PhD thesis, MIT.
Adelman, Mersereau (2008), Relaxations of weakly coupled stochastic dynamic programs, doi:10.1287/opre.1070.0445.
Wentges (1997), Weighted Dantzig-Wolfe decomposition for linear mixed-integer programming,
doi:10.1111/j.1475-3995.1997.tb00001.x, for prices between the last and the best ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.planning.bounds.decomposition import Decomposition
from redwood.planning.bounds.master import Master
from redwood.planning.bounds.relaxing import relaxed_prices
from redwood.planning.bounds.segment import Decoupled, ending_of

CLOSE = 1e-4
"""Relative distance of bound and master program at which the column generation ends."""
LARGEST = 8000
"""The most occupation measures for column generation; larger instances keep the prices that they have."""
WIDEST = 40_000
"""The most occupation measures, and variables of relaxed sets, for the relaxed program."""
NEAR, NEARBY = 2e-3, 40
"""Share of the bound that the descent from relaxed prices aims below at first, and its patience: kinks are many there."""
INERTIA = 0.6
"""Share of the best prices in those that are tried next."""


@dataclass(frozen=True, eq=False)
class Priced:
    """What prices amount to.

    Attributes
    ----------
    prices
        Price [H, J, A] of each action, 0 for action 0.
    q_values
        Expected reward to come [H, J, A, S] of each action in each state, later prices paid and the current one not.
    bound
        Upper bound on the expected total reward of every policy.
    actions
        A joint action [H, J] worth most under the prices of each step.
    activity
        Probability [H, J, A] of each action where every arm does what is best for itself under its prices.
    relaxed
        Upper bound that the prices of the relaxed action set prove; ``None`` where these were not found.
    """

    prices: Array
    q_values: Array
    bound: float
    actions: Array
    activity: Array
    relaxed: float | None = None


def price(planning: Decoupled, prices: Array) -> Priced:
    """Return the bound that prices [H, J, A] prove."""
    q_values, values, shares = answered(planning, prices)
    choices = [planning.actions.argmax(row) for row in prices]
    bound = float(values.sum()) + sum(choice.bound for choice in choices)
    return Priced(prices, q_values, bound, np.array([choice.arm_actions for choice in choices]), shares.transpose(1, 0, 2))


def answered(planning: Decoupled, prices: Array) -> tuple[Array, Array, Array]:
    """Return the Q-values [H, J, A, S] of actions under prices [H, J, A], and what `price_arms` says of the arms."""
    from redwood.planning.bounds.duality_kernels import price_arms

    arms = planning.arms
    q_values = np.empty((planning.horizon, *arms.rewards.shape))
    own = np.arange(len(arms.start))
    values, shares = price_arms(
        arms.transitions, arms.rewards, arms.start, ending_of(planning), prices, own, planning.discount, q_values
    )
    return q_values, values, shares


def descend(
    planning: Decoupled, clock: Clock, rounds: int, prices: Array | None = None, aim: float = 0.2, patience: int = 5
) -> tuple[Priced, list[Array]]:
    """Return the best prices of a subgradient descent from given ones or zero, and the actions [H, J] met on the way.

    Steps aim at a value below the best bound, by a share ``aim`` at first; it comes nearer where the bound does not fall
    in ``patience`` steps.

    Parameters
    ----------
    planning
        The arms and their action set.
    clock
        Stops the descent between two steps.
    rounds
        Steps, at most.
    prices
        Prices [H, J, A] to begin at; ``None`` for zero.
    aim
        By what share the value that steps aim at is below the best bound, at first; it is halved again and again.
    patience
        Steps without a better bound after which it is halved.
    """
    if prices is None:
        prices = np.zeros((planning.horizon, *planning.arms.rewards.shape[:2]))
    arm_actions = np.arange(prices.shape[2])
    best = current = price(planning, prices)
    met, stale = [best.actions], 0
    for _ in range(rounds):
        if clock.stops():
            break
        slope = (current.actions[:, :, None] == arm_actions).astype(np.float64) - current.activity
        slope[:, :, 0] = 0.0
        norm = float((slope**2).sum())
        if norm < 1e-12:
            break
        excess = current.bound - best.bound + aim * abs(best.bound)
        current = price(planning, current.prices - excess / norm * slope)
        met.append(current.actions)
        if current.bound < best.bound - 1e-6 * abs(best.bound):
            best, stale = current, 0
        elif (stale := stale + 1) == patience:
            current, aim, stale = best, aim / 2, 0
    return best, met


def tighten(planning: Decoupled, clock: Clock, rounds: int = 200, prices: Array | None = None) -> Priced:
    """Return the prices of the tightest bound that the clock allows: within `CLOSE` of the hull's where it is generous.

    The set's linear relaxation comes first, and is the answer where nothing lies between it and the hull. For many arms
    what is left of the way is shortened by a few steps of descent; else it is gone by column generation. Where the
    relaxation makes too large a program, prices by class of alike arms or a long descent take its place; these begin at
    ``prices`` [H, J, A], which those of a similar problem shorten.

    Parameters
    ----------
    planning
        The arms and their action set.
    clock
        Stops the work between two steps.
    rounds
        Steps of the descent and of column generation, at most.
    prices
        Prices [H, J, A] at which a long descent begins; ``None`` for zero.
    """
    best = _relaxed(planning, clock) if relaxable(planning) else None
    relaxed = None if best is None else best.bound
    if best is None or not planning.actions.relaxation.tight:
        best, met = _approached(planning, best, clock, rounds, prices)
        if refinable(planning):
            master = Master(planning)
            for actions in met:
                master.add(actions)
            best = refined(planning, best, master, clock, rounds)
    return replace(best, relaxed=relaxed)


def _approached(
    planning: Decoupled, relaxed: Priced | None, clock: Clock, rounds: int, prices: Array | None
) -> tuple[Priced, list[Array]]:
    """Return prices nearer to the hull's than those of the relaxed set, and the actions [H, J] met on the way."""
    if relaxed is not None:
        return descend(planning, clock, rounds, relaxed.prices, NEAR, NEARBY)
    if 2 * (int(planning.actions.classes.max()) + 1) <= planning.arms.shape[0]:
        found, met = Decomposition(planning).minimise(clock, rounds, CLOSE / 10.0, prices)
        return price(planning, found), met
    return descend(planning, clock, 60 if refinable(planning) else 5 * rounds, prices)


def refinable(planning: Decoupled) -> bool:
    """Return whether column generation over the hull is small enough."""
    arms, arm_actions, states = planning.arms.shape
    return planning.horizon * arms * arm_actions * states <= LARGEST


def relaxable(planning: Decoupled) -> bool:
    """Return whether the program over a relaxed action set is small enough to be solved."""
    arms, arm_actions, states = planning.arms.shape
    steps = planning.horizon
    return steps * arms * arm_actions * states <= WIDEST and steps * planning.actions.relaxation.size <= WIDEST


def _relaxed(planning: Decoupled, clock: Clock) -> Priced | None:
    """Return what the prices of the relaxed program amount to; ``None`` where time runs out."""
    prices = relaxed_prices(planning, planning.actions.relaxation, clock.seconds_left)
    return None if prices is None else price(planning, prices)


def refined(planning: Decoupled, best: Priced, master: Master, clock: Clock, rounds: int, close: float = CLOSE) -> Priced:
    """Return better prices by column generation, one for each arm; at worst those given.

    ``master`` begins with the actions that are known, and keeps those that are found. The search ends where its value and
    the bound are as ``close``, relative to it.

    Parameters
    ----------
    planning
        The arms and their action set.
    best
        What the prices known come to.
    master
        The program over the actions known; it grows.
    clock
        Stops the work between two programs, and limits each.
    rounds
        Programs solved, at most.
    close
        Distance of bound and program, relative to the program's value, at which the work ends.
    """
    master.add(best.actions)
    for _ in range(rounds):
        solved = None if clock.stops() else master.solve(clock.seconds_left)
        if solved is None:
            break
        value, prices = solved
        if best.bound - value <= close * abs(value):
            break
        tried = price(planning, INERTIA * best.prices + (1.0 - INERTIA) * prices)
        last = price(planning, prices)
        master.add(tried.actions)
        master.add(last.actions)
        best = min(best, tried, last, key=lambda found: found.bound)
    return best
