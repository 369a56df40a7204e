"""`redwood simulate`: what a policy earns on an instance of a planning problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from redwood.cli.shared import (
    UNSOLVED,
    chosen_executor,
    executor_options,
    json_option,
    option_option,
    plugin_option,
    print_json,
    print_table,
    problem_option,
    say_error,
)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--solver", default="auto", show_default=True, metavar="NAME", help="Makes the policy.")
@click.option("--time-limit", type=float, default=10.0, show_default=True, metavar="SECONDS", help="For making the policy.")
@click.option("--episodes", type=int, default=50, show_default=True, help="Number of independent episodes.")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides the policy and the luck of all episodes.")
@option_option
@problem_option
@executor_options
@json_option
@plugin_option
@click.pass_context
def simulate(
    ctx: click.Context,
    files: Sequence[str],
    solver: str,
    time_limit: float,
    episodes: int,
    seed: int,
    options: Sequence[str],
    problem: str | None,
    jobs: int | None,
    executor: str,
    scheduler: str | None,
    executor_pairs: Sequence[str],
    as_json: bool,
) -> None:
    """Make a policy for each instance and simulate it: mean reward a step, its 95 % interval, per cent of the bound.

    Many instances go through an executor: several processes with --jobs, or a cluster. Results come in the files' order.
    """
    from redwood.cli.inputs import gather_files
    from redwood.plugins.host import host

    chosen = chosen_executor(executor, jobs, scheduler, executor_pairs)
    plugins = tuple(str(file) for file in host().files)
    shared = (problem, solver, tuple(options), time_limit, episodes, seed, plugins)
    errands = [Errand(str(file), *shared) for file in gather_files(files)]
    rows: list[dict[str, Any]] = []
    failed, waiting = False, {}
    for returned in chosen.run(earned, errands):
        waiting[returned.position] = returned.value or {"error": f"{errands[returned.position].file}: {returned.lost}"}
        while (record := waiting.pop(len(rows), None)) is not None:
            rows.append(record)
            failed |= _show(record, as_json)
    if not as_json:
        _print_summary([record for record in rows if "error" not in record])
    ctx.exit(UNSOLVED if failed else 0)


@dataclass(frozen=True)
class Errand:
    """One instance to make a policy for and to simulate, fit to be sent elsewhere."""

    file: str
    problem: str | None
    solver: str
    options: tuple[str, ...]
    time_limit: float
    episodes: int
    seed: int
    plugins: tuple[str, ...]


def earned(errand: Errand) -> dict[str, Any]:
    """Return what the policy of an instance earned; ``error`` alone where there is none."""
    from redwood import reading, simulation, solving
    from redwood.cli.values import class_options, split_options
    from redwood.plugins.host import host

    for plugin in errand.plugins:
        host().load_file(plugin)
    instance = reading.read(Path(errand.file), errand.problem)
    texts = split_options(errand.options)
    cls = None if errand.solver == "auto" else host().solver_entry(errand.solver, instance.problem).load()
    given = dict(texts) if cls is None else class_options(cls, f"solver {errand.solver!r}", texts)
    result = solving.solve(
        instance, errand.solver, time_limit=errand.time_limit, seed=errand.seed, bound_time_limit=0, **given
    )
    if result.solution is None:
        return {"error": f"{errand.file}: {result.solver} made no policy ({result.status}): {result.message}"}
    rollouts = simulation.simulate(instance, result.solution, episodes=errand.episodes, seed=errand.seed)
    low, high = rollouts.interval
    record = {"problem": instance.problem, "instance": instance.name, "size": instance.size, "solver": result.solver}
    record |= {"seed": errand.seed, "episodes": errand.episodes, "mean": rollouts.mean, "low": low, "high": high}
    return record | {"bound": rollouts.bound, "percent_of_bound": rollouts.percent_of_bound}


def _show(record: dict[str, Any], as_json: bool) -> bool:
    """Print a record or its error at once; return whether it is an error."""
    if "error" in record:
        say_error(record["error"])
    elif as_json:
        print_json(record)
    return "error" in record


def _print_summary(records: Sequence[dict[str, Any]]) -> None:
    rows = []
    for one in records:
        share = "-" if one["percent_of_bound"] is None else f"{one['percent_of_bound']:.2f}"
        interval = f"{one['low']:.6g} to {one['high']:.6g}"
        rows.append([one["instance"], one["solver"], f"{one['mean']:.6g}", interval, share])
    headings = ("instance", "solver", "mean a step", "95 % interval", "% of bound")
    if rows:
        print_table(headings, rows, right=("mean a step", "% of bound"))
