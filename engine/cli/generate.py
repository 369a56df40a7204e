"""`redwood generate`: random instances in the problem's own file format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from redwood.cli.shared import ExistingFile, json_option, option_option, plugin_option, print_json, say


@click.command()
@click.argument("problem", metavar="PROBLEM[/VARIANT]")
@click.option("--size", type=int, required=True, metavar="N", help="In the problem's own measure: nodes, customers, items.")
@click.option("--seed", type=int, default=0, show_default=True, help="Instance i is made of seed + i.")
@click.option("--count", type=click.IntRange(min=1), default=1, show_default=True, help="How many instances.")
@click.option(
    "--out", type=ExistingFile, metavar="FILE|FOLDER", help="A file for one, a folder for many; by default stdout."
)
@option_option
@json_option
@plugin_option
def generate(
    problem: str, size: int, seed: int, count: int, out: Path | None, options: Sequence[str], as_json: bool
) -> None:
    """Write random instances of a problem; the same arguments give the same instances on every machine.

    Without --out one instance goes to standard output. With --json the files written are listed, one object each.
    """
    import redwood
    from redwood.cli.values import call_options, split_options
    from redwood.files import write_text
    from redwood.plugins.host import host

    if out is None and (count > 1 or as_json):
        raise click.UsageError("--out is needed for several instances and with --json.")
    if out is not None and out.suffix and count > 1:
        raise click.UsageError(f"--out {out} is one file, and {count} instances are asked for; name a folder.")
    name = problem.partition("/")[0]
    found = host().problem(name)
    typed = call_options(found.generate, f"the generator of {name!r}", split_options(options))
    for drawn in range(seed, seed + count):
        instance = redwood.generate(problem, size, drawn, **typed)
        text = found.format(instance)
        if out is None:
            click.echo(text, nl=not text.endswith("\n"))
            continue
        file = out if out.suffix else out / f"{'-'.join([*problem.split('/'), str(size), f's{drawn}'])}{found.suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, text)
        if as_json:
            print_json({"problem": name, "file": str(file), "size": instance.size, "seed": drawn})
        else:
            say(f"{file}: {name}, size {instance.size}, seed {drawn}")
