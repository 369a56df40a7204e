"""`redwood plot`: a picture of an instance, with a solution where one is given."""

from __future__ import annotations

from pathlib import Path

import click

from redwood.cli.shared import ExistingFile, json_option, plugin_option, print_json, problem_option, say


@click.command()
@click.argument("file", type=ExistingFile)
@click.argument("solution", type=ExistingFile, required=False)
@click.option(
    "--out", type=ExistingFile, metavar="FILE", help="Where to; the suffix decides the format. By default FILE.png."
)
@problem_option
@json_option
@plugin_option
def plot(file: Path, solution: Path | None, out: Path | None, problem: str | None, as_json: bool) -> None:
    """Draw the instance in FILE, and the solution in the file SOLUTION where one is given."""
    import redwood
    from redwood.solving.read import load_solution

    instance = redwood.read(file, problem)
    found = None if solution is None else load_solution(solution, instance)
    place = out or Path(f"{file.stem}.png")
    redwood.plot(instance, found, path=place)
    if as_json:
        print_json({"problem": instance.problem, "instance": instance.name, "file": str(place)})
    else:
        say(f"{place}: {instance.problem} {instance.name}")
