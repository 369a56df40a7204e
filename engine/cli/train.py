"""`redwood train`: let a solver learn a problem, from labels that another solver makes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from redwood.cli.shared import (
    chosen_executor,
    console,
    executor_options,
    json_option,
    option_option,
    plugin_option,
    print_json,
    renamed_flags,
    say,
)


@click.command()
@click.argument("solver", metavar="SOLVER")
@click.option("--problem", required=True, metavar="NAME", help="What to learn.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder for checkpoints, labels, curves and the result."
)
@click.option("--hours", required=True, type=float, help="Hours of computing in all, those before an interruption included.")
@click.option("--seed", type=int, default=0, show_default=True, help="Origin of all randomness.")
@click.option("--threads", type=int, default=1, show_default=True, help="Threads that compute.")
@click.option("--device", default="cpu", show_default=True, help="Where networks are trained, such as cuda.")
@click.option("--expert", default="auto", show_default=True, metavar="SOLVER", help="Solver that makes the labels.")
@click.option(
    "--expert-time-limit", type=float, metavar="SECONDS", help="For each label, in place of the curriculum's iterations."
)
@renamed_flags("train")
@option_option
@executor_options
@json_option
@plugin_option
def train(
    solver: str,
    problem: str,
    out: Path,
    hours: float,
    seed: int,
    threads: int,
    device: str,
    expert: str,
    expert_time_limit: float | None,
    options: Sequence[str],
    as_json: bool,
    **where: Any,
) -> None:
    """Train SOLVER for a problem, such as `redwood train bq --problem tsp --out runs/tsp --hours 2`.

    The same command goes on from the newest checkpoint in the folder, whatever ended it before. Labels are made through
    the executor, by default in as many processes as there are threads.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    import redwood
    from redwood.cli.values import parse_value, split_options

    if where["jobs"] is None and where["executor"] == "local":
        where["jobs"] = threads
    given = {key: parse_value(text, object) for key, text in split_options(options).items()}
    columns = (BarColumn(), TextColumn("{task.percentage:.1f} %"), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console(stderr=True)) as bar:
        task = bar.add_task("starting", total=hours)

        def show(spent: float, line: str) -> None:
            bar.update(task, completed=spent, description=line)

        weights = redwood.train(
            solver,
            problem,
            out,
            hours=hours,
            seed=seed,
            threads=threads,
            device=device,
            expert=expert,
            executor=chosen_executor(**where),
            expert_time_limit=expert_time_limit,
            on_progress=show,
            **given,
        )
    trained = _trained(weights)
    if as_json:
        print_json({"solver": solver, "problem": problem, "weights": str(weights), "trained": trained})
        return
    if trained.get("steps of this call") == 0:
        say(f"Nothing was left to do: the training in {out} has had its {hours:g} hours. Give more to go on.")
    say(f"Trained weights: {weights}")
    for name, value in trained.items():
        told = ", ".join(f"{key} {one}" for key, one in value.items()) if isinstance(value, dict) else value
        say(f"  {name}: {told}")


def _trained(weights: Path) -> dict[str, Any]:
    """Return what the card beside the weights says of the training; nothing where there is no such card."""
    card = weights.with_suffix(".json")
    try:
        found = json.loads(card.read_text())["trained"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}
