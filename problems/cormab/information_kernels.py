"""The best courses of arms whose noise is known."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel
from redwood.planning.simulator_kernels import counter_of, uniform_of


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
