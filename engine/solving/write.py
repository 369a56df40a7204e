"""Getting an instance into a file."""

from __future__ import annotations

from pathlib import Path

from redwood.errors import OptionError
from redwood.files import write_text
from redwood.plugins.host import host
from redwood.problem import Instance


def write(instance: Instance, path: str | Path) -> None:
    """Write an instance in its problem's own format, so that `read` gives it back.

    Raises
    ------
    OptionError
        Where the path's suffix is that of another format.
    OutputError
        Where the file cannot be written.
    """
    problem = host().problem(instance.problem)
    file = Path(path)
    if file.suffix.lower() != problem.suffix:
        raise OptionError(f"instances of {problem.name!r} are written as {problem.suffix} files, and {file.name!r} is none.")
    problem.validate(instance)
    write_text(file, problem.format(instance))
