"""`redwood simulate`: what policies earn on instances of a planning problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

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
    prints_to_stderr,
    problem_option,
    say,
    say_error,
)

AS_KNOWN = "Transitions taken as known; what the log leaves open is not in this interval. With --draws 100 it is."
"""What is said of estimated arms that are simulated at their mean."""
OVER_DRAWS = (
    "Over {} draws of what the log leaves open, all episodes under each: the intervals hold the expected reward with 95 %; "
    "so many draws tell their ends to {:.0f} % of the width."
)

if TYPE_CHECKING:
    from redwood.planning.simulation import Rollouts
    from redwood.problem import Instance


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--solver",
    "solvers",
    default=("auto",),
    show_default="auto",
    multiple=True,
    metavar="NAME",
    help="Makes the policy. May be repeated: the others are then compared with the first.",
)
@click.option("--time-limit", type=float, default=10.0, show_default=True, metavar="SECONDS", help="For making the policy.")
@click.option("--episodes", type=int, default=50, show_default=True, help="Number of independent episodes.")
@click.option(
    "--draws",
    type=int,
    metavar="N",
    help="Simulate --episodes under each of N draws that `redwood estimate` kept: what the log leaves open is then "
    "in the intervals.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Decides the policy and the noise of all episodes.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE", help="Save a picture; for one instance.")
@option_option
@problem_option
@executor_options
@json_option
@plugin_option
@click.pass_context
def simulate(
    ctx: click.Context,
    /,
    files: Sequence[str],
    solvers: Sequence[str],
    time_limit: float,
    episodes: int,
    draws: int | None,
    seed: int,
    plot: Path | None,
    options: Sequence[str],
    problem: str | None,
    as_json: bool,
    **where: Any,
) -> None:
    """Make policies for each instance and simulate them: mean reward a step, its 95 % interval, per cent of the bound.

    All policies are simulated with common random numbers, so differences to the first solver are taken episode by episode.
    The solver null calls nobody, and random anybody.
    Many instances go through an executor: several processes with --jobs, or a cluster. Results come in the files' order.
    """
    from redwood.cli.inputs import gather_files
    from redwood.plugins.host import host

    chosen = chosen_executor(**where)
    plugins = tuple(str(file) for file in host().files)
    found = gather_files(files)
    if plot is not None and len(found) != 1:
        raise click.UsageError(f"--plot draws one instance, and {len(found)} are given.")
    if plot is not None:
        from redwood.picture import check_picture

        check_picture(plot)
    picture = None if plot is None else str(plot)
    shared = (problem, tuple(solvers), tuple(options), time_limit, episodes, draws, seed, plugins, picture)
    requests = [Request(str(file), *shared) for file in found]
    rows: list[dict[str, Any]] = []
    failed, waiting, done = False, {}, 0
    for returned in chosen.run(earned, requests):
        lost = [{"error": f"{requests[returned.position].file}: {returned.lost}"}]
        waiting[returned.position] = returned.value or lost
        while (records := waiting.pop(done, None)) is not None:
            done += 1
            for record in records:
                rows.append(record)
                failed |= _show(record, as_json)
    if not as_json:
        _print_summary([record for record in rows if "error" not in record])
    ctx.exit(UNSOLVED if failed else 0)


@dataclass(frozen=True)
class Request:
    """One instance to make policies for and to simulate, fit to be sent elsewhere."""

    file: str
    problem: str | None
    solvers: tuple[str, ...]
    options: tuple[str, ...]
    time_limit: float
    episodes: int
    draws: int | None
    seed: int
    plugins: tuple[str, ...]
    plot: str | None = None


def earned(request: Request) -> list[dict[str, Any]]:
    """Return what the policies of an instance earned, a record a solver; ``error`` alone where there is no policy."""
    import redwood
    from redwood.planning.picture import plot_simulation
    from redwood.plugins.host import host

    for plugin in request.plugins:
        host().load_file(plugin)
    instance = redwood.read(Path(request.file), request.problem)
    draws = None if request.draws is None else _kept_draws(instance, request.file, request.draws)
    records: list[dict[str, Any]] = []
    rollouts: dict[str, Any] = {}
    policies: dict[str, Any] = {}
    for name in request.solvers:
        first = next(iter(rollouts.values()), None)
        record, rollout, policy = _simulated(request, instance, name, first, draws)
        records.append(record)
        if rollout is not None:
            rollouts[record["solver"]], policies[record["solver"]] = rollout, policy
    if request.plot is not None and rollouts:
        plot_simulation(host().problem(instance.problem), instance, rollouts, policies, request.plot)
    return records


def _kept_draws(instance: Any, file: str, count: int) -> Any:
    """Return some of the draws that an instance file keeps."""
    from redwood.errors import OptionError

    provenance = getattr(instance, "provenance", None)
    if provenance is None or provenance.draws is None:
        raise OptionError(f"--draws {count}: {file} keeps no draws; only files of `redwood estimate` do.")
    if not 2 <= count <= len(provenance.draws):
        raise OptionError(f"--draws {count} is not between 2 and the {len(provenance.draws)} draws that {file} keeps.")
    return provenance.draws[:count]


def _simulated(
    request: Request, instance: Instance, name: str, first: Rollouts | None, draws: Any
) -> tuple[dict[str, Any], Any, Any]:
    """Return the record of one solver, its rollouts and its policy; the last two are ``None`` where there is no policy."""
    import redwood
    from redwood.cli.values import class_options, split_options
    from redwood.planning.gain import end_error
    from redwood.plugins.host import host

    texts = split_options(request.options)
    cls = None if name == "auto" else host().solver_entry(name, instance.problem).load()
    given = dict(texts) if cls is None else class_options(cls, f"solver {name!r}", texts)
    with prints_to_stderr():
        result = redwood.solve(instance, name, time_limit=request.time_limit, seed=request.seed, bound_time_limit=0, **given)
    if result.solution is None:
        return {"error": f"{request.file}: {result.solver} made no policy ({result.status}): {result.message}"}, None, None
    wanted = 10.0 if first is None else 0.0
    rollouts = redwood.simulate(
        instance,
        result.solution,
        episodes=request.episodes,
        seed=request.seed,
        bound_time_limit=wanted if draws is None else 0.0,
        keep=request.plot is not None,
        draws=draws,
    )
    if first is not None:
        rollouts = replace(rollouts, bound=first.bound)
    spent = redwood.latency(instance, result.solution, seed=request.seed)
    mean, (low, high) = rollouts.reward()
    record = {"problem": instance.problem, "instance": instance.name, "size": instance.size, "solver": result.solver}
    record |= {
        "step": rollouts.wording.step,
        "seed": request.seed,
        "episodes": request.episodes,
        "episode": rollouts.wording.run(rollouts.rewards.shape[1]),
        "mean": mean,
        "low": low,
        "high": high,
    }
    record |= {"bound": rollouts.bound, "percent_of_bound": rollouts.percent_of_bound}
    if rollouts.gain is not None:
        known_to = 100 * end_error(len(rollouts.gain.episodes))
        record |= {"draws": request.draws, "note": OVER_DRAWS.format(request.draws, known_to)}
    elif rollouts.wording.estimated:
        record["note"] = AS_KNOWN
    record["latency"] = {"median": spent.median, "p99": spent.p99}
    if first is not None:
        gain, (least, most) = _difference_to(rollouts, first)
        record["difference"] = {"mean": gain, "low": least, "high": most}
    return record, rollouts, result.solution


def _difference_to(rollouts: Rollouts, first: Rollouts) -> tuple[float, tuple[float, float]]:
    """Return how far a policy is above the first, in pairs: over draws of the arms where there are some."""
    if rollouts.gain is None or first.gain is None:
        return rollouts.minus(first)
    above = rollouts.gain.above(first.gain)
    return above.mean, above.interval


def _show(record: dict[str, Any], as_json: bool) -> bool:
    """Print a record or its error at once; return whether it is an error."""
    if "error" in record:
        say_error(record["error"])
    elif as_json:
        print_json(record)
    return "error" in record


def _print_summary(records: Sequence[dict[str, Any]]) -> None:
    """Print a row for each instance and solver, and for several instances one a solver with the mean over them."""
    compared = any("difference" in one for one in records)
    steps = {one["step"] for one in records}
    mean = f"mean a {steps.pop() if len(steps) == 1 else 'step'}"
    headings = ["instance", "solver", mean, "95 % interval", "% of bound", "ms a decision (p99)"]
    rows = [_row(one) + ([_difference(one)] if compared else []) for one in records]
    solvers = list(dict.fromkeys(one["solver"] for one in records))
    instances = len({one["instance"] for one in records})
    if instances > 1:
        rows += [_mean_row(solver, [one for one in records if one["solver"] == solver], compared) for solver in solvers]
    if rows:
        headings += [f"above {solvers[0]}"] if compared else []
        print_table(headings, rows, right=(mean, "% of bound", "ms a decision (p99)"))
    for note in dict.fromkeys(f"Each of the {one['episodes']} episodes is {one['episode']}." for one in records):
        say(note)
    for note in dict.fromkeys(one["note"] for one in records if "note" in one):
        say(note)


def _row(one: dict[str, Any]) -> list[str]:
    share = "" if one["percent_of_bound"] is None else f"{one['percent_of_bound']:.2f}"
    interval = f"{one['low']:.6g} to {one['high']:.6g}"
    spent = f"{1e3 * one['latency']['median']:.3g} ({1e3 * one['latency']['p99']:.3g})"
    return [one["instance"], one["solver"], f"{one['mean']:.6g}", interval, share, spent]


def _difference(one: dict[str, Any]) -> str:
    gain = one.get("difference")
    return "" if gain is None else f"{gain['mean']:+.4g} ({gain['low']:+.4g} to {gain['high']:+.4g})"


def _mean_row(solver: str, records: Sequence[dict[str, Any]], compared: bool) -> list[str]:
    """Return the row of a solver's means over instances, with the 95 % interval of the mean."""
    import numpy as np

    from redwood.planning.evaluation import half_width

    means = [one["mean"] for one in records]
    shares = [one["percent_of_bound"] for one in records if one["percent_of_bound"] is not None]
    half = half_width(np.array(means)) if len(means) > 1 else 0.0
    middle = fmean(means)
    share = f"{fmean(shares):.2f}" if shares else ""
    spent = f"{1e3 * fmean(one['latency']['median'] for one in records):.3g}"
    row = [f"mean of {len(records)}", solver, f"{middle:.6g}", f"{middle - half:.6g} to {middle + half:.6g}", share, spent]
    return [*row, ""] if compared else row
