"""`redwood plugins`: list, describe and examine what is registered."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redwood.cli.describing import data_taken, option_texts, solution_fields
from redwood.cli.option_schema import option_schema
from redwood.cli.shared import UNSOLVED, ExistingFile, json_option, plugin_option, print_json, print_table, say

if TYPE_CHECKING:
    from redwood.plugins.entries import Entry
    from redwood.plugins.spec import ExecutorSpec, ProblemSpec, SolverSpec


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def plugins() -> None:
    """List, describe and examine problems and solvers."""


@plugins.command("list")
@json_option
@plugin_option
def list_plugins(as_json: bool) -> None:
    """List the problems, solvers and executors, without importing any of them."""
    from redwood.plugins.host import host

    found = host()
    problems = [describe_problem(entry) for entry in found.problem_entries]
    solvers = [describe_solver(entry) for entry in found.solver_entries]
    executors = [_common(entry) for entry in found.executor_entries]
    records = [dataclasses.asdict(record) | {"state": str(record.state)} for record in found.records]
    if as_json:
        print_json({"problems": problems, "solvers": solvers, "executors": executors, "plugins": records})
        return
    headings = ("problem", "views offered", "plugin", "", "summary")
    print_table(headings, [[p["name"], ", ".join(p["views"]), p["plugin"], _state(p), p["summary"]] for p in problems])
    headings = ("solver", "serves", "plugin", "", "summary")
    print_table(headings, [[s["name"], _serves(s), s["plugin"], _state(s), s["summary"]] for s in solvers])
    print_table(
        ("executor", "plugin", "", "summary"), [[e["name"], e["plugin"], _state(e), e["summary"]] for e in executors]
    )
    for record in records:
        if record["state"] != "loaded":
            say(f"plugin {record['name']} is not used ({record['state']}). {record['message']}".rstrip())


@plugins.command("info")
@click.argument("name")
@json_option
@plugin_option
def info(name: str, as_json: bool) -> None:
    """Describe what has a name: views, options, what fits; for a problem what its instances are made of.

    With --json the options come as JSON schema too.
    """
    from redwood.errors import UnknownNameError, suggestion
    from redwood.plugins.host import host

    found = host()
    problems = [_problem_details(claim) for claim in found.problem_entries if claim.spec.name == name]
    solvers = [_solver_details(claim) for claim in found.solver_entries if claim.spec.name == name]
    executors = [_executor_details(claim) for claim in found.executor_entries if claim.spec.name == name]
    if not problems and not solvers and not executors:
        entries: list[Entry[Any]] = [*found.problem_entries, *found.solver_entries, *found.executor_entries]
        hint = suggestion(name, {entry.spec.name for entry in entries})
        raise UnknownNameError(f"no problem, no solver and no executor is named {name!r}.{hint}")
    if as_json:
        print_json({"problems": problems, "solvers": solvers, "executors": executors})
        return
    for details in (*problems, *solvers, *executors):
        _print_details(details)


@plugins.command("doctor")
@json_option
@plugin_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Examine every plugin: loaded or not, names claimed twice, targets that cannot be imported, specs that differ.

    Exit code 1 when something is wrong. A missing optional package is not.
    """
    from redwood.plugins.conformance.doctor import examine
    from redwood.plugins.spec import Grade

    findings = examine()
    wrong = sum(finding.grade is Grade.WRONG for finding in findings)
    if as_json:
        print_json({"wrong": wrong, "findings": [dataclasses.asdict(finding) for finding in findings]})
    else:
        rows = [[str(finding.grade), finding.plugin, finding.subject, finding.message] for finding in findings]
        print_table(("", "plugin", "looked at", "finding"), rows)
        say("Nothing is wrong." if not wrong else f"{wrong} of {len(findings)} findings are wrong.")
    ctx.exit(UNSOLVED if wrong else 0)


