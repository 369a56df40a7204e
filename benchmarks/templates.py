"""Reports made by templates: whatever stands in records is written as text, and never as markup."""

from __future__ import annotations

import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

MARKUP = re.compile(r"[\\`*\[\]|<>&]")
ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def render(name: str, **values: Any) -> str:
    """Return what a template of ``assets`` makes of values; the ending of its name says how they are escaped."""
    is_markdown = name.endswith(".md")
    environment = Environment(
        loader=PackageLoader("redwood.benchmarks", "assets"),
        autoescape=not is_markdown,
        finalize=markdown_text if is_markdown else printable,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name).render(values)


def printable(value: Any) -> Any:
    """Return a text with signs in the place of characters that command a terminal or a page, and one line long."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in " ".join(value.split()))


def markdown_text(value: Any) -> str:
    """Return a value as Markdown that shows it as it is."""
    return MARKUP.sub(lambda found: ENTITIES.get(found[0], "\\" + found[0]), str(printable(value)))
