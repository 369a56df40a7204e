"""One file of `redwood solve`: what is asked for, solving it, and showing and keeping what came of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redwood.cli.shared import INTERRUPTED, UNSOLVED, WRONG_USE, print_json, print_table, prints_to_stderr, say

if TYPE_CHECKING:
    from redwood.benchmarks.known import BestKnown
    from redwood.cli.progress import Lines
    from redwood.problem import Instance
    from redwood.result import Result


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
    jobs: int
    isolate: bool
    best_known: Path | None
    out: Path | None
    plot: Path | None
    as_json: bool
    trajectory: bool
    quiet: bool

    @property
    def limit(self) -> float | None:
        """Seconds of each search: those asked for, or the default where nothing else ends it."""
        from redwood.solving.solve import DEFAULT_TIME_LIMIT

        open_ended = (self.time_limit, self.iterations, self.target, self.target_gap) == (None,) * 4
        return DEFAULT_TIME_LIMIT if open_ended else self.time_limit

    def lines(self, files: Sequence[Path]) -> Lines:
        """Return what says how far several files are; nothing where results are printed as they come."""
        from redwood.cli.progress import Lines

        limit = "" if self.limit is None else f", {self.limit:g} s of search each"
        crowd = f", {self.jobs} at a time" if self.jobs > 1 else ""
        return Lines(f"{len(files)} files{limit}{crowd}.", quiet=self.quiet or self.as_json or len(files) == 1)


def solve_file(order: Order, file: Path, known: BestKnown | None, place: str) -> Result:
    """Read and solve one file.

    Parameters
    ----------
    order
        What the command line asks for.
    file
        The instance.
    known
        Best-known values, or ``None``.
    place
        What the line of progress begins with.
    """
    import redwood
    from redwood.cli.progress import following
    from redwood.solving.read import load_solution

    instance = redwood.read(file, order.problem)
    if known is not None:
        instance = known.attach(instance, file)
    initial = None if order.initial is None else load_solution(order.initial, instance)
    options = _typed_options(order, instance)
    label = f"{place}{instance.name or file.stem}"
    with following(label, order.limit, instance.best_known, order.quiet) as follower, prints_to_stderr():
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


def keep(order: Order, file: Path, result: Result) -> None:
    """Write what was asked for, and then print the result for programs: a broken pipe loses no file."""
    from redwood.files import stem

    try:
        if order.out is not None and result.solution is not None:
            _folder(order.out)
            _save(result, order.out / stem(file))
        if order.plot is not None and result.solution is not None:
            _draw(result, order.plot if order.plot.suffix else order.plot / f"{stem(file)}.png")
    finally:
        if order.as_json:
            print_json({"file": str(file), **as_record(result, whole=order.trajectory)})


def _save(result: Result, path: Path) -> None:
    """Write a solution in the problem's format, as JSON where that cannot hold it, which is said."""
    from redwood.errors import FormatError
    from redwood.plugins.host import host

    suffix = host().problem(result.problem).solution_suffix
    try:
        result.save_solution(path.with_name(path.name + suffix))
    except FormatError as error:
        result.save_solution(path.with_name(path.name + ".solution.json"))
        say(f"Written as {path.name}.solution.json: {error}", err=True)


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


def show_all(order: Order, results: Sequence[Result], interrupted: str, *, unreadable: bool) -> int:
    """Print the results, and what is said of an interruption, and return the exit code.

    Parameters
    ----------
    order
        What the command line asks for.
    results
        Of the files that were solved.
    interrupted
        What is said where Ctrl-C came before the last file; else empty.
    unreadable
        Whether something was wrong with a file.
    """
    _show(order, results)
    if interrupted:
        say(interrupted, err=True)
        return INTERRUPTED
    if unreadable:
        return WRONG_USE
    return UNSOLVED if any(result.objective is None for result in results) else 0


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
