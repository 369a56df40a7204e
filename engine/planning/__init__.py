"""Planning: arms moved by joint actions, sets of those actions, policies, their simulation and bounds on all of them.

The contracts that a planning problem and its policies implement are imported from here; the package knows no problem.
What starts from a call log is found here too, at first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redwood.lazy import load_target
from redwood.planning.action_set import ActionSet, Choice, Program, value_of
from redwood.planning.contract import Arms, Criterion, Planning, Policy
from redwood.planning.problem import PlanningProblem
from redwood.planning.relaxation import Relaxation, relaxation_by_counts, relaxation_of

if TYPE_CHECKING:
    from redwood.planning.beliefs import collapsing
    from redwood.planning.bounds.lagrangian import LagrangianBound
    from redwood.planning.calendar import by_week, pull_windows, weekly_budgets
    from redwood.planning.estimation.estimate import Estimate, estimate
    from redwood.planning.fairness import at_least_every
    from redwood.planning.gain import Gain
    from redwood.planning.picture import plot_against_bound
    from redwood.planning.simulated import SimulatedPlanning
    from redwood.solving.off_policy import off_policy
    from redwood.solving.online import thompson, ucw
    from redwood.solving.robust import robust
    from redwood.solving.synthetic import synthetic_log

_LAZY = {
    "Gain": "redwood.planning.gain:Gain",
    "LagrangianBound": "redwood.planning.bounds.lagrangian:LagrangianBound",
    "SimulatedPlanning": "redwood.planning.simulated:SimulatedPlanning",
    "off_policy": "redwood.solving.off_policy:off_policy",
    "robust": "redwood.solving.robust:robust",
    "thompson": "redwood.solving.online:thompson",
    "ucw": "redwood.solving.online:ucw",
    "synthetic_log": "redwood.solving.synthetic:synthetic_log",
    "Estimate": "redwood.planning.estimation.estimate:Estimate",
    "at_least_every": "redwood.planning.fairness:at_least_every",
    "by_week": "redwood.planning.calendar:by_week",
    "collapsing": "redwood.planning.beliefs:collapsing",
    "estimate": "redwood.planning.estimation.estimate:estimate",
    "pull_windows": "redwood.planning.calendar:pull_windows",
    "weekly_budgets": "redwood.planning.calendar:weekly_budgets",
    "plot_against_bound": "redwood.planning.picture:plot_against_bound",
}
"""Lazy targets of what is imported at first use; some of it stands above this package."""

__all__ = [
    "ActionSet",
    "Arms",
    "Choice",
    "Criterion",
    "Estimate",
    "Gain",
    "LagrangianBound",
    "Planning",
    "PlanningProblem",
    "Policy",
    "Program",
    "Relaxation",
    "SimulatedPlanning",
    "at_least_every",
    "by_week",
    "collapsing",
    "estimate",
    "off_policy",
    "plot_against_bound",
    "pull_windows",
    "relaxation_by_counts",
    "relaxation_of",
    "robust",
    "synthetic_log",
    "thompson",
    "ucw",
    "value_of",
    "weekly_budgets",
]


def __getattr__(name: str) -> Any:
    """Import a name at first use."""
    if name not in _LAZY:
        raise AttributeError(f"module 'redwood.planning' has no attribute {name!r}")
    return load_target(_LAZY[name])
