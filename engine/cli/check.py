"""`redwood check`: what a problem says of a solution file."""

from __future__ import annotations

from pathlib import Path

import click

from redwood.cli.shared import UNSOLVED, ExistingFile, json_option, plugin_option, print_json, problem_option, say


@click.command()
@click.argument("file", type=ExistingFile)
@click.argument("solution", type=ExistingFile)
@problem_option
@json_option
@plugin_option
@click.pass_context
def check(ctx: click.Context, file: Path, solution: Path, problem: str | None, as_json: bool) -> None:
    """Price the solution in the file SOLUTION on the instance in FILE, or name the rules that it breaks.

    SOLUTION is in the problem's own format, or JSON that `redwood solve --json` printed. Exit code 0 where it is feasible,
    1 where it is not, 2 where a file cannot be read.
    """
    import redwood
    from redwood.result import format_value
    from redwood.solving.read import load_solution

    instance = redwood.read(file, problem)
    outcome = redwood.check(instance, load_solution(solution, instance))
    if as_json:
        record = {"problem": instance.problem, "instance": instance.name, "size": instance.size}
        outcomes = {"feasible": outcome.feasible, "objective": outcome.objective, "violations": list(outcome.violations)}
        print_json(record | outcomes)
    elif outcome.feasible:
        say(f"{instance.name}: feasible, objective {format_value(outcome.objective)}")
    else:
        say(f"{instance.name}: infeasible")
        for violation in outcome.violations:
            say(f"  {violation}")
    ctx.exit(0 if outcome.feasible else UNSOLVED)
