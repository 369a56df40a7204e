"""From the name of an executor to the executor, with its options set."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from redwood.errors import OptionError, suggestion
from redwood.execution.executor import Executor
from redwood.plugins.host import host


def make_executor(name: str, options: Mapping[str, Any]) -> Executor:
    """Return the executor of a registered name.

    Raises
    ------
    UnknownNameError
        Where no executor has the name.
    OptionError
        Where it has no such option, or the value is out of range.
    MissingDependencyError
        Where it needs a package that is not installed.
    """
    cls: Any = host().executor_entry(name).load()
    known = {field.name for field in dataclasses.fields(cls) if field.init}
    for key in options:
        if key not in known:
            raise OptionError(f"executor {name!r} has no option {key!r}.{suggestion(key, known)}")
    made: Executor = cls(**options)
    return made
