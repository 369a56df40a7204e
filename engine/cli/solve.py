"""`redwood solve`: instance files in, checked results out."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redwood.cli.shared import (
    INTERRUPTED,
    UNSOLVED,
    WRONG_USE,
    ExistingFile,
    json_option,
    option_option,
    plugin_option,
    print_json,
    print_table,
    prints_to_stderr,
    problem_option,
    say,
    say_error,
    say_file_error,
)

if TYPE_CHECKING:
    from redwood.benchmarks.known import BestKnown
    from redwood.problem import Instance
    from redwood.result import Result

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Order:
    """What the user asked for, one field an option of the command."""

    files: tuple[str, ...]
    solver: str
    time_limit: float | None
    seed: int
    iterations: int | None
    target: float | None
    target_gap: float | None
    bound_time_limit: float | None
    initial: Path | None
    options: tuple[str, ...]
    problem: str | None
    threads: int
    isolate: bool
    best_known: Path | None
    out: Path | None
    plot: Path | None
    as_json: bool
    trajectory: bool
    quiet: bool


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
    known = None if order.best_known is None else BestKnown.read(order.best_known)
    results: list[Result] = []
    unreadable = interrupted = False
    try:
        for position, file in enumerate(files, start=1):
            try:
                place = f"{position}/{len(files)} " if len(files) > 1 else ""
                results.append(_solve_file(order, file, known, place))
                _keep(order, file, results[-1])
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
    _show(order, results)
    if interrupted:
        say(f"Interrupted: {len(results)} of {len(files)} instances were begun.", err=True)
        return INTERRUPTED
    if unreadable:
        return WRONG_USE
    return UNSOLVED if any(result.objective is None for result in results) else 0


def _check_order(order: Order, files: Sequence[Path]) -> None:
    """Refuse what cannot work for any file, before the first one is solved."""
    from redwood.errors import UnknownNameError, suggestion
    from redwood.plugins.host import host

    names = {"auto", *(entry.spec.name for entry in host().solver_entries)}
    if order.solver not in names:
        raise UnknownNameError(f"no solver is named {order.solver!r}.{suggestion(order.solver, names)}")
    if order.problem is not None:
        host().problem_entry(order.problem)
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


def _solve_file(order: Order, file: Path, known: BestKnown | None, place: str) -> Result:
    """Read and solve one file; ``place`` is what the line of progress begins with."""
    import redwood
    from redwood.cli.progress import following
    from redwood.solving.read import load_solution
    from redwood.solving.solve import DEFAULT_TIME_LIMIT

    instance = redwood.read(file, order.problem)
    if known is not None:
        instance = known.attach(instance, file)
    initial = None if order.initial is None else load_solution(order.initial, instance)
    options = _typed_options(order, instance)
    open_ended = (order.time_limit, order.iterations, order.target, order.target_gap) == (None,) * 4
    limit = DEFAULT_TIME_LIMIT if open_ended else order.time_limit
    label = f"{place}{instance.name or file.stem}"
    with following(label, limit, instance.best_known, order.quiet) as follower, prints_to_stderr():
        return redwood.solve(
            instance,
            order.solver,
            time_limit=order.time_limit,
            seed=order.seed,
            initial=initial,
            on_improvement=None if follower is None else follower.improved,
            target=order.target,
            target_gap=order.target_gap,
            iterations=order.iterations,
            bound_time_limit=order.bound_time_limit,
            threads=order.threads,
            isolate=order.isolate,
            **options,
        )


def _typed_options(order: Order, instance: Instance) -> dict[str, Any]:
    """Return the options with the types that the solver declares, ``auto`` standing for the one that it chooses."""
    from redwood.cli.values import class_options, split_options
    from redwood.plugins.host import host
    from redwood.solving.choose import choose

    texts = split_options(order.options)
    if not texts:
        return {}
    if order.solver == "auto":
        entry = choose(instance.problem, instance.size, math.inf if order.time_limit is None else order.time_limit)
    else:
        entry = host().solver_entry(order.solver, instance.problem)
    return class_options(entry.load(), f"solver {entry.spec.name!r}", texts)


def _keep(order: Order, file: Path, result: Result) -> None:
    """Write what was asked for, and then print the result for programs: a broken pipe loses no file."""
    from redwood.files import stem

    try:
        if order.out is not None and result.solution is not None:
            from redwood.plugins.host import host

            _folder(order.out)
            result.save_solution(order.out / f"{stem(file)}{host().problem(result.problem).solution_suffix}")
        if order.plot is not None and result.solution is not None:
            _draw(result, order.plot if order.plot.suffix else order.plot / f"{stem(file)}.png")
    finally:
        if order.as_json:
            print_json(as_record(result, whole=order.trajectory))


def _draw(result: Result, picture: Path) -> None:
    """Save the picture of a result; that it cannot be drawn is said, and loses no result."""
    _folder(picture.parent)
    try:
        result.plot(picture)
    except Exception as error:  # whatever the drawing library makes of it
        say(f"Not drawn: {result.instance}: {' '.join(str(error).split())}", err=True)


def _folder(place: Path) -> None:
    """Make a folder that is not there yet."""
    from redwood.errors import OutputError

    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"folder {place} cannot be made: {error.strerror}.") from error


def as_record(result: Result, whole: bool) -> dict[str, Any]:
    """Return a result as ``--json`` prints it; ``whole`` adds the start, the trajectory and the seconds of the bound."""
    record: dict[str, Any] = result.to_dict()
    if whole:
        return record
    outcome = record.pop("initial")
    record.pop("trajectory")
    record["seconds"] = {part: record["seconds"][part] for part in ("load", "compile", "solve")}
    if outcome is not None:
        record["message"] = " ".join(part for part in (f"Initial solution {outcome}.", record["message"]) if part)
    return record


def _show(order: Order, results: Sequence[Result]) -> None:
    """Print the table for people, and what else there is to say."""
    if order.as_json or not results:
        return
    numbers = ("size", "objective", "bound", "gap", "to best known", "seconds", "compiled in", "bounded in")
    headings = (
        "instance",
        "size",
        "solver",
        "objective",
        "bound",
        "gap",
        "to best known",
        "status",
        "stopped",
        *numbers[-3:],
    )
    print_table(headings, [_row(result) for result in results], right=numbers)
    notes: dict[str, list[Result]] = {}
    for result in results:
        start = None if result.initial is None else f"initial solution {result.initial}"
        for note in (start, result.message):
            if note:
                notes.setdefault(note, []).append(result)
    for note, concerned in notes.items():
        names = concerned[0].instance if len(concerned) == 1 else f"{len(concerned)} instances"
        say(f"{names}: {' '.join(note.split())}", err=any(result.objective is None for result in concerned))


def _row(result: Result) -> tuple[str, ...]:
    from redwood.result import format_gap, format_value

    seconds = result.seconds
    return (
        result.instance,
        str(result.size),
        result.solver,
        format_value(result.objective),
        format_value(result.bound),
        format_gap(result.gap),
        _to_known(result),
        str(result.status),
        str(result.termination),
        f"{seconds.solve:.2f}",
        f"{seconds.compile:.2f}" if seconds.compile >= 0.05 else "",
        f"{seconds.bound:.2f}" if seconds.bound >= 0.05 else "",
    )


def _to_known(result: Result) -> str:
    """Return how much worse the objective is than the best known one, in per cent; negative where it is better."""
    from redwood.plugins.host import host
    from redwood.tolerance import gap_to

    if result.best_known is None or result.objective is None:
        return ""
    return f"{100 * gap_to(result.objective, result.best_known, host().problem(result.problem).sense):.2f} %"
