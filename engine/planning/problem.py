"""`PlanningProblem`: what every problem has in common whose solution is a policy that is priced by simulation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakKeyDictionary

from redwood.budget import Sense
from redwood.errors import SolutionError
from redwood.planning.contract import Planning, Policy
from redwood.planning.evaluation import adjusted, noise_seed, observe, standard_error
from redwood.problem import Instance, Problem

EPISODES = 100
"""Episodes by which `PlanningProblem.objective` estimates the value of a policy."""
SEED = 1919
"""Seed of these episodes: common random numbers for all policies of an instance, and other ones for every instance."""
MARGIN = 5.0
"""Standard errors by which an estimate may miss the truth before anybody calls it a contradiction."""

InstanceT = TypeVar("InstanceT", bound=Instance)


class PlanningProblem(Problem[InstanceT, Policy]):
    """A problem with the view `Planning`; objective, margin and violations of a policy come from simulated episodes.

    Policies keep no instance, so that they travel; what a policy came to is kept as long as the policy lives.
    """

    sense = Sense.MAX
    solution_type = Policy

    def __init__(self) -> None:
        self._evaluated: WeakKeyDictionary[Policy, _Evaluation] = WeakKeyDictionary()

    def objective(self, instance: InstanceT, solution: Policy) -> float:
        """Return the mean reward a step over simulated episodes, a control variate taken off."""
        found = self._evaluate(instance, solution)
        if found.complaint:
            raise SolutionError(found.complaint)
        return found.mean

    def margin(self, instance: InstanceT, solution: Policy) -> float:
        """Return five standard errors of the objective."""
        return MARGIN * self._evaluate(instance, solution).error

    def violations(self, instance: InstanceT, solution: Policy) -> list[str]:
        """Return the first action outside the set that the policy chose in the simulated episodes."""
        complaint = self._evaluate(instance, solution).complaint
        return [complaint] if complaint else []

    def _evaluate(self, instance: InstanceT, policy: Policy) -> _Evaluation:
        """Return what the simulation of a policy gave; the last one of each policy is kept."""
        kept = self._evaluated.get(policy)
        if kept is not None and kept.instance is instance:
            return kept
        try:
            seen = observe(self.view(Planning, instance), policy, EPISODES, noise_seed(instance, SEED))
            rewards = adjusted(seen.rewards, seen.control)
        except (SolutionError, IndexError, ValueError) as error:
            found = _Evaluation(instance, math.nan, math.nan, str(error))
        else:
            found = _Evaluation(instance, float(rewards.mean()), standard_error(seen.rewards, seen.control), "")
        self._evaluated[policy] = found
        return found


@dataclass(frozen=True)
class _Evaluation:
    """Mean reward a step of a policy on an instance, its standard error, and what is wrong with the policy."""

    instance: Instance
    mean: float
    error: float
    complaint: str
