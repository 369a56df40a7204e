"""`Quadratic`: Lagrangian values, and a concave quadratic term for arms that will compete at the same time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redwood.clock import Share
from redwood.errors import OptionError
from redwood.planning.contract import Planning, check_finite
from redwood.problem import Instance, Problem
from redwood.solver import Answer, Run, Solver

RELAXING, IMPROVING = 0.3, 0.25
"""Shares of the time that is left for the relaxation, and then for improving its values; the rest is for the coupling."""
ROUNDS = 4
"""The most rounds of improving the values of arms."""


@dataclass(frozen=True)
class Quadratic(Solver):
    """Correct Lagrangian values by what a policy's own episodes earn: values of arms first, then a quadratic coupling term.

    Lagrangian values let arms fall apart, as if more than the budget could be bought at fixed prices. A concave quadratic
    function of what all arms are expected to ask for in the next steps corrects that; see
    `redwood.solvers.planning.quadratic_policy.QuadraticPolicy`. Each correction is kept only where it is ahead in trial
    episodes with 95 % confidence; the message says which were, and `describe` what decides.

    Attributes
    ----------
    episodes
        Episodes that each fit and each trial simulates.
    """

    episodes: int = 1000

    def __post_init__(self) -> None:
        if self.episodes < 2:
            raise OptionError(f"episodes {self.episodes} is below 2; a trial compares policies over several.")

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        import highspy  # noqa: F401
        import scipy.optimize  # noqa: F401

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        from redwood.planning.bounds.pricing import relax
        from redwood.solvers.planning.improving import improve, policy_for
        from redwood.solvers.planning.quadratic_fit import try_coupling

        planning = problem.view(Planning, instance)
        check_finite(planning, "quadratic")
        relaxation = relax(planning, Share(run, RELAXING))
        bound, plain = relaxation.bound(planning.horizon), policy_for(planning, relaxation.values, "lagrangian")
        run.report(plain)
        improving = Share(run, IMPROVING)
        how: dict[str, Any] = {"episodes": self.episodes, "seed": run.seed}
        found = improve(planning, relaxation.values, rounds=ROUNDS, stops=improving.stops, **how)
        told = f"{found.accepted} of {found.tried} improvements of arms' values accepted"
        coupled = try_coupling(planning, relaxation, found.values, stops=run.stops, **how)
        if coupled is None:
            values = policy_for(planning, found.values, "lagrangian")
            return Answer(values, bound=bound, message=f"{told}; there was no time for the quadratic term.")
        told += f"; the quadratic term is {coupled.ahead:+.4g} +- {1.96 * coupled.error:.2g} a step beside these"
        if coupled.accepted:
            return Answer(coupled.policy, bound=bound, message=f"{told}, accepted.")
        return Answer(policy_for(planning, found.values, "lagrangian"), bound=bound, message=f"{told}, and left out.")
