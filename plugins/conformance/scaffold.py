"""The scaffold: a new plugin that installs and passes the conformance checks at once, to be changed from there."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from redwood.errors import FitError, OptionError, PluginError
from redwood.files import write_text
from redwood.plugins.host import host
from redwood.views.local import Local

TEMPLATES = Path(__file__).parent / "templates"
"""``problem.py.txt``, ``solver.py.txt`` and the files around them, with ``$name``, ``$module`` and ``$Class`` to fill in.

``build_PROBLEM.py.txt`` is how a solver for that problem alone reads an instance."""
KINDS = ("problem", "solver")
EXAMPLES = ("tsp", "knapsack")
"""Problems that a solver of a view is tried on."""


def scaffold(kind: str, name: str, folder: Path, *, single_file: bool = False, problem: str | None = None) -> list[Path]:
    """Write a new plugin into a folder and return the files.

    Parameters
    ----------
    kind
        ``problem`` or ``solver``.
    name
        The name to register, such as ``my-solver``.
    folder
        Where the package's folder ``redwood-NAME`` goes or, with ``single_file``, the file.
    single_file
        Write one Python file, for ``--plugin FILE.py``, instead of a package.
    problem
        The registered problem that a solver is for; by default it is for all that offer the view `Local`. The solver for a
        built-in one builds its starts from the instance's own data.

    Raises
    ------
    OptionError
        Where the name cannot be registered, or the kind is no solver and a problem is given.
    FitError
        Where the problem does not offer the view `Local`, with which the solver begins.
    PluginError
        Where a file is there already; nothing is overwritten.
    """
    if kind not in KINDS:
        raise OptionError(f"a new plugin is one of {', '.join(KINDS)}, not {kind!r}.")
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        raise OptionError(f"name {name!r} must begin with a lower-case letter and go on with such, digits, '-' and '_'.")
    if problem is not None and kind != "solver":
        raise OptionError(f"problem {problem!r} is what a solver is for, and a new {kind} is asked for.")
    texts = _texts(kind, name, single_file, problem)
    root = folder if single_file else folder / f"redwood-{name.replace('_', '-')}"
    targets = {root / path: text for path, text in texts.items()}
    for target in targets:
        if target.exists():
            raise PluginError(f"{target} exists already, and nothing is overwritten.")
    for target, text in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, text)
    return list(targets)


def _texts(kind: str, name: str, single_file: bool, problem: str | None) -> dict[str, str]:
    """Return the text of each file by its path."""
    module = _word(name)
    own = module if single_file else f"redwood_{module}"
    words = {
        "name": name,
        "module": own,
        "Class": "".join(part.capitalize() for part in module.split("_")),
        "kind": kind,
        "distribution": f"redwood-{name.replace('_', '-')}",
        "entry": module,
        **_fit(name, problem),
    }
    body = {f"{own}.py": f"{kind}.py.txt"}
    if problem is not None and (TEMPLATES / f"build_{problem}.py.txt").exists():
        words["imports"], _, words["build"] = _fill(f"build_{problem}.py.txt", words).strip().partition("\n\n\n")
        body = {f"{own}.py": "solver_of_problem.py.txt"}
    if not single_file:
        body |= {
            "pyproject.toml": "pyproject.toml.txt",
            "README.md": f"readme_{kind}.md.txt",
            f"tests/test_{module}.py": f"test_{kind}.py.txt",
        }
    return {path: _fill(template, words) for path, template in body.items()}


def _fit(name: str, problem: str | None) -> dict[str, str]:
    """Return what a solver's files say of the problems that it is for."""
    tests = "\n".join(f'test_on_{_word(one)} = solver_tests("{name}", "{one}")' for one in EXAMPLES)
    words = {"serves": "every problem that offers the view `Local`", "fit": 'views=frozenset({"Local"})', "types": ""}
    if problem is None:
        return words | {"tests": tests, "example": EXAMPLES[0], "suffix": host().problem(EXAMPLES[0]).suffix}
    found = host().problem(problem)
    if not found.offers(Local):
        raise FitError(f"problem {problem!r} does not offer the view Local, with which a new solver begins.")
    solution = found.solution_type
    return {
        "serves": f"the problem `{problem}`",
        "fit": f'problems=("{problem}",)',
        "types": f"  # `redwood plugins info {problem}` says what an instance has; solutions are {solution.__qualname__}",
        "tests": f'test_on_{_word(problem)} = solver_tests("{name}", "{problem}")',
        "example": problem,
        "suffix": found.suffix,
    }


def _word(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _fill(template: str, words: dict[str, str]) -> str:
    return Template((TEMPLATES / template).read_text(encoding="utf-8")).substitute(words)
