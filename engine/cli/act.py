"""`redwood act`: who is called today, and by whom."""

from __future__ import annotations

from pathlib import Path

import click

from redwood.cli.shared import ExistingFile, json_option, plugin_option, print_json, print_table


@click.command()
@click.argument("policy", type=ExistingFile)
@click.argument("today", type=ExistingFile)
@click.option("--out", type=ExistingFile, metavar="FILE", help="Write the calls to a CSV file.")
@click.option("--instance", "instance_file", type=ExistingFile, metavar="FILE", help="In place of the one in the policy.")
@click.option("--step", type=int, default=0, show_default=True, help="Steps done; 0 looks a whole horizon ahead again.")
@json_option
@plugin_option
def act(policy: Path, today: Path, out: Path | None, instance_file: Path | None, step: int, as_json: bool) -> None:
    """Say which arms are pulled now, given the file POLICY and the arms' states in the CSV file TODAY (arm, state).

    Arms that TODAY does not name are taken to have left. The CSV file of calls has the columns arm, action and worker.
    """
    import redwood
    from redwood.errors import InstanceError
    from redwood.planning.estimation.table import read_csv, write_csv
    from redwood.problems.cormab.instance import BanditInstance
    from redwood.settings import counted
    from redwood.solving.act import act_by_name, read_deployed

    given = None if instance_file is None else redwood.read(instance_file, "cormab")
    instance, made = read_deployed(policy, given if isinstance(given, BanditInstance) else None)
    found = read_csv(today, ("arm", "state"))
    states: dict[str, int] = {}
    for arm, state in zip(found["arm"].tolist(), found["state"].tolist(), strict=True):
        name = arm.strip()
        if name in states:
            raise InstanceError(f"{today}: names arm {name!r} twice.")
        number = counted(state)
        if number is None:
            raise InstanceError(f"{today}: state {state!r:.40} of arm {name!r} is not a number from 0 on.")
        states[name] = number
    calls = act_by_name(instance, made, states, step)
    if out is not None:
        write_csv(out, {"arm": calls.arms, "action": calls.arm_actions, "worker": calls.workers})
    if as_json:
        print_json({"arms": calls.arms, "actions": calls.arm_actions, "workers": calls.workers})
    elif out is None:
        rows = [[a, str(u), w] for a, u, w in zip(calls.arms, calls.arm_actions, calls.workers, strict=True)]
        print_table(("arm", "action", "worker"), rows)
    else:
        click.echo(f"{out}: {len(calls.arms)} of {len(states)} arms")
