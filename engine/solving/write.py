"""Getting an instance into a file."""

from __future__ import annotations

from pathlib import Path

from redwood.errors import OptionError
from redwood.files import path_of, write_text
from redwood.plugins.host import host
from redwood.problem import Instance, instance_of


def write(instance: Instance, path: str | Path) -> None:
    """Write an instance so that `read` gives it back, in its problem's own format or, by the suffix, in another.

    Raises
    ------
    OptionError
        Where the path's suffix is that of no format of the problem.
    FormatError
        Where the instance has what the other format has no place for; the message names it.
    OutputError
        Where the file cannot be written.
    """
    problem = host().problem(instance_of(instance).problem)
    file = path_of(path)
    suffix, known = file.suffix.lower(), (problem.suffix, *problem.other_suffixes)
    if suffix not in known:
        forms = " or ".join(known)
        raise OptionError(f"instances of {problem.name!r} are written as {forms} files, and {file.name!r} is none.")
    problem.validate(instance)
    write_text(file, problem.format(instance) if suffix == problem.suffix else problem.format_as(instance, suffix))