@plugins.command("check")
@click.argument("name")
@click.option(
    "--size",
    "sizes",
    type=int,
    multiple=True,
    help="Size of random instances; by default 8, and 30 where 8 was quick. Repeatable.",
)
@click.option("--exclude", metavar="RULE", multiple=True, help="A rule to leave out. May be repeated.")
@click.option("--since", metavar="RELEASE", help="Ask only for the rules of this release, such as 0.1.")
@click.option(
    "--save", metavar="FOLDER", default="redwood-counter-examples", show_default=True, help="Where counter-examples go."
)
@json_option
@plugin_option
@click.pass_context
def check(
    ctx: click.Context,
    name: str,
    sizes: tuple[int, ...],
    exclude: tuple[str, ...],
    since: str | None,
    save: str,
    as_json: bool,
) -> None:
    """Try the promises of the problem, solver or plugin NAME on small random instances.

    Exit code 1 where one is broken; the counter-example is made small and saved.
    """
    from redwood.plugins.conformance.by_name import check_name

    findings, tried = check_name(name, sizes=sizes, exclude=exclude, since=since, save=save)
    seen = [str(subject) for subject in tried]
    if as_json:
        listed = [dataclasses.asdict(finding) | {"documented": finding.documented} for finding in findings]
        print_json({"name": name, "checked": seen, "broken": len(findings), "findings": listed})
    else:
        for finding in findings:
            say(str(finding))
        broken = "1 promise is broken" if len(findings) == 1 else f"{len(findings)} promises are broken"
        kept = broken if findings else "Every promise is kept"
        say(f"{kept}. Tried: {', '.join(seen)}.")
    ctx.exit(UNSOLVED if findings else 0)


@plugins.command("new")
@click.argument("kind", type=click.Choice(("problem", "solver")))
@click.argument("name")
@click.option("--problem", metavar="NAME", help="Of a solver: what it is for; by default every problem with the view Local.")
@click.option("--single-file", is_flag=True, help="One Python file for --plugin, without packaging.")
@click.option("--out", metavar="FOLDER", type=ExistingFile, default=".", help="Where it goes; by default here.")
@json_option
def new(kind: str, name: str, problem: str | None, single_file: bool, out: Path, as_json: bool) -> None:
    """Write a new plugin that installs and passes the checks at once."""
    from redwood.plugins.conformance.scaffold import scaffold

    files = scaffold(kind, name, out, single_file=single_file, problem=problem)
    if as_json:
        print_json({"kind": kind, "name": name, "files": [str(file) for file in files]})
        return
    for file in files:
        say(f"wrote {file}")
    if single_file:
        say(f"Next: redwood plugins check {name} --plugin {files[0]}")
    else:
        say(f"Next: pip install -e '{files[0].parent}[dev]' && pytest {files[0].parent}")


def describe_problem(entry: Entry[ProblemSpec]) -> dict[str, Any]:
    """Return what is known of a problem before it is imported."""
    suffixes = sorted({suffix for form in entry.spec.formats for suffix in form.suffixes})
    return _common(entry) | {"views": sorted(entry.spec.views), "suffixes": suffixes}


def describe_solver(entry: Entry[SolverSpec]) -> dict[str, Any]:
    """Return what is known of a solver before it is imported."""
    serves = {"views": sorted(entry.spec.views), "problems": list(entry.spec.problems)}
    return _common(entry) | serves | {"determinism": str(entry.spec.determinism)}


def _common(entry: Entry[Any]) -> dict[str, Any]:
    """Return what is known of anything that is registered before it is imported."""
    from redwood.plugins.host import host

    return {
        "name": entry.spec.name,
        "summary": entry.spec.summary,
        "plugin": entry.plugin,
        "version": host().version(entry.plugin),
        "target": entry.spec.target,
        "installed": not entry.missing,
        "missing": entry.missing,
    }


