"""The scaffold: a new plugin that installs and passes the conformance checks at once, to be changed from there."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from redwood.errors import OptionError, PluginError
from redwood.files import write_text

TEMPLATES = Path(__file__).parent / "templates"
"""``problem.py.txt``, ``solver.py.txt`` and the files around them, with ``$name``, ``$module`` and ``$Class`` to fill in."""
KINDS = ("problem", "solver")


def scaffold(kind: str, name: str, folder: Path, *, single_file: bool = False) -> list[Path]:
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

    Raises
    ------
    OptionError
        Where the name cannot be registered.
    PluginError
        Where a file is there already; nothing is overwritten.
    """
    if kind not in KINDS:
        raise OptionError(f"a new plugin is one of {', '.join(KINDS)}, not {kind!r}.")
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        raise OptionError(f"name {name!r} must begin with a lower-case letter and go on with such, digits, '-' and '_'.")
    texts = _texts(kind, name, single_file)
    root = folder if single_file else folder / f"redwood-{name.replace('_', '-')}"
    targets = {root / path: text for path, text in texts.items()}
    for target in targets:
        if target.exists():
            raise PluginError(f"{target} exists already, and nothing is overwritten.")
    for target, text in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, text)
    return list(targets)


def _texts(kind: str, name: str, single_file: bool) -> dict[str, str]:
    """Return the text of each file by its path."""
    module = re.sub(r"\W", "_", name)
    own = module if single_file else f"redwood_{module}"
    words = {
        "name": name,
        "module": own,
        "Class": "".join(part.capitalize() for part in module.split("_")),
        "kind": kind,
        "distribution": f"redwood-{name.replace('_', '-')}",
        "entry": module,
    }
    body = {f"{own}.py": f"{kind}.py.txt"}
    if not single_file:
        body |= {
            "pyproject.toml": "pyproject.toml.txt",
            "README.md": f"readme_{kind}.md.txt",
            f"tests/test_{module}.py": f"test_{kind}.py.txt",
        }
    return {path: _fill(template, words) for path, template in body.items()}


def _fill(template: str, words: dict[str, str]) -> str:
    return Template((TEMPLATES / template).read_text(encoding="utf-8")).substitute(words)
