"""`redwood explain`: which part of an instance or a solution breaks which rule, and what to change."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from redwood.cli.shared import UNSOLVED, ExistingFile, json_option, plugin_option, print_json, problem_option, say


@click.command()
@click.argument("file", type=ExistingFile)
@click.argument("solution", type=ExistingFile, required=False)
@problem_option
@json_option
@plugin_option
@click.pass_context
def explain(ctx: click.Context, file: Path, solution: Path | None, problem: str | None, as_json: bool) -> None:
    """Say what is wrong with the instance in FILE or, where one is given, with the solution in SOLUTION.

    Each broken rule is told with the node, customer or item that breaks it, and with what to change where the problem knows.
    Exit code 0 where nothing is wrong, 1 where something is.
    """
    import redwood
    from redwood.files import read_text

    for path in (file, *([solution] if solution is not None else [])):
        read_text(path)  # a file that is not there is wrong use, and not something to explain
    told = redwood.explain(file, solution, problem=problem)
    if as_json:
        print_json(dataclasses.asdict(told) | {"feasible": told.feasible})
    else:
        say(str(told))
    ctx.exit(0 if told.feasible else UNSOLVED)