def _problem_details(entry: Entry[ProblemSpec]) -> dict[str, Any]:
    from redwood.plugins.host import host

    fitting = {found.spec.name for found in host().fitting(entry.spec.name)}
    details = {"kind": "problem"} | describe_problem(entry) | {"solvers": sorted(fitting)}
    if entry.missing:
        return details
    cls: Any = entry.load()
    types = {"instance": _made_by(cls.parse), "solution": _place(cls.solution_type)}
    facts = {"sense": str(cls.sense), "variants": list(cls.variants), "documentation": _documentation(cls)}
    return details | types | facts | {"data": data_taken(cls), "solution_fields": solution_fields(cls)}


def _made_by(method: Any) -> str | None:
    """Return where the class is imported from that a method returns, ``None`` where its annotation does not tell."""
    from redwood.cli.values import type_hints

    made = type_hints(method).get("return")
    return _place(made) if isinstance(made, type) else None


def _place(cls: type) -> str:
    """Return where a class is imported from."""
    return f"{cls.__module__}.{cls.__qualname__}"


def _solver_details(entry: Entry[SolverSpec]) -> dict[str, Any]:
    from redwood.plugins.host import host

    fits = sorted({problem.spec.name for problem in host().problem_entries if entry.spec.fits(problem.spec)})
    return {"kind": "solver"} | describe_solver(entry) | {"fits": fits} | _class_details(entry)


def _executor_details(entry: Entry[ExecutorSpec]) -> dict[str, Any]:
    return {"kind": "executor"} | _common(entry) | _class_details(entry)


def _class_details(entry: Entry[Any]) -> dict[str, Any]:
    """Return what only the class of a solver or an executor tells; nothing where a package that it needs is missing."""
    if entry.missing:
        return {}
    cls: Any = entry.load()
    return {"options": _options(cls), "schema": option_schema(cls), "documentation": _documentation(cls)}


def _options(cls: Any) -> list[dict[str, Any]]:
    from redwood.cli.values import describe_type, type_hints

    kinds = type_hints(cls)
    texts = option_texts(cls)
    return [
        {
            "name": field.name,
            "type": describe_type(kinds.get(field.name, field.type)),
            "default": _default(field),
            "help": texts.get(field.name, ""),
        }
        for field in dataclasses.fields(cls)
        if field.init
    ]


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return str(field.default_factory())
    plain = isinstance(field.default, (bool, int, float, str, type(None)))
    return field.default if plain else str(field.default)


def _documentation(cls: Any) -> str:
    """Return the docstring of a class up to its first section."""
    return re.split(r"\n\s*\w+\n\s*-{3,}", inspect.cleandoc(cls.__doc__ or ""))[0].strip()


def _print_details(details: dict[str, Any]) -> None:
    say(f"{details['kind']} {details['name']}: {details['summary']}")
    skipped = {"kind", "name", "summary", "options", "schema", "documentation", "data", "solution_fields"}
    for key, value in details.items():
        text = ", ".join(value) if isinstance(value, list) and key not in skipped else value
        if key not in skipped and text not in ("", None):
            say(f"  {key:<12}{text}")
    if details.get("documentation"):
        say("\n" + "\n".join(f"  {line}".rstrip() for line in details["documentation"].split("\n")))
    if details.get("options"):
        rows = [[o["name"], str(o["default"]), o["type"], o["help"]] for o in details["options"]]
        print_table(("option", "default", "type", "meaning"), rows)
    if details.get("data"):
        say(f"\n  redwood.instance({details['name']!r}, ...) takes")
        print_table(("data", "default", "meaning"), [[d["name"], d["default"], d["help"]] for d in details["data"]])
    if details.get("solution_fields"):
        say("\n  a solution holds")
        print_table(("field", "meaning"), [[f["name"], f["help"]] for f in details["solution_fields"]])
    say("")


def _serves(solver: dict[str, Any]) -> str:
    return ", ".join(solver["problems"]) or "view " + " + ".join(solver["views"])


def _state(thing: dict[str, Any]) -> str:
    return "" if thing["installed"] else f"missing: {'; '.join(thing['missing'])}"
