"""`redwood simulate`: what a policy earns on an instance of a planning problem."""

from __future__ import annotations

from collections.abc import Sequence

import click

from redwood.cli.shared import (
    UNSOLVED,
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
    as_json: bool,
) -> None:
    """Make a policy for each instance and simulate it: mean reward a step, its 95 % interval, per cent of the bound."""
    from redwood import reading, simulation, solving
    from redwood.cli.inputs import gather_files
    from redwood.cli.values import solver_options, split_options
    from redwood.plugins.host import host

    rows, failed = [], False
    for file in gather_files(files):
        instance = reading.read(file, problem)
        texts = split_options(options)
        cls = None if solver == "auto" else host().solver_entry(solver, instance.problem).load()
        given = dict(texts) if cls is None else solver_options(cls, solver, texts)
        result = solving.solve(instance, solver, time_limit=time_limit, seed=seed, bound_time_limit=0, **given)
        if result.solution is None:
            say_error(f"{file}: {result.solver} made no policy ({result.status}): {result.message}")
            failed = True
            continue
        rollouts = simulation.simulate(instance, result.solution, episodes=episodes, seed=seed)
        low, high = rollouts.interval
        record = {"problem": instance.problem, "instance": instance.name, "size": instance.size, "solver": result.solver}
        record |= {"seed": seed, "episodes": episodes, "mean": rollouts.mean, "low": low, "high": high}
        record |= {"bound": rollouts.bound, "percent_of_bound": rollouts.percent_of_bound}
        if as_json:
            print_json(record)
        share = "-" if rollouts.percent_of_bound is None else f"{rollouts.percent_of_bound:.2f}"
        rows.append([instance.name, result.solver, f"{rollouts.mean:.6g}", f"{low:.6g} to {high:.6g}", share])
    if rows and not as_json:
        print_table(
            ("instance", "solver", "mean a step", "95 % interval", "% of bound"), rows, right=("mean a step", "% of bound")
        )
    ctx.exit(UNSOLVED if failed else 0)
