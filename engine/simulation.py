"""`simulate()`: what a policy earns in episodes, with its interval and its share of the bound."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from redwood.bounding import bound
from redwood.errors import FitError, OptionError
from redwood.planning import Array, Criterion, Planning, Policy
from redwood.plugins.host import host
from redwood.views import Bound

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from redwood.problem import Instance

NORMAL = 1.959963984540054
"""Standard deviations of a normal distribution that hold 95 % of it on both sides."""


@dataclass(frozen=True, eq=False)
class Rollouts:
    """What a policy earned.

    Attributes
    ----------
    rewards
        Expected one-step reward [E, H] in each episode and step, discounted.
    bound
        Upper bound on the mean reward a step of every policy, or ``None``.
    states, levels
        State and level [E, H, J] of each arm before each step, where they were kept.
    """

    rewards: Array
    bound: float | None = None
    states: Array | None = None
    levels: Array | None = None

    @property
    def mean(self) -> float:
        """Mean reward a step."""
        return float(self.rewards.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """Interval that holds the expected mean reward with 95 % confidence; infinite for a single episode."""
        half = NORMAL * _standard_error(self.rewards.mean(axis=1))
        return self.mean - half, self.mean + half

    @property
    def percent_of_bound(self) -> float | None:
        """The mean as per cent of the bound; ``None`` without a positive bound."""
        return None if self.bound is None or self.bound <= 0 else 100.0 * self.mean / self.bound

    def minus(self, other: Rollouts) -> tuple[float, tuple[float, float]]:
        """Return by how much the mean is above another policy's in the same episodes, with its 95 % interval.

        Both must have been simulated with the same seed: the luck is then the same, and episodes are compared in pairs.

        Raises
        ------
        OptionError
            Where the numbers of episodes differ.
        """
        if len(self.rewards) != len(other.rewards):
            raise OptionError(f"{len(self.rewards)} and {len(other.rewards)} episodes cannot be compared in pairs.")
        difference = self.rewards.mean(axis=1) - other.rewards.mean(axis=1)
        mean, half = float(difference.mean()), NORMAL * _standard_error(difference)
        return mean, (mean - half, mean + half)

    def plot(self, path: str | Path | None = None, axes: Axes | None = None) -> Axes:
        """Draw what was kept as a heat map of states and pulls, or else the reward over time, and return the axes."""
        from redwood.picture import draw_arms, draw_rewards, drawn

        if self.states is None or self.levels is None:
            return drawn(lambda shown: draw_rewards(shown, {"": self}), path, axes)
        states, levels = self.states, self.levels
        return drawn(lambda shown: draw_arms(shown, states, levels), path, axes)

    def __repr__(self) -> str:
        low, high = self.interval
        share = "" if self.percent_of_bound is None else f", {self.percent_of_bound:.2f} % of the bound {self.bound:.6g}"
        return f"Rollouts: {len(self.rewards)} episodes, {self.mean:.6g} a step, 95 % in [{low:.6g}, {high:.6g}]{share}"


@dataclass(frozen=True)
class Latency:
    """How long single decisions take, in seconds: the median, and what 99 % of them stay within."""

    median: float
    p99: float


def simulate(
    instance: Instance,
    policy: Policy,
    *,
    episodes: int = 50,
    seed: int = 0,
    bound_time_limit: float = 10.0,
    keep: bool = False,
) -> Rollouts:
    """Return what a policy earns on an instance of a planning problem.

    Parameters
    ----------
    instance
        Of a problem with the view `Planning`.
    policy
        Such as ``solve(instance, "lagrangian").solution``.
    episodes
        Number of independent episodes.
    seed
        Decides the luck of each arm in each step of each episode, whatever the policy does.
    bound_time_limit
        Seconds for the problem's bound; 0 for none.
    keep
        Whether states and levels are kept, for `Rollouts.plot`.

    Raises
    ------
    FitError
        Where the problem has no view `Planning`.
    SolutionError
        Where the policy chooses an action that is not allowed.
    """
    problem = host().problem(instance.problem)
    if not problem.offers(Planning):
        raise FitError(f"problem {instance.problem!r} is not one of planning, so there is nothing to simulate.")
    if not isinstance(policy, Policy):
        raise OptionError(f"the policy is {policy!r}; give one, such as solve(instance, 'lagrangian').solution.")
    if isinstance(episodes, bool) or int(episodes) != episodes or episodes < 1:
        raise OptionError(f"episodes {episodes!r} is not a whole number from 1 up.")
    if not bound_time_limit >= 0:
        raise OptionError(f"bound time limit {bound_time_limit} s is negative; give 0 for no bound.")
    problem.validate(instance)
    watched = WatchedPolicy(policy)
    planning = problem.view(Planning, instance)
    rewards = planning.rollouts(watched if keep else policy, int(episodes), seed)
    policy.meet(planning)
    found = None
    if bound_time_limit > 0 and problem.offers(Bound):
        found = bound(instance, time_limit=bound_time_limit).value
    if not keep:
        return Rollouts(rewards, found)
    counted = planning.horizon
    states, levels = (np.stack(kept[-counted:], axis=1) for kept in (watched.states, watched.levels))
    return Rollouts(rewards, found, states, levels)


def latency(instance: Instance, policy: Policy, *, decisions: int = 200, seed: int = 0) -> Latency:
    """Return how long a policy takes to decide for one episode at a time, in states that it comes to itself.

    The first decision is left out, since it may compile or build what the others use.

    Raises
    ------
    OptionError
        Where there is not at least one decision to time.
    """
    if decisions < 1:
        raise OptionError(f"decisions {decisions} is below 1.")
    planning = host().problem(instance.problem).view(Planning, instance)
    episodes = -(-decisions // planning.horizon)
    watched = WatchedPolicy(policy)
    planning.rollouts(watched, episodes, seed)
    policy.meet(planning)
    rng = np.random.default_rng(seed)
    seconds = []
    for index in range(-1, decisions):
        step = max(index, 0) % planning.horizon
        row = watched.states[step][max(index, 0) // planning.horizon][None]
        began = time.perf_counter()
        policy.choose(planning, row, 0 if planning.criterion is Criterion.AVERAGE else step, rng)
        seconds.append(time.perf_counter() - began)
    return Latency(float(np.median(seconds[1:])), float(np.quantile(seconds[1:], 0.99)))


@dataclass(frozen=True, eq=False)
class WatchedPolicy(Policy):
    """Do as another policy does, and keep the states [E, J] and the levels [E, J] of each step."""

    kind: ClassVar[str] = "watched"
    base: Policy
    states: list[Array] = field(default_factory=list)
    levels: list[Array] = field(default_factory=list)

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return what the other policy chooses."""
        levels = self.base.choose(planning, states, step, rng)
        self.states.append(states.copy())
        self.levels.append(np.asarray(levels).copy())
        return levels


def _standard_error(values: Array) -> float:
    return math.inf if len(values) < 2 else float(np.std(values, ddof=1) / math.sqrt(len(values)))
