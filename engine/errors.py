"""The errors that Redwood raises, all under one base."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RedwoodError(Exception):
    """Base of every error that Redwood raises on purpose."""


class InstanceError(RedwoodError, ValueError):
    """The data of an instance break a rule of its problem."""


class FormatError(InstanceError):
    """A file is not what its format demands; the message names the place, and ``line`` its number where there is one."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class OutputError(RedwoodError, OSError):
    """A file cannot be written; what stood there before is whole."""


class SolutionError(RedwoodError, ValueError):
    """A solution is malformed or breaks a rule of its problem."""


class OptionError(RedwoodError, ValueError):
    """An option is unknown, or its value is out of range."""


class UnknownNameError(RedwoodError, LookupError):
    """No problem, solver or view of that name is registered."""


class FitError(RedwoodError, TypeError):
    """The solver does not fit the problem."""


class PluginError(RedwoodError, ImportError):
    """A plugin cannot be loaded or breaks the plugin contract."""


class ConflictError(PluginError):
    """Two plugins claim the same name."""


class MissingDependencyError(PluginError):
    """A plugin needs a package that is not installed."""


class ModelError(RedwoodError, ValueError):
    """A model that a problem's view declares is not what the view's contract demands, such as a nonlinear one."""


class SolverError(RedwoodError, RuntimeError):
    """A solver failed or broke its contract; a run that meets it has status ``failed``."""


class NoSolutionError(SolutionError):
    """No feasible solution was found, and whether there is one is open; a run that ends so has status ``none``."""


class ExecutorError(RedwoodError, RuntimeError):
    """Work cannot be carried out where it was sent, such as to a cluster that does not answer."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` or the list of known names, to end an error message with."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f" Did you mean {close[0]!r}?"
    return f" Known: {', '.join(names) or 'none'}."
