"""Policy improvement: the values of arms corrected by what the policy's own episodes say, instead of what prices promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from redwood.arrays import Array
from redwood.planning.bounds.segment import Decoupled
from redwood.planning.contract import Planning, Policy
from redwood.planning.evaluation import RecordingPolicy
from redwood.planning.policies import IndexPolicy

CHUNK = 50
"""Episodes simulated between two looks at the clock."""
RIDGE = 2e-3
"""Weight of the squares of corrections, as a share of the number of episodes."""
CERTAIN = 1.96
"""Standard errors by which a candidate must be ahead of the incumbent in the same episodes."""

Stops = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Episodes:
    """Simulated episodes: states and actions [H, E, J] before and in each step, rewards [E, H], discounted."""

    states: Array
    arm_actions: Array
    rewards: Array


@dataclass(frozen=True, eq=False)
class Improved:
    """What policy improvement came to.

    Attributes
    ----------
    values
        Q-values [H + 1, J, S] of each arm's state before each step, discounted to the first step.
    tried, accepted
        Candidates, and how many of them became the incumbent.
    ahead, error
        What the last incumbent earned a step above the first one in the trial's episodes, and its standard error.
    """

    values: Array
    tried: int
    accepted: int
    ahead: float
    error: float


def improve(planning: Planning, values: Array, *, rounds: int, episodes: int, seed: int, stops: Stops) -> Improved:
    """Return better values of states than the given ones [H + 1, J, S], or these where none was found.

    In each round the incumbent policy is simulated, its value is fitted by `fitted`, and the policy that looks one step
    ahead of these values is the candidate. It becomes the incumbent only where it is ahead of it with 95 % confidence in
    trial episodes with the same noise. Rounds end with the first candidate that is not.

    Parameters
    ----------
    planning
        The instance.
    values
        Q-values [H + 1, J, S] of each arm's state before each step, discounted to the first step.
    rounds
        The most rounds.
    episodes
        Simulated for each fit, and for each trial.
    seed
        Decides the noise.
    stops
        Whether the time is over; asked every few episodes.

    References
    ----------
    Lagoudakis, Parr (2003), Least-squares policy iteration, Journal of Machine Learning Research 4, 1107-1149.
    Boutilier, Lu (2016), Budget allocation using weakly coupled, constrained Markov decision processes, UAI.
    """
    rng = np.random.default_rng([seed, 8])
    trial_seed, best, ahead = int(rng.integers(2**31)), values, np.zeros(1)
    first = incumbent = earned_by(planning, policy_for(planning, values), values, episodes, trial_seed, stops)
    tried = accepted = 0
    while incumbent is not None and first is not None and tried < rounds:
        seen = simulated(planning, policy_for(planning, best), episodes, int(rng.integers(2**31)), stops)
        if seen is None:
            break
        candidate = fitted(planning, best, seen)
        earned = earned_by(planning, policy_for(planning, candidate), values, episodes, trial_seed, stops)
        if earned is None:
            break
        tried += 1
        if not surpasses(earned, incumbent):
            break
        best, incumbent, ahead, accepted = candidate, earned, earned - first, accepted + 1
    error = float(ahead.std(ddof=1) / np.sqrt(len(ahead))) if len(ahead) > 1 else 0.0
    return Improved(best, tried, accepted, float(ahead.mean()), error)


def variance_reduced(planning: Decoupled, values: Array, seen: Episodes) -> Array:
    """Return the rewards a step [E] of episodes, their variance reduced by a control variate.

    What the Q-values [H + 1, J, S] promised at the start, and what each step should have brought beyond them on the average
    over its outcomes. The expectation is that of the rewards for all values that are 0 after the last step; the nearer
    they are to the truth, the less is left to vary.

    References
    ----------
    Henderson, Glynn (2002), Approximating martingales for variance reduction in Markov process simulation,
    doi:10.1287/moor.27.2.253.494, section 2.
    """
    promised = values[0][np.arange(values.shape[1]), seen.states[0]].sum(axis=1)
    found: Array = (promised + misses(planning, values, seen).sum(axis=0)) / len(seen.states)
    return found


def misses(planning: Decoupled, values: Array, seen: Episodes) -> Array:
    """Return how much more [H, E] than Q-values [H + 1, J, S] say each step should have brought on the average."""
    horizon, episodes, arms = seen.states.shape
    table, own, found = q_values_from(planning, values), np.arange(arms), np.empty((horizon, episodes))
    for step, (now, taken) in enumerate(zip(seen.states, seen.arm_actions, strict=True)):
        found[step] = (table[step][own, taken, now] - values[step][own, now]).sum(axis=1)
    return found


def surpasses(earned: Array, other: Array) -> bool:
    """Return whether rewards [E] are above others of the same episodes with 95 % confidence."""
    ahead = earned - other
    return len(ahead) > 1 and float(ahead.mean()) > CERTAIN * float(ahead.std(ddof=1)) / np.sqrt(len(ahead))


def fitted(planning: Decoupled, values: Array, seen: Episodes) -> Array:
    """Return values of states [H + 1, J, S] that add up to what the policy of the episodes earns from joint states on.

    Known values say what each step should have brought on the average over its outcomes. How much less or more it was
    is summed up to the end of each episode: without bias the error of the known values under the policy, and free of the
    noise of outcomes. It is regressed on the states of the arms, step by step, as a correction that is kept small where
    episodes say little.
    """
    horizon, episodes, arms = seen.states.shape
    states = values.shape[2]
    share = np.full(episodes, 1.0 / episodes)
    better, to_come = values.copy(), misses(planning, values, seen)[::-1].cumsum(axis=0)[::-1]
    for step in range(horizon):
        now, missed = seen.states[step], to_come[step]
        hot = (now[:, :, None] == np.arange(states)).reshape(episodes, arms * states).astype(np.float64)
        mean, arm_action = share @ hot, float(share @ missed)
        weighed = (hot - mean) * share[:, None]
        gram = weighed.T @ (hot - mean) + RIDGE * np.eye(arms * states)
        change = np.linalg.solve(gram, weighed.T @ (missed - arm_action))
        better[step] += change.reshape(arms, states) + (arm_action - mean @ change) / arms
    return better


def q_values_from(planning: Decoupled, values: Array) -> Array:
    """Return the Q-values [H, J, A, S] of actions: the step's expected reward and the expected value of what it leads to."""
    arms = planning.arms
    weights = planning.discount ** np.arange(planning.horizon)
    moved = np.einsum("jasz,tjz->tjas", arms.transitions, values[1:], optimize=True)
    found: Array = weights[:, None, None, None] * arms.rewards + moved
    return found


