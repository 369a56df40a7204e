"""The doctor: examines every plugin, and says what is wrong with it.

Lazy targets are imported in a child process, so that one that crashes, hangs or takes seconds to import harms nobody.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from redwood.errors import PluginError
from redwood.lazy import load_target
from redwood.operating_system import can_fork
from redwood.plugins.entries import BASES, Entry, PluginRecord, PluginState
from redwood.plugins.host import Host, host
from redwood.plugins.spec import AnySpec, Diagnosis, ExecutorSpec, Grade, ProblemSpec

PATIENCE = 60.0
"""Seconds that the import of one target, or the checks of one plugin, may take."""


@dataclass(frozen=True)
class Finding:
    """What the doctor found at one place: the plugin, what of it was looked at, and the outcome."""

    plugin: str
    subject: str
    grade: Grade
    message: str


def examine(patience: float = PATIENCE) -> list[Finding]:
    """Return the findings on every plugin, problem, solver and executor of this process, and those of the plugins' checks.

    Parameters
    ----------
    patience
        Seconds that the import of one target, or the checks of one plugin, may take before it counts as hanging.
    """
    found = host()
    findings = [*_plugins(found), *_conflicts(found)]
    entries: list[Entry[Any]] = [*found.problem_entries, *found.solver_entries, *found.executor_entries]
    absent = [entry for entry in entries if entry.missing]
    findings += [_finding(entry, Grade.NOTE, f"not installed: {'; '.join(entry.missing)}") for entry in absent]
    present = [entry for entry in entries if not entry.missing]
    given = [entry for entry in present if entry.cls is not None and _is_registered(found, entry)]
    findings += [_outcome(entry, inspect_class(entry.spec, entry.cls)) for entry in given]
    lazy = [entry for entry in present if entry not in given]
    here = {record.name for record in found.records if record.source == "registered module"}
    checked = sorted(found.checked_plugins(), key=lambda name: name in here)  # those of this process come last
    apart = [name for name in checked if name not in here]
    told = _inspect_in_child([*(entry.spec for entry in lazy), *apart], patience)
    told += [_inspect(name) for name in checked if name in here]
    findings += [_outcome(entry, [one.message for one in told.pop(0)]) for entry in lazy]
    for name, diagnoses in zip(checked, told, strict=True):
        findings += [Finding(name, one.subject, one.grade, one.message) for one in diagnoses]
    return findings


def inspect_class(spec: AnySpec, cls: Any) -> list[str]:
    """Return in words where a class is not what its spec says, or an empty list."""
    base = BASES[type(spec)]
    if not (isinstance(cls, type) and issubclass(cls, base)):
        return [f"{spec.target!r} is not a subclass of {base.__name__}."]
    missing = sorted(getattr(cls, "__abstractmethods__", ()))
    faults = [f"class {cls.__name__} leaves {', '.join(missing)} unwritten."] if missing else []
    return faults + (_inspect_problem(spec, cls) if isinstance(spec, ProblemSpec) else _inspect_options(spec, cls))


def _inspect_problem(spec: ProblemSpec, cls: Any) -> list[str]:
    faults = []
    if cls.name != spec.name:
        faults.append(f"the spec is named {spec.name!r} and the class {cls.name!r}.")
    offered = {view.__name__ for view in cls.views}
    if offered != spec.views:
        faults.append(f"the spec offers the views {_listed(spec.views)} and the class {_listed(offered)}.")
    for view, target in cls.views.items():
        try:
            made: Any = load_target(target)
        except PluginError as error:
            faults.append(f"view {view.__name__}: {error}")
            continue
        if not (isinstance(made, type) and issubclass(made, view)):
            faults.append(f"view {view.__name__}: {target!r} is not a subclass of it.")
        elif missing := sorted(getattr(made, "__abstractmethods__", ())):
            faults.append(f"view {view.__name__}: {target!r} leaves {', '.join(missing)} unwritten.")
    return faults


def _inspect_options(spec: AnySpec, cls: Any) -> list[str]:
    """Return what is wrong with the fields of a solver's or an executor's class."""
    kind = _kind(spec)
    settings = getattr(cls, "__dataclass_params__", None)
    if settings is None:
        return [f"{kind} class {cls.__name__} is not a dataclass, so it can have no options."]
    faults = []
    if not settings.frozen:
        faults.append(f"{kind} class {cls.__name__} is not frozen; decorate it with @dataclass(frozen=True).")
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    for name, field in fields.items():
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            faults.append(f"option {name!r} has no default.")
    return faults


def _kind(spec: AnySpec) -> str:
    return type(spec).__name__.removesuffix("Spec").lower()


def _plugins(found: Host) -> Iterator[Finding]:
    grades = {PluginState.LOADED: Grade.GOOD, PluginState.DISABLED: Grade.NOTE}
    for record in found.records:
        message = record.message or f"{record.state}, {_brought(record)}"
        yield Finding(record.name, "plugin", grades.get(record.state, Grade.WRONG), message)


def _brought(record: PluginRecord) -> str:
    words = f"{len(record.problems)} problems and {len(record.solvers)} solvers"
    return words + f", {len(record.executors)} executors" * bool(record.executors)


def _conflicts(found: Host) -> Iterator[Finding]:
    for sentence in found.conflicts():
        yield Finding("", "names", Grade.WRONG, sentence)


def _is_registered(found: Host, entry: Entry[Any]) -> bool:
    return any(record.name == entry.plugin and record.source == "registered" for record in found.records)


def _outcome(entry: Entry[Any], faults: Sequence[str]) -> Finding:
    return _finding(entry, Grade.WRONG if faults else Grade.GOOD, " ".join(faults) or "as its spec says")


def _finding(entry: Entry[Any], grade: Grade, message: str) -> Finding:
    spec = entry.spec
    if isinstance(spec, ProblemSpec):
        return Finding(entry.plugin, f"problem {spec.name}", grade, message)
    if isinstance(spec, ExecutorSpec):
        return Finding(entry.plugin, f"executor {spec.name}", grade, message)
    served = ", ".join(spec.problems) or " + ".join(sorted(spec.views))
    return Finding(entry.plugin, f"solver {spec.name} for {served}", grade, message)


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"


SERVE = "from redwood.plugins.conformance.doctor import serve; serve()"
"""What a child does."""

LARGEST = 2**20
"""Bytes of what a child says of one target or plugin, at most."""

CHECKS = "checks"
"""What findings call the checks of a plugin as a whole."""


def _inspect_in_child(items: Sequence[AnySpec | str], patience: float) -> list[list[Diagnosis]]:
    """Return what is found at each target, and by the checks of each plugin; a child that dies or hangs is replaced.

    A system without forks has no such child: there everything is looked at in this process.
    """
    if not can_fork():  # nor can it pass descriptors on
        return [_inspect(item) for item in items]
    found: list[list[Diagnosis]] = []
    while len(found) < len(items):
        found += _one_child(items[len(found) :], patience)
    return found


def _one_child(items: Sequence[AnySpec | str], patience: float) -> list[list[Diagnosis]]:
    reading, writing = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", f"import sys; sys.path[:] = {sys.path!r}; {SERVE}", str(writing)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(writing,),
        start_new_session=True,
    )
    os.close(writing)
    order = pickle.dumps({"path": sys.path, "files": [str(file) for file in host().files], "items": list(items)})
    found: list[list[Diagnosis]] = []
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError), child.stdin as sender:  # one that died at once is found dead below
            sender.write(order)
    with contextlib.closing(Connection(reading, writable=False)) as channel:
        with contextlib.suppress(EOFError, OSError, msgspec.MsgspecError):
            while len(found) < len(items) and channel.poll(patience):
                found.append(msgspec.json.decode(channel.recv_bytes(LARGEST), type=list[Diagnosis]))
        if len(found) < len(items):
            what = CHECKS if isinstance(items[len(found)], str) else "import"
            found.append([Diagnosis(CHECKS, Grade.WRONG, f"its {what} {_death(child, patience)}")])
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    return found


def _death(child: subprocess.Popen[bytes], patience: float) -> str:
    try:
        code = child.wait(timeout=1.0)
    except subprocess.TimeoutExpired:
        return f"takes more than {patience:g} s."
    return f"kills the process ({signal.Signals(-code).name if code < 0 else f'exit code {code}'})."


def serve() -> None:
    """Be the child: read what to look at from standard input, and stream the findings to the pipe named in the arguments."""
    channel = Connection(int(sys.argv[1]), readable=False)
    order = pickle.load(sys.stdin.buffer)
    sys.path[:] = order["path"]
    for file in order["files"]:
        host().load_file(file)
    for item in order["items"]:
        channel.send_bytes(msgspec.json.encode(_inspect(item)))


def _inspect(item: AnySpec | str) -> list[Diagnosis]:
    """Return what is wrong with a spec's target, or what the checks of a plugin find."""
    if isinstance(item, str):
        try:
            return host().diagnoses(item)
        except Exception as error:  # whatever a stranger's check raises is a finding
            return [Diagnosis(CHECKS, Grade.WRONG, f"they end with {type(error).__name__}: {error}")]
    try:
        faults = inspect_class(item, load_target(item.target))
    except PluginError as error:
        faults = [str(error)]
    except Exception as error:  # and so is whatever its class does when it is looked at
        faults = [f"looking at {item.target!r} fails: {type(error).__name__}: {error}"]
    return [Diagnosis("", Grade.WRONG, fault) for fault in faults]
