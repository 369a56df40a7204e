"""`simulate()`: what a policy earns in episodes, with its interval and its share of the bound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from redwood.bounding import bound
from redwood.errors import FitError, OptionError
from redwood.planning import Array, Planning
from redwood.plugins.host import host
from redwood.views import Bound

if TYPE_CHECKING:
    from redwood.planning import Policy
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
    """

    rewards: Array
    bound: float | None = None

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

    def __repr__(self) -> str:
        low, high = self.interval
        share = "" if self.percent_of_bound is None else f", {self.percent_of_bound:.2f} % of the bound {self.bound:.6g}"
        return f"Rollouts: {len(self.rewards)} episodes, {self.mean:.6g} a step, 95 % in [{low:.6g}, {high:.6g}]{share}"


def simulate(
    instance: Instance, policy: Policy, *, episodes: int = 50, seed: int = 0, bound_time_limit: float = 10.0
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
    if isinstance(episodes, bool) or int(episodes) != episodes or episodes < 1:
        raise OptionError(f"episodes {episodes!r} is not a whole number from 1 up.")
    if not bound_time_limit >= 0:
        raise OptionError(f"bound time limit {bound_time_limit} s is negative; give 0 for no bound.")
    problem.validate(instance)
    rewards = problem.view(Planning, instance).rollouts(policy, int(episodes), seed)
    found = None
    if bound_time_limit > 0 and problem.offers(Bound):
        found = bound(instance, time_limit=bound_time_limit).value
    return Rollouts(rewards, found)


def _standard_error(values: Array) -> float:
    return math.inf if len(values) < 2 else float(np.std(values, ddof=1) / math.sqrt(len(values)))
