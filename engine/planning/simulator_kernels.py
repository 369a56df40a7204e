"""Moving the arms of many episodes by one step, with random numbers that are counted instead of drawn in turn."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel


@kernel(inline="always")
def _mixed(bits: np.uint64) -> np.uint64:
    """Return bits that are thoroughly mixed (the finaliser of splitmix64)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


@kernel
def counter_of(seed: int, episode: int, step: int) -> np.uint64:
    """Return where the random numbers of a step begin; the start states are those of step -1."""
    bits = _mixed(np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15))
    bits = _mixed(bits ^ (np.uint64(episode) + np.uint64(0xD1B54A32D192ED03)))
    return _mixed(bits ^ (np.uint64(step + 1) + np.uint64(0x8CB92BA72F3D8DD7)))


@kernel(inline="always")
def uniform_of(counter: np.uint64, arm: int) -> float:
    """Return the number on [0, 1) that belongs to an arm."""
    bits = _mixed(counter + np.uint64(arm + 1) * np.uint64(0x9E3779B97F4A7C15))
    return (bits >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@kernel
def draw_start(episodes: int, ends: Array, seed: int) -> Array:
    """Return start states [E, J] from the upper ends [J, S] of the states' shares."""
    states = np.empty((episodes, len(ends)), np.int64)
    for episode in range(episodes):
        counter = counter_of(seed, episode, -1)
        for arm in range(len(ends)):
            noise = uniform_of(counter, arm)
            state = 0
            while noise >= ends[arm, state]:  # the last end is 2, above all noise
                state += 1
            states[episode, arm] = state
    return states


@kernel
def advance(states: Array, arm_actions: Array, step: int, seed: int, ends: Array, rewards: Array) -> Array:
    """Move the states [E, J] by one step in place, and return its expected rewards [E].

    Parameters
    ----------
    states
        State [E, J] of each arm in each episode; changes.
    arm_actions
        Action [E, J] of each arm in each episode.
    step, seed
        Number of the step, from 0, and the seed of all noise: together with episode and arm they decide what is drawn.
    ends
        Upper ends [J, A, S, S] of the outcomes' shares, cumulative probabilities.
    rewards
        Expected reward [J, A, S] of each action in each state.
    """
    episodes, arms = states.shape
    outcomes = ends.shape[3] - 1  # no paper reaches the last one's end
    total = np.zeros(episodes)
    for episode in range(episodes):
        counter = counter_of(seed, episode, step)
        earned = 0.0
        for arm in range(arms):
            arm_action = np.uint64(arm_actions[episode, arm])  # unsigned indices need no test for counting from the end
            state = np.uint64(states[episode, arm])
            earned += rewards[arm, arm_action, state]
            noise = uniform_of(counter, arm)
            outcome = 0
            for other in range(outcomes):  # without a branch that noise decides, which processors guess wrong half the time
                outcome += noise >= ends[arm, arm_action, state, other]
            states[episode, arm] = outcome
        total[episode] = earned
    return total


@kernel
def advance_exposed(
    states: Array,
    arm_actions: Array,
    step: int,
    seed: int,
    ends: Array,
    rewards: Array,
    emits: Array,
    reached: Array,
    begins: Array,
) -> Array:
    """Do as `advance` where transitions depend on exposure; the random numbers are the same.

    Parameters
    ----------
    states, arm_actions
        State and action [E, J] of each arm; states are moved in place.
    step, seed
        Decide the random numbers.
    ends
        Upper ends [C, J, A, S, S] of the outcomes' shares by exposure class.
    rewards, emits
        Expected reward and emission [J, A, S].
    reached, begins
        The arms that emissions reach [M], those of arm j from ``begins[j]`` to ``begins[j + 1]``.
    """
    episodes, arms = states.shape
    highest, outcomes = ends.shape[0] - 1, ends.shape[4] - 1
    total = np.zeros(episodes)
    exposure = np.empty(arms, np.int64)
    for episode in range(episodes):
        exposure[:] = 0
        for arm in range(arms):
            emitted = emits[arm, np.uint64(arm_actions[episode, arm]), np.uint64(states[episode, arm])]
            if emitted:
                for place in range(begins[arm], begins[arm + 1]):
                    exposure[reached[place]] += emitted
        counter = counter_of(seed, episode, step)
        earned = 0.0
        for arm in range(arms):
            arm_action = np.uint64(arm_actions[episode, arm])
            state = np.uint64(states[episode, arm])
            kind = np.uint64(min(exposure[arm], highest))
            earned += rewards[arm, arm_action, state]
            number = uniform_of(counter, arm)
            outcome = 0
            for other in range(outcomes):
                outcome += number >= ends[kind, arm, arm_action, state, other]
            states[episode, arm] = outcome
        total[episode] = earned
    return total
