"""`redwood estimate`: an instance from a call log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redwood.cli.shared import ExistingFile, json_option, plugin_option, print_json
from redwood.settings import counted

if TYPE_CHECKING:
    from redwood.planning.estimation.estimate import Estimate


@click.command()
@click.argument("log", type=ExistingFile)
@click.option("--out", type=ExistingFile, required=True, metavar="FILE", help="The instance file to write.")
@click.option("--column", "columns", multiple=True, metavar="NAME=THEIRS", help="What the log calls a column. Repeatable.")
@click.option("--states", metavar="N|A,B,...", help="How many states, or their labels from worst to best.")
@click.option("--actions", metavar="N|A,B,...", help="How many actions, or their labels from none on.")
@click.option(
    "--state-is",
    type=click.Choice(["before", "after"]),
    default="before",
    show_default=True,
    help="Whether the log's states were before or after the action of their step.",
)
@click.option("--groups", metavar="COLUMN|N", help="Arms that learn from each other.")
@click.option("--feature", "features", multiple=True, metavar="COLUMN", help="A column that says who is alike. Repeatable.")
@click.option("--order", multiple=True, metavar="NAME", help="action-helps or states-ordered. Repeatable.")
@click.option("--rewards", metavar="X,Y,...", help="Reward of a step by state; by default 0, 1, 2 and so on.")
@click.option("--budget", type=int, metavar="N", help="Contacts a step.")
@click.option(
    "--workers", type=ExistingFile, metavar="FILE", help="CSV: worker, capacity, and a column of the log such as language."
)
@click.option("--horizon", type=int, default=20, show_default=True, metavar="H", help="Steps to plan for.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--plot", type=ExistingFile, metavar="FILE", help="Save a picture of what contacts do.")
@json_option
@plugin_option
def estimate(
    log: Path,
    out: Path,
    columns: Sequence[str],
    states: str | None,
    actions: str | None,
    state_is: str,
    groups: str | None,
    features: Sequence[str],
    order: Sequence[str],
    rewards: str | None,
    budget: int | None,
    workers: Path | None,
    horizon: int,
    seed: int,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Estimate arms from the CSV file LOG (arm, step, state, action) and write the instance of planning for them.

    A row's state is how the arm was before that step's action, unless --state-is after is given. A column next_state says
    how it was afterwards where no row of the next step does.
    The arms are at their posterior means, in their last known states. Contacts a step are said by --budget,
    or by --workers who makes them. Then: redwood solve FILE --solver lagrangian --out FOLDER, and redwood act.
    """
    from redwood.cli.progress import working
    from redwood.cli.values import split_options
    from redwood.files import write_text
    from redwood.planning import estimate as estimated
    from redwood.plugins.host import host

    if (budget is None) == (workers is None):
        raise click.UsageError("give --budget or --workers: how many contacts there can be a step, or who makes them.")
    if plot is not None:
        from redwood.picture import check_picture

        check_picture(plot)
    with working(f"estimating from {log.name}"):
        found = estimated(
            log,
            columns=dict(split_options(columns)),
            states=_labels(states),
            actions=_labels(actions),
            groups=_number_or_name(groups),
            features=list(features) or None,
            order=list(order) or None,
            state_is=state_is,
            seed=seed,
        )
        paid = list(range(len(found.log.states))) if rewards is None else _numbers(rewards)
        allowed: Any = budget if workers is None else _workers(found, workers)
        made = found.instance(rewards=paid, actions=allowed, horizon=horizon, name=out.stem)
        write_text(out, host().problem("cormab").format(made))
    if plot is not None:
        found.plot(plot)
    cohort = found.cohort
    if as_json:
        tests = {test.name: {"deviations": test.deviations, "p_value": test.p_value} for test in cohort.tests}
        record = {"file": str(out), "arms": cohort.arms, "rows": cohort.rows, "transitions": cohort.transitions}
        print_json({**record, "groups": cohort.groups, "tests": tests, "notes": list(cohort.notes)})
    else:
        click.echo(str(cohort))
        words = cohort.words
        click.echo(f"{out}: planning for {cohort.arms} {words.arms}, {horizon} steps ahead")


def _labels(text: str | None) -> int | list[str] | None:
    """Return a number, or the labels that commas part."""
    if text is None:
        return None
    number = counted(text)
    return [label.strip() for label in text.split(",")] if number is None else number


def _number_or_name(text: str | None) -> int | str | None:
    number = None if text is None else counted(text)
    return text if number is None else number


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise click.UsageError(f"--rewards {text!r} are not numbers with commas between.") from None


def _workers(found: Estimate, path: Path) -> Any:
    """Return the action set of the workers in a file: a column besides worker and capacity says whom they may serve."""
    from redwood.cli.inputs import read_workers
    from redwood.problems.cormab.workers import WorkersSet, compatible_workers

    table, capacities = read_workers(path)
    compatible = None
    for name in (name for name in table if name not in ("worker", "capacity")):
        owned = [[part.strip() for part in cell.split("|")] for cell in table[name].tolist()]
        served = compatible_workers(found.feature(name), owned)
        compatible = served if compatible is None else compatible * served
    if compatible is None:
        import numpy as np

        compatible = np.ones((len(capacities), len(found.names)), np.int64)
    return WorkersSet(compatible, capacities, tuple(table["worker"].tolist()))  # type: ignore[arg-type]
