"""The plugin host: finds plugins, loads each by itself, and looks up problems and solvers by name.

`pluggy`'s own entry-point loader stops at the first plugin that fails, skips a second plugin of the same name without
a word, and leaves a half-registered one behind; so plugins are loaded here one at a time and only whole ones stay.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pluggy

from redwood.errors import ConflictError, FitError, PluginError, UnknownNameError, suggestion
from redwood.files import path_of
from redwood.planning.contract import POLICY_TARGETS
from redwood.plugins.entries import Entry, PluginRecord, PluginState, PluginWarning, SpecT
from redwood.plugins.modules import import_file, importer
from redwood.plugins.spec import (
    API_VERSION,
    AnySpec,
    Determinism,
    Diagnosis,
    ExecutorSpec,
    Hooks,
    ProblemSpec,
    SolverSpec,
    hookimpl,
)
from redwood.problem import Problem
from redwood.renamed import solver_suggestion
from redwood.solver import Solver

GROUP = "redwood"
"""The entry-point group in which distributions announce their plugin modules."""

GivenT = TypeVar("GivenT")

SELECTION = "REDWOOD_PLUGINS"
"""The environment variable that selects plugins: names separated by commas, or ``none``."""


class Host:
    """Everything registered in this process. `host` returns the one that Redwood uses."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager("redwood")
        self.manager.add_hookspecs(Hooks)
        self.records: list[PluginRecord] = []
        self.files: list[Path] = []
        self._problems: list[Entry[ProblemSpec]] = []
        self._solvers: list[Entry[SolverSpec]] = []
        self._executors: list[Entry[ExecutorSpec]] = []
        self._made: dict[str, Problem[Any, Any]] = {}

    def discover(self) -> None:
        """Load the built-ins, then the plugins of installed distributions that `SELECTION` allows."""
        self._load("builtin", "built-in", lambda: importlib.import_module("redwood.plugins.builtin"), _own_version())
        selected = _selection()
        found = set()
        for point in sorted(metadata.entry_points(group=GROUP), key=lambda point: point.name):
            found.add(point.name)
            version = point.dist.version if point.dist is not None else ""
            if selected is not None and point.name not in selected:
                self.records.append(
                    PluginRecord(point.name, f"entry point {point.value}", PluginState.DISABLED, version=version)
                )
            else:
                self._load(point.name, f"entry point {point.value}", point.load, version)
        for name in selected or ():
            if name not in found:
                self._load(name, f"module named in {SELECTION}", importer(name))

    def load_file(self, path: str | Path) -> None:
        """Load a plugin that is one Python file.

        Raises
        ------
        PluginError
            Where the file cannot be read or imported, or breaks the plugin contract.
        """
        file = path_of(path).resolve()
        if file in self.files:
            return
        record = self._load(file.stem, f"file {path}", lambda: import_file(file), warn=False)
        if record.state is not PluginState.LOADED:
            raise PluginError(f"plugin file {path}: {record.message}")
        self.files.append(file)

    def register(
        self,
        thing: Any,
        *,
        name: str = "",
        summary: str = "",
        views: Iterable[str] = (),
        problems: Iterable[str] = (),
        determinism: Determinism = Determinism.SEEDED,
        **declared: Any,
    ) -> None:
        """Register a problem class, a solver class, a spec, or a module with hooks, for this process.

        A solver class needs ``name=`` and either ``views=`` or ``problems=``; a problem class says all that itself.
        Registering a class again under the same name replaces it, so that a notebook cell can be run twice.

        Parameters
        ----------
        thing
            The class, spec or module.
        name
            Name of a solver class, or of a module in messages.
        summary
            What a solver class does, in a line; by default the first line of its docstring.
        views, problems
            Names of the views that a solver class needs, or of the problems that it is made for.
        determinism
            What the results of a solver class depend on.
        **declared
            Further attributes of a solver class's spec.

        Raises
        ------
        PluginError
            Where something is missing or the thing is none of these.
        """
        if isinstance(thing, ModuleType):
            record = self._load(name or thing.__name__, "registered module", lambda: thing, warn=False)
            if record.state is not PluginState.LOADED:
                raise PluginError(f"module {thing.__name__!r}: {record.message}")
            return
        served = {"views": frozenset(views), "problems": tuple(problems)}
        spec = _spec_of(thing, name, summary, determinism, {**served, **declared})
        cls = thing if isinstance(thing, type) else None
        self._forget(spec)
        hooks = _Hooks()
        setattr(hooks, f"redwood_{'problems' if isinstance(spec, ProblemSpec) else 'solvers'}", hookimpl(lambda: [spec]))
        label = f"registered:{spec.name}:{','.join(sorted(spec.views)) if isinstance(spec, ProblemSpec) else _serves(spec)}"
        record = self._load(label, "registered", lambda: hooks, warn=False, cls=cls)
        if record.state is not PluginState.LOADED:
            raise PluginError(record.message)

    @property
    def problem_entries(self) -> tuple[Entry[ProblemSpec], ...]:
        """All registered problems."""
        return tuple(self._problems)

    @property
    def solver_entries(self) -> tuple[Entry[SolverSpec], ...]:
        """All registered solvers."""
        return tuple(self._solvers)

    @property
    def executor_entries(self) -> tuple[Entry[ExecutorSpec], ...]:
        """All registered executors."""
        return tuple(self._executors)

    def executor_entry(self, name: str) -> Entry[ExecutorSpec]:
        """Return the entry of an executor.

        Raises
        ------
        UnknownNameError
            Where no executor has the name.
        ConflictError
            Where two plugins claim it.
        """
        return _claimed("executor", name, self._executors)

    def problem_entry(self, name: str) -> Entry[ProblemSpec]:
        """Return the entry of a problem.

        Raises
        ------
        UnknownNameError
            Where no problem has the name.
        ConflictError
            Where two plugins claim it.
        """
        return _claimed("problem", name, self._problems)

    def problem(self, name: str) -> Problem[Any, Any]:
        """Return the problem of a name, imported and made at first use."""
        entry = self.problem_entry(name)
        if name not in self._made:
            self._made[name] = entry.load()()
        return self._made[name]

    def solver_entry(self, name: str, problem: str) -> Entry[SolverSpec]:
        """Return the solver of a name for a problem; one made for the problem goes before one that takes a view.

        Raises
        ------
        UnknownNameError
            Where no solver has the name.
        FitError
            Where none of that name fits the problem.
        ConflictError
            Where two plugins claim it.
        """
        named = [entry for entry in self._solvers if entry.spec.name == name]
        if not named:
            hint = solver_suggestion(name, {"auto", *(entry.spec.name for entry in self._solvers)})
            raise UnknownNameError(f"no solver is named {name!r}.{hint} A plugin in a single file needs --plugin FILE.")
        target = self.problem_entry(problem).spec
        fitting = [entry for entry in named if entry.spec.fits(target)]
        if not fitting:
            needs = " or ".join(_serves(entry.spec) for entry in named)
            others = ", ".join(sorted({entry.spec.name for entry in self.fitting(problem)}))
            raise FitError(
                f"solver {name!r} does not fit problem {problem!r}: it needs {needs}. Solvers that fit: {others}."
            )
        best = max(_specificity(entry.spec) for entry in fitting)
        chosen = [entry for entry in fitting if _specificity(entry.spec) == best]
        _refuse_conflict("solver", f"{name} ({_serves(chosen[0].spec)})", chosen)
        return chosen[0]

    def fitting(self, problem: str) -> list[Entry[SolverSpec]]:
        """Return every solver that fits a problem, installed or not."""
        target = self.problem_entry(problem).spec
        return [entry for entry in self._solvers if entry.spec.fits(target)]

    def checked_plugins(self) -> list[str]:
        """Return the names of the plugins that bring checks of their own for the doctor."""
        return [found.plugin_name for found in self.manager.hook.redwood_doctor.get_hookimpls()]

    def diagnoses(self, plugin: str) -> list[Diagnosis]:
        """Return what the checks of a plugin find, which may raise whatever it likes."""
        return self._given("redwood_doctor", Diagnosis, self.manager.get_plugin(plugin))

    def version(self, plugin: str) -> str:
        """Return the version of the distribution that brought a plugin, or an empty string."""
        return next((record.version for record in self.records if record.name == plugin), "")

    def conflicts(self) -> list[str]:
        """Return a sentence for each name that two plugins claim."""
        found = []
        for what, key, claims in self._claims():
            if len({entry.plugin for entry in claims}) > 1 or len(claims) > 1:
                found.append(f"{what} {key!r} is claimed by {_plugins_of(claims)}")
        return found

    def _claims(self) -> Iterator[tuple[str, str, list[Entry[Any]]]]:
        groups: dict[tuple[str, str], list[Entry[Any]]] = {}
        for problem in self._problems:
            groups.setdefault(("problem", problem.spec.name), []).append(problem)
        for solver in self._solvers:
            for served in solver.spec.problems or (_serves(solver.spec),):
                groups.setdefault(("solver", f"{solver.spec.name} for {served}"), []).append(solver)
        for executor in self._executors:
            groups.setdefault(("executor", executor.spec.name), []).append(executor)
        return ((what, key, claims) for (what, key), claims in groups.items())

    def _forget(self, spec: ProblemSpec | SolverSpec) -> None:
        """Drop what was registered by hand under the same name, so that it can be registered anew."""
        for record in [r for r in self.records if r.source == "registered"]:
            same = spec.name in (record.problems if isinstance(spec, ProblemSpec) else record.solvers)
            if same and (isinstance(spec, ProblemSpec) or record.name == f"registered:{spec.name}:{_serves(spec)}"):
                self.records.remove(record)
                self.manager.unregister(name=record.name)
                self._problems = [entry for entry in self._problems if entry.plugin != record.name]
                self._solvers = [entry for entry in self._solvers if entry.plugin != record.name]
                self._made.pop(spec.name, None)

    def _load(
        self,
        name: str,
        source: str,
        loader: Callable[[], Any],
        version: str = "",
        *,
        warn: bool = True,
        cls: type | None = None,
    ) -> PluginRecord:
        """Load one plugin; whatever goes wrong is written into its record and nothing of it stays behind."""
        record = PluginRecord(name, source, PluginState.LOADED, version=version)
        self.records.append(record)
        if self.manager.has_plugin(name):
            record.state, record.message = PluginState.FAILED, f"a plugin named {name!r} is loaded already."
        else:
            try:
                self._take(record, loader(), cls)
            except (Exception, SystemExit) as error:
                if record.state is PluginState.LOADED:
                    record.state = PluginState.FAILED
                record.message = f"{type(error).__name__}: {error}" if not isinstance(error, PluginError) else str(error)
                if self.manager.has_plugin(name):
                    self.manager.unregister(name=name)
        if warn and record.state is not PluginState.LOADED:
            warnings.warn(f"plugin {name!r} is not used ({record.state}): {record.message}", PluginWarning, stacklevel=4)
        return record

    def _take(self, record: PluginRecord, plugin: Any, cls: type | None) -> None:
        self.manager.register(plugin, name=record.name)
        for caller in self.manager.get_hookcallers(plugin) or ():
            if not caller.has_spec():
                raise PluginError(f"it implements an unknown hook {caller.name!r}.")
        problems = self._given("redwood_problems", ProblemSpec, plugin)
        solvers = self._given("redwood_solvers", SolverSpec, plugin)
        executors = self._given("redwood_executors", ExecutorSpec, plugin)
        declared: list[AnySpec] = [*problems, *solvers, *executors]
        for spec in declared:
            if spec.api != API_VERSION:
                record.state = PluginState.INCOMPATIBLE
                raise PluginError(f"{spec.name!r} is written for plugin API {spec.api}; this Redwood has API {API_VERSION}.")
        self._problems += [Entry(spec, record.name, cls) for spec in problems]
        self._solvers += [Entry(spec, record.name, cls) for spec in solvers]
        self._executors += [Entry(spec, record.name) for spec in executors]
        for named in (named for spec in solvers for named in spec.policies):
            kind, _, target = named.partition("=")
            POLICY_TARGETS[kind] = target
        record.problems = [spec.name for spec in problems]
        record.solvers = [spec.name for spec in solvers]
        record.executors = [spec.name for spec in executors]

    def _given(self, hook: str, kind: type[GivenT], plugin: Any) -> list[GivenT]:
        """Return what one plugin's hook gives, all of it of the kind that is expected."""
        others = [other for other in self.manager.get_plugins() if other is not plugin]
        caller = self.manager.subset_hook_caller(hook, remove_plugins=others)
        things = [thing for given in caller() for thing in given]
        for thing in things:
            if not isinstance(thing, kind):
                raise PluginError(f"hook {hook!r} gave a {type(thing).__name__}, and a {kind.__name__} was expected.")
        return things


