"""`redwood act`: who is called today, and by whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from redwood.cli.shared import ExistingFile, json_option, plugin_option, print_json, print_table


@click.command()
@click.argument("policy", type=ExistingFile)
@click.argument("today", type=ExistingFile)
@click.option("--out", type=ExistingFile, metavar="FILE", help="Write the calls to a CSV file.")
@click.option("--instance", "instance_file", type=ExistingFile, metavar="FILE", help="In place of the one in the policy.")
@click.option("--step", type=int, default=0, show_default=True, help="Steps done; 0 looks a whole horizon ahead again.")
@click.option("--budget", type=int, metavar="N", help="Pulls this week, in place of the plan's number.")
@click.option("--workers", type=ExistingFile, metavar="FILE", help="CSV: worker, capacity of this week; others are away.")
@click.option("--column", "columns", multiple=True, metavar="NAME=THEIRS", help="What TODAY calls a column. Repeatable.")
@click.option("--states", "labels", metavar="A,B,...", help="The labels of the states in TODAY, from worst to best.")
@json_option
@plugin_option
def act(
    policy: Path,
    today: Path,
    out: Path | None,
    instance_file: Path | None,
    step: int,
    budget: int | None,
    workers: Path | None,
    columns: Sequence[str],
    labels: str | None,
    as_json: bool,
) -> None:
    """Say which arms are pulled now, given the file POLICY and the arms' states in the CSV file TODAY (arm, state).

    Arms that TODAY does not name are taken to have left. Arms that are new are treated like the mean of the cohort, or like
    the arm in the column like. An arm with 0 in the column callable is not pulled this week.
    The CSV file of calls has the columns arm, action and worker.
    """
    import redwood
    from redwood.cli.values import split_options
    from redwood.planning.estimation.table import write_csv
    from redwood.problems.cormab.instance import BanditInstance
    from redwood.solving.act import act_by_name, read_deployed

    given = None if instance_file is None else redwood.read(instance_file, "cormab")
    instance, made = read_deployed(policy, given if isinstance(given, BanditInstance) else None)
    named = None if labels is None else [label.strip() for label in labels.split(",")]
    states, likes, not_now = _read_today(today, split_options(columns), named)
    capacities = None if workers is None else _read_capacities(workers)
    calls = act_by_name(instance, made, states, step, likes=likes, not_now=not_now, budget=budget, capacities=capacities)
    if out is not None:
        write_csv(out, {"arm": calls.arms, "action": calls.arm_actions, "worker": calls.workers})
    if as_json:
        print_json({"arms": calls.arms, "actions": calls.arm_actions, "workers": calls.workers})
    elif out is None:
        rows = [[a, str(u), w] for a, u, w in zip(calls.arms, calls.arm_actions, calls.workers, strict=True)]
        print_table(("arm", "action", "worker"), rows)
    else:
        click.echo(f"{out}: {len(calls.arms)} of {len(states)} arms")


def _read_today(
    path: Path, columns: Mapping[str, str], labels: Sequence[str] | None
) -> tuple[dict[str, int], dict[str, str], set[str]]:
    """Return each arm's state, whom new ones are like, and who is not to be called."""
    from redwood.errors import InstanceError
    from redwood.planning.estimation.table import is_missing, read_csv

    found = read_csv(path, ("arm", "state"), columns)
    states: dict[str, int] = {}
    likes: dict[str, str] = {}
    not_now: set[str] = set()
    for row, (arm, state) in enumerate(zip(found["arm"].tolist(), found["state"].tolist(), strict=True)):
        name = arm.strip()
        if name in states:
            raise InstanceError(f"{path}: names arm {name!r} twice.")
        try:
            states[name] = _state(state.strip(), labels)
        except ValueError as error:
            raise InstanceError(f"{path}: state {state!r} of arm {name!r} is {error}.") from None
        if "like" in found and not is_missing(found["like"][row]):
            likes[name] = found["like"][row].strip()
        if "callable" in found:
            said = found["callable"][row].strip()
            if said not in ("0", "1"):
                raise InstanceError(f"{path}: callable {said!r} of arm {name!r} is neither 0 nor 1.")
            if said == "0":
                not_now.add(name)
    return states, likes, not_now


def _state(text: str, labels: Sequence[str] | None) -> int:
    """Return the number of a state, which has one of the labels where there are some."""
    if labels is not None:
        if text not in labels:
            raise ValueError(f"none of {', '.join(labels)}")
        return labels.index(text)
    if not text.isdigit():
        raise ValueError("not a number from 0 on; give the labels in order by --states")
    return int(text)


def _read_capacities(path: Path) -> dict[str, int]:
    """Return each worker's capacity."""
    from redwood.errors import InstanceError
    from redwood.planning.estimation.table import read_csv

    table = read_csv(path, ("worker", "capacity"))
    for worker, capacity in zip(table["worker"].tolist(), table["capacity"].tolist(), strict=True):
        if not capacity.strip().isdigit():
            raise InstanceError(f"{path}: capacity {capacity!r} of worker {worker!r} is not a whole number from 0 on.")
    return {worker.strip(): int(capacity) for worker, capacity in zip(table["worker"], table["capacity"], strict=True)}
