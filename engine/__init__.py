"""Redwood: a plugin-based engine for combinatorial optimisation and planning.

`solve` takes an instance of any registered problem to any registered solver that fits it and returns one kind of
result, checked by the problem itself and, wherever a bound exists, with its gap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redwood.bounding import BoundReport, bound
    from redwood.budget import Budget, Iterations, Seconds, Sense, Target, TargetGap, Termination
    from redwood.errors import RedwoodError
    from redwood.explaining import Explanation, explain
    from redwood.picture import plot
    from redwood.policy_files import load_policy, save_policy
    from redwood.problem import Instance, Problem, Solution
    from redwood.reading import Check, check, generate, instance, read, read_solution
    from redwood.registering import find_policy, register
    from redwood.result import Result, Status
    from redwood.simulation import Latency, Rollouts, latency, simulate
    from redwood.solver import Answer, Incumbent, Run, Solver
    from redwood.solving import solve, solve_many
    from redwood.training import train

_HOMES = {
    "bounding": ("BoundReport", "bound"),
    "budget": ("Budget", "Iterations", "Seconds", "Sense", "Target", "TargetGap", "Termination"),
    "errors": ("RedwoodError",),
    "explaining": ("Explanation", "explain"),
    "picture": ("plot",),
    "policy_files": ("load_policy", "save_policy"),
    "problem": ("Instance", "Problem", "Solution"),
    "reading": ("Check", "check", "generate", "instance", "read", "read_solution"),
    "registering": ("find_policy", "register"),
    "result": ("Result", "Status"),
    "simulation": ("Latency", "Rollouts", "latency", "simulate"),
    "solver": ("Answer", "Incumbent", "Run", "Solver"),
    "solving": ("solve", "solve_many"),
    "training": ("train",),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Answer",
    "BoundReport",
    "Budget",
    "Check",
    "Explanation",
    "Incumbent",
    "Instance",
    "Iterations",
    "Latency",
    "Problem",
    "RedwoodError",
    "Result",
    "Rollouts",
    "Run",
    "Seconds",
    "Sense",
    "Solution",
    "Solver",
    "Status",
    "Target",
    "TargetGap",
    "Termination",
    "bound",
    "check",
    "explain",
    "find_policy",
    "generate",
    "instance",
    "latency",
    "load_policy",
    "plot",
    "read",
    "read_solution",
    "register",
    "save_policy",
    "simulate",
    "solve",
    "solve_many",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a public name at first use, so that ``import redwood`` stays quick."""
    if name == "__version__":
        from importlib.metadata import version

        return version("redwood")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'redwood' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"redwood.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