class _Hooks:
    """Holds the hooks of a thing registered by hand."""


_lock = threading.RLock()  # a plugin may register something while it is being imported
_host: Host | None = None


def host() -> Host:
    """Return the host of this process; the first call discovers the plugins."""
    global _host
    with _lock:
        if _host is None:
            _host = Host()  # set before discovery, for the plugins that ask for it meanwhile
            try:
                _host.discover()
            except BaseException:
                _host = None
                raise
        return _host


def _selection() -> list[str] | None:
    value = os.environ.get(SELECTION)
    if value is None:
        return None
    names = [name.strip() for name in value.split(",") if name.strip()]
    return [] if names in ([], ["none"]) else names


@cache
def _own_version() -> str:
    try:
        return metadata.version("redwood")
    except metadata.PackageNotFoundError:  # the sources are used without being installed
        return ""


def _spec_of(
    thing: Any,
    name: str,
    summary: str,
    determinism: Determinism,
    declared: dict[str, Any],
) -> ProblemSpec | SolverSpec:
    if isinstance(thing, (ProblemSpec, SolverSpec)):
        return thing
    if not isinstance(thing, type) or not issubclass(thing, (Problem, Solver)):
        raise PluginError(f"{thing!r} is no Problem or Solver class, no spec and no module with hooks.")
    line = summary or (thing.__doc__ or "").strip().split("\n")[0]
    target = f"{thing.__module__}:{thing.__qualname__}"
    if issubclass(thing, Problem):
        return ProblemSpec.of(thing, line, determinism=determinism, **({"name": name} if name else {}))
    if not name:
        raise PluginError(f"solver class {thing.__name__} needs a name: register(..., name='my-solver').")
    return SolverSpec(name, line, target, determinism=determinism, **declared)


def _serves(spec: SolverSpec) -> str:
    if spec.problems:
        return f"problem {', '.join(spec.problems)}"
    return f"view {' + '.join(sorted(spec.views))}"


def _specificity(spec: SolverSpec) -> int:
    return 100 if spec.problems else len(spec.views)


def _plugins_of(claims: list[Entry[Any]]) -> str:
    return " and ".join(f"{entry.plugin!r} ({entry.spec.target})" for entry in claims)


def _claimed(what: str, name: str, entries: list[Entry[SpecT]]) -> Entry[SpecT]:
    """Return the only entry of a name."""
    claims = [entry for entry in entries if entry.spec.name == name]
    if not claims:
        raise UnknownNameError(f"no {what} is named {name!r}.{suggestion(name, {entry.spec.name for entry in entries})}")
    _refuse_conflict(what, name, claims)
    return claims[0]


def _refuse_conflict(what: str, name: str, claims: list[Entry[Any]]) -> None:
    if len(claims) > 1:
        raise ConflictError(f"{what} {name!r} is claimed by {_plugins_of(claims)}; disable one of them with {SELECTION}.")
