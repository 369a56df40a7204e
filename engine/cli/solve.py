"""`redwood solve`: instance files in, checked results out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redwood.cli.shared import (
    ExistingFile,
    json_option,
    option_option,
    plugin_option,
    problem_option,
    say_error,
    say_file_error,
)
from redwood.cli.solve_file import Order, keep, show_all, solve_file

if TYPE_CHECKING:
    from redwood.result import Result

logger = logging.getLogger(__name__)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--solver", default="auto", show_default=True, metavar="NAME", help="A registered solver, or auto.")
@click.option("--time-limit", type=float, metavar="SECONDS", help="For each instance; 10 where no limit is given.")
@click.option("--seed", type=int, default=0, show_default=True, help="The one source of randomness.")
@click.option("--iterations", type=int, metavar="N", help="Stop after so many iterations, as the solver counts them.")
@click.option("--target", type=float, metavar="X", help="Stop at a solution as good as this objective.")
@click.option(
    "--target-gap", type=float, metavar="G", help="Stop at this gap to the solver's own bound (0.01: one per cent)."
)
@click.option(
    "--bound-time-limit", type=float, metavar="SECONDS", help="For the problem's own bound afterwards; 0 for none."
)
@click.option("--initial", type=ExistingFile, metavar="FILE", help="A solution to start from (.tour, .sol, JSON).")
@option_option
@problem_option
@click.option("--threads", type=int, default=1, show_default=True, help="How many threads the solver may use.")
@click.option("--jobs", type=int, default=1, show_default=True, metavar="N", help="How many files at a time.")
@click.option("--isolate", is_flag=True, help="Run in a process of its own that is killed at the limit.")
@click.option("--best-known", type=ExistingFile, metavar="FILE.csv", help="Best known values: columns file and value.")
@click.option("--out", type=ExistingFile, metavar="FOLDER", help="Write solution files in the problem's own format.")
@click.option("--plot", type=ExistingFile, metavar="FILE|FOLDER", help="Save a picture: a file for one, a folder for many.")
@json_option
@click.option("--trajectory", is_flag=True, help="With --json: also every improvement, the start, and the bound's seconds.")
@click.option("--quiet", "-q", is_flag=True, help="No progress on standard error.")
@plugin_option
@click.pass_context
def solve(ctx: click.Context, /, **settings: Any) -> None:
    """Solve instance files, folders of them, or patterns.

    One line of JSON an instance with --json, else one table. Exit code 0 when every instance has a feasible solution,
    1 when one has none, 2 for wrong use or an unreadable file (the other files are solved all the same). The first Ctrl-C
    ends the search, and what it found is printed; files not begun are left out, and the exit code is then 130.
    """
    ctx.exit(carry_out(Order(**settings)))


def carry_out(order: Order) -> int:
    """Solve every file of an order, show the results, and return the exit code."""
    from redwood.benchmarks.known import BestKnown
    from redwood.budget import Termination
    from redwood.cli.inputs import gather_files
    from redwood.errors import MissingDependencyError, OptionError, OutputError, RedwoodError, UnknownNameError

    files = gather_files(order.files)
    _check_order(order, files)
    if order.jobs > 1 and len(files) > 1:
        from redwood.cli.solve_jobs import carry_out_at_once

        return carry_out_at_once(order, files)
    known = None if order.best_known is None else BestKnown.read(order.best_known)
    results: list[Result] = []
    unreadable = interrupted = False
    lines = order.lines(files)
    try:
        for position, file in enumerate(files, start=1):
            try:
                lines.passed(f"{position - 1} of {len(files)} files are solved")
                place = f"{position}/{len(files)} " if len(files) > 1 else ""
                results.append(solve_file(order, file, known, place))
                keep(order, file, results[-1])
            except (OptionError, UnknownNameError, MissingDependencyError, click.ClickException, BrokenPipeError):
                raise  # wrong for every file
            except OutputError as error:
                say_error(error)
                unreadable = True
            except Exception as error:  # one bad file never ends a batch, whatever it raises
                logger.debug("file %s could not be solved", file, exc_info=True)
                say_file_error(file, error if isinstance(error, RedwoodError) else f"{type(error).__name__}: {error}")
                unreadable = True
                continue
            if results[-1].termination is Termination.INTERRUPTED and position < len(files):
                interrupted = True
                break
    except KeyboardInterrupt:
        interrupted = True
    said = f"Interrupted: {len(results)} of {len(files)} instances were begun." if interrupted else ""
    return show_all(order, results, said, unreadable=unreadable)


def _check_order(order: Order, files: Sequence[Path]) -> None:
    """Refuse what cannot work for any file, before the first one is solved."""
    from redwood.errors import UnknownNameError
    from redwood.plugins.host import host
    from redwood.renamed import solver_suggestion

    names = {"auto", *(entry.spec.name for entry in host().solver_entries)}
    if order.solver not in names:
        hint = solver_suggestion(order.solver, names)
        raise UnknownNameError(f"no solver is named {order.solver!r}.{hint} A plugin in a single file needs --plugin FILE.")
    if order.problem is not None:
        host().problem_entry(order.problem)
    if order.jobs < 1:
        raise click.UsageError(f"--jobs {order.jobs} is below 1.")
    if order.trajectory and not order.as_json:
        raise click.UsageError("--trajectory goes with --json.")
    if order.initial is not None and len(files) > 1:
        raise click.UsageError(f"--initial is for one instance, and {len(files)} files are given.")
    if order.plot is not None and len(files) > 1 and order.plot.suffix:
        raise click.UsageError(f"--plot {order.plot} is one file, and {len(files)} instances are given; name a folder.")
    if order.plot is not None and order.plot.suffix:
        from redwood.picture import check_picture

        check_picture(order.plot)
    if order.out is not None or order.plot is not None:
        _refuse_same_names(files)


def _refuse_same_names(files: Sequence[Path]) -> None:
    seen: dict[str, Path] = {}
    from redwood.files import stem

    for file in files:
        if stem(file) in seen:
            raise click.UsageError(f"{seen[stem(file)]} and {file} would be written under one name; solve them apart.")
        seen[stem(file)] = file
