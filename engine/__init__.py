"""Redwood: a plugin-based engine for combinatorial optimisation and planning.

`solve` takes an instance of any registered problem to any registered solver that fits it and returns one kind of
result, checked by the problem itself and, wherever a bound exists, with its gap.
"""

from __future__ import annotations

import importlib

import redwood.torch_settings  # noqa: F401 (what it does after a fork has to be known before one)

TYPE_CHECKING = False  # in the place of that of `typing`, whose import takes longer than the rest of this one
if TYPE_CHECKING:
    from typing import Any

    from redwood.budget import Budget, Iterations, Seconds, Sense, Target, TargetGap, Termination
    from redwood.embedding.embed import embed
    from redwood.embedding.embedded import Embedded, EmbeddingCheck, EmbeddingReport
    from redwood.embedding.predictor import Scaling
    from redwood.errors import RedwoodError
    from redwood.planning.files import save_policy
    from redwood.planning.simulation import Rollouts
    from redwood.problem import Instance, Problem, Solution
    from redwood.result import Result, Status
    from redwood.solver import Answer, Incumbent, Run, Solver
    from redwood.solving.batches import solve_many
    from redwood.solving.bound import BoundReport, bound
    from redwood.solving.explain import Explanation, explain
    from redwood.solving.plot import plot
    from redwood.solving.read import Check, check, generate, instance, read, read_result, read_solution
    from redwood.solving.register import find_policy, load_policy, register
    from redwood.solving.simulate import Latency, latency, simulate
    from redwood.solving.solve import solve
    from redwood.solving.train import train
    from redwood.solving.write import write

_HOMES = {
    "solving.bound": ("BoundReport", "bound"),
    "budget": ("Budget", "Iterations", "Seconds", "Sense", "Target", "TargetGap", "Termination"),
    "embedding.embed": ("embed",),
    "embedding.embedded": ("Embedded", "EmbeddingCheck", "EmbeddingReport"),
    "embedding.predictor": ("Scaling",),
    "errors": ("RedwoodError",),
    "solving.explain": ("Explanation", "explain"),
    "solving.plot": ("plot",),
    "planning.files": ("save_policy",),
    "problem": ("Instance", "Problem", "Solution"),
    "solving.read": ("Check", "check", "generate", "instance", "read", "read_result", "read_solution"),
    "solving.register": ("find_policy", "load_policy", "register"),
    "result": ("Result", "Status"),
    "planning.simulation": ("Rollouts",),
    "solving.simulate": ("Latency", "latency", "simulate"),
    "solver": ("Answer", "Incumbent", "Run", "Solver"),
    "solving.batches": ("solve_many",),
    "solving.solve": ("solve",),
    "solving.train": ("train",),
    "solving.write": ("write",),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Answer",
    "BoundReport",
    "Budget",
    "Check",
    "Embedded",
    "EmbeddingCheck",
    "EmbeddingReport",
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
    "Scaling",
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
    "embed",
    "explain",
    "find_policy",
    "generate",
    "instance",
    "latency",
    "load_policy",
    "plot",
    "read",
    "read_result",
    "read_solution",
    "register",
    "save_policy",
    "simulate",
    "solve",
    "solve_many",
    "train",
    "write",
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
