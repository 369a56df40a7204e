"""`redwood info`: what is installed, and where."""

from __future__ import annotations

import os
import platform
import sys
from collections import Counter
from typing import Any

import click

from redwood.cli.shared import json_option, plugin_option, print_json, say


@click.command()
@click.option("--versions", is_flag=True, help="Also the versions of the libraries, for reports of defects.")
@json_option
@plugin_option
def info(versions: bool, as_json: bool) -> None:
    """Say which Redwood, Python and machine this is, and how many plugins it has."""
    facts = gather(versions or as_json)
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {entry}" for key, entry in value.items())
        say(f"{name:<12}{value}")


def gather(versions: bool) -> dict[str, Any]:
    """Return the facts by name."""
    from redwood.benchmarks.provenance import library_version, library_versions, processor_name
    from redwood.plugins.host import host

    facts: dict[str, Any] = {
        "redwood": library_version("redwood"),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "executable": sys.executable,
        "system": platform.platform(),
        "cpu": processor_name(),
        "cores": os.cpu_count(),
        "plugins": dict(Counter(str(record.state) for record in host().records)),
        "problems": len({entry.spec.name for entry in host().problem_entries}),
        "solvers": len(host().solver_entries),
    }
    if versions:
        facts["libraries"] = library_versions()
    return facts
