"""What several commands share: exit codes, options that look the same everywhere, and output on the two streams."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from redwood.files import with_path
from redwood.printable import printable
from redwood.renamed import FLAGS

if TYPE_CHECKING:
    from rich.console import Console

    from redwood.execution.executor import Executor

UNSOLVED = 1
"""Exit code: an instance has no feasible solution, or an examination found something wrong."""

WRONG_USE = 2
"""Exit code: wrong use, or unreadable input."""

INTERRUPTED = 130
"""Exit code: Ctrl-C came before everything that was asked for was begun."""

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

ExistingFile = click.Path(path_type=Path)
"""A path; that it exists is for the reader to find out, so that every bad file has the same kind of message."""


def plugin_option(command: CommandT) -> CommandT:
    """Add ``--plugin FILE.py``, which loads single-file plugins before the command starts."""

    def load(ctx: click.Context, parameter: click.Parameter, files: Sequence[Path]) -> None:
        if files:
            from redwood.plugins.host import host

            for file in files:
                host().load_file(file)

    return click.option(
        "--plugin",
        metavar="FILE.py",
        type=ExistingFile,
        multiple=True,
        expose_value=False,
        callback=load,
        help="Load a plugin that is one Python file. May be repeated.",
    )(command)


def renamed_flags(command_name: str) -> Callable[[CommandT], CommandT]:
    """Add the flags that a command has had before, hidden: each ends it with an error that says the new name."""
    flags = FLAGS[command_name]

    def refuse(ctx: click.Context, parameter: click.Parameter, value: object) -> None:
        if value is not None:
            raise click.UsageError(f"no option is named {parameter.opts[0]}; its name is {flags[parameter.opts[0]]}.", ctx)

    def add(command: CommandT) -> CommandT:
        for flag in flags:
            command = click.option(flag, hidden=True, expose_value=False, callback=refuse)(command)
        return command

    return add


def json_option(command: CommandT) -> CommandT:
    """Add ``--json``: what programs read, on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")(command)


def problem_option(command: CommandT) -> CommandT:
    """Add ``--problem``: what the files hold, where it should not be guessed at."""
    return click.option("--problem", metavar="NAME", help="What the files hold; by default recognised by content.")(command)


def option_option(command: CommandT) -> CommandT:
    """Add ``--option key=value``, which may be repeated."""
    return click.option(
        "--option", "-o", "options", metavar="KEY=VALUE", multiple=True, help="An option by name. May be repeated."
    )(command)


def executor_options(command: CommandT) -> CommandT:
    """Add ``--jobs``, ``--executor``, ``--scheduler`` and ``--executor-option``, which `chosen_executor` reads."""
    added = (
        click.option("--jobs", type=int, metavar="N", help="How many at a time, by default 1 on this machine."),
        click.option("--executor", default="local", show_default=True, metavar="NAME", help="Where it is carried out."),
        click.option("--scheduler", metavar="ADDRESS", help="Of the executor's cluster, such as tcp://10.0.0.1:8786."),
        click.option(
            "--executor-option", "executor_pairs", metavar="KEY=VALUE", multiple=True, help="Of the executor; repeatable."
        ),
    )
    for option in reversed(added):
        command = option(command)
    return command


def chosen_executor(executor: str, jobs: int | None, scheduler: str | None, executor_pairs: Sequence[str]) -> Executor:
    """Return the executor that the options of `executor_options` ask for.

    Parameters
    ----------
    executor
        Name of a registered executor.
    jobs
        Jobs at a time; ``None`` for the executor's default.
    scheduler
        Address of a scheduler, where the executor takes one; else ``None``.
    executor_pairs
        Further options as ``name=value``.
    """
    from redwood.cli.values import class_options, split_options
    from redwood.plugins.host import host
    from redwood.solving.executors import make_executor

    named = {"jobs": jobs, "scheduler": scheduler}
    given = [f"{key}={value}" for key, value in named.items() if value is not None]
    texts = split_options([*given, *executor_pairs])
    return make_executor(executor, class_options(host().executor_entry(executor).load(), f"executor {executor!r}", texts))


@contextmanager
def prints_to_stderr() -> Iterator[None]:
    """Send to standard error what a solver prints, from Python or from C: standard output is for programs to read."""
    sys.stdout.flush()
    is_real = sys.stdout is sys.__stdout__ and sys.__stdout__ is not None and sys.__stdout__.fileno() == 1
    kept = os.dup(1) if is_real else -1
    try:
        if is_real:
            os.dup2(2, 1)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        if is_real:
            os.dup2(kept, 1)
            os.close(kept)


def say(text: str = "", err: bool = False, nl: bool = True) -> None:
    """Print text, standard error with ``err``; control characters that came from files or names are shown, not sent."""
    click.echo(printable(text), err=err, nl=nl)


def say_error(error: object) -> None:
    """Print an error as one line on standard error."""
    say(f"Error: {' '.join(str(error).split())}", err=True)


def say_file_error(file: Path, error: object) -> None:
    """Print an error that a file has caused, with the file's path once and at the front."""
    say_error(with_path(str(error), file))


def print_json(data: Any) -> None:
    """Print plain data as one line of JSON on standard output."""
    click.echo(json.dumps(data, allow_nan=False))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> None:
    """Print a table on standard output; the columns named in ``right`` are flush right, empty columns are left out."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    kept = [i for i in range(len(headings)) if not rows or any(row[i] for row in rows)]
    for i in kept:
        flush = headings[i] in right
        table.add_column(headings[i], justify="right" if flush else "left", no_wrap=flush, overflow="fold")
    for row in rows:
        table.add_row(*(printable(row[i]) for i in kept))
    screen = console()
    with screen.capture() as captured:
        screen.print(table)
    for line in captured.get().strip("\n").split("\n"):
        say(line.rstrip())


def console(stderr: bool = False) -> Console:
    """Return a rich console; where no terminal is attached it is wide, so that nothing is cut."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = 240
    return made
