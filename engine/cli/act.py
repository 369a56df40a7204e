"""`redwood act`: who is called today, and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from redwood.cli.shared import ExistingFile, json_option, plugin_option, print_json, print_table, say
from redwood.cli.today import Today, read_today


@click.command()
@click.argument("policy", type=ExistingFile)
@click.argument("today", type=ExistingFile, required=False)
@click.option("--out", type=ExistingFile, metavar="FILE", help="Write the calls to a CSV file.")
@click.option("--instance", "instance_file", type=ExistingFile, metavar="FILE", help="In place of the one in the policy.")
@click.option("--step", type=int, default=0, show_default=True, help="Steps done; 0 looks a whole horizon ahead again.")
@click.option("--budget", type=int, metavar="N", help="Calls this week, in place of the plan's number.")
@click.option("--workers", type=ExistingFile, metavar="FILE", help="CSV: worker, capacity of this week; others are away.")
@click.option("--log", type=ExistingFile, metavar="FILE", help="CSV: the log as it is now, where it has grown.")
@click.option("--column", "columns", multiple=True, metavar="NAME=THEIRS", help="By default as in the log. Repeatable.")
@click.option("--states", metavar="A,B,...", help="Labels of the states from worst to best, by default as in the log.")
@json_option
@plugin_option
def act(
    policy: Path,
    today: Path | None,
    out: Path | None,
    instance_file: Path | None,
    step: int,
    budget: int | None,
    workers: Path | None,
    log: Path | None,
    columns: Sequence[str],
    states: str | None,
    as_json: bool,
) -> None:
    """Say who is called today, given the file POLICY and today's states in the CSV file TODAY (arm, state).

    Columns and labels are those of the log. States are those before this step's calls. A blank state is not known: the last
    one known stands for it, moved on to today by the calls in --log, or in the log of the plan. A column step says when a
    state was, where that is not today. Without TODAY all of the cohort are there, and no state is known.

    Whom TODAY does not name has left. Who is new is like the one in the column like, or like all, or like those who are near
    by the columns that --feature named. Who has 0 in the column callable is not called this week. Who has an action in the
    column action has been called this week already, and leaves one call less.

    The CSV file of calls has the columns rank, arm, state, action, worker and value, by the names and labels of the log.
    The value is by how much the call is above none; the greatest comes first.
    """
    import redwood
    from redwood.cli.progress import working
    from redwood.cli.values import split_options
    from redwood.planning.estimation.table import write_csv
    from redwood.problems.cormab.instance import BanditInstance
    from redwood.solving.act import act_by_name, read_deployed

    given = None if instance_file is None else redwood.read(instance_file, "cormab")
    instance, made = read_deployed(policy, given if isinstance(given, BanditInstance) else None)
    labels = None if states is None else [label.strip() for label in states.split(",")]
    read = Today() if today is None else read_today(today, instance.provenance, split_options(columns), labels)
    with working("choosing whom to call"):
        calls = act_by_name(
            instance,
            made,
            None if today is None else read.states,
            step,
            likes=read.likes,
            features=read.features,
            not_now=read.not_now,
            done=read.done,
            budget=budget,
            capacities=None if workers is None else _read_capacities(workers),
            seen_at=read.seen_at,
            log=log,
        )
    remarks = calls.remarks("today" if today is None else today.name)
    if out is not None:
        write_csv(out, calls.columns())
    if as_json:
        found = {"arms": calls.arms, "actions": calls.arm_actions, "workers": calls.workers, "values": calls.values}
        print_json({**found, "left": calls.left, "unknown": calls.unknown, "joined": calls.joined})
        return
    if out is None:
        shown = {name: [f"{one}" for one in column] for name, column in calls.columns().items()}
        print_table(tuple(shown), list(zip(*shown.values(), strict=True)), right=("rank", "value"))
    where = "" if out is None else f"{out}: "
    count = f"{instance.size} in the plan" if today is None else f"{len(read.states)} in {today.name}"
    say(f"{where}{len(calls.arms)} of the {count} are called.")
    for remark in remarks:
        say(remark)


def _read_capacities(path: Path) -> dict[str, int]:
    """Return each worker's capacity."""
    from redwood.cli.inputs import read_workers

    table, capacities = read_workers(path)
    return {worker.strip(): capacity for worker, capacity in zip(table["worker"].tolist(), capacities, strict=True)}
