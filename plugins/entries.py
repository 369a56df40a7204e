"""What is registered: of each plugin a record, of each problem, solver and executor an entry, imported when it is needed."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Generic, TypeVar

from redwood.errors import MissingDependencyError, PluginError
from redwood.execution.executor import Executor
from redwood.lazy import load_target
from redwood.plugins.spec import ExecutorSpec, ProblemSpec, SolverSpec
from redwood.problem import Problem
from redwood.solver import Solver


class PluginWarning(UserWarning):
    """A plugin could not be used; the rest of Redwood is not affected."""


class PluginState(StrEnum):
    """What became of a plugin."""

    LOADED = "loaded"
    FAILED = "failed"
    DISABLED = "disabled"
    INCOMPATIBLE = "incompatible"


@dataclass
class PluginRecord:
    """One plugin that was found: where, what became of it, and what it brought."""

    name: str
    source: str
    state: PluginState
    message: str = ""
    version: str = ""
    problems: list[str] = field(default_factory=list)
    solvers: list[str] = field(default_factory=list)
    executors: list[str] = field(default_factory=list)


SpecT = TypeVar("SpecT", ProblemSpec, SolverSpec, ExecutorSpec)

BASES: dict[type, type] = {ProblemSpec: Problem, SolverSpec: Solver, ExecutorSpec: Executor}
"""What the class behind a spec has to be."""


@dataclass
class Entry(Generic[SpecT]):
    """A spec with the plugin it came from, and its class where that was given instead of a lazy target."""

    spec: SpecT
    plugin: str
    cls: type | None = None

    @property
    def missing(self) -> list[str]:
        """Install lines of the required packages that are not there."""
        return [need.install for need in self.spec.requires if not _importable(need.module)]

    def load(self) -> type:
        """Import and return the class.

        Raises
        ------
        MissingDependencyError
            Where a required package is not installed; the message has the install line.
        PluginError
            Where the target cannot be imported.
        """
        if self.cls is None:
            if self.missing:
                raise MissingDependencyError(
                    f"{self.spec.name!r} needs a package that is not installed: {'; '.join(self.missing)}"
                )
            loaded = load_target(self.spec.target)
            base = BASES[type(self.spec)]
            if not (isinstance(loaded, type) and issubclass(loaded, base)):
                raise PluginError(f"{self.spec.target!r} of plugin {self.plugin!r} is not a subclass of {base.__name__}.")
            self.cls = loaded
        return self.cls


@cache
def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
