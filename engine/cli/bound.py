"""`redwood bound`: how good a solution can be at most, proven."""

from __future__ import annotations

from collections.abc import Sequence

import click

from redwood.cli.shared import WRONG_USE, json_option, plugin_option, print_json, print_table, problem_option, say_file_error


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--time-limit", type=float, default=10.0, show_default=True, metavar="SECONDS", help="For each instance.")
@click.option("--incumbent", type=float, metavar="X", help="Objective of a known solution, which steers some methods.")
@problem_option
@json_option
@plugin_option
@click.pass_context
def bound(
    ctx: click.Context,
    files: Sequence[str],
    time_limit: float,
    incumbent: float | None,
    problem: str | None,
    as_json: bool,
) -> None:
    """Prove a bound on the optimum: lower where the problem minimises, upper where it maximises.

    Exit code 2 where a file cannot be read or its problem has no bound; the other files are bounded all the same.
    """
    import redwood
    from redwood.cli.inputs import gather_files
    from redwood.errors import FitError, InstanceError
    from redwood.result import format_value

    rows, unreadable = [], False
    for file in gather_files(files):
        try:
            instance = redwood.read(file, problem)
            report = redwood.bound(instance, time_limit=time_limit, incumbent=incumbent)
        except (InstanceError, FitError) as error:
            say_file_error(file, error)
            unreadable = True
            continue
        record = {"problem": instance.problem, "instance": instance.name, "size": instance.size}
        record |= {"bound": report.value, "method": report.method, "seconds": round(report.seconds, 6)}
        record |= {"cut_short": report.cut_short}
        method = report.method + (", cut short" if report.cut_short else "")
        if as_json:
            print_json(record)
        rows.append([instance.name, str(instance.size), format_value(report.value), method, f"{report.seconds:.2f}"])
    if rows and not as_json:
        print_table(("instance", "size", "bound", "method", "seconds"), rows, right=("size", "bound", "seconds"))
    ctx.exit(WRONG_USE if unreadable else 0)
