"""What a plugin declares: frozen specs with lazy targets, and the hooks that yield them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import pluggy

from redwood.errors import PluginError

if TYPE_CHECKING:
    from redwood.problem import Problem
    from redwood.result import Result

API_VERSION = 1
"""Version of the plugin contract. It rises when plugins have to change."""

VIEWS = ("Linear", "Stepwise", "Local", "Bound", "Planning")

CALLERS = frozenset({"problem", "size", "seed", "rng", "variant"})
"""Arguments of generators that are no settings: callers choose them."""

hookspec = pluggy.HookspecMarker("redwood")
hookimpl = pluggy.HookimplMarker("redwood")


class Determinism(StrEnum):
    """What the same seed and the same number of iterations give."""

    DETERMINISTIC = "deterministic"
    """The same result whatever the seed."""
    SEEDED = "seeded"
    """The same result for the same seed."""
    NONE = "none"
    """Nothing is promised, such as where threads race or a library seeds itself."""


@dataclass(frozen=True)
class Format:
    """How to tell that a file holds an instance, without importing the problem.

    Attributes
    ----------
    suffixes
        Usual suffixes, such as ``(".tsp",)``; they decide where several patterns match.
    pattern
        A regular expression that the beginning of such a file matches (searched with MULTILINE and IGNORECASE).
    """

    suffixes: tuple[str, ...]
    pattern: str


@dataclass(frozen=True)
class Requirement:
    """A package that a plugin needs beyond Redwood's own dependencies."""

    module: str
    install: str


@dataclass(frozen=True)
class Choice:
    """When ``auto`` may choose a solver, and how much it is preferred: the highest score that fits wins.

    Attributes
    ----------
    score
        Preference; built-in solvers use 0 to 100.
    problem
        The problem that the choice speaks of, or ``None`` for every problem that the solver fits.
    min_size, max_size
        Instance sizes for which it holds, inclusive.
    min_seconds
        The shortest time limit for which it holds.
    """

    score: float
    problem: str | None = None
    min_size: int = 0
    max_size: int | None = None
    min_seconds: float = 0.0

    def holds(self, problem: str, size: int, seconds: float) -> bool:
        """Return whether the choice speaks of such an instance and time limit."""
        if self.problem not in (None, problem) or seconds < self.min_seconds:
            return False
        return self.min_size <= size and (self.max_size is None or size <= self.max_size)


@dataclass(frozen=True)
class ProblemSpec:
    """A problem by name: what is known of it before it is imported.

    Attributes
    ----------
    name
        The name users write, such as ``"tsp"``.
    summary
        One line for ``redwood plugins list``.
    target
        Lazy target ``"package.module:Class"`` of the `Problem` class.
    views
        Names of the views offered, from `VIEWS`.
    formats
        How its files are recognised.
    requires
        Packages needed beyond Redwood's own dependencies.
    api
        Version of the plugin contract that it was written for.
    """

    name: str
    summary: str
    target: str
    views: frozenset[str] = frozenset()
    formats: tuple[Format, ...] = ()
    requires: tuple[Requirement, ...] = ()
    determinism: Determinism = Determinism.SEEDED
    api: int = API_VERSION

    @classmethod
    def of(cls, kind: type[Problem[Any, Any]], summary: str = "", **settings: Any) -> ProblemSpec:
        """Return the spec of a problem's class that is imported already, such as in a plugin of one file.

        Parameters
        ----------
        kind
            Says the name, the views and, by its ``pattern`` and ``suffix``, how files are recognised.
        summary
            By default the first line of its docstring.
        **settings
            Further attributes of the spec.
        """
        line = summary or (kind.__doc__ or "").strip().split("\n")[0]
        views = frozenset(view.__name__ for view in kind.views)
        formats = (Format((kind.suffix,), kind.pattern),) if kind.pattern else ()
        known = {"name": kind.name, "summary": line, "target": f"{kind.__module__}:{kind.__qualname__}"}
        return cls(**{**known, "views": views, "formats": formats, **settings})

    def __post_init__(self) -> None:
        _check_common(self)
        for form in self.formats:
            try:
                re.compile(form.pattern)
            except re.error as error:
                raise PluginError(
                    f"problem {self.name!r}: file pattern {form.pattern!r} is no regular expression: {error}."
                ) from error


