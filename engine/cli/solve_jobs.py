"""`redwood solve --jobs N`: several files at a time, each in one of so many processes."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redwood.cli.shared import say_error, say_file_error
from redwood.cli.solve_file import Order, keep, show_all, solve_file
from redwood.errors import MissingDependencyError, OptionError, OutputError, RedwoodError, UnknownNameError
from redwood.execution.executors.local import Local

if TYPE_CHECKING:
    from redwood.result import Result

logger = logging.getLogger(__name__)

_WRONG_FOR_ALL = (OptionError, UnknownNameError, MissingDependencyError, click.ClickException)


@dataclass(frozen=True)
class Request:
    """One file of an order, with the plugins to load before."""

    order: Order
    file: Path
    plugins: tuple[str, ...]


@dataclass(frozen=True)
class Reply:
    """What came of a file: the result as plain data, or what is wrong; ``fatal`` where it is wrong for every file."""

    record: dict[str, Any] | None
    error: str = ""
    fatal: bool = False


def carry_out_at_once(order: Order, files: Sequence[Path]) -> int:
    """Solve the files of an order, show the results in the files' order, and return the exit code."""
    from redwood.plugins.host import host

    plugins = tuple(str(file) for file in host().files)
    quiet = dataclasses.replace(order, quiet=True)
    requests = [Request(quiet, file, plugins) for file in files]
    replies: dict[int, Reply] = {}
    results: list[Result] = []
    unreadable = interrupted = False
    lines = order.lines(files)
    returns = Local(order.jobs).run(reply_to, requests)
    try:
        for done, file in enumerate(files):  # in their order, however they come
            while done not in replies:
                returned = next(returns)
                replies[returned.position] = returned.value or Reply(None, returned.lost)
            lines.passed(f"{done} of {len(files)} files are solved")
            result = _handle(replies.pop(done), file, order)
            unreadable |= result is None
            if result is not None:
                results.append(result)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        returns.close()
    said = f"Interrupted: {len(results)} of {len(files)} instances were solved." if interrupted else ""
    return show_all(order, results, said, unreadable=unreadable)


def reply_to(request: Request) -> Reply:
    """Solve one file in a process of its own; whatever one bad file raises never ends the others."""
    from redwood.benchmarks.known import BestKnown
    from redwood.plugins.host import host

    try:
        for plugin in request.plugins:
            host().load_file(plugin)
        order = request.order
        known = None if order.best_known is None else BestKnown.read(order.best_known)
        return Reply(solve_file(order, request.file, known, "").to_dict())
    except _WRONG_FOR_ALL as error:
        return Reply(None, error.message if isinstance(error, click.ClickException) else str(error), fatal=True)
    except Exception as error:  # one bad file never ends a batch, whatever it raises
        logger.debug("file %s could not be solved", request.file, exc_info=True)
        return Reply(None, str(error) if isinstance(error, RedwoodError) else f"{type(error).__name__}: {error}")


def _handle(reply: Reply, file: Path, order: Order) -> Result | None:
    """Show and keep what came of a file; return ``None`` where something is wrong with it, which is said."""
    if reply.fatal:
        raise click.ClickException(reply.error)
    if reply.record is None:
        say_file_error(file, reply.error)
        return None
    result = _rebuilt(reply.record, file, order)
    try:
        keep(order, file, result)
    except OutputError as error:
        say_error(error)
        return None
    return result


def _rebuilt(record: dict[str, Any], file: Path, order: Order) -> Result:
    """Return the result of a record; where files of solutions or pictures are to be written, with its instance."""
    import redwood
    from redwood.plugins.host import host
    from redwood.result import Result

    source = redwood.read(file, order.problem) if order.out is not None or order.plot is not None else None
    return Result.from_dict(record, host().problem(record["problem"]), source=source)
