"""`redwood warmup`: compile everything before it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from redwood.cli.shared import UNSOLVED, console, json_option, plugin_option, print_json, print_table, say

if TYPE_CHECKING:
    from redwood.solving.warm_up import Warmth


@click.command()
@click.option("--problem", metavar="NAME", help="Only for this problem.")
@click.option("--solver", metavar="NAME", help="Only for this solver.")
@json_option
@plugin_option
@click.pass_context
def warmup(ctx: click.Context, problem: str | None, solver: str | None, as_json: bool) -> None:
    """Compile all kernels ahead of time, for every installed solver on every problem that it fits.

    Machine code is kept in the user's cache folder (or the one that REDWOOD_CACHE names), so later processes load it
    in a fraction of a second. Exit code 1 where a solver fails on a tiny instance; one that refuses
    it, such as for want of weights, has a remark.
    """
    from rich.progress import Progress

    from redwood.solving import warm_up as warming

    pairs, done = warming.plan(problem, solver), []
    screen = console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as progress:
        bar = progress.add_task("", total=len(pairs))
        for pair in pairs:
            progress.update(bar, description=f"{pair.problem} by {pair.solver}")
            done.append(warming.warm_up(pair))
            progress.advance(bar)
    total = sum(warmth.compile_seconds for warmth in done)
    if as_json:
        print_json({"compile_seconds": round(total, 3), "pairs": [_record(warmth) for warmth in done]})
    else:
        rows = [[w.pair.problem, w.pair.solver, f"{w.compile_seconds:.2f}", f"{w.seconds:.2f}", w.message] for w in done]
        headings = ("problem", "solver", "compiled in", "with short runs", "remark")
        print_table(headings, rows, right=headings[2:4])
        say(f"Compiled, or loaded from the cache, in {total:.1f} s.")
    ctx.exit(UNSOLVED if any(warmth.failed for warmth in done) else 0)


def _record(warmth: Warmth) -> dict[str, object]:
    return {
        "problem": warmth.pair.problem,
        "solver": warmth.pair.solver,
        "compile_seconds": round(warmth.compile_seconds, 3),
        "seconds": round(warmth.seconds, 3),
        "message": warmth.message,
        "failed": warmth.failed,
    }
