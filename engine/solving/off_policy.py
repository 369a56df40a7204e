"""`off_policy()`: what another policy would have earned in a log, by weighting the arms and by simulating it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import OptionError
from redwood.planning.contract import Policy
from redwood.planning.estimation.estimate import Estimate
from redwood.planning.estimation.log import UNKNOWN
from redwood.planning.wording import Wording, wording_of
from redwood.problem import Instance
from redwood.settings import check_seed, whole
from redwood.solving.draws import rewards_over_draws, view_of

FEWEST_ARMS = 20
"""Arms that have to count in effect for a conclusion: bootstrap intervals of fewer are too narrow."""


@dataclass(frozen=True)
class Valued:
    """One estimate of the mean reward a step: its value, its 95 % interval, and how many arms it rests on in effect."""

    value: float
    interval: tuple[float, float]
    effective_arms: float


@dataclass(frozen=True, repr=False)
class OffPolicy:
    """What another policy would have earned.

    Attributes
    ----------
    weighted
        By importance sampling: arms whose actions were by chance those of the policy count for the others. It knows no
        transitions, and needs few steps: each step divides the arms that count by about two.
    simulated
        By simulation under draws of the posterior, from the states of the log's first step.
    logged
        What was earned in the log itself in the same steps.
    difference
        The 95 % interval of ``weighted`` less ``logged``, both of the same bootstrap samples of arms.
    steps
        How many steps counted.
    wording
        What steps are called.
    """

    weighted: Valued
    simulated: Valued
    logged: float
    difference: tuple[float, float]
    steps: int
    wording: Wording

    @property
    def conclusion(self) -> str:
        """Whether the log alone, without a model of transitions, says that the policy earns more or less than the log."""
        low, high = self.difference
        if self.weighted.effective_arms < FEWEST_ARMS:
            return f"the log alone does not support a difference, since fewer than {FEWEST_ARMS} arms count in effect"
        if low > 0 or high < 0:
            return f"the log alone supports that the policy earns {'more' if low > 0 else 'less'} than was earned in it"
        return "the log alone does not support a difference; what the simulation says rests on the model"

    def __repr__(self) -> str:
        (low, high), (least, most) = self.difference, self.simulated.interval
        step, gain = self.wording.step, self.weighted.value - self.logged
        concluded = self.conclusion[0].upper() + self.conclusion[1:]
        return (
            f"{concluded}: by weights {gain:+.4g} a {step}, 95 % in [{low:.4g}, {high:.4g}], from in effect "
            f"{self.weighted.effective_arms:.3g} arms. In its first {self.steps} {self.wording.steps} the log earned "
            f"{self.logged:.4g} a {step}; the policy earns {self.weighted.value:.4g} by weights, and "
            f"{self.simulated.value:.4g} by simulation, 95 % in [{least:.4g}, {most:.4g}]."
        )


def off_policy(
    estimate: Estimate,
    instance: Instance,
    policy: Policy,
    *,
    steps: int = 5,
    draws: int = 100,
    resamples: int = 500,
    seed: int = 0,
) -> OffPolicy:
    """Return what a policy would have earned in the first steps of a log whose contacts were random.

    An arm's contacts in the log must not depend on what is unknown of it; the probability of an action is taken to be its
    share in that step. What the policy would do to an arm is looked up in the states that the log had for all arms, so
    that the weights leave out that other arms would have been in other states.

    Parameters
    ----------
    estimate
        Of the log.
    instance
        Rewards and actions, for the arms of the log in their order.
    policy
        Whose reward is wanted.
    steps
        How many steps count.
    draws, resamples
        Draws of the posterior, and bootstrap samples of arms.
    seed
        Decides both.
    """
    steps, draws, resamples = whole("steps", steps, 1), whole("draws", draws, 2), whole("resamples", resamples, 2)
    seed, arms = check_seed(seed), view_of(instance).arms
    states, actions = panel(estimate, steps)
    if arms.shape != estimate.log.shape:
        raise OptionError(f"the instance has arms {list(arms.shape)}, and the log {list(estimate.log.shape)}; give its own.")
    policy.bind(view_of(instance))
    weights, earned = _weights(policy, states, actions), _rewards(arms.rewards, states, actions)
    rng = np.random.default_rng([seed, 3])
    picked = rng.integers(len(estimate.names), size=(resamples, len(estimate.names)))
    spread = np.array([_weighted(weights[:, rows], earned[:, rows]) for rows in picked])
    known = ((states != UNKNOWN) & (actions != UNKNOWN)).astype(float)
    logged = np.array([_weighted(known[:, rows], earned[:, rows]) for rows in picked])
    low, high = np.quantile(spread, (0.025, 0.975))
    least, most = np.quantile(spread - logged, (0.025, 0.975))
    last = weights[-1]
    effective = float(last.sum() ** 2 / (last**2).sum()) if last.any() else 0.0
    by_weight = Valued(_weighted(weights, earned), (float(low), float(high)), effective)
    simulated = _simulated(estimate, instance, policy, states[0], steps, draws, seed)
    real, wording = _weighted(known, earned), wording_of(instance)
    return OffPolicy(by_weight, simulated, real, (float(least), float(most)), steps, wording)


def panel(estimate: Estimate, steps: int) -> tuple[Array, Array]:
    """Return states and actions [T, J] of the first steps of a log, `UNKNOWN` where the log has none.

    Raises
    ------
    OptionError
        Where the log has fewer steps.
    """
    log = estimate.log
    place = (log.step - log.step.min()) // log.stride
    if place.max() + 1 < steps:
        raise OptionError(f"the log has {place.max() + 1} steps, and {steps} were asked for.")
    states, actions = (np.full((steps, len(log.names)), UNKNOWN) for _ in range(2))
    rows = place < steps
    states[place[rows], log.arm[rows]] = log.state[rows]
    actions[place[rows], log.arm[rows]] = log.action[rows]
    return states, actions


def _weights(policy: Policy, states: Array, actions: Array) -> Array:
    """Return the weight [T, J] of each arm's history: 0 from the first action on that is not the policy's or not known."""
    weights, running = np.empty(states.shape), np.ones(states.shape[1])
    seen = np.zeros(states.shape[1], np.int64)
    for step in range(len(states)):
        known = (states[step] != UNKNOWN) & (actions[step] != UNKNOWN)
        seen = np.where(states[step] != UNKNOWN, states[step], seen)
        wanted = policy.act(seen, step)
        shares = np.bincount(actions[step][known], minlength=int(actions.max()) + 1) / max(1, int(known.sum()))
        taken = known & (wanted == actions[step])
        running = np.where(taken, running / np.maximum(shares[np.maximum(actions[step], 0)], 1e-12), 0.0)
        weights[step] = running
    return weights


def _rewards(rewards: Array, states: Array, actions: Array) -> Array:
    arms = np.arange(states.shape[1])
    return np.array([rewards[arms, np.maximum(u, 0), np.maximum(s, 0)] for s, u in zip(states, actions, strict=True)])


def _weighted(weights: Array, earned: Array) -> float:
    """Return the mean reward a step of all arms, by weighted means; steps without any arm repeat the last one."""
    total, found, last = weights.sum(axis=1), [], 0.0
    for step in range(len(weights)):
        if total[step] > 0:
            last = float(weights[step] @ earned[step] / total[step])
        found.append(last)
    return float(np.mean(found) * weights.shape[1])


def _simulated(estimate: Estimate, instance: Any, policy: Policy, first: Array, steps: int, draws: int, seed: int) -> Valued:
    """Return the mean reward a step under draws of the posterior, from the log's first states."""
    states = np.arange(instance.arms.shape[2])
    start = np.where((first == UNKNOWN)[:, None], instance.arms.start, states == first[:, None])
    begun = replace(instance, arms=replace(instance.arms, start=start), horizon=steps)
    found = rewards_over_draws(begun, policy, estimate.sample(draws, seed), 10, seed).mean(axis=2).mean(axis=1)
    policy.bind(view_of(instance))
    low, high = np.quantile(found, (0.025, 0.975))
    return Valued(float(found.mean()), (float(low), float(high)), float(len(estimate.names)))
