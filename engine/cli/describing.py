"""What a problem's `make` takes and its solutions hold, read from signatures and docstrings."""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import Any

REQUIRED = "required"
"""Stands for the default of what has to be given."""
COMMON = {
    "name": "What results, tables and pictures call the instance.",
    "best_known": "Objective of the best solution known, for reports.",
}
"""What every problem means by these."""


def data_taken(problem: Any) -> list[dict[str, str]]:
    """Return name, default and meaning of what ``redwood.instance(NAME, ...)`` takes for a problem's class."""
    texts = COMMON | field_texts(problem.make.__doc__ or "")
    taken = []
    for parameter in list(inspect.signature(problem.make).parameters.values())[1:]:
        if parameter.kind is parameter.VAR_KEYWORD:
            taken += _instance_fields(problem)
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            default = REQUIRED if parameter.default is parameter.empty else str(parameter.default)
            taken.append({"name": parameter.name, "default": default, "help": texts.get(parameter.name, "")})
    return taken


def solution_fields(problem: Any) -> list[dict[str, str]]:
    """Return name and meaning of the fields of a problem's solutions."""
    kind = problem.solution_type
    texts = field_texts(kind.__doc__ or "")
    return [{"name": field.name, "help": texts.get(field.name, "")} for field in _fields(kind)]


def option_texts(cls: type) -> dict[str, str]:
    """Return what the docstrings of a class, and of those it is made from, say of each option."""
    texts: dict[str, str] = {}
    for kind in reversed(cls.__mro__):
        texts |= field_texts(kind.__doc__ or "")
    return texts


def field_texts(docstring: str) -> dict[str, str]:
    """Return what a NumPy-style docstring says of each field: a name at the margin, its text indented below."""
    texts: dict[str, str] = {}
    names: list[str] = []
    for line in inspect.cleandoc(docstring).split("\n"):
        if re.fullmatch(r"[a-z_]\w*(, [a-z_]\w*)*", line):
            names = line.split(", ")
        elif names and line.startswith("    "):
            texts |= {name: f"{texts.get(name, '')} {line.strip()}".strip() for name in names}
        elif line:
            names = []
    return texts


def _instance_fields(problem: Any) -> list[dict[str, str]]:
    """Return the fields of the instances of a problem whose `make` takes them as they are (`JsonProblem`)."""
    kind = getattr(problem, "instance_type", None)
    texts = field_texts(getattr(kind, "__doc__", "") or "")
    own = [field for field in _fields(kind) if field.name not in COMMON]
    return [{"name": field.name, "default": REQUIRED, "help": texts.get(field.name, "")} for field in own]


def _fields(kind: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
