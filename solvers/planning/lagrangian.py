"""`Lagrangian`: the policy that the prices of the tightest bound suggest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redwood.clock import Share
from redwood.planning.additive_policy import AdditivePolicy
from redwood.planning.contract import Criterion, Planning
from redwood.planning.policies import IndexPolicy
from redwood.planning.steps import arms_alone, is_coupled
from redwood.problem import Instance, Problem
from redwood.solver import Answer, Run, Solver


@dataclass(frozen=True)
class Lagrangian(Solver):
    """Price every action of every arm in every step, and act on what each arm then expects.

    The prices are those of the tightest bound over the convex hull of the action set. Under them the expected reward to
    come of each arm, later prices paid, is a small recursion of its own; in each step the policy takes the joint action
    of the greatest total. Nothing is learned, and the bound holds for every policy.

    Where a joint reward or exposure couples the arms beyond the action set, this step stays exact, joint reward and exposure
    included, and only the future is a sum over arms: the best, in trial episodes, of the values of several relaxations.

    References
    ----------
    Adelman, Mersereau (2008), Relaxations of weakly coupled stochastic dynamic programs, doi:10.1287/opre.1070.0445.
    Brown, Smith (2020), Index policies and performance bounds for dynamic selection problems,
    doi:10.1287/mnsc.2019.3342.
    """

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        import highspy  # noqa: F401

        planning = problem.view(Planning, instance)
        planning.actions.argmax(arms_alone(planning).rewards[:, :, 0])

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        from redwood.planning.bounds.average import solve_average
        from redwood.planning.bounds.duality import tighten

        planning = problem.view(Planning, instance)
        if is_coupled(planning):
            return self._coupled(planning, run)
        if planning.criterion is Criterion.AVERAGE:
            solved = solve_average(planning, run)
            return Answer(IndexPolicy(solved.q_values[None], "lagrangian"), bound=solved.bound + 1e-9 * abs(solved.bound))
        found = tighten(planning, run)
        bound = found.bound / planning.horizon
        return Answer(IndexPolicy(found.q_values, "lagrangian"), bound=bound + 1e-9 * abs(bound))

    def _coupled(self, planning: Planning, run: Run) -> Answer:
        """Return the policy of an exact step and additive values, and the bound of the best exposure and arms apart."""
        from redwood.planning.bounds.coupled import additive_values, coupled_bound

        bound = coupled_bound(planning, Share(run, 0.3)) / planning.horizon
        found = additive_values(planning, run, int(run.rng.integers(2**31)))
        message = (
            f"This step is exact, and the future that of {found.name}, the best of {found.tried} relaxations in trials."
        )
        return Answer(AdditivePolicy(found.values, "lagrangian"), bound=bound + 1e-9 * abs(bound), message=message)
