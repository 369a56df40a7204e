"""`redwood bench`: run suites, resume them, report on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redwood.cli.shared import INTERRUPTED, ExistingFile, console, json_option, plugin_option, print_json, print_table

if TYPE_CHECKING:
    from redwood.benchmarks.planning import Plan
    from redwood.benchmarks.runner import Progress as RunProgress

jobs_option = click.option(
    "--jobs", type=int, default=1, show_default=True, metavar="N", help="How many jobs to run at a time."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def bench() -> None:
    """Run benchmark suites and report on them."""


@bench.command("list")
@json_option
def list_suites(as_json: bool) -> None:
    """List the suites that come with Redwood."""
    from redwood.benchmarks.suite import find_suite, shipped_suites

    suites = [find_suite(name) for name in shipped_suites()]
    if as_json:
        print_json([{"name": suite.name, "summary": suite.summary} for suite in suites])
    else:
        print_table(("suite", "summary"), [[suite.name, suite.summary] for suite in suites])


@bench.command()
@click.argument("suite")
@click.option("--out", type=ExistingFile, required=True, metavar="FOLDER", help="Where the records go.")
@click.option("--data", type=ExistingFile, envvar="REDWOOD_DATA", metavar="FOLDER", help="Where the suite's files are.")
@click.option("--dry-run", is_flag=True, help="Say what would be run, and do not run it.")
@jobs_option
@json_option
@plugin_option
@click.pass_context
def run(ctx: click.Context, suite: str, out: Path, data: Path | None, dry_run: bool, jobs: int, as_json: bool) -> None:
    """Run SUITE (the name of a shipped one, or a .toml file), each job in a process of its own.

    Jobs that have a record in the output folder are not run again, so calling this twice resumes. Ctrl-C ends it with
    code 130; nothing that was finished is lost.
    """
    from redwood.benchmarks.planning import make_plan
    from redwood.benchmarks.suite import find_suite

    plan = make_plan(find_suite(suite), data)
    for words in plan.skipped:
        click.echo(f"Left out: {words}", err=True)
    if dry_run:
        cases = len({job.case.fingerprint for job in plan.jobs})
        click.echo(f"{len(plan.jobs)} jobs on {cases} instances, {plan.seconds:.0f} s of time limits on one core.")
        return
    ctx.exit(_run(plan, out, jobs, as_json))


@bench.command()
@click.argument("folder", type=ExistingFile)
@jobs_option
@json_option
@plugin_option
@click.pass_context
def resume(ctx: click.Context, folder: Path, jobs: int, as_json: bool) -> None:
    """Run what is left of the suite whose records are in FOLDER."""
    from redwood.benchmarks.runner import resume_plan

    ctx.exit(_run(resume_plan(folder), folder, jobs, as_json))


@bench.command()
@click.argument("folder", type=ExistingFile)
@click.option("--out", type=ExistingFile, metavar="FILE", help="Write the report there, by default to FOLDER/report.md.")
@json_option
def report(folder: Path, out: Path | None, as_json: bool) -> None:
    """Print the report on the records in FOLDER as Markdown, and write it to a file; --json prints the records."""
    from redwood.benchmarks.records import read_records
    from redwood.benchmarks.report import render

    records = read_records(folder)
    if as_json:
        for record in records:
            print_json(record)
        return
    text = render(records)
    place = out or folder / "report.md"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    click.echo(text, nl=False)


def _run(plan: Plan, out: Path, jobs: int, as_json: bool) -> int:
    """Run a plan with a progress bar, or one line of JSON a record, and return the exit code."""
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

    from redwood.benchmarks.runner import run_plan

    screen = console(stderr=True)
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeElapsedColumn())
    state = (0, len(plan.jobs))
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(plan.suite.name, total=len(plan.jobs))

        def show(progress: RunProgress) -> None:
            nonlocal state
            state = (progress.finished, progress.total)
            bar.update(task, completed=progress.finished, description=_describe(progress.record) or plan.suite.name)
            if as_json and progress.record is not None:
                print_json(progress.record)

        try:
            run_plan(plan, out, jobs=jobs, on_progress=show)
        except KeyboardInterrupt:
            click.echo(f"Interrupted: {state[0]} of {state[1]} jobs are finished; resume with the same command.", err=True)
            return INTERRUPTED
    if not as_json:
        click.echo(f"{state[0]} of {state[1]} jobs are finished; see `redwood bench report {out}`.")
    return 0


def _describe(record: dict[str, Any] | None) -> str:
    return "" if record is None else f"{record['case']['name']} {record.get('label', 'bound')}"
