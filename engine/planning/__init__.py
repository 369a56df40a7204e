"""Planning: arms moved by joint actions, sets of those actions, policies, their simulation and bounds on all of them.

The contracts that a planning problem and its policies implement are imported from here; the package knows no problem.
"""

from redwood.planning.contract import ActionSet, Arms, Choice, Criterion, Planning, Policy, Program, value_of
from redwood.planning.relaxation import Relaxation, relaxation_by_counts, relaxation_of

__all__ = [
    "ActionSet",
    "Arms",
    "Choice",
    "Criterion",
    "Planning",
    "Policy",
    "Program",
    "Relaxation",
    "relaxation_by_counts",
    "relaxation_of",
    "value_of",
]
