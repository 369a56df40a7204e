"""The root of the command line: the list of commands, and how errors end them.

Exit codes: 0 when all went well, 1 when an instance has no feasible solution (or a check failed), 2 for wrong use or
unreadable input, 130 when Ctrl-C kept a command from finishing what it was asked for.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from redwood.cli.lazy_group import LazyCommand, LazyGroup
from redwood.cli.shared import INTERRUPTED, WRONG_USE, plugin_option, say, say_error
from redwood.errors import RedwoodError
from redwood.printable import printable

COMMANDS = {
    "solve": LazyCommand("redwood.cli.solve:solve", "Solve instance files."),
    "generate": LazyCommand("redwood.cli.generate:generate", "Write random instances to files."),
    "bound": LazyCommand("redwood.cli.bound:bound", "Prove how good a solution can be at most."),
    "check": LazyCommand("redwood.cli.check:check", "Check and price a solution file."),
    "explain": LazyCommand("redwood.cli.explain:explain", "Say what is wrong, and what to change."),
    "estimate": LazyCommand("redwood.cli.estimate:estimate", "Make an instance of planning from a call log."),
    "simulate": LazyCommand("redwood.cli.simulate:simulate", "Make and simulate policies of planning problems."),
    "act": LazyCommand("redwood.cli.act:act", "Say who is called today by a saved policy, and by whom."),
    "train": LazyCommand("redwood.cli.train:train", "Let a solver learn a problem."),
    "plot": LazyCommand("redwood.cli.plot:plot", "Draw an instance or a solution."),
    "bench": LazyCommand("redwood.cli.bench:bench", "Run benchmark suites and report on them."),
    "plugins": LazyCommand("redwood.cli.plugins:plugins", "List, describe and examine plugins."),
    "warmup": LazyCommand("redwood.cli.warmup:warmup", "Compile all kernels ahead of time."),
    "info": LazyCommand("redwood.cli.info:info", "Say what is installed, and where."),
}


class Root(LazyGroup):
    """The `redwood` command, which turns Redwood's errors into one line on stderr and exit code 2."""

    def main(self, *args: Any, **settings: Any) -> Any:
        """Run the command line; Redwood's own errors and warnings become one line each."""
        with _one_line_warnings():
            try:
                return super().main(*args, **settings)
            except RedwoodError as error:
                if not settings.get("standalone_mode", True):
                    raise
                say_error(error)
                sys.exit(WRONG_USE)
            except OSError as error:  # such as a folder that cannot be written to, or standard output on a full disk
                if error.errno is None:
                    raise
                say_error(f"{'standard output' if error.filename is None else error.filename}: {error.strerror}.")
                sys.exit(WRONG_USE)

    def make_context(self, *args: Any, **settings: Any) -> click.Context:
        """Parse the arguments; what is wrong with them is told in one line of plain text."""
        with _plain_usage_errors():
            return super().make_context(*args, **settings)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; Ctrl-C outside of a search ends it with code 130."""
        try:
            with _plain_usage_errors():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            say("Interrupted.", err=True)
            ctx.exit(INTERRUPTED)


@click.group(cls=Root, commands_by_name=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="redwood", prog_name="redwood")
@plugin_option
def root() -> None:
    """Solve combinatorial problems, and measure who solves them best.

    \b
    redwood solve berlin52.tsp --time-limit 10
    redwood generate tsp --size 100 --out random.tsp
    """  # noqa: D301 (click wants the control character itself)


@contextmanager
def _plain_usage_errors() -> Iterator[None]:
    """Let click's errors, which repeat arguments, show characters that would steer a terminal instead of sending them."""
    try:
        yield
    except click.ClickException as error:
        message = printable(" ".join(error.format_message().split()))
        error.format_message = lambda: message  # type: ignore[method-assign]
        raise


@contextmanager
def _one_line_warnings() -> Iterator[None]:
    """Show Redwood's own warnings as one line each, without the place in the code."""
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if category.__module__.startswith("redwood."):
                say(f"Warning: {message}", err=True)
            else:
                usual(message, category, *place, **more)

        warnings.showwarning = show
        yield