@dataclass(frozen=True)
class SolverSpec:
    """A solver by name: what is known of it before it is imported.

    A solver needs a set of views (it then fits every problem that offers them all), or is made for stated problems.

    Attributes
    ----------
    views
        Names of the views needed.
    problems
        Names of the problems it is made for, where it works on typed instances instead of views.
    choices
        When ``auto`` may choose it; none means never.
    determinism
        What the same seed and iteration budget give.
    takes
        Settings of the problem's generator under which it gives instances that the solver takes, such as
        ``{"criterion": "average"}``; empty where it takes all of a problem's instances. A solver that refuses more than
        this breaks a promise.
    trainer
        Lazy target of the `redwood.trainable.Trainable` class that learns what the solver needs; empty for none.
    policies
        Kinds of policies that are its own, each as ``"kind=package.module:Class"``, so that saved ones can be read.
    preload
        Modules that it takes long to import, and that neither start threads on import nor mind being forked after it: the
        benchmark runner imports them once and forks each job from there.
    """

    name: str
    summary: str
    target: str
    views: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()
    requires: tuple[Requirement, ...] = ()
    determinism: Determinism = Determinism.SEEDED
    choices: tuple[Choice, ...] = ()
    takes: Mapping[str, Any] = field(default_factory=dict, hash=False)
    trainer: str = ""
    policies: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    api: int = API_VERSION

    def __post_init__(self) -> None:
        _check_common(self)
        if bool(self.views) == bool(self.problems):
            raise PluginError(f"solver {self.name!r} must name either the views it needs or the problems it is made for.")
        self._check_takes()

    def fits(self, problem: ProblemSpec) -> bool:
        """Return whether the solver takes the problem's instances."""
        return problem.name in self.problems if self.problems else self.views <= problem.views

    def _check_takes(self) -> None:
        """Raise a PluginError where `takes` is something else than settings; the generator says whether it has them."""
        if not isinstance(self.takes, Mapping) or not all(isinstance(key, str) for key in self.takes):
            raise PluginError(
                f"solver {self.name!r}: takes is {self.takes!r}; expected names of the generator's settings with their "
                "values, such as {'criterion': 'average'}."
            )
        for key in CALLERS & self.takes.keys():
            raise PluginError(
                f"solver {self.name!r}: takes names {key!r}, {self.takes[key]!r}, which whoever draws an instance chooses. "
                "Refuse what the solver cannot take with a FitError at the beginning of `run`."
            )


@dataclass(frozen=True)
class ExecutorSpec:
    """An executor by name: where benchmark jobs, labels and simulations are carried out.

    Attributes
    ----------
    target
        Lazy target ``"package.module:Class"`` of the `Executor` class.
    requires
        Packages needed beyond Redwood's own dependencies.
    """

    name: str
    summary: str
    target: str
    requires: tuple[Requirement, ...] = ()
    api: int = API_VERSION

    def __post_init__(self) -> None:
        _check_common(self)


class Grade(StrEnum):
    """How serious a finding of the doctor is."""

    GOOD = "good"
    """Nothing is amiss."""
    NOTE = "note"
    """Worth knowing, and nothing to repair: disabled on purpose, or an optional package is missing."""
    WRONG = "wrong"
    """Somebody has to do something."""


@dataclass(frozen=True)
class Diagnosis:
    """What a plugin's own check has found, for `redwood plugins doctor`.

    Attributes
    ----------
    subject
        What was looked at, such as ``"licence"``.
    grade
        How serious it is.
    message
        What was found and, where something is wrong, what to do.
    """

    subject: str
    grade: Grade
    message: str


AnySpec: TypeAlias = ProblemSpec | SolverSpec | ExecutorSpec
"""Whatever a plugin can declare."""


class Hooks:
    """The hooks that a plugin module may implement, each marked ``@hookimpl``."""

    @hookspec
    def redwood_problems(self) -> Iterable[ProblemSpec]:  # type: ignore[empty-body]
        """Return the problems that the plugin brings. Called once, at discovery."""

    @hookspec
    def redwood_solvers(self) -> Iterable[SolverSpec]:  # type: ignore[empty-body]
        """Return the solvers that the plugin brings. Called once, at discovery."""

    @hookspec
    def redwood_executors(self) -> Iterable[ExecutorSpec]:  # type: ignore[empty-body]
        """Return the executors that the plugin brings. Called once, at discovery."""

    @hookspec
    def redwood_doctor(self) -> Iterable[Diagnosis]:  # type: ignore[empty-body]
        """Return what the plugin's own checks find. Called by `redwood plugins doctor`, in a process of its own."""

    @hookspec
    def redwood_solved(self, result: Result) -> None:
        """Look at a finished result, such as to log it. Called at the end of each `solve`."""


def _check_common(spec: AnySpec) -> None:
    kind = type(spec).__name__.removesuffix("Spec").lower()
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", spec.name):
        raise PluginError(f"{kind} name {spec.name!r} must be lower-case letters, digits, '-' and '_'.")
    if ":" not in spec.target:
        raise PluginError(f"{kind} {spec.name!r}: target {spec.target!r} is not of the form 'package.module:Class'.")
    for view in () if isinstance(spec, ExecutorSpec) else spec.views:
        if view not in VIEWS:
            raise PluginError(f"{kind} {spec.name!r} names an unknown view {view!r}; views are {', '.join(VIEWS)}.")
