"""`redwood bench`: run suites, resume them, report on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redwood.cli.shared import (
    INTERRUPTED,
    UNSOLVED,
    ExistingFile,
    chosen_executor,
    console,
    executor_options,
    json_option,
    plugin_option,
    print_json,
    print_table,
    say,
)

if TYPE_CHECKING:
    from redwood.benchmarks.planning import Plan
    from redwood.benchmarks.records import Finished
    from redwood.benchmarks.runner import Progress as RunProgress

fresh_option = click.option(
    "--fresh", is_flag=True, help="An interpreter for each job, not a fork of one that has the libraries imported."
)

retry_option = click.option("--retry-failed", is_flag=True, help="Run the jobs that failed once more.")


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
@click.option("--dry-run", is_flag=True, help="Say what would be run, or why it would be refused, and do not run it.")
@executor_options
@fresh_option
@retry_option
@json_option
@plugin_option
@click.pass_context
def run(ctx: click.Context, /, suite: str, out: Path, data: Path | None, dry_run: bool, as_json: bool, **where: Any) -> None:
    """Run SUITE (the name of a shipped one, or a .toml file), each job in a process of its own.

    Jobs that have a record in the output folder are not run again, so calling this twice resumes. Ctrl-C ends it with
    code 130; nothing that was finished is lost. With --executor dask or slurm the jobs run elsewhere, under the same
    limits; the workers need Redwood, the plugins and, under the same path, the suite's files.
    """
    from redwood.benchmarks.planning import make_plan
    from redwood.benchmarks.runner import known_records
    from redwood.benchmarks.suite import find_suite

    plan = make_plan(find_suite(suite), data)
    for words in plan.skipped:
        say(f"Left out: {words}", err=True)
    if dry_run:
        known_records(plan, out)
        say(f"{_amount(plan)} on one core.")
        return
    ctx.exit(_run(plan, out, as_json, **where))


@bench.command()
@click.argument("folder", type=ExistingFile)
@executor_options
@fresh_option
@retry_option
@json_option
@plugin_option
@click.pass_context
def resume(ctx: click.Context, /, folder: Path, as_json: bool, **where: Any) -> None:
    """Run what is left of the suite whose records are in FOLDER."""
    from redwood.benchmarks.runner import resume_plan

    ctx.exit(_run(resume_plan(folder), folder, as_json, **where))


@bench.command()
@click.argument("folder", type=ExistingFile)
@click.argument("job")
@json_option
@plugin_option
@click.pass_context
def replay(ctx: click.Context, folder: Path, job: str, as_json: bool) -> None:
    """Run JOB (the first letters of its identity) of FOLDER once more; exit code 1 where the answer is another."""
    from msgspec import to_builtins

    from redwood.benchmarks import runner

    done = runner.replay(folder, job)
    if as_json:
        print_json({"agrees": done.agrees} | to_builtins({"before": done.before, "after": done.after}))
    else:
        rows = [
            [name, str(result.status), str(result.termination), f"{result.objective}", f"{result.seconds.solve:.2f}"]
            for name, runs in (("record", done.before), ("replay", done.after))
            for result in (run.result for run in runs)
        ]
        print_table(("", "status", "termination", "objective", "seconds"), rows, right=("objective", "seconds"))
        say("The replay agrees." if done.agrees else "The replay differs.")
    ctx.exit(0 if done.agrees else UNSOLVED)


@bench.command()
@click.argument("folder", type=ExistingFile)
@click.option("--out", type=ExistingFile, metavar="FILE", help="The Markdown goes there, by default to FOLDER/report.md.")
@click.option("--html", type=ExistingFile, metavar="FILE", help="The page goes there, by default to FOLDER/report.html.")
@json_option
@plugin_option
def report(folder: Path, out: Path | None, html: Path | None, as_json: bool) -> None:
    """Report on the records in FOLDER: Markdown, printed and written, and a self-contained HTML page.

    --json prints the records instead.
    """
    from msgspec import to_builtins

    from redwood.benchmarks.page import render_page
    from redwood.benchmarks.records import read_plan, read_records
    from redwood.benchmarks.report import render

    records = read_records(folder)
    if as_json:
        for record in records:
            print_json(to_builtins(record))
        return
    data = read_plan(folder).data
    text, shown = render(records), render_page(records, folder, None if data is None else Path(data))
    written, page = out or folder / "report.md", html or folder / "report.html"
    _write(written, text)
    _write(page, shown)
    say(text, nl=False)
    say(f"Written to {written} and {page}.", err=True)


@bench.command()
@click.argument("first", type=ExistingFile, metavar="FOLDER_A")
@click.argument("second", type=ExistingFile, metavar="FOLDER_B")
@click.option(
    "--tolerance",
    type=float,
    default=0.01,
    show_default=True,
    metavar="POINTS",
    help="Change of a gap, in points, to pass over.",
)
@click.option(
    "--time-tolerance", type=float, default=25.0, show_default=True, metavar="PERCENT", help="Longer solving to pass over."
)
@json_option
@click.pass_context
def compare(ctx: click.Context, first: Path, second: Path, tolerance: float, time_tolerance: float, as_json: bool) -> None:
    """Compare the jobs that FOLDER_A and FOLDER_B have in common; exit code 1 where B is worse beyond noise.

    Runs that only one of them has are named on standard error: another label, instance, seed, limit or option.

    Worse is a solver whose 95 % interval, of the mean change over instances and seeds, lies above the tolerance.
    """
    from redwood.benchmarks import comparing
    from redwood.benchmarks.records import read_records
    from redwood.benchmarks.statistics import TOO_FEW, can_reject

    before, after = read_records(first), read_records(second)
    changes = comparing.compare(before, after, tolerance=tolerance / 100, time_tolerance=time_tolerance / 100)
    if as_json:
        print_json([vars(change) for change in changes])
    else:
        rows = [
            [
                change.problem,
                change.label,
                str(change.pairs),
                f"{100 * change.gap:+.3f}",
                f"{100 * change.low:+.3f} to {100 * change.high:+.3f}",
                f"{change.p_value:.3g}" if can_reject(change.pairs, len(changes)) else TOO_FEW,
                f"{change.seconds:.2f}",
                ", ".join(change.worse) or "-",
            ]
            for change in changes
        ]
        headings = ("problem", "solver", "pairs", "gap, points", "95 % interval", "p corrected", "seconds, ratio", "worse")
        print_table(headings, rows, right=headings[2:7])
    for words in comparing.unmatched(before, after):
        say(words, err=True)
    found = comparing.regressions(changes)
    for words in found:
        say(f"Worse: {words}", err=True)
    ctx.exit(UNSOLVED if found else 0)


def _write(place: Path, text: str) -> None:
    from redwood.files import write_text

    place.parent.mkdir(parents=True, exist_ok=True)
    write_text(place, text)


def _amount(plan: Plan) -> str:
    """Return what there is to run, and for how long at most."""
    cases = len({job.case.fingerprint for job in plan.jobs})
    bounds = sum(not job.solver for job in plan.jobs)
    kinds = f"{len(plan.jobs)} jobs ({len(plan.jobs) - bounds} runs of solvers, {bounds} bounds)"
    return f"{kinds} on {cases} instances, {plan.seconds:.0f} s of time limits"


def _run(plan: Plan, out: Path, as_json: bool, *, fresh: bool, retry_failed: bool, **where: Any) -> int:
    """Run a plan, showing how far it is or, for programs, one line of JSON a record, and return the exit code."""
    from msgspec import to_builtins
    from rich.markup import escape
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

    from redwood.benchmarks.runner import run_plan
    from redwood.cli.progress import Lines

    chosen = chosen_executor(**where)
    screen = console(stderr=True)
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeElapsedColumn())
    finished, refused = 0, 0
    lines: Lines | None = None
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(escape(plan.suite.label), total=len(plan.jobs))

        def show(progress: RunProgress) -> None:
            nonlocal finished, refused, lines
            finished, refused = progress.finished, progress.refused
            if lines is None:
                before = f"; {finished} jobs are finished already" * bool(finished)
                begun = f"{plan.suite.label}: {_amount(plan)}, {chosen.slots} at a time{before}."
                lines = Lines(begun, quiet=as_json or finished == progress.total)
            else:
                lines.passed(f"{finished} of {progress.total} jobs are finished")
            bar.update(task, completed=progress.finished, description=escape(_describe(progress.record) or plan.suite.label))
            if as_json and progress.record is not None:
                print_json(to_builtins(progress.record))

        try:
            run_plan(plan, out, executor=chosen, fresh=fresh, retry_failed=retry_failed, on_progress=show)
        except KeyboardInterrupt:
            say(f"Interrupted: {finished} of {len(plan.jobs)} jobs are finished; resume with the same command.", err=True)
            return INTERRUPTED
    if not as_json:
        ended = f"{finished} of {len(plan.jobs)} jobs are finished" + f", {refused} of them refused" * bool(refused)
        say(f"{ended}; see `redwood bench report {out}`.")
    return 0


def _describe(record: Finished | None) -> str:
    return "" if record is None else f"{record.case.name} {getattr(record, 'label', 'bound')}"
