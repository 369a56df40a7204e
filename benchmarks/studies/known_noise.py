"""What could be earned if all noise were known in advance: a bound by simulation, for each episode apart."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.planning.contract import Planning, check_finite
from redwood.planning.simulated import cumulative
from redwood.planning.simulator_kernels import counter_of, uniform_of


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
    check_finite(planning, "the bound of known noise")
    arms = planning.arms
    moves, starts = cumulative(arms.transitions), cumulative(arms.start)
    weights = planning.discount ** np.arange(planning.horizon)
    paid = np.ascontiguousarray(prices, np.float64)
    earned = best_courses(episodes, seed, moves, starts, arms.rewards, weights, paid)
    together: Array = earned + sum(planning.actions.argmax(row).bound for row in prices)
    return together


@kernel
def best_courses(
    episodes: int, seed: int, ends: Array, starts: Array, rewards: Array, weights: Array, prices: Array
) -> Array:
    """Return the most [E] that the arms of each episode can earn after paying prices [H, J, A], their noise being known.

    Parameters
    ----------
    episodes
        Number of episodes E.
    seed
        Decides the noise, as in simulations.
    ends, starts
        Upper ends of the outcomes' shares, cumulative probabilities: of the next states [J, A, S, S] and of the first ones
        [J, S].
    rewards
        Reward [J, A, S] of each arm's action in each state.
    weights
        Factor [H] on the rewards of each step, from the discount.
    prices
        Price [H, J, A] of each arm's action in each step.
    """
    steps, arms, arm_actions = prices.shape
    states = rewards.shape[2]
    total = np.zeros(episodes)
    ahead, before = np.empty(states), np.empty(states)
    for episode in range(episodes):
        first = counter_of(seed, episode, -1)
        for arm in range(arms):
            ahead[:] = 0.0
            for step in range(steps - 1, -1, -1):
                noise = uniform_of(counter_of(seed, episode, step), arm)
                for state in range(states):
                    best = -np.inf
                    for arm_action in range(arm_actions):
                        outcome = 0
                        while noise >= ends[arm, arm_action, state, outcome]:  # the last end is 2, above all noise
                            outcome += 1
                        best = max(
                            best,
                            weights[step] * rewards[arm, arm_action, state] - prices[step, arm, arm_action] + ahead[outcome],
                        )
                    before[state] = best
                ahead[:] = before
            noise = uniform_of(first, arm)
            state = 0
            while noise >= starts[arm, state]:  # the last end is 2, above all noise
                state += 1
            total[episode] += ahead[state]
    return total