def policy_for(planning: Planning, values: Array, decides_by: str = "index") -> IndexPolicy:
    """Return the policy that looks one step ahead of values of states [H + 1, J, S]."""
    return IndexPolicy(q_values_from(planning, values), decides_by)


def simulated(planning: Planning, policy: Policy, episodes: int, seed: int, stops: Stops) -> Episodes | None:
    """Return episodes of a policy, or ``None`` where the time was over before.

    Parameters
    ----------
    planning
        The instance.
    policy
        Decides the actions.
    episodes
        How many episodes E.
    seed
        Decides the noise.
    stops
        Whether the time is over; asked every `CHUNK` episodes.
    """
    parts = []
    for begin in range(0, episodes, CHUNK):
        if stops():
            return None
        parts.append(recorded(planning, policy, min(CHUNK, episodes - begin), seed + begin))
    states, arm_actions = (
        np.concatenate([getattr(part, name) for part in parts], axis=1) for name in ("states", "arm_actions")
    )
    return Episodes(states, arm_actions, np.concatenate([part.rewards for part in parts]))


def recorded(planning: Planning, policy: Policy, episodes: int, seed: int) -> Episodes:
    """Return episodes of a policy, simulated at once.

    Parameters
    ----------
    planning
        The instance.
    policy
        Decides the actions.
    episodes
        How many episodes E.
    seed
        Decides the noise.
    """
    kept = RecordingPolicy(policy)
    rewards = planning.rollouts(kept, episodes, seed)
    return Episodes(np.stack(kept.states).astype(np.int64), np.stack(kept.arm_actions), rewards)


def earned_by(planning: Planning, policy: Policy, values: Array, episodes: int, seed: int, stops: Stops) -> Array | None:
    """Return the mean rewards a step [E] of a policy, freed of noise by values; ``None`` where the time was over before.

    Parameters
    ----------
    planning
        The instance.
    policy
        Decides the actions.
    values
        Q-values [H + 1, J, S] of states that serve as control variate; 0 after the last step.
    episodes
        How many episodes E.
    seed
        Decides the noise.
    stops
        Whether the time is over; asked every `CHUNK` episodes.
    """
    seen = simulated(planning, policy, episodes, seed, stops)
    return None if seen is None else variance_reduced(planning, values, seen)
